#!/usr/bin/env python3
"""Compares the feature maps of the XAI net at its full size with PyTorch's, for real photographs.

    tools/check_maps.py PHOTO... [--aviary .build/release/aviary]

The net has random weights from a seed and statistics of batches, as PyTorch makes them; `aviary show --maps PHOTO --layers
features.0,features.20,features.40 --numbers FILE` says what the layers put out, and PyTorch computes the same from the input
that is in that file, in float64. Differences are ‖a − b‖₂ / ‖b‖₂, and have to be below 1e-5. Exit code 1 otherwise.

Needs: pip install torch numpy safetensors.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch
from safetensors.torch import save_file

from goldens_zoo import XAINet

ROOT = pathlib.Path(__file__).resolve().parent.parent
LAYERS = ["features.0", "features.20", "features.40"]


def network():
    """At full width for two classes, with running statistics that are not those of a new network."""
    torch.manual_seed(0)
    net = XAINet(1, 2)
    net.train()
    with torch.no_grad():
        for _ in range(8):
            net(torch.randn(16, 3, 100, 100))
    return net.eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", nargs="+", metavar="PHOTO")
    parser.add_argument("--aviary", default=ROOT / ".build/release/aviary", type=pathlib.Path)
    options = parser.parse_args()
    net, worst = network(), 0.0
    with tempfile.TemporaryDirectory() as folder:
        weights = pathlib.Path(folder) / "xai.safetensors"
        save_file({name: value.contiguous() for name, value in net.state_dict().items()}, weights)
        net = net.double()
        for photograph in options.photographs:
            numbers = pathlib.Path(folder) / "maps.npz"
            command = [
                options.aviary, "show", weights, "--architecture", "xai", "--preprocessing", "torchvision", "--input-size",
                "100x100", "--maps", photograph, "--layers", ",".join(LAYERS), "--numbers", numbers, "--output",
                pathlib.Path(folder) / "maps.png", "--force", "--quiet"]
            subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)
            arrays, seen = np.load(numbers), {}
            hooks = [net.get_submodule(layer).register_forward_hook(
                lambda module, inputs, output, layer=layer: seen.__setitem__(layer, output.numpy())) for layer in LAYERS]
            with torch.no_grad():
                net(torch.from_numpy(arrays["input"]).double())
            for hook in hooks:
                hook.remove()
            for layer in LAYERS:
                own, expected = arrays[layer].astype(np.float64), seen[layer]
                distance = np.linalg.norm(own - expected) / np.linalg.norm(expected)
                worst = max(worst, distance)
                print(f"{photograph}: {layer} {own.shape}: {distance:.1e}")
    if worst >= 1e-5:
        sys.exit(f"check_maps: the greatest difference is {worst:.1e}")


if __name__ == "__main__":
    main()
