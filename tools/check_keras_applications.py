#!/usr/bin/env python3
"""Compares Keras's own networks with Aviary: tools/check_keras_applications.py [AVIARY] [NAME ...]

Builds each architecture of keras.applications (default: all that the torch backend has) with random weights at a small size, saves
it as .keras and .h5, and checks that `aviary predict` gives the probabilities of Keras in float64 for a few images: to within
1e-5, or in the deepest twice the distance that Keras's own float32 has from them. Then fine-tunes it with a new head for an epoch.

Needs: pip install keras==3.15.1 torch==2.13.0 numpy h5py pillow; AVIARY is .build/release/aviary by default.
"""
import json, os, pathlib, subprocess, sys, tempfile

os.environ.setdefault("KERAS_BACKEND", "torch")

import keras, numpy as np, torch
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent
# One of each block, then the others.
NAMES = """MobileNet MobileNetV2 MobileNetV3Small MobileNetV3Large EfficientNetB0 EfficientNetV2B0 DenseNet121 ResNet50 ResNet50V2
VGG16 InceptionV3 InceptionResNetV2 Xception ConvNeXtTiny NASNetMobile VGG19 ResNet101 ResNet152 ResNet101V2 ResNet152V2
DenseNet169 DenseNet201 EfficientNetB1 EfficientNetB2 EfficientNetB3 EfficientNetB4 EfficientNetB5 EfficientNetB6
EfficientNetB7 EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3 EfficientNetV2S EfficientNetV2M EfficientNetV2L
ConvNeXtSmall ConvNeXtBase ConvNeXtLarge ConvNeXtXLarge NASNetLarge""".split()
SIZES = {"InceptionV3": 75, "InceptionResNetV2": 75, "Xception": 71, "NASNetLarge": 331, "NASNetMobile": 224}
CLASSES = 5


def fill(model, rng):
    """Weights near those of trained networks: statistics that are not the default, and outputs that differ."""
    for v in model.weights:
        name = v.path.split("/")[-1]
        if name in ("gamma", "moving_variance"):
            v.assign(rng.uniform(0.7, 1.3, v.shape).astype("float32"))
        elif name in ("beta", "moving_mean", "bias"):
            v.assign(rng.uniform(-0.1, 0.1, v.shape).astype("float32"))


def check(aviary, name, folder):
    size = SIZES.get(name, 64)
    rng = np.random.default_rng(1)
    keras.utils.set_random_seed(1)
    try:
        model = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=CLASSES)
    except ValueError as fault:
        print(f"{name}: not on this backend: {str(fault)[:60]}")
        return True
    fill(model, rng)
    pixels = rng.integers(0, 256, (4, size, size, 3)).astype("uint8")
    images = []
    for index, picture in enumerate(pixels):
        images.append(f"{folder}/{index}.png")
        Image.fromarray(picture).save(images[-1])
    x = pixels.astype("float32") / 255
    # Statistics of the images, so that what differs between them reaches the last layer.
    norms = [l for l in model.layers if isinstance(l, keras.layers.BatchNormalization)]
    kept = [l.momentum for l in norms]
    for l in norms:
        l.momentum = 0.0
    with torch.no_grad():
        model(torch.tensor(x), training=True)
    for l, momentum in zip(norms, kept):
        l.momentum = momentum
    # Random weights give all classes nearly the same probability: the last layer's are stretched until images differ.
    with torch.no_grad():
        scores = np.log(np.maximum(model(torch.tensor(x), training=False).detach().cpu().numpy(), 1e-30))
    last = next(l for l in reversed(model.layers) if l.weights)
    spread = max(float(scores.std(axis=0).mean()), 0.01)
    kernel, bias = last.get_weights()
    last.set_weights([kernel / spread, (bias - scores.mean(axis=0)) / spread])
    run = lambda m, x: m(torch.tensor(x), training=False).detach().cpu().numpy()
    with torch.no_grad():
        y = run(model, x)
        keras.config.set_dtype_policy("float64")
        keras.config.set_floatx("float64")
        try:
            exact = getattr(keras.applications, name)(weights=None, input_shape=(size, size, 3), classes=CLASSES)
            exact.set_weights(model.get_weights())
            truth = run(exact, pixels.astype("float64") / 255)
            own = float(np.abs(truth - y).max())
        finally:
            keras.config.set_dtype_policy("float32")
            keras.config.set_floatx("float32")
    allowed = max(1e-5, 2 * own)
    good = True
    for container in "keras", "h5":
        path = f"{folder}/{name}.{container}"
        model.save(path)
        made = subprocess.run([aviary, "predict", path, *images, "--preprocessing", "unit", "--top", str(CLASSES), "--json",
                               "--classes", ",".join(map(str, range(CLASSES)))],
                              capture_output=True, text=True)
        if made.returncode:
            print(f"{name}.{container}: {made.stderr.strip()[-300:]}")
            return False
        found = json.loads(made.stdout.strip().splitlines()[-1])["predictions"]
        z = np.array([[next(c["probability"] for c in p["classes"] if c["name"] == str(k)) for k in range(CLASSES)] for p in found])
        worst = float(np.abs(z - truth).max())
        good &= worst <= allowed
        print(f"{name}.{container}: {len(model.layers)} layers, largest difference {worst:.1e}, allowed {allowed:.1e}", flush=True)
    for kind in "a", "b":
        for part, count in ("train", 6), ("valid", 2):
            os.makedirs(f"{folder}/data/{part}/{kind}", exist_ok=True)
            for index in range(count):
                shade = rng.integers(0, 100, (size, size, 3)) + (100 if kind == "b" else 0)
                Image.fromarray(shade.astype("uint8")).save(f"{folder}/data/{part}/{kind}/{index}.png")
    made = subprocess.run([aviary, "finetune", "--from", path, "--data", f"{folder}/data", "--output", f"{folder}/{name}-run",
                           "--epochs", "1", "--batch-size", "4", "--preprocessing", "unit"], capture_output=True, text=True)
    if made.returncode:
        print(f"{name}: finetune: {made.stderr.strip()[-300:]}")
    return good and made.returncode == 0


def main():
    arguments = sys.argv[1:]
    aviary = arguments.pop(0) if arguments and os.sep in arguments[0] else str(ROOT / ".build/release/aviary")
    failed = []
    for name in arguments or NAMES:
        keras.utils.clear_session()
        with tempfile.TemporaryDirectory() as folder:
            if not check(aviary, name, folder):
                failed.append(name)
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
