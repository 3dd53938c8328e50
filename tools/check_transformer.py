#!/usr/bin/env python3
"""Trains char-transformer with the built command and the same network in PyTorch, and compares the losses.

    tools/check_transformer.py TEXT                   an epoch of the text, such as tinyshakespeare's input.txt
    tools/check_transformer.py TEXT --characters N    of its first N characters

Both begin with the same weights and see the same windows of the text in the same order. Fails where the mean loss over the
steps, or the loss on the last tenth of the text, differs by more than 0.02 nats.

Needs PyTorch, numpy and h5py.
"""

import argparse
import csv
import json
import pathlib
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import h5py
import numpy
import torch
from torch.nn import functional

from character_transformer import GPT

ROOT = pathlib.Path(__file__).resolve().parent.parent
MASK32, MASK64 = (1 << 32) - 1, (1 << 64) - 1
TOLERANCE = 0.02


class RandomStream:
    """Aviary's random numbers: Philox4x32-10, keyed by what they are for."""

    def __init__(self, seed, purpose, path, step):
        hash = 0xCBF29CE484222325
        for byte in [*purpose.encode(), 0xFF, *path.encode()]:
            hash = ((hash ^ byte) * 0x100000001B3) & MASK64
        self.key = self.mix(hash ^ self.mix((seed + 0x9E3779B97F4A7C15) & MASK64))
        self.step, self.block, self.words = step, 0, []

    @staticmethod
    def mix(z):
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK64
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK64
        return z ^ (z >> 31)

    def word(self):
        if not self.words:
            c = [self.block & MASK32, self.block >> 32, self.step & MASK32, self.step >> 32]
            k = [self.key & MASK32, self.key >> 32]
            for _ in range(10):
                a, b = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
                c = [(b >> 32) ^ c[1] ^ k[0], b & MASK32, (a >> 32) ^ c[3] ^ k[1], a & MASK32]
                k = [(k[0] + 0x9E3779B9) & MASK32, (k[1] + 0xBB67AE85) & MASK32]
            self.block, self.words = self.block + 1, c
        return self.words.pop(0)

    def below(self, bound):
        """As Swift's standard library draws a number below a bound (Lemire, 2019)."""
        while True:
            product = (self.word() | self.word() << 32) * bound
            if product & MASK64 >= bound or product & MASK64 >= ((1 << 64) - bound) % bound:
                return product >> 64


def aviary(options, *arguments):
    subprocess.run([str(part) for part in [options.aviary, *arguments, "--quiet"]], check=True)


def weights(path):
    found = {}

    def note(name, item):
        if isinstance(item, h5py.Dataset):
            found[name.replace("/", ".")] = torch.from_numpy(numpy.array(item))

    with h5py.File(path) as file:
        file["model"].visititems(note)
    return found


def train(options, network, tokens):
    """The mean loss over the steps, and that on the last tenth."""
    test = round(len(tokens) * 0.1)
    kept, held_out = tokens[:len(tokens) - test], tokens[len(tokens) - test:]
    kept = kept[:len(kept) - round(len(kept) * 0.05)]
    rows, steps = options.batch_size, options.sequence_length
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=0.01)
    total, count = 0.0, (len(kept) - 1) // (rows * steps)
    for number in range(count):
        stream = RandomStream(options.seed, "text", "windows#0", number)
        starts = [stream.below(len(kept) - steps) for _ in range(rows)]
        windows = torch.stack([kept[start:start + steps + 1] for start in starts])
        loss = functional.cross_entropy(network(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimizer.step()
        total += loss.item()
    with torch.no_grad():
        losses = []
        for start in range(0, len(held_out) - 1, network.context):
            window = held_out[start:start + network.context + 1]
            losses.append(functional.cross_entropy(network(window[None, :-1])[0], window[1:], reduction="sum").item())
    return count, total / count, sum(losses) / (len(held_out) - 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=pathlib.Path)
    parser.add_argument("--aviary", default=ROOT / ".build/release/aviary")
    parser.add_argument("--characters", type=int)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--sequence-length", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    text = options.text.read_text()[:options.characters]
    with tempfile.TemporaryDirectory() as folder:
        data, run = pathlib.Path(folder) / "text.txt", pathlib.Path(folder) / "run"
        data.write_text(text)
        common = ["train", "char-transformer", "--epochs", 1, "--batch-size", options.batch_size, "--sequence-length",
                  options.sequence_length, "--schedule", "constant", "--seed", options.seed, "--set",
                  f"width={options.width}", "--set", "context=256"]
        # The weights before the first step: a step as short as can be, on a text of the same characters.
        short = pathlib.Path(folder) / "short.txt"
        short.write_text("".join(sorted(set(text))) * (options.batch_size * options.sequence_length * 3 // 32))
        aviary(options, *common, "--data", short, "--output", run / "start", "--lr", 1e-30)
        aviary(options, *common, "--data", data, "--output", run / "whole", "--lr", options.learning_rate)
        characters = {character: number for number, character in enumerate(sorted(set(text)))}
        network = GPT(context=256, width=options.width, outputs=len(characters))
        network.load_state_dict({
            name: array for name, array in weights(run / "start/last.h5").items() if name in network.state_dict()})
        tokens = torch.tensor([characters[character] for character in text])
        count, training, test = train(options, network, tokens)
        with open(run / "whole/history.csv") as file:
            history = list(csv.DictReader(file))
        summary = json.loads((run / "whole/summary.json").read_text())
    ours = float(history[-1]["train_loss"]), float(summary["test_loss"])
    print(f"{count} steps: mean loss {ours[0]:.4f}, PyTorch {training:.4f}; test loss {ours[1]:.4f}, PyTorch {test:.4f}")
    if max(abs(ours[0] - training), abs(ours[1] - test)) > TOLERANCE:
        sys.exit(f"they differ by more than {TOLERANCE} nats")


if __name__ == "__main__":
    main()
