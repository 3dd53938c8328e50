#!/usr/bin/env python3
"""Golden values of torchvision's own networks, for Tests/ModelsTests: tools/goldens_torchvision.py [OUT]

Writes OUT/ModelsTests/Goldens (OUT is Tests by default): toy-mobilenet.safetensors, a narrow mobilenet_v2 in float64 with
weights, outputs, gradients and statistics; zoo-NAME.safetensors of further families, whose weights follow the formula; and
names/NAME.txt, the parameter count, names and shapes, of which larger networks of a family have the CRC-32 only.

Needs: pip install torch==2.13.0 numpy, then pip install --no-deps torchvision==0.28.0.
"""

import functools
import itertools
import json
import pathlib
import sys
import types
import zlib

import torch
from torch import nn

for part in ("_meta_registrations", "_autograd_registrations"):  # The CPU build of torch lacks the detection operators.
    sys.modules[f"torchvision.{part}"] = types.ModuleType(part)
import torchvision.models  # noqa: E402
from torchvision.models import efficientnet, mnasnet, mobilenetv3, regnet  # noqa: E402

import goldens_networks  # noqa: E402
from goldens_networks import fill_at_random, fill_by_formula, full, input_at_random, input_by_formula, toy  # noqa: E402

STAGES = [[1, 16, 1, 1], [2, 24, 2, 2], [3, 24, 1, 1]]


# Where the slopes of activations jump.
KINKS = {nn.ReLU: [0], nn.ReLU6: [0, 6], nn.Hardswish: [-3, 3], nn.Hardsigmoid: [-3, 3]}


def kinks(network, x):
    """The distance of every activation's input to the places where its slope jumps."""
    distances = []

    def activation(places, module, inputs):
        values = inputs[0].detach().double().clone()  # It is changed in place.
        gaps = torch.stack([(values - place).abs() for place in places]).amin(0)
        distances.append(gaps * torch.where(values < 0, -1, 1))

    hooks = [
        module.register_forward_pre_hook(functools.partial(activation, KINKS[type(module)]))
        for module in network.modules() if type(module) in KINKS]
    network.train()
    network(x)
    for hook in hooks:
        hook.remove()
    return distances


def names(path, network, digest=False):
    """The number of parameters, and the state dictionary's names and shapes, a line each, or their CRC-32."""
    lines = []
    for name, array in network.state_dict().items():
        lines.append(" ".join([name] + (["x".join(map(str, array.shape))] if array.dim() else [])))
    if digest:
        lines = [f"crc32 {zlib.crc32(chr(10).join(lines).encode()):08x}"]
    count = sum(parameter.numel() for parameter in network.parameters())
    path.write_text("\n".join([str(count)] + lines) + "\n")


# Of each family the network whose names are written out, and all of which the digest is.
FAMILIES = {
    "mobilenet_v2": ["mobilenet_v2"],
    "mobilenet_v3_large": ["mobilenet_v3_large"],
    "mobilenet_v3_small": ["mobilenet_v3_small"],
    "mnasnet1_0": [f"mnasnet{width}" for width in ("0_5", "0_75", "1_0", "1_3")],
    "efficientnet_b0": [f"efficientnet_b{number}" for number in range(8)],
    "efficientnet_v2_s": [f"efficientnet_v2_{size}" for size in "sml"],
    "regnet_y_400mf": [
        f"regnet_y_{size}" for size in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf", "128gf")],
    "regnet_x_400mf": [f"regnet_x_{size}" for size in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf")],
}


def toy_efficientnet():
    stages = [efficientnet.MBConvConfig(1, 3, 1, 8, 8, 1), efficientnet.MBConvConfig(2, 5, 2, 8, 16, 2)]
    return efficientnet.EfficientNet(stages, 0.0, 0.0, num_classes=5, last_channel=24)


def toy_efficientnet_v2():
    stages = [
        efficientnet.FusedMBConvConfig(1, 3, 1, 8, 8, 2), efficientnet.FusedMBConvConfig(2, 3, 2, 8, 16, 2),
        efficientnet.MBConvConfig(2, 3, 2, 16, 24, 2)]
    return efficientnet.EfficientNet(
        stages, 0.0, 0.0, num_classes=5, norm_layer=functools.partial(nn.BatchNorm2d, eps=1e-3), last_channel=24)


def toy_mobilenet_v3():
    rows = [
        (8, 3, 8, 8, False, "RE", 1, 1), (8, 3, 24, 16, True, "RE", 2, 1), (16, 5, 40, 16, True, "HS", 1, 1),
        (16, 5, 40, 24, True, "HS", 2, 2)]
    rows = [mobilenetv3.InvertedResidualConfig(*row, width_mult=1.0) for row in rows]
    return mobilenetv3.MobileNetV3(rows, last_channel=16, num_classes=5, dropout=0.0)


def toy_regnet(widths, group_widths, ratio):
    parameters = regnet.BlockParams([1, 2], widths, group_widths, [1.0, 1.0], [2, 2], ratio)
    return regnet.RegNet(parameters, num_classes=5, stem_width=8)


# Name, network, shape of the input, labels.
TOYS = [
    ("efficientnet", toy_efficientnet, (4, 3, 24, 20), (1, 2, 4, 0)),
    ("efficientnet-v2", toy_efficientnet_v2, (4, 3, 32, 24), (1, 2, 4, 0)),
    ("mobilenet-v3", toy_mobilenet_v3, (4, 3, 24, 20), (1, 2, 4, 0)),
    ("mnasnet", lambda: mnasnet.MNASNet(0.1, 5, 0.0), (4, 3, 48, 40), (1, 2, 4, 0)),
    ("regnet-x", lambda: toy_regnet([8, 16], [4, 8], None), (4, 3, 24, 20), (1, 2, 4, 0)),
    ("regnet-y", lambda: toy_regnet([8, 24], [8, 8], 0.25), (4, 3, 24, 20), (1, 2, 4, 0)),
]


def declared(name):
    """A published network without values."""
    rule = regnet.BlockParams.from_init_params

    def widths(*arguments, **named):
        with torch.device("cpu"):  # These are computed.
            return rule(*arguments, **named)
    regnet.BlockParams.from_init_params = widths
    with torch.device("meta"):
        network = getattr(torchvision.models, name)()
    regnet.BlockParams.from_init_params = rule
    return network


def by_formula(make):
    network = make().double()
    fill_by_formula(network)
    return network


def write(root):
    torch.set_num_threads(1)  # The order of additions, and so the last bit, depends on it.
    folder = pathlib.Path(root) / "ModelsTests/Goldens"
    goldens_networks.kinks = kinks
    best = (0, 0)
    for seed in range(200, 240):
        network = narrow()
        best = max(best, (goldens_networks.clearance(network, input_at_random((2, 3, 24, 24), seed)), seed))
    toy(folder / "toy-mobilenet.safetensors", narrow(), input_at_random((2, 3, 24, 24), best[1]),
        {"stages": json.dumps(STAGES), "seed": str(best[1])})
    for name, make, shape, labels in TOYS:
        network = by_formula(make)
        k = next(
            k for k in itertools.count() if goldens_networks.clearance(network, input_by_formula(shape, k)) > 12)
        full(folder / f"zoo-{name}.safetensors", by_formula(make), input_by_formula(shape, k),
             {"input_shape": json.dumps(shape), "input_k": str(k)}, labels)
    for whole, members in FAMILIES.items():
        for name in members:
            names(folder / f"names/{name}.txt", declared(name), digest=name != whole)


def narrow():
    network = torchvision.models.mobilenet_v2(
        num_classes=5, width_mult=0.5, inverted_residual_setting=STAGES, dropout=0.0).double()
    fill_at_random(network, 7)
    return network


if __name__ == "__main__":
    write(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent / "Tests")
