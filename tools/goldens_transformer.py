"""Golden values of attention of several heads and of transformer layers: PyTorch's own modules in float64."""

import pathlib

import torch
from torch import nn

from goldens_operators import Cases, normal
from goldens_store import save

CAUSAL = torch.full((5, 5), float("-inf"), dtype=torch.float64).triu(1)
PADDING = torch.tensor([[0, 0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 0, 0]])
HIDING = torch.tensor([[0, 0, 1, 0, 0, 1, 0], [0, 1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 1, 0, 0], [1, 0, 0, 0, 0, 0, 0],
                       [0, 0, 0, 0, 0, 0, 1]])


def add(cases, group, name, module, inputs, call, constants=None, **geometry):
    """A case whose operands are the inputs and the module's parameters."""
    module = module.double().train()
    state = {key: normal(*value.shape) * 0.4 for key, value in module.state_dict().items()}

    def run(**arrays):
        parameters = {key: arrays[key.replace(".", "/")] for key in state}
        rest = {key: value for key, value in arrays.items() if key.replace("/", ".") not in state}
        return torch.func.functional_call(module, parameters, *call(rest))

    operands = inputs | {key.replace(".", "/"): value for key, value in state.items()}
    cases.add(group, name, run, operands, constants, **geometry)


class Attention(nn.MultiheadAttention):
    def forward(self, query, key, value, **masks):
        return super().forward(query, key, value, need_weights=False, **masks)[0]


def attentions(cases):
    def call(arrays):
        masks = {}
        if "attn_mask" in arrays:
            masks["attn_mask"] = arrays["attn_mask"].bool() if arrays["attn_mask"].dtype == torch.int64 else arrays["attn_mask"]
        if "padding" in arrays:
            masks["key_padding_mask"] = arrays["padding"].bool()
        key = arrays.get("key", arrays["query"])
        return (arrays["query"], key, arrays.get("value", key)), masks

    def one(name, inputs, constants=None, bias=True, **options):
        module = Attention(8, 2, bias=bias, batch_first=True, **options)
        add(cases, "attention", name, module, inputs, call, constants, bias=bias, causal=name == "causal",
            **{"keys": options.get("kdim", 8), "values": options.get("vdim", 8)})

    one("self", {"query": normal(2, 5, 8)})
    one("self-no-bias", {"query": normal(2, 5, 8)}, bias=False)
    one("cross", {"query": normal(2, 5, 8), "key": normal(2, 7, 8)})
    one("three", {"query": normal(2, 5, 8), "key": normal(2, 7, 8), "value": normal(2, 7, 8)})
    one("dims", {"query": normal(2, 5, 8), "key": normal(2, 7, 6), "value": normal(2, 7, 3)}, kdim=6, vdim=3)
    one("dims-no-bias", {"query": normal(2, 5, 8), "key": normal(2, 7, 6), "value": normal(2, 7, 3)}, bias=False, kdim=6, vdim=3)
    one("causal", {"query": normal(2, 5, 8)}, {"attn_mask": CAUSAL})
    one("padding", {"query": normal(2, 5, 8), "key": normal(2, 7, 8)}, {"padding": PADDING})
    one("hiding", {"query": normal(2, 5, 8), "key": normal(2, 7, 8)}, {"attn_mask": HIDING})
    one("hiding-padding", {"query": normal(2, 5, 8), "key": normal(2, 7, 8)}, {"attn_mask": HIDING, "padding": PADDING})


def layers(cases):
    for name, activation, norm_first, epsilon in [("post", "relu", False, 1e-5), ("pre", "gelu", True, 1e-3)]:
        options = dict(dim_feedforward=6, dropout=0.0, activation=activation, norm_first=norm_first, layer_norm_eps=epsilon, batch_first=True)
        geometry = dict(activation=activation, norm_first=norm_first, epsilon=epsilon)

        def encoder(arrays):
            return (arrays["x"],), {"src_mask": arrays["mask"]}

        def decoder(arrays):
            return (arrays["x"], arrays["memory"]), {
                "tgt_mask": arrays["mask"], "memory_key_padding_mask": arrays["padding"].bool()}

        add(cases, "encoder_layer", name, nn.TransformerEncoderLayer(4, 2, **options), {"x": normal(2, 5, 4)}, encoder,
            {"mask": CAUSAL}, **geometry)
        add(cases, "decoder_layer", name, nn.TransformerDecoderLayer(4, 2, **options),
            {"x": normal(2, 5, 4), "memory": normal(2, 7, 4)}, decoder, {"mask": CAUSAL, "padding": PADDING}, **geometry)
        norm = nn.LayerNorm(4, epsilon) if norm_first else None

        def whole(arrays):
            return (arrays["x"],), {"mask": arrays["mask"]}

        add(cases, "encoder", name, nn.TransformerEncoder(
            nn.TransformerEncoderLayer(4, 2, **options), 2, norm, enable_nested_tensor=False),
            {"x": normal(2, 5, 4)}, whole, {"mask": CAUSAL}, **geometry)
        add(cases, "decoder", name, nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, **options), 2, norm),
            {"x": normal(2, 5, 4), "memory": normal(2, 7, 4)}, decoder, {"mask": CAUSAL, "padding": PADDING}, **geometry)


def positions(cases):
    """As in section 3.5 of "Attention Is All You Need"."""
    for width in (6, 5):
        def add_sines(x):
            places, channels = torch.arange(300, dtype=torch.float64)[:, None], torch.arange(width)
            angles = places / 10000 ** (channels // 2 * 2 / width)
            return x + torch.where(channels % 2 == 0, angles.sin(), angles.cos())

        cases.add("sines", str(width), add_sines, {"x": normal(1, 300, width)})


def write(output):
    torch.manual_seed(37)
    cases = Cases()
    for group in (attentions, layers, positions):
        group(cases)
    save(pathlib.Path(output) / "LayersTests/Goldens/transformer.safetensors", cases.arrays, cases.metadata)


if __name__ == "__main__":
    write(pathlib.Path(__file__).resolve().parent.parent / "Tests")
