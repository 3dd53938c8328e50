#!/usr/bin/env python3
"""Golden values of the metrics, by scikit-learn: Tests/TrainingTests/Goldens/metrics.json.

    python3 tools/goldens_metrics.py      (scikit-learn 1.9, SciPy)

A value that scikit-learn calls undefined (NaN, or a number it makes up with a warning) is null here.
"""

import json
import math
import pathlib
import warnings

import numpy as np
from scipy.optimize import brentq
from sklearn import metrics
from sklearn.calibration import calibration_curve
from sklearn.preprocessing import label_binarize

warnings.simplefilter("ignore")
PATH = pathlib.Path(__file__).parent.parent / "Tests/TrainingTests/Goldens/metrics.json"


def defined(value):
    """JSON has no NaN."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return [defined(v) for v in value]
    value = float(value)
    return None if math.isnan(value) else value


def indicator(labels, classes):
    ones = np.zeros((len(labels), classes), dtype=int)
    ones[np.arange(len(labels)), labels] = 1
    return ones


def expected_calibration_error(right, confidence):
    accuracy, mean = calibration_curve(right, confidence, n_bins=15)
    counts = np.bincount(np.searchsorted(np.linspace(0, 1, 16)[1:-1], confidence), minlength=15)
    return float(np.sum(counts[counts > 0] * np.abs(accuracy - mean)) / len(right)), counts, accuracy, mean


def temperature(labels, probabilities):
    """The inverse temperature where the derivative of the log loss vanishes; None where there is none."""
    logits = np.log(np.maximum(probabilities, 1e-300))
    own = logits[np.arange(len(labels)), labels]
    if np.all(own == logits.max(axis=1)):
        return None, None

    def at(inverse):
        powers = np.exp((logits - logits.max(axis=1, keepdims=True)) * inverse)
        return powers / powers.sum(axis=1, keepdims=True)

    def slope(inverse):
        return np.sum((at(inverse) * logits).sum(axis=1) - own)

    if slope(0) >= 0:
        return None, None
    high = 1.0
    while slope(high) < 0:
        high *= 2
    inverse = brentq(slope, 0, high, xtol=1e-15, rtol=8.9e-16)
    return 1 / inverse, at(inverse)


def classification(labels, probabilities):
    labels, probabilities = np.asarray(labels), np.asarray(probabilities, dtype=float)
    classes = probabilities.shape[1]
    every = list(range(classes))
    predicted = probabilities.argmax(axis=1)
    right = predicted == labels
    ones = indicator(labels, classes)
    present = ones.sum(axis=0) > 0
    varied = len(set(labels)) > 1 and len(set(predicted)) > 1
    case = {"classes": classes, "labels": labels.tolist(), "probabilities": probabilities.ravel().tolist()}
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=np.nan)
    case["precision"], case["recall"], case["f1"] = defined(precision), defined(recall), defined(f1)
    case["support"] = support.tolist()
    for average in ["macro", "weighted"]:
        case[average] = defined(
            metrics.precision_recall_fscore_support(labels, predicted, average=average)[:3])
    case["accuracy"] = metrics.accuracy_score(labels, predicted)
    case["balanced_accuracy"] = metrics.balanced_accuracy_score(labels, predicted)
    case["matthews"] = metrics.matthews_corrcoef(labels, predicted) if varied else None
    case["kappa"] = defined(metrics.cohen_kappa_score(labels, predicted))
    case["confusion_rates"] = [
        defined(row) if there else [None] * classes
        for row, there in zip(metrics.confusion_matrix(labels, predicted, labels=every, normalize="true"), present)]
    case["log_loss"] = metrics.log_loss(labels, probabilities, labels=every)
    case["brier"] = metrics.brier_score_loss(labels, probabilities, labels=every)
    if classes > 2:
        case["top"] = [
            metrics.top_k_accuracy_score(labels, probabilities, k=k, labels=every) for k in range(1, classes)]
    roc = [defined(metrics.roc_auc_score(ones[:, c], probabilities[:, c])) for c in every]
    area = [metrics.average_precision_score(ones[:, c], probabilities[:, c]) if present[c] else None for c in every]
    case["roc_by_class"], case["average_precision_by_class"] = roc, area
    if classes == 2:
        case["roc"] = defined(metrics.roc_auc_score(labels, probabilities[:, 1]))
        case["average_precision"] = area[1]
    else:
        case["roc"] = defined(metrics.roc_auc_score(ones, probabilities, average="macro"))
        case["roc_weighted"] = defined(metrics.roc_auc_score(ones, probabilities, average="weighted"))
        if present.sum() == 1:  # the one class has no area
            case["roc_weighted"] = None
        case["average_precision"] = (
            metrics.average_precision_score(ones, probabilities, average="macro") if all(present) else None)
        case["average_precision_weighted"] = metrics.average_precision_score(ones, probabilities, average="weighted")
    if all(present):
        if classes > 2:
            assert case["roc"] == metrics.roc_auc_score(labels, probabilities, multi_class="ovr")
        else:
            assert (label_binarize(labels, classes=every).ravel() == ones[:, 1]).all()
    thresholds = []
    for c in every:
        if not present[c]:
            thresholds.append([None, None])
            continue
        candidates = metrics.precision_recall_curve(ones[:, c], probabilities[:, c])[2]
        scores = [metrics.f1_score(ones[:, c], probabilities[:, c] >= t) for t in candidates]
        best = max(scores)
        first = next(i for i, score in enumerate(scores) if abs(score - best) < 1e-12)
        thresholds.append([float(candidates[first]), best])
    case["thresholds"] = thresholds
    error, counts, accuracy, mean = expected_calibration_error(right, probabilities.max(axis=1))
    case["ece"], case["bin_counts"] = error, counts.tolist()
    case["bin_accuracy"], case["bin_confidence"] = accuracy.tolist(), mean.tolist()
    case["temperature"], scaled = temperature(labels, probabilities)
    if scaled is not None:
        case["ece_scaled"] = expected_calibration_error(right, scaled.max(axis=1))[0]
        case["log_loss_scaled"] = metrics.log_loss(labels, scaled, labels=every)
    return case


def regression(targets, estimates):
    targets, estimates = np.asarray(targets, dtype=float), np.asarray(estimates, dtype=float)
    varied = targets.min() < targets.max()
    return {
        "targets": targets.tolist(), "estimates": estimates.tolist(),
        "mse": metrics.mean_squared_error(targets, estimates),
        "rmse": metrics.root_mean_squared_error(targets, estimates),
        "mae": metrics.mean_absolute_error(targets, estimates),
        "median": metrics.median_absolute_error(targets, estimates),
        "r2": metrics.r2_score(targets, estimates) if varied else None,
        "explained": metrics.explained_variance_score(targets, estimates) if varied else None,
        "mean_error": float(np.mean(estimates - targets)),
    }


def sixteenths(random, count, classes):
    """Probabilities with many ties, which doubles hold exactly and which add up to exactly 1."""
    return random.multinomial(16, np.ones(classes) / classes, size=count) / 16


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def main():
    random = np.random.default_rng(15)
    cases = {}
    cases["ties"] = classification(random.integers(0, 3, 40), sixteenths(random, 40, 3))
    cases["two classes with ties"] = classification(random.integers(0, 2, 30), sixteenths(random, 30, 2))
    # Class 1 is there and never predicted, classes 2 and 4 are neither.
    probabilities = sixteenths(random, 24, 5)
    probabilities[:, 3] += probabilities[:, 1] + probabilities[:, 4]
    probabilities[:, [1, 4]] = 0
    cases["absent classes"] = classification(random.choice([0, 1, 3], 24), probabilities)
    cases["one class of three"] = classification(np.full(12, 1), sixteenths(random, 12, 3))
    cases["one class, all right"] = classification(np.zeros(6, dtype=int), np.tile([0.75, 0.25], (6, 1)))
    cases["the second class alone"] = classification(np.ones(8, dtype=int), sixteenths(random, 8, 2))
    labels = random.integers(0, 5, 120)
    logits = random.normal(size=(120, 5)) * 2
    logits[np.arange(120), labels] += 1.5
    cases["five classes"] = classification(labels, softmax(logits))
    labels = random.integers(0, 2, 60)
    logits = random.normal(size=(60, 2)) * 3
    logits[np.arange(60), labels] += 2
    cases["two classes"] = classification(labels, softmax(logits))
    labels = random.integers(0, 3, 20)
    cases["all right"] = classification(labels, indicator(labels, 3) * 0.5 + 0.5 / 3)
    cases["all wrong"] = classification((labels + 1) % 3, indicator(labels, 3) * 0.5 + 0.5 / 3)
    certain = indicator(labels, 3).astype(float)
    certain[0] = np.roll(certain[0], 1)
    cases["certain, once wrongly"] = classification(labels, certain)
    cases["all alike"] = classification(labels, np.full((20, 3), 0.25) + np.array([0, 0, 0.25]))
    targets = random.normal(size=31) * 3
    regressions = {
        "odd": regression(targets, targets + random.normal(size=31) + 0.5),
        "even": regression(targets[:20], targets[:20] * 0.5),
        "far from zero": regression(targets + 1e6, targets + 1e6 + random.normal(size=31)),
        "all targets the same": regression(np.full(4, 2.5), [1, 2, 3, 4]),
        "one": regression([2], [3]),
        "worse than the mean": regression([1, 2, 3], [3, 2, 1]),
    }
    text = json.dumps({"classification": cases, "regression": regressions}, allow_nan=False)
    PATH.write_text(text + "\n")
    print(f"{PATH}: {len(cases)} + {len(regressions)} cases, {PATH.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
