"""Golden values of element functions, matrix products, slices, normalisations and losses."""

import pathlib

import torch
from torch.nn import functional

from goldens_operators import Cases, normal
from goldens_store import given, save

# Padded by oneDNN's layouts, so that what functions do to padding shows.
IMAGES = (1, 19, 2, 3)


def away_from(points, *shape, spread=1.5):
    """Normal numbers, none nearer than 0.02 to a kink."""
    x = normal(*shape) * spread
    for point in points:
        near = (x - point).abs() < 0.02
        x = torch.where(near, x + 0.05, x)
    return x


def positive(*shape):
    return 0.2 + 2 * torch.rand(shape, dtype=torch.float64)


def elements(cases):
    for name, function, kinks, settings in [
        ("leaky_relu", functional.leaky_relu, [0], {"negative_slope": 0.01}),
        ("elu", functional.elu, [0], {"alpha": 1.0}),
        ("gelu", functional.gelu, [], {"approximate": "none"}),
        ("silu", functional.silu, [], {}),
        ("hardswish", functional.hardswish, [-3, 3], {}),
        ("sigmoid", torch.sigmoid, [], {}),
        ("tanh", torch.tanh, [], {}),
        ("exp", torch.exp, [], {}),
        ("abs", torch.abs, [0], {}),
        ("square", torch.square, [], {}),
    ]:
        cases.add(name, "default", lambda x: function(x), {"x": away_from(kinks, *IMAGES)}, **settings)
    cases.add("leaky_relu", "steep", lambda x: functional.leaky_relu(x, 0.3), {"x": away_from([0], 5, 7)},
              negative_slope=0.3)
    cases.add("elu", "alpha", lambda x: functional.elu(x, 0.7), {"x": away_from([0], 5, 7)}, alpha=0.7)
    cases.add("gelu", "tanh", lambda x: functional.gelu(x, approximate="tanh"), {"x": normal(*IMAGES) * 1.5},
              approximate="tanh")
    cases.add("hardswish", "wide", lambda x: functional.hardswish(x), {"x": away_from([-3, 3], 6, 9, spread=4)})
    cases.add("log", "positive", lambda x: torch.log(x), {"x": positive(*IMAGES) + 0.9})
    cases.add("sqrt", "positive", lambda x: torch.sqrt(x), {"x": positive(*IMAGES)})
    for name, low, high in [("about-zero", -0.5, 0.8), ("above-zero", 0.25, 1.5)]:
        cases.add("clamp", name, lambda x: x.clamp(low, high), {"x": away_from([low, high], *IMAGES)},
                  min=low, max=high)
    for operator, function in [("maximum", torch.maximum), ("minimum", torch.minimum)]:
        cases.add(operator, "same-shape", lambda x, other: function(x, other),
                  {"x": normal(2, 3, 4, 5), "other": normal(2, 3, 4, 5)})
        cases.add(operator, "channels", lambda x, other: function(x, other),
                  {"x": normal(2, 3, 4, 5), "other": normal(3, 1, 1)})
    # PyTorch shares the gradient of equal elements.
    tied = normal(3, 4)
    cases.add("maximum", "ties", lambda x, other: torch.maximum(x, other),
              {"x": tied, "other": tied + torch.tensor([0.0, 1, -1, 0])})
    for name, shape, count in [("one", (4, 6), 1), ("channels", (2, 5, 3, 2), 5)]:
        cases.add("prelu", name, lambda x, weight: functional.prelu(x, weight),
                  {"x": away_from([0], *shape), "weight": 0.25 + 0.1 * normal(count)})


def products(cases):
    for name, a, b in [
        ("matrices", (3, 4), (4, 5)), ("one-matrix", (2, 3, 4), (4, 5)), ("batches", (2, 3, 4, 6), (2, 3, 6, 5)),
        ("repeated", (2, 1, 3, 4), (3, 4, 5)), ("matrix-by-batch", (3, 4), (2, 4, 5)), ("vectors", (1, 7), (7, 1)),
    ]:
        cases.add("matmul", name, lambda a, b: a @ b, {"a": normal(*a), "b": normal(*b)})


def slices(cases):
    for name, shape, axis, start, end in [
        ("middle", (2, 5, 3), 1, 1, 4), ("first", (4, 3), 0, 0, 1), ("last-axis", (2, 3, 6), -1, 4, 6),
        ("channels", (2, 6, 3, 4), 1, 2, 5),
    ]:
        cases.add("narrow", name, lambda x: x.narrow(axis, start, end - start), {"x": normal(*shape)},
                  dim=axis, start=start, end=end)
    cases.add("select", "step", lambda x: x.select(1, 2), {"x": normal(3, 4, 5)}, dim=1, index=2)
    for axis in (0, 1, -1):
        cases.add("stack", f"axis{axis}", lambda a, b, c: torch.stack([a, b, c], axis),
                  {"a": normal(2, 3), "b": normal(2, 3), "c": normal(2, 3)}, dim=axis)

    def split(x, sizes):
        first, *rest = x.split(sizes, 1)
        for number, part in enumerate(rest):
            first = torch.cat([part * (number + 2), first], 1)
        return first

    cases.add("split", "sizes", lambda x: split(x, [1, 3, 2]), {"x": normal(2, 6, 3)}, sizes=[1, 3, 2])
    cases.add("split", "size", lambda x: split(x, 3), {"x": normal(2, 7, 2)}, size=3)


def normalizations(cases):
    for name, shape, axes in [("last", (4, 7), 1), ("last-two", (2, 3, 5, 6), 2), ("sequence", (2, 3, 16), 1)]:
        sizes = shape[-axes:]
        x = normal(*shape) * 1.7 + 0.6
        weight, bias = 0.5 + torch.rand(sizes, dtype=torch.float64), normal(*sizes)
        cases.add("layer_norm", name, lambda x, weight, bias: functional.layer_norm(x, sizes, weight, bias),
                  {"x": x, "weight": weight, "bias": bias}, axes=axes)
        if axes == 1:
            cases.add("layer_norm", name + "-plain", lambda x: functional.layer_norm(x, sizes), {"x": x}, axes=axes)
            cases.add("layer_norm", name + "-no-bias", lambda x, weight: functional.layer_norm(x, sizes, weight),
                      {"x": x, "weight": weight}, axes=axes)
    for name, shape, groups in [
        ("3-of-6", (2, 6, 3, 4), 3), ("all", (2, 4, 5), 1), ("each", (2, 3, 4, 4), 3), ("features", (4, 8), 2),
        ("19-channels", (1, 19, 2, 3), 1),
    ]:
        x = normal(*shape) * 1.4 - 0.5
        weight, bias = 0.5 + torch.rand((shape[1],), dtype=torch.float64), normal(shape[1])
        cases.add("group_norm", name, lambda x, weight, bias: functional.group_norm(x, groups, weight, bias),
                  {"x": x, "weight": weight, "bias": bias}, groups=groups)
    cases.add("group_norm", "plain", lambda x: functional.group_norm(x, 2), {"x": normal(2, 4, 3, 3) + 1}, groups=2)
    for name, shape, size, settings in [
        ("paper", (1, 8, 3, 4), 5, (5e-4, 0.75, 2.0)), ("default", (2, 6, 3, 3), 5, (1e-4, 0.75, 1.0)),
        ("strong", (1, 19, 2, 3), 5, (2.0, 0.75, 1.0)), ("even", (2, 7, 4), 4, (1.5, 0.5, 0.8)),
        ("wide", (1, 3, 9, 8), 7, (1.0, 1.0, 1.0)), ("alone", (2, 4, 2, 2), 1, (1.0, 0.75, 1.0)),
    ]:
        alpha, beta, k = settings
        cases.add("local_response_norm", name,
                  lambda x: functional.local_response_norm(x, size, alpha, beta, k), {"x": normal(*shape) * 1.5},
                  size=size, alpha=alpha, beta=beta, k=k)


def element_losses(cases):
    for reduction in ("mean", "sum"):
        for operator, function, settings in [
            ("l1_loss", functional.l1_loss, {}), ("mse_loss", functional.mse_loss, {}),
            ("huber_loss", functional.huber_loss, {"delta": 1.0}),
            ("huber_loss", functional.huber_loss, {"delta": 0.6}),
            ("smooth_l1_loss", functional.smooth_l1_loss, {"beta": 1.0}),
            ("smooth_l1_loss", functional.smooth_l1_loss, {"beta": 0.4}),
        ]:
            target = normal(4, 5)
            difference = away_from([0, 0.4, -0.4, 0.6, -0.6, 1, -1], 4, 5)
            label = "".join(f"-{value}" for value in settings.values())
            cases.add(operator, reduction + label,
                      lambda x, target: function(x, target, reduction=reduction, **settings),
                      {"x": target + difference, "target": target}, reduction=reduction, **settings)
        x = given(torch.sigmoid(normal(5, 4)))
        labels = torch.randint(2, (5, 4)).double()
        cases.add("binary_cross_entropy", reduction,
                  lambda x, target: functional.binary_cross_entropy(x, target, reduction=reduction),
                  {"x": x}, {"target": labels}, reduction=reduction)
        for weight in (1.0, 2.5):
            cases.add("binary_cross_entropy_with_logits", f"{reduction}-{weight}",
                      lambda x, target: functional.binary_cross_entropy_with_logits(
                          x, target, reduction=reduction, pos_weight=torch.full((), weight, dtype=x.dtype)),
                      {"x": normal(5, 4) * 3}, {"target": labels}, reduction=reduction, pos_weight=weight)
    cases.add("binary_cross_entropy", "soft", lambda x, target: functional.binary_cross_entropy(x, target),
              {"x": given(torch.sigmoid(normal(6)))}, {"target": given(torch.rand(6).double())}, reduction="mean")
    cases.add("binary_cross_entropy_with_logits", "large",
              lambda x, target: functional.binary_cross_entropy_with_logits(x, target),
              {"x": torch.tensor([90.0, -90, 30, -30, 5, -5]).double()},
              {"target": torch.tensor([0.0, 1, 1, 0, 0, 1]).double()}, reduction="mean", pos_weight=1.0)
    cases.add("rmse", "default", lambda x, target: functional.mse_loss(x, target).sqrt(),
              {"x": normal(4, 3), "target": normal(4, 3)})


def class_losses(cases):
    labels = torch.tensor([2, 0, 4, 1, 2, 3])
    weights = given(0.3 + 2 * torch.rand((5,), dtype=torch.float64))
    for reduction in ("mean", "sum"):
        for smoothing in (0.0, 0.1):
            for weighted in (False, True):
                constants = {"target": labels}
                if weighted:
                    constants["weight"] = weights
                name = f"{reduction}-{smoothing}{'-weighted' if weighted else ''}"
                cases.add("cross_entropy", name,
                          lambda x, target, weight=None: functional.cross_entropy(
                              x, target, weight, reduction=reduction, label_smoothing=smoothing),
                          {"x": normal(6, 5) * 2}, constants, reduction=reduction, label_smoothing=smoothing)
                constants = {"weight": weights} if weighted else {}
                cases.add("soft_cross_entropy", name,
                          lambda x, target, weight=None: functional.cross_entropy(
                              x, target, weight, reduction=reduction, label_smoothing=smoothing),
                          {"x": normal(6, 5) * 2, "target": torch.softmax(normal(6, 5), 1)}, constants,
                          reduction=reduction, label_smoothing=smoothing)
        cases.add("nll_loss", reduction + "-weighted",
                  lambda x, target, weight: functional.nll_loss(x, target, weight, reduction=reduction),
                  {"x": functional.log_softmax(normal(6, 5), 1)}, {"target": labels, "weight": weights},
                  reduction=reduction)
    # The labels that count for nothing, and examples along further axes. A generator of their own keeps the others' numbers.
    state = torch.get_rng_state()
    torch.manual_seed(20263)
    some = torch.tensor([2, -100, 4, 1, -100, 3])
    everywhere = torch.randint(5, (2, 3, 4))
    everywhere[0, 1, 2] = everywhere[1, 2, 0] = 1
    for operator, function, given_x in [
        ("cross_entropy", functional.cross_entropy, lambda *shape: normal(*shape) * 2),
        ("nll_loss", functional.nll_loss, lambda *shape: functional.log_softmax(normal(*shape), 1)),
    ]:
        for name, x, target, index, settings in [
            ("ignoring", given_x(6, 5), some, -100, {}),
            ("ignoring-class", given_x(2, 5, 3, 4), everywhere, 1, {}),
            ("axes", given_x(2, 5, 3, 4), everywhere, -100, {}),
            ("ignoring-sum", given_x(6, 5), some, -100, {"reduction": "sum"}),
        ]:
            for weighted in (False, True):
                constants = {"target": target} | ({"weight": weights} if weighted else {})
                cases.add(operator, f"{name}{'-weighted' if weighted else ''}",
                          lambda x, target, weight=None: function(x, target, weight, ignore_index=index, **settings),
                          {"x": x}, constants, ignore_index=index, label_smoothing=0.0,
                          reduction=settings.get("reduction", "mean"))
    cases.add("cross_entropy", "ignoring-smoothed",
              lambda x, target, weight: functional.cross_entropy(x, target, weight, label_smoothing=0.2),
              {"x": normal(6, 5)}, {"target": some, "weight": weights}, ignore_index=-100, label_smoothing=0.2,
              reduction="mean")
    torch.set_rng_state(state)


def write(root):
    torch.manual_seed(20262)
    cases = Cases()
    for part in (elements, products, slices, normalizations, element_losses, class_losses):
        part(cases)
    save(pathlib.Path(root) / "TensorsTests/Goldens/functions.safetensors", cases.arrays, cases.metadata)
