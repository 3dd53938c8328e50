#!/usr/bin/env python3
"""Writes small Keras models of functions, activations and norms, and their outputs: tools/goldens_keras_operations.py [OUT]

Writes OUT/operations (default Tests/KerasTests/Goldens/operations): models as Keras 3 saves them, and `outputs.safetensors`
with the inputs and Keras's outputs. Weights and inputs come from fixed seeds.

Needs: pip install keras==3.15.1 torch==2.13.0 numpy h5py; runs with KERAS_BACKEND=torch.
"""
import os, pathlib, shutil, sys

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.dont_write_bytecode = True

import keras, numpy as np, torch
from keras import layers as L, ops

from goldens_archives import pack
from goldens_keras import fill
from goldens_store import save

ROOT = pathlib.Path(__file__).resolve().parent.parent
MODELS = {}


def model(make):
    MODELS[make.__name__] = make
    return make


@model
def axes_of_functions():
    i = keras.Input((4, 5, 3))
    x = L.Conv2D(3, 1)(i)
    all = [ops.mean(x, axis=1), ops.sum(x, axis=-1), ops.max(x, axis=(1, 2)), ops.min(x, axis=2, keepdims=True),
           ops.expand_dims(ops.max(x, axis=3), 1), ops.squeeze(ops.mean(x, axis=(2, 3), keepdims=True)),
           ops.transpose(x, (0, 3, 1, 2)), ops.swapaxes(x, 1, 2), ops.moveaxis(x, 1, -1), ops.reshape(x, (-1, 6, 10)),
           ops.softmax(x, axis=1), ops.stack([x[:, 0], x[:, 1]], axis=2), ops.stack([x[..., 0], x[..., 1]], axis=-1)]
    return keras.Model(i, all)


@model
def parts():
    i = keras.Input((6, 4))
    x = L.Dense(4)(i)
    a, b = ops.split(x, 2, axis=-1)
    c, d, e = ops.split(x, [1, 3], axis=1)
    steps = ops.unstack(x, axis=1)
    all = [a * b, c, d, e, steps[0] - steps[5], x[:, -1], x[:, 1:-1, :2], x[..., -2:], x[:, None, :3], x[:, 2, 1],
           ops.matmul(ops.transpose(x, (0, 2, 1)), x)]
    return keras.Model(i, all)


@model
def elements():
    i = keras.Input((6,))
    x = L.Dense(4)(i)
    y = ops.abs(x)
    all = [ops.sqrt(y), ops.exp(x), ops.log(y + 1), ops.square(x), x ** 3, -x, ops.clip(x, -0.3, 0.2), ops.rsqrt(y + 0.1),
           ops.reciprocal(y + 1), ops.sin(x), ops.cos(x), ops.log1p(y), ops.expm1(x), ops.sign(x), ops.relu(x),
           ops.relu6(x * 9), ops.sigmoid(x), ops.tanh(x), ops.silu(x), ops.gelu(x), ops.gelu(x, approximate=False),
           ops.leaky_relu(x), ops.leaky_relu(x, 0.4), ops.elu(x, 0.5), ops.softmax(x), ops.log_softmax(x), ops.softplus(x),
           ops.cast(x, "float32"), x + np.array([1, 2, 3, 4], "float32"), x * np.array([1, 2, 3, 4], "float32"),
           ops.subtract(np.array([1, 2, 3, 4], "float32"), x), x / np.array([1, 2, 3, 4], "float32"), ops.normalize(x, axis=-1)]
    return keras.Model(i, all)


@model
def products():
    """Rows that are multiplied to one number, which has no axis in Keras."""
    i, j = keras.Input((6,)), keras.Input((6,))
    d = L.Dense(4)
    a, b = d(i), d(j)
    score = ops.sigmoid(ops.sum(a * b, axis=-1) * 0.5 + 0.1)
    return keras.Model([i, j], [score, ops.expand_dims(ops.sqrt(score), -1), L.Dense(2)(ops.mean(a - b, axis=1, keepdims=True))])


@model
def activations():
    i = keras.Input((3, 6))
    names = ["mish", "celu", "hard_tanh", "log_sigmoid", "tanh_shrink", "soft_shrink", "hard_shrink", "squareplus",
             "sparse_plus", "sparse_sigmoid"]
    x = [L.Dense(3, activation=name)(i) for name in names]
    return keras.Model(i, [L.Concatenate()(x), L.GRU(3, activation="mish", recurrent_activation="sparse_sigmoid")(i)])


@model
def norms():
    i = keras.Input((3, 4, 2))
    x = L.RMSNormalization(epsilon=0.01)(L.Conv2D(3, 1)(i))
    row = L.RMSNormalization()(L.Flatten()(x))
    tiny = L.Rescaling(1e-8)(row)
    # Vectors that are nearly zero, which UnitNormalization and Dot bring to different lengths.
    return keras.Model(i, [x, L.UnitNormalization(axis=1)(x), L.UnitNormalization(axis=[-1, 2])(x), L.UnitNormalization()(tiny),
                           L.Dot(1, normalize=True)([tiny, row])])


@model
def backwards():
    """A layer of both directions whose first is the backward one."""
    i = keras.Input((5, 3))
    x = [L.Bidirectional(kind(2, go_backwards=True, return_sequences=True), backward_layer=kind(2, return_sequences=True))(i)
         for kind in (L.GRU, L.LSTM)]
    return keras.Model(i, x + [L.Bidirectional(L.SimpleRNN(2, go_backwards=True), backward_layer=L.SimpleRNN(2))(i)])


@model
def first_ends():
    """Two outputs with channels first, and one in the order of the input."""
    i = keras.Input((4, 5, 3))
    x = L.Conv2D(2, 2)(L.Permute((3, 1, 2))(i))
    return keras.Model(i, [L.AveragePooling2D(2, data_format="channels_first")(i), L.Conv2D(3, 2, data_format="channels_first")(i), x])


def inputs(m, seed):
    generator = np.random.default_rng(seed)
    return [generator.uniform(-1, 1, (3,) + tuple(i.shape[1:])).astype("float32") for i in m.inputs]


def main():
    out = (pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "Tests/KerasTests/Goldens") / "operations"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    outputs = {}
    for number, (name, make) in enumerate(MODELS.items()):
        keras.utils.clear_session()
        m = make()
        fill(m, 500 + number)
        path = str(out / f"{name}.keras")
        m.save(path)
        pack(path)
        xs = inputs(m, 600 + number)
        for index, x in enumerate(xs):
            outputs[f"{name}/x{index}"] = torch.tensor(x)
        with torch.no_grad():
            made = m([torch.tensor(x) for x in xs] if len(xs) > 1 else torch.tensor(xs[0]), training=False)
        for index, y in enumerate(y.detach().cpu().numpy() for y in made):
            # What has no axis but that of the examples has one of one element in Aviary.
            outputs[f"{name}/y{index}"] = torch.tensor(np.array(y, dtype="float32").reshape(y.shape if y.ndim > 1 else (-1, 1)))
    save(out / "outputs.safetensors", outputs, {"keras": keras.__version__})
    print(f"{out}: {len(list(out.iterdir()))} files, {sum(f.stat().st_size for f in out.iterdir()):,} bytes")


if __name__ == "__main__":
    main()
