#!/usr/bin/env python3
"""Writes the outputs of networks with other people's checkpoints: tools/goldens_foreign.py DATA [--output Tests]

DATA is the folder with checkpoints-pytorch/, which is not part of the package; the tests of the result run where it is
available. The networks are in goldens_zoo.py; tensor names are mapped here as in the tests. Inputs
follow the formula of goldens_store.py with k = 1; everything is computed in float64. Needs PyTorch 2.13 (CPU).
"""

import argparse
import pathlib
import re
import sys

sys.dont_write_bytecode = True

import torch

import goldens_zoo
from goldens_networks import evaluation
from goldens_store import expected, formula_array, save

LENET = ["conv1", "conv2", "fc1", "fc2", "fc3"]

# File, network, shape of the input, and how the file's layers are called.
FILES = [
    ("fashionmnist_lenet5.pth", lambda: goldens_zoo.LeNet5("modern"), (100, 1, 28, 28),
     dict(zip(["fc1", "fc3", "fc5", "fc6", "fc7"], LENET))),
    ("mnist_lenet5_legacy.pt", lambda: goldens_zoo.LeNet5("modern", 32), (100, 1, 32, 32),
     dict(zip(["convnet.c1", "convnet.c3", "convnet.c5", "fc.f6", "fc.f7"], LENET))),
    ("mnist_mlp-784-300-100-10.pkl", lambda: goldens_zoo.MLP((784, 300, 100, 10)), (100, 1, 28, 28),
     {f"linear{number}": f"fc{number}" for number in (1, 2, 3)}),
    ("resnet20-cifar10-12fca82f.th", lambda: goldens_zoo.CIFARResNet(3), (100, 3, 32, 32), {}),
]


def main():
    tests = pathlib.Path(__file__).resolve().parent.parent / "Tests"
    parser = argparse.ArgumentParser(description="Write what other people's checkpoints put out.")
    parser.add_argument("data", type=pathlib.Path, help="the folder that has checkpoints-pytorch/")
    parser.add_argument("--output", type=pathlib.Path, default=tests, help="folder of the test targets (Tests)")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    arrays = {}
    for file, network, shape, names in FILES:
        content = torch.load(arguments.data / "checkpoints-pytorch" / file, map_location="cpu", weights_only=True)
        network = network().double()
        own = network.state_dict()
        state = {}
        for name, array in content.get("state_dict", content).items():
            layer, cell = re.sub(r"^module\.", "", name).rsplit(".", 1)
            name = f"{names.get(layer, layer)}.{cell}"
            # A convolution over all that is left of an image is a linear layer.
            state[name] = array.double().reshape(own[name].shape)
        network.load_state_dict(state, strict=True)
        x = formula_array(shape, 1, 1.0)
        arrays[f"{file}/logits"] = expected(evaluation(network, x))
    save(arguments.output / "ModelsTests/Goldens/foreign.safetensors", arrays, {})


if __name__ == "__main__":
    main()
