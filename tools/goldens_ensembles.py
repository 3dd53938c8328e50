#!/usr/bin/env python3
"""What SciPy and scikit-learn say of intervals, votes and weights: Tests/TrainingTests/Goldens/ensembles.json.

    python3 tools/goldens_ensembles.py      (scikit-learn 1.9, SciPy)
"""

import json
import pathlib

import numpy as np
from scipy import optimize, special, stats
from sklearn.ensemble import VotingClassifier
from sklearn.metrics import log_loss

PATH = pathlib.Path(__file__).parent.parent / "Tests/TrainingTests/Goldens/ensembles.json"


class Fixed:
    """A classifier that says what it was given."""

    def __init__(self, probabilities):
        self.probabilities = probabilities
        self.classes_ = np.arange(probabilities.shape[1])

    def predict(self, rows):
        return self.probabilities[rows[:, 0]].argmax(axis=1)

    def predict_proba(self, rows):
        return self.probabilities[rows[:, 0]]


def voted(probabilities, weights, voting):
    voter = VotingClassifier([(str(i), None) for i in range(len(probabilities))], voting=voting, weights=weights)
    voter.estimators_ = [Fixed(p) for p in probabilities]
    from sklearn.preprocessing import LabelEncoder

    voter.le_ = LabelEncoder().fit(np.arange(probabilities.shape[2]))
    voter.classes_ = voter.le_.classes_
    return voter.predict(np.arange(probabilities.shape[1])[:, None]).tolist()


def simplex(objective, gradient, members):
    """The best of several starts, to high precision: both objectives are convex."""
    best = None
    for start in [np.full(members, 1 / members), *np.eye(members) * 0.98 + 0.02 / members]:
        found = optimize.minimize(
            objective, start, jac=gradient, method="trust-constr", bounds=[(0, 1)] * members,
            constraints=optimize.LinearConstraint(np.ones((1, members)), 1, 1),
            options={"gtol": 1e-13, "xtol": 1e-14, "barrier_tol": 1e-13, "maxiter": 5000})
        if best is None or found.fun < best.fun:
            best = found
    return best.x.tolist(), float(best.fun)


def weights_case(random, items, members, classes, skills):
    labels = random.integers(classes, size=items)
    logits = random.normal(size=(members, items, classes))
    for member, skill in enumerate(skills):
        logits[member, np.arange(items), labels] += skill
    own = special.softmax(logits, axis=2)[:, np.arange(items), labels].T.round(6)

    weights, value = simplex(
        lambda w: -np.mean(np.log(own @ w)), lambda w: -np.mean(own / (own @ w)[:, None], axis=0), members)
    errors = np.stack([random.normal(scale=1 / (s + 0.5), size=items) for s in skills], axis=1).round(6)
    squares, least = simplex(
        lambda w: np.mean((errors @ w) ** 2), lambda w: 2 * errors.T @ (errors @ w) / items, members)
    return {
        "own": own.tolist(), "log_loss": value, "weights": weights, "errors": errors.tolist(),
        "squared": least, "square_weights": squares}


def main():
    random = np.random.default_rng(163)
    probabilities = random.dirichlet(np.ones(3), size=(4, 30))
    shares = [0.4, 0.3, 0.2, 0.1]
    logs = np.log(probabilities)
    mean = probabilities.mean(axis=0)
    labels = random.integers(3, size=30)
    golden = {
        "wilson": [
            [k, n, c, *stats.binomtest(k, n).proportion_ci(c, method="wilson")]
            for k, n, c in [(0, 5, 0.95), (5, 5, 0.95), (9, 10, 0.95), (371, 500, 0.99), (1, 3, 0.5)]],
        "student": [[p, f, float(stats.t.ppf(p, f))] for p in (0.6, 0.975, 0.995) for f in (1, 2, 4, 9, 49, 1000)],
        "normal": [[p, float(stats.norm.ppf(p))] for p in (0.025, 0.5, 0.9, 0.975, 0.9995)],
        "mean_scores": [
            {"values": v, "deviation": float(np.std(v, ddof=1)),
             "interval": [float(x) for x in stats.t.interval(
                 0.95, len(v) - 1, loc=np.mean(v), scale=np.std(v, ddof=1) / np.sqrt(len(v)))],
             "corrected": [float(x) for x in stats.t.interval(
                 0.95, len(v) - 1, loc=np.mean(v), scale=np.std(v, ddof=1) * np.sqrt(1 / len(v) + 0.25))]}
            for v in ([0.9, 0.8, 0.85, 0.95, 0.9], [1.5, 2.5])],
        "probabilities": probabilities.tolist(), "shares": shares, "labels": labels.tolist(),
        "mean": mean.tolist(), "mean_log_loss": float(log_loss(labels, mean, labels=[0, 1, 2])),
        "logits": special.softmax(np.tensordot(shares, logs, 1), axis=1).tolist(),
        "votes": voted(probabilities, None, "hard"), "weighted_votes": voted(probabilities, shares, "hard"),
        "soft": voted(probabilities, shares, "soft"),
        "fits": [
            weights_case(random, 40, 3, 4, [2.0, 1.0, 0.0]), weights_case(random, 25, 2, 2, [1.0, 1.1]),
            weights_case(random, 60, 5, 3, [3.0, 2.5, 0.2, 0.1, 2.0])],
    }
    PATH.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(PATH, PATH.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
