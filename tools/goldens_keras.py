#!/usr/bin/env python3
"""Writes the small Keras files for Tests/KerasTests, and the outputs of Keras: tools/goldens_keras.py [OUT]

Writes OUT/keras (default Tests/KerasTests/Goldens/keras): chains of layers as Keras 3 saves them (.h5, .keras,
.weights.h5), what earlier versions would have written (put together with h5py), two graphs, a model with a Lambda, and
`outputs.safetensors` with an input and Keras's output for each chain. Weights and inputs come from fixed seeds.

Needs: pip install keras==3.15.1 torch==2.13.0 numpy h5py; runs with KERAS_BACKEND=torch.
"""
import io, json, os, pathlib, shutil, sys, tempfile, zipfile

os.environ.setdefault("KERAS_BACKEND", "torch")
sys.dont_write_bytecode = True

import h5py, keras, numpy as np, torch
from keras import layers as L

from goldens_store import save

ROOT = pathlib.Path(__file__).resolve().parent.parent
FIRST = dict(data_format="channels_first")
SAME = dict(padding="same")


def old_hard_sigmoid(x):
    return keras.ops.clip(0.2 * x + 0.5, 0, 1)


def fill(model, seed):
    """Weights that are neither zero nor one, so that every part of every layer shows."""
    generator = np.random.default_rng(seed)
    for v in model.weights:
        name = v.path.split("/")[-1]
        values = generator.uniform(-0.5, 0.5, v.shape)
        if name in ("gamma", "moving_variance"):
            values = values + 1.1
        v.assign(values.astype("float32"))


def chains():
    """Name → (input shape without the batch, layers, containers)."""
    yield "dense", (5,), [
        L.Dense(6, activation=a) for a in (
            "relu", "tanh", "sigmoid", "hard_sigmoid", "elu", "selu", "silu", "gelu", "softplus", "softsign",
            "exponential", "leaky_relu", "relu6", "hard_silu", "linear")
    ] + [L.Dense(4, use_bias=False, activation="softmax")], ["keras"]
    yield "rectifiers", (6,), [
        L.Dense(8), L.LeakyReLU(negative_slope=0.2), L.BatchNormalization(scale=False), L.ELU(alpha=0.7), L.Dense(8),
        L.BatchNormalization(center=False, epsilon=0.01, momentum=0.9), L.PReLU(), L.GaussianNoise(0.1),
        L.ReLU(max_value=0.8, negative_slope=0.1), L.Dense(8), L.ReLU(threshold=0.2), L.LayerNormalization(),
        L.Dropout(0.3), L.AlphaDropout(0.1), L.Dense(5), L.LayerNormalization(center=False), L.Softmax()], ["keras"]
    yield "conv2d", (9, 11, 3), [
        L.Rescaling(0.5, offset=-0.1), L.Conv2D(4, 3, strides=2, activation="relu", **SAME), L.BatchNormalization(),
        L.DepthwiseConv2D(3, depth_multiplier=2, activation="tanh", **SAME), L.SeparableConv2D(6, (2, 3), depth_multiplier=2, **SAME),
        L.Activation("relu"), L.MaxPooling2D(2, **SAME), L.ZeroPadding2D(((1, 2), (0, 1))),
        L.Conv2D(4, (2, 3), dilation_rate=(2, 1), groups=2), L.PReLU(shared_axes=[1, 2]), L.SpatialDropout2D(0.1),
        L.AveragePooling2D((2, 1)), L.Flatten(), L.Dropout(0.5), L.Dense(5, activation="relu"),
        L.Dense(3, activation="softmax")], ["h5", "keras", "weights.h5"]
    yield "transposed", (5, 4, 2), [
        L.Conv2DTranspose(3, 3, strides=2, **SAME), L.Cropping2D(((1, 0), (2, 1))), L.UpSampling2D((2, 1)),
        L.Conv2DTranspose(2, 2, strides=3, activation="tanh"), L.Conv2DTranspose(3, (4, 5), strides=(2, 1), **SAME),
        L.MaxPooling2D(3, strides=2), L.GlobalAveragePooling2D(), L.Dense(2)], ["keras"]
    yield "conv1d", (16, 3), [
        L.Conv1D(4, 3, padding="causal", dilation_rate=2), L.MaxPooling1D(3, strides=2, **SAME),
        L.BatchNormalization(), L.Conv1D(6, 4, strides=2, activation="relu", **SAME), L.ZeroPadding1D((1, 2)),
        L.Conv1DTranspose(3, 3, strides=2), L.SeparableConv1D(4, 3), L.UpSampling1D(2), L.Cropping1D((1, 2)),
        L.GlobalMaxPooling1D(), L.Dense(1, activation="sigmoid")], ["h5"]
    yield "conv3d", (6, 5, 4, 2), [
        L.Conv3D(3, (3, 2, 2), strides=(2, 1, 1), **SAME), L.AveragePooling3D((1, 2, 2)), L.ZeroPadding3D(1),
        L.Conv3D(2, 2, activation="relu"), L.MaxPooling3D((2, 1, 1)), L.Flatten(), L.Dense(2)], ["keras"]
    yield "tokens", (7,), [
        L.Embedding(11, 4), L.SpatialDropout1D(0.2), L.LSTM(5, return_sequences=True),
        L.Bidirectional(L.LSTM(4, return_sequences=True)), L.Bidirectional(L.GRU(3), merge_mode="sum"),
        L.Dense(3, activation="softmax")], ["h5", "weights.h5"]
    yield "recurrent", (6, 3), [
        L.GRU(4, reset_after=False, return_sequences=True, go_backwards=True),
        L.SimpleRNN(5, activation="relu", return_sequences=True),
        L.Bidirectional(L.SimpleRNN(3, return_sequences=True), merge_mode="mul"),
        L.GRU(4, recurrent_activation="hard_sigmoid", return_sequences=True, use_bias=False),
        L.LSTM(4, recurrent_activation="hard_sigmoid", activation="softsign", go_backwards=True),
        L.RepeatVector(3), L.TimeDistributed(L.Dense(2, activation="tanh")), L.Flatten(), L.Dense(2)], ["keras"]
    yield "axes", (12,), [
        L.Dense(12), L.Reshape((3, -1, 2)), L.Conv2D(4, 2), L.Permute((3, 1, 2)), L.LayerNormalization(),
        L.Dense(3, activation="softmax"), L.PReLU(), L.Flatten(), L.BatchNormalization(), L.Dense(2)], ["keras"]
    yield "channels_first", (3, 8, 9), [
        L.Conv2D(4, 3, **FIRST), L.BatchNormalization(axis=1), L.MaxPooling2D(2, **FIRST), L.Conv2D(5, 2, **FIRST),
        L.Flatten(), L.Dense(4, activation="relu"), L.Dense(2)], ["h5"]
    yield "flatten_first", (3, 6, 5), [
        L.Conv2D(4, 3, **FIRST), L.GlobalMaxPooling2D(keepdims=True, **FIRST), L.UpSampling2D(2, **FIRST),
        L.Flatten(**FIRST), L.Dense(2)], ["keras"]
    yield "values", (4, 4, 1), [
        L.Conv2D(2, 3, activation="relu", **SAME), L.Conv2D(1, 3, activation="sigmoid", **SAME)], ["keras"]


def endings():
    """Chains that differ in what comes after the last activation, in the same form."""
    maps, row = (3, 3, 2), (5,)
    yield "end_softmax_dropout", row, [L.Dense(4, activation="softmax"), L.Dropout(0.2)], ["keras"]
    yield "end_softmax_flatten", maps, [L.Conv2D(4, 3, activation="softmax"), L.Flatten()], ["keras"]
    yield "end_softmax_reshape", maps, [L.Conv2D(4, 3), L.Softmax(), L.Reshape((4,))], ["keras"]
    yield "end_softmax_average", maps, [
        L.Conv2D(4, 2, activation="softmax"), L.SpatialDropout2D(0.1), L.GlobalAveragePooling2D()], ["keras"]
    yield "end_softmax_largest", maps, [L.Conv2D(4, 2, activation="softmax"), L.GlobalMaxPooling2D()], ["keras"]
    yield "end_softmax_positions", maps, [L.Conv2D(2, 2, activation="softmax"), L.Flatten()], ["keras"]
    yield "end_softmax_scaled", row, [L.Dense(4, activation="softmax"), L.Rescaling(2.0)], ["keras"]
    yield "end_sigmoid_dropout", row, [L.Dense(1, activation="sigmoid"), L.Dropout(0.1)], ["keras"]
    yield "end_sigmoid_average", maps, [L.Conv2D(1, 2, activation="sigmoid"), L.GlobalAveragePooling2D()], ["keras"]
    yield "end_sigmoids_dropout", row, [L.Dense(4, activation="sigmoid"), L.Dropout(0.1)], ["keras"]
    yield "end_relu_dropout", row, [L.Dense(4, activation="relu"), L.Dropout(0.3)], ["keras"]
    yield "end_leaky_relu", row, [L.Dense(4), L.LeakyReLU(negative_slope=0.3)], ["keras"]
    yield "end_prelu", row, [L.Dense(4), L.PReLU(), L.Dropout(0.3)], ["keras"]
    yield "end_scores_average", maps, [L.Conv2D(4, 2, activation="relu"), L.GlobalAveragePooling2D()], ["keras"]
    yield "inner_dropout", (4, 3), [
        L.LSTM(3, dropout=0.1, return_sequences=True), L.Bidirectional(L.GRU(2, recurrent_dropout=0.2)), L.Dense(2)], ["keras"]
    yield "end_log_softmax", row, [L.Dense(4, activation="log_softmax"), L.Dropout(0.1)], ["keras"]
    yield "end_log_softmax_flatten", maps, [L.Conv2D(4, 3, activation="log_softmax"), L.Flatten()], ["keras"]
    yield "end_log_softmax_average", maps, [L.Conv2D(4, 2, activation="log_softmax"), L.GlobalAveragePooling2D()], ["keras"]
    # Not an ending: names of a network that is written down in the tests, with other numbers than either side's defaults.
    yield "norm", maps, [
        L.Conv2D(4, 3, name="conv"), L.BatchNormalization(epsilon=0.002, momentum=0.85, name="bn"), L.Flatten(),
        L.Dense(2, name="fc")], ["keras"]


def chain(shape, layers):
    return keras.Sequential([L.Input(shape)] + layers)


def functional():
    """A model whose graph is a line, and whose names are no paths."""
    x = first = L.Input((6, 6, 2), name="Input")
    x = L.Conv2D(3, 3, name="Conv-1", activation="relu")(x)
    x = L.Flatten(name="flat")(x)
    x = L.Dense(4, name="Fully Connected")(x)
    return keras.Model(first, L.Activation("softmax", name="Probs")(x))


def nested():
    base = keras.Sequential([L.Input((6, 6, 2)), L.Conv2D(3, 3, name="inner_conv"), L.BatchNormalization(), L.ReLU()], name="base")
    return keras.Sequential([L.Input((6, 6, 2)), base, L.Flatten(), L.Dense(3, name="top")])


def residual():
    x = first = L.Input((4,))
    y = L.Dense(4, name="branch")(x)
    return keras.Model(first, L.Dense(2)(L.Add(name="join")([x, y])))


def two_outputs():
    first = L.Input((4,))
    middle = L.Dense(3, name="middle")(first)
    return keras.Model(first, [middle, L.Dense(2, name="top")(middle)])


def trained():
    """A model with what Adam keeps: more than ten arrays."""
    model = keras.Sequential([L.Input((4,)), L.Dense(3), L.BatchNormalization(), L.Dense(2, activation="softmax")])
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    fill(model, 60)
    model.train_on_batch(np.ones((2, 4), "float32"), np.array([0, 1]))
    return model


def unknown():
    inner = keras.Sequential([L.Input((4, 4)), L.Lambda(lambda x: 2 * x, name="strange")], name="inner")
    return keras.Sequential([L.Input((4, 4)), inner, L.Flatten(), L.Dense(2)])


# ------------------------------------------------------------------ earlier versions
def dump(path, layers, config, attributes):
    """Layers as [(name, [(weight name, array)])] in a file of Keras 1 or 2; a whole model where there is a config."""
    with h5py.File(path, "w") as f:
        group = f.create_group("model_weights") if config else f
        if config:
            f.attrs["model_config"] = json.dumps(config).encode()
        for key, value in attributes.items():
            f.attrs[key] = value.encode()
        group.attrs["layer_names"] = [name.encode() for name, _ in layers]
        for name, weights in layers:
            own = group.create_group(name)
            own.attrs["weight_names"] = [key.encode() for key, _ in weights]
            for key, array in weights:
                own.create_dataset(key, data=array)


def theano(path, outputs):
    """Keras 1 with Theano: kernels (out, in, h, w) and turned, axes (C, H, W), gates apart, the hard sigmoid's old slope."""
    model = keras.Sequential([L.Input((2, 6, 5)), L.Conv2D(3, (3, 2), **FIRST, activation="relu"),
                              L.MaxPooling2D(2, **FIRST), L.Flatten(), L.Dense(4, activation=old_hard_sigmoid)])
    fill(model, 21)
    kernel, bias, dense, dense_bias = [np.array(w) for w in model.get_weights()]
    turned = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)[:, :, ::-1, ::-1])
    config = {"class_name": "Sequential", "config": [
        {"class_name": "Convolution2D", "config": {
            "name": "convolution2d_1", "batch_input_shape": [None, 2, 6, 5], "nb_filter": 3, "nb_row": 3, "nb_col": 2,
            "dim_ordering": "th", "border_mode": "valid", "subsample": [1, 1], "activation": "relu", "bias": True}},
        {"class_name": "MaxPooling2D", "config": {
            "name": "pool", "pool_size": [2, 2], "strides": [2, 2], "border_mode": "valid", "dim_ordering": "th"}},
        {"class_name": "Flatten", "config": {"name": "flatten_1"}},
        {"class_name": "Dense", "config": {
            "name": "dense_1", "output_dim": 4, "activation": "hard_sigmoid", "bias": True, "input_dim": 12}}]}
    dump(path, [("convolution2d_1", [("convolution2d_1_W", turned), ("convolution2d_1_b", bias)]), ("pool", []),
                ("flatten_1", []), ("dense_1", [("param_0", dense), ("param_1", dense_bias)])],
         config, {"keras_version": "1.2.2"})
    note(outputs, "keras1_theano", model, (2, 6, 5), 22)


def gates(path, outputs):
    """Keras 1: an LSTM of twelve arrays and a GRU of nine."""
    model = keras.Sequential([
        L.Input((5, 2)), L.LSTM(3, recurrent_activation=old_hard_sigmoid, return_sequences=True),
        L.GRU(4, recurrent_activation=old_hard_sigmoid, reset_after=False), L.Dense(2)])
    fill(model, 23)
    lstm, gru, dense = [[np.array(w) for w in layer.get_weights()] for layer in model.layers]

    def apart(name, weights, units, order, letters):
        found = []
        for gate in order:
            at = slice(letters.index(gate) * units, (letters.index(gate) + 1) * units)
            for part, array in zip("WUb", weights):
                found.append((f"{name}_{part}_{gate}:0", array[..., at]))
        return found

    recurrent = {"activation": "tanh", "inner_activation": "hard_sigmoid", "go_backwards": False}
    config = {"class_name": "Sequential", "config": [
        {"class_name": "LSTM", "config": {
            "name": "lstm_1", "batch_input_shape": [None, 5, 2], "output_dim": 3, "return_sequences": True, **recurrent}},
        {"class_name": "GRU", "config": {"name": "gru_1", "output_dim": 4, "return_sequences": False, **recurrent}},
        {"class_name": "Dense", "config": {"name": "dense_1", "output_dim": 2, "activation": "linear", "bias": True}}]}
    dump(path, [("lstm_1", apart("lstm_1", lstm, 3, "icfo", "ifco")), ("gru_1", apart("gru_1", gru, 4, "zrh", "zrh")),
                ("dense_1", [("dense_1_W:0", dense[0]), ("dense_1_b:0", dense[1])])], config, {"keras_version": "1.2.2"})
    note(outputs, "keras1_gates", model, (5, 2), 24)


def keras2(path, outputs):
    """Keras 2: names with `:0`, axes of a normalisation as a list, a graph in the old form."""
    model = functional()
    fill(model, 25)
    conv, dense = model.get_layer("Conv-1"), model.get_layer("Fully Connected")

    def layer(kind, name, before, **config):
        return {"class_name": kind, "name": name, "config": {"name": name, **config},
                "inbound_nodes": [[[before, 0, 0, {}]]] if before else []}

    config = {"class_name": "Model", "config": {"name": "model_1", "layers": [
        layer("InputLayer", "in", None, batch_input_shape=[None, 6, 6, 2]),
        layer("Conv2D", "c/1", "in", filters=3, kernel_size=[3, 3], strides=[1, 1], padding="valid",
              data_format="channels_last", activation="relu", use_bias=True),
        layer("Flatten", "flat", "c/1"), layer("Dense", "d", "flat", units=4, activation="softmax", use_bias=True)]}}
    weights = lambda name, layer: [(f"{name}/{part}:0", np.array(w)) for part, w in zip(("kernel", "bias"), layer.get_weights())]
    dump(path, [("in", []), ("c/1", weights("c/1", conv)), ("flat", []), ("d", weights("d", dense))], config,
         {"keras_version": "2.2.4", "backend": "tensorflow"})
    note(outputs, "keras2_graph", model, (6, 6, 2), 26)


def renamed(source, target, rename):
    """A copy of an HDF5 file whose groups have other names."""
    with h5py.File(source) as f, h5py.File(target, "w") as g:
        def visit(name, item):
            new = rename(name)
            own = g.create_dataset(new, data=item[()]) if isinstance(item, h5py.Dataset) else g.require_group(new)
            for key, value in item.attrs.items():
                own.attrs[key] = value
        f.visititems(visit)


# ------------------------------------------------------------------ writing
def note(outputs, name, model, shape, seed, tokens=None):
    generator = np.random.default_rng(seed)
    x = generator.integers(0, tokens, (3,) + shape) if tokens else generator.uniform(-1, 1, (3,) + shape)
    x = x.astype("float32")
    outputs[f"{name}/x"] = torch.tensor(x)
    with torch.no_grad():
        outputs[f"{name}/y"] = torch.tensor(np.array(model(x, training=False).detach().cpu()))


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "Tests/KerasTests/Goldens"
    out = out / "keras"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    outputs = {}

    def write(model, name, containers):
        for container in containers:
            path = str(out / f"{name}.{container}")
            if container == "weights.h5":
                model.save_weights(path)
            else:
                model.save(path)

    for number, (name, shape, layers, containers) in enumerate(chains()):
        keras.utils.clear_session()
        model = chain(shape, layers)
        fill(model, number)
        write(model, name, containers)
        note(outputs, name, model, shape, 100 + number, tokens=11 if name == "tokens" else None)
    for number, (name, make, shape, containers) in enumerate([
            ("functional", functional, (6, 6, 2), ["h5", "keras", "weights.h5"]), ("nested", nested, (6, 6, 2), ["h5", "keras"])]):
        keras.utils.clear_session()
        model = make()
        fill(model, 50 + number)
        write(model, name, containers)
        note(outputs, name, model, shape, 150 + number)
    for number, (name, shape, layers, containers) in enumerate(endings()):
        keras.utils.clear_session()
        model = chain(shape, layers)
        fill(model, 90 + number)
        write(model, name, containers)
        note(outputs, name, model, shape, 170 + number)
    for name, make, containers in [("residual", residual, ["keras"]), ("unknown", unknown, ["keras"]),
                                   ("two_outputs", two_outputs, ["keras"]), ("trained", trained, ["keras", "h5"])]:
        keras.utils.clear_session()
        write(make(), name, containers)
    theano(out / "keras1_theano.h5", outputs)
    gates(out / "keras1_gates.h5", outputs)
    keras2(out / "keras2_graph.h5", outputs)

    # One model once more: as TensorFlow 2.12 names groups, as it did on Windows, in pieces, and in bfloat16.
    weights = str(out / "functional.weights.h5")
    renamed(weights, out / "tf212.weights.h5", lambda n: n.replace("layers/", "_layer_checkpoint_dependencies/"))
    renamed(weights, out / "windows.weights.h5",
            lambda n: n.replace("layers/", "_layer_checkpoint_dependencies\\", 1))
    model = keras.saving.load_model(str(out / "functional.keras"))
    model.save_weights(str(out / "parts.weights.json"), max_shard_size=8e-7)
    keras.utils.clear_session()
    half = keras.Sequential([L.Input((3,)), L.Dense(2, dtype="bfloat16")])
    fill(half, 61)
    half.save(str(out / "bfloat16.keras"))
    for index, v in enumerate(half.weights):
        outputs[f"bfloat16/{index}"] = torch.tensor(np.array(v.value.detach().to(torch.float32).cpu()))
    save(out / "outputs.safetensors", outputs, {"keras": keras.__version__})
    total = sum(f.stat().st_size for f in out.iterdir())
    print(f"{out}: {len(list(out.iterdir()))} files, {total:,} bytes")


if __name__ == "__main__":
    main()
