#!/usr/bin/env python3
"""Writes small Keras models that are graphs, and their outputs: tools/goldens_keras_graphs.py [OUT]

Writes OUT/graphs (default Tests/KerasTests/Goldens/graphs): functional and nested models as Keras 3 saves them, one that
Keras 2 would have written, and `outputs.safetensors` with the inputs and Keras's outputs. Weights and inputs come from
fixed seeds. Models whose names begin with `first` have channels first.

Needs: pip install keras==3.15.1 torch==2.13.0 numpy h5py; runs with KERAS_BACKEND=torch.
"""
import os, pathlib, shutil, sys

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.dont_write_bytecode = True

import keras, numpy as np, torch
from keras import layers as L, ops

from goldens_archives import pack
from goldens_keras import dump, fill
from goldens_store import save

ROOT = pathlib.Path(__file__).resolve().parent.parent
SAME = dict(padding="same")
FIRST = dict(data_format="channels_first")
MODELS = {}


def model(*containers, tokens=None):
    def add(make):
        MODELS[make.__name__] = (make, containers or ("keras",), tokens)
        return make
    return add


def backbone(name="model1"):
    i = keras.Input((8, 8, 3))
    x = L.Conv2D(3, 3, **SAME)(i)
    x = L.BatchNormalization()(x)
    x = L.Add()([i, L.ReLU(max_value=6.0)(x)])
    x = L.DepthwiseConv2D(3, **SAME)(L.ZeroPadding2D(((0, 1), (0, 1)))(x))
    return keras.Model(i, L.ReLU()(x), name=name)


@model("h5", "keras", "weights.h5")
def teachable():
    """As Teachable Machine exports: a graph in a Sequential in a Sequential, and another of dense layers."""
    first = keras.Sequential([keras.Input((8, 8, 3)), backbone(), L.GlobalAveragePooling2D()])
    second = keras.Sequential([keras.Input((3,)), L.Dense(5, activation="relu"), L.Dense(2, use_bias=False, activation="softmax")])
    return keras.Sequential([keras.Input((8, 8, 3)), first, second])


@model("h5", "keras")
def siamese():
    a, b = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    base = keras.Sequential([backbone(), L.Flatten(), L.Dense(4)], name="base")
    u, v = base(a), base(b)
    far = L.Subtract()([u, v])
    return keras.Model([a, b], L.Dense(1, activation="sigmoid")(L.Concatenate()([far * far, L.Dot(1, normalize=True)([u, v])])))


@model("h5", "keras")
def two_rows():
    p, q, d = keras.Input((4,), name="left"), keras.Input((4,), name="right"), L.Dense(3)
    return keras.Model([p, q], L.Dense(3, activation="softmax")(L.Concatenate()([d(p), L.LeakyReLU()(d(q))])))


@model("h5")
def unet():
    i = keras.Input((16, 12, 1))
    c = L.Conv2D(4, 3, activation="relu", **SAME)(i)
    d = L.Conv2D(6, 3, activation="relu", **SAME)(L.MaxPooling2D()(c))
    u = L.UpSampling2D(interpolation="bilinear")(d)
    t = L.Conv2DTranspose(4, 2, strides=2)(d)
    return keras.Model(i, L.Conv2D(1, 1, activation="sigmoid")(L.Concatenate()([u, c, t])))


@model("keras")
def merges():
    i = keras.Input((5, 4))
    a, b, c = [L.Dense(4, activation=f)(i) for f in ("tanh", "relu", "sigmoid")]
    row = L.GlobalMaxPooling1D()(a)
    all = [L.Add()([a, b, c]), L.Subtract()([a, b]), L.Multiply()([a, b, c]), L.Average()([a, b, c]), L.Maximum()([a, b]),
           L.Minimum()([a, b, c]), L.Add()([a, row]), L.Dot((2, 2))([a, b]), L.Concatenate(axis=1)([a, b])]
    return keras.Model(i, [L.Permute((2, 1))(x) for x in all] + [L.Dot(-1)([row, row])])


@model("keras")
def functions():
    i = keras.Input((6,))
    x = L.Dense(4)(i)
    y = 1 - x * 2.0 + 0.5
    z = ops.maximum(y / 3, -0.2) - x
    return keras.Model(i, L.Dense(2)(ops.minimum(z * y, 3.0) + x))


@model("keras")
def outputs():
    i = keras.Input((6,))
    x = L.Dense(4, activation="relu", name="middle")(i)
    return keras.Model(i, {"b": L.Dense(3, activation="softmax", name="kind")(x), "a": L.Dense(1, name="size")(x)})


@model("h5", "keras", tokens=9)
def mask_zero():
    i = keras.Input((7,))
    x = L.LSTM(4, return_sequences=True)(L.Embedding(9, 5, mask_zero=True)(i))
    x = L.Bidirectional(L.GRU(3, return_sequences=True))(L.Dropout(0.2)(x))
    x = L.SimpleRNN(4, return_sequences=True, go_backwards=True)(L.TimeDistributed(L.Dense(5))(x))
    return keras.Model(i, [L.LSTM(3, go_backwards=True)(x), x])


@model("keras", tokens=9)
def masked_joins():
    i, j = keras.Input((7,)), keras.Input((7,))
    a, b = L.Embedding(9, 4, mask_zero=True)(i), L.Embedding(9, 4, mask_zero=True)(j)
    x, y = L.Add()([a, b]), L.Concatenate()([a, b])
    return keras.Model([i, j], [L.LSTM(3)(x), L.GRU(3)(y), L.GlobalAveragePooling1D()(L.LayerNormalization()(x))])


@model("keras")
def masking():
    i = keras.Input((6, 3))
    x = L.GRU(4, return_sequences=True, reset_after=False)(L.Masking(0.0)(i))
    x = L.BatchNormalization()(x)
    return keras.Model(i, [L.Bidirectional(L.LSTM(3), merge_mode="sum")(x), L.GlobalAveragePooling1D()(x)])


@model("h5", "keras")
def translate():
    """An encoder whose states a decoder begins with, and attention between them."""
    i, j = keras.Input((5, 3)), keras.Input((4, 2))
    x, h, c = L.LSTM(4, return_sequences=True, return_state=True)(i)
    y = L.LSTM(4, return_sequences=True)(j, initial_state=[h, c])
    z = L.Attention(use_scale=True)([y, x])
    z = L.Concatenate()([y, z, L.AdditiveAttention()([y, x]), L.Attention(score_mode="concat")([y, x, x])])
    s = L.GRU(4)(z, initial_state=h)
    return keras.Model([i, j], [L.Dense(3, activation="softmax")(z), s])


@model("keras", tokens=9)
def masked_attention():
    i, j = keras.Input((5,)), keras.Input((6,))
    # Each has its own: MultiHeadAttention takes the masks from its inputs.
    a, b, c, d = [L.Embedding(9, 4, mask_zero=True)(x) for x in (i, j, i, j)]
    x = L.Attention()([a, b])
    y = L.MultiHeadAttention(2, 3, output_shape=5, value_dim=2)(c, d)
    return keras.Model([i, j], [L.LSTM(2)(x), x, L.LSTM(2)(y)])


@model("h5", "keras", tokens=9)
def transformer():
    i = keras.Input((6,))
    x = L.Embedding(9, 8)(i)
    a = L.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)
    x = L.LayerNormalization(epsilon=1e-6)(x + a)
    f = L.Dense(8)(L.Dense(12, activation="gelu")(x))
    x = L.LayerNormalization()(L.Add()([x, f]))
    return keras.Model(i, L.Dense(3, activation="softmax")(L.GlobalAveragePooling1D()(x)))


@model("h5", "keras")
def frames():
    """A convolution, and a model, for every picture of a sequence."""
    i = keras.Input((3, 8, 8, 3))
    x = L.TimeDistributed(L.MaxPooling2D(2))(L.TimeDistributed(L.Conv2D(2, 3, activation="relu"))(i))
    x = L.TimeDistributed(L.Flatten())(x)
    y = L.TimeDistributed(keras.Sequential([backbone("inner"), L.GlobalAveragePooling2D(), L.Dense(3)], name="each"))(i)
    return keras.Model(i, L.Dense(2)(L.LSTM(4)(L.Concatenate()([x, y]))))


@model("h5", "keras")
def namesakes():
    def part(name, width):
        return keras.Sequential([keras.Input((width,)), L.Dense(4, name="dense"), L.BatchNormalization(name="norm"), L.PReLU(name="bend")], name=name)
    i = keras.Input((3,))
    x = keras.Sequential([keras.Input((3,)), part("encoder", 3), part("decoder", 4)], name="both")(i)
    return keras.Model(i, L.Dense(2, name="dense")(x))


@model("keras")
def squeeze():
    i = keras.Input((8, 8, 4))
    x = L.SeparableConv2D(6, 3, activation="swish", **SAME)(i)
    s = L.Reshape((1, 1, 6))(L.GlobalAveragePooling2D()(x))
    s = L.Conv2D(6, 1, activation="hard_sigmoid")(L.Conv2D(2, 1, activation="relu")(s))
    x = L.Multiply()([x, s])
    x = L.Concatenate()([x, L.MaxPooling2D(3, strides=1, **SAME)(i)])
    return keras.Model(i, L.Dense(3)(L.Flatten()(L.Conv2D(2, 3)(x))))


@model("keras")
def scaled():
    i = keras.Input((6, 6, 4))
    n = L.Normalization()
    n.adapt(np.random.default_rng(5).normal(2, 3, (40, 6, 6, 4)))
    x = L.Rescaling([1.0, 0.5, 2.0, 1.5], offset=[0.1, 0.0, -0.1, 0.3])(n(i))
    x = L.GroupNormalization(2)(L.Conv2D(4, 3)(x))
    x = L.GroupNormalization(-1, center=False)(x)
    x = L.Normalization(mean=[0.1, 0.2, 0.3, 0.4], variance=[1.0, 2.0, 3.0, 4.0])(x)
    return keras.Model(i, L.UnitNormalization()(L.LayerNormalization()(x)))


@model("keras")
def sizes():
    i = keras.Input((10, 9, 3))
    x = L.RandomFlip()(L.Resizing(12, 7)(i))
    x = L.CenterCrop(7, 4)(L.GaussianNoise(0.1)(x))
    y = L.UpSampling2D((2, 3), interpolation="bilinear")(x)
    z = L.Resizing(14, 12, interpolation="nearest")(x)
    return keras.Model(i, L.Conv2D(2, 3)(L.Concatenate()([y, z])))


@model("keras")
def signal():
    i = keras.Input((12, 3))
    x = L.SeparableConv1D(4, 3, **SAME)(i)
    x = L.Add()([x, L.DepthwiseConv1D(3, **SAME)(L.Conv1D(4, 3, padding="causal", dilation_rate=2)(x))])
    x = L.Concatenate(axis=1)([x, L.ZeroPadding1D(2)(L.Cropping1D(1)(x))])
    return keras.Model(i, L.Dense(2)(L.GlobalAveragePooling1D()(x)))


@model("keras")
def volume():
    i = keras.Input((6, 5, 4, 2))
    x = L.Conv3D(2, 3, **SAME)(i)
    x = L.Add()([i, L.Activation("relu")(x)])
    return keras.Model(i, L.Dense(2)(L.GlobalAveragePooling3D()(L.MaxPooling3D(2)(x))))


@model("keras")
def first_axes():
    i = keras.Input((3, 8, 6))
    x = L.BatchNormalization(axis=1)(L.Conv2D(3, 3, **SAME, **FIRST)(i))
    x = L.Concatenate(axis=1)([L.Add()([i, x]), x])
    return keras.Model(i, L.Dense(2)(L.Flatten()(L.Conv2D(2, 3, **FIRST)(x))))


@model("keras")
def joined_scores():
    i = keras.Input((5,))
    return keras.Model(i, L.Softmax()(L.Add()([L.Dense(4)(i), L.Dense(4, use_bias=False)(L.Dense(6, activation="relu")(i))])))


@model("keras")
def mixer():
    i = keras.Input((8, 8, 3))
    x = L.Reshape((16, 8))(L.Conv2D(8, 2, strides=2)(i))
    y = L.Permute((2, 1))(L.Dense(16)(L.Dense(6, activation="gelu")(L.Permute((2, 1))(L.LayerNormalization()(x)))))
    x = L.Add()([x, y])
    return keras.Model(i, L.Dense(3, activation="softmax")(L.GlobalAveragePooling1D()(x)))


@model("keras", "h5")
def one_for_all():
    i = keras.Input((5, 3))
    n = L.Normalization(axis=None)
    n.adapt(np.random.default_rng(6).normal(2, 3, (40, 5, 3)))
    return keras.Model(i, L.Normalization(axis=None, mean=0.5, variance=4.0, invert=True)(n(i)))


@model("keras")
def fractions():
    i = keras.Input((6,))
    x = L.Embedding(8, 3, mask_zero=True)(L.Rescaling(4.0, offset=3.2)(i))
    return keras.Model(i, [x, L.GRU(2)(x)])


@model("keras", "h5")
def input_names():
    """A layer is called as inputs are here, and the input, which is an output too, is not."""
    i = keras.Input((4,), name="rows")
    x = L.Dense(4, name="Input")(i)
    return keras.Model(i, [L.Add()([L.Dense(4, name="input_1")(x), i]), i])


@model("keras", "h5")
def bends():
    """Activations that are layers, and thresholds that numbers are equal to."""
    i = keras.Input((6, 5, 2))
    x = L.Conv2D(3, 2, activation=L.LeakyReLU(negative_slope=0.1))(i)
    x = L.Conv2D(3, 2, activation=L.Softmax(), **FIRST)(L.Permute((3, 1, 2))(x))
    x = L.TimeDistributed(L.Dense(4, activation=L.ELU(alpha=0.7)))(x)
    x = L.Activation(L.ReLU(max_value=0.4))(x)
    y = L.ReLU(threshold=1.0)(ops.maximum(i * 3.0, 1.0))
    z = L.ReLU(threshold=2.0, max_value=2.0, negative_slope=0.1)(i * 3.0)
    return keras.Model(i, [x, y, z, L.ReLU(max_value=0.0, negative_slope=0.5)(i)])


@model("keras")
def steps():
    """What TimeDistributed wraps has a group of its own, whatever it is."""
    i = keras.Input((3, 6, 4))
    x = L.TimeDistributed(L.SeparableConv1D(4, 2))(i)
    x = L.TimeDistributed(L.Bidirectional(L.GRU(2, return_sequences=True)))(x)
    x = L.TimeDistributed(L.LayerNormalization())(L.TimeDistributed(L.LSTM(3))(x))
    return keras.Model(i, L.TimeDistributed(L.Dense(2))(x))


def keras2(path, outputs):
    """Keras 2: a nested model whose first call is number 1, functions as TFOpLambda, keywords beside tensors."""
    i = keras.Input((4,))
    inner = keras.Sequential([keras.Input((4,)), L.Dense(3)])
    x, y = inner(i), inner(i * 2.0)
    m = keras.Model(i, L.Dense(2)(L.Add()([x, y]) + 1.0))
    fill(m, 80)
    first, last = inner.layers[0], m.layers[-1]
    node = lambda layer, call=0, **more: [layer, call, 0, more]
    layer = lambda kind, name, nodes, **config: {"class_name": kind, "name": name, "config": {"name": name, **config}, "inbound_nodes": nodes}
    nested = {"class_name": "Functional", "name": "inner", "inbound_nodes": [[node("in", training=False)], [node("twice")]], "config": {
        "name": "inner", "layers": [layer("InputLayer", "x", [], batch_input_shape=[None, 4]),
                                    layer("Dense", "d", [[node("x")]], units=3, use_bias=True, activation="linear")],
        "input_layers": [["x", 0, 0]], "output_layers": [["d", 0, 0]]}}
    config = {"class_name": "Functional", "config": {"name": "model", "layers": [
        layer("InputLayer", "in", [], batch_input_shape=[None, 4]),
        layer("TFOpLambda", "twice", [node("in", y=2.0, name=None)], function="math.multiply"), nested,
        layer("Add", "sum", [[node("inner", 1), node("inner", 2)]]),
        layer("TFOpLambda", "more", [["_CONSTANT_VALUE", -1, 1.0, {"y": ["sum", 0, 0], "name": None}]], function="__operators__.add"),
        layer("Dense", "out", [[node("more")]], units=2, use_bias=True, activation="linear")],
        "input_layers": [["in", 0, 0]], "output_layers": [["out", 0, 0]]}}
    pair = lambda name, layer: [(f"{name}/{part}:0", np.array(w)) for part, w in zip(("kernel", "bias"), layer.get_weights())]
    dump(path, [("in", []), ("inner", pair("d", first)), ("out", pair("out", last))], config, {"keras_version": "2.11.0", "backend": "tensorflow"})
    note(outputs, "keras2_calls", m, 81)


def note(outputs, name, m, seed, tokens=None):
    rng = np.random.default_rng(seed)
    xs = []
    for index, i in enumerate(m.inputs):
        shape = (3,) + tuple(i.shape[1:])
        x = rng.integers(0, tokens, shape) if tokens else rng.uniform(-1, 1, shape)
        if name == "masking":
            x[0, 2:4], x[1, :2], x[2, 5] = 0, 0, 0
        elif tokens:
            x[:, 0] = np.maximum(x[:, 0], 1)  # every sequence has a step that counts
        x = x.astype("float32")
        xs.append(x)
        outputs[f"{name}/x{index}"] = torch.tensor(x)
    with torch.no_grad():
        made = m([torch.tensor(x) for x in xs] if len(xs) > 1 else torch.tensor(xs[0]), training=False)
    made = keras.tree.flatten(made)
    for index, y in enumerate(made):
        outputs[f"{name}/y{index}"] = y.detach().cpu().clone()


def main():
    out = (pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "Tests/KerasTests/Goldens") / "graphs"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    outputs = {}
    for number, (name, (make, containers, tokens)) in enumerate(MODELS.items()):
        keras.utils.clear_session()
        m = make()
        keep = {v.path: v.value.detach().cpu().numpy().copy() for v in m.weights if v.path.split("/")[-1] in ("mean", "variance", "count")}
        fill(m, number)
        for v in m.weights:
            if v.path in keep:
                v.assign(keep[v.path])
        for container in containers:
            path = str(out / f"{name}.{container}")
            m.save_weights(path) if container == "weights.h5" else m.save(path)
            if container == "keras":
                pack(path)
        note(outputs, name, m, 200 + number, tokens)
    keras2(out / "keras2_calls.h5", outputs)
    save(out / "outputs.safetensors", outputs, {"keras": keras.__version__})
    print(f"{out}: {len(list(out.iterdir()))} files, {sum(f.stat().st_size for f in out.iterdir()):,} bytes")


if __name__ == "__main__":
    main()
