"""Where results are NaN, infinite and zero once a number of an operand or of the upstream gradient is not finite.

Every case of the other golden files of Tests/TensorsTests is taken again with one number replaced, or a whole operand, as
in "x nan 3" and "x inf all". A result's pattern is run-length encoded: n NaN, + infinity, - minus infinity, z zero, . any other number; `3.n` is three
numbers and a NaN. Where PyTorch's own float32 and float64 do not agree, nothing is expected.
"""

import json
import pathlib
import re

import torch

import goldens_attention
import goldens_everyday
import goldens_functions
import goldens_operators
import goldens_padding
import goldens_windows
from goldens_operators import Cases
from goldens_store import given, save_json

ODD = {"nan": float("nan"), "inf": float("inf"), "-inf": float("-inf")}
# Moves and the like have one kind of pullback; large cases say nothing that small ones do not.
MOST_ELEMENTS = 700


def classes(values):
    flat = values.detach().flatten().tolist()
    return "".join(
        "n" if v != v else "+" if v == float("inf") else "-" if v == float("-inf") else "z" if v == 0 else "."
        for v in flat)


def agreed(a, b):
    """`z` only where both precisions have it; None where they differ otherwise."""
    both = "".join(x if x == y else "." if {x, y} == {"z", "."} else "?" for x, y in zip(a, b))
    return None if "?" in both else both


def encoded(pattern):
    return re.sub(r"((.)\2*)", lambda m: (str(len(m[1])) if len(m[1]) > 1 else "") + m[2], pattern)


def place(count, number):
    """Where the number is replaced: another place for each operand."""
    return (count * 5 // 8 + number) % count


class Recorder(Cases):
    def __init__(self):
        super().__init__()
        self.found = {}

    def add(self, operator, name, function, inputs, constants=None, **geometry):
        super().add(operator, name, function, inputs, constants, **geometry)
        prefix = f"case/{operator}/{name}"
        if sum(value.numel() for value in inputs.values()) > MOST_ELEMENTS:
            return
        # PyTorch's fused attention does not look at what a causal mask hides. It computes other shapes without it.
        if operator == "attention" and name in ("causal-wide", "causal-tall"):
            return
        constants = {
            key: value if value.dtype == torch.int64 else given(value) for key, value in (constants or {}).items()}
        dy = self.arrays[f"{prefix}/dy"].double()
        variants = {}
        for number, operand in enumerate([*inputs, "dy"]):
            # PyTorch multiplies the zeros of a padding with these weights where it has no primitive for them, but not
            # those of two-dimensional convolutions.
            if operand == "weight" and re.match("conv(1d|3d|_ends|_transpose)", operator):
                continue
            for kind, value in ODD.items():
                for whole in [False, True]:
                    # All of a gradient or of weights is replaced nowhere; of an operand it is a masked row.
                    if whole and (kind == "nan" or number > 0):
                        continue
                    count = {**inputs, "dy": dy}[operand].numel()
                    at = None if whole else place(count, number) if count > 0 else None
                    result = self.variant(function, inputs, constants, dy, operand, value, at)
                    if result is not None:
                        variants[f"{operand} {kind} {'all' if at is None else at}"] = result
        self.found[f"{operator}/{name}"] = variants

    def variant(self, function, inputs, constants, dy, operand, value, at):
        patterns = []
        for dtype in (torch.float32, torch.float64):
            def changed(key, array):
                array = given(array).to(dtype).clone().contiguous()
                if key == operand:
                    array.view(-1)[slice(None) if at is None else at] = value
                return array
            leaves = {key: changed(key, array).requires_grad_() for key, array in inputs.items()}
            fixed = {key: v.clone() if v.dtype == torch.int64 else v.to(dtype) for key, v in constants.items()}
            try:
                y = function(**leaves, **fixed)
                gradients = torch.autograd.grad(y, list(leaves.values()), changed("dy", dy))
            except RuntimeError:  # PyTorch refuses such values here, as binary cross entropy does.
                return None
            patterns.append([classes(y), *map(classes, gradients)])
        both = [agreed(a, b) for a, b in zip(*patterns)]
        names = ["y", *(f"d_{key}" for key in inputs)]
        return {key: encoded(pattern) for key, pattern in zip(names, both) if pattern is not None}


def recurrent(root):
    """One layer of each kind, T = 4, N = 3, I = 5, H = 6, with a NaN in each operand in turn: where it spreads to does not depend
    on the other numbers. `y` is followed by the states at the end; the upstream gradient is one throughout."""
    found = {}
    for kind, gates in [("lstm", 4), ("gru", 3), ("rnn_tanh", 1)]:
        generator = torch.Generator().manual_seed(7)
        shapes = {"x": (4, 3, 5), "weight_ih": (6 * gates, 5), "weight_hh": (6 * gates, 6), "bias_ih": (6 * gates,),
                  "bias_hh": (6 * gates,), "h": (3, 6)}
        if kind == "lstm":
            shapes["c"] = (3, 6)
        operands = {key: torch.randn(shape, generator=generator, dtype=torch.float64) for key, shape in shapes.items()}
        found[kind] = {}
        for number, operand in enumerate([*operands, "dy"]):
            leaves = {key: value.clone() for key, value in operands.items()}
            results = 4 * 3 * 6 + 3 * 6 * (2 if kind == "lstm" else 1)
            dy = torch.ones(results, dtype=torch.float64)
            target = dy if operand == "dy" else leaves[operand]
            at = place(target.numel(), number)
            target.view(-1)[at] = float("nan")
            for value in leaves.values():
                value.requires_grad_()
            weights = [leaves[key] for key in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            h = leaves["h"][None]
            if kind == "lstm":
                y, last, cell = torch.lstm(leaves["x"], (h, leaves["c"][None]), weights, True, 1, 0.0, False, False, False)
                parts = [y, last, cell]
            else:
                y, last = getattr(torch, kind)(leaves["x"], h, weights, True, 1, 0.0, False, False, False)
                parts = [y, last]
            result = torch.cat([part.flatten() for part in parts])
            gradients = torch.autograd.grad(result, list(leaves.values()), dy)
            names = ["y", *(f"d_{key}" for key in leaves)]
            found[kind][f"{operand} {at}"] = {
                key: encoded(classes(value)) for key, value in zip(names, [result, *gradients])}
    lines = ["{", ",\n".join(f"{json.dumps(kind)}: {json.dumps(cases)}" for kind, cases in found.items()), "}"]
    save_json(pathlib.Path(root) / "TensorsTests/Goldens/nonfinite-recurrent.json", lines)


def write(root):
    recurrent(root)
    files = {}
    for file, module in [
        ("operators", goldens_operators), ("functions", goldens_functions), ("windows", goldens_windows),
        ("padding", goldens_padding), ("attention", goldens_attention), ("everyday", goldens_everyday),
    ]:
        recorders = []

        def recorder():
            recorders.append(Recorder())
            return recorders[-1]
        former = module.Cases, module.save
        module.Cases, module.save = recorder, lambda *arguments: None
        module.write(root)
        module.Cases, module.save = former
        files[file] = {}
        for found in recorders:
            files[file].update(found.found)
    lines = ["{"]
    for file, cases in files.items():
        lines.append(json.dumps(file) + ": {")
        lines.append(",\n".join(f"{json.dumps(name)}: {json.dumps(cases[name])}" for name in sorted(cases)))
        lines.append("}" + ("" if file == "everyday" else ","))
    lines.append("}")
    save_json(pathlib.Path(root) / "TensorsTests/Goldens/nonfinite.json", lines)
