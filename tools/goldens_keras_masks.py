#!/usr/bin/env python3
"""Writes small Keras models with masked steps, and axes of several kinds, and their outputs: tools/goldens_keras_masks.py [OUT]

Writes OUT/masks (default Tests/KerasTests/Goldens/masks): functional models as Keras 3 saves them, one of Keras 2, and
`outputs.safetensors` with the inputs and Keras's outputs. Which steps count is where versions of Keras differ most: merges,
attentions, states, and functions each hand masks on in their own way. Weights and inputs come from fixed seeds.

Needs: pip install keras==3.15.0 tf_keras==2.21.0 tensorflow-cpu==2.21.0 torch==2.13.0 numpy h5py; runs with KERAS_BACKEND=torch.
"""
import os, pathlib, re, shutil, sys, zipfile

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.dont_write_bytecode = True

import keras, numpy as np, tf_keras, torch
from keras import layers as L, ops

from goldens_archives import pack
from goldens_keras import fill
from goldens_store import save

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOKENS, STEPS, SAME = 9, 6, dict(padding="same")
MODELS = {}


def model(make):
    MODELS[make.__name__] = make
    return make


def embedded(i, **settings):
    return L.Embedding(TOKENS, 4, mask_zero=True, **settings)(i)


@model
def states():
    """Of a call with several tensors Keras 3 masks none; the output has the mask all the same."""
    i, j = keras.Input((STEPS,)), keras.Input((STEPS,))
    a, b = embedded(i), embedded(j)
    _, h, c = L.LSTM(4, return_state=True)(a)
    x = L.LSTM(4, return_sequences=True)(b, initial_state=[h, c])
    y = L.GRU(4, return_sequences=True)(b, initial_state=h)
    z = L.Bidirectional(L.SimpleRNN(4, return_sequences=True), merge_mode="sum")(b, initial_state=[h, c])
    return keras.Model([i, j], [x, y, z, L.GlobalAveragePooling1D()(x), L.SimpleRNN(3)(z)])


@model
def joins():
    """Merges of which all inputs, one, or none has a mask."""
    i, j = keras.Input((STEPS,)), keras.Input((STEPS,))
    a, b = embedded(i), embedded(j)
    p, q = L.Conv1D(4, 3, **SAME)(a), L.Dense(4)(L.GlobalMaxPooling1D(keepdims=True)(a))
    layers = [L.Multiply, L.Maximum, L.Minimum]
    found = [layer()(list) for layer in layers for list in ([a, b], [a, p], [p, a, b], [a, q])]
    return keras.Model([i, j], found + [L.LSTM(2)(found[0]), L.GlobalAveragePooling1D()(found[4]), L.GRU(2)(found[6])])


@model
def operators():
    """Functions make tensors without a mask."""
    i = keras.Input((STEPS,))
    a = embedded(i)
    b = L.Dense(4)(a)
    all = [a + b, a - b, a * b, ops.maximum(a, b), ops.minimum(a, b), ops.concatenate([a, b], axis=-1), L.Add()([a, b])]
    return keras.Model(i, [L.GlobalAveragePooling1D()(x) for x in all] + [L.LSTM(2)(a + b)])


@model
def attentions():
    """MultiHeadAttention takes the masks of its inputs away from them, for all layers that work later."""
    i, j = keras.Input((STEPS,)), keras.Input((STEPS,))
    a, b = embedded(i), embedded(j)
    x = L.LayerNormalization()(L.Add()([a, L.MultiHeadAttention(2, 2)(a, a)]))
    x = L.MultiHeadAttention(2, 2, dropout=0.1)(x, b)
    y = L.MultiHeadAttention(2, 2)(L.Conv1D(4, 1)(x), b)
    c = embedded(i)
    z = L.MultiHeadAttention(2, 2, dropout=0.1)(c, L.Dense(4)(embedded(j)), embedded(j))
    w = L.MultiHeadAttention(2, 2)(L.Conv1D(4, 1)(c), L.Conv1D(4, 1)(c), embedded(j))
    return keras.Model([i, j], [x, y, z, w])


@model
def named_masks():
    """Masks that a call names, also of a model, and those that Keras computes where sequences are joined."""
    i, j = keras.Input((STEPS,)), keras.Input((STEPS,))
    a, b, m = embedded(i), embedded(j), ops.not_equal(j, 3.0)
    s = keras.Input((STEPS, 4))
    inner = keras.Model(s, L.GRU(3, return_sequences=True)(s))
    x = L.LSTM(3, return_sequences=True)(a, mask=m)
    y = L.LSTM(3, return_sequences=True)(L.Conv1D(4, 1)(a), mask=ops.logical_and(m, ops.not_equal(i, 0.0)))
    z = inner(a, mask=m)
    w = L.BatchNormalization()(L.Concatenate()([a, b]))
    return keras.Model([i, j], [x, y, z, L.GlobalAveragePooling1D()(x), L.LSTM(2)(z), L.LSTM(2)(w), L.LSTM(2)(L.Concatenate()([a, L.Conv1D(2, 1)(b)]))])


@model
def axes():
    i = keras.Input((3, 4, 2))
    x = L.LayerNormalization(axis=(-1, -2))(L.Conv2D(4, 2, **SAME)(i))
    y = L.LayerNormalization(axis=[3, 1, 2], center=False)(L.Conv2D(2, 1)(i))
    return keras.Model(i, [x, y] + [L.Softmax(axis=a)(x) for a in ((1, 2), (2, 1, 3), 2, [-1], (-1, 1))])


@model
def twice():
    """A model that is a layer, and a layer of another layer."""
    i = keras.Input((4,))
    first = keras.Model(i, L.Dense(4, activation="tanh", name="part")(i), name="first")
    i = keras.Input((4,))
    second = keras.Model(i, L.Dense(4, name="part")(first(i)), name="second")
    i = keras.Input((4,))
    return keras.Model(i, L.Dense(3)(second(first(i))))


@model
def calls():
    """A model that is called twice, whose outputs are also the model's own."""
    i = keras.Input((4,))
    inner = keras.Model(i, L.Dense(3, activation="tanh")(i))
    i, j = keras.Input((4,)), keras.Input((4,))
    a, b = inner(i), inner(j)
    return keras.Model([i, j], [a, L.Subtract()([a, b]), b])


@model
def policies():
    i = keras.Input((4,))
    return keras.Model(i, L.Dense(2)(L.Dense(3, dtype="mixed_bfloat16")(L.Dense(3, dtype="mixed_bfloat16")(i))))


def keras2():
    """Keras 2 applies a mask beside states, and takes numbers in masked steps as they are; a step has to count in all masks."""
    K = tf_keras.layers
    i, j = tf_keras.Input((STEPS,)), tf_keras.Input((STEPS,))
    a, b = [K.Embedding(TOKENS, 4, mask_zero=True)(x) for x in (i, j)]
    _, h, c = K.LSTM(4, return_state=True)(a)
    x = K.LSTM(4, return_sequences=True)(b, initial_state=[h, c])
    p = K.Conv1D(4, 3, **SAME)(a)
    joined = [K.Multiply()([a, b]), K.Maximum()([a, p]), K.Minimum()([p, a, b])]
    means = [K.GlobalAveragePooling1D()(z) for z in (x, a + b, *joined)]
    return tf_keras.Model([i, j], [x, *joined, *means])


def renumber(path):
    """Addresses of objects, by which Keras says that two are one, become numbers that are the same each time."""
    with zipfile.ZipFile(path) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    known = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            if name == "config.json":
                data = re.sub(rb'(?<="shared_object_id": )\d+', lambda m: str(known.setdefault(m[0], len(known) + 1)).encode(), data)
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def inputs(m, seed):
    generator = np.random.default_rng(seed)
    found = []
    for i in m.inputs:
        shape = (3,) + tuple(i.shape[1:])
        if shape == (3, STEPS):
            x = generator.integers(0, TOKENS, shape)
            # The first sequence ends early, the second begins late; each has a step that counts in both inputs.
            x[0, 4:], x[1, :2], x[:, 3] = 0, 0, 5
        else:
            x = generator.uniform(-1, 1, shape)
        found.append(x.astype("float32"))
    return found


def note(outputs, name, m, xs, call):
    made = call(m, xs if len(xs) > 1 else xs[0])
    for index, x in enumerate(xs):
        outputs[f"{name}/x{index}"] = torch.tensor(x)
    for index, y in enumerate(made if isinstance(made, (list, tuple)) else [made]):
        outputs[f"{name}/y{index}"] = torch.tensor(np.array(y, dtype="float32"))


def predict(m, xs):
    with torch.no_grad():
        return keras.tree.map_structure(lambda y: y.detach().float().cpu().numpy(), m(keras.tree.map_structure(torch.tensor, xs), training=False))


def main():
    out = (pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "Tests/KerasTests/Goldens") / "masks"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    outputs = {}
    for number, (name, make) in enumerate(MODELS.items()):
        keras.utils.clear_session()
        m = make()
        fill(m, 300 + number)
        path = str(out / f"{name}.keras")
        m.save(path)
        pack(path)
        renumber(path)
        note(outputs, name, m, inputs(m, 400 + number), predict)
    m = keras2()
    generator = np.random.default_rng(390)
    for v in m.weights:
        v.assign(generator.uniform(-0.5, 0.5, v.shape))
    m.save(str(out / "keras2.h5"))
    note(outputs, "keras2", m, inputs(m, 490), lambda m, xs: m(xs, training=False))
    save(out / "outputs.safetensors", outputs, {"keras": keras.__version__, "tf_keras": tf_keras.__version__})
    print(f"{out}: {len(list(out.iterdir()))} files, {sum(f.stat().st_size for f in out.iterdir()):,} bytes")


if __name__ == "__main__":
    main()
