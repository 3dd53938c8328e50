"""Golden values of windows whose padding is longer at one end, of padding and repeating, and of composed functions."""

import pathlib

import torch
from torch.nn import functional

from goldens_functions import away_from
from goldens_operators import Cases, normal
from goldens_store import save

IMAGES = (1, 19, 2, 3)


def padded(x, before, after, value=0.0):
    ends = [end for pair in reversed(list(zip(before, after))) for end in pair]
    return functional.pad(x, ends, value=value)


def windows(cases):
    #   axes, name                N  in out size      kernel  stride  before  after   dilation groups
    for axes, name, n, inputs, outputs, size, kernel, stride, before, after, dilation, groups in [
        (1, "causal",             2, 3, 4, (9,), (3,), (1,), (4,), (0,), (2,), 1),
        (1, "4-s2",               2, 4, 6, (10,), (4,), (2,), (1,), (2,), (1,), 2),
        (2, "3-s2",               2, 3, 5, (6, 8), (3, 3), (2, 2), (0, 0), (1, 1), (1, 1), 1),
        (2, "2x4",                1, 16, 16, (5, 6), (2, 4), (1, 1), (0, 1), (1, 2), (1, 1), 1),
        (3, "2x3x4",              1, 2, 3, (3, 4, 4), (2, 3, 4), (1, 2, 2), (0, 0, 1), (1, 1, 1), (1, 1, 1), 1),
    ]:
        convolution = [functional.conv1d, functional.conv2d, functional.conv3d][axes - 1]
        cases.add(
            "conv_ends", f"{axes}d-{name}",
            lambda x, weight, bias: convolution(
                padded(x, before, after), weight, bias, stride, 0, dilation, groups),
            {"x": normal(n, inputs, *size), "weight": normal(outputs, inputs // groups, *kernel) * 0.3,
             "bias": normal(outputs)},
            stride=list(stride), before=list(before), after=list(after), dilation=list(dilation), groups=groups)
    for axes, name, size, kernel, stride, before, after in [
        (1, "2-s2", (2, 3, 7), (2,), (2,), (0,), (1,)), (2, "3-s2", (2, 5, 6, 8), (3, 3), (2, 2), (0, 0), (1, 1)),
        (2, "2x4", (1, 19, 4, 5), (2, 4), (1, 1), (0, 1), (1, 2)),
    ]:
        maximum = [functional.max_pool1d, functional.max_pool2d][axes - 1]
        average = [functional.avg_pool1d, functional.avg_pool2d][axes - 1]
        geometry = dict(kernel=list(kernel), stride=list(stride), before=list(before), after=list(after))
        # No two elements are near enough for a difference quotient to change the largest.
        x = torch.randperm(normal(*size).numel()).reshape(size).double() * 0.01
        cases.add("max_pool_ends", f"{axes}d-{name}",
                  lambda x: maximum(padded(x, before, after, float("-inf")), kernel, stride), {"x": x}, **geometry)

        def mean(x, counting):
            ones = torch.ones_like(x[:1, :1])
            shares = 1 if counting else average(padded(ones, before, after), kernel, stride)
            return average(padded(x, before, after), kernel, stride) / shares

        for counting in [True, False]:
            cases.add("avg_pool_ends", f"{axes}d-{name}-{'all' if counting else 'inside'}",
                      lambda x: mean(x, counting), {"x": normal(*size)}, counting=counting, **geometry)


def rearrangements(cases):
    for name, shape, axis, before, after in [("rows", (3, 4), 0, 2, 1), ("last", (2, 3, 4), -1, 0, 3)]:
        ends = [0] * (2 * len(shape))
        place = 2 * (len(shape) - 1 - (axis % len(shape)))
        ends[place], ends[place + 1] = before, after
        cases.add("pad", name, lambda x: functional.pad(x, ends), {"x": normal(*shape)}, dim=axis, before=before, after=after)
    for name, shape, axis, count in [("positions", (2, 3, 4, 2), 2, 3), ("last", (2, 5), -1, 2)]:
        cases.add("repeat_interleave", name, lambda x: x.repeat_interleave(count, axis), {"x": normal(*shape)},
                  dim=axis, count=count)
        cases.add("flip", name, lambda x: x.flip(axis), {"x": normal(*shape)}, dim=axis)


def functions(cases):
    for name, function, kinks in [
        ("softplus", functional.softplus, []), ("softsign", functional.softsign, [0]), ("selu", functional.selu, [0]),
        ("hardsigmoid", functional.hardsigmoid, [-3, 3]),
        ("hardsigmoid_fifth", lambda x: (0.2 * x + 0.5).clamp(0, 1), [-2.5, 2.5]),
    ]:
        cases.add(name, "default", lambda x: function(x), {"x": away_from(kinks, *IMAGES, spread=2)})


def write(output):
    torch.manual_seed(20)
    cases = Cases()
    windows(cases)
    rearrangements(cases)
    functions(cases)
    save(pathlib.Path(output) / "TensorsTests/Goldens/padding.safetensors", cases.arrays, cases.metadata)
