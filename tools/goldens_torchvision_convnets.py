#!/usr/bin/env python3
"""Golden values of torchvision's own convolutional networks, narrow ones, for Tests/ModelsTests.

    tools/goldens_torchvision_convnets.py [OUT]         writes OUT/ModelsTests/Goldens (OUT is Tests by default)
    tools/goldens_torchvision_convnets.py --search      prints inputs that lie far from kinks, best last

DenseNet, GoogLeNet and Inception v3 (with auxiliary heads and without), ResNeXt, wide ResNet, ShuffleNet v2 and SqueezeNet
1.0: outputs, losses, gradients and statistics in float64. Weights and inputs follow the formula of goldens_store.py, so
that of each network a few samples are stored.

Needs: pip install torch==2.13.0 numpy, then pip install --no-deps torchvision==0.28.0.
"""

import contextlib
import copy
import json
import math
import pathlib
import sys
import types
import warnings

import torch
from torch import nn
from torch.nn import functional

for part in ("_meta_registrations", "_autograd_registrations"):  # The CPU build of torch lacks the detection operators.
    sys.modules[f"torchvision.{part}"] = types.ModuleType(part)
import torchvision.models as models  # noqa: E402
from torchvision.models.inception import InceptionAux  # noqa: E402
from torchvision.models.resnet import Bottleneck, ResNet  # noqa: E402

import goldens_networks  # noqa: E402
from goldens_networks import clearance, fill_by_formula, full, input_by_formula, training_step  # noqa: E402
from goldens_store import expected, save  # noqa: E402

CLASSES = 5


@contextlib.contextmanager
def narrow(divisor):
    """Layers made within have their channels divided, but for colours and classes."""
    def divided(size):
        return size if size in (3, CLASSES) else size // divisor

    def scaled(base, count):
        class Scaled(base):
            def __init__(self, *sizes, **others):
                names = ("in_channels", "out_channels")[:count]
                sizes = [others.pop(name) for name in names if name in others] + list(sizes)
                super().__init__(*[divided(size) for size in sizes[:count]], *sizes[count:], **others)
        return Scaled

    kept = nn.Conv2d, nn.BatchNorm2d, nn.Linear
    nn.Conv2d, nn.BatchNorm2d, nn.Linear = scaled(kept[0], 2), scaled(kept[1], 1), scaled(kept[2], 2)
    try:
        yield
    finally:
        nn.Conv2d, nn.BatchNorm2d, nn.Linear = kept


def kinks(network, x):
    """The distance of the input of every relu and maximum of a training pass to where the slope jumps."""
    distances = []
    relu, max_pool2d = functional.relu, functional.max_pool2d

    def observed_relu(values, inplace=False):
        distances.append(values.detach().double().clone())
        return relu(values, inplace=inplace)

    def observed_pool(values, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, **others):
        windows = values.detach().double()
        if padding:
            windows = functional.pad(windows, [padding] * 4, value=-math.inf)
        if ceil_mode:  # Windows that reach over the end.
            windows = functional.pad(windows, [0, kernel_size - 1] * 2, value=-math.inf)
        step = stride or kernel_size
        best = windows.unfold(2, kernel_size, step).unfold(3, kernel_size, step).flatten(4).topk(2, dim=4).values
        gap = best[..., 0] - best[..., 1]
        # Equal values come from patches where every input is zero: whichever is chosen, no weight's gradient changes.
        distances.append(gap.masked_fill((gap == 0) | ~torch.isfinite(gap), math.inf))
        return max_pool2d(values, kernel_size, stride, padding, dilation, ceil_mode=ceil_mode, **others)

    functional.relu, functional.max_pool2d = observed_relu, observed_pool
    try:
        network.train()
        network(x)
    finally:
        functional.relu, functional.max_pool2d = relu, max_pool2d
    return distances


goldens_networks.kinks = kinks


def narrowed(divisor, build):
    def make():
        with narrow(divisor), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return build()
    return make


def weighted(network, weight):
    """With the share that the losses of its auxiliary heads have."""
    network.auxiliary_weight = weight
    return network


# Name, network, shape of the input, its k, and the labels. The k are those that the search found.
TOYS = [
    ("densenet", lambda: models.DenseNet(4, (2, 3, 1, 2), 6, bn_size=2, num_classes=CLASSES), (3, 3, 81, 97), 1, (1, 2, 4)),
    ("googlenet", narrowed(8, lambda: weighted(models.GoogLeNet(CLASSES, init_weights=False, dropout=0, dropout_aux=0), 0.3)),
     (3, 3, 65, 81), 249, (1, 2, 4)),
    ("googlenet-transformed", narrowed(8, lambda: models.GoogLeNet(
        CLASSES, aux_logits=False, transform_input=True, init_weights=False, dropout=0)), (2, 3, 65, 65), 185, (1, 2)),
    ("inception", narrowed(16, lambda: models.Inception3(
        CLASSES, aux_logits=False, init_weights=False, dropout=0)), (3, 3, 107, 115), 165, (1, 2, 4)),
    ("inception-head", narrowed(16, lambda: InceptionAux(768, CLASSES)), (4, 48, 17, 20), 0, (1, 2, 4, 0)),
    ("resnext", narrowed(16, lambda: ResNet(Bottleneck, [2, 1, 1, 1], CLASSES, groups=2, width_per_group=48)),
     (2, 3, 64, 64), 0, (1, 2)),
    ("wide-resnet", narrowed(16, lambda: ResNet(Bottleneck, [1, 2, 1, 1], CLASSES, width_per_group=128)),
     (2, 3, 64, 64), 0, (1, 2)),
    ("shufflenet", lambda: models.ShuffleNetV2([2, 1, 3], [6, 8, 12, 16, 20], CLASSES), (2, 3, 65, 75), 0, (1, 2)),
    ("squeezenet1_0", narrowed(8, lambda: models.SqueezeNet("1_0", CLASSES, dropout=0)), (2, 3, 81, 97), 1, (1, 2)),
]


def filled(build):
    network = build().double()
    fill_by_formula(network)
    return network


def float32_distances(network, x, labels):
    """How far PyTorch's own float32 is from its float64 in a training step, the larger of two memory formats: of logits,
    loss, gradients and statistics where it is a quarter of the tolerance or more. Narrow networks with few values for each
    channel to normalize are that badly conditioned, and nobody's float32 does better."""
    def results(network, x):
        logits, loss, _ = training_step(network, x, torch.tensor(labels))
        found = {"logits": logits, "loss": loss}
        found.update({f"gradient/{name}": each.grad for name, each in network.named_parameters()})
        found.update({f"updated/{name}": each for name, each in network.named_buffers() if each.dim()})
        return {name: each.detach().double() for name, each in found.items()}

    exact = results(copy.deepcopy(network), x)
    distances = {}
    for layout in (torch.contiguous_format, torch.channels_last):
        rounded = results(copy.deepcopy(network).float().to(memory_format=layout), x.float().to(memory_format=layout))
        for name, value in exact.items():
            if value.norm() > 1e-9:
                distance = (rounded[name] - value).norm() / value.norm()
                distances[name] = max(distances.get(name, distance), distance)
    return {f"float32/{name}": distance for name, distance in distances.items()
            if distance > (2.5e-5 if name.startswith("gradient/") else 2.5e-6)}


def auxiliary_inception(path):
    """Inception v3 with its auxiliary head, which needs images of 299 pixels: so many values that some lie at kinks, and
    gradients are no golden values. Those of the head are among the toys, those of the rest as well."""
    with narrow(16), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = weighted(models.Inception3(CLASSES, init_weights=False, dropout=0), 0.4).double()
    fill_by_formula(network)
    shape, labels = (3, 3, 299, 299), torch.tensor([1, 2, 4])
    auxiliary = []
    distances = float32_distances(network, input_by_formula(shape, 1), (1, 2, 4))
    network.AuxLogits.register_forward_hook(lambda module, inputs, output: auxiliary.append(output))
    logits, loss, _ = training_step(network, input_by_formula(shape, 1), labels)
    arrays = {"labels": labels, "logits/training": expected(logits), "logits/auxiliary": expected(auxiliary[0]),
              "loss": expected(loss)}
    arrays.update({name: distance for name, distance in distances.items() if name == "float32/logits"})
    save(path, arrays, {"input_shape": json.dumps(shape), "input_k": "1"})


def write(root):
    folder = pathlib.Path(root) / "ModelsTests/Goldens"
    auxiliary_inception(folder / "torchvision-inception-auxiliary.safetensors")
    for name, build, shape, k, labels in TOYS:
        network, x = filled(build), input_by_formula(shape, k)
        full(folder / f"torchvision-{name}.safetensors", network, x,
             {"input_shape": json.dumps(shape), "input_k": str(k)}, labels, float32_distances(network, x, labels))


def search(names):
    for name, build, shape, _, _ in TOYS:
        if names and name not in names:
            continue
        network = filled(build)
        best = (0, 0)
        for k in range(400):
            best = max(best, (clearance(network, input_by_formula(shape, k)), k))
            if best[0] > 10:
                break
        print(name, *best, flush=True)


if __name__ == "__main__":
    arguments = sys.argv[1:]
    if arguments[:1] == ["--search"]:
        search(arguments[1:])
    else:
        write(arguments[0] if arguments else pathlib.Path(__file__).resolve().parent.parent / "Tests")
