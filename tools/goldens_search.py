#!/usr/bin/env python3
"""Writes Tests/SearchTests/Goldens/search.json: what scikit-learn and SciPy make of the mathematics of AviarySearch.

    python3 tools/goldens_search.py        needs numpy, scipy and scikit-learn
"""

import json
import pathlib

import numpy
from scipy import stats
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern
from sklearn.model_selection import ParameterGrid

PATH = pathlib.Path(__file__).resolve().parent.parent / "Tests/SearchTests/Goldens/search.json"


def gaussian_process():
    random = numpy.random.default_rng(3)
    inputs = random.uniform(size=(12, 3)).round(3)
    targets = (numpy.sin(5 * inputs[:, 0]) + inputs[:, 1] ** 2 - 0.3 * inputs[:, 2]).round(3)
    targets -= targets.mean()
    lengths, signal, noise = [0.4, 0.7, 2.5], 1.7, 1e-3
    kernel = ConstantKernel(signal, "fixed") * Matern(lengths, "fixed", nu=2.5)
    process = GaussianProcessRegressor(kernel, alpha=noise, optimizer=None).fit(inputs, targets)
    queries = random.uniform(size=(6, 3)).round(3)
    mean, deviation = process.predict(queries, return_std=True)
    # Along the logarithms of lengths, signal and noise, by differences.
    def likelihood(place):
        values = numpy.exp(place)
        kernel = ConstantKernel(values[3], "fixed") * Matern(values[:3], "fixed", nu=2.5)
        fitted = GaussianProcessRegressor(kernel, alpha=values[4], optimizer=None).fit(inputs, targets)
        return fitted.log_marginal_likelihood_value_
    place = numpy.log(lengths + [signal, noise])
    slopes = [(likelihood(place + step) - likelihood(place - step)) / 2e-5 for step in 1e-5 * numpy.eye(5)]
    return {
        "inputs": inputs.tolist(), "targets": targets.tolist(), "lengths": lengths, "signal": signal, "noise": noise,
        "queries": queries.tolist(), "mean": mean.tolist(), "deviation": deviation.tolist(),
        "logMarginalLikelihood": likelihood(place), "slopes": slopes}


def expected_improvement():
    cases = []
    for mean, deviation, best in [(0, 1, 0), (0.3, 0.2, 0.1), (-1, 0.5, 0), (2, 0.4, 0), (0.7, 0.1, 0)]:
        z = (best - mean) / deviation
        value = deviation * (z * stats.norm.cdf(z) + stats.norm.pdf(z))
        cases.append({"mean": mean, "deviation": deviation, "best": best, "value": value, "logarithm": numpy.log(value)})
    # Where the value is too small for doubles: by the integral of the normal distribution function.
    from mpmath import mp
    mp.dps = 60
    for z in (-8, -20, -100):
        value = mp.log(mp.npdf(z) + z * mp.ncdf(z))
        cases.append({"mean": -z, "deviation": 1, "best": 0, "value": None, "logarithm": float(value)})
    return cases


def parzen():
    """Normal kernels within [0, 1] around points of two numbers, a choice of three, and an even kernel."""
    points = [[0.2, 0.9, 0], [0.25, None, 1], [0.7, 0.4, 1]]

    def width(center, column):
        """Half as far as the farther neighbour, but at least 1 / (1 + how many there are)."""
        present = sorted(point[column] for point in points if point[column] is not None)
        line = [0] + present + [1]
        place = 1 + present.index(center)
        return min(max(0.5 * max(center - line[place - 1], line[place + 1] - center), 1 / (1 + len(present))), 1)

    spread = 3 / (3 + len(points))
    places = [[0.22, 0.8, 0], [0.9, 0.1, 2], [0.5, 0.5, 1]]
    densities = []
    for place in places:
        terms = [1.0]
        for point in points:
            term = 1.0
            for column in range(2):
                center, x = point[column], place[column]
                if center is not None:
                    scale = width(center, column)
                    term *= stats.truncnorm(-center / scale, (1 - center) / scale, loc=center, scale=scale).pdf(x)
            share = spread / 3 + (1 - spread if point[2] == place[2] else 0)
            terms.append(term * share * 3)
        densities.append(float(numpy.log(numpy.mean(terms))))
    return {"points": points, "places": places, "logDensities": densities}


def grid():
    values = {"optimizer": ["sgd", "adamw"], "batch-size": ["16", "32", "64"], "freeze": ["none", "backbone"]}
    return {"values": values, "points": list(ParameterGrid(values))}


def main():
    content = {
        "gaussianProcess": gaussian_process(), "expectedImprovement": expected_improvement(), "parzen": parzen(),
        "grid": grid()}
    PATH.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
