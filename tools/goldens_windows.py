"""Golden values of what slides over one to three axes: convolutions, transposed convolutions, pools."""

import json
import pathlib

import torch
from torch import nn
from torch.nn import functional

from goldens_operators import Cases, normal
from goldens_store import save


def sizes(value, axes):
    return list(value) if isinstance(value, tuple) else [value] * axes


def convolutions(cases):
    #   operator, name                            N  in out size       kernel     stride  padding dilation groups bias
    for operator, name, n, inputs, outputs, size, kernel, stride, padding, dilation, groups, bias in [
        ("conv1d", "3-s1-p1",                 2, 3, 4, (9,), 3, 1, 1, 1, 1, True),
        ("conv1d", "5-s2-p2-dilation2",       2, 4, 6, (17,), 5, 2, 2, 2, 1, True),
        ("conv1d", "3-groups2-no-bias",       1, 4, 6, (8,), 3, 1, 0, 1, 2, False),
        ("conv1d", "4-depthwise",             2, 6, 6, (10,), 4, 1, 1, 1, 6, True),
        ("conv1d", "2-16-channels",           1, 16, 16, (8,), 2, 1, 1, 1, 1, True),
        ("conv2d", "3x5-s2x1-p1x2",           2, 3, 4, (7, 8), (3, 5), (2, 1), (1, 2), 1, 1, True),
        ("conv2d", "2x3-dilation1x2",         1, 4, 4, (6, 9), (2, 3), (1, 2), (0, 1), (1, 2), 2, True),
        ("conv3d", "3-s1-p1",                 1, 2, 3, (4, 5, 4), 3, 1, 1, 1, 1, True),
        ("conv3d", "2x3x1-s1x2x1",            2, 3, 4, (3, 6, 4), (2, 3, 1), (1, 2, 1), (0, 1, 0), 1, 1, True),
        ("conv3d", "2-groups2-no-bias",       1, 4, 4, (3, 4, 4), 2, 1, 0, 1, 2, False),
        ("conv3d", "3-dilation2-s2-p2",       1, 2, 3, (6, 5, 7), 3, 2, 2, 2, 1, True),
        ("conv3d", "2x1x2-16-channels",       1, 16, 16, (2, 2, 3), (2, 1, 2), 1, 0, 1, 1, True),
    ]:
        axes = len(size)
        arrays = {
            "x": normal(n, inputs, *size), "weight": normal(outputs, inputs // groups, *sizes(kernel, axes)) * 0.3}
        if bias:
            arrays["bias"] = normal(outputs)
        cases.add(
            operator, name,
            lambda x, weight, bias=None: getattr(functional, operator)(
                x, weight, bias, stride, padding, dilation, groups),
            arrays, stride=sizes(stride, axes), padding=sizes(padding, axes), dilation=sizes(dilation, axes),
            groups=groups)


def transposed(cases):
    #   axes, name                       N  in out size     kernel stride padding output_padding dilation groups bias
    for axes, name, n, inputs, outputs, size, kernel, stride, padding, extra, dilation, groups, bias in [
        (1, "3-s2-p1-extra1",            2, 3, 4, (5,), 3, 2, 1, 1, 1, 1, True),
        (1, "4-s3-p0-no-bias",           1, 4, 2, (4,), 4, 3, 0, 0, 1, 1, False),
        (1, "3-s1-dilation3-extra2",     1, 2, 3, (4,), 3, 1, 0, 2, 3, 1, True),
        (1, "3-s1-p1-dilation4-extra3",  2, 2, 3, (4,), 3, 1, 1, 3, 4, 1, True),
        (2, "3-s2-p1-extra1",            2, 3, 5, (4, 3), 3, 2, 1, 1, 1, 1, True),
        (2, "3-s2-p0-extra1",            1, 3, 2, (4, 3), 3, 2, 0, 1, 1, 1, True),
        (2, "4-s2-p1",                   2, 4, 3, (3, 4), 4, 2, 1, 0, 1, 1, True),
        (2, "2-s2-no-bias",              2, 5, 4, (3, 3), 2, 2, 0, 0, 1, 1, False),
        (2, "3-s1-p1-groups2",           2, 4, 6, (4, 5), 3, 1, 1, 0, 1, 2, True),
        (2, "3-s2-p1-depthwise",         1, 6, 6, (4, 4), 3, 2, 1, 0, 1, 6, True),
        (2, "3x2-s2x1-p1x0-dilation1x2", 1, 3, 4, (4, 5), (3, 2), (2, 1), (1, 0), (1, 0), (1, 2), 1, True),
        (2, "1-s1-p1",                   1, 3, 2, (5, 4), 1, 1, 1, 0, 1, 1, True),
        (2, "5-s4-extra3x2",             1, 2, 3, (3, 2), 5, 4, 2, (3, 2), 1, 1, True),
        (2, "2-s2-16-channels",          1, 16, 16, (2, 3), 2, 2, 0, 0, 1, 1, True),
        (3, "3-s2-p1-extra1",            1, 2, 3, (2, 3, 2), 3, 2, 1, 1, 1, 1, True),
        (3, "2x3x1-s2x1x1-groups2",      1, 4, 4, (2, 3, 3), (2, 3, 1), (2, 1, 1), (0, 1, 0), 0, 1, 2, True),
    ]:
        arrays = {
            "x": normal(n, inputs, *size), "weight": normal(inputs, outputs // groups, *sizes(kernel, axes)) * 0.3}
        if bias:
            arrays["bias"] = normal(outputs)
        cases.add(
            f"conv_transpose{axes}d", name,
            lambda x, weight, bias=None: getattr(functional, f"conv_transpose{axes}d")(
                x, weight, bias, stride, padding, extra, groups, dilation),
            arrays, stride=sizes(stride, axes), padding=sizes(padding, axes), output_padding=sizes(extra, axes),
            dilation=sizes(dilation, axes), groups=groups)


def pools(cases):
    for name, size, kernel, stride, padding, ceil_mode in [
        ("3-s2-p1",                 (9,), 3, 2, 1, False),
        ("2-s2-ceil",               (7,), 2, 2, 0, True),
        ("3-s2-smaller-than-window", (2,), 3, 2, 0, True),
        ("4-s3-p1-smaller",         (1,), 4, 3, 1, True),
        ("3-s2-ceil",               (8,), 3, 2, 0, True),
        ("3x2-s2x1-p1x0",           (6, 5), (3, 2), (2, 1), (1, 0), False),
        ("3-s2-p1-ceil",            (6, 7), 3, 2, 1, True),
        ("3-s2-smaller-than-window", (2, 5), 3, 2, 0, True),
        ("3-s2-smaller-both",       (2, 2), 3, 2, 0, True),
        ("3-s2-p1",                 (5, 4, 6), 3, 2, 1, False),
        ("2x3x2-ceil",              (3, 5, 4), (2, 3, 2), (2, 2, 1), (1, 0, 1), True),
        ("3-s2-smaller-than-window", (2, 4, 3), 3, 2, 0, True),
    ]:
        axes = len(size)
        geometry = {
            "kernel": sizes(kernel, axes), "stride": sizes(stride, axes), "padding": sizes(padding, axes),
            "ceil_mode": ceil_mode}
        max_pool = getattr(functional, f"max_pool{axes}d")
        # Minus three: a padding that counted as zero instead of minus infinity would win.
        cases.add(
            f"max_pool{axes}d", name, lambda x: max_pool(x, kernel, stride, padding, ceil_mode=ceil_mode),
            {"x": normal(1, 3, *size) - 3}, **geometry)
        cases.add(
            f"min_pool{axes}d", name, lambda x: -max_pool(-x, kernel, stride, padding, ceil_mode=ceil_mode),
            {"x": normal(1, 3, *size) + 3}, **geometry)
        if name == "3-s2-smaller-than-window" and axes == 3:
            continue  # PyTorch's avg_pool3d alone refuses it.
        for include in (True, False) if padding or ceil_mode else (True,):
            cases.add(
                f"avg_pool{axes}d", name + ("" if include else "-exclude-padding"),
                lambda x: getattr(functional, f"avg_pool{axes}d")(x, kernel, stride, padding, ceil_mode, include),
                {"x": normal(1, 3, *size) + 1}, **geometry, count_include_pad=include)
    for name, size, output in [
        ("3-from-8", (8,), (3,)), ("4-from-8", (8,), (4,)), ("5-from-2", (2,), (5,)),
        ("2x3-from-5x7", (5, 7), (2, 3)), ("2x3x2-from-5x4x3", (5, 4, 3), (2, 3, 2)),
        ("1-from-3x2x4", (3, 2, 4), (1, 1, 1)), ("3x1x5-from-2x3x4", (2, 3, 4), (3, 1, 5)),
    ]:
        for kind in ("avg", "max"):
            operator = f"adaptive_{kind}_pool{len(size)}d"
            cases.add(
                operator, name, lambda x: getattr(functional, operator)(x, output), {"x": normal(1, 3, *size) - 1},
                output_size=list(output))
    for name, size, kernel, stride, padding, dilation, ceil_mode in [
        ("3-d2",          (9,), 3, 1, 0, 2, False),
        ("3-s2-p1-d3-ceil", (12,), 3, 2, 1, 3, True),
        ("3x2-d2x3",      (8, 9), (3, 2), (2, 1), (1, 0), (2, 3), False),
        ("2-s3-p1-d2-ceil", (7, 8), 2, 3, 1, 2, True),
        ("2x3x2-d2x1x3",  (5, 4, 6), (2, 3, 2), (1, 2, 1), (1, 1, 0), (2, 1, 3), False),
    ]:
        axes = len(size)
        max_pool = getattr(functional, f"max_pool{axes}d")
        cases.add(
            f"max_pool{axes}d", name, lambda x: max_pool(x, kernel, stride, padding, dilation, ceil_mode),
            {"x": normal(1, 3, *size) - 3}, kernel=sizes(kernel, axes), stride=sizes(stride, axes),
            padding=sizes(padding, axes), dilation=sizes(dilation, axes), ceil_mode=ceil_mode)


def initialisations():
    """The bounds of PyTorch's default initialisation of layers, by its own count of the fan of their weights."""
    found = []
    for kind, layer in [
        ("conv1d", nn.Conv1d(6, 8, 5, groups=2)), ("conv3d", nn.Conv3d(3, 4, (2, 3, 1))),
        ("conv_transpose1d", nn.ConvTranspose1d(6, 8, 5)),
        ("conv_transpose2d", nn.ConvTranspose2d(6, 8, (3, 2), groups=2)),
        ("conv_transpose3d", nn.ConvTranspose3d(4, 8, 3, groups=4)),
    ]:
        fan_in, _ = nn.init._calculate_fan_in_and_fan_out(layer.weight)
        assert layer.weight.abs().max().item() <= fan_in ** -0.5 and layer.bias.abs().max().item() <= fan_in ** -0.5
        found.append({"kind": kind, "shape": list(layer.weight.shape), "bound": fan_in ** -0.5})
    return json.dumps(found)


def write(root):
    torch.manual_seed(20261)
    cases = Cases()
    for part in (convolutions, transposed, pools):
        part(cases)
    metadata = {**cases.metadata, "initialisations": initialisations()}
    save(pathlib.Path(root) / "TensorsTests/Goldens/windows.safetensors", cases.arrays, metadata)
