#!/usr/bin/env python3
"""Checks that what `aviary convert` writes is what PyTorch, safetensors, NumPy and h5py read: from one to the next and back.

    tools/check_roundtrips.py [--aviary .build/release/aviary] [FILE_OR_FOLDER...]

Makes a checkpoint with every type, shape and kind of view, and takes any PyTorch and safetensors files named. Each goes to
.pth, .safetensors, .h5 and .npz; the results are read by torch.load(weights_only=True), also mapped, safetensors, h5py and
numpy.load, and compared bit by bit, and every result is converted to .pth again. Exit code 1 if anything differs.

Needs: pip install torch numpy safetensors h5py
"""
import argparse, os, pathlib, subprocess, sys, tempfile, warnings, zipfile
from collections import OrderedDict

import h5py, numpy as np, torch
from safetensors import safe_open

warnings.filterwarnings("ignore")
ROOT = pathlib.Path(__file__).resolve().parent.parent


def made():
    g = torch.Generator().manual_seed(7)
    random = lambda *shape, **kinds: torch.randn(*shape, generator=g, **kinds)
    t = OrderedDict()
    for name in ["float64", "float32", "float16", "bfloat16"]:
        t[f"floats.{name}"] = random(5, 7).to(getattr(torch, name))
    for name in ["int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64"]:
        t[f"integers.{name}"] = torch.randint(0, 100, (3, 4), generator=g).to(getattr(torch, name))
    t["integers.bool"] = torch.tensor([True, False])
    t["integers.large"] = torch.tensor([2**62 + 1, -(2**63)])
    base = random(300, 40)
    t["views.whole"] = base
    t["views.tied"] = base
    t["views.transposed"] = base.t()
    t["views.row"] = base[7]
    t["views.channels_last"] = random(2, 3, 4, 5).to(memory_format=torch.channels_last)
    t["small.view_of_a_large_storage"] = torch.zeros(4_000_000)[100:103]
    t["odd.scalar"] = torch.tensor(2.5)
    t["odd.empty"] = torch.zeros(0, 4)
    t["odd.special"] = torch.tensor([0.0, -0.0, float("inf"), float("-inf"), float("nan"), 1e-40])
    t["bn.num_batches_tracked"] = torch.tensor(12)
    return t


def made_of_8_bits():
    """Types that .pth and .safetensors have, and the others not."""
    return OrderedDict((name, torch.arange(256).to(torch.uint8).view(getattr(torch, name))) for name in ["float8_e4m3fn", "float8_e5m2"])


def raw(t):
    t = t.detach().cpu().contiguous()
    return str(t.dtype).removeprefix("torch."), tuple(t.shape), t.reshape(-1).view(torch.uint8).numpy().tobytes() if t.numel() else b""


def raw_numpy(a, dtype=None):
    a = np.ascontiguousarray(a).reshape(np.shape(a))
    return dtype or a.dtype.name, a.shape, a.astype(a.dtype.newbyteorder("<"), copy=False).tobytes()


def read(path):
    """Name → type, shape and bytes, as somebody else's reader gives them."""
    if path.endswith(".pth"):
        found = torch.load(path, weights_only=True)
        assert type(found) is OrderedDict, type(found)
        mapped = torch.load(path, weights_only=True, mmap=True)
        assert all(raw(mapped[k]) == raw(v) for k, v in found.items()), "mapped tensors differ"
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
        return {k: raw(v) for k, v in found.items()}
    if path.endswith(".safetensors"):
        with safe_open(path, "pt") as f:
            return {k: raw(f.get_tensor(k)) for k in f.keys()}
    if path.endswith(".npz"):
        with np.load(path, allow_pickle=False) as f:
            return {k: raw_numpy(f[k]) for k in f.files}
    found = {}
    with h5py.File(path, "r") as f:
        f["model"].visititems(lambda name, o: found.update({name.replace("/", "."): raw_numpy(o[()], o.attrs.get("dtype"))})
                              if isinstance(o, h5py.Dataset) else None)
    return found


def compare(label, expected, found, faults):
    if set(expected) != set(found):
        faults.append(f"{label}: other names: {sorted(set(expected) ^ set(found))[:4]}")
    for name in set(expected) & set(found):
        if expected[name] != found[name]:
            faults.append(f"{label}: {name}: {expected[name][:2]} became {found[name][:2]}, or other bytes")


def check(aviary, source, folder, expected, faults):
    """Converts `source` to every format and back; `expected` is None where Aviary's own reading is what counts."""
    def convert(before, after):
        outcome = subprocess.run([aviary, "convert", before, after], capture_output=True, text=True)
        return None if outcome.returncode == 0 else outcome.stderr.strip()

    first = os.path.join(folder, "first.pth")
    fault = convert(source, first)
    if fault:
        return f"refused: {fault.removeprefix('error: ').removeprefix(source).lstrip(': ')}"
    names = read(first)
    if expected is not None:
        compare(f"{source} -> .pth", expected, names, faults)
    done = [".pth"]
    for extension in (".safetensors", ".h5", ".npz"):
        path = os.path.join(folder, "x" + extension)
        fault = convert(source, path)
        if fault:
            if extension == ".npz" and "bfloat16" in fault:  # NumPy has no such type.
                continue
            if extension in (".npz", ".h5") and "float8" in fault and "--dtype" in fault:
                continue
            faults.append(f"{source} -> {extension}: {fault}")
            continue
        compare(f"{source} -> {extension}", names, read(path), faults)
        back = os.path.join(folder, "back.pth")
        fault = convert(path, back)
        if fault:
            faults.append(f"{source} -> {extension} -> .pth: {fault}")
        else:
            compare(f"{source} -> {extension} -> .pth", names, read(back), faults)
        done.append(extension)
    return f"{len(names)} tensors: {' '.join(done)}"


def of_file(path):
    """A state dictionary as its own library reads it; None where it is not one at the top."""
    if path.endswith(".safetensors"):
        return read(path)
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:
        return None
    if not isinstance(found, dict) or not found or not all(isinstance(v, torch.Tensor) for v in found.values()):
        return None
    if any(k.startswith(("module.", "_orig_mod.")) for k in found):
        return None
    return {k: raw(v) for k, v in found.items()}


def main():
    parser = argparse.ArgumentParser(description="Check conversions by the readers of others.")
    parser.add_argument("--aviary", default=str(ROOT / ".build/release/aviary"), help="the built command")
    parser.add_argument("files", nargs="*", help="further checkpoints, or folders of them")
    arguments = parser.parse_args()
    faults = []
    with tempfile.TemporaryDirectory() as folder:
        tensors = made()
        expected = {k: raw(v) for k, v in tensors.items()}
        source = os.path.join(folder, "made.pth")
        torch.save(tensors, source)
        print(f"made.pth: {check(arguments.aviary, source, folder, expected, faults)}")
        size = os.path.getsize(os.path.join(folder, "first.pth"))
        if size > 200_000:
            faults.append(f"made.pth -> .pth: {size} bytes: a storage was written that no tensor shows whole")
        loaded = torch.load(os.path.join(folder, "first.pth"), weights_only=True)
        if loaded["views.whole"].data_ptr() != loaded["views.tied"].data_ptr():
            faults.append("made.pth -> .pth: tied weights are no longer tied")
        numbers = OrderedDict((k, v) for k, v in tensors.items() if v.dtype != torch.bfloat16)
        torch.save(numbers, source)
        print(f"without bfloat16: {check(arguments.aviary, source, folder, {k: raw(v) for k, v in numbers.items()}, faults)}")
        small = made_of_8_bits()
        torch.save(small, source)
        print(f"of 8 bits: {check(arguments.aviary, source, folder, {k: raw(v) for k, v in small.items()}, faults)}")
        for given in arguments.files:
            paths = [given] if os.path.isfile(given) else sorted(
                os.path.join(root, name) for root, _, files in os.walk(given) for name in files
                if name.endswith((".pth", ".pt", ".th", ".pkl", ".tar", ".bin", ".safetensors", ".npz")))
            for path in paths:
                shown = os.path.relpath(path, given) if path != given else path
                print(f"{shown}: {check(arguments.aviary, path, folder, of_file(path), faults)}")
    for fault in faults:
        print(f"FAULT {fault}", file=sys.stderr)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
