"""Golden values of feature maps: what layers inside of a network put out for one picture."""

import json
import pathlib

import torch

from goldens_networks import fill_by_formula, input_by_formula
from goldens_store import expected, save
from goldens_zoo import XAINet

SHAPE, K = (1, 3, 36, 38), 71


def write(root):
    network = XAINet(16, 5).double()
    fill_by_formula(network)
    network.eval()
    arrays = {}
    for name in ("features.0", "features.20", "features.40"):
        network.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: arrays.__setitem__(f"map/{name}", expected(output)))
    with torch.no_grad():
        network(input_by_formula(SHAPE, K))
    save(
        pathlib.Path(root) / "ModelsTests/Goldens/maps-xai.safetensors", arrays,
        {"input_shape": json.dumps(SHAPE), "input_k": str(K)})
