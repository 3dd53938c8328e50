#!/usr/bin/env python3
"""Trains a small network with --tensorboard and reads the event files back with TensorBoard's own reader.

    tools/check_tensorboard.py [AVIARY]      (needs tensorboard, numpy and Pillow; AVIARY defaults to .build/tests/release/aviary)

Compares scalars with history.csv, steps.csv and layers.csv, and looks at histograms and images. The run is interrupted once, so
that the second file goes on where the first one ended.
"""

import csv
import io
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

ROOT = pathlib.Path(__file__).resolve().parent.parent
AVIARY = sys.argv[1] if len(sys.argv) > 1 else ROOT / ".build/tests/release/aviary"
failures = []


def check(condition, what):
    print(("ok      " if condition else "FAILED  ") + what)
    if not condition:
        failures.append(what)


def rows(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def photographs(folder):
    random = np.random.default_rng(3)
    for part, count in [("train", 12), ("valid", 6)]:
        for k, name in enumerate(["dark", "light"]):
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 128, (28, 28), dtype=np.uint8) + 127 * k
                Image.fromarray(pixels.astype(np.uint8)).save(folder / part / name / f"{number}.png")


def aviary(*arguments):
    outcome = subprocess.run([str(AVIARY), *map(str, arguments)], capture_output=True, text=True)
    check(outcome.returncode == 0, "aviary " + " ".join(map(str, arguments[:2])))
    if outcome.returncode:
        print(outcome.stderr)


def same(events, expected, tolerance=1e-5):
    found = [(event.step, event.value) for event in events]
    return len(found) == len(expected) and all(
        step == s and abs(value - v) <= tolerance * max(1, abs(v)) for (step, value), (s, v) in zip(found, expected))


def main():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        data, run = folder / "data", folder / "run"
        photographs(data)
        aviary(
            "train", "lenet5", "--data", data, "--output", run, "--epochs", 2, "--batch-size", 6, "--tensorboard",
            "--log-every", 2, "--threads", 1, "--workers", 1)
        aviary("train", "--resume", run, "--epochs", 3, "--tensorboard", "--log-every", 2)
        check(len(list(run.glob("events.out.tfevents.*"))) == 2, "one event file a session")
        events = EventAccumulator(str(run), size_guidance={"scalars": 0, "histograms": 0, "images": 0})
        events.Reload()
        tags = events.Tags()
        history, steps, layers = rows(run / "history.csv"), rows(run / "steps.csv"), rows(run / "layers.csv")
        ends = [4 * int(row["epoch"]) for row in history]
        for tag, column in [
            ("loss/train", "train_loss"), ("loss/validation", "validation_loss"), ("accuracy/train", "train_accuracy"),
            ("accuracy/validation", "validation_accuracy"), ("learning_rate", "learning_rate")]:
            check(same(events.Scalars(tag), [(e, float(r[column])) for e, r in zip(ends, history)]), f"{tag} of 3 epochs")
        for tag, column in [
            ("loss/step", "loss"), ("accuracy/step", "accuracy"), ("gradient_norm/all", "gradient_norm")]:
            check(same(events.Scalars(tag), [(int(r["step"]), float(r[column])) for r in steps]), f"{tag} of 6 steps")
        names = {row["layer"] for row in layers}
        check(len(names) > 4, f"layers: {sorted(names)}")
        for column, prefix in [("gradient_norm", "gradient_norm"), ("dead_relus", "dead_relus")]:
            for name in sorted(names):
                own = [(int(r["step"]), float(r[column])) for r in layers if r["layer"] == name and r[column]]
                if own:
                    check(same(events.Scalars(f"{prefix}/{name}"), own), f"{prefix}/{name}")
        histograms = tags["histograms"]
        check(sum(tag.startswith("weights/") for tag in histograms) >= 10, f"histograms of weights: {len(histograms)}")
        check(sum(tag.startswith("gradients/") for tag in histograms) >= 10, "histograms of gradients")
        for tag in histograms:
            value = events.Histograms(tag)[0].histogram_value
            if abs(sum(value.bucket) - value.num) > 1e-6 or len(value.bucket) != len(value.bucket_limit):
                check(False, f"histogram {tag}")
        for tag in tags["images"]:
            for event in events.Images(tag):
                picture = Image.open(io.BytesIO(event.encoded_image_string))
                picture.load()
                check(picture.size == (event.width, event.height), f"image {tag}: {picture.size}, {picture.mode}")
        check(any(tag.startswith("images/") for tag in tags["images"]), "images of the training")
        check(len(events.Images("confusion/validation")) == 3, "a confusion matrix an epoch")
    if failures:
        sys.exit(f"{len(failures)} checks failed")
    print("everything that was written is read")


if __name__ == "__main__":
    main()
