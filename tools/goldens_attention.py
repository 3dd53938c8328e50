"""Golden values of scaled dot-product attention, from PyTorch's own function in float64."""

import pathlib

import torch
from torch.nn import functional

from goldens_operators import Cases, normal
from goldens_store import save


def tiny(*shape):
    return normal(*shape) * 0.7


def blind(mask, row):
    """The same mask with a row that hides everything."""
    mask[..., row, :] = 0 if mask.dtype == torch.int64 else float("-inf")
    return mask


def write(output):
    torch.manual_seed(31)
    cases = Cases()
    seen = (torch.rand(2, 1, 5, 7) < 0.6).to(torch.int64)
    seen[..., 0] = 1
    padding = torch.tensor([[1, 1, 1, 1, 1, 0, 0], [1, 1, 1, 0, 0, 0, 0]])[:, None, None, :]
    hiding = normal(5, 7)
    hiding[torch.rand(5, 7) < 0.3] = float("-inf")
    hiding[:, 2] = 0.5
    for name, query, key, value, mask, kept, causal, scale in [
        # name              query          key            value          differentiated and kept masks, causal, scale
        ("plain",           (2, 3, 5, 4),  (2, 3, 7, 4),  (2, 3, 7, 6),  None, None, False, None),
        ("scale",           (2, 5, 3),     (2, 7, 3),     (2, 7, 3),     None, None, False, 0.3),
        ("matrix",          (4, 8),        (3, 8),        (3, 2),        None, None, False, None),
        ("seen",            (2, 3, 5, 4),  (2, 3, 7, 4),  (2, 3, 7, 4),  None, seen, False, None),
        ("padding",         (2, 3, 5, 4),  (2, 3, 7, 4),  (2, 3, 7, 4),  None, padding, False, None),
        ("blind",           (2, 3, 5, 4),  (2, 3, 7, 4),  (2, 3, 7, 4),  None, blind(seen.clone(), 3), False, None),
        ("added",           (2, 3, 5, 4),  (2, 3, 7, 4),  (2, 3, 7, 4),  None, hiding, False, None),
        ("added-blind",     (2, 3, 5, 4),  (2, 3, 7, 4),  (2, 3, 7, 4),  None, blind(hiding.clone(), 1), False, None),
        ("learned",         (2, 3, 5, 4),  (2, 3, 7, 4),  (2, 3, 7, 4),  tiny(1, 3, 5, 7), None, False, None),
        ("causal",          (2, 2, 6, 5),  (2, 2, 6, 5),  (2, 2, 6, 5),  None, None, True, None),
        ("causal-wide",     (1, 2, 4, 5),  (1, 2, 9, 5),  (1, 2, 9, 3),  None, None, True, None),
        ("causal-tall",     (1, 2, 9, 5),  (1, 2, 4, 5),  (1, 2, 4, 3),  None, None, True, None),
        ("tiles",           (1, 1, 100, 5), (1, 1, 130, 5), (1, 1, 130, 18), None, None, False, None),
        ("tiles-causal",    (1, 1, 200, 4), (1, 1, 200, 4), (1, 1, 200, 3), None, None, True, None),
        ("tiles-seen",      (1, 1, 101, 4), (1, 1, 70, 4), (1, 1, 70, 4),  None,
         (torch.rand(101, 70) < 0.5).to(torch.int64), False, None),
        ("one-row",         (3, 1, 8),     (3, 66, 8),    (3, 66, 8),    None, None, False, None),
        ("shared-keys",     (2, 3, 5, 4),  (1, 1, 7, 4),  (2, 1, 7, 4),  None, None, False, None),
    ]:
        inputs = {"query": normal(*query), "key": normal(*key), "value": normal(*value)}
        constants = {}
        if mask is not None:
            inputs["mask"] = mask
        if kept is not None:
            constants["seen" if kept.dtype == torch.int64 else "mask"] = kept

        def attend(query, key, value, mask=None, seen=None):
            return functional.scaled_dot_product_attention(
                query, key, value, seen.bool() if seen is not None else mask, is_causal=causal, scale=scale)

        cases.add("attention", name, attend, inputs, constants, causal=causal, **({"scale": scale} if scale else {}))
    save(pathlib.Path(output) / "TensorsTests/Goldens/attention.safetensors", cases.arrays, cases.metadata)


if __name__ == "__main__":
    write(pathlib.Path(__file__).resolve().parent.parent / "Tests")
