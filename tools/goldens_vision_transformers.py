#!/usr/bin/env python3
"""Golden values of torchvision's transformers for images and of ConvNeXt: tools/goldens_vision_transformers.py [OUT]

Writes OUT/ModelsTests/Goldens (OUT is Tests by default): toy-vit.safetensors and the like, narrow networks of torchvision's
own classes in float64 with weights, outputs, gradients and statistics; and names/vit_b_16.txt and the like, of the published
networks the number of parameters, names and shapes. `search` as OUT prints inputs that lie far from kinks.

Needs: pip install torch==2.13.0 numpy, then pip install --no-deps torchvision==0.28.0.
"""

import math
import pathlib
import sys
import types

import torch

for part in ("_meta_registrations", "_autograd_registrations"):  # The CPU build of torch lacks the detection operators.
    sys.modules[f"torchvision.{part}"] = types.ModuleType(part)
import torchvision.models  # noqa: E402
from torchvision.models import convnext, maxvit, swin_transformer, vision_transformer  # noqa: E402

from goldens_networks import clearance, input_at_random, toy  # noqa: E402
from goldens_store import given  # noqa: E402
from goldens_torchvision import names  # noqa: E402

PUBLISHED = ["vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32", "vit_h_14", "convnext_tiny", "convnext_small",
             "convnext_base", "convnext_large", "swin_t", "swin_s", "swin_b", "swin_v2_t", "swin_v2_s", "swin_v2_b",
             "maxvit_t"]


def swin(**options):
    return swin_transformer.SwinTransformer(
        patch_size=[2, 2], embed_dim=4, depths=[2, 2], num_heads=[1, 2], window_size=[3, 3], mlp_ratio=2.0,
        stochastic_depth_prob=0.0, num_classes=5, **options)


def vit(**options):
    return vision_transformer.VisionTransformer(
        image_size=16, patch_size=4, num_layers=2, num_heads=2, hidden_dim=8, mlp_dim=12, num_classes=5, **options)


def next_toy():
    settings = zip([6, 8, 10, 12], [8, 10, 12, None], [1, 2, 1, 1])
    return convnext.ConvNeXt([convnext.CNBlockConfig(*setting) for setting in settings], 0.0, 0.5, 5)


# Name, network, shape of the input, its seed and that of the weights. MaxViT's are those of many for which float32 is exact:
# its squeezes of one channel hardly see some inputs.
TOYS = [
    ("toy-vit", vit, (2, 3, 16, 16), 1, 11),
    ("toy-vit-representation", lambda: vit(representation_size=6), (2, 3, 16, 16), 1, 11),
    ("toy-convnext", next_toy, (2, 3, 45, 38), 1, 11),
    ("toy-swin", swin, (2, 3, 22, 18), 1, 11),
    ("toy-swin-v2", lambda: swin(
        block=swin_transformer.SwinTransformerBlockV2, downsample_layer=swin_transformer.PatchMergingV2),
     (2, 3, 22, 18), 1, 11),
    ("toy-maxvit", lambda: maxvit.MaxVit(
        (16, 16), 4, 2, [4, 8], [2, 1], 4, 0.0, num_classes=5), (2, 3, 16, 16), 14, 13),
]


def fill(network, seed):
    """Random weights; what a layer computes with itself stays."""
    torch.manual_seed(seed)
    for name, array in network.state_dict().items():
        if array.dtype == torch.int64:
            if name.endswith("num_batches_tracked"):
                array.fill_(3)
        elif name.endswith("relative_coords_table"):
            array.copy_(given(array))
        elif array.dim() >= 2:
            fan_in = array.numel() // array.shape[0]
            array.copy_(given(torch.randn(array.shape, dtype=torch.float64) * math.sqrt(1 / fan_in)))
        elif name.endswith("bias") or name.endswith("running_mean"):
            array.copy_(given(torch.randn(array.shape, dtype=torch.float64) * 0.1))
        else:
            array.copy_(given(1 + 0.2 * torch.rand(array.shape, dtype=torch.float64)))


def filled(make, seed):
    network = make().double()
    for module in network.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False  # The distance to its kink is that of what goes in.
    fill(network, seed)
    return network


def write(root):
    folder = pathlib.Path(root) / "ModelsTests/Goldens"
    for name in PUBLISHED:
        with torch.device("meta"):
            network = getattr(torchvision.models, name)()
        names(folder / f"names/{name}.txt", network)
    for name, make, shape, seed, weights in TOYS:
        toy(folder / f"{name}.safetensors", filled(make, weights), input_at_random(shape, seed), {"seed": str(seed)})


def search():
    for name, make, shape, _, weights in TOYS:
        found = [(clearance(filled(make, weights), input_at_random(shape, seed)), seed) for seed in range(1, 60)]
        print(name, sorted(found)[-2:], flush=True)


if __name__ == "__main__":
    output = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent / "Tests"
    search() if output == "search" else write(output)
