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


@model
def choices():
    """Comparisons and what is chosen by them, with numbers and arrays of numbers in every place."""
    i = keras.Input((3, 4))
    x = L.Dense(4)(i)
    row, table = np.array([0.1, -0.2, 0.3, 0], "float32"), np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)
    y = ops.flip(x, axis=1)
    up, small = x > 0, ops.less(ops.abs(x), 0.3)
    both = ops.logical_and(up, small)
    truths = [up, 0.1 > x, x >= y, ops.less_equal(x, row), ops.equal(x, ops.maximum(x, 0)), ops.not_equal(x, ops.relu(x)),
              both, ops.logical_or(up, small), ops.logical_xor(up, small), ~up]
    all = [ops.cast(t, "float32") for t in truths]
    all += [ops.where(up, x, 0.0), ops.where(small, -x, row), ops.where(x > y, 1.0, table), ops.where(up[:, :, :1], x, y),
            ops.add(up, small), ops.cast(up, "float32") + ops.cast(small, "float32"), ops.any(both, axis=1), ops.all(up, axis=-1),
            ops.sum(ops.cast(up, "int32"), axis=1), ops.count_nonzero(small[:, 0], axis=1)]  # Keras 3.15 transposes it with PyTorch.
    return keras.Model(i, all)


@model
def constants():
    """Arrays of numbers beside tensors: tables of positions, limits, bases and exponents."""
    i = keras.Input((3, 4))
    x = L.Dense(4)(i)
    row, table = np.array([1, 2, 0.5, 3], "float32"), np.linspace(-1, 1, 12, dtype="float32").reshape(3, 4)
    column = table[:, :1]
    y = ops.abs(x) + 0.5
    all = [x + table, ops.multiply(table[None], x), x - column, ops.maximum(x, row - 1), ops.minimum(table, x), ops.divide(row, y), 2.0 ** x, y ** row,
           y ** x, x // 0.25, ops.mod(x, 0.3), ops.logaddexp(x, y), x + L.Embedding(3, 4, keras.initializers.RandomUniform(seed=1))(ops.arange(3)),
           ops.divide(x[:, :, :1], row), L.Add()([x, ops.convert_to_tensor(table[None])])]
    return keras.Model(i, all)


@model
def statistics():
    i = keras.Input((3, 5, 4))
    x = L.Dense(4)(i)
    same = ops.round(x * 2)
    all = [ops.var(x, axis=-1), ops.std(x, axis=(1, 2)), ops.std(x, axis=1, keepdims=True), ops.prod(x, axis=2),
           ops.logsumexp(x, axis=1), ops.norm(x, axis=-1), ops.argmax(same, axis=-1), ops.argmin(same, axis=1),
           ops.argmax(x, axis=2, keepdims=True), ops.one_hot(ops.argmax(x[:, 0], axis=-1), 4),
           ops.one_hot(ops.argmax(x[:, 0, 0], axis=-1), 4), ops.one_hot(ops.cast(x[:, 0, 0] * 3, "int32"), 3),
           ops.cumsum(x, axis=1), ops.cumsum(x[:, 0], axis=-1), ops.std(ops.var(x, axis=1), axis=(1, 2))]
    return keras.Model(i, all)


@model
def repetitions():
    i = keras.Input((2, 3))
    x = L.Dense(3)(i)
    all = [ops.tile(x, (1, 2, 3)), ops.tile(x[:, 0], (1, 2)), ops.tile(x, (2,)), ops.repeat(x, 2, axis=1), ops.repeat(x, 3, axis=-1),
           ops.flip(x, axis=-1)]
    return keras.Model(i, all)


@model
def equations():
    """Attention by hand, with heads, and other equations."""
    i = keras.Input((5, 6))
    q, k, v = (ops.reshape(L.Dense(6)(i), (-1, 5, 2, 3)) for _ in range(3))
    scores = ops.softmax(ops.einsum("bqhd,bkhd->bhqk", q, k) / 3 ** 0.5)
    heads = ops.einsum("bhqk,bkhd->bqhd", scores, v)
    row, other = i[:, 0], i[:, 1]
    all = [scores, ops.reshape(heads, (-1, 5, 6)), ops.einsum("bi,bj->bij", row, other), ops.einsum("bi,bi->b", row, other),
           ops.einsum("...ij,...kj->...ik", q, v), ops.einsum("bij->bj", i), ops.einsum("bti,bi->bt", i, row)]
    return keras.Model(i, all)


@model
def wholes():
    """Functions of single elements: whole numbers, and activations with a parameter."""
    i = keras.Input((8,))
    x = L.Dense(6)(i) * 2
    names = ["sparsemax", "tanh_shrink", "hard_tanh"]
    all = [ops.floor(x), ops.ceil(x), ops.round(x), ops.trunc(x), ops.cast(x, "int32"), ops.tan(x), ops.arctan(x), ops.sinh(x),
           ops.cosh(ops.arcsin(ops.tanh(x))), ops.arccos(ops.tanh(x)), ops.erf(x), ops.log2(ops.abs(x) + 1), ops.log10(ops.abs(x) + 1),
           ops.exp2(x), ops.isfinite(x), ops.isnan(x), ops.isinf(x), ops.logical_not(ops.round(x)), ops.soft_shrink(x, 0.3),
           ops.hard_shrink(x, 0.4), ops.threshold(x, 0.1, -2.0), ops.squareplus(x, 2), ops.celu(x, 0.7), ops.sparsemax(x), ops.glu(x),
           ops.glu(ops.reshape(x, (-1, 2, 3)), axis=1), L.Dense(6, activation="glu")(x)]
    all += [L.Dense(4, activation=name)(x) for name in names]
    return keras.Model(i, [ops.cast(y, "float32") for y in all])


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
