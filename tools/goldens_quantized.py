#!/usr/bin/env python3
"""Writes a quantized LeNet-5 with h5py, following Weights/FORMAT.md, and its outputs, computed by NumPy in integers.

    tools/goldens_quantized.py

Writes Tests/ModelsTests/Goldens/quantized-lenet5.h5 and quantized-lenet5.json (the logits of an input that both sides make
themselves: element i is ((37 i) mod 101) / 50 - 0.3).

Needs: pip install numpy h5py
"""
import json, os

import h5py, numpy as np

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.path.join(ROOT, "Tests/ModelsTests/Goldens/quantized-lenet5")
random = np.random.default_rng(7)


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return np.uint32(crc ^ 0xFFFFFFFF)


class Weights:
    def __init__(self, shape, input_scale, signed):
        self.integers = random.integers(-127, 128, shape).astype(np.int8)
        fan = np.prod(shape[1:])
        self.scale = (random.uniform(0.5, 1.5, shape[0]) * 0.02 / np.sqrt(fan)).astype(np.float32)
        self.bias = random.normal(0, 0.1, shape[0]).astype(np.float32)
        self.input_scale, self.signed = np.float32(input_scale), signed

    def rounded(self, x):
        low, high = (-128, 127) if self.signed else (0, 255)
        return np.clip(np.rint(x / np.float64(self.input_scale)), low, high).astype(np.int64)

    def numbers(self, sums):
        """What the sums of products of integers stand for; the channels are the last axis."""
        return sums * (np.float64(self.input_scale) * self.scale.astype(np.float64)) + self.bias


def convolution(x, w, padding=0):
    x = np.pad(w.rounded(x), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(x, w.integers.shape[2:], axis=(2, 3))
    return w.numbers(np.einsum("nchwij,ocij->nhwo", windows, w.integers.astype(np.int64))).transpose(0, 3, 1, 2)


def linear(x, w):
    return w.numbers(w.rounded(x) @ w.integers.astype(np.int64).T)


def pooled(x):
    n, c, h, w = x.shape
    return np.maximum(x, 0).reshape(n, c, h // 2, 2, w // 2, 2).max((3, 5))


layers = {
    "conv1": Weights((6, 1, 5, 5), 0.02, True),
    "conv2": Weights((16, 6, 5, 5), 0.01, False),
    "fc1": Weights((120, 400), 0.01, False),
    "fc2": Weights((84, 120), 0.012, False),
    "fc3": Weights((10, 84), 0.015, False),
}
x = (((37 * np.arange(2 * 28 * 28)) % 101) / 50 - 0.3).astype(np.float32).reshape(2, 1, 28, 28)
y = pooled(convolution(x, layers["conv1"], padding=2))
y = pooled(convolution(y, layers["conv2"])).reshape(2, -1)
y = np.maximum(linear(y, layers["fc1"]), 0)
y = np.maximum(linear(y, layers["fc2"]), 0)
logits = linear(y, layers["fc3"])

with h5py.File(OUT + ".h5", "w") as file:
    file.attrs["format"], file.attrs["format_version"], file.attrs["head"] = "aviary", np.int64(1), "present"
    file.attrs["architecture"] = "lenet5"
    model = file.create_group("model")
    model.attrs["order"] = json.dumps([f"{name}.{part}" for name in layers for part in ("weight", "bias")])
    for name, w in layers.items():
        for part, values in (("weight", w.integers), ("bias", w.bias)):
            dataset = model.create_dataset(f"{name}/{part}", data=values, track_times=False)
            dataset.attrs["crc32c"] = crc32c(values.tobytes())
        weight = model[f"{name}/weight"]
        weight.attrs["scale"] = w.scale
        weight.attrs["input_scale"] = np.float64(w.input_scale)
        weight.attrs["input_dtype"] = "int8" if w.signed else "uint8"

with open(OUT + ".json", "w") as file:
    json.dump({"logits": logits.ravel().tolist()}, file)
    file.write("\n")
