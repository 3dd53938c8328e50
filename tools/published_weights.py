#!/usr/bin/env python3
"""Writes the tables of published weights in Sources/Hub/Tables from the sources of torchvision and Keras.

    python3 tools/published_weights.py

Everything in them is what the libraries say of the files: addresses, hashes, sizes, preprocessing, accuracies. Nothing is
fetched. torchvision publishes the first digits of a file's SHA-256 in its name, and its size in MiB with three digits;
Keras publishes an MD5, or a SHA-256, of each file. Needs torchvision (0.28 with torch 2.13) and the sources of Keras.
"""

import ast
import importlib.util
import json
import pathlib
import re
import sys
import types

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLES = ROOT / "Sources/Hub/Tables"
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
HEAD = """// Written by tools/published_weights.py from {source}; do not edit.

extension {owner} {{
  /// {comment}
  {access}static let {name} = #\"\"\"
"""


# Where published weights need another network than the one of their name: torchvision's builders turn `transform_input` on.
CONFIGURATIONS = {
    "googlenet": {
        "auxiliaryHeads": True, "transformInput": True, "divisor": 1, "dropout": 0.2, "auxiliaryDropout": 0.7,
        "inputChannels": 3, "classes": 1000},
    "inception_v3": {
        "auxiliaryHeads": True, "transformInput": True, "divisor": 1, "dropout": 0.5, "inputChannels": 3, "classes": 1000},
}


def swift(name, source, comment, lines, folder=TABLES, access="", owner="PublishedWeights"):
    """Writes a file with a text of these lines."""
    text = HEAD.format(source=source, comment=comment, name=name, access=access, owner=owner)
    text += "".join(f"    {line}\n" for line in lines) + '    """#\n}\n'
    (folder / f"{name[0].upper()}{name[1:]}.swift").write_text(text)
    print(f"{name}: {len(lines)} lines")


def torchvision():
    # Compiled parts that no weights need, and which torch 2.13 does not load.
    for stub in ("_meta_registrations", "_autograd_registrations"):
        sys.modules["torchvision." + stub] = types.ModuleType("torchvision." + stub)
    import torchvision
    from torchvision.models import get_model_weights, list_models

    rows, categories = [], None
    for model in list_models(module=torchvision.models):
        weights = get_model_weights(model)
        for entry in weights:
            meta, transforms = entry.meta, entry.transforms()
            # VGG16's IMAGENET1K_FEATURES have no classifier.
            if not meta["categories"]:
                continue
            categories = categories or meta["categories"]
            assert meta["categories"] == categories, entry
            version = entry.name.removeprefix("IMAGENET1K_").lower().replace("_", "-")
            hashed = re.search(r"-([0-9a-f]{8,})\.pth$", entry.url)
            mean, deviation = list(transforms.mean), list(transforms.std)
            (crop,), (resize,) = transforms.crop_size, transforms.resize_size
            accuracy = meta["_metrics"]["ImageNet-1K"]
            row = {
                "name": f"{model}-imagenet-{version}",
                # torchvision's own choice where it has several.
                "alias": f"{model}-imagenet" if entry == weights.DEFAULT else None,
                "architecture": model,
                "configuration": CONFIGURATIONS.get(model),
                "url": entry.url,
                "sha256_prefix": hashed.group(1),
                "mib": meta["_file_size"],
                "parameters": meta["num_params"],
                "classes": "imagenet-1k",
                "resize": resize,
                "crop": crop,
                "interpolation": transforms.interpolation.value,
                "mean": mean if mean != IMAGENET[0] else None,
                "std": deviation if deviation != IMAGENET[1] else None,
                "top1": accuracy["acc@1"],
                "top5": accuracy["acc@5"],
                "licence": meta.get("license"),
                "recipe": meta["recipe"],
            }
            rows.append(json.dumps({key: value for key, value in row.items() if value is not None}, separators=(",", ":")))
    swift(
        "torchvisionRows", "torchvision " + torchvision.__version__.split("+")[0],
        "torchvision's weights for classification, one a line; none of them was fetched when the table was made.", rows)
    swift(
        "imageNetNames", "torchvision " + torchvision.__version__.split("+")[0],
        "The names of ImageNet's 1000 classes as torchvision has them, in the order of the outputs.", categories,
        folder=ROOT / "Sources/Checkpoints/Hub", access="package ", owner="ImageNet")


def plain(name):
    return re.sub(r"[^a-z0-9]", "", name.lower())


def keras():
    """The files with a head of Keras's applications; the tables of hashes are read from the source, not imported."""
    folder = pathlib.Path(importlib.util.find_spec("keras").origin).parent / "src/applications"
    version = re.search(r'"([\d.]+)"', (folder.parent / "version.py").read_text()).group(1)
    rows = []

    modes, sizes = {}, {}
    for source in folder.glob("*.py"):
        text = source.read_text()
        if source.stem == "imagenet_utils" or "def preprocess_input" not in text:
            continue
        # Of each network its size, or that of all in the file; what preprocess_input does, which may be nothing.
        body = text[text.index("def preprocess_input"):]
        mode = re.search(r'mode="(\w+)"', body[:body.index("\ndef decode_predictions")])
        modes[source.stem] = mode.group(1) if mode else "none"
        common = re.search(r'default_size"?\s*[:=]\s*(\d+)', text)
        if common:
            sizes[source.stem] = int(common.group(1))
        for function in ast.parse(text).body:
            if not isinstance(function, ast.FunctionDef):
                continue
            for call in ast.walk(function):
                if not isinstance(call, ast.Call):
                    continue
                given = [k.value for k in call.keywords if k.arg == "default_size"]
                if not given and getattr(call.func, "id", "") == "EfficientNet":
                    given = [call.args[2]]
                for value in given:
                    if isinstance(value, ast.Constant):
                        sizes[plain(function.name)] = value.value
                        sizes.setdefault(source.stem, value.value)

    def add(name, url, value, source):
        kind = {32: "md5", 64: "sha256"}[len(value)]
        row = {"name": f"keras-{name}-imagenet", "url": url, kind: value, "classes": "imagenet-1k-keras"}
        # Keras publishes the files of ResNeXt, and no longer its network.
        if not name.startswith("resnext"):
            source = "resnet_v2" if re.fullmatch(r"resnet\d+v2", name) else source
            row["mode"] = modes[source]
            named = re.search(r"_(\d{3})_", name)
            row["size"] = int(named.group(1)) if named else sizes.get(plain(name)) or sizes[source.removesuffix("_v2") if name.startswith("resnet") else source]
        rows.append(json.dumps(row, separators=(",", ":")))

    base = "https://storage.googleapis.com/tensorflow/keras-applications"

    def hashes(file):
        text = (folder / file).read_text()
        table = text[text.index("WEIGHTS_HASHES = {"):]
        return re.findall(r'"([\w.-]+)":\s*\(?\s*"([0-9a-f]{32,64})"', table[:table.index("\n}")])

    for name, value in hashes("resnet.py"):
        add(name, f"{base}/resnet/{name}_weights_tf_dim_ordering_tf_kernels.h5", value, "resnet")
    for name, value in hashes("convnext.py"):
        add(name, f"{base}/convnext/{name}.h5", value, "convnext")
    for name, value in hashes("efficientnet.py"):
        add(f"efficientnet{name}", f"https://storage.googleapis.com/keras-applications/efficientnet{name}.h5", value, "efficientnet")
    for name, value in hashes("efficientnet_v2.py"):
        add(
            f"efficientnetv2-{name.lstrip('-')}", f"{base}/efficientnet_v2/efficientnetv2-{name.lstrip('-')}.h5", value,
            "efficientnet_v2")
    for name, value in hashes("mobilenet_v3.py"):
        add(f"mobilenet_v3_{name}", f"{base}/mobilenet_v3/weights_mobilenet_v3_{name}.h5", value, "mobilenet_v3")
    # The others name the file and its hash in a call of get_file.
    for file in [
            "densenet.py", "inception_resnet_v2.py", "inception_v3.py", "nasnet.py", "vgg16.py", "vgg19.py", "xception.py"]:
        text = (folder / file).read_text()
        constants = {}
        for node in ast.parse(text).body:
            if isinstance(node, ast.Assign) and "WEIGHT" in getattr(node.targets[0], "id", ""):
                constants[node.targets[0].id] = eval(ast.unparse(node.value), {}, constants)
        for name, path, value in re.findall(
                r'get_file\(\s*"([^"]+)",\s*([A-Z_0-9]+),\s*cache_subdir="models",\s*file_hash="(\w+)"', text):
            if "notop" not in name and "no_top" not in name:
                add(re.sub(r"_weights_.*|\.h5$", "", name), constants[path], value, file.removesuffix(".py"))
    swift(
        "kerasRows", "Keras " + version,
        "Files of Keras's applications with their heads, one a line; none of them was fetched when the table was made.", rows)


torchvision()
keras()
