"""What the golden scripts share: a deterministic safetensors writer, and numbers that Swift can repeat exactly."""

import json
import pathlib
import struct

import torch

DTYPES = {torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}

# Expected values up to this many elements are stored in float64, larger ones are rounded once to float32: an error of
# 6e-8, far below every tolerance, for half the bytes.
FLOAT64_ELEMENTS = 256


def save(path, arrays, metadata):
    """Writes a safetensors file whose bytes depend on its content alone (the library's order of metadata varies)."""
    header = {"__metadata__": {key: metadata[key] for key in sorted(metadata)}}
    blobs, offset = [], 0
    # Widest type first, so that every array is aligned.
    for name in sorted(arrays, key=lambda name: (-arrays[name].element_size(), name)):
        array = arrays[name].detach().contiguous()
        blob = array.numpy().tobytes()
        header[name] = {
            "dtype": DTYPES[array.dtype], "shape": list(array.shape), "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    print(f"{path}: {len(arrays)} arrays, {path.stat().st_size:,} bytes")


def save_json(path, lines):
    """Writes already formatted JSON lines."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    print(f"{path}: {path.stat().st_size:,} bytes")


def given(array):
    """An input or a weight: rounded to float32, so that Swift and the float64 reference start from the same numbers."""
    return array.detach().to(torch.float32).to(torch.float64)


def stored(array):
    """A given array, which float32 holds exactly."""
    array = array.detach()
    narrow = array.to(torch.float32)
    assert torch.equal(narrow.to(torch.float64), array), "not a float32 value"
    return narrow


def expected(array):
    """A result of the float64 reference."""
    array = array.detach()
    assert array.dtype == torch.float64 and bool(torch.isfinite(array).all())
    return array.clone() if array.numel() <= FLOAT64_ELEMENTS else array.to(torch.float32)


def formula_units(count, k):
    """u[i] in [-1, 1) for i in 0..<count, exact in float64: 32-bit arithmetic that wraps around.

    h = i * 2654435761 + k * 40503, then the finaliser of MurmurHash3, which breaks up the sequence's regularity.
    Without it neighbouring filters are shifted copies of one saw-tooth, signals cancel layer by layer, and PyTorch's
    own float32 misses the float64 gradients of SqueezeNet by 12 %; with it by 4e-7.
    """
    mask = 0xFFFFFFFF
    h = (torch.arange(count, dtype=torch.int64) * 2654435761 + k * 40503) & mask
    h = h ^ (h >> 16)
    h = (h * 0x85EBCA6B) & mask
    h = h ^ (h >> 13)
    h = (h * 0xC2B2AE35) & mask
    h = h ^ (h >> 16)
    return h.to(torch.float64) / 4294967296.0 * 2.0 - 1.0


def formula_array(shape, k, scale, offset=0.0):
    """offset + scale * u, rounded to float32, in row-major order."""
    count = 1
    for size in shape:
        count *= size
    return given(offset + scale * formula_units(count, k)).reshape(shape)
