#!/usr/bin/env python3
"""Writes what torchvision, SciPy, Keras and scikit-learn make of small pictures and columns: Tests/DatasetsTests/Goldens.

Needs Pillow, torch, torchvision, scipy, keras (KERAS_BACKEND=torch) and scikit-learn; run it after goldens_images.py, whose
pictures it uses.

image-changes.tsv  source, RandAugment or TrivialAugmentWide, change, level, the strength as a hexadecimal float, and the
                   CRC-32 of the RGB pixels of torchvision's `_apply_op` with the strength and, if it is signed, minus it
fill-modes.tsv     the mode, the six numbers of Pillow's AFFINE as hexadecimal floats, and the pixels of the 7x5 picture
                   (see `tiny`) that scipy.ndimage.affine_transform makes, rounded, in hexadecimal
keras-images.json  Keras's channel shift of the picture, and what its samplewise normalisation makes of it
columns.json       columns and what scikit-learn's KBinsDiscretizer, RobustScaler and MinMaxScaler make of them
"""

import json
import math
import os
import pathlib
import sys
import types
import warnings
import zlib

os.environ.setdefault("KERAS_BACKEND", "torch")

import numpy as np
import torch
from PIL import Image

for name in ("_meta_registrations", "_autograd_registrations"):
    sys.modules[f"torchvision.{name}"] = types.ModuleType(f"torchvision.{name}")
import scipy.ndimage
from keras.src.legacy.preprocessing import image as keras_image
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, RobustScaler
from torchvision.transforms import InterpolationMode
from torchvision.transforms.autoaugment import RandAugment, TrivialAugmentWide, _apply_op

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "Tests/DatasetsTests/Goldens"


def write(name, rows):
    (GOLDENS / name).write_text("".join(row + "\n" for row in rows))
    print(name, (GOLDENS / name).stat().st_size)


def crc(image):
    return f"{zlib.crc32(image.tobytes()):08x}"


def change_rows():
    for source in ("rgb.png", "rgb-420.jpg"):
        image = Image.open(GOLDENS / "images" / source).convert("RGB")
        width, height = image.size
        for space, meta in [
            ("randAugment", RandAugment()._augmentation_space(31, (height, width))),
            ("trivialAugment", TrivialAugmentWide()._augmentation_space(31)),
        ]:
            for change, (strengths, signed) in meta.items():
                levels = [0] if strengths.ndim == 0 else [0, 1, 9, 15, 20, 23, 30]
                for level in levels:
                    strength = float(strengths[level].item()) if strengths.ndim else 0.0
                    results = [
                        crc(_apply_op(image, change, value, interpolation=InterpolationMode.NEAREST, fill=None))
                        for value in ([strength, -strength] if signed else [strength])]
                    yield "\t".join([source, space, change, str(level), strength.hex(), *results])


def tiny():
    """7 by 5 pixels: value i is (i * 37 + i * i * 11) % 256."""
    i = np.arange(7 * 5 * 3)
    return ((i * 37 + i * i * 11) % 256).astype(np.uint8).reshape(5, 7, 3)


def fill_rows():
    image = tiny().astype(np.float64)
    for numbers in [
        (1, 0, 2, 0, 1, 0), (1, 0, -3, 0, 1, 4), (1, 0, 0.3, 0, 1, -0.4), (1, 0, -20.25, 0, 1, 13.5),
        (math.cos(0.5), math.sin(0.5), -1.25, -math.sin(0.5), math.cos(0.5), 0.75), (2.5, 0.4, -6, -0.3, 1.75, -3),
    ]:
        a, b, c, d, e, f = numbers
        # Pillow's points are measured from the corner of the first pixel, SciPy's from its centre; rows come first.
        matrix = np.array([[e, d], [b, a]])
        offset = [f + 0.5 * (d + e) - 0.5, c + 0.5 * (a + b) - 0.5]
        for mode in ("nearest", "reflect", "wrap"):
            result = np.stack(
                [scipy.ndimage.affine_transform(image[..., k], matrix, offset, order=1, mode=mode) for k in range(3)], -1)
            rounded = np.floor(result + 0.5).clip(0, 255).astype(np.uint8)
            yield "\t".join([mode, *(float(number).hex() for number in numbers), rounded.tobytes().hex()])


def keras_images():
    image = tiny().astype(np.float64)
    shifts = {
        str(intensity): np.floor(
            keras_image.apply_channel_shift(image.copy(), intensity, channel_axis=2) + 0.5).astype(np.uint8).tobytes().hex()
        for intensity in (-40.0, -0.6, 12.4, 200.0)}
    normalised = {}
    for way, options in [
        ("center", {"samplewise_center": True}),
        ("standard", {"samplewise_center": True, "samplewise_std_normalization": True}),
    ]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            generator = keras_image.ImageDataGenerator(rescale=1 / 255, dtype="float64", **options)
        normalised[way] = generator.standardize(image.copy()).reshape(-1).tolist()
    return {"shifts": shifts, "normalised": normalised}


def columns():
    random = np.random.default_rng(3)
    data = {
        "normal": random.normal(10, 3, 41).tolist(), "skewed": random.gamma(1, 5, 30).tolist(),
        "whole": random.integers(0, 6, 35).astype(float).tolist(), "constant": [2.5] * 8,
        "two": [0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0], "single": [7.25],
    }
    new = [-1e3, -0.5, 0.0, 0.999, 1.0, 2.5, 3.75, 10.0, 1e3]
    result = []
    for name, values in data.items():
        column = np.array(values)[:, None]
        case = {"name": name, "values": values, "new": new, "bins": []}
        for scaler, key in [(RobustScaler(), "robust"), (MinMaxScaler(feature_range=(-1, 1)), "symmetric")]:
            scaler.fit(column)
            case[key] = scaler.transform(np.array(values + new)[:, None])[:, 0].tolist()
        for strategy in ("uniform", "quantile"):
            for bins in (2, 4, 5):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    extra = {"quantile_method": "linear"} if strategy == "quantile" else {}
                    found = KBinsDiscretizer(bins, encode="ordinal", strategy=strategy, subsample=None, **extra).fit(column)
                    codes = found.transform(np.array(values + new)[:, None])[:, 0].astype(int).tolist()
                edges = [float(edge) for edge in found.bin_edges_[0]]
                case["bins"].append({
                    "strategy": strategy, "bins": bins, "count": int(found.n_bins_[0]), "codes": codes,
                    "edges": edges if all(math.isfinite(edge) for edge in edges) else None})
        result.append(case)
    return result


if __name__ == "__main__":
    write("image-changes.tsv", change_rows())
    write("fill-modes.tsv", fill_rows())
    write("keras-images.json", [json.dumps(keras_images())])
    write("columns.json", [json.dumps(columns())])
