"""Golden values for graphs: sparse products, readouts, graph convolutional networks, and small files to read.

The networks are written out as dense mathematics, independently of the code that they check.
"""

import collections
import json
import pathlib
import pickle
import struct
import sys
import types

import numpy
import torch
from torch import nn
from torch.nn import functional

from goldens_operators import Cases, normal
from goldens_store import expected, given, save, stored


def dense(rows, columns, values, shape):
    """The matrix of triplets; those of one place are added."""
    return torch.zeros(shape, dtype=values.dtype).index_put((rows, columns), values, accumulate=True)


def random_triplets(count, rows, columns):
    return {
        "a_rows": torch.randint(rows, (count,)), "a_columns": torch.randint(columns, (count,)),
        "a_values": normal(count)}


def products(cases):
    for name, count, rows, columns, width in [
        ("small", 9, 4, 5, 3), ("empty-rows", 5, 12, 7, 16), ("wide", 60, 9, 11, 83), ("tall", 300, 70, 6, 17),
        ("one", 1, 1, 1, 1),
    ]:
        cases.add(
            "sparse_matmul", name,
            lambda x, a_rows, a_columns, a_values: dense(a_rows, a_columns, a_values, (rows, columns)) @ x,
            {"x": normal(columns, width)}, random_triplets(count, rows, columns), rows=rows, columns=columns)
        cases.add(
            "sparse_linear", name,
            lambda weight, a_rows, a_columns, a_values: functional.linear(
                dense(a_rows, a_columns, a_values, (rows, columns)), weight),
            {"weight": normal(width, columns)}, random_triplets(count, rows, columns), rows=rows, columns=columns)


def segments(cases):
    for name, nodes, graphs, width in [("few", 7, 3, 4), ("gaps", 12, 9, 5), ("one", 6, 1, 17)]:
        index = torch.randint(graphs, (nodes,))
        index[0] = graphs - 1

        def reduced(kind):
            def function(x, segments):
                rows = [x[segments == graph] for graph in range(graphs)]
                empty = torch.zeros(width, dtype=x.dtype)
                pick = {"sum": lambda r: r.sum(0), "mean": lambda r: r.mean(0), "max": lambda r: r.max(0).values}[kind]
                return torch.stack([pick(r) if len(r) else empty for r in rows])
            return function

        for kind in ("sum", "mean", "max"):
            cases.add(f"segment_{kind}", name, reduced(kind), {"x": normal(nodes, width)}, {"segments": index},
                      count=graphs)


def propagation(adjacency, loops=True):
    """D^-1/2 (A + I) D^-1/2; a row whose sum is zero stays zero."""
    matrix = adjacency + torch.eye(len(adjacency), dtype=adjacency.dtype) if loops else adjacency
    sums = matrix.sum(1)
    factors = torch.where(sums > 0, sums.clamp(min=1e-30).rsqrt(), torch.zeros_like(sums))
    return factors[:, None] * matrix * factors[None, :]


def random_graph(nodes, edges, isolated):
    """An undirected graph without repeats and self loops; the last `isolated` nodes have no edge."""
    adjacency = torch.zeros((nodes, nodes), dtype=torch.float64)
    for _ in range(edges):
        a, b = torch.randint(nodes - isolated, (2,)).tolist()
        if a != b:
            adjacency[a, b] = adjacency[b, a] = 1
    return adjacency


def triplets(prefix, matrix):
    rows, columns = matrix.nonzero(as_tuple=True)
    return {
        f"{prefix}/rows": rows, f"{prefix}/columns": columns, f"{prefix}/values": stored(given(matrix[rows, columns]))}


def normalizations(arrays):
    weighted = random_graph(9, 14, 1) * (0.5 + torch.rand((9, 9), dtype=torch.float64))
    weighted = given(weighted + weighted.T)
    for name, matrix in [("ones", random_graph(9, 14, 2)), ("weights", weighted)]:
        arrays |= triplets(f"normal/{name}", matrix)
        arrays[f"normal/{name}/with_loops"] = expected(propagation(matrix))
        arrays[f"normal/{name}/without_loops"] = expected(propagation(matrix, loops=False))
        sums = matrix.sum(1, keepdim=True)
        arrays[f"normal/{name}/by_row"] = expected(matrix / torch.where(sums == 0, torch.ones_like(sums), sums))


class Convolution(nn.Module):
    """PyTorch Geometric's GCNConv on an adjacency that is normalised already."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.lin = nn.Linear(inputs, outputs, bias=False)
        self.bias = nn.Parameter(torch.zeros(outputs))

    def forward(self, x, adjacency):
        return adjacency @ self.lin(x) + self.bias


def pooled(x, graphs, readout):
    """A row for each graph."""
    rows = [x[graphs == graph] for graph in range(int(graphs.max()) + 1)]
    pick = {"sum": lambda r: r.sum(0), "mean": lambda r: r.mean(0), "max": lambda r: r.max(0).values}[readout]
    return torch.stack([pick(r) for r in rows])


class GCN(nn.Module):
    def __init__(self, features, hidden, classes, readout=None, head=None, activates_last=True):
        super().__init__()
        self.head, self.activates_last = head, activates_last
        widths = [features] + hidden + ([classes] if readout is None else [])
        self.hidden, self.count, self.readout = len(hidden), len(widths) - 1, readout
        for index, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
            setattr(self, f"conv{index + 1}", Convolution(inputs, outputs))
        if readout is not None and not head:
            self.lin = nn.Linear(hidden[-1], classes)
        elif readout is not None:
            for index, (inputs, outputs) in enumerate(zip([hidden[-1]] + head, head + [classes])):
                setattr(self, f"lin{index + 1}", nn.Linear(inputs, outputs))

    def forward(self, x, adjacency, graphs=None):
        self.kinks = []
        for index in range(self.count):
            x = getattr(self, f"conv{index + 1}")(x, adjacency)
            if index < self.hidden and (index < self.count - 1 or self.activates_last):
                self.kinks.append(x)
                x = torch.relu(x)
        if self.readout is None:
            return x
        x = pooled(x, graphs, self.readout)
        if not self.head:
            return self.lin(x)
        for index in range(len(self.head)):
            x = getattr(self, f"lin{index + 1}")(x)
            self.kinks.append(x)
            x = torch.relu(x)
        return getattr(self, f"lin{len(self.head) + 1}")(x)


class Normalization(nn.Module):
    """PyTorch Geometric's BatchNorm, which wraps PyTorch's."""

    def __init__(self, width):
        super().__init__()
        self.module = nn.BatchNorm1d(width)

    def forward(self, x):
        return self.module(x)


class Maps(nn.Module):
    """PyTorch Geometric's MLP: linear maps, normalised and activated but for the last."""

    def __init__(self, widths, normalizes):
        super().__init__()
        self.lins = nn.ModuleList(nn.Linear(a, b) for a, b in zip(widths, widths[1:]))
        self.norms = nn.ModuleList(Normalization(w) if normalizes else nn.Identity() for w in widths[1:-1])

    def forward(self, x, kinks):
        for lin, norm in zip(self.lins, self.norms):
            x = norm(lin(x))
            kinks.append(x)
            x = torch.relu(x)
        return self.lins[-1](x)


class Isomorphism(nn.Module):
    """PyTorch Geometric's GINConv."""

    def __init__(self, inputs, outputs, epsilon, learns_epsilon):
        super().__init__()
        self.nn = Maps([inputs, outputs, outputs], True)
        start = torch.full((1,), epsilon)
        if learns_epsilon:
            self.eps = nn.Parameter(start)
        else:
            self.register_buffer("eps", start)

    def forward(self, x, adjacency, kinks):
        return self.nn(adjacency @ x + (1 + self.eps) * x, kinks)


class GIN(nn.Module):
    """As in PyTorch Geometric's example for MUTAG, without dropout."""

    def __init__(self, features, hidden, head, classes, readout, epsilon, learns_epsilon):
        super().__init__()
        self.convs = nn.ModuleList(
            Isomorphism(a, b, epsilon, learns_epsilon) for a, b in zip([features] + hidden, hidden))
        self.mlp = Maps([hidden[-1]] + head + [classes], False)
        self.readout = readout

    def forward(self, x, adjacency, graphs):
        self.kinks = []
        for conv in self.convs:
            x = conv(x, adjacency, self.kinks)
            self.kinks.append(x)
            x = torch.relu(x)
        return self.mlp(pooled(x, graphs, self.readout), self.kinks)


def graph_inputs(with_readout):
    """Twenty nodes; with a readout they are four graphs, whose blocks do not touch."""
    graphs = torch.arange(20) // 5 if with_readout else None
    raw = random_graph(20, 45, 2)
    if with_readout:
        raw = raw * (graphs[:, None] == graphs[None, :])
    return given(torch.randn((20, 12), dtype=torch.float64) * (torch.rand((20, 12)) < 0.4)), raw, graphs


def save_network(path, network, x, raw, graphs, logits, configuration, **more):
    """The network with its loss, its gradients and, in training, its new statistics."""
    labels = torch.randint(4, (len(logits),))
    before = more.pop("before", network.state_dict())
    loss = functional.cross_entropy(more.pop("trained", logits), labels)
    loss.backward()
    arrays = {"x": stored(x), "labels": labels, "logits": expected(logits), "loss": expected(loss)}
    if graphs is not None:
        arrays["graphs"] = graphs
    arrays |= triplets("adjacency", raw) | more
    for name, value in before.items():
        if value.is_floating_point():
            arrays[f"weight/{name}"] = stored(value)
    for name, parameter in network.named_parameters():
        arrays[f"gradient/{name}"] = expected(parameter.grad)
    save(path, arrays, {"configuration": json.dumps(configuration, sort_keys=True)})


def networks(folder):
    for name, hidden, readout, head, activates_last in [
        ("gcn-two", [8], None, None, True), ("gcn-three", [8, 6], None, None, True),
        ("gcn-mean", [8, 6], "mean", None, True), ("gcn-sum", [7], "sum", None, True),
        ("gcn-max", [9], "max", None, True), ("gcn-head", [8, 6], "mean", [7, 5], True),
        ("gcn-plain", [8, 6], "mean", None, False),
    ]:
        for seed in range(1000):
            torch.manual_seed(seed)
            network = GCN(12, hidden, 4, readout, head, activates_last).double()
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter.copy_(given(torch.randn_like(parameter) * 0.5))
            x, raw, graphs = graph_inputs(readout is not None)
            logits = network(x, propagation(raw), graphs)
            # Rounding must not take the other side of a relu.
            if min(kink.abs().min().item() for kink in network.kinks) > 1e-3:
                break
        else:
            raise AssertionError(f"{name}: no seed keeps clear of kinks")
        save_network(folder / f"{name}.safetensors", network, x, raw, graphs, logits, {
            "features": 12, "hidden": hidden, "classes": 4, "dropout": 0.5, "activation": "relu",
            **({"readout": readout} if readout else {}), **({"head": head} if head else {}),
            **({} if activates_last else {"activatesLast": False})})


def isomorphism_networks(folder):
    """Logits by the running statistics; the loss and its gradients by those of the batch."""
    for name, hidden, head, readout, epsilon, learns_epsilon in [
        ("gin", [6, 5], [4], "sum", 0.0, False), ("gin-epsilon", [7], [], "max", 0.25, True),
    ]:
        for seed in range(20000):
            torch.manual_seed(seed)
            network = GIN(12, hidden, head, 4, readout, epsilon, learns_epsilon).double()
            with torch.no_grad():
                for path, value in list(network.named_parameters()) + list(network.named_buffers()):
                    if path.endswith("running_var"):
                        value.copy_(given(0.5 + torch.rand_like(value)))
                    elif value.is_floating_point() and not path.endswith("eps"):
                        value.copy_(given(torch.randn_like(value) * 0.5))
            x, raw, graphs = graph_inputs(True)
            network.eval()
            logits = network(x, raw, graphs).detach()
            kinks = network.kinks
            network.train()
            state = {path: value.clone() for path, value in network.state_dict().items()}
            trained = network(x, raw, graphs)
            kinks = kinks + network.kinks
            if min(kink.abs().min().item() for kink in kinks) > 1e-4:
                break
        else:
            raise AssertionError(f"{name}: no seed keeps clear of kinks")
        after = {f"after/{path}": expected(value) for path, value in network.named_buffers() if "running" in path}
        save_network(
            folder / f"{name}.safetensors", network, x, raw, graphs, logits,
            {"features": 12, "hidden": hidden, "head": head, "classes": 4, "dropout": 0, "activation": "relu",
             "readout": readout, "epsilon": epsilon, "learnsEpsilon": learns_epsilon}, trained=trained, before=state,
            **after)


def cora(folder, data):
    """Logits of a network that somebody else trained, for every 27th node of Cora, with features of zeros and ones."""
    text, checkpoint = data / "cora/derived-text", data / "checkpoints-pytorch/gcn_cora.pth"
    if not text.exists() or not checkpoint.exists():
        print("note: gcn-cora.safetensors needs the shared data and stays as it is", file=sys.stderr)
        return
    lines = (text / "features.txt").read_text().splitlines()
    x = torch.zeros((len(lines), 1433), dtype=torch.float64)
    for node, line in enumerate(lines):
        x[node, [int(word) for word in line.split()]] = 1
    adjacency = torch.zeros((len(lines), len(lines)), dtype=torch.float64)
    for line in (text / "edges.txt").read_text().splitlines():
        a, b = map(int, line.split())
        adjacency[a, b] = adjacency[b, a] = 1
    network = GCN(1433, [16], 7)
    network.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True))
    with torch.no_grad():
        logits = network.double()(x, propagation(adjacency))
    labels = torch.tensor([int(line) for line in (text / "labels.txt").read_text().split()])
    test = slice(1708, None)
    correct = int((logits[test].argmax(1) == labels[test]).sum())
    print(f"gcn_cora.pth: {correct} of {len(labels[test])} test nodes")
    save(folder / "gcn-cora.safetensors", {"logits": expected(logits[::27])}, {"correct": str(correct), "step": "27"})


class Python2Pickler(pickle._Pickler):
    """Writes texts and bytes as Python 2 wrote its strings, and NumPy's names as they were then."""

    dispatch = pickle._Pickler.dispatch.copy()

    def save_string(self, value):
        data = value.encode("latin1") if isinstance(value, str) else value
        if not self.bin:
            self.write(b"S" + repr(data)[1:].encode() + b"\n")
        elif len(data) < 256:
            self.write(b"U" + bytes([len(data)]) + data)
        else:
            self.write(b"T" + struct.pack("<i", len(data)) + data)
        self.memoize(value)

    def save_global(self, value, name=None):
        module = {"numpy._core.multiarray": "numpy.core.multiarray"}.get(value.__module__, value.__module__)
        if module.startswith(("numpy.core", "scipy")):
            self.write(f"c{module}\n{value.__name__}\n".encode())
            self.memoize(value)
        else:
            super().save_global(value, name)

    dispatch[bytes] = dispatch[str] = save_string
    dispatch[types.FunctionType] = dispatch[type] = dispatch[types.BuiltinFunctionType] = save_global


class csr_matrix:
    """A stand-in for SciPy's, which pickles alike."""


csr_matrix.__module__ = "scipy.sparse.csr"


def compressed(matrix):
    made = csr_matrix()
    rows, columns = numpy.nonzero(matrix)
    made._shape = matrix.shape
    made.data = matrix[rows, columns].astype("<f4")
    made.indices = columns.astype("<i4")
    made.indptr = numpy.concatenate([[0], numpy.cumsum(numpy.bincount(rows, minlength=len(matrix)))]).astype("<i4")
    made.maxprint = 50
    return made


def files(folder):
    """One small graph as Planetoid files (pickles of protocols 0 and 2), as npz, and as JSON.

    Node 7 is in no file but the graph; the graph has repeats and a self loop.
    """
    folder.mkdir(parents=True, exist_ok=True)
    generator = numpy.random.default_rng(3)
    features = (generator.random((10, 6)) < 0.4).astype(numpy.float32)
    features[7] = 0
    labels = [0, 1, 2, 0, 1, 2, 0, -1, 2, 1]
    one_hot = numpy.array([[int(label == c) for c in range(3)] for label in labels], dtype=numpy.int32)
    neighbours = collections.defaultdict(list, {
        0: [1, 2, 2], 1: [0, 1, 5], 2: [0, 0, 8], 3: [6], 4: [9], 5: [1], 6: [3, 8], 7: [], 8: [2, 6], 9: [4]})
    edges = sorted({(min(a, b), max(a, b)) for a, ends in neighbours.items() for b in ends if a != b})
    order = [9, 6, 8]
    (folder / "toy.json").write_text(json.dumps({
        "edges": edges, "features": features.astype(int).tolist(), "labels": labels, "test": sorted(order)}) + "\n")
    for protocol in (0, 2):
        parts = {
            "x": compressed(features[:3]), "y": one_hot[:3], "allx": compressed(features[:6]), "ally": one_hot[:6],
            "tx": compressed(features[order]), "ty": one_hot[order], "graph": neighbours}
        for name, part in parts.items():
            with open(folder / f"ind.toy{protocol}.{name}", "wb") as file:
                Python2Pickler(file, protocol, fix_imports=True).dump(part)
        (folder / f"ind.toy{protocol}.test.index").write_text("".join(f"{node}\n" for node in order))

    # Directed, as the gnn-benchmark collection keeps its graphs.
    directed = numpy.zeros((10, 10), dtype=numpy.float32)
    for a, b in edges:
        directed[b, a] = 1
    matrix, attributes = compressed(directed), compressed(features)
    known = numpy.array([max(label, 0) for label in labels], dtype=numpy.int8)
    common = {
        "adj_data": matrix.data, "adj_indices": matrix.indices, "adj_indptr": matrix.indptr,
        "adj_shape": numpy.array([10, 10]), "labels": known}
    sparse = {
        "attr_data": attributes.data, "attr_indices": attributes.indices, "attr_indptr": attributes.indptr,
        "attr_shape": numpy.array([10, 6])}
    npz(folder / "toy.npz", common | sparse | {"class_names": numpy.array(["one", "two", "drei"])}, deflated=False)
    npz(folder / "toy-dense.npz", common | {
        "attr_matrix": numpy.asfortranarray(features), "class_names": numpy.array(["one", "two", "drei"], object)},
        deflated=True)
    # Both directions of all edges but one, two loops, and weights.
    weighted = (directed + directed.T) * 0.5
    weighted[1, 0] = 0
    weighted[4, 4] = weighted[9, 9] = 1
    matrix = compressed(weighted)
    npz(folder / "toy-weighted.npz", common | sparse | {
        "adj_data": matrix.data, "adj_indices": matrix.indices, "adj_indptr": matrix.indptr}, deflated=False)


def npz(path, arrays, deflated):
    """numpy.savez with a fixed time stamp, so that the bytes depend on the content alone."""
    import io
    import zipfile
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            buffer = io.BytesIO()
            numpy.lib.format.write_array(buffer, numpy.asanyarray(array), allow_pickle=True)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0)), buffer.getvalue(),
                             zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED)
    print(f"{path}: {path.stat().st_size:,} bytes")


def number_types(folder):
    """An array of every type of numbers, in both byte orders and memory orders, with its values as JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays, values = {}, {}
    whole = [[-100, 2, 3], [4, 5, 100]]
    for name in ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "|i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8"]:
        arrays[name[1:] + ("b" if name[0] == ">" else "")] = numpy.array(whole, dtype=name)
    for name in ["|u1", "<u2", ">u2", "<u4", ">u4", "<u8", ">u8", "|b1"]:
        arrays[name[1:] + ("b" if name[0] == ">" else "")] = numpy.abs(numpy.array(whole)).astype(name)
    arrays["halves"] = numpy.array([1.5, -2 ** -14, 2 ** -24, -3 * 2 ** -20, 65504, 0], dtype="<f2")
    arrays["fortran"] = numpy.asfortranarray(numpy.arange(24).reshape(2, 3, 4))
    arrays["scalar"] = numpy.array(7)
    arrays["empty"] = numpy.zeros((0, 3))
    for name, array in arrays.items():
        values[name] = {"shape": list(array.shape), "values": array.astype(float).ravel().tolist()}
    texts = {
        "bytes": numpy.array([[b"a", b"bc"], [b"", b"d\xfc"]]), "unicode": numpy.array(["a", "Grüße", ""]),
        "unicode_big": numpy.array(["ab", "c"], dtype=">U2"),
        "objects": numpy.array(["x", "yy", "z"], dtype=object), "list_of_bytes": numpy.array([b"p", b"q"], object)}
    for name, array in texts.items():
        values[name] = {"shape": list(array.shape), "texts": [
            item.decode("latin1") if isinstance(item, bytes) else item for item in array.ravel().tolist()]}
    npz(folder / "types.npz", arrays | texts, deflated=True)
    (folder / "types.json").write_text(json.dumps(values) + "\n")


def write(root):
    root = pathlib.Path(root)
    torch.manual_seed(20261)
    cases = Cases()
    products(cases)
    segments(cases)
    normalizations(cases.arrays)
    save(root / "TensorsTests/Goldens/graphs.safetensors", cases.arrays, cases.metadata)
    networks(root / "ModelsTests/Goldens")
    isomorphism_networks(root / "ModelsTests/Goldens")
    cora(root / "ModelsTests/Goldens", pathlib.Path(__file__).resolve().parent.parent.parent / "shared/data")
    files(root / "DatasetsTests/Goldens/graphs")
    number_types(root / "ArchivesTests/Goldens")
