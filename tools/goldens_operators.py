"""Golden values of the operators: output, and the gradient of every input for an upstream gradient `dy`."""

import json
import pathlib

import torch
from torch.nn import functional

from goldens_store import expected, given, save, stored


class Cases:
    """Collects `case/<operator>/<name>/<array>` and, as metadata, the geometry of each case."""

    def __init__(self):
        self.arrays = {}
        self.metadata = {}

    def add(self, operator, name, function, inputs, constants=None, **geometry):
        """Runs `function(**inputs, **constants)`.

        Stored are the inputs and constants under their names, `y`, `dy`, and `d_<input>` for every input. What the
        function changes in place among the constants is stored as `<constant>_after`.
        """
        prefix = f"case/{operator}/{name}"
        assert not {"y", "dy"} & (set(inputs) | set(constants or {})), "the names of results"
        assert prefix not in self.metadata
        self.metadata[prefix] = json.dumps(geometry, sort_keys=True)
        leaves = {key: given(value).requires_grad_() for key, value in inputs.items()}
        constants = {
            key: value if value.dtype == torch.int64 else given(value) for key, value in (constants or {}).items()}
        before = {key: value.clone() for key, value in constants.items()}
        y = function(**leaves, **constants)
        dy = given(torch.randn(y.shape, dtype=torch.float64))
        gradients = torch.autograd.grad(y, list(leaves.values()), dy)
        for key, leaf in leaves.items():
            self.arrays[f"{prefix}/{key}"] = stored(leaf)
        for key, value in before.items():
            self.arrays[f"{prefix}/{key}"] = value if value.dtype == torch.int64 else stored(value)
            if not torch.equal(value, constants[key]):
                self.arrays[f"{prefix}/{key}_after"] = expected(constants[key])
        self.arrays[f"{prefix}/y"] = expected(y)
        self.arrays[f"{prefix}/dy"] = stored(dy)
        for key, gradient in zip(leaves, gradients):
            self.arrays[f"{prefix}/d_{key}"] = expected(gradient)
        check_conditioning(prefix, function, leaves, before, y, dy, gradients)


def check_conditioning(prefix, function, leaves, constants, y, dy, gradients):
    """PyTorch's own float32 must be far inside the tolerances of the tests (1e-5, 1e-4): else a case tests rounding."""
    leaves = {key: leaf.detach().float().requires_grad_() for key, leaf in leaves.items()}
    constants = {key: value if value.dtype == torch.int64 else value.float() for key, value in constants.items()}
    rounded = function(**leaves, **constants)
    others = torch.autograd.grad(rounded, list(leaves.values()), dy.float())
    for exact, other, tolerance in [(y, rounded, 2e-6)] + [(a, b, 1e-5) for a, b in zip(gradients, others)]:
        error = ((exact - other.double()).norm() / exact.norm()).item()
        assert error < tolerance, f"{prefix}: float32 is off by {error}"


def normal(*shape):
    return torch.randn(shape, dtype=torch.float64)


def convolutions(cases):
    #   name                          N  in out size    kernel stride padding dilation groups bias
    for name, n, inputs, outputs, size, kernel, stride, padding, dilation, groups, bias in [
        ("3x3-s1-p0",                 2, 3, 4, (6, 7), (3, 3), 1, 0, 1, 1, True),
        ("3x3-s1-p1",                 2, 4, 5, (5, 8), (3, 3), 1, 1, 1, 1, True),
        ("3x3-s2-p1-odd",             2, 4, 6, (9, 7), (3, 3), 2, 1, 1, 1, True),
        ("3x3-s2-p0-even",            1, 3, 8, (10, 12), (3, 3), 2, 0, 1, 1, True),
        ("3x3-s2-p1-even-no-bias",    2, 3, 5, (8, 6), (3, 3), 2, 1, 1, 1, False),
        ("3x3-dilation2",             2, 3, 4, (9, 8), (3, 3), 1, 2, 2, 1, True),
        ("3x3-dilation2-s2-p0",       1, 2, 4, (11, 10), (3, 3), 2, 0, 2, 1, False),
        ("3x3-groups2",               2, 4, 6, (6, 5), (3, 3), 1, 1, 1, 2, True),
        ("3x3-depthwise",             2, 6, 6, (7, 7), (3, 3), 1, 1, 1, 6, True),
        ("3x3-depthwise-s2-no-bias",  1, 8, 8, (8, 9), (3, 3), 2, 1, 1, 8, False),
        ("3x3-depthwise-multiplier2", 2, 3, 6, (6, 6), (3, 3), 1, 1, 1, 3, True),
        ("1x1",                       2, 5, 7, (4, 6), (1, 1), 1, 0, 1, 1, True),
        ("1x1-s2-no-bias",            2, 4, 8, (7, 6), (1, 1), 2, 0, 1, 1, False),
        ("1x1-of-one-position",       2, 9, 4, (1, 1), (1, 1), 1, 0, 1, 1, True),
        ("5x5-p2",                    1, 3, 4, (9, 8), (5, 5), 1, 2, 1, 1, True),
        ("5x5-s2-p0-no-bias",         2, 2, 3, (11, 9), (5, 5), 2, 0, 1, 1, False),
        ("7x7-s2-p3-stem",            1, 3, 8, (21, 22), (7, 7), 2, 3, 1, 1, False),
        ("3x5-p1",                    1, 3, 4, (6, 9), (3, 5), 1, 1, 1, 1, True),
        ("winograd-16-32",            1, 16, 32, (14, 14), (3, 3), 1, 1, 1, 1, False),
        ("winograd-32-16-odd",        2, 32, 16, (7, 7), (3, 3), 1, 1, 1, 1, True),
    ]:
        arrays = {"x": normal(n, inputs, *size), "weight": normal(outputs, inputs // groups, *kernel) * 0.3}
        if bias:
            arrays["bias"] = normal(outputs)
        cases.add(
            "conv2d", name,
            lambda x, weight, bias=None: functional.conv2d(x, weight, bias, stride, padding, dilation, groups),
            arrays, stride=stride, padding=padding, dilation=dilation, groups=groups)


def linear(cases):
    cases.add("linear", "bias", functional.linear, {"x": normal(3, 7), "weight": normal(5, 7), "bias": normal(5)})
    cases.add("linear", "no-bias", functional.linear, {"x": normal(4, 33), "weight": normal(17, 33)})
    cases.add("linear", "one-row", functional.linear, {"x": normal(1, 16), "weight": normal(2, 16), "bias": normal(2)})


def batch_norms(cases):
    for name, shape in [("1d", (8, 5)), ("2d", (3, 4, 5, 6)), ("2d-16-channels", (2, 16, 3, 3))]:
        channels = shape[1]
        scale = 0.5 + torch.rand((channels,), dtype=torch.float64)
        inputs = {
            "x": normal(*shape) * 1.7 + 0.4, "weight": scale, "bias": normal(channels)}
        for training in (True, False):
            constants = {
                "running_mean": normal(channels) * 0.3,
                "running_var": 0.5 + torch.rand((channels,), dtype=torch.float64)}
            cases.add(
                "batch_norm", f"{name}-{'training' if training else 'inference'}",
                lambda x, weight, bias, running_mean, running_var: functional.batch_norm(
                    x, running_mean, running_var, weight, bias, training, 0.1, 1e-5),
                inputs, constants, training=training, momentum=0.1, eps=1e-5)


def pools(cases):
    for name, size, kernel, stride, padding, ceil_mode in [
        ("k3-s2-p1", (8, 9), 3, 2, 1, False),
        ("k2-s2", (6, 8), 2, 2, 0, False),
        ("k2-s2-odd-floor", (7, 5), 2, 2, 0, False),
        ("k2-s2-odd-ceil", (7, 5), 2, 2, 0, True),
        ("k3-s2-p0-floor", (8, 10), 3, 2, 0, False),
        ("k3-s2-p0-ceil", (8, 10), 3, 2, 0, True),
        ("k3-s2-p0-ceil-exact", (7, 9), 3, 2, 0, True),
        ("k3-s2-p1-ceil", (8, 7), 3, 2, 1, True),
        ("k3-s1-p1", (5, 6), 3, 1, 1, False),
    ]:
        # Minus three: a padding that counted as zero instead of minus infinity would win.
        cases.add(
            "max_pool2d", name, lambda x: functional.max_pool2d(x, kernel, stride, padding, ceil_mode=ceil_mode),
            {"x": normal(2, 3, *size) - 3}, kernel=kernel, stride=stride, padding=padding, ceil_mode=ceil_mode)
        if name == "k3-s2-p0-ceil-exact":
            continue
        for include in (True, False) if padding or ceil_mode else (True,):
            cases.add(
                "avg_pool2d", name + ("" if include else "-exclude-padding"),
                lambda x: functional.avg_pool2d(x, kernel, stride, padding, ceil_mode, include),
                {"x": normal(2, 3, *size) + 1}, kernel=kernel, stride=stride, padding=padding, ceil_mode=ceil_mode,
                count_include_pad=include)
    for name, size, output in [
        ("1-from-7x5", (7, 5), (1, 1)), ("6-from-13", (13, 13), (6, 6)), ("7-from-7", (7, 7), (7, 7)),
        ("3x2-from-8x9", (8, 9), (3, 2)), ("7-from-3", (3, 3), (7, 7)),
    ]:
        for operator in ("adaptive_avg_pool2d", "adaptive_max_pool2d"):
            cases.add(
                operator, name, lambda x: getattr(functional, operator)(x, output), {"x": normal(2, 3, *size) - 1},
                output_size=list(output))


def away_from_zero(*shape):
    x = normal(*shape)
    return x + 0.05 * x.sign()


def losses(cases):
    cases.add("relu", "4d", lambda x: x.relu(), {"x": away_from_zero(2, 3, 4, 5)})
    cases.add("relu", "2d", lambda x: x.relu(), {"x": away_from_zero(3, 11)})
    for operator in ("softmax", "log_softmax"):
        for name, shape, dim in [
            ("2d-last", (4, 7), -1), ("2d-large-logits", (3, 5), 1), ("4d-dim1", (2, 5, 3, 4), 1),
            ("3d-last", (2, 3, 6), -1),
        ]:
            x = normal(*shape) * 2 + (150 if "large" in name else 0)  # exp(150) is beyond float32
            cases.add(operator, name, lambda x: getattr(functional, operator)(x, dim), {"x": x}, dim=dim)
    for name, rows, classes, spread in [("2-classes", 5, 2, 1), ("10-classes", 4, 10, 3), ("large-logits", 3, 6, 2)]:
        logits = normal(rows, classes) * spread + (150 if "large" in name else 0)
        cases.add(
            "cross_entropy", name, functional.cross_entropy, {"input": logits},
            {"target": torch.randint(classes, (rows,))}, reduction="mean")
    cases.add(
        "nll_loss", "5-classes", functional.nll_loss, {"input": functional.log_softmax(normal(6, 5), 1)},
        {"target": torch.randint(5, (6,))}, reduction="mean")


def arithmetic(cases):
    for operator, function in [("add", lambda a, b: a + b), ("multiply", lambda a, b: a * b)]:
        cases.add(operator, "same-shape", function, {"a": normal(2, 3, 4, 5), "b": normal(2, 3, 4, 5)})
        cases.add(operator, "channels", function, {"a": normal(2, 3, 4, 5), "b": normal(3, 1, 1)})
        cases.add(operator, "rows", function, {"a": normal(4, 6), "b": normal(6)})
        cases.add(operator, "columns", function, {"a": normal(4, 6), "b": normal(4, 1)})
        cases.add(operator, "scalar", lambda a: function(a, -1.5),
                  {"a": normal(3, 5)}, scalar=-1.5)
    cases.add("concatenate", "two-channels", lambda x0, x1: torch.cat([x0, x1], 1),
              {"x0": normal(2, 3, 4, 5), "x1": normal(2, 2, 4, 5)}, dim=1)
    cases.add("concatenate", "three-16-channels", lambda x0, x1, x2: torch.cat([x0, x1, x2], 1),
              {"x0": normal(1, 16, 3, 3), "x1": normal(1, 8, 3, 3), "x2": normal(1, 16, 3, 3)}, dim=1)
    cases.add("concatenate", "rows", lambda x0, x1: torch.cat([x0, x1], 0),
              {"x0": normal(2, 5), "x1": normal(3, 5)}, dim=0)
    cases.add("reshape", "4d-to-2d", lambda x: x.reshape(4, 18), {"x": normal(2, 4, 3, 3)}, shape=[4, 18])
    cases.add("flatten", "from-1", lambda x: x.flatten(1), {"x": normal(2, 4, 3, 3)}, start_dim=1)
    cases.add("mean", "positions", lambda x: x.mean((2, 3)), {"x": normal(2, 5, 3, 4)}, dims=[2, 3], keepdim=False)
    cases.add("mean", "positions-kept", lambda x: x.mean((2, 3), keepdim=True), {"x": normal(2, 16, 7, 7)},
              dims=[2, 3], keepdim=True)
    cases.add("mean", "all", lambda x: x.mean(), {"x": normal(3, 4, 5)})
    cases.add("sum", "all", lambda x: x.sum(), {"x": normal(3, 4, 5)})
    cases.add("sum", "rows", lambda x: x.sum(0), {"x": normal(6, 7)}, dims=[0], keepdim=False)


def composites(cases):
    """relu(bn(conv(x)) + residual), and without the residual: what a fused step must equal."""
    kept = {}

    def block(x, conv_weight, bn_weight, bn_bias, running_mean, running_var, residual=None, training=True):
        y = functional.conv2d(x, conv_weight, None, 1, 1)
        y = functional.batch_norm(y, running_mean, running_var, bn_weight, bn_bias, training, 0.1, 1e-5)
        y = y if residual is None else y + residual
        kept["before"] = y
        return functional.relu(y)

    for training in (True, False):
        for with_residual in (True, False):
            inputs = {
                "x": normal(2, 8, 6, 5), "conv_weight": normal(16, 8, 3, 3) * 0.2,
                "bn_weight": 0.5 + torch.rand((16,), dtype=torch.float64), "bn_bias": normal(16) * 0.3}
            if with_residual:
                inputs["residual"] = normal(2, 16, 6, 5)
            constants = {
                "running_mean": normal(16) * 0.2, "running_var": 0.5 + torch.rand((16,), dtype=torch.float64)}
            name = ("residual" if with_residual else "plain") + ("-training" if training else "-inference")
            cases.add(
                "conv_bn_relu", name, lambda **arrays: block(training=training, **arrays), inputs, constants,
                stride=1, padding=1, training=training, momentum=0.1, eps=1e-5)
            # Rounding must not take the other side of a relu.
            nearest = kept["before"].abs().min().item()
            assert nearest > 1e-4, f"{name}: a value of {nearest} before the relu; take another seed"


def write(root):
    torch.manual_seed(20260)
    cases = Cases()
    for part in (convolutions, linear, batch_norms, pools, losses, arithmetic, composites):
        part(cases)
    save(pathlib.Path(root) / "TensorsTests/Goldens/operators.safetensors", cases.arrays, cases.metadata)
