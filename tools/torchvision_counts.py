#!/usr/bin/env python3
"""What the state dictionary of every classification network of torchvision holds.

    tools/torchvision_counts.py                writes Tests/ModelsTests/Goldens/torchvision-counts.json
    tools/torchvision_counts.py --lines NAME   prints names and extents, a line each, sorted

For each network the number of parameters and of entries, and the CRC-32 of the lines "name extents", sorted and in their
order. No weights are made.

Needs: pip install torch==2.13.0 numpy, then pip install --no-deps torchvision==0.28.0.
"""

import json
import pathlib
import sys
import types
import warnings
import zlib

import torch

for part in ("_meta_registrations", "_autograd_registrations"):  # The CPU build of torch lacks the detection operators.
    sys.modules[f"torchvision.{part}"] = types.ModuleType(part)
import torchvision.models as models  # noqa: E402
from torchvision.models.regnet import BlockParams  # noqa: E402

widths = BlockParams.from_init_params


def computed_widths(*arguments, **others):
    """RegNet computes its widths as tensors, which have to have values."""
    with torch.device("cpu"):
        return widths(*arguments, **others)


BlockParams.from_init_params = computed_widths


def network(name):
    with torch.device("meta"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return models.get_model(name, weights=None)


def lines(network):
    return [" ".join([name] + (["x".join(map(str, array.shape))] if array.dim() else []))
            for name, array in network.state_dict().items()]


def checksum(lines):
    return f"{zlib.crc32(''.join(line + chr(10) for line in lines).encode()):08x}"


def description(name):
    made = network(name)
    found = lines(made)
    return {"parameters": sum(parameter.numel() for parameter in made.parameters()), "entries": len(found),
            "names": checksum(sorted(found)), "order": checksum(found)}


def main():
    if sys.argv[1:2] == ["--lines"]:
        print("\n".join(sorted(lines(network(sys.argv[2])))))
        return
    names = sorted(models.list_models(module=models))
    path = pathlib.Path(__file__).resolve().parent.parent / "Tests/ModelsTests/Goldens/torchvision-counts.json"
    path.write_text("{\n" + ",\n".join(f'  "{name}": {json.dumps(description(name))}' for name in names) + "\n}\n")
    print(f"{path}: {len(names)} networks, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
