"""Golden values of preprocessed tables: the semantics of pandas and scikit-learn, written out in NumPy.

What each formula stands for: `SimpleImputer` (mean, median, most_frequent), `DataFrame.dropna`,
`Series.interpolate(limit_direction="both")`, `PolynomialFeatures(include_bias=False)`, `StandardScaler`, `MinMaxScaler`,
`OneHotEncoder(handle_unknown="ignore")`. Fitted to the first rows, applied to these and to the rest.
"""

import csv
import io
import itertools
import json
import pathlib

import numpy
import torch

from goldens_store import save

TRAINING_ROWS = 30

CASES = {
    "mean-standard": {"missing": "mean", "scaling": "standard"},
    "median-interquartile-minmax": {
        "missing": "median", "scaling": "minMax", "outliers": {"interquartile": {"_0": 1.5}}},
    "frequent-deviations": {"missing": "mostFrequent", "scaling": "none", "outliers": {"deviations": {"_0": 1.25}}},
    "interpolate-squares": {"missing": "interpolate", "scaling": "standard", "polynomialDegree": 2},
    "drop-interactions": {
        "missing": "dropRow", "scaling": "minMax", "polynomialDegree": 3, "interactionsOnly": True},
    "mean-cubes": {
        "missing": "mean", "scaling": "standard", "polynomialDegree": 3, "outliers": {"deviations": {"_0": 2}}},
}
DEFAULTS = {
    "target": "price", "excluded": ["id"], "outliers": {"keep": {}}, "polynomialDegree": 1, "interactionsOnly": False,
    "standardisesTarget": True,
}


def table():
    """Rows of text, as a file has them: three columns of numbers, one that never changes, two of words."""
    random = numpy.random.default_rng(5)
    rows = []
    for index in range(40):
        width = round(float(random.normal(10, 3)), 3)
        height = round(float(random.gamma(2, 5)), 2)
        level = int(random.integers(0, 5))
        colour = ["red", "green", "dark blue", 'so-called "grey"'][int(random.integers(0, 4))]
        shape = ["round, flat", "long"][int(random.integers(0, 2))]
        price = round(3 * width - height + level + float(random.normal()), 4)
        row = [str(index), str(width), str(height), str(level), "2.5", colour, shape, str(price)]
        for column in (1, 2, 3, 5):
            if random.random() < 0.12:
                row[column] = ["", "NA", "NaN", "null"][int(random.integers(0, 4))]
        rows.append(row)
    rows[4][1] = "95.5"  # an outlier
    rows[0][2] = rows[1][2] = ""  # nothing before the first value
    rows[29][2] = ""
    rows[35][5] = "a colour of its own"
    return ["id", "width", "height", "level", "constant", "colour", "shape", "price"], rows


def number(text):
    return numpy.nan if text in ("", "NA", "NaN", "null") else float(text)


def word(text):
    return None if text in ("", "NA", "NaN", "null") else text


def interpolated(values):
    known = numpy.flatnonzero(~numpy.isnan(values))
    return numpy.interp(numpy.arange(len(values)), known, values[known]) if len(known) else values


def most_frequent(values):
    counts = {value: values.count(value) for value in values}
    return min(value for value, count in counts.items() if count == max(counts.values()))


def fit_number(values, settings):
    """Bounds and fill of a column, from the values that are there."""
    seen = values[~numpy.isnan(values)]
    (kind, factor), = ((kind, list(given.values())) for kind, given in settings["outliers"].items())
    lower, upper = -numpy.inf, numpy.inf
    if kind == "deviations":
        lower, upper = seen.mean() - factor[0] * seen.std(), seen.mean() + factor[0] * seen.std()
    elif kind == "interquartile":
        first, third = numpy.quantile(seen, [0.25, 0.75])
        lower, upper = first - factor[0] * (third - first), third + factor[0] * (third - first)
    seen = numpy.clip(seen, lower, upper)
    fill = {
        "dropRow": lambda: numpy.nan, "mean": seen.mean, "interpolate": seen.mean,
        "median": lambda: numpy.median(seen), "mostFrequent": lambda: most_frequent(list(seen))}[settings["missing"]]()
    return lower, upper, fill


def apply_number(values, fitted, settings):
    lower, upper, fill = fitted
    values = numpy.where(numpy.isnan(values), numpy.nan, numpy.clip(values, lower, upper))
    if settings["missing"] == "interpolate":
        values = interpolated(values)
    return numpy.where(numpy.isnan(values), fill, values)


def products(columns, settings):
    choose = itertools.combinations if settings["interactionsOnly"] else itertools.combinations_with_replacement
    terms = [
        term for degree in range(1, settings["polynomialDegree"] + 1) for term in choose(range(columns.shape[1]), degree)]
    return numpy.stack([columns[:, list(term)].prod(axis=1) for term in terms], axis=1)


def scales(values, settings):
    if settings["scaling"] == "none":
        return numpy.zeros(values.shape[1]), numpy.ones(values.shape[1])
    if settings["scaling"] == "standard":
        shift, scale = values.mean(axis=0), values.std(axis=0)
        rounding = len(values) * numpy.finfo(float).eps
        constant = scale**2 <= rounding * scale**2 + (rounding * shift) ** 2
        return shift, numpy.where(constant, 1, scale)
    shift, spread = values.min(axis=0), numpy.ptp(values, axis=0)
    return shift, numpy.where(spread < 10 * numpy.finfo(float).eps, 1, spread)


def preprocess(header, rows, settings):
    column = {name: [row[place] for row in rows] for place, name in enumerate(header)}
    numeric = {name: numpy.array([number(text) for text in column[name]])
               for name in ("width", "height", "level", "constant")}
    words = {name: [word(text) for text in column[name]] for name in ("colour", "shape")}
    target = numpy.array([number(text) for text in column["price"]])
    complete = [all(not numpy.isnan(values[row]) for values in numeric.values())
                and all(values[row] is not None for values in words.values()) for row in range(len(rows))]
    parts = [range(TRAINING_ROWS), range(TRAINING_ROWS, len(rows))]
    if settings["missing"] == "dropRow":
        parts = [[row for row in part if complete[row]] for part in parts]
    training = list(parts[0])
    fitted = {name: fit_number(values[training], settings) for name, values in numeric.items()}
    known = {name: sorted({values[row] for row in training} - {None}) for name, values in words.items()}
    fills = {name: most_frequent([values[row] for row in training if values[row]]) for name, values in words.items()}
    results, arrays = [], {}
    for name, part in zip(("training", "rest"), parts):
        part = list(part)
        filled = numpy.stack([apply_number(values[part], fitted[column], settings)
                              for column, values in numeric.items()], axis=1)
        raised = products(filled, settings)
        if name == "training":
            shift, scale = scales(raised, settings)
        hot = [[float((values[row] or fills[column]) == category) for column, values in words.items()
                for category in known[column]] for row in part]
        arrays[name] = numpy.concatenate([(raised - shift) / scale, numpy.array(hot)], axis=1)
        arrays[f"{name}-target"] = (target[part] - target[training].mean()) / target[training].std()
        arrays[f"{name}-rows"] = numpy.array(part)
    arrays |= {"shift": shift, "scale": scale}
    for place, bound in enumerate(("lower", "upper", "fill")):
        values = numpy.array([fitted[name][place] for name in numeric])
        if numpy.isfinite(values).all():
            arrays[bound] = values
    return arrays


def write(root):
    folder = pathlib.Path(root) / "DatasetsTests/Goldens"
    header, rows = table()
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows([header] + rows)
    (folder / "table.csv").write_bytes(text.getvalue().encode())
    arrays, metadata = {}, {}
    for name, changes in CASES.items():
        settings = {**DEFAULTS, **changes}
        metadata[name] = json.dumps(settings)
        for key, values in preprocess(header, rows, settings).items():
            arrays[f"{name}/{key}"] = torch.from_numpy(numpy.ascontiguousarray(values))
    save(folder / "tables.safetensors", arrays, metadata)
