"""Golden values of the networks for texts and sequences: `<name>/weight/<path>`, inputs, `labels`, `logits`, `loss` (mean cross
entropy, labels of -1 ignored) and `gradient/<path>`. Padding is zeros behind the lengths.
"""

import pathlib

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from goldens_store import expected, given, save, stored

LENGTHS = [2, 5, 4]


def mask(steps):
    return torch.arange(steps)[None, :] < torch.tensor(LENGTHS)[:, None]


class TextCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(7, 4)
        self.convs = nn.ModuleList(nn.Conv1d(4, 5, kernel, padding="same") for kernel in (2, 3))
        self.fc = nn.Linear(10, 3)

    def forward(self, tokens):
        seen = mask(tokens.shape[1])
        x = (self.embed(tokens) * seen[..., None]).transpose(1, 2)
        maps = [(torch.relu(conv(x)) * seen[:, None]).amax(2) for conv in self.convs]
        return self.fc(torch.cat(maps, 1))


class TextTransformer(nn.Module):
    def __init__(self, readout):
        super().__init__()
        self.embed = nn.Embedding(7, 6)
        if readout == "cls":
            self.cls_token = nn.Parameter(torch.zeros(1, 1, 6))
        layer = nn.TransformerEncoderLayer(6, 2, 5, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(6), enable_nested_tensor=False)
        self.fc = nn.Linear(6, 3)
        self.readout = readout

    def forward(self, tokens):
        x, seen = self.embed(tokens), mask(tokens.shape[1])
        if self.readout == "cls":
            x = torch.cat((self.cls_token.expand(len(x), 1, 6), x), 1)
            seen = torch.cat((torch.ones(len(x), 1, dtype=torch.bool), seen), 1)
        places, channels = torch.arange(x.shape[1])[:, None], torch.arange(6)[None, :]
        angles = places * 10000.0 ** (-(channels // 2 * 2).double() / 6)
        x = x + torch.where(channels % 2 == 0, torch.sin(angles), torch.cos(angles))
        y = self.encoder(x, src_key_padding_mask=~seen)
        if self.readout == "cls":
            return self.fc(y[:, 0])
        return self.fc((y * seen[..., None]).sum(1) / seen.sum(1, keepdim=True))


class Tagger(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.embed = nn.Embedding(7, 4)
        self.rnn = kind(4, 5, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(10, 3)

    def forward(self, tokens):
        packed = pack_padded_sequence(self.embed(tokens), LENGTHS, batch_first=True, enforce_sorted=False)
        output, _ = pad_packed_sequence(self.rnn(packed)[0], batch_first=True, total_length=tokens.shape[1])
        return self.fc(output)


class Attention(nn.Module):
    """Bahdanau's."""

    def __init__(self):
        super().__init__()
        self.query, self.score = nn.Linear(5, 5, bias=False), nn.Linear(5, 1, bias=False)

    def forward(self, states, keys):
        return self.score(torch.tanh(self.query(states)[:, :, None] + keys[:, None])).squeeze(3)


class Decoder(nn.Module):
    def __init__(self, kind, attention):
        super().__init__()
        self.embed, self.rnn = nn.Embedding(6, 4), kind(4, 5, 2, batch_first=True)
        if attention != "none":
            self.memory, self.combine = nn.Linear(10, 5, bias=False), nn.Linear(10, 5)
        if attention == "additive":
            self.attention = Attention()
        self.out = nn.Linear(5, 6)
        self.kind = attention

    def forward(self, previous, state, steps=None):
        states, _ = self.rnn(self.embed(previous), state)
        if self.kind == "none":
            return self.out(states)
        keys = self.memory(steps)
        if self.kind == "additive":
            scores = self.attention(states, keys)
        else:
            scores = states @ keys.transpose(1, 2) / 5**0.5
        scores = scores.masked_fill(~mask(steps.shape[1])[:, None], -torch.inf)
        context = scores.softmax(2) @ keys
        return self.out(torch.tanh(self.combine(torch.cat((states, context), 2))))


class Encoder(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.embed = nn.Embedding(7, 4)
        self.rnn = kind(4, 5, 2, batch_first=True, bidirectional=True)


class Seq2Seq(nn.Module):
    def __init__(self, kind, attention):
        super().__init__()
        self.encoder, self.bridge, self.decoder = Encoder(kind), nn.Linear(10, 5), Decoder(kind, attention)
        if kind is nn.LSTM:
            self.bridge_cell = nn.Linear(10, 5)

    def forward(self, tokens, previous):
        packed = pack_padded_sequence(self.encoder.embed(tokens), LENGTHS, batch_first=True, enforce_sorted=False)
        output, last = self.encoder.rnn(packed)
        steps, _ = pad_packed_sequence(output, batch_first=True, total_length=tokens.shape[1])

        def joined(x):
            return x.reshape(2, 2, 3, 5).transpose(1, 2).reshape(2, 3, 10)

        if isinstance(last, tuple):
            state = (torch.tanh(self.bridge(joined(last[0]))), torch.tanh(self.bridge_cell(joined(last[1]))))
        else:
            state = torch.tanh(self.bridge(joined(last)))
        return self.decoder(previous, state, steps)


class Generator(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.bridge, self.decoder = nn.Linear(3, 10), Decoder(kind, "none")
        if kind is nn.LSTM:
            self.bridge_cell = nn.Linear(3, 10)

    def forward(self, rows, previous):
        def apart(x):
            return torch.tanh(x).reshape(3, 2, 5).transpose(0, 1).contiguous()

        hidden = apart(self.bridge(rows))
        state = (hidden, apart(self.bridge_cell(rows))) if hasattr(self, "bridge_cell") else hidden
        return self.decoder(previous, state)


def write(root):
    torch.manual_seed(20267)
    tokens = torch.where(mask(5), torch.randint(7, (3, 5)), 0)
    previous = torch.randint(6, (3, 4))
    rows = given(torch.randn(3, 3, dtype=torch.float64))
    classes = torch.randint(3, (3,))
    tags = torch.where(mask(5), torch.randint(3, (3, 5)), -1)
    written = torch.randint(6, (3, 4))
    written[0, 2:] = -1
    arrays = {"tokens": tokens, "previous": previous, "rows": stored(rows)}
    for name, module, inputs, labels in (
        ("text-cnn", TextCNN(), (tokens,), classes),
        ("text-transformer-cls", TextTransformer("cls"), (tokens,), classes),
        ("text-transformer-mean", TextTransformer("mean"), (tokens,), classes),
        ("tagger-lstm", Tagger(nn.LSTM), (tokens,), tags),
        ("tagger-gru", Tagger(nn.GRU), (tokens,), tags),
        ("seq2seq-gru-dot", Seq2Seq(nn.GRU, "dot"), (tokens, previous), written),
        ("seq2seq-gru-none", Seq2Seq(nn.GRU, "none"), (tokens, previous), written),
        ("seq2seq-lstm-additive", Seq2Seq(nn.LSTM, "additive"), (tokens, previous), written),
        ("generator-gru", Generator(nn.GRU), (rows, previous), written),
        ("generator-lstm", Generator(nn.LSTM), (rows, previous), written),
    ):
        module.double()
        for parameter in module.parameters():
            parameter.data = given(torch.randn(parameter.shape, dtype=torch.float64)) * 0.5
        logits = module(*inputs)
        loss = nn.functional.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=-1)
        loss.backward()
        arrays[f"{name}/labels"] = labels
        arrays[f"{name}/logits"], arrays[f"{name}/loss"] = expected(logits), expected(loss)
        for path, parameter in module.named_parameters():
            arrays[f"{name}/weight/{path}"] = stored(parameter)
            arrays[f"{name}/gradient/{path}"] = expected(parameter.grad)
    save(pathlib.Path(root) / "ModelsTests/Goldens/sequence-networks.safetensors", arrays, {})
