"""Fixtures of PyTorch's rarer containers, of sharded checkpoints, and of NumPy, for goldens_checkpoints.py."""
import io, json, os, pickle, struct, tarfile
from collections import OrderedDict

import numpy as np, torch
from safetensors.torch import save_file


# ------------------------------------------------------------------ tar, before PyTorch 0.1.10
class _Reference:
    """What a pickle of that time refers to by a key: a tensor in the member `tensors`."""

    def __init__(self, key):
        self.key = key


class _Pickler(pickle._Pickler):
    def persistent_id(self, value):
        return str(value.key) if isinstance(value, _Reference) else None


def tar(path):
    """Writes a tar archive as torch.load's legacy_load reads it, and returns what it holds."""
    base = torch.arange(24, dtype=torch.float32) / 7
    doubles = torch.linspace(-1, 1, 6, dtype=torch.float64)
    storages = {101: (base, "FloatStorage"), 102: (doubles, "DoubleStorage"),
                103: (torch.tensor([3, -4, 5]), "LongStorage"), 104: (torch.tensor([1, 200], dtype=torch.uint8), "ByteStorage")}
    views = [(105, 101, 6, 12)]  # a storage that is a part of another
    # Key, storage, type, extents, strides, first element.
    tensors = [(1, 101, "FloatTensor", (4, 6), (6, 1), 0), (2, 101, "FloatTensor", (6, 4), (1, 6), 0),
               (3, 101, "FloatTensor", (2, 3), (6, 2), 7), (4, 102, "DoubleTensor", (6,), (1,), 0),
               (5, 103, "LongTensor", (3,), (1,), 0), (6, 104, "ByteTensor", (2,), (1,), 0),
               (7, 105, "FloatTensor", (3, 4), (4, 1), 0)]
    names = ["layer.weight", "layer.transposed", "layer.strided", "other.double", "other.long", "other.byte", "other.view"]

    def dump(value, target):
        pickle.dump(value, target, protocol=2)

    members = {name: io.BytesIO() for name in ("sys_info", "pickle", "tensors", "storages")}
    dump({"protocol_version": 1000, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 8}}, members["sys_info"])
    out = members["storages"]
    dump(len(storages), out)
    for key, (values, kind) in storages.items():
        dump((key, "cpu", getattr(torch, kind)), out)
        out.write(struct.pack("<q", values.numel()) + values.numpy().tobytes())
    dump(views, out)
    out = members["tensors"]
    dump(len(tensors), out)
    for key, storage, kind, shape, strides, offset in tensors:
        dump((key, storage, getattr(torch, kind)), out)
        out.write(struct.pack("<ii", len(shape), 0) + struct.pack(f"<{len(shape)}q", *shape))
        out.write(struct.pack(f"<{len(shape)}q", *strides) + struct.pack("<q", offset))
    state = OrderedDict((name, _Reference(t[0])) for name, t in zip(names, tensors))
    _Pickler(members["pickle"], protocol=2).dump({"epoch": 2, "state_dict": state})
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = content.tell()
            content.seek(0)
            archive.addfile(info, content)
    loaded = torch.load(path, weights_only=False)["state_dict"]
    assert torch.equal(loaded["layer.strided"], base.as_strided((2, 3), (6, 2), 7))
    assert torch.equal(loaded["other.view"], base[6:18].reshape(3, 4))


# ------------------------------------------------------------------ PyTorch's rarer values
FLOAT8 = ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]


def rare():
    g = torch.Generator().manual_seed(5)
    random = lambda *shape, **kinds: torch.randn(*shape, generator=g, **kinds)
    t = OrderedDict()
    for name in FLOAT8:
        t[f"types.{name}"] = random(2, 3).abs().to(getattr(torch, name))
    for name in ["uint16", "uint32", "uint64"]:
        t[f"types.{name}"] = torch.tensor([1, 2, 60000], dtype=torch.int64).to(getattr(torch, name))
    t["types.complex128"] = random(2, 2, dtype=torch.complex128)
    t["types.complex32"] = random(3, dtype=torch.complex64).to(torch.complex32)
    z = random(2, 3, dtype=torch.complex64)
    t["lazy.conjugate"] = z.conj()
    t["lazy.transposed_conjugate"] = z.mH
    t["lazy.negative"] = random(3, dtype=torch.complex64).conj().imag
    parameter = torch.nn.Parameter(random(3))
    parameter.tag = "kept"
    t["classes.parameter_with_state"] = parameter
    plain = random(2, 2)
    plain.tag = "kept"
    t["classes.tensor_with_state"] = plain
    t["classes.int_slice"] = torch.arange(10).to(torch.uint16)[2:9:3]
    return t


def float8():
    """Every pattern of each type of 8 bits, and PyTorch's value of it."""
    t = OrderedDict()
    for name in FLOAT8:
        t[f"{name}.bits"] = torch.arange(256).to(torch.uint8).view(getattr(torch, name))
        t[f"{name}.values"] = t[f"{name}.bits"].to(torch.float32)
    return t


def table(values, of_torch):
    return {k: of_torch(v) for k, v in values.items()}


def write(out, torch_table, of_torch, of_numpy):
    p = lambda name: os.path.join(out, name)
    tables = {}
    tar(p("tar.pth"))
    tables["tar.pth"] = torch_table(p("tar.pth"))
    torch.save(rare(), p("rare.pth"))
    tables["rare.pth"] = table(rare(), of_torch)
    torch.save(float8(), p("float8.pth"))
    tables["float8.pth"] = table(float8(), of_torch)
    # Two of them are all that safetensors' own writer has for PyTorch's types everywhere.
    known = OrderedDict((k, v) for k, v in float8().items() if k.startswith(("float8_e4m3fn.", "float8_e5m2.")))
    save_file(known, p("float8.safetensors"))
    tables["float8.safetensors"] = table(known, of_torch)
    weights = OrderedDict([("fc.weight", torch.arange(6.0).reshape(2, 3)), ("fc.bias", torch.tensor([1.0, 2.0]))])
    for protocol in (3, 5):
        torch.save(weights, p(f"protocol{protocol}.pth"), pickle_protocol=protocol)
        tables[f"protocol{protocol}.pth"] = torch_table(p(f"protocol{protocol}.pth"))
    ema = OrderedDict((k, v / 2) for k, v in weights.items())
    torch.save({"epoch": 4, "model": weights, "net_ema": ema, "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}}},
               p("ema.pth"))
    tables["ema.pth"] = torch_table(p("ema.pth"))
    # A loss beside the weights, and an "average" that is a counter.
    torch.save({"loss": torch.tensor(0.3), "state_dict": weights, "model_ema": {"step": torch.tensor(3)}},
               p("counter_ema.pth"))
    tables["counter_ema.pth"] = table(weights, of_torch)
    averaged = OrderedDict([("n_averaged", torch.tensor(5))])
    averaged.update(("module." + k.replace("fc.", "fc._orig_mod."), v) for k, v in weights.items())
    torch.save({"model": {"state_dict": averaged}}, p("averaged.pth"))
    tables["averaged.pth"] = table(weights, of_torch)
    torch.save({"net": torch.nn.DataParallel(torch.nn.Linear(2, 3)), "acc": 0.5}, p("module_within.pth"))
    tables["module_within.pth"] = torch_table(p("module_within.pth"))

    quantised = torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
    torch.save({"fc.weight": quantised}, p("quantised.pth"))
    torch.save({"fc.weight": torch.eye(2).to_sparse()}, p("sparse.pth"))
    torch.save({"fc.weight": torch.empty(2, device="meta")}, p("meta.pth"))

    # In parts.
    folder = p("shards")
    os.makedirs(folder, exist_ok=True)
    halves = [dict([item]) for item in weights.items()]
    for end, save in (("safetensors", save_file), ("bin", torch.save)):
        stem = "model" if end == "safetensors" else "pytorch_model"
        files = [f"{stem}-0000{i + 1}-of-00002.{end}" for i in range(2)]
        for file, half in zip(files, halves):
            save(half, os.path.join(folder, file))
        index = {"metadata": {"total_size": 32}, "weight_map": {k: f for f, half in zip(files, halves) for k in half}}
        with open(os.path.join(folder, f"{stem}.{end}.index.json"), "w") as f:
            json.dump(index, f, indent=1)
        tables[f"shards/{stem}.{end}.index.json"] = table(weights, of_torch)

    # NumPy.
    rng = np.random.default_rng(3)
    arrays = {f"types/{name}": rng.integers(0, 100, (2, 3)).astype(name) for name in
              ["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8",
               "bool", "complex64", "complex128"]}
    arrays["big.float32"] = rng.standard_normal((2, 3)).astype(">f4")
    arrays["big.int16"] = np.arange(5, dtype=">i2")
    arrays["big.complex"] = (rng.standard_normal(3) + 1j).astype(">c8")
    arrays["fortran"] = np.asfortranarray(rng.standard_normal((2, 3, 4)))
    arrays["fortran_big"] = np.asfortranarray(rng.standard_normal((3, 2)).astype(">f4"))
    arrays["scalar"] = np.float32(2.5)
    arrays["empty"] = np.zeros((0, 4), np.float32)
    arrays["zeros"] = np.zeros((40, 50), np.float32)
    numbers = {k: of_numpy(np.asarray(v)) for k, v in arrays.items()}
    others = {"text": np.array(["a", "b"]), "objects": np.array([{}, 1], dtype=object), "dates": np.array(["2020"], "M8[D]")}
    np.savez(p("stored.npz"), **arrays, **others)
    np.savez_compressed(p("deflated.npz"), **arrays, **others)
    np.savez(p("objects.npz"), labels=others["objects"])
    np.save(p("fortran.npy"), arrays["fortran"])
    tables["stored.npz"] = tables["deflated.npz"] = numbers
    tables["fortran.npy"] = {"array": numbers["fortran"]}
    return tables
