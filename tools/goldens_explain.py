#!/usr/bin/env python3
"""Golden values of explanations: tools/goldens_explain.py [OUT]

Writes OUT/ExplanationsTests/Goldens/explanations.safetensors (OUT is Tests by default): what Captum 0.9 makes of small
networks in float64, whose weights follow the formula of goldens_store.py, and what scikit-learn makes of a table.
Tests/ExplanationsTests/GoldenNetworks.swift has the same networks.

Needs: pip install torch==2.13.0 captum==0.9.0 scikit-learn numpy.
"""

import json
import pathlib
import sys

sys.dont_write_bytecode = True

import numpy
import torch
from captum.attr import (GuidedBackprop, InputXGradient, IntegratedGradients, LayerGradCam, NoiseTunnel, Occlusion,
                         Saliency)
from sklearn.inspection import permutation_importance
from torch import nn

from goldens_networks import fill_by_formula
from goldens_store import expected, formula_array, save

TARGETS = [2, 0]


class Block(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu2 = nn.ReLU()
        self.downsample = None
        if stride > 1:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        return self.relu2(y + (x if self.downsample is None else self.downsample(x)))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(6)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(2)
        self.layer1 = Block(6, 6, 1)
        self.layer2 = Block(6, 8, 2)
        self.fc = nn.Linear(8, 4)

    def forward(self, x):
        x = self.layer2(self.layer1(self.maxpool(self.relu(self.bn1(self.conv1(x))))))
        return self.fc(x.mean((2, 3)))


def plain():
    return nn.Sequential(
        nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(5, 6, 3), nn.ReLU(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(24, 10), nn.ReLU(), nn.Linear(10, 4))


class Attention(nn.Module):
    """A vision transformer of two blocks with torchvision's paths."""

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.ln_1 = nn.LayerNorm(8, eps=1e-6)
            self.self_attention = nn.MultiheadAttention(8, 2, batch_first=True)
            self.ln_2 = nn.LayerNorm(8, eps=1e-6)
            self.mlp = nn.Sequential(nn.Linear(8, 12), nn.GELU(), nn.Dropout(0), nn.Linear(12, 8))

        def forward(self, x):
            y = self.ln_1(x)
            y = x + self.self_attention(y, y, y, need_weights=False)[0]
            return y + self.mlp(self.ln_2(y))

    def __init__(self):
        super().__init__()
        self.class_token = nn.Parameter(torch.zeros(1, 1, 8))
        self.conv_proj = nn.Conv2d(3, 8, 4, 4)
        self.encoder = nn.Module()
        self.encoder.pos_embedding = nn.Parameter(torch.zeros(1, 10, 8))
        self.encoder.layers = nn.Sequential()
        for number in range(2):
            self.encoder.layers.add_module(f"encoder_layer_{number}", self.Layer())
        self.encoder.ln = nn.LayerNorm(8, eps=1e-6)
        self.heads = nn.Sequential()
        self.heads.add_module("head", nn.Linear(8, 5))

    def forward(self, x):
        x = self.conv_proj(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(x.shape[0], 1, 8), x], 1) + self.encoder.pos_embedding
        return self.heads(self.encoder.ln(self.encoder.layers(x))[:, 0])


def noisy(network, x, **options):
    """Captum's NoiseTunnel with noise that Swift can make, too: copies of one input come one after the other."""
    original = torch.normal
    torch.normal = lambda mean, deviation: formula_array(deviation.shape, 7, 1.0) * deviation
    try:
        return NoiseTunnel(Saliency(network)).attribute(
            x, nt_samples=4, stdevs=0.25, target=TARGETS, **options)
    finally:
        torch.normal = original


def rows_of(name, network, layers, arrays):
    x = formula_array((2, 3, 12, 12), 50, 1.0)
    base = formula_array((1, 3, 12, 12), 51, 0.5)

    def add(key, values):
        assert torch.isfinite(values).all(), (name, key)
        arrays[f"{name}/{key}"] = expected(values.double())

    add("outputs", network(x))
    add("saliency", Saliency(network).attribute(x, target=TARGETS, abs=False))
    add("inputxgradient", InputXGradient(network).attribute(x, target=TARGETS))
    values, delta = IntegratedGradients(network).attribute(x, target=TARGETS, return_convergence_delta=True)
    add("ig", values)
    add("ig-delta", delta)
    add("ig-baseline", IntegratedGradients(network).attribute(x, base.expand(2, -1, -1, -1), target=TARGETS, n_steps=9))
    add("smoothgrad", noisy(network, x))
    add("smoothgrad-signed", noisy(network, x, abs=False))
    if name != "attention":
        add("guided", GuidedBackprop(network).attribute(x, target=TARGETS))
    add("occlusion", Occlusion(network).attribute(x, (3, 4, 4), (3, 4, 4), target=TARGETS))
    add("occlusion-overlapping", Occlusion(network).attribute(x, (2, 5, 3), (1, 3, 2), baselines=0.3, target=TARGETS))
    for layer in layers:
        module = network.get_submodule(layer)
        cam = LayerGradCam(network, module).attribute(x, target=TARGETS)
        add(f"gradcam/{layer}", cam[:, 0])
    if name == "residual":
        for method in ("left", "right", "middle", "trapezoid"):
            add(f"ig-{method}", IntegratedGradients(network).attribute(
                x, target=TARGETS, n_steps=6, method=f"riemann_{method}"))
    if name == "attention":
        # Captum takes the axis of the channels for one of places, so Grad-CAM is written out.
        seen = {}
        for number in range(2):
            network.get_submodule(f"encoder.layers.encoder_layer_{number}.ln_1").register_forward_hook(
                lambda module, given, result, number=number: seen.__setitem__(number, result))
        y = network(x)
        for number in range(2):
            gradient, = torch.autograd.grad(y[torch.arange(2), TARGETS].sum(), seen[number], retain_graph=True)
            weights = gradient[:, 1:].mean(1, keepdim=True)
            add(f"gradcam/encoder.layers.encoder_layer_{number}.ln_1",
                (seen[number][:, 1:] * weights).sum(2).reshape(2, 3, 3))


def permutation(arrays):
    """scikit-learn's importances of a linear classifier and a linear regression, with the shufflings it made."""
    rows, columns, repeats = 40, 5, 4
    x = formula_array((rows, columns), 60, 1.0).numpy()
    weights = formula_array((columns, 3), 61, 1.0).numpy()
    classes = (x @ weights + 0.8 * formula_array((rows, 3), 62, 1.0).numpy()).argmax(1)
    numbers = x @ weights[:, 0] + 0.4 * formula_array((rows,), 63, 1.0).numpy()

    class Fixed:
        def fit(self, *_): return self

    class Classifier(Fixed):
        _estimator_type = "classifier"
        def predict(self, table): return (table @ weights).argmax(1)

    class Regression(Fixed):
        _estimator_type = "regressor"
        def predict(self, table): return table @ weights[:, 0]

    from sklearn.metrics import accuracy_score, r2_score
    orders = numpy.zeros((columns, repeats, rows), dtype=numpy.int64)
    # As permutation_importance does: one seed for all columns, each shuffling of the one before.
    seed = numpy.random.RandomState(5).randint(numpy.iinfo(numpy.int32).max + 1)
    for column in range(columns):
        stream = numpy.random.RandomState(seed)
        index = numpy.arange(rows)
        order = numpy.arange(rows)
        for repeat in range(repeats):
            stream.shuffle(index)
            order = order[index]
            orders[column, repeat] = order
    arrays["permutation/orders"] = torch.from_numpy(orders)
    arrays["permutation/classes"] = torch.from_numpy(classes.astype(numpy.int64))
    arrays["permutation/numbers"] = torch.from_numpy(numbers)
    for name, model, target, scorer in [
            ("accuracy", Classifier(), classes, lambda m, a, b: accuracy_score(b, m.predict(a))),
            ("r2", Regression(), numbers, lambda m, a, b: r2_score(b, m.predict(a)))]:
        found = permutation_importance(model, x, target, scoring=scorer, n_repeats=repeats, random_state=5)
        arrays[f"permutation/{name}/importances"] = torch.from_numpy(found.importances)
        arrays[f"permutation/{name}/means"] = torch.from_numpy(found.importances_mean)
        arrays[f"permutation/{name}/deviations"] = torch.from_numpy(found.importances_std)


def quadrature(arrays):
    for count in (1, 2, 7, 50, 301):
        places, weights = numpy.polynomial.legendre.leggauss(count)
        arrays[f"quadrature/{count}"] = torch.from_numpy(numpy.stack([(1 + places) / 2, weights / 2]))


def main():
    output = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "Tests")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    arrays, metadata = {}, {"targets": json.dumps(TARGETS)}
    for name, network, layers in [
            ("residual", Residual(), ["layer1", "layer2", "maxpool", "layer2.bn2"]), ("plain", plain(), ["1", "3", "5"]),
            ("attention", Attention(), ["conv_proj"])]:
        network = network.double().eval()
        fill_by_formula(network)
        rows_of(name, network, layers, arrays)
    # A map made larger.
    small = formula_array((1, 1, 3, 4), 70, 1.0)
    arrays["resampled"] = expected(nn.functional.interpolate(small, size=(8, 11), mode="bilinear"))[0]
    permutation(arrays)
    quadrature(arrays)
    save(output / "ExplanationsTests/Goldens/explanations.safetensors", arrays, metadata)


if __name__ == "__main__":
    main()
