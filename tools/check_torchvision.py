#!/usr/bin/env python3
"""Whether torchvision's state dictionaries predict here as they do there: tools/check_torchvision.py [NAME...]

Each network gets random weights and the statistics of photographs, and is saved by PyTorch; the built command converts the
file and predicts 20 photographs of cats-vs-dogs in $AVIARY_SHARED_DATA (../shared/data). The logarithms of the probabilities
have to be as near to PyTorch's in float64 as Aviary promises (1e-5 in the Euclidean norm), or within twice the distance that
PyTorch's own float32 has. By default one network of each family is tried.

Needs: pip install torch==2.13.0 numpy pillow, then pip install --no-deps torchvision==0.28.0, and swift build.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import types

import torch
from torch import nn

for part in ("_meta_registrations", "_autograd_registrations"):  # The CPU build of torch lacks the detection operators.
    sys.modules[f"torchvision.{part}"] = types.ModuleType(part)
import torchvision.models  # noqa: E402
from PIL import Image  # noqa: E402
from torchvision import transforms  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("AVIARY_SHARED_DATA") or ROOT / "../shared/data")
DEFAULT = [
    "mobilenet_v2", "mobilenet_v3_large", "mnasnet1_0", "efficientnet_b0", "efficientnet_v2_s", "regnet_x_400mf",
    "regnet_y_400mf"]


def command():
    """The built command."""
    given = os.environ.get("AVIARY")
    built = [pathlib.Path(given)] if given else [ROOT / f".build/{kind}/aviary" for kind in ("release", "debug")]
    return next((path for path in built if path.exists()), None) or sys.exit("build the command first: swift build")


def run(*arguments):
    done = subprocess.run([str(argument) for argument in arguments], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments[:3]))}: {done.stderr.strip()}")
    return done.stdout


def prepared(paths, size):
    """As `--preprocessing torchvision` has it for images of a size."""
    change = transforms.Compose([
        transforms.Resize(round(256 * size / 224)), transforms.CenterCrop(size), transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
    return torch.stack([change(Image.open(path).convert("RGB")) for path in paths])


def network(name, x):
    torch.manual_seed(1)
    result = getattr(torchvision.models, name)(weights=None)
    norms = [module for module in result.modules() if isinstance(module, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    result.train()
    with torch.no_grad():
        result(x)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
    return result.eval()


def check(name, aviary, paths, folder):
    listed = json.loads(run(aviary, "models", name, "--json").splitlines()[-1])["models"][0]
    size = listed["input"][1]
    x = prepared(paths, size)
    model = network(name, x[:8])
    file, converted = folder / f"{name}.pth", folder / f"{name}.h5"
    torch.save(model.state_dict(), file)
    run(aviary, "convert", file, converted, "--architecture", name, "--preprocessing", "torchvision")
    result = json.loads(run(aviary, "predict", converted, *paths, "--top", 1000, "--json").splitlines()[-1])
    rows = []
    for prediction in result["predictions"]:
        row = torch.zeros(1000, dtype=torch.float64)
        for entry in prediction["classes"]:
            row[int("".join(filter(str.isdigit, entry["name"])))] = entry["probability"]
        rows.append(row.log())
    own = torch.stack(rows)
    with torch.no_grad():
        single = model(x).log_softmax(1).double()
        exact = model.double()(x.double()).log_softmax(1)

    def distance(a):
        return ((a - exact).norm() / exact.norm()).item()
    fine = distance(own) <= max(1e-5, 2 * distance(single))
    print(f"{name}: {distance(own):.1e}, PyTorch's float32 {distance(single):.1e}{'' if fine else ': too far'}", flush=True)
    file.unlink()
    converted.unlink()
    return fine


def main():
    aviary = command()
    paths = sorted((DATA / "cats-vs-dogs/test").glob("*/*"))[::10][:20]
    if not paths:
        sys.exit(f"{DATA}/cats-vs-dogs: there are no photographs; name their folder with AVIARY_SHARED_DATA")
    with tempfile.TemporaryDirectory() as folder:
        results = [check(name, aviary, paths, pathlib.Path(folder)) for name in sys.argv[1:] or DEFAULT]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
