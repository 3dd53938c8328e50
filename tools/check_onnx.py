#!/usr/bin/env python3
"""Exports every network of the zoo as an ONNX file, and compares what ONNX Runtime computes with what Aviary does.

    tools/check_onnx.py [--aviary .build/tests/release/aviary] [--network NAME]... [--toy] [--keras FILE]... [--masks]
                        [--table TABLE.md]

For each network: random weights, `aviary convert NETWORK.safetensors NETWORK.onnx --example EXAMPLE.npz`, then ONNX's own
checker with `full_check`, strict shape inference with data propagation, and ONNX Runtime on the CPU with a batch of three and one
of one (and other lengths, numbers of nodes and edges). The difference is max|a - b|, relative to max|b|, the largest number
of that output in both batches as Aviary computes it; the largest of all outputs counts, and has to be at most 1e-5. Weights that
amplify rounding (as an input changed by 1e-6 shows) or give numbers that float16 has not are drawn again with smaller
normalisations. Then the variants: float16 (whose difference is printed, and has to be below 0.05), images prepared in the graph (against `aviary predict` of the same PNG), and
the 8-bit integers of `aviary quantize`. --toy takes small settings and images. --keras compares Keras files instead, or all
of a folder. --masks makes models with Keras whose results depend on which steps of a sequence count, or on which rows of
tables are looked up, and compares ONNX Runtime with Keras itself for sequences of which all steps, some, one and none count,
by themselves and in one batch; a model that cannot be exported has to be refused. Exit code 1 if anything differs or fails.

Needs: pip install onnx onnxruntime numpy safetensors pillow; for --masks also keras and one of its backends.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from PIL import Image
from safetensors.numpy import save_file

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOLERANCE = 1e-5
# Of Keras's own results, whose last digits are others.
KERAS_TOLERANCE = 2e-5
HALF_TOLERANCE = 0.05
# How many times larger a change of the output may be than that of the input: beyond, rounding alone passes the tolerance.
AMPLIFICATION = 6
# Beyond, a float16 file of the same weights overflows.
LARGEST = 1e4

# Sequences of tokens beside those of numbers, and other variants of a network than the published one: name, settings.
VARIANTS = {
    "sequence-lstm": [["symbols=30", "readout=mean", "bidirectional=true"]],
    "sequence-gru": [["symbols=30", "layers=2"]],
    "text-cnn": [["symbols=30"]],
    "text-transformer": [["symbols=30"], ["symbols=30", "readout=cls"]],
    "seq2seq-gru": [["attention=additive"], ["attention=none"]],
    "gcn-graph": [["readout=max"], ["readout=sum"]],
    "gin": [["readout=max", "learnsEpsilon=true"]],
    "rbm": [["units=gaussian"], ["units=counts"], ["units=softmax", "levels=4"]],
}
# Smaller settings for --toy.
TOY = {
    "char-lstm": ["hidden=24", "embedding=12"], "char-gru": ["hidden=24", "embedding=12"],
    "char-rnn": ["hidden=24", "embedding=12"], "char-transformer": ["width=16", "layers=2", "heads=2", "context=32"],
    "sequence-tagger-lstm": ["symbols=50", "embedding=8", "hidden=8"],
    "sequence-tagger-gru": ["symbols=50", "embedding=8", "hidden=8"],
    "seq2seq-gru": ["symbols=40", "embedding=8", "hidden=8", "classes=30", "layers=2"],
    "seq2seq-lstm": ["symbols=40", "embedding=8", "hidden=8", "classes=30"],
    "sequence-generator-gru": ["inputs=3", "embedding=8", "hidden=8", "classes=30", "layers=2"],
    "sequence-generator-lstm": ["inputs=3", "embedding=8", "hidden=8", "classes=30"],
}
# The smallest sides of images for --toy; 64 for others, and none for networks of fixed sizes.
SIDES = {
    "inception_v3": 75, "googlenet": 64, "xai": 100, "alexnet": 64, "maxvit_t": 224, "densenet121": 64, "vgg11": 32,
}
FIXED = ("vit_", "maxvit", "lenet", "mlp", "fashion", "simple", "dbn", "rbm", "xai", "alexnet-original")


# Tensors that are the same in every network.
TABLES = ["relative_position_index", "relative_coords_table"]


class Failure(Exception):
    pass


def run(*command, check=True):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if check and done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Failure(f"aviary {command[1]} exits with {done.returncode}: {said[-1] if said else ''}")
    return done


def tensors(aviary, name, head, settings, folder):
    """The names and shapes of a network's tensors, as `convert` reports them missing."""
    probe = folder / "probe.safetensors"
    command = [aviary, "convert", probe, folder / "probe.h5", "--architecture", name, "--json"]
    command += [part for setting in settings for part in ("--set", setting)]
    save_file({"no.such.tensor": np.zeros((1,) * 5, np.float32)}, probe)
    first = re.search(r"the network '([^']+)'", run(*command, check=False).stderr)
    if first is None:
        raise Failure("the names of its tensors are not known: " + run(*command, check=False).stderr.strip()[:200])
    # A head that is missing as a whole would not be listed. Layers that are numbered are read in their order: the head is the
    # last of as many.
    base, number = re.fullmatch(r"(.*?)(\d*)", head).groups()
    numbered = [f"{base}{each}" for each in range(1, int(number or 0))]
    places = [[f"{head}.{part}weight" for part in parts]
              for parts in ([""], ["lin."], [f"{number}." for number in range(9)])]
    for names in places + [[f"{each}.weight" for each in numbered + [head]]]:
        wrong = {first[1], *names}
        save_file({each: np.zeros((1,) * 5, np.float32) for each in wrong}, probe)
        done = run(*command, check=False)
        try:
            report = json.loads(done.stdout)
        except json.JSONDecodeError:
            raise Failure(done.stderr.strip()[:300])
        found = {entry["path"]: entry["shape"] for entry in report["missing"]} | {
            entry["path"]: entry["expected"] for entry in report["mismatched"]}
        if any(each.startswith(head + ".") for each in found):
            break
    return found


def weights(shapes, seed, normalization):
    """Random weights whose normalisations multiply by about `normalization`."""
    random = np.random.default_rng(seed)
    made = {}
    for name, shape in shapes.items():
        last = name.split(".")[-1]
        if last in TABLES:
            continue
        noise = random.standard_normal(shape)
        if last == "running_var":
            value = random.uniform(0.5, 1.5, shape)
        elif last == "logit_scale":
            value = np.log(10) + 0.1 * noise
        elif last in ("running_mean", "eps") or (len(shape) == 1 and last != "weight"):
            value = 0.1 * noise
        elif len(shape) <= 1:
            value = normalization * (1 + 0.1 * noise)
        else:
            value = noise * np.sqrt((2 if len(shape) == 4 else 1) / max(1, np.prod(shape[1:])))
        made[name] = np.ascontiguousarray(value, np.float32)
    return made


def session(path, isHalf=False, isPlain=False):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if isHalf:
        # ONNX Runtime 1.32 ends with a segmentation fault where it changes layouts around an LSTM of float16.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    if isPlain:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def check_file(path):
    """ONNX's own checks, on the path, as files beyond two gigabytes need it."""
    onnx.checker.check_model(str(path), full_check=True)
    if path.stat().st_size < 1_900_000_000:
        model = onnx.load(path, load_external_data=False)
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)


def inputs(runtime, arrays, number):
    """What a session takes of an example's batch."""
    return {each.name: arrays[f"{number}/{each.name}"].astype(np.int64 if "int64" in each.type else np.float32)
            for each in runtime.get_inputs()}


def is_steady(path, example):
    """Whether a small change of the inputs that are numbers changes the outputs little, both relative to the largest."""
    runtime, change = session(path), 1e-6
    feeds = inputs(runtime, np.load(example), "0")
    noise = np.random.default_rng(0)
    near = {name: each if each.dtype == np.int64 else
            (each + change * np.abs(each).max(initial=0) * noise.standard_normal(each.shape)).astype(np.float32)
            for name, each in feeds.items()}
    for own, other in zip(runtime.run(None, feeds), runtime.run(None, near)):
        largest = float(np.abs(own).max(initial=0))
        if largest > LARGEST or float(np.abs(own - other).max(initial=0)) > AMPLIFICATION * change * (largest or 1):
            return False
    return True


def compare(path, example, isHalf=False):
    """The largest difference, absolute and relative, of all outputs and batches."""
    runtime = session(path, isHalf)
    arrays = np.load(example)
    differences, scales = {}, {}
    for number in ("0", "1"):
        feeds = inputs(runtime, arrays, number)
        for each, found in zip(runtime.get_outputs(), runtime.run(None, feeds)):
            expected = arrays[f"{number}/{each.name}"]
            if found.shape != expected.shape:
                raise Failure(f"{each.name} has the shape {found.shape} instead of {expected.shape}")
            if not np.array_equal(np.isfinite(found), np.isfinite(expected)):
                raise Failure(f"{each.name} is not finite in other places")
            difference = float(np.abs(found.astype(np.float64) - expected).max(initial=0))
            differences[each.name] = max(differences.get(each.name, 0.0), difference)
            scales[each.name] = max(scales.get(each.name, 0.0), float(np.abs(expected).max(initial=0)))
    return max(((value, value / (scales[name] or 1.0)) for name, value in differences.items()), key=lambda pair: pair[1])


def check_network(aviary, name, head, settings, size, folder, seed):
    stored, path, example = folder / "weights.safetensors", folder / "network.onnx", folder / "example.npz"
    for old in folder.glob("network.onnx*"):
        old.unlink()
    shapes = tensors(aviary, name, head, settings, folder)
    common = ["--architecture", name]
    for table in TABLES:
        if any(each.endswith(table) for each in shapes):
            common += ["--allow-missing", f"**.{table}"]
    common += [part for setting in settings for part in ("--set", setting)]
    if size:
        common += ["--input-size", str(size), "--preprocessing", "torchvision"]
    for normalization in (1, 0.7, 0.5, 0.35):
        save_file(weights(shapes, seed, normalization), stored)
        start = time.monotonic()
        done = run(aviary, "convert", stored, path, "--example", example, "--json", "--force", *common)
        seconds = time.monotonic() - start
        if is_steady(path, example):
            break
    else:
        raise Failure("the random weights amplify rounding")
    report = json.loads(done.stdout)
    check_file(path)
    absolute, relative = compare(path, example)
    half = folder / "half.onnx"
    run(aviary, "convert", stored, half, "--dtype", "f16", "--force", *common)
    check_file(half)
    _, lost = compare(half, example, isHalf=True)
    for old in folder.glob("half.onnx*"):
        old.unlink()
    if relative > TOLERANCE:
        raise Failure(f"differs by {absolute:.2e}, {relative:.2e} of the largest output")
    if lost > HALF_TOLERANCE:
        raise Failure(f"float16 differs by {lost:.2e} of the largest output")
    ports = ", ".join(f"{each['name']} [{' '.join(each['shape'])}]" for each in report["inputs"])
    return dict(inputs=ports, nodes=report["nodes"], bytes=report["weight_bytes"], absolute=absolute, relative=relative,
                half=lost, seconds=seconds)


def picture(path, size, seed):
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    image = Image.fromarray(small).resize((size, size), Image.BICUBIC)
    image.save(path)
    return np.asarray(image)


def check_images(aviary, folder):
    """Images prepared in the graph, and 8-bit integers, of shipped weights: LeNet-5 on Fashion-MNIST."""
    checkpoint = ROOT / "Weights/lenet5-fashion.h5"
    data = folder / "data"
    for k in range(2):
        (data / f"class{k}").mkdir(parents=True, exist_ok=True)
        for number in range(12):
            picture(data / f"class{k}" / f"{number}.png", 28, 100 * k + number)
    photograph = data / "class0" / "0.png"
    given = np.asarray(Image.open(photograph).convert("L"))[None, :, :, None]
    said = json.loads(run(aviary, "predict", checkpoint, photograph, "--top", 10, "--json").stdout)

    def probabilities(model):
        path = folder / "prepared.onnx"
        run(aviary, "convert", model, path, "--with-preprocessing", "--probabilities", "--force")
        check_file(path)
        classes = json.loads({p.key: p.value for p in onnx.load(path).metadata_props}["classes"])
        # Its integer kernels saturate on processors without VNNI.
        runtime = session(path, isPlain=True)
        found = runtime.run(None, {"image": np.ascontiguousarray(given)})[0][0]
        return dict(zip(classes, found))

    def expected(said):
        return {entry["name"]: entry["probability"] for entry in said["predictions"][0]["classes"]}

    own = expected(said)
    found = probabilities(checkpoint)
    difference = max(abs(own[name] - found[name]) for name in own)
    print(f"prepared in the graph: probabilities differ by {difference:.1e}")
    if difference > 1e-5:
        raise Failure("images prepared in the graph differ")
    each = folder / "each.h5"
    run(aviary, "train", "lenet5", "--data", data, "--samplewise", "standard", "--epochs", 1, "--output", each)
    own = expected(json.loads(run(aviary, "predict", each, photograph, "--top", 10, "--json").stdout))
    found = probabilities(each)
    difference = max(abs(own[name] - found[name]) for name in own)
    print(f"each image normalized by itself: probabilities differ by {difference:.1e}")
    if difference > 1e-5:
        raise Failure("images that are normalized by themselves differ")
    integers = folder / "integers.h5"
    run(aviary, "quantize", checkpoint, "--data", data, "--output", integers, "--force")
    own = expected(json.loads(run(aviary, "predict", integers, photograph, "--top", 10, "--json").stdout))
    found = probabilities(integers)
    difference = max(abs(own[name] - found[name]) for name in own)
    print(f"8-bit integers: probabilities differ by {difference:.1e}")
    if difference > 0.02:
        raise Failure("8-bit integers differ")


def check_keras(aviary, files, folder):
    failures, rows = [], []
    for path in files:
        target, example = folder / "keras.onnx", folder / "keras.npz"
        done = run(aviary, "convert", path, target, "--example", example, "--force", check=False)
        if done.returncode != 0:
            rows.append((path.name, "refused: " + done.stderr.strip().splitlines()[-1].split(": ", 2)[-1]))
            if done.returncode not in (1, 64):
                failures.append(path.name)
            continue
        try:
            check_file(target)
            absolute, relative = compare(target, example)
            rows.append((path.name, f"{relative:.1e}"))
            if relative > TOLERANCE:
                failures.append(path.name)
        except Exception as fault:  # noqa: BLE001: whatever ONNX has against the file
            rows.append((path.name, f"FAILED: {str(fault)[:300]}"))
            failures.append(path.name)
    for name, said in rows:
        print(f"{name:40} {said}")
    print(f"{sum(said[0].isdigit() for _, said in rows)} of {len(rows)} files exported and equal")
    return failures


# Which tokens count by which layers: all, some at either end and in between, one, and none.
TOKENS = [
    [1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 0, 0, 0, 0], [0, 0, 5, 2, 1, 0, 0], [0, 3, 0, 4, 0, 0, 1], [9, 0, 0, 0, 0, 0, 0],
    [0, 0, 0, 0, 0, 0, 8], [10, 10, 10, 10, 10, 10, 10], [0, 0, 0, 0, 0, 0, 0],
]


def masked_models(keras):
    """Name, model, inputs as Keras has them, and whether it is refused or exported in float16."""
    layers, inputs = keras.layers, keras.Input
    tokens = np.array(TOKENS, np.float32)
    # A mean of no steps is not a number.
    some = tokens[:-1]
    random = np.random.default_rng(0)

    def embedded(*parts, length=7):
        return keras.Sequential([inputs((length,)), layers.Embedding(11, 4, mask_zero=True), *parts])

    recurrent = {
        "lstm": layers.LSTM(3), "gru": layers.GRU(3), "rnn": layers.SimpleRNN(3),
        "rnn-relu": layers.SimpleRNN(3, activation="relu"),
        "lstm-sequences": layers.LSTM(3, return_sequences=True),
        "lstm-zeroing": layers.LSTM(3, return_sequences=True, zero_output_for_mask=True),
        "gru-backwards": layers.GRU(3, go_backwards=True),
        "gru-backwards-sequences": layers.GRU(3, go_backwards=True, return_sequences=True),
        "both": layers.Bidirectional(layers.LSTM(3)),
        "both-sequences": layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode="sum"),
        "both-product": layers.Bidirectional(layers.SimpleRNN(3, return_sequences=True), merge_mode="mul"),
        "both-zeroing": layers.Bidirectional(layers.LSTM(3, return_sequences=True, zero_output_for_mask=True)),
    }
    for name, layer in recurrent.items():
        yield name, embedded(layer, layers.Dense(3)), [tokens], None
    yield "open-length", embedded(layers.LSTM(3), layers.Dense(3), length=None), [tokens], None
    yield "stacked", embedded(layers.LSTM(3, return_sequences=True), layers.Dense(4), layers.GRU(3)), [tokens], None
    both = [layers.Bidirectional(layers.GRU(3, return_sequences=each)) for each in (True, False)]
    yield "both-stacked", embedded(*both, layers.Dense(3)), [tokens], None
    yield "mean", embedded(layers.GlobalAveragePooling1D(), layers.Dense(3)), [some], None

    x = inputs((7,))
    y = layers.Embedding(11, 4, mask_zero=True)(x)
    yield "attention", keras.Model(x, layers.MultiHeadAttention(2, 3)(y, y)), [some], None
    x = inputs((7,))
    y = layers.Embedding(11, 4, mask_zero=True)(x)
    yield "dot-attention", keras.Model(x, layers.Attention()([y, y])), [some], None
    for kind in (layers.Add, layers.Concatenate):
        a, b = inputs((7,)), inputs((7,))
        y = kind()([layers.Embedding(11, 4, mask_zero=True)(a), layers.Embedding(11, 4, mask_zero=True)(b)])
        yield kind.__name__.lower(), keras.Model([a, b], layers.LSTM(3)(y)), [tokens, tokens[::-1].copy()], None
    a, b = inputs((7,)), inputs((3,))
    y = layers.Embedding(11, 4, mask_zero=True)(a)
    state = layers.Dense(5)(b)
    first = random.standard_normal((len(TOKENS), 3)).astype(np.float32)
    yield "state", keras.Model([a, b], layers.GRU(5)(y, initial_state=state)), [tokens, first], None

    steps = random.standard_normal((len(TOKENS), 7, 3)).astype(np.float32)
    steps[tokens == 0] = 0
    yield "masking", keras.Sequential([inputs((7, 3)), layers.Masking(), layers.LSTM(3)]), [steps], None
    # What is masked is computed, so that no number of the input says it.
    yield "masking-computed", keras.Sequential(
        [inputs((7, 3)), layers.Rescaling(1, offset=1), layers.Masking(1), layers.LSTM(3)]), [steps], None

    a, b = inputs((1,)), inputs((1,))
    y = layers.Concatenate()([layers.Flatten()(layers.Embedding(2, 4)(each)) for each in (a, b)])
    of_a, of_b = np.array([[0], [0], [1], [1]], np.float32), np.array([[0], [1], [0], [1]], np.float32)
    yield "two-tables", keras.Model([a, b], layers.Dense(3)(y)), [of_a, of_b], None
    table = keras.Sequential([inputs((4,)), layers.Embedding(6000, 4), layers.Flatten(), layers.Dense(3)])
    yield "float16", table, [np.array([[2049, 4001, 5999, 3], [0, 1, 2, 2051]], np.float32)], "half"

    for axes, shape in ((1, (6, 2)), (2, (4, 3, 2)), (3, (4, 3, 2, 2))):
        count = int(np.prod(shape))
        padding = getattr(layers, f"ZeroPadding{axes}D")
        padded = keras.Sequential(
            [inputs((count,)), layers.Dense(count), layers.Reshape(shape), padding(1), layers.Flatten(), layers.Dense(3)])
        yield f"padding-{axes}", padded, [random.standard_normal((3, count)).astype(np.float32)], None

    a = inputs((1,))
    encoded = layers.CategoryEncoding(2, output_mode="one_hot")(a)
    y = layers.Concatenate()([layers.Flatten()(layers.Embedding(2, 4)(a)), layers.Flatten()(encoded)])
    yield "encoding", keras.Model(a, layers.Dense(3)(y)), [of_a], "refused"
    yield "step-by-step", embedded(layers.LSTM(3, activation="relu"), layers.Dense(3)), [tokens], "refused"


def channels_first(x):
    return np.ascontiguousarray(np.moveaxis(x, -1, 1)) if x.ndim > 2 else x


def check_masked(keras, aviary, name, model, inputs, kind, folder):
    """The largest difference from Keras's results, relative to the largest of them."""
    stored, path = folder / "masked.keras", folder / "masked.onnx"
    model.save(stored)
    half = ["--dtype", "f16"] if kind == "half" else []
    done = run(aviary, "convert", stored, path, "--force", *half, check=False)
    if kind == "refused":
        said = done.stderr.strip().splitlines()[-1:]
        if done.returncode != 1 or "cannot be exported to ONNX" not in "".join(said):
            raise Failure(f"exits with {done.returncode} instead of being refused: {said}")
        return None
    if done.returncode != 0:
        raise Failure(done.stderr.strip().splitlines()[-1])
    check_file(path)
    runtime = session(path, isHalf=kind == "half")
    expected = channels_first(keras.ops.convert_to_numpy(model(inputs if len(inputs) > 1 else inputs[0])))
    worst = 0.0
    for rows in [slice(None)] + [slice(row, row + 1) for row in range(len(expected))]:
        feeds = {port.name: channels_first(given)[rows] for port, given in zip(runtime.get_inputs(), inputs)}
        found = runtime.run(None, feeds)[0]
        if found.shape != expected[rows].shape:
            raise Failure(f"the output has the shape {found.shape} instead of {expected[rows].shape}")
        worst = max(worst, float(np.abs(found - expected[rows]).max()))
    relative = worst / float(np.abs(expected).max())
    if not relative <= (HALF_TOLERANCE if kind == "half" else KERAS_TOLERANCE):
        raise Failure(f"differs by {relative:.1e} of the largest output")
    return relative


def check_masks(aviary, folder):
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras

    keras.utils.set_random_seed(1)
    failures = []
    for name, model, inputs, kind in masked_models(keras):
        try:
            relative = check_masked(keras, aviary, name, model, inputs, kind, folder)
            print(f"{name:28} {'refused, as it has to be' if relative is None else f'{relative:.1e}'}", flush=True)
        except Exception as fault:  # noqa: BLE001: whatever ONNX has against the file
            failures.append(name)
            print(f"{name:28} FAILED: {str(fault)[:300]}", flush=True)
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--aviary", type=pathlib.Path, default=ROOT / ".build/tests/release/aviary")
    parser.add_argument("--network", action="append")
    parser.add_argument("--toy", action="store_true")
    parser.add_argument("--keras", action="append", type=pathlib.Path)
    parser.add_argument("--masks", action="store_true")
    parser.add_argument("--table", type=pathlib.Path)
    options = parser.parse_args()
    aviary = options.aviary.resolve()
    failures, rows = [], []
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        if options.keras:
            files = [
                file for given in options.keras
                for file in (sorted(given.rglob("*.h5")) + sorted(given.rglob("*.keras")) if given.is_dir() else [given])]
            failures = check_keras(aviary, files, folder)
            sys.exit(f"{len(failures)} failed: {', '.join(failures)}" if failures else 0)
        if options.masks:
            failures = check_masks(aviary, folder)
            sys.exit(f"{len(failures)} failed: {', '.join(failures)}" if failures else 0)
        known = json.loads(run(aviary, "models", "--all", "--json").stdout)["models"]
        for number, each in enumerate(known):
            name = each["name"]
            if options.network and name not in options.network:
                continue
            for further in [[]] + VARIANTS.get(name, []):
                settings = (TOY.get(name, []) if options.toy else []) + further
                size = None
                if options.toy and len(each["input"]) == 3 and not name.startswith(FIXED):
                    size = min(SIDES.get(name, 64), each["input"][1])
                title = " ".join([name] + further)
                try:
                    row = check_network(aviary, name, each["head"], settings, size, folder, number)
                    rows.append((title, row))
                    print(f"{title:34} {row['nodes']:5} nodes {row['bytes']:12,} bytes  max|difference| {row['absolute']:.1e}"
                          f"  relative {row['relative']:.1e}  float16 {row['half']:.1e}  {row['seconds']:6.1f} s", flush=True)
                except Exception as fault:  # noqa: BLE001: whatever ONNX has against the file
                    failures.append(title)
                    print(f"{title:34} FAILED: {str(fault)[:600]}", flush=True)
        if not options.network:
            try:
                check_images(aviary, folder)
            except Exception as fault:  # noqa: BLE001
                failures.append("images")
                print(f"images FAILED: {str(fault)[:600]}")
    if options.table:
        lines = ["| network | inputs | nodes | bytes of weights | max\\|difference\\| | relative | float16, relative |",
                 "|---|---|--:|--:|--:|--:|--:|"]
        lines += [f"| {title} | {row['inputs']} | {row['nodes']:,} | {row['bytes']:,} | {row['absolute']:.1e} | "
                  f"{row['relative']:.1e} | {row['half']:.1e} |" for title, row in rows]
        options.table.write_text("\n".join(lines) + "\n")
    if failures:
        sys.exit(f"{len(failures)} of {len(failures) + len(rows)} failed: {', '.join(failures)}")
    print(f"{len(rows)} networks equal, within {TOLERANCE} of the largest output")


if __name__ == "__main__":
    main()
