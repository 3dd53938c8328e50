#!/usr/bin/env python3
"""Golden values of what is done about rare classes and uncertain labels.

    python3 tools/goldens_classes.py      (PyTorch 2.13, torchvision, scikit-learn 1.9)

Tests/TensorsTests/Goldens/class_losses.safetensors: the focal losses, and the cross entropy with weights, smoothing and
adjusted logits together, with gradients, in float64. Tests/TrainingTests/Goldens/classes.json: scikit-learn's class weights,
the best thresholds by trying all, smoothed losses of a learning-rate test, and labels that confident learning doubts.
"""

import json
import math
import pathlib

import numpy as np
import torch
from sklearn.metrics import balanced_accuracy_score, f1_score
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from goldens_operators import Cases, normal
from goldens_store import given, save

TESTS = pathlib.Path(__file__).parent.parent / "Tests"


def sigmoid_focal_loss():
    """torchvision's own, which is imported without its compiled operators where these are of another PyTorch."""
    import sys
    import types
    try:
        from torchvision.ops import sigmoid_focal_loss as loss
    except Exception:
        for name in ("torchvision._meta_registrations", "torchvision._autograd_registrations"):
            sys.modules[name] = types.ModuleType(name)
        for name in [n for n in sys.modules if n == "torchvision" or n.startswith("torchvision.") and "registrations" not in n]:
            del sys.modules[name]
        from torchvision.ops import sigmoid_focal_loss as loss
    return loss


def soft_focal(x, target, gamma, weights=None, divisor=None):
    logarithms = functional.log_softmax(x, 1)
    terms = target * (1 - logarithms.exp()) ** gamma * logarithms
    if weights is not None:
        terms = terms * weights
    return -terms.sum() / (len(x) if divisor is None else divisor)


def focal(x, labels, gamma, smoothing=0.0, weights=None, reduction="mean"):
    classes = x.shape[1]
    target = functional.one_hot(labels, classes).double() * (1 - smoothing) + smoothing / classes
    total = weights[labels].sum() if weights is not None else float(len(x))
    return soft_focal(x, target, gamma, weights, 1 if reduction == "sum" else total)


def losses():
    cases = Cases()
    labels = torch.tensor([0, 2, 1, 3, 3, 0, 2])
    x = lambda: normal(7, 4) * 2
    weights = given(torch.tensor([0.5, 2.0, 1.25, 3.0], dtype=torch.float64))
    for name, gamma, smoothing, weighted, reduction in [
        ("plain", 2, 0, False, "mean"), ("none", 0, 0, False, "mean"), ("half", 0.5, 0, False, "mean"),
        ("smoothed", 2, 0.1, False, "mean"), ("weighted", 2, 0, True, "mean"), ("both", 1.5, 0.2, True, "mean"),
        ("sum", 3, 0.1, True, "sum"),
    ]:
        constants = {"labels": labels} | ({"weights": weights} if weighted else {})
        cases.add(
            "focal", name,
            lambda x, labels, weights=None, g=gamma, s=smoothing, r=reduction: focal(x, labels, g, s, weights, r),
            {"x": x()}, constants, gamma=gamma, smoothing=smoothing, sums=reduction == "sum", step=1e-3)
    target = given(torch.softmax(normal(7, 4), 1))
    cases.add("focal", "soft", lambda x, target: soft_focal(x, target, 2), {"x": x()}, {"target": target},
              gamma=2, smoothing=0, sums=False, step=1e-3)
    function = sigmoid_focal_loss()
    target = torch.tensor([[1.0, 0, 1, 0], [0, 0, 1, 1], [1, 0, 0.25, 0.75]], dtype=torch.float64)
    for name, alpha, gamma, reduction in [
        ("plain", 0.25, 2, "mean"), ("unweighted", -1, 2, "mean"), ("half", 0.5, 0.5, "mean"), ("none", 0.25, 0, "sum")]:
        cases.add(
            "sigmoid", name,
            lambda x, target, a=alpha, g=gamma, r=reduction: function(x, target, alpha=a, gamma=g, reduction=r),
            {"x": normal(3, 4) * 2}, {"target": target}, alpha=alpha, gamma=gamma, sums=reduction == "sum", step=1e-3)
    counts = torch.tensor([50.0, 5, 20, 25], dtype=torch.float64)
    adjustment = given(1.5 * (counts / counts.sum()).log())
    cases.add(
        "entropy", "adjusted",
        lambda x, labels, weights, adjustment: functional.cross_entropy(
            x + adjustment, labels, weight=weights, label_smoothing=0.1),
        {"x": x()}, {"labels": labels, "weights": weights, "adjustment": adjustment}, gamma=0, smoothing=0.1,
        sums=False, step=1e-2)
    cases.add(
        "entropy", "weighted",
        lambda x, labels, weights: functional.cross_entropy(x, labels, weight=weights),
        {"x": x()}, {"labels": labels, "weights": weights}, gamma=0, smoothing=0, sums=False, step=1e-2)
    save(TESTS / "TensorsTests/Goldens/class_losses.safetensors", cases.arrays, cases.metadata)


def class_weights():
    cases = []
    for counts in ([50, 5, 20], [1, 1], [3, 100], [7, 7, 7, 7]):
        labels = np.repeat(np.arange(len(counts)), counts)
        weights = compute_class_weight("balanced", classes=np.arange(len(counts)), y=labels)
        cases.append({"counts": counts, "weights": weights.tolist()})
    return cases


def thresholds(random):
    """Of two classes, every threshold between two scores is tried."""
    cases = []
    for count, share in ((60, 0.1), (40, 0.5), (80, 0.03)):
        labels = (random.random(count) < share).astype(int)
        labels[:2] = [0, 1]
        scores = np.clip(0.35 * labels + random.normal(0.3, 0.15, count), 0.01, 0.99).round(4)
        edges = np.concatenate([[0.0], np.sort(np.unique(scores)), [1.0]])
        tried = [(a + b) / 2 for a, b in zip(edges, edges[1:])] + [0.5]
        best = {}
        for name, function in (
            ("macro-f1", lambda p: f1_score(labels, p, average="macro", zero_division=0)),
            ("balanced-accuracy", lambda p: balanced_accuracy_score(labels, p)),
            ("accuracy", lambda p: float((labels == p).mean())),
        ):
            best[name] = max(function((scores > t).astype(int)) for t in tried)
        cases.append({"labels": labels.tolist(), "scores": scores.tolist(), "best": best})
    return cases


def learning_rates(random):
    """fastai's smoothing and suggestion, by NumPy."""
    steps, low, high = 100, 1e-7, 10.0
    rates = [low * (high / low) ** (i / (steps - 1)) for i in range(steps)]
    logarithms = np.log10(rates)
    losses = 2.3 - 1.8 / (1 + np.exp(-(logarithms + 3) * 2)) + np.exp((logarithms - 0.2) * 3) + random.normal(0, 0.02, steps)
    mean, smoothed, kept = 0.0, [], []
    for index, loss in enumerate(losses):
        mean = 0.98 * mean + 0.02 * loss
        value = mean / (1 - 0.98 ** (index + 1))
        smoothed.append(value)
        kept.append(index)
        if index and value > 4 * min(smoothed[:-1]):
            break
    inner = np.array(smoothed)[10:-5]
    steepest = rates[10 + int(np.gradient(inner).argmin())]
    least = rates[10 + int(inner.argmin())] / 10
    return {"losses": losses.tolist(), "smoothed": smoothed, "steepest": steepest, "tenth_of_least": least}


def doubts(random):
    """Confident learning (Northcutt et al., 2021): the most probable class of those that are as probable as they are, on
    average, among the items that are labelled so."""
    classes, count = 3, 40
    labels = random.integers(0, classes, count)
    truth = labels.copy()
    truth[:6] = (truth[:6] + 1) % classes
    logits = random.normal(0, 1, (count, classes))
    logits[np.arange(count), truth] += 2
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    shares = shares.round(6)
    sure = [shares[labels == c, c].mean() for c in range(classes)]
    suggested = []
    for row, label in zip(shares, labels):
        possible = [c for c in range(classes) if row[c] >= sure[c]]
        best = max(possible, key=lambda c: row[c]) if possible else None
        suggested.append(None if best == label else best)
    losses = [-math.log(row[label]) for row, label in zip(shares, labels)]
    return {
        "labels": labels.tolist(), "probabilities": shares.tolist(), "suggested": [None if s is None else int(s) for s in suggested],
        "order": [int(i) for i in np.argsort([-l for l in losses], kind="stable")]}


def main():
    torch.manual_seed(16)
    torch.set_num_threads(1)
    losses()
    random = np.random.default_rng(16)
    content = {
        "class_weights": class_weights(), "thresholds": thresholds(random), "learning_rates": learning_rates(random),
        "doubts": doubts(random)}
    path = TESTS / "TrainingTests/Goldens/classes.json"
    path.write_text(json.dumps(content, indent=0) + "\n")
    print(f"{path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
