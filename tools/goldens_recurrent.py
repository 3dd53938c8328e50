"""Golden values of the recurrent layers: outputs, states at the end, and the gradient of every input and parameter.

Of weights made by other people only small inputs and outputs are kept; they are written where AVIARY_SHARED_DATA, or
`../shared/data` beside the package, holds the files.
"""

import json
import os
import pathlib

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from goldens_store import expected, given, save, stored

KINDS = {
    "rnn-tanh": lambda *sizes, **options: nn.RNN(*sizes, nonlinearity="tanh", **options),
    "rnn-relu": lambda *sizes, **options: nn.RNN(*sizes, nonlinearity="relu", **options),
    "lstm": nn.LSTM,
    "gru": nn.GRU,
}


def normal(*shape):
    return given(torch.randn(shape, dtype=torch.float64))


def run(module, x, states, lengths, batch_first, upstream):
    """y, h_n and, of an LSTM, c_n; and the gradients of Σ y·dy + Σ h_n·dh_n + Σ c_n·dc_n."""
    x = x.detach().requires_grad_()
    states = [state.detach().requires_grad_() for state in states]
    given_states = (states[0] if len(states) == 1 else tuple(states)) if states else None
    if lengths:
        packed = pack_padded_sequence(x, lengths, batch_first=batch_first, enforce_sorted=False)
        y, last = module(packed, given_states)
        y, _ = pad_packed_sequence(y, batch_first=batch_first, total_length=x.shape[1 if batch_first else 0])
    else:
        y, last = module(x, given_states)
    results = [y, *(last if isinstance(last, tuple) else (last,))]
    if upstream is None:
        return results, None
    loss = sum((result * gradient).sum() for result, gradient in zip(results, upstream))
    return results, torch.autograd.grad(loss, [x, *states, *module.parameters()])


def case(arrays, metadata, name, kind, steps, rows, inputs, hidden, lengths=None, with_state=False, **options):
    batch_first = options.get("batch_first", False)
    layers, directions = options.get("num_layers", 1), 2 if options.get("bidirectional") else 1
    module = KINDS[kind](inputs, hidden, **options).double()
    for parameter in module.parameters():
        parameter.data = normal(*parameter.shape) * 0.5
    x = normal(*((rows, steps) if batch_first else (steps, rows)), inputs)
    count = 2 if kind == "lstm" else 1
    states = [normal(layers * directions, rows, hidden) * 0.5 for _ in range(count)] if with_state else []
    shapes = [result.shape for result in run(module, x, states, lengths, batch_first, None)[0]]
    upstream = [normal(*shape) for shape in shapes]
    results, gradients = run(module, x, states, lengths, batch_first, upstream)

    # PyTorch's own float32 must be far inside the tolerances of the tests: else a case tests rounding.
    narrow = KINDS[kind](inputs, hidden, **options)
    narrow.load_state_dict(module.state_dict())
    others = run(narrow, x.float(), [s.float() for s in states], lengths, batch_first, [u.float() for u in upstream])
    for tolerance, exact, rounded in ((2e-6, results, others[0]), (1e-5, gradients, others[1])):
        for a, b in zip(exact, rounded):
            error = ((a - b.double()).norm() / a.norm()).item()
            assert error < tolerance, f"{name}: float32 is off by {error}"

    prefix = f"case/recurrent/{name}"
    metadata[prefix] = json.dumps({
        "kind": kind, "layers": layers, "bidirectional": directions == 2, "batch_first": batch_first,
        "bias": options.get("bias", True), "lengths": lengths or []}, sort_keys=True)
    operands = {"x": x, **dict(zip(("h_0", "c_0"), states)), **dict(module.named_parameters())}
    for (key, operand), gradient in zip(operands.items(), gradients):
        arrays[f"{prefix}/{key}"] = stored(operand)
        arrays[f"{prefix}/d_{key}"] = expected(gradient)
    for key, result, gradient in zip(("y", "h_n", "c_n"), results, upstream):
        arrays[f"{prefix}/{key}"] = expected(result)
        arrays[f"{prefix}/upstream_{key}"] = stored(gradient)


def layers(root):
    torch.manual_seed(20263)
    arrays, metadata = {}, {}
    for kind in KINDS:
        for with_lengths in (False, True):
            for with_state in (False, True):
                lengths = [3, 5, 1] if with_lengths else None
                suffix = ("-lengths" if with_lengths else "") + ("-state" if with_state else "")
                case(arrays, metadata, f"{kind}-1{suffix}", kind, 5, 3, 3, 4, lengths, with_state)
                if with_lengths == with_state:
                    case(arrays, metadata, f"{kind}-2-both{suffix}", kind, 5, 3, 3, 4, lengths, with_state,
                         num_layers=2, bidirectional=True)
        case(arrays, metadata, f"{kind}-batch-first", kind, 4, 2, 3, 4, [2, 4], True, batch_first=True, bias=False)
    case(arrays, metadata, "lstm-3", "lstm", 4, 2, 3, 4, None, True, num_layers=3)
    # Rows and widths that fill no vector.
    case(arrays, metadata, "lstm-odd-widths", "lstm", 3, 6, 5, 19, [3, 1, 2] * 2, True)
    case(arrays, metadata, "gru-odd-widths", "gru", 3, 6, 5, 19, [3, 1, 2] * 2, True)
    save(pathlib.Path(root) / "LayersTests/Goldens/recurrent.safetensors", arrays, metadata)


class CharacterGRU(nn.Module):
    """What char_rnn_gru_embed256.pth holds the weights of."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(30, 256)
        self.rnn = nn.GRU(256, 256, 2, batch_first=True)
        self.fc = nn.Linear(256, 30)

    def forward(self, tokens):
        return self.fc(self.rnn(self.embed(tokens))[0])


class GatewiseLSTM(nn.Module):
    """What lstm_small.pth holds the weights of: each gate a linear map of the input beside the state."""

    def __init__(self, inputs, hidden):
        super().__init__()
        self.fl, self.il, self.ol, self.Cl = (nn.Linear(inputs + hidden, hidden) for _ in range(4))

    def forward(self, x):
        h, c, outputs = x.new_zeros(x.shape[0], 11), x.new_zeros(x.shape[0], 11), []
        for step in x.unbind(1):
            both = torch.cat((step, h), 1)
            c = self.fl(both).sigmoid() * c + self.il(both).sigmoid() * self.Cl(both).tanh()
            h = self.ol(both).sigmoid() * c.tanh()
            outputs.append(h)
        return torch.stack(outputs, 1)


class CharacterModel(nn.Module):
    """The zoo's CharacterModel without dropout."""

    def __init__(self, cell, symbols, embedding, hidden, layers):
        super().__init__()
        self.embed = nn.Embedding(symbols, embedding)
        self.rnn = cell(embedding, hidden, layers, batch_first=True)
        self.head = nn.Linear(hidden, symbols)

    def forward(self, tokens):
        return self.head(self.rnn(self.embed(tokens))[0])


class SequenceClassifier(nn.Module):
    """The zoo's SequenceClassifier without dropout: both directions of two layers of GRU."""

    def __init__(self, inputs, hidden, classes, readout):
        super().__init__()
        self.rnn = nn.GRU(inputs, hidden, 2, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(2 * hidden, classes)
        self.readout = readout

    def forward(self, x, lengths):
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        output, last = self.rnn(packed)
        if self.readout == "last":
            return self.fc(torch.cat((last[-2], last[-1]), 1))
        output, _ = pad_packed_sequence(output, batch_first=True, total_length=x.shape[1])
        return self.fc(output.sum(1) / torch.tensor(lengths)[:, None])


def models(root):
    """`<model>/weight/<path>`, `x`, `labels`, `logits`, `loss` (mean cross entropy) and `gradient/<path>`."""
    torch.manual_seed(20265)
    tokens, series, lengths = torch.randint(7, (3, 6)), normal(3, 5, 3), [2, 5, 4]
    arrays = {}
    for name, module, value, labels in (
        ("char-lstm", CharacterModel(nn.LSTM, 7, 6, 10, 2), (tokens,), torch.randint(7, (18,))),
        ("char-gru", CharacterModel(nn.GRU, 7, 6, 10, 2), (tokens,), torch.randint(7, (18,))),
        ("char-rnn", CharacterModel(nn.RNN, 7, 6, 10, 2), (tokens,), torch.randint(7, (18,))),
        ("sequence-last", SequenceClassifier(3, 5, 4, "last"), (series, lengths), torch.randint(4, (3,))),
        ("sequence-mean", SequenceClassifier(3, 5, 4, "mean"), (series, lengths), torch.randint(4, (3,))),
    ):
        module.double()
        for parameter in module.parameters():
            parameter.data = normal(*parameter.shape) * 0.5
        logits = module(*value)
        loss = nn.functional.cross_entropy(logits.flatten(0, -2), labels)
        loss.backward()
        arrays[f"{name}/x"] = value[0] if value[0].dtype == torch.int64 else stored(value[0])
        arrays[f"{name}/labels"] = labels
        arrays[f"{name}/logits"], arrays[f"{name}/loss"] = expected(logits), expected(loss)
        for path, parameter in module.named_parameters():
            arrays[f"{name}/weight/{path}"] = stored(parameter)
            arrays[f"{name}/gradient/{path}"] = expected(parameter.grad)
    save(pathlib.Path(root) / "ModelsTests/Goldens/recurrent-models.safetensors", arrays, {})


class Tutorial(nn.Module):
    """A recurrent network as tutorials have it: relu between the linear layers, the last step's output."""

    def __init__(self, kind, recurrent, names, widths, outputs):
        super().__init__()
        self.recurrent = recurrent
        setattr(self, recurrent, getattr(nn, kind)(3, 5, 2, batch_first=True))
        self.names = names
        for name, before, after in zip(names, [5, *widths], [*widths, outputs]):
            setattr(self, name, nn.Linear(before, after))

    def forward(self, x):
        x = getattr(self, self.recurrent)(x)[0][:, -1]
        for name in self.names[:-1]:
            x = torch.relu(getattr(self, name)(x))
        return getattr(self, self.names[-1])(x)


def tutorials(root):
    torch.manual_seed(20266)
    arrays = {}
    for name, module in (
        ("two", Tutorial("LSTM", "lstm", ["fc1", "fc2"], [6], 1)), ("one", Tutorial("GRU", "gru", ["linear"], [], 2)),
        ("three", Tutorial("LSTM", "LSTM", ["dense_0", "dense_1", "dense_2"], [4, 3], 2)),
        ("own", Tutorial("LSTM", "rnn", ["fc2", "fc3"], [4], 3)),
    ):
        x = normal(4, 6, 3)
        for parameter in module.double().parameters():
            parameter.data = normal(*parameter.shape) * 0.5
        arrays[f"{name}/x"], arrays[f"{name}/y"] = stored(x), expected(module(x))
        for path, parameter in module.named_parameters():
            arrays[f"{name}/weight/{path}"] = stored(parameter)
    save(pathlib.Path(root) / "ModelsTests/Goldens/recurrent-tutorials.safetensors", arrays, {})


def foreign(root):
    package = pathlib.Path(__file__).resolve().parent.parent
    shared = pathlib.Path(os.environ.get("AVIARY_SHARED_DATA") or package.parent / "shared/data")
    folder = shared / "checkpoints-pytorch"
    if not folder.is_dir():
        print(f"note: {folder} is absent; its goldens stay as they are")
        return
    torch.manual_seed(20264)
    arrays = {}
    tokens, x = torch.randint(30, (3, 9)), normal(4, 7, 11)
    for name, module, value in (
        ("char_rnn_gru_embed256", CharacterGRU(), tokens), ("lstm_small", GatewiseLSTM(11, 11), x)):
        module.load_state_dict(torch.load(folder / f"{name}.pth", map_location="cpu", weights_only=True))
        arrays[f"{name}/x"] = value if value.dtype == torch.int64 else stored(value)
        arrays[f"{name}/y"] = expected(module.double()(value))
    save(pathlib.Path(root) / "ModelsTests/Goldens/recurrent-foreign.safetensors", arrays, {})


def write(root):
    layers(root)
    models(root)
    tutorials(root)
    foreign(root)
