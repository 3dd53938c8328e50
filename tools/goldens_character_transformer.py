"""Golden values of the character transformer: logits, loss and gradients in float64, with biases and without, and with the
gelu of GPT-2."""

import math
import pathlib

import torch
from torch.nn import functional

from character_transformer import GPT
from goldens_store import expected, given, save, stored


def write(output):
    for name, bias, approximate in (
            ("char-transformer", True, "none"), ("char-transformer-no-bias", False, "none"),
            ("char-transformer-tanh", True, "tanh")):
        torch.manual_seed(41)
        network = GPT(context=8, layers=2, heads=2, width=6, bias=bias, outputs=7, approximate=approximate).double()
        with torch.no_grad():
            for parameter in network.parameters():
                scale = 1 / math.sqrt(parameter.shape[-1]) if parameter.dim() == 2 else 0.3
                parameter.copy_(given((0 if parameter.dim() == 2 else 1) + torch.randn_like(parameter) * scale))
        tokens, targets = torch.randint(0, 7, (3, 8)), torch.randint(0, 7, (3, 8))
        logits = network(tokens)
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten())
        loss.backward()
        arrays = {"tokens": tokens, "targets": targets, "logits": expected(logits), "loss": expected(loss)}
        for key, value in network.state_dict().items():
            arrays[f"weight/{key}"] = stored(value).clone()
        for key, value in network.named_parameters():
            arrays[f"gradient/{key}"] = expected(value.grad)
        save(pathlib.Path(output) / f"ModelsTests/Goldens/{name}.safetensors", arrays, {})


if __name__ == "__main__":
    write(pathlib.Path(__file__).resolve().parent.parent / "Tests")
