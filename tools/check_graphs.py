#!/usr/bin/env python3
"""Trains networks for whole graphs with the built command and with PyTorch, and compares how well both classify.

    tools/check_graphs.py [COLLECTION]... [--aviary .build/tests/release/aviary] [--network NAME]... [--seeds 5] [--epochs 50]

COLLECTION is a folder in the TU format, such as MUTAG; without one, graphs are generated whose classes are motifs on
random trees: a ring of five nodes, or the same with a chord. For each network and seed: `aviary train` for some epochs with 30 % of the graphs for
validation and 10 % for the test; then the same network in PyTorch (torch.sparse, without PyTorch Geometric) with the same
parts, optimizer and batches of the same size. Both are scored on what they were not trained on, with the last weights. The
mean accuracies over the seeds may differ by 2 points. Exit code 1 if they do, or anything fails.

Needs: pip install torch==2.13.0 numpy h5py.
"""

import argparse
import json
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

import h5py
import numpy
import torch
from torch import nn
from torch.nn import functional

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOLERANCE = 0.02
BATCH = 32


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"aviary {command[1]} exits with {done.returncode}: {done.stderr.strip()}")
    return done.stdout.splitlines()


def motifs(folder, count=300):
    """Random trees, to one node of which a ring of five nodes is tied; in the second class it has a chord."""
    source = random.Random(1)
    edges, indicator, labels, first = [], [], [], 1
    for graph in range(count):
        ring = 5
        size = source.randint(6, 14)
        ends = [(node, source.randrange(node)) for node in range(1, size)]
        ends += [(size + node, size + (node + 1) % ring) for node in range(ring)]
        ends += [(size + 1, size + 4)] * (graph % 2) + [(source.randrange(size), size)]
        for a, b in ends:
            edges += [f"{first + a}, {first + b}", f"{first + b}, {first + a}"]
        indicator += [str(graph + 1)] * (size + ring)
        labels.append(str(graph % 2))
        first += size + ring
    folder.mkdir()
    for part, lines in (("A", edges), ("graph_indicator", indicator), ("graph_labels", labels)):
        (folder / f"{folder.name}_{part}.txt").write_text("\n".join(lines) + "\n")
    return folder


def collection(folder):
    """For each graph its features, its edges and its class; features as TUDataset makes them, else degrees."""
    name = next(folder.glob("*_A.txt")).name[:-len("_A.txt")]

    def table(part):
        path = folder / f"{name}_{part}.txt"
        return numpy.loadtxt(path, delimiter=",", ndmin=2) if path.exists() else None

    edges = numpy.unique(table("A").astype(int) - 1, axis=0)
    edges = edges[edges[:, 0] != edges[:, 1]]
    graph = table("graph_indicator")[:, 0].astype(int) - 1
    labels = numpy.unique(table("graph_labels")[:, 0], return_inverse=True)[1]
    parts = []
    if table("node_attributes") is not None:
        parts.append(table("node_attributes"))
    if table("node_labels") is not None:
        for column in table("node_labels").astype(int).T:
            parts.append(numpy.eye(column.max() - column.min() + 1)[column - column.min()])
    if not parts:
        degrees = numpy.bincount(edges[:, 0], minlength=len(graph))
        parts.append(numpy.eye(degrees.max() + 1)[degrees])
    features = torch.tensor(numpy.concatenate(parts, 1), dtype=torch.float32)
    result = []
    for number, label in enumerate(labels):
        nodes = numpy.flatnonzero(graph == number)
        own = edges[graph[edges[:, 0]] == number]
        place = numpy.full(len(graph), -1)
        place[nodes] = numpy.arange(len(nodes))
        result.append((features[nodes], torch.tensor(place[own].T), int(label)))
    return result


def batched(graphs, normalized):
    """One graph of blocks: features, adjacency, the graph of each node, classes."""
    rows, columns, index, start = [], [], [], 0
    for number, (x, ends, _) in enumerate(graphs):
        rows.append(ends[0] + start)
        columns.append(ends[1] + start)
        index += [number] * len(x)
        start += len(x)
    ends = torch.stack([torch.cat(rows), torch.cat(columns)]).long()
    if normalized:
        ends = torch.cat([ends, torch.arange(start).expand(2, -1)], 1)
        factors = torch.bincount(ends[0], minlength=start).float().rsqrt()
        values = factors[ends[0]] * factors[ends[1]]
    else:
        values = torch.ones(ends.shape[1])
    adjacency = torch.sparse_coo_tensor(ends, values, (start, start), check_invariants=True).coalesce()
    return (torch.cat([g[0] for g in graphs]), adjacency, torch.tensor(index), torch.tensor([g[2] for g in graphs]))


def pooled(x, index, graphs, mean):
    total = torch.zeros(graphs, x.shape[1]).index_add(0, index, x)
    return total / torch.bincount(index, minlength=graphs)[:, None] if mean else total


class GCN(nn.Module):
    """`gcn-graph` as it is published."""
    normalized = True

    def __init__(self, features, classes, width=64, layers=3):
        super().__init__()
        widths = [features] + [width] * layers
        self.maps = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in zip(widths, widths[1:]))
        self.biases = nn.ParameterList(torch.zeros(w) for w in widths[1:])
        for layer in self.maps:
            nn.init.xavier_uniform_(layer.weight)
        self.lin1, self.lin2 = nn.Linear(width, width), nn.Linear(width, classes)

    def forward(self, x, adjacency, index, graphs):
        for layer, bias in zip(self.maps, self.biases):
            x = torch.relu(torch.sparse.mm(adjacency, layer(x)) + bias)
        x = torch.relu(self.lin1(pooled(x, index, graphs, True)))
        return self.lin2(functional.dropout(x, 0.5, self.training))


class GIN(nn.Module):
    """`gin` as it is published."""
    normalized = False

    def __init__(self, features, classes, width=32, layers=5):
        super().__init__()
        self.maps = nn.ModuleList(
            nn.Sequential(nn.Linear(features if i == 0 else width, width), nn.BatchNorm1d(width), nn.ReLU(),
                          nn.Linear(width, width)) for i in range(layers))
        self.lin1, self.lin2 = nn.Linear(width, width), nn.Linear(width, classes)

    def forward(self, x, adjacency, index, graphs):
        for layer in self.maps:
            x = torch.relu(layer(torch.sparse.mm(adjacency, x) + x))
        x = torch.relu(self.lin1(pooled(x, index, graphs, False)))
        return self.lin2(functional.dropout(x, 0.5, self.training))


NETWORKS = {"gin": GIN, "gcn-graph": GCN}


def torch_accuracy(kind, graphs, parts, seed, epochs):
    torch.manual_seed(seed)
    network = kind(graphs[0][0].shape[1], 1 + max(g[2] for g in graphs))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    training = [g for g, part in zip(graphs, parts) if part == "train"]
    for _ in range(epochs):
        network.train()
        order = torch.randperm(len(training)).tolist()
        for start in range(0, len(order), BATCH):
            chosen = [training[i] for i in order[start:start + BATCH]]
            if len(chosen) == 1:
                continue
            x, adjacency, index, labels = batched(chosen, network.normalized)
            optimizer.zero_grad()
            functional.cross_entropy(network(x, adjacency, index, len(chosen)), labels).backward()
            optimizer.step()
    network.eval()
    held = [g for g, part in zip(graphs, parts) if part != "train"]
    x, adjacency, index, labels = batched(held, network.normalized)
    with torch.no_grad():
        return (network(x, adjacency, index, len(held)).argmax(1) == labels).float().mean().item()


def aviary_accuracy(aviary, name, folder, scratch, seed, epochs):
    """The accuracy on what was held out, and the part that each graph belonged to."""
    scratch.mkdir()
    run_folder, features = scratch / "run", scratch / "features.h5"
    run(aviary, "train", name, "--data", folder, "--output", run_folder, "--epochs", epochs, "--seed", seed,
        "--validation", 0.3, "--quiet")
    run(aviary, "features", run_folder / "last.h5", "--data", folder, "--output", features)
    correct = count = 0
    for part in ("validation", "test"):
        found = json.loads(run(
            aviary, "evaluate", run_folder / "last.h5", "--data", folder, "--part", part, "--json")[-1])
        correct += round(found["accuracy"] * found["graphs"])
        count += found["graphs"]
    with h5py.File(features) as file:
        parts = [text.decode() if isinstance(text, bytes) else text for text in file["parts"][:]]
        labels = file["labels"][:].tolist()
    return correct / count, parts, labels


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("collections", nargs="*", type=pathlib.Path)
    parser.add_argument("--aviary", type=pathlib.Path, default=ROOT / ".build/tests/release/aviary")
    parser.add_argument("--network", action="append", choices=NETWORKS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=50)
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        for number, folder in enumerate(options.collections or [motifs(scratch / "MOTIFS")]):
            graphs = collection(folder)
            for name in options.network or NETWORKS:
                ours, theirs = [], []
                start = time.time()
                for seed in range(options.seeds):
                    accuracy, parts, labels = aviary_accuracy(
                        options.aviary, name, folder, scratch / f"{number}-{name}-{seed}", seed, options.epochs)
                    assert labels == [g[2] for g in graphs], "other classes"
                    ours.append(accuracy)
                    theirs.append(torch_accuracy(NETWORKS[name], graphs, parts, seed, options.epochs))
                difference = statistics.mean(ours) - statistics.mean(theirs)
                failed = failed or abs(difference) > TOLERANCE
                print(f"{folder.name} {name}: Aviary {statistics.mean(ours):.3f} ({' '.join(f'{a:.3f}' for a in ours)}), "
                      f"PyTorch {statistics.mean(theirs):.3f} ({' '.join(f'{a:.3f}' for a in theirs)}), "
                      f"difference {difference:+.3f}{'  TOO LARGE' if abs(difference) > TOLERANCE else ''}, "
                      f"{time.time() - start:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
