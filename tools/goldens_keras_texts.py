#!/usr/bin/env python3
"""Writes small Keras models that take texts and categories, and their outputs: tools/goldens_keras_texts.py [OUT]

Writes OUT/texts (default Tests/KerasTests/Goldens/texts): models as Keras 3 saves them with TensorFlow, `cases.json` with their
inputs and Keras's outputs, and `hashes.json` with TensorFlow's hashes of strings. Weights come from fixed seeds.

Needs: pip install keras==3.15.1 tensorflow-cpu==2.21.0; runs with KERAS_BACKEND=tensorflow.
"""
import json, os, pathlib, shutil, sys

os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.dont_write_bytecode = True

import keras, numpy as np, tensorflow as tf
from keras import layers as L

from goldens_archives import pack

ROOT = pathlib.Path(__file__).resolve().parent.parent
TEXTS = ["The cat sat on the mat.", "a DOG, a dog & the CAT!", "  Straße\tÜber\n\x0bnaïve café  ", "", "unknown words only?", "cat"]
LEARNED = ["the cat sat on the mat", "the dog ate the cat", "Über straße café naïve", "dog dog cat 42"]
MODELS = {}


def model(*containers):
    def add(make):
        MODELS[make.__name__] = (make, containers or ("keras",))
        return make
    return add


def text(name="review", width=1):
    return keras.Input((width,) if width else (), dtype="string", name=name)


def adapted(**options):
    layer = L.TextVectorization(**options)
    layer.adapt(LEARNED)
    return layer


@model()
def sentiment():
    """The usual classifier of texts: its vocabulary is learned, so only the archive's assets have it."""
    i = text()
    x = adapted(max_tokens=12, output_sequence_length=6)(i)
    x = L.Embedding(12, 4, mask_zero=True)(x)
    return keras.Model(i, L.Dense(3, activation="softmax")(L.LSTM(5)(x))), [TEXTS]


@model()
def open_length():
    """As long as the longest text of the batch."""
    i = text(width=0)
    x = adapted(standardize="lower", split="whitespace")(i)
    return keras.Model(i, L.Dense(2)(L.GlobalAveragePooling1D()(L.Embedding(20, 3)(x)))), [TEXTS]


@model()
def characters():
    i = text()
    x = adapted(split="character", standardize=None, output_sequence_length=9)(i)
    return keras.Model(i, L.Dense(2)(L.Conv1D(3, 2)(L.Embedding(40, 3)(x)))), [TEXTS]


@model("keras", "h5")
def weighted():
    """tf_idf with weights that are given, and bags of words of one to two words."""
    i, j = text(width=0), text("whole")
    words = ["the", "cat", "dog", "café", "the cat"]
    x = L.TextVectorization(vocabulary=words, idf_weights=[0.5, 1.0, 1.5, 2.0, 2.5], ngrams=2, output_mode="tf_idf", pad_to_max_tokens=True, max_tokens=9)(i)
    y = L.TextVectorization(vocabulary=words, ngrams=(2,), output_mode="count", standardize="strip_punctuation")(i)
    z = L.TextVectorization(vocabulary=words, output_mode="multi_hot", split=None, standardize="lower_and_strip_punctuation")(j)
    return keras.Model([i, j], L.Dense(2)(L.Concatenate()([x, y, z]))), [TEXTS, TEXTS]


@model()
def learned_weights():
    i = text(width=0)
    return keras.Model(i, L.Dense(2)(adapted(output_mode="tf_idf")(i))), [TEXTS]


@model("keras", "h5")
def columns():
    """Named columns of a table, as in Keras's example of structured data."""
    kind, colour = text("Kind"), text("colour of coat")
    age, fee, code = keras.Input((1,), name="Age"), keras.Input((1,), name="fee"), keras.Input((1,), name="code", dtype="int64")
    n = L.Normalization(mean=[3.0], variance=[4.0])(age)
    parts = [
        n, L.StringLookup(vocabulary=["cat", "dog"], output_mode="one_hot")(kind),
        L.CategoryEncoding(num_tokens=5, output_mode="multi_hot")(L.StringLookup(vocabulary=["white", "black", "red"], mask_token="")(colour)),
        L.Discretization(bin_boundaries=[1.0, 10.0, 100.0], output_mode="one_hot")(fee),
        L.IntegerLookup(vocabulary=[7, -3, 1000], num_oov_indices=3, output_mode="one_hot")(code),
        L.Flatten()(L.Embedding(8, 2)(L.Hashing(num_bins=8)(kind))),
        L.CategoryEncoding(num_tokens=6, output_mode="count")(L.Hashing(num_bins=6, salt=[133, 137], mask_value="red")(colour)),
        L.Hashing(num_bins=4, salt=5, output_mode="one_hot")(code),
        L.StringLookup(vocabulary=["white"], num_oov_indices=4, output_mode="one_hot")(colour),
        L.StringLookup(vocabulary=["white"], num_oov_indices=4, salt=[1, 2], output_mode="one_hot")(colour),
    ]
    x = L.Dense(4, activation="relu")(L.Concatenate()(parts))
    m = keras.Model([kind, colour, age, fee, code], [L.Dense(2, activation="softmax", name="adopted")(x), L.Dense(1, name="days")(x)])
    return m, [["cat", "dog", "bird", "cat"], ["white", "red", "", "grün"], [1.0, 2.5, 7.0, 0.0], [0.5, 10.0, 99.0, 1000.0],
               [7, 8, -4, -3]]


@model()
def several():
    """Rows of words, single words and numbers, and categories of numbers."""
    words, one, numbers = text("words", 3), text("one", 0), keras.Input((2,), name="numbers")
    looked = L.StringLookup(vocabulary=["a", "b", "c"], output_mode="int")(words)
    x = L.Flatten()(L.Embedding(5, 3)(looked))
    y = L.Embedding(5, 2)(L.StringLookup(vocabulary=["x", "y"])(one))
    z = L.Flatten()(L.StringLookup(vocabulary=["a", "b"], output_mode="one_hot")(words))
    u = L.StringLookup(vocabulary=["a", "b"], output_mode="count", mask_token="")(words)
    v = L.Discretization(bin_boundaries=[-1.0, 0.0, 0.5], output_mode="count")(numbers)
    w = L.CategoryEncoding(num_tokens=3, output_mode="one_hot")(L.IntegerLookup(vocabulary=[1], mask_token=0)(numbers))
    return keras.Model([words, one, numbers], L.Dense(2)(L.Concatenate()([x, y, z, u, v, L.Flatten()(w)]))), [
        [["a", "b", "q"], ["", "c", "c"], ["a", "a", "a"]], [["x"], ["y"], ["z"]], [[0.0, 1.0], [-1.0, 0.49], [3.0, -7.0]]]


@model()
def nested():
    inner = keras.Sequential([text("inner_text"), adapted(output_sequence_length=4), L.Embedding(20, 3), L.Flatten()], name="encoder")
    a, b = text("first"), text("second")
    return keras.Model([a, b], L.Dense(2)(L.Subtract()([inner(a), inner(b)]))), [TEXTS, TEXTS[::-1]]


@model()
def masked_queries():
    """What steps that are masked in the query become: the mean of all values, however large the scores are."""
    i, j = keras.Input((4,), name="queries"), keras.Input((5,), name="values")
    q, v = L.Embedding(9, 4, mask_zero=True)(i), L.Embedding(9, 4, mask_zero=True)(j)
    return keras.Model([i, j], L.MultiHeadAttention(2, 3)(q, v)), [
        [[1.0, 2, 0, 0], [3.0, 0, 4, 0]], [[1.0, 0, 2, 3, 0], [4.0, 5, 6, 7, 8]]]


def tensors(m, inputs):
    made = []
    for i, x in zip(m.inputs, inputs):
        x = np.array(x, dtype=object if i.dtype == "string" else i.dtype)
        if x.ndim == 1 and len(i.shape) == 2:
            x = x[:, None]
        if x.ndim == 2 and len(i.shape) == 1:
            x = x[:, 0]
        made.append(tf.constant(x.tolist(), dtype=i.dtype))
    return made


def main():
    out = (pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "Tests/KerasTests/Goldens") / "texts"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    cases = {}
    for number, (name, (make, containers)) in enumerate(MODELS.items()):
        keras.utils.clear_session()
        keras.utils.set_random_seed(number)
        m, inputs = make()
        rng = np.random.default_rng(number)
        for v in m.trainable_weights:
            v.assign(rng.uniform(-1, 1, v.shape).astype("float32") * (8 if name == "masked_queries" else 1))
        for container in containers:
            m.save(out / f"{name}.{container}")
            if container == "keras":
                pack(out / f"{name}.keras")
        xs = tensors(m, inputs)
        ys = [np.array(y) for y in keras.tree.flatten(m(xs if len(xs) > 1 else xs[0], training=False))]
        if name == "open_length":
            # In a batch they would be as long as the longest; a text without words cannot be alone.
            inputs = [[t for t in TEXTS if t]]
            ys = [np.concatenate([np.array(m(tf.constant([t]), training=False)) for t in inputs[0]])]
        cases[name] = {
            "inputs": [x if isinstance(x[0], list) else [[e] for e in x] for x in inputs],
            "outputs": [{"shape": list(y.shape), "values": [float(f"{e:.9g}") for e in y.flatten()]} for y in ys]}
    (out / "cases.json").write_text(json.dumps(cases, ensure_ascii=False, indent=0) + "\n")
    words = ["", "a", "ab", "abc", "abcd", "abcdefg", "abcdefgh", "straße", "x" * 16, "y" * 17, "z" * 32, "0123456789" * 4, "q" * 64,
             "w" * 65, "0123456789" * 13, "k" * 128, "ü" * 100]
    hashes = [{"text": w, "farm": str(int(tf.strings.to_hash_bucket_fast(w, 2**62 - 57))), "sip": str(int(tf.strings.to_hash_bucket_strong(w, 2**62 - 57, [133, 137])))} for w in words]
    (out / "hashes.json").write_text(json.dumps(hashes, ensure_ascii=False, indent=0) + "\n")
    print(f"{out}: {len(list(out.iterdir()))} files, {sum(f.stat().st_size for f in out.iterdir()):,} bytes")


if __name__ == "__main__":
    main()
