#!/usr/bin/env python3
"""Golden values of torchvision's own networks, for Tests/ModelsTests: tools/goldens_torchvision.py [OUT]

Writes OUT/ModelsTests/Goldens (OUT is Tests by default): toy-mobilenet.safetensors, a narrow mobilenet_v2 in float64 with
weights, outputs, gradients and statistics, and names/mobilenet_v2.txt, the parameter count, names and shapes.

Needs: pip install torch==2.13.0 numpy, then pip install --no-deps torchvision==0.28.0.
"""

import json
import pathlib
import sys
import types

import torch
from torch import nn

for part in ("_meta_registrations", "_autograd_registrations"):  # The CPU build of torch lacks the detection operators.
    sys.modules[f"torchvision.{part}"] = types.ModuleType(part)
import torchvision.models  # noqa: E402

import goldens_networks  # noqa: E402
from goldens_networks import fill_at_random, input_at_random, toy  # noqa: E402

STAGES = [[1, 16, 1, 1], [2, 24, 2, 2], [3, 24, 1, 1]]


def kinks(network, x):
    """The distance of every input of a relu6 to 0 and to 6, where its slope jumps."""
    distances = []

    def relu6(module, inputs):
        values = inputs[0].detach().double().clone()  # It is changed in place.
        distances.append(torch.minimum(values.abs(), (values - 6).abs()) * torch.sign(values))

    hooks = [m.register_forward_pre_hook(relu6) for m in network.modules() if isinstance(m, nn.ReLU6)]
    network.train()
    network(x)
    for hook in hooks:
        hook.remove()
    return distances


def names(path, network):
    lines = [str(sum(parameter.numel() for parameter in network.parameters()))]
    for name, array in network.state_dict().items():
        lines.append(" ".join([name] + (["x".join(map(str, array.shape))] if array.dim() else [])))
    path.write_text("\n".join(lines) + "\n")


def write(root):
    folder = pathlib.Path(root) / "ModelsTests/Goldens"
    names(folder / "names/mobilenet_v2.txt", torchvision.models.mobilenet_v2())
    goldens_networks.kinks = kinks
    best = (0, 0)
    for seed in range(200, 240):
        network = narrow()
        best = max(best, (goldens_networks.clearance(network, input_at_random((2, 3, 24, 24), seed)), seed))
    toy(folder / "toy-mobilenet.safetensors", narrow(), input_at_random((2, 3, 24, 24), best[1]),
        {"stages": json.dumps(STAGES), "seed": str(best[1])})


def narrow():
    network = torchvision.models.mobilenet_v2(
        num_classes=5, width_mult=0.5, inverted_residual_setting=STAGES, dropout=0.0).double()
    fill_at_random(network, 7)
    return network


if __name__ == "__main__":
    write(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent / "Tests")
