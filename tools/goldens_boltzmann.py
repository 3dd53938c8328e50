"""Golden values of restricted Boltzmann machines: three updates of contrastive divergence for every kind of units, in
float64, with the random numbers that Aviary draws (Philox4x32-10).

    python tools/goldens_boltzmann.py [TESTS]
"""

import pathlib
import sys

import numpy
import torch
from torch.nn import functional

from goldens_store import expected, given, save, stored

MASK = (1 << 64) - 1
RATE, SEED, UPDATES = 0.25, 11, 3


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def key(seed, purpose, path):
    value = 0xCBF29CE484222325
    for byte in purpose.encode() + b"\xff" + path.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    return mix(value ^ mix((seed + 0x9E3779B97F4A7C15) & MASK))


def uniform(purpose, path, step, shape):
    """Numbers in [0, 1), as RandomStream has them."""
    k, count = key(SEED, purpose, path), int(numpy.prod(shape))
    words = []
    for block in range((count + 3) // 4):
        c = [block & 0xFFFFFFFF, block >> 32, step & 0xFFFFFFFF, step >> 32]
        a, b = k & 0xFFFFFFFF, k >> 32
        for _ in range(10):
            x, y = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
            c = [(y >> 32) ^ c[1] ^ a, y & 0xFFFFFFFF, (x >> 32) ^ c[3] ^ b, x & 0xFFFFFFFF]
            a, b = (a + 0x9E3779B9) & 0xFFFFFFFF, (b + 0xBB67AE85) & 0xFFFFFFFF
        words += c
    numbers = [(word >> 8) / (1 << 24) for word in words[:count]]
    return torch.tensor(numbers, dtype=torch.float64).reshape(shape)


class Machine:
    """E(v, h) = -v.a - h.b - h.W.v, with |v - a|^2 / 2 for Gaussian units and D times h.b for counts of D words."""

    def __init__(self, units, weight, a, b, levels):
        self.units, self.weight, self.a, self.b, self.levels = units, weight, a, b, levels

    def hidden(self, v):
        words = v.sum(1, keepdim=True) if self.units == "counts" else 1
        return torch.sigmoid(v @ self.weight.T + words * self.b)

    def visible(self, h, data):
        x = h @ self.weight + self.a
        if self.units == "binary":
            return torch.sigmoid(x)
        if self.units == "gaussian":
            return x
        if self.units == "counts":
            return functional.softmax(x, 1) * data.sum(1, keepdim=True)
        groups = x.reshape(len(x), -1, self.levels)
        given_groups = data.reshape(groups.shape).sum(2, keepdim=True)
        return (functional.softmax(groups, 2) * given_groups).reshape(x.shape)

    def statistics(self, h, v):
        words = v.sum(1, keepdim=True) if self.units == "counts" else 1
        return h.T @ v / len(v), v.mean(0), (h * words).mean(0)

    def update(self, number, batch, steps, chains):
        """Contrastive divergence, persistent where there are chains. Returns where these are, and the error."""
        first = self.hidden(batch)
        last = first if chains is None else chains
        v, error = batch, None
        for step in range(steps):
            path = f"weight#{step}"
            on = (uniform("contrastive divergence", path, number, last.shape) < last).double()
            v = self.visible(on, batch)
            if chains is not None:
                v = (uniform("persistent chains", path, number, v.shape) < v).double()
            last = self.hidden(v)
            if step == 0 and chains is None:
                error = ((batch - v) ** 2).mean()
        if error is None:
            error = ((batch - self.visible(first, batch)) ** 2).mean()
        slopes = [p - n for p, n in zip(self.statistics(first, batch), self.statistics(last, v))]
        self.weight, self.a, self.b = (
            value + RATE * slope for value, slope in zip((self.weight, self.a, self.b), slopes))
        return (None if chains is None else last), error

    def free_energy(self, v):
        words = v.sum(1, keepdim=True) if self.units == "counts" else 1
        hidden = functional.softplus(v @ self.weight.T + words * self.b).sum(1)
        if self.units == "gaussian":
            return ((v - self.a) ** 2).sum(1) / 2 - hidden
        return -(v @ self.a) - hidden


def batches():
    torch.manual_seed(3)
    ratings = functional.one_hot(torch.randint(0, 3, (7, 4)), 3).double()
    ratings[torch.rand(7, 4) < 0.3] = 0
    return {
        "binary": (torch.rand(7, 6) < 0.5).double(), "gaussian": given(torch.randn(7, 6)),
        "softmax": ratings.reshape(7, 12), "counts": torch.randint(0, 4, (7, 6)).double() + 1,
    }


def write(output):
    arrays = {}
    for name, steps, count in (
            ("binary", 2, 0), ("binary-chains", 2, 5), ("gaussian", 1, 0), ("softmax", 1, 0), ("counts", 3, 0)):
        units = name.split("-")[0]
        batch = batches()[units]
        torch.manual_seed(9)
        weight, a, b = (given(torch.randn(*shape) * 0.5) for shape in ((4, batch.shape[1]), (batch.shape[1],), (4,)))
        machine = Machine(units, weight, a, b, 3)
        arrays |= {f"{name}/batch": stored(batch), f"{name}/weight": stored(weight),
                   f"{name}/visible_bias": stored(a), f"{name}/hidden_bias": stored(b)}
        arrays[f"{name}/free_energy"] = expected(machine.free_energy(batch))
        chains = torch.full((count, 4), 0.5, dtype=torch.float64) if count else None
        errors = []
        for number in range(UPDATES):
            chains, error = machine.update(number, batch, steps, chains)
            errors.append(error)
        arrays |= {f"{name}/updated/weight": expected(machine.weight), f"{name}/updated/visible_bias": expected(machine.a),
                   f"{name}/updated/hidden_bias": expected(machine.b), f"{name}/errors": expected(torch.stack(errors))}
        if count:
            arrays[f"{name}/chains"] = expected(chains)
    save(pathlib.Path(output) / "ModelsTests/Goldens/boltzmann.safetensors", arrays, {})


if __name__ == "__main__":
    write(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent / "Tests")
