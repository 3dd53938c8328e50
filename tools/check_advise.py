#!/usr/bin/env python3
"""Follows the advice of the built command and compares it with its defaults.

    tools/check_advise.py CHECKPOINT --photographs DIR [--fashion DIR] [--aviary .build/release/aviary] [--seeds 3]
                          [--few 20] [--many 750] [--test 200] [--epochs N] [--only layers|rare]
                          [--sets few,many,fashion] [--fashion-many 750]

CHECKPOINT knows ImageNet, such as squeezenet.h5. DIR has the folders train and test with a folder of photographs for each
class (cats and dogs); --fashion has Fashion-MNIST as IDX files, which become pictures.

Layers: on the photographs with few and with many images of a class, and on Fashion-MNIST with as many, `aviary finetune` with
its defaults and with what `aviary advise` says, over some seeds: the mean test accuracy of the advice must not be below that
of the defaults. Rare classes: one class at 2 % of the photographs; macro F1 on a test part with the same shares, of heads on
the frozen backbone by default, with balanced weights and with the balanced sampler; the treatment that `advise` names must
be the best of those, or as good as it within their standard error.

Exit code 1 if that is not so. Needs: pip install numpy pillow (for --fashion).
"""

import argparse
import gzip
import json
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Tool:
    def __init__(self, path):
        self.path = path

    def json(self, *arguments):
        done = subprocess.run([self.path, *map(str, arguments), "--json"], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"aviary {arguments[0]} exits with {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout.splitlines()[-1])


def subset(source, target, counts, seed=0):
    """A folder with so many photographs of each class and part; `counts` by part, of all classes or by class."""
    for part, wanted in counts.items():
        for folder in sorted(p for p in (source / part).iterdir() if p.is_dir()):
            files = sorted(folder.iterdir())
            random.Random(f"{seed} {part} {folder.name}").shuffle(files)
            number = wanted[folder.name] if isinstance(wanted, dict) else wanted
            (target / part / folder.name).mkdir(parents=True)
            for file in files[:number]:
                shutil.copy(file, target / part / folder.name / file.name)
    return target


def fashion(source, target, training, test):
    """Pictures of Fashion-MNIST in folders."""
    import numpy
    from PIL import Image

    def read(name, offset):
        path = next(p for p in (source / f"{name}.gz", source / name) if p.exists())
        data = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
        return numpy.frombuffer(data, dtype=numpy.uint8, offset=offset)

    for part, stem, count in (("train", "train", training), ("test", "t10k", test)):
        pixels = read(f"{stem}-images-idx3-ubyte", 16).reshape(-1, 28, 28)
        labels = read(f"{stem}-labels-idx1-ubyte", 8)
        for label in range(10):
            folder = target / part / f"class-{label}"
            folder.mkdir(parents=True)
            for index in numpy.flatnonzero(labels == label)[:count]:
                Image.fromarray(pixels[index]).convert("RGB").resize((112, 112)).save(folder / f"{index}.png")
    return target


def mean(values):
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return statistics.mean(values), error


def compare_layers(tool, checkpoint, name, data, folder, seeds, epochs):
    advice = tool.json("advise", "--from", checkpoint, "--data", data)
    arguments = advice["arguments"]
    print(f"{name}: {advice['size']}, {advice['similarity']}; {' '.join(arguments)}")
    results = {}
    for kind, options in (("default", []), ("advice", arguments)):
        scores = []
        for seed in range(seeds):
            run = folder / f"{name}-{kind}-{seed}"
            more = ["--epochs", epochs] if epochs and "--epochs" not in options else []
            summary = tool.json(
                "finetune", "--from", checkpoint, "--data", data, "--output", run, "--seed", seed, *options, *more)
            scores.append(summary["test_accuracy"])
        results[kind] = mean(scores)
        print(f"  {kind:8} test accuracy {results[kind][0]:.4f} ± {results[kind][1]:.4f}  {scores}", flush=True)
    return results["advice"][0] >= results["default"][0]


def compare_rare(tool, checkpoint, photographs, folder, many, test, seeds):
    classes = sorted(p.name for p in (photographs / "train").iterdir() if p.is_dir())
    rare = classes[0]
    share = lambda count: {name: max(2, round(count * 0.02 / 0.98)) if name == rare else count for name in classes}
    data = subset(photographs, folder / "rare", {"train": share(many), "test": share(test)})
    advice = tool.json("advise", "--from", checkpoint, "--data", data)
    print(f"{rare} at 2 %: advice: {advice['treatment']} {advice['treatments']}")
    options = {
        "none": [], "weights": ["--class-weights", "balanced"], "sampler": ["--sampler", "balanced"],
        "logit-adjustment": ["--logit-adjustment", "1"]}
    results = {}
    for name, more in options.items():
        scores = []
        for seed in range(seeds):
            run = folder / f"rare-{name}-{seed}"
            summary = tool.json(
                "finetune", "--from", checkpoint, "--data", data, "--output", run, "--seed", seed, "--freeze", "backbone",
                "--monitor", "macro-f1", *more)
            scores.append(summary["test_macro_f1"])
        results[name] = mean(scores)
        print(f"  {name:16} macro F1 {results[name][0]:.4f} ± {results[name][1]:.4f}  {scores}", flush=True)
    best = max(results, key=lambda name: results[name][0])
    chosen = results[advice["treatment"]]
    return best == advice["treatment"] or results[best][0] - chosen[0] <= results[best][1] + chosen[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint")
    parser.add_argument("--photographs", type=pathlib.Path, required=True)
    parser.add_argument("--fashion", type=pathlib.Path)
    parser.add_argument("--aviary", default=str(ROOT / ".build/release/aviary"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--few", type=int, default=20)
    parser.add_argument("--many", type=int, default=750)
    parser.add_argument("--test", type=int, default=200)
    parser.add_argument("--epochs", type=int, help="of the runs where the advice says nothing else")
    parser.add_argument("--only", choices=["layers", "rare"])
    parser.add_argument("--sets", default="few,many,fashion", help="the data sets for layers")
    parser.add_argument("--fashion-many", type=int, help="images of a class of Fashion-MNIST; as --many")
    given = parser.parse_args()
    tool, right = Tool(given.aviary), True
    with tempfile.TemporaryDirectory(prefix="aviary-advise-") as name:
        folder = pathlib.Path(name)
        if given.only != "rare":
            wanted = given.sets.split(",")
            sets = [
                (f"{count}-of-a-class",
                 subset(given.photographs, folder / f"data-{count}", {"train": count, "test": given.test}))
                for name, count in (("few", given.few), ("many", given.many)) if name in wanted]
            if given.fashion and "fashion" in wanted:
                count = given.fashion_many or given.many
                sets.append(("fashion", fashion(given.fashion, folder / "data-fashion", count, given.test)))
            for title, data in sets:
                right &= compare_layers(tool, given.checkpoint, title, data, folder, given.seeds, given.epochs)
        if given.only != "layers":
            right &= compare_rare(tool, given.checkpoint, given.photographs, folder, given.many, given.test, given.seeds)
    print("as advised" if right else "the advice does not hold")
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
