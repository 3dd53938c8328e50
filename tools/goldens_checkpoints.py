#!/usr/bin/env python3
"""Writes the small files for Tests/CheckpointsTests, and tables of what other programs read from them.

    tools/goldens_checkpoints.py [SHARED]

Writes Tests/CheckpointsTests/Goldens: one fixture of each kind with `fixtures.json` (those of goldens_foreign_files.py
included), and, where the folder SHARED with `checkpoints-pytorch` and `keras-h5` is given, `shared.json` for those files.
A table maps file → tensor → shape, type and CRC-32 of the little-endian row-major bytes as torch.load, h5py, numpy or
safetensors give them.

Needs: pip install torch==2.13.0 numpy h5py safetensors
"""
import argparse, fnmatch, inspect, io, json, os, sys, warnings, zipfile, zlib
from collections import OrderedDict

import h5py, numpy as np, torch
from safetensors import safe_open
from safetensors.torch import save_file

sys.dont_write_bytecode = True
import goldens_foreign_files

warnings.filterwarnings("ignore")
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OUT = os.path.join(ROOT, "Tests/CheckpointsTests/Goldens")
CONTAINERS = ["state_dict_ema", "model_ema", "ema_state_dict", "ema", "*_ema", "ema_*", "state_dict", "model_state_dict", "model_state",
              "model", "net", "network", "weights", "module"]


# ------------------------------------------------------------------ tables
def of_torch(t):
    t = t.detach().cpu().resolve_conj().resolve_neg().contiguous()
    name = str(t.dtype).removeprefix("torch.")
    raw = t.reshape(-1).view(torch.uint8).numpy().tobytes() if t.numel() else b""
    return {"shape": list(t.shape), "dtype": name, "crc32": zlib.crc32(raw)}


def of_numpy(a, dtype=None):
    a = np.ascontiguousarray(a).reshape(a.shape)
    name = dtype or a.dtype.name
    little = a.astype(a.dtype.newbyteorder("<"), copy=False)
    return {"shape": list(a.shape), "dtype": name, "crc32": zlib.crc32(little.tobytes())}


def flatten(value, name, out):
    if isinstance(value, torch.Tensor):
        out[name or "tensor"] = of_torch(value)
    elif isinstance(value, torch.nn.Module):
        flatten(value.state_dict(), name, out)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(key, (str, int)):
                flatten(inner, f"{name}.{key}" if name else str(key), out)
    elif isinstance(value, (list, tuple)):
        for i, inner in enumerate(value):
            flatten(inner, f"{name}.{i}" if name else str(i), out)


def has_tensors(value, depth=0):
    return depth < 4 and isinstance(value, dict) and any(
        isinstance(v, torch.Tensor) or has_tensors(v, depth + 1) for v in value.values())


def torch_table(path):
    root = torch.load(path, map_location="cpu", weights_only=False)
    if isinstance(root, dict) and not any(isinstance(v, torch.Tensor) for v in root.values()):
        for wanted in CONTAINERS:
            keys = [k for k in root if fnmatch.fnmatchcase(str(k), wanted)
                    and (has_tensors(root[k]) or isinstance(root[k], torch.nn.Module))]
            if keys:
                root = root[keys[0]]
                break
    out = {}
    flatten(root, "", out)
    if all(k == "n_averaged" or k.startswith("module.") for k in out):
        out.pop("n_averaged", None)
    while True:
        prefix = next((p for p in ("module.", "_orig_mod.") if out and all(k.startswith(p) for k in out)), None)
        if not prefix:
            return {".".join(part for part in k.split(".") if part != "_orig_mod"): v for k, v in out.items()}
        out = {k.removeprefix(prefix): v for k, v in out.items()}


def safetensors_table(path):
    with safe_open(path, "pt") as f:
        return {k: of_torch(f.get_tensor(k)) for k in f.keys()}


def attribute_list(attributes, name):
    text = lambda x: x.decode() if isinstance(x, bytes) else str(x)
    if name in attributes:
        return [text(x) for x in attributes[name]]
    out, part = [], 0
    while f"{name}{part}" in attributes:
        out += [text(x) for x in attributes[f"{name}{part}"]]
        part += 1
    return out if part else None


def h5_table(path):
    f = h5py.File(path, "r")
    out = {}

    def add(name, dataset):
        if dataset.dtype.kind in "biuf" and not dataset.is_virtual and not dataset.external:
            out[name] = of_numpy(dataset[()], dataset.attrs.get("dtype") if dataset.dtype == np.uint16 else None)

    for base in (f, f.get("model_weights")):
        layers = attribute_list(base.attrs, "layer_names") if base is not None else None
        if layers is not None:
            for layer in layers + (["top_level_model_weights"] if "top_level_model_weights" in base else []):
                for name in attribute_list(base[layer].attrs, "weight_names"):
                    add(f"{layer}/{name}", base[layer][name])
            return out
    f.visititems(lambda name, o: add(name, o) if isinstance(o, h5py.Dataset) else None)
    f.visititems_links(lambda name, link: add(name, f[name])
                       if isinstance(link, h5py.SoftLink) and isinstance(f.get(name), h5py.Dataset) else None)
    if any(name.startswith(("layers/", "_layer_checkpoint_dependencies/")) for name in out):  # Keras 3: not the optimizer's
        out = {name: entry for name, entry in out.items() if not name.startswith("optimizer/")}
    return out


def keras_zip_table(path):
    return h5_table(io.BytesIO(zipfile.ZipFile(path).read("model.weights.h5")))


def table(path):
    head = open(path, "rb").read(9)
    if head.startswith(b"\x89HDF"):
        return h5_table(path)
    if path.endswith(".keras"):
        return keras_zip_table(path)
    if path.endswith(".safetensors"):
        return safetensors_table(path)
    return torch_table(path)


# ------------------------------------------------------------------ fixtures
def arrays():
    g = torch.Generator().manual_seed(1)
    base = torch.randn(4, 6, generator=g)
    t = OrderedDict()
    for name in ["float64", "float32", "float16", "bfloat16"]:
        t[f"types.{name}"] = torch.randn(3, 5, generator=g).to(getattr(torch, name))
    for name in ["int64", "int32", "int16", "int8", "uint8"]:
        t[f"types.{name}"] = torch.randint(0, 100, (2, 3), generator=g).to(getattr(torch, name))
    t["types.bool"] = torch.tensor([True, False, True])
    t["types.complex64"] = torch.randn(2, 2, generator=g, dtype=torch.complex64)
    t["views.transposed"] = base.t()
    t["views.strided"] = base[1:, ::2]
    t["views.row"] = base[2]
    t["views.flipped_permuted"] = torch.randn(2, 3, 4, generator=g).permute(2, 0, 1)
    t["views.expanded"] = torch.randn(1, 3, generator=g).expand(4, 3)
    t["views.channels_last"] = torch.randn(2, 3, 4, 5, generator=g).to(memory_format=torch.channels_last)
    t["shared.first"] = base
    t["shared.second"] = base
    t["odd.scalar"] = torch.tensor(2.5)
    t["odd.empty"] = torch.zeros(0, 4)
    t["odd.one"] = torch.randn(1, 4, 1, generator=g)
    t["odd.parameter"] = torch.nn.Parameter(torch.randn(3, generator=g))
    t["odd.special"] = torch.tensor([0.0, -0.0, float("inf"), float("-inf"), float("nan"), 1e-40])
    return t


def big_endian(source, target):
    """Rewrites a zip checkpoint as a big-endian machine would have saved it; all its storages are Float32."""
    with zipfile.ZipFile(source) as z, zipfile.ZipFile(target, "w") as out:
        for item in z.infolist():
            raw = z.read(item)
            if item.filename.endswith("byteorder"):
                raw = b"big"
            elif "/data/" in item.filename:
                raw = np.frombuffer(raw, "<u4").astype(">u4").tobytes()
            out.writestr(item.filename, raw)


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(3, 2)
        self.register_buffer("steps", torch.tensor(7))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)

    def forward(self, x):
        return self.fc(x)


def fixtures():
    os.makedirs(OUT, exist_ok=True)
    p = lambda name: os.path.join(OUT, name)
    t = arrays()
    torch.save(t, p("zip.pth"))
    torch.save({k: v for k, v in t.items()}, p("legacy.pth"), _use_new_zipfile_serialization=False)
    torch.save(t, p("protocol4.pth"), pickle_protocol=4)
    floats = OrderedDict((k, v) for k, v in t.items() if v.dtype == torch.float32)
    torch.save(floats, p("little.tmp"))
    big_endian(p("little.tmp"), p("bigendian.pth"))
    torch.manual_seed(0)
    net = Net()
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    wrapped = OrderedDict(("module._orig_mod." + k, v) for k, v in net.state_dict().items())
    torch.save({"epoch": 3, "best_acc": 0.75, "args": argparse.Namespace(lr=0.1, layers=[1, 2]),
                "optimizer": optimizer.state_dict(), "state_dict": wrapped}, p("training.pth"))
    torch.save(net, p("module.pth"))
    torch.save({"epoch": 1, "w": np.arange(6, dtype="f4").reshape(2, 3).T, "b": torch.ones(3), "words": np.array(["a"])},
               p("numpy_arrays.pth"))
    # The two formats also store where the source lay, which is nobody's business.
    source, inspect.getsourcefile = inspect.getsourcefile, lambda _: "net.py"
    torch.save(net, p("module_legacy.pth"), _use_new_zipfile_serialization=False)
    inspect.getsourcefile = source
    torch.jit.save(torch.jit.script(net), p("script.tmp"))
    with zipfile.ZipFile(p("script.tmp")) as z, zipfile.ZipFile(p("torchscript.pt"), "w") as out:
        for item in z.infolist():
            if not item.filename.endswith(".debug_pkl"):
                out.writestr(item.filename, z.read(item))
    os.remove(p("script.tmp"))
    torch.save({"a": torch.zeros(1, 3).expand(4660, 3)}, p("views.pkl"), _use_new_zipfile_serialization=False)
    raw = open(p("views.pkl"), "rb").read()
    extent = b"M\x34\x12"  # BININT2 4660, the expanded extent; stride 0 keeps it inside its storage
    assert raw.count(extent) == 1
    with open(p("views.pkl"), "wb") as f:
        f.write(raw.replace(extent, b"J\xff\xff\xff\x7f"))
    torch.save({"epoch": 1, "names": ["a", "b"]}, p("notensors.pth"))
    os.remove(p("little.tmp"))

    save_file({k: v.detach().contiguous().clone() for k, v in t.items()}, p("all.safetensors"),
              metadata={"architecture": "toy", "note": "quoted \"text\" \u00fc"})

    rng = np.random.default_rng(2)
    array = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    with h5py.File(p("keras2.h5"), "w") as f:  # a whole model, fixed-length names
        f.attrs["keras_version"] = "2.4.0"
        f.attrs["backend"] = "tensorflow"
        f.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"name": "s", "layers": [
            {"class_name": "Conv2D", "config": {"name": "conv", "data_format": "channels_last"}},
            {"class_name": "Flatten", "config": {"name": "flatten"}},
            {"class_name": "BatchNormalization", "config": {"name": "bn"}},
            {"class_name": "Dense", "config": {"name": "out/dense"}}]}})
        w = f.create_group("model_weights")
        w.attrs["layer_names"] = np.array([b"conv", b"flatten", b"bn", b"out/dense"])
        content = {"conv": [("conv/kernel:0", array(3, 2, 4, 5)), ("conv/bias:0", array(5))], "flatten": [],
                   "bn": [(f"bn/{n}:0", array(5)) for n in ("gamma", "beta", "moving_mean", "moving_variance")],
                   "out/dense": [("out/dense/kernel:0", array(5, 3)), ("out/dense/bias:0", array(3))]}
        for layer, weights in content.items():
            g = w.create_group(layer)
            g.attrs["weight_names"] = [n.encode() for n, _ in weights]
            for n, a in weights:
                g.create_dataset(n, data=a)
    with h5py.File(p("keras_chunked_names.h5"), "w") as f:  # weights only, names split as Keras does, variable-length
        names = [f"dense_{i}" for i in range(6)]
        f.attrs["layer_names0"] = names[:4]
        f.attrs["layer_names1"] = names[4:]
        f.attrs["keras_version"] = np.array([b"3.1.0"])
        for n in names:
            g = f.create_group(n)
            g.attrs["weight_names0"] = [f"{n}/kernel"]
            g.attrs["weight_names1"] = [f"{n}/bias"]
            g.create_dataset(f"{n}/kernel", data=array(2, 3))
            g.create_dataset(f"{n}/bias", data=array(3))
    with h5py.File(p("plain.h5"), "w") as f:  # what others do: filters, byte orders, compact, links, text
        f["big"] = array(4, 3).astype(">f4")
        f["big_int"] = np.arange(6, dtype=">i2")
        f.create_dataset("deflated", data=np.tile(array(1, 50), (40, 1)), chunks=(8, 25), compression="gzip", shuffle=True,
                         fletcher32=True)
        f["half"] = array(5).astype(np.float16)
        f["bfloat"] = (array(7).view(np.uint32) >> 16).astype(np.uint16)
        f["bfloat"].attrs["dtype"] = "bfloat16"
        f["flags"] = np.array([True, False, True])
        f["deep/er/scalar"] = np.float64(0.1)
        f["empty"] = np.zeros((0, 3), np.float32)
        f["text"] = "words"
        f["soft"] = h5py.SoftLink("/big")
        f["outside"] = h5py.ExternalLink("other.h5", "/x")
        f["deep/circle"] = f["deep"]
        f.attrs["fixed"] = np.bytes_(b"ascii")
        f.attrs["variable"] = "\u00fcber"
        f.attrs["one"] = np.array([b"single"])
        f.attrs["none"] = []
        f.create_dataset("external", (3,), "f4", external=[("elsewhere.bin", 0, 12)])
        layout = h5py.VirtualLayout((4, 3), ">f4")
        layout[:] = h5py.VirtualSource("elsewhere.h5", "big", (4, 3))
        f.create_virtual_dataset("virtual", layout)
    with h5py.File(p("bomb.h5"), "w") as f:  # eight gigabytes declared, none stored
        f.create_dataset("bomb", (1 << 31,), "f4", chunks=(1 << 20,), compression="gzip")
    with h5py.File(p("latest.h5"), "w", libver="latest") as f:
        f["a/b"] = array(2, 2)
        f.attrs["variable"] = "text"

    valid = ["zip.pth", "legacy.pth", "protocol4.pth", "bigendian.pth", "training.pth", "module.pth", "module_legacy.pth", "all.safetensors", "keras2.h5",
             "keras_chunked_names.h5", "plain.h5", "latest.h5"]
    tables = {name: table(p(name)) for name in valid if name != "bigendian.pth"}
    tables["bigendian.pth"] = {k: of_torch(v) for k, v in floats.items()}
    tables.update(goldens_foreign_files.write(OUT, torch_table, of_torch, of_numpy))
    return tables


def squeezenet(path):
    """SqueezeNet 1.1's convolutions in torchvision's names and order of axes."""
    out = {}
    place = {2: 3, 3: 4, 4: 6, 5: 7, 6: 9, 7: 10, 8: 11, 9: 12}
    with h5py.File(path, "r") as f:
        for layer in attribute_list(f.attrs, "layer_names"):
            names = attribute_list(f[layer].attrs, "weight_names")
            if not names:
                continue
            if layer == "conv1":
                target = "features.0"
            else:
                fire, part = layer.split("/")
                target = f"features.{place[int(fire.removeprefix('fire'))]}." + part.replace("squeeze1x1", "squeeze")
            for name in names:
                a = f[layer][name][()]
                if a.ndim == 4:
                    out[target + ".weight"] = of_numpy(np.transpose(a, (3, 2, 0, 1)))
                else:
                    out[target + ".bias"] = of_numpy(a)
    return out


def shared(folder):
    out = {}
    for root, _, names in sorted(os.walk(folder)):
        for name in sorted(names):
            path = os.path.join(root, name)
            relative = os.path.relpath(path, os.path.dirname(folder.rstrip("/")))
            # torch.load refuses this tar, whose storages are no persistent references.
            if name.endswith((".tsv", ".tar")) or "/broken/" in path:
                continue
            found = table(path)
            if found:
                out[relative] = found
    return out


if __name__ == "__main__":
    def write(name, value):
        with open(os.path.join(OUT, name), "w") as f:
            f.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in sorted(value.items())) + "\n}\n")
    write("fixtures.json", fixtures())
    if len(sys.argv) > 1:
        found = {}
        for part in ("checkpoints-pytorch", "keras-h5"):
            found.update(shared(os.path.join(sys.argv[1], part)))
        found["squeezenet1_1 as torchvision names it"] = squeezenet(
            os.path.join(sys.argv[1], "keras-h5/squeezenet1_1_imagenet_notop_tf.h5"))
        write("shared.json", found)
