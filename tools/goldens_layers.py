"""Golden values of layers that are not PyTorch's own: TensorFlow's padding, channels elsewhere, other functions in recurrent
layers, and layers that move numbers. Each is written out in PyTorch, in float64."""

import math
import pathlib

import torch
from torch.nn import functional

from goldens_functions import away_from
from goldens_operators import Cases, normal
from goldens_padding import padded
from goldens_store import save

CONVOLUTIONS = [functional.conv1d, functional.conv2d, functional.conv3d]
TRANSPOSED = [functional.conv_transpose1d, functional.conv_transpose2d, functional.conv_transpose3d]


def same(size, kernel, stride, dilation):
    """TensorFlow's zeros before and after each axis."""
    before, after = [], []
    for length, k, s, d in zip(size, kernel, stride, dilation):
        zeros = max(0, (math.ceil(length / s) - 1) * s + (k - 1) * d + 1 - length)
        before.append(zeros // 2)
        after.append(zeros - zeros // 2)
    return before, after


def windows(cases):
    #   name                    N  in out size     kernel  stride  dilation groups
    for name, n, inputs, outputs, size, kernel, stride, dilation, groups in [
        ("1d-3-s2-even",        2, 3, 4, (8,),     (3,),   (2,),   (1,),    1),
        ("1d-4-dilation2",      1, 4, 2, (9,),     (4,),   (1,),   (2,),    2),
        ("2d-3-s2-even-odd",    2, 3, 5, (6, 7),   (3, 3), (2, 2), (1, 1),  1),
        ("2d-2x4",              1, 8, 16, (5, 6),  (2, 4), (1, 1), (1, 1),  1),
        ("2d-1-s3",             1, 2, 3, (7, 5),   (1, 1), (3, 3), (1, 1),  1),
        ("3d-2x3x2",            1, 2, 3, (3, 4, 5), (2, 3, 2), (1, 2, 2), (1, 1, 1), 1),
    ]:
        before, after = same(size, kernel, stride, dilation)
        cases.add(
            "conv_same", name,
            lambda x, weight, bias: CONVOLUTIONS[len(size) - 1](
                padded(x, before, after), weight, bias, stride, 0, dilation, groups),
            {"x": normal(n, inputs, *size), "weight": normal(outputs, inputs // groups, *kernel) * 0.3,
             "bias": normal(outputs)}, kernel=list(kernel), stride=list(stride), dilation=list(dilation), groups=groups)
    for name, size, kernel, stride, dilation in [("3-dilation2", 9, 3, 1, 2), ("2-s2", 7, 2, 2, 1), ("1", 5, 1, 1, 1)]:
        cases.add(
            "conv_causal", name,
            lambda x, weight, bias: functional.conv1d(
                padded(x, [(kernel - 1) * dilation], [0]), weight, bias, stride, 0, dilation),
            {"x": normal(2, 3, size), "weight": normal(4, 3, kernel) * 0.3, "bias": normal(4)},
            kernel=[kernel], stride=[stride], dilation=[dilation], groups=1)
    for name, size, kernel, stride in [
        ("1d-2-s2", (2, 3, 7), (2,), (2,)), ("2d-3-s2", (2, 5, 6, 7), (3, 3), (2, 2)), ("2d-2x4", (1, 3, 4, 5), (2, 4), (1, 1)),
    ]:
        before, after = same(size[2:], kernel, stride, [1] * len(kernel))
        maximum = [functional.max_pool1d, functional.max_pool2d][len(kernel) - 1]
        average = [functional.avg_pool1d, functional.avg_pool2d][len(kernel) - 1]
        geometry = dict(kernel=list(kernel), stride=list(stride))
        # No two elements are near enough for a difference quotient to change the largest.
        distinct = torch.randperm(math.prod(size)).reshape(size).double() * 0.1
        cases.add("max_pool_same", name,
                  lambda x: maximum(padded(x, before, after, float("-inf")), kernel, stride), {"x": distinct}, **geometry)
        cases.add("min_pool_same", name,
                  lambda x: -maximum(padded(-x, before, after, float("-inf")), kernel, stride), {"x": distinct}, **geometry)
        ones = torch.ones(size, dtype=torch.float64)
        cases.add("avg_pool_same", name,
                  lambda x: average(padded(x, before, after), kernel, stride)
                  / average(padded(ones.to(x), before, after), kernel, stride), {"x": normal(*size)}, **geometry)


def trimmed(x, weight, bias, stride, dilation, extra):
    """Of the whole result size · stride positions, or with output padding whole − 2 · (reach / 2) + extra."""
    y = TRANSPOSED[len(stride) - 1](x, weight, None, stride, dilation=dilation)
    for axis, (k, s, d) in enumerate(zip(weight.shape[2:], stride, dilation)):
        reach, whole = (k - 1) * d + 1, y.shape[axis + 2]
        count = x.shape[axis + 2] * s if extra is None else whole - 2 * (reach // 2) + extra[axis]
        before = max(0, whole - count) // 2
        y = y.narrow(axis + 2, before, min(whole - before, count))
        ends = [0, 0] * len(stride)
        ends[2 * (len(stride) - 1 - axis) + 1] = count - y.shape[axis + 2]
        y = functional.pad(y, ends)
    return y + bias.reshape([-1] + [1] * len(stride))


def transposed(cases):
    for name, size, kernel, stride, dilation, extra in [
        ("2d-3-s2", (4, 3), (3, 3), (2, 2), (1, 1), None), ("1d-2-s3", (5,), (2,), (3,), (1,), None),
        ("1d-4", (5,), (4,), (1,), (1,), None), ("1d-3-dilation2", (5,), (3,), (1,), (2,), None),
        ("2d-4x3-s2x3", (3, 4), (4, 3), (2, 3), (1, 1), None), ("1d-3-s2-extra1", (5,), (3,), (2,), (1,), [1]),
        ("1d-4-s3-extra0", (4,), (4,), (3,), (1,), [0]), ("1d-1-s2-extra1", (4,), (1,), (2,), (1,), [1]),
    ]:
        cases.add(
            "conv_transpose_same", name, lambda x, weight, bias: trimmed(x, weight, bias, stride, dilation, extra),
            {"x": normal(2, 3, *size), "weight": normal(3, 4, *kernel) * 0.3, "bias": normal(4)},
            kernel=list(kernel), stride=list(stride), dilation=list(dilation), extra=extra or [])


def thresholded(x, threshold=0.0, slope=0.0, maximum=math.inf):
    return torch.where(x >= threshold, x, slope * (x - threshold)).clamp(max=maximum)


def functions(cases):
    for name, function, kinks in [
        ("relu6", functional.relu6, [0, 6]), ("exponential", torch.exp, []),
        ("tanh_gelu", lambda x: functional.gelu(x, approximate="tanh"), []),
        ("leaky_relu", lambda x: functional.leaky_relu(x, 0.2), [0]), ("elu", lambda x: functional.elu(x, 0.5), [0]),
        ("hardsigmoid", lambda x: (0.2 * x + 0.5).clamp(0, 1), [-2.5, 2.5]),
        ("thresholded_relu", lambda x: thresholded(x, 0.7), [0.7]),
        ("thresholded_relu_all", lambda x: thresholded(x, 0.4, 0.3, 1.5), [0.4, 1.5]),
        ("thresholded_relu_maximum", lambda x: thresholded(x, 0, 0.1, 1), [0, 1]),
    ]:
        cases.add("activation", name, lambda x: function(x), {"x": away_from(kinks, 2, 3, 4, spread=2)})
    cases.add("prelu", "elements", lambda x, weight: torch.where(x > 0, x, weight * x),
              {"x": away_from([0], 2, 3, 4), "weight": normal(3, 4)})


def channels(cases):
    move = lambda x: x.movedim(1, -1)
    back = lambda x: x.movedim(-1, 1)
    cases.add("linear", "axis", lambda x, weight, bias: back(functional.linear(move(x), weight, bias)),
              {"x": normal(2, 3, 4, 2), "weight": normal(5, 3), "bias": normal(5)})
    cases.add("layer_norm", "axis", lambda x, weight, bias: back(functional.layer_norm(move(x), [5], weight, bias, 1e-3)),
              {"x": normal(2, 5, 3, 2), "weight": normal(5), "bias": normal(5)})
    cases.add("group_norm", "axis", lambda x, weight, bias: move(functional.group_norm(back(x), 2, weight, bias)),
              {"x": normal(2, 3, 5, 6), "weight": normal(6), "bias": normal(6)})
    cases.add("batch_norm", "axis",
              lambda x, weight, bias: move(functional.batch_norm(back(x), None, None, weight, bias, True)),
              {"x": normal(3, 4, 5), "weight": normal(5), "bias": normal(5)})
    cases.add("flatten", "channels-last", lambda x: move(x).flatten(1), {"x": normal(2, 3, 4, 2)})
    cases.add("reshape", "axis", lambda x: back(move(x).reshape(2, 4, 6)), {"x": normal(2, 3, 4, 2)})
    cases.add("reshape", "plain", lambda x: x.reshape(2, 4, 6), {"x": normal(2, 3, 4, 2)})
    cases.add("embedding", "axis", lambda weight, indices: back(functional.embedding(indices, weight)),
              {"weight": normal(5, 3)}, {"indices": torch.tensor([[4, 0, 4], [1, 2, 0]])})


def moves(cases):
    cases.add("zero_pad", "2d", lambda x: functional.pad(x, [2, 1, 0, 3]), {"x": normal(2, 3, 2, 3)})
    cases.add("crop", "2d", lambda x: x[:, :, 0:2, 2:4], {"x": normal(2, 3, 5, 5)})
    cases.add("upsample", "2d", lambda x: functional.interpolate(x, scale_factor=[2, 3]), {"x": normal(2, 3, 2, 3)})
    cases.add("permute", "3", lambda x: x.permute(0, 3, 1, 2), {"x": normal(2, 3, 4, 5)})
    cases.add("repeat_row", "3", lambda x: x[:, :, None].repeat(1, 1, 3), {"x": normal(2, 4)})
    cases.add("rescale", "both", lambda x: x * 0.5 - 1.25, {"x": normal(2, 3, 4)})
    cases.add("mean_over_positions", "kept", lambda x: x.mean([2, 3], keepdim=True), {"x": normal(2, 3, 4, 5)})
    distinct = torch.randperm(120).reshape(2, 3, 4, 5).double() * 0.1
    cases.add("max_over_positions", "kept", lambda x: x.amax([2, 3], keepdim=True), {"x": distinct})
    cases.add("max_over_positions", "row", lambda x: x.amax([2, 3]), {"x": distinct})


FUNCTIONS = {
    "tanh": torch.tanh, "sigmoid": torch.sigmoid, "softsign": functional.softsign, "softplus": functional.softplus,
    "hardsigmoid": lambda x: (x / 6 + 0.5).clamp(0, 1), "relu": torch.relu, "elu": functional.elu,
}


def recurrent(x, kind, activation, gates, resets_after, weights, backwards):
    """[T, N, I] to the states at the steps that they belong to, and that at the end."""
    w, u, b, c = weights
    h = cell = torch.zeros(x.shape[1], u.shape[1], dtype=x.dtype)
    states = [None] * len(x)
    for t in reversed(range(len(x))) if backwards else range(len(x)):
        i = (x[t] @ w.T + b).chunk(u.shape[0] // u.shape[1], 1)
        r = (h @ u.T + c).chunk(u.shape[0] // u.shape[1], 1)
        if kind == "lstm":
            i, f, g, o = [p + q for p, q in zip(i, r)]
            cell = gates(f) * cell + gates(i) * activation(g)
            h = gates(o) * activation(cell)
        elif kind == "gru":
            reset, update = gates(i[0] + r[0]), gates(i[1] + r[1])
            n = reset * r[2] if resets_after else (reset * h) @ u.chunk(3)[2].T + c.chunk(3)[2]
            h = update * h + (1 - update) * activation(i[2] + n)
        else:
            h = activation(i[0] + r[0])
        states[t] = h
    return torch.stack(states), h


MERGES = {
    "concatenate": lambda a, b, axis: torch.cat([a, b], axis), "sum": lambda a, b, axis: a + b,
    "multiply": lambda a, b, axis: a * b, "average": lambda a, b, axis: (a + b) / 2,
}


def sequences(cases):
    #   name               kind        activation  gates          after  both   back   all    merge          axis
    for name, kind, activation, gates, after, both, backwards, whole, merge, axis in [
        ("gru-before",     "gru",      "tanh",     "sigmoid",     False, False, False, True,  "concatenate", -1),
        ("gru-hard",       "gru",      "softsign", "hardsigmoid", True,  False, True,  False, "concatenate", 1),
        ("lstm-hard",      "lstm",     "tanh",     "hardsigmoid", True,  True,  False, True,  "sum",         1),
        ("lstm-softsign",  "lstm",     "softsign", "sigmoid",     True,  False, True,  True,  "concatenate", -1),
        ("lstm",           "lstm",     "tanh",     "sigmoid",     True,  True,  True,  False, "multiply",    -1),
        ("rnn-elu",        "rnn-tanh", "elu",      "sigmoid",     True,  True,  False, False, "average",     1),
        ("rnn-relu",       "rnn-tanh", "relu",     "sigmoid",     True,  True,  True,  True,  "concatenate", -1),
    ]:
        g = {"gru": 3, "lstm": 4}.get(kind, 1)
        names, arrays = [], {"x": normal(2, 5, 3)}
        for suffix in ["_l0", "_l0_reverse"][: 2 if both else 1]:
            for n, shape in [("weight_ih", (g * 4, 3)), ("weight_hh", (g * 4, 4)), ("bias_ih", (g * 4,)), ("bias_hh", (g * 4,))]:
                arrays[n + suffix] = normal(*shape) * 0.4
                names.append(n + suffix)
        if axis == 1:
            arrays["x"] = arrays["x"].movedim(-1, 1)

        def run(x, **weights):
            steps = x.permute(2, 0, 1) if axis == 1 else x.permute(1, 0, 2)
            results = [
                recurrent(steps, kind, FUNCTIONS[activation], FUNCTIONS[gates], after,
                          [weights[n] for n in names[4 * d: 4 * d + 4]], backwards != (d == 1))
                for d in range(2 if both else 1)]
            parts = [r[0 if whole else 1] for r in results]
            y = MERGES[merge](*parts, -1) if both else parts[0]
            return y if not whole else y.permute(1, 2, 0) if axis == 1 else y.permute(1, 0, 2)

        cases.add("sequence", name, run, arrays, kind=kind, activation=activation, gates=gates, resets_after=after,
                  bidirectional=both, reversed=backwards, returns_sequences=whole, merge=merge, axis=axis)


def write(output):
    torch.manual_seed(23)
    cases = Cases()
    for group in [windows, transposed, functions, channels, moves, sequences]:
        group(cases)
    save(pathlib.Path(output) / "LayersTests/Goldens/layers.safetensors", cases.arrays, cases.metadata)
