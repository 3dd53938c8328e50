#!/usr/bin/env python3
"""Takes one network of full size of each of torchvision's families through the commands, and compares with torchvision.

    tools/check_zoo.py DATA [--aviary .build/tests/release/aviary] [--network NAME]... [--only-predict]

DATA is an image folder with parts, DATA/train/CLASS and DATA/test/CLASS. For each network: random weights from a seed, with
statistics of the photographs, saved by torch.save as a state dictionary; `aviary convert`; `aviary predict --json` on 20
photographs, whose logits have to equal torchvision's in float64 within 1e-5 of their norm or, in deep networks, within
twice the distance of torchvision's own float32; then an epoch of `finetune --freeze backbone --limit`, `quantize`, and
`evaluate` of both, which says what the integers cost. Networks that the command does not know are listed. Exit code 1 if
anything differs or fails.

Needs: pip install torch==2.13.0 numpy pillow, then pip install --no-deps torchvision==0.28.0.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import types
import warnings

import torch
from PIL import Image

for part in ("_meta_registrations", "_autograd_registrations"):  # The CPU build of torch lacks the detection operators.
    sys.modules[f"torchvision.{part}"] = types.ModuleType(part)
import torchvision.models as models  # noqa: E402
from torchvision import transforms  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent

# One network of each family, or two where a family's members differ in kind.
NETWORKS = [
    "alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet", "inception_v3",
    "maxvit_t", "mnasnet1_0", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "regnet_x_400mf",
    "regnet_y_400mf", "resnet50", "resnext50_32x4d", "shufflenet_v2_x1_0", "squeezenet1_0", "squeezenet1_1", "swin_t",
    "swin_v2_t", "vgg11_bn", "vit_b_16", "wide_resnet50_2",
]
PHOTOGRAPHS = 20
TOLERANCE = 1e-5
# What the probabilities that are printed have lost: they are single-precision numbers.
RESOLUTION = 2e-7


class Failure(Exception):
    pass


def run(*command):
    """The lines that a command prints; its last one on standard error where it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise Failure(f"aviary {command[1]} exits with {done.returncode}: {said[-1] if said else ''}")
    return done.stdout.splitlines()


def photographs(folder, count):
    """As many of each class, in the order of their names."""
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    return [path for each in classes for path in sorted(each.iterdir())[: count // len(classes)]]


def small_copy(data, to):
    """A few photographs of each part, so that learning and scoring take seconds."""
    for part, count in (("train", 24), ("test", 20)):
        for path in photographs(data / part, count):
            target = to / part / path.parent.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


def pixels(paths, size):
    prepare = transforms.Compose([
        transforms.Resize(round(size * 256 / 224)), transforms.CenterCrop(size), transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])])
    return torch.stack([prepare(Image.open(path).convert("RGB")) for path in paths])


def built(name, x):
    """A network with weights from a seed, statistics with which its activations keep their size, and logits of size 1."""
    torch.manual_seed(sum(name.encode()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = models.get_model(name, weights=None)
    for module in network.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = None
    network.train()
    with torch.no_grad():
        network(x)
        network.eval()
        head = [module for module in network.modules() if isinstance(module, (torch.nn.Linear, torch.nn.Conv2d))][-1]
        if not head.weight.any():  # A vision transformer's head begins with zeros: all classes would be the same.
            torch.nn.init.normal_(head.weight, std=0.02)
        # Probabilities of logits that are too large are 0, those of small ones all the same.
        size = logits(network, x).std()
        for parameter in head.parameters():
            parameter /= size
    return network


def centred(logits):
    """Logits without the constant that a softmax loses."""
    logits = logits.double()
    return logits - logits.mean(dim=1, keepdim=True)


def logits(network, x):
    with torch.no_grad():
        return centred(torch.cat([network(part) for part in x.split(4)]))


def distance(a, b):
    return ((a - b).norm() / b.norm()).item()


def predicted(lines, count):
    """Centred logits from probabilities of all classes."""
    found = []
    for entry in json.loads(lines[-1])["predictions"]:
        probabilities = torch.zeros(count, dtype=torch.float64)
        for each in entry["classes"]:
            probabilities[int(each["name"].split()[-1])] = each["probability"]
        found.append(probabilities.log())
    return centred(torch.stack(found))


def check(name, arguments, folder, small, size):
    paths = photographs(arguments.data / "test", PHOTOGRAPHS)
    x = pixels(paths, size)
    network = built(name, x)
    state, converted = folder / f"{name}.pth", folder / f"{name}.h5"
    torch.save(network.state_dict(), state)
    run(arguments.aviary, "convert", state, converted, "--architecture", name, "--preprocessing", "torchvision")
    own = logits(network, x)
    exact = logits(network.double(), x.double())
    lines = run(arguments.aviary, "predict", converted, *paths, "--top", exact.shape[1], "--json")
    found = distance(predicted(lines, exact.shape[1]), exact)
    # The smaller the logits, the more the rounding of probabilities weighs.
    rounding = RESOLUTION * exact.shape[1] ** 0.5 / (exact.norm().item() / len(paths) ** 0.5)
    allowed = max(TOLERANCE, 2 * distance(own, exact)) + rounding
    verdict = f"{found:.1e} from float64, allowed {allowed:.1e}, torchvision's float32 {distance(own, exact):.1e}"
    if not found <= allowed:
        raise Failure(f"predict is {verdict}")
    if arguments.only_predict:
        return verdict
    tuned, integers = folder / f"{name}-run", folder / f"{name}-int8.h5"
    run(arguments.aviary, "finetune", "--from", converted, "--data", small, "--output", tuned, "--freeze", "backbone",
        "--epochs", "1", "--limit", "10")
    report = json.loads(run(
        arguments.aviary, "quantize", tuned, "--data", small, "--output", integers, "--json")[-1])
    scores = [json.loads(run(arguments.aviary, "evaluate", file, "--data", small, "--json")[-1])
              for file in (tuned, integers)]
    kept = report.get("kept", [])
    return (f"{verdict}; quantized {report['tensors']} tensors" + (f", not {len(kept)} ({kept[0]}, …)" if kept else "")
            + f"; accuracy {scores[0]['accuracy']:.3f}, with integers {scores[1]['accuracy']:.3f}, "
            f"loss {scores[0]['loss']:.4f} and {scores[1]['loss']:.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path, help="folder with train/CLASS and test/CLASS")
    parser.add_argument("--aviary", type=pathlib.Path, default=ROOT / ".build/tests/release/aviary")
    parser.add_argument("--network", action="append", help="only this network; repeatable")
    parser.add_argument("--only-predict", action="store_true", help="neither fine-tune nor quantize")
    arguments = parser.parse_args()
    listed = {each["name"]: each for each in json.loads(run(arguments.aviary, "models", "--json")[-1])["models"]}
    failed = False
    with tempfile.TemporaryDirectory() as temporary:
        small = pathlib.Path(temporary) / "data"
        small_copy(arguments.data, small)
        for name in arguments.network or NETWORKS:
            if name not in listed:
                print(f"{name}: not in this zoo", flush=True)
                continue
            folder = pathlib.Path(temporary) / name
            folder.mkdir()
            start = time.monotonic()
            try:
                line = check(name, arguments, folder, small, listed[name]["input"][-1])
            except Failure as failure:
                failed, line = True, f"FAILED: {failure}"
            print(f"{name}: {line} ({time.monotonic() - start:.0f} s)", flush=True)
            shutil.rmtree(folder)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
