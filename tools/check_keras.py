#!/usr/bin/env python3
"""Checks that Keras loads what Aviary exports: tools/check_keras.py [AVIARY] [MODEL ...]

For each model (default: those of Tests/KerasTests/Goldens/keras that Keras itself saved) it converts the file to Aviary's
HDF5, that to .weights.h5, loads these weights into the same Keras model after wiping its weights, and
compares weights and outputs with the original's.

Needs: pip install keras==3.15.1 torch==2.13.0 numpy h5py; AVIARY is .build/tests/release/aviary by default.
"""
import os, pathlib, subprocess, sys, tempfile

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras, numpy as np, torch

ROOT = pathlib.Path(__file__).resolve().parent.parent
GOLDENS = ROOT / "Tests/KerasTests/Goldens/keras"


def check(aviary, path):
    model = keras.saving.load_model(path, compile=False)
    before = [np.array(w) for w in model.get_weights()]
    shape = [2] + [n or 5 for n in model.input_shape[1:]]
    first = next(l for l in model.layers if l.__class__.__name__ != "InputLayer")
    rng = np.random.default_rng(1)
    x = rng.integers(0, first.input_dim, shape) if isinstance(first, keras.layers.Embedding) else rng.uniform(-1, 1, shape)
    run = lambda: model(x.astype("float32"), training=False).detach().cpu().numpy()
    y = run()
    with tempfile.TemporaryDirectory() as folder:
        middle, out = f"{folder}/a.h5", f"{folder}/b.weights.h5"
        subprocess.run([aviary, "convert", path, middle], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([aviary, "convert", middle, out], check=True, stdout=subprocess.DEVNULL)
        model.set_weights([np.full_like(w, 0.123) for w in before])
        model.load_weights(out)
    worst = max(float(np.abs(a - b).max()) for a, b in zip(before, model.get_weights()))
    off = float(np.abs(run() - y).max())
    print(f"{path.name}: {len(before)} arrays, largest difference {worst:.1e}, of outputs {off:.1e}")
    return worst <= 1e-6 and off <= 1e-5


def main():
    aviary = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / ".build/tests/release/aviary")
    chosen = [pathlib.Path(p) for p in sys.argv[2:]] or sorted(
        p for p in list(GOLDENS.glob("*.keras")) + list(GOLDENS.glob("*.h5"))
        if not p.name.startswith("keras") and ".weights." not in p.name
        and p.stem not in ("residual", "unknown", "two_outputs", "bfloat16"))
    failed = [p.name for p in chosen if not check(aviary, p)]
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
