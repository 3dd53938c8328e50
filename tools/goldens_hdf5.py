"""Writes the HDF5 files of Tests/HDF5Tests/Goldens and what h5py reads from them.

    .build/goldens/bin/pip install h5py numpy hdf5plugin
    .build/goldens/bin/python tools/goldens_hdf5.py                 # the older fixtures and expected.json
    .build/goldens/bin/python tools/goldens_hdf5.py --plugins       # compression by plug-ins and szip: plugins.json
    .build/goldens/bin/python tools/goldens_hdf5.py --selections    # selections.json: parts of datasets
    .build/goldens/bin/python tools/goldens_hdf5.py --virtual       # follow/: links and virtual datasets of other files
    .build/goldens/bin/python tools/goldens_hdf5.py --list FOLDER   # conformance.json and corrupt.json, for files of others

A file's listing has a line for every group, attribute, dataset, named datatype and link; values are told by the
CRC-32 of a text that `canonical` writes. Tests/HDF5Tests/Listing.swift writes the same lines. A listing that is long
is told by the number of its lines and their CRC-32.
"""

import ctypes
import fractions
import json
import os
import pathlib
import struct
import subprocess
import sys
import zlib

import h5py
import numpy as np
from h5py import h5d, h5f, h5p, h5s, h5t

GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "Tests/HDF5Tests/Goldens"
LONGEST = 60


# What h5py reads, as text.

def order(t, size):
    return " big-endian" if size > 1 and t.get_order() == h5t.ORDER_BE else ""


def integer_name(t):
    size = t.get_size()
    name = ("int" if t.get_sign() == h5t.SGN_2 else "uint") + str(8 * size)
    if t.get_precision() != 8 * size or t.get_offset() != 0:
        name += f" ({t.get_precision()} bits at {t.get_offset()})"
    return name + order(t, size)


def float_name(t):
    size = t.get_size()
    fields = tuple(t.get_fields()) + (t.get_ebias(),)
    known = {
        (2, (15, 10, 5, 0, 10, 15)): "float16", (4, (31, 23, 8, 0, 23, 127)): "float32",
        (8, (63, 52, 11, 0, 52, 1023)): "float64", (2, (15, 7, 8, 0, 7, 127)): "bfloat16",
    }
    name = known.get((size, fields))
    if name is None or t.get_norm() != h5t.NORM_IMPLIED:
        name = f"float of {size} bytes ({fields[2]} exponent, {fields[4]} mantissa bits)"
    return name + order(t, size)


def type_name(t):
    kind = t.get_class()
    if kind == h5t.INTEGER:
        return integer_name(t)
    if kind == h5t.FLOAT:
        return float_name(t)
    if kind == h5t.TIME:
        return f"time of {t.get_size()} bytes"
    if kind == h5t.STRING:
        charset = "ASCII " if t.get_cset() == h5t.CSET_ASCII else ""
        if t.is_variable_str():
            return charset + "text"
        padding = {h5t.STR_NULLTERM: "zero-terminated", h5t.STR_NULLPAD: "zero-padded", h5t.STR_SPACEPAD: "space-padded"}
        return f"{charset}text of {t.get_size()} bytes, {padding[t.get_strpad()]}"
    if kind == h5t.BITFIELD:
        return f"bit field of {t.get_size()} bytes" + order(t, t.get_size())
    if kind == h5t.OPAQUE:
        tag = t.get_tag().decode("utf-8", "replace")
        return f"opaque of {t.get_size()} bytes" + (f" '{tag}'" if tag else "")
    if kind == h5t.COMPOUND:
        members = [f"{t.get_member_name(i).decode()}: {type_name(t.get_member_type(i))}" for i in range(t.get_nmembers())]
        return "compound {" + ", ".join(members) + "}"
    if kind == h5t.REFERENCE:
        return "region reference" if t.equal(h5t.STD_REF_DSETREG) else "object reference"
    if kind == h5t.ENUM:
        members = [f"{t.get_member_name(i).decode()} = {t.get_member_value(i)}" for i in range(t.get_nmembers())]
        return f"enumeration of {integer_name(t.get_super())} {{" + ", ".join(members) + "}"
    if kind == h5t.VLEN:
        return "sequence of " + type_name(t.get_super())
    if kind == h5t.ARRAY:
        return f"array {list(t.get_array_dims())} of {type_name(t.get_super())}"
    if kind == h5t.COMPLEX:
        return "complex of " + float_name(t.get_super())
    raise ValueError(f"class {kind}")


def real(value):
    value = float(value)
    return "fnan;" if value != value else f"f{struct.unpack('<Q', struct.pack('<d', value))[0]:x};"


def text(value, t):
    data = value.encode() if isinstance(value, str) else bytes(value)
    if t.is_variable_str() or t.get_strpad() == h5t.STR_NULLTERM:
        data = data.split(b"\0")[0]
    if t.get_strpad() == h5t.STR_SPACEPAD:
        data = data.rstrip(b" ")
    if not t.is_variable_str() and t.get_strpad() == h5t.STR_NULLPAD:
        data = data.rstrip(b"\0")
    data = data.decode("utf-8", "replace")
    return f"s{len(data.encode())}:{data};"


def canonical(value, t):
    kind = t.get_class()
    if kind in (h5t.INTEGER, h5t.ENUM, h5t.BITFIELD):
        return f"i{int(value)};"
    if kind == h5t.FLOAT:
        return real(value)
    if kind == h5t.COMPLEX:
        return "c" + real(value.real) + real(value.imag)
    if kind == h5t.STRING:
        return text(value, t)
    if kind == h5t.REFERENCE:
        return "r1;" if value else "r0;"
    if kind == h5t.COMPOUND:
        if isinstance(value, (complex, np.complexfloating)):
            return "(" + real(value.real) + real(value.imag) + ")"
        parts = [canonical(value[t.get_member_name(i).decode()], t.get_member_type(i)) for i in range(t.get_nmembers())]
        return "(" + "".join(parts) + ")"
    if kind == h5t.ARRAY:
        return "[" + elements(np.asarray(value), t.get_super(), np.prod(t.get_array_dims())) + "]"
    if kind == h5t.VLEN:
        if not isinstance(value, np.ndarray):
            return "[]"
        return "[" + elements(value, t.get_super(), len(value)) + "]"
    data = value.tobytes() if isinstance(value, (np.generic, np.ndarray)) else bytes(value)
    # NumPy drops zeros at the end.
    data = data.ljust(t.get_size(), b"\0")
    return f"b{len(data)}:" + data.hex() + ";"


def elements(values, t, count):
    count = int(count)
    if t.get_class() == h5t.ARRAY and values.dtype != object:
        rows = values.reshape((count,) + tuple(t.get_array_dims()))
    else:
        rows = values.reshape(count)
    return "".join(canonical(rows[i], t) for i in range(count))


def content(values, t, shape):
    if shape is None:
        written = ""
    else:
        if not isinstance(values, np.ndarray):
            # A single element, which h5py hands out bare.
            holder = np.empty(1, dtype=object)
            holder[0] = values
            values = holder
            if t.get_class() == h5t.ARRAY:
                values = np.asarray(values[0])
        elif values.dtype == object and shape == () and t.get_class() != h5t.ARRAY:
            holder = np.empty(1, dtype=object)
            holder[0] = values[()] if values.shape == () else values
            values = holder
        elif shape == () and t.get_class() == h5t.VLEN:
            holder = np.empty(1, dtype=object)
            holder[0] = values
            values = holder
        written = elements(values, t, int(np.prod(shape, dtype=np.int64)))
    return f"{'null' if shape is None else list(shape)} {zlib.crc32(written.encode()):08x}"


def attribute_lines(h, path):
    lines = []
    for name in h.attrs.keys():
        a = h5py.h5a.open(h.id, name.encode())
        t = a.get_type()
        shape = None if a.get_space().get_simple_extent_type() == h5s.NULL else a.shape
        try:
            value = None if shape is None else h.attrs[name]
            lines.append(f"attribute {path}@{name}: {type_name(t)} {content(value, t, shape)}")
        except (OSError, TypeError, ValueError) as e:
            print(f"  {path}@{name}: {e}", file=sys.stderr)
            lines.append(f"attribute {path}@{name}: {type_name(t)} ?")
    return lines


def quads(d):
    """Complex numbers of quadruple precision, which h5py mistakes for x86's long double: by hand."""
    implied = d.id.get_type().get_super().get_norm() == h5t.NORM_IMPLIED

    def number(b):
        bits = int.from_bytes(b, "little")
        exponent, mantissa = bits >> 112 & 0x7fff, bits & (1 << 112) - 1
        if exponent == 0x7fff:
            value = float("nan") if mantissa else float("inf")
        else:
            # Without an implied bit the leading one stands in the mantissa.
            top, unit = (mantissa | (1 << 112 if exponent else 0), 112) if implied else (mantissa, 111)
            value = float(fractions.Fraction(top) * fractions.Fraction(2) ** (max(exponent, 1) - 16383 - unit))
        return -value if bits >> 127 else value

    with open(d.file.filename, "rb") as f:
        f.seek(d.id.get_offset())
        parts = [number(f.read(16)) for _ in range(2 * d.size)]
    return np.array([complex(*pair) for pair in zip(parts[::2], parts[1::2])])


def dataset_lines(d, path):
    plist = d.id.get_create_plist()
    if plist.get_layout() == h5d.VIRTUAL:
        return [f"refused {path}: it is a virtual dataset, made of parts of other files"]
    if plist.get_external_count():
        return [f"refused {path}: it is a dataset stored in other files"]
    t = d.id.get_type()
    head = f"dataset {path}: {type_name(t)} "
    shape = None if d.id.get_space().get_simple_extent_type() == h5s.NULL else d.shape
    if t.get_class() == h5t.TIME:
        # h5py reads no times; these were never written.
        zeros = np.zeros(d.id.get_space().get_simple_extent_npoints(), f"V{t.get_size()}")
        return [head + content(zeros, t, d.id.get_space().get_simple_extent_dims())] + attribute_lines(d, path)
    try:
        value = None if shape is None else d[()]
        if t.get_class() == h5t.COMPLEX and t.get_size() == 32 and t.get_super().get_fields()[4] == 112:
            value = quads(d)
        return [head + content(value, t, shape)] + attribute_lines(d, path)
    except (OSError, TypeError, ValueError) as e:
        print(f"  {path}: {e}", file=sys.stderr)
        return [head + "?"] + attribute_lines(d, path)


def listing(path):
    lines = []
    with h5py.File(path, "r") as f:
        seen = {h5py.h5o.get_info(f.id).addr}
        pending = [("", f["/"])]
        lines += ["group "] + attribute_lines(f["/"], "")

        def visit(group, base):
            names = sorted(group.id, key=bytes)
            for raw in names:
                name = raw.decode("utf-8", "replace")
                child = base + "/" + name if base else name
                info = group.id.links.get_info(raw)
                if info.type == h5py.h5l.TYPE_SOFT:
                    target = group.id.links.get_val(raw).decode()
                    lines.append(f"refused {child}: it is a soft link to '{target}'")
                    continue
                if info.type == h5py.h5l.TYPE_EXTERNAL:
                    file, target = (x.decode() for x in group.id.links.get_val(raw))
                    lines.append(f"refused {child}: it is an external link to '{target}' in the file '{file}'")
                    continue
                if info.type != h5py.h5l.TYPE_HARD:
                    lines.append(f"refused {child}: it is a link of kind {info.type}, which programs define themselves")
                    continue
                h = group[name]
                if isinstance(h, h5py.Group):
                    address = h5py.h5o.get_info(h.id).addr
                    if address in seen:
                        lines.append(f"refused {child}: it is another name of a group listed already")
                        continue
                    seen.add(address)
                    lines.append(f"group {child}")
                    lines.extend(attribute_lines(h, child))
                    visit(h, child)
                elif isinstance(h, h5py.Dataset):
                    lines.extend(dataset_lines(h, child))
                else:
                    lines.append(f"type {child}: {type_name(h.id)}")
                    lines.extend(attribute_lines(h, child))

        visit(f["/"], "")
    lines.sort(key=str.encode)
    return lines


def summary(path):
    lines = listing(path)
    if len(lines) <= LONGEST:
        return lines
    return {"lines": len(lines), "crc32": zlib.crc32("\n".join(lines).encode())}


CHECK = """
import sys, h5py
rejected = set()
def attempt(what, body):
    try:
        return body()
    except TypeError:
        pass  # h5py has no type for it, which says nothing of the file.
    except Exception:
        rejected.add(what)
def visit(h, path, seen):
    for name in attempt(path or "/", lambda: list(h.attrs)) or []:
        attempt(path or "/", lambda: h.attrs[name])
    if isinstance(h, h5py.Dataset):
        attempt(path, lambda: h[()])
    elif isinstance(h, h5py.Group) and len(seen) < 500 and h5py.h5o.get_info(h.id).addr not in seen:
        seen.add(h5py.h5o.get_info(h.id).addr)
        for name in attempt(path or "/", lambda: list(h)) or []:
            child = (path + "/" + name).strip("/")
            if isinstance(attempt(child, lambda: h.get(name, getlink=True)), h5py.HardLink):
                o = attempt(child, lambda: h[name])
                if o is not None:
                    visit(o, child, seen)
f = attempt("the file", lambda: h5py.File(sys.argv[1], "r"))
if f:
    attempt("/", lambda: visit(f["/"], "", set()))
print("\\n".join(sorted(rejected)))
"""


def rejected(path):
    """The objects of a damaged file that h5py rejects, or how it ended."""
    try:
        result = subprocess.run([sys.executable, "-c", CHECK, str(path)], capture_output=True, timeout=20)
    except subprocess.TimeoutExpired:
        return "hangs"
    if result.returncode != 0:
        return "crashes"
    return [line for line in result.stdout.decode("utf-8", "replace").splitlines() if line]


def write_table(name, table):
    out = GOLDENS / name
    out.write_text(json.dumps(table, ensure_ascii=False, indent=0, sort_keys=True) + "\n")
    print(f"{out}: {len(table)} files, {out.stat().st_size} bytes")


# The fixtures.

def low(f, name, t, space, values, dcpl=None):
    """A dataset of a low-level type, `values` already in its bytes' numpy equivalent."""
    dcpl = dcpl or h5p.create(h5p.DATASET_CREATE)
    dcpl.set_obj_track_times(False)
    d = h5d.create(f.id, name.encode(), t, space, dcpl)
    if values is not None:
        d.write(h5s.ALL, h5s.ALL, values, t)
    return d


def types(f):
    ints = [1, -2, 100, -128]
    for size in (1, 2, 4, 8):
        for end in "<>":
            suffix = f"{size}{'be' if end == '>' else ''}"
            f[f"numbers/i{suffix}"] = np.array(ints, f"{end}i{size}")
            f[f"numbers/u{suffix}"] = np.array([0, 1, 2 ** (8 * size) - 1], f"{end}u{size}")
    for size in (2, 4, 8):
        for end in "<>":
            f[f"numbers/f{size}{'be' if end == '>' else ''}"] = np.array(
                [[0.1, -2.5, np.inf], [-0.0, np.nan, 1e-7]], f"{end}f{size}")
    f["numbers/longdouble"] = np.array([0.1, -3, 1e300], np.longdouble)
    f["numbers/complex"] = np.array([1 + 2j, -0.5j], np.complex64)
    f["flags"] = np.array([True, False, True])
    f["scalar"] = np.float32(3.25)
    f["empty"] = np.zeros((0, 4), "f4")
    f["null"] = h5py.Empty("i4")
    f["cube"] = np.arange(24, dtype="i2").reshape(2, 3, 4)

    space = h5s.create_simple((3,))
    t = h5t.STD_I16LE.copy()
    t.set_precision(11)
    t.set_offset(3)
    low(f, "numbers/narrow", t, space, np.array([5 << 3, 0x7ff << 3, 0x400 << 3], "<u2").view("i2"))
    t = h5t.STD_U32BE.copy()
    t.set_precision(20)
    t.set_offset(4)
    low(f, "numbers/narrowbe", t, space, np.array([5 << 4, 0xfffff << 4, 7 << 4], ">u4"))
    t = h5t.IEEE_F32LE.copy()
    t.set_fields(15, 7, 8, 0, 7)
    t.set_precision(16)
    t.set_size(2)
    t.set_ebias(127)
    low(f, "numbers/bfloat16", t, space, np.array([0x3f80, 0xc040, 0x7f80], "<u2"))
    f["numbers/keras_bfloat16"] = np.array([0x3f80, 0xc040], "u2")
    f["numbers/keras_bfloat16"].attrs["dtype"] = "bfloat16"
    t = h5t.STD_B16LE.copy()
    low(f, "bits", t, space, np.array([1, 0x8000, 0x1234], "<u2"))
    low(f, "bitsbe", h5t.STD_B16BE, space, np.array([1, 0x8000, 0x1234], ">u2"))

    f["texts/fixed"] = np.array([b"a", b"bcd", b""], "S3")
    f["texts/variable"] = np.array(["grün", "", "b"], dtype=h5py.string_dtype())
    f["texts/ascii"] = np.array([b"x", b"yy"], dtype=h5py.string_dtype("ascii"))
    f["texts/scalar"] = "one text"
    f["texts/utf8"] = np.array(["ä".encode(), b"abcd"], dtype=h5py.string_dtype("utf-8", 4))
    for name, padding in (("space", h5t.STR_SPACEPAD), ("terminated", h5t.STR_NULLTERM)):
        t = h5t.C_S1.copy()
        t.set_size(5)
        t.set_strpad(padding)
        data = np.array([b"ab   ", b"  c  "] if name == "space" else [b"ab\0xy", b"cdef\0"], "S5")
        low(f, f"texts/{name}", t, h5s.create_simple((2,)), data)

    record = np.dtype([("id", "<i4"), ("pair", ">f8", (2,)), ("tag", "S4"), ("inner", [("x", "i1"), ("y", "<u8")])])
    f["records"] = np.array([(1, [0.5, 2], b"ab", (3, 2 ** 63)), (-2, [1e9, -1], b"wxyz", (-4, 5))], record)
    f["enumeration"] = np.array([0, 2, 1], h5py.enum_dtype({"RED": 0, "GREEN": 1, "BLUE": 2}, "i2"))
    f["matrix"] = np.arange(12, dtype="i4").reshape(2, 6).view([("m", "i4", (2, 3))])["m"]
    low(f, "arrays", h5t.array_create(h5t.STD_I32BE, (2, 2)), space, np.arange(12, dtype=">i4"))
    ragged = f.create_dataset("ragged", (3,), h5py.vlen_dtype("f4"))
    ragged[0] = [1, 2, 3]
    ragged[2] = [0.5]
    words = f.create_dataset("records of words", (2,), np.dtype([("n", "i2"), ("w", h5py.string_dtype())]))
    words[0] = (1, "first")
    words[1] = (2, "zweites Wört")
    low(f, "opaque", h5t.create(h5t.OPAQUE, 5), space, np.array([b"abcde", b"12345", b"zzzzz"], "V5"))
    references = f.create_dataset("references", (3,), h5py.ref_dtype)
    references[0] = f["cube"].ref
    references[1] = f["texts"].ref
    regions = f.create_dataset("regions", (2,), h5py.regionref_dtype)
    regions[0] = f["cube"].regionref[0:1, 1:3, 2:4]

    f["named"] = np.dtype([("a", "<f4"), ("b", "<i8")])
    f["named"].attrs["unit"] = "m"
    f.create_dataset("uses named", (2,), f["named"])[0] = (1.5, -7)
    f["uses named"].attrs.create("also", np.array([(2.5, 9)], f["named"].dtype), dtype=f["named"])

    g = f.create_group("attributes")
    g.attrs["integer"] = np.int64(-5)
    g.attrs["large"] = np.uint64(2 ** 64 - 1)
    g.attrs["integers"] = np.arange(6, dtype=">i2").reshape(2, 3)
    g.attrs["real"] = 0.1
    g.attrs["text"] = "grün"
    g.attrs["fixed"] = np.bytes_(b"fixed")
    g.attrs["texts"] = ["a", "", "ccc"]
    g.attrs["fixed texts"] = np.array([b"ab", b"c"])
    g.attrs["null"] = h5py.Empty("f4")
    g.attrs["flag"] = True
    g.attrs["reference"] = f["cube"].ref
    g.attrs["record"] = np.array((1, [2, 3], b"t", (4, 5)), record)
    g.attrs.create("ragged", np.array([np.array([1, 2], "i4"), np.array([3], "i4")], dtype=object),
                   dtype=h5py.vlen_dtype("i4"))
    f["a soft link"] = h5py.SoftLink("/cube")
    f["an external link"] = h5py.ExternalLink("other.h5", "/x")
    f["another name"] = f["cube"]
    f["numbers/up"] = f["/"]


def properties(chunk, shuffle=False, deflate=None, fletcher=False, fill=None, early=False):
    p = h5p.create(h5p.DATASET_CREATE)
    p.set_chunk(chunk)
    if shuffle:
        p.set_shuffle()
    if deflate:
        p.set_deflate(deflate)
    if fletcher:
        p.set_fletcher32()
    if fill is not None:
        p.set_fill_value(fill)
    if early:
        p.set_alloc_time(h5d.ALLOC_TIME_EARLY)
    return p


def filters(f, few=False):
    """`few`: what depends on the old chunk index, whose nodes take 2 KB each."""
    r = np.random.default_rng(5)
    data = r.normal(size=(13, 7)).astype("f4")
    whole = r.integers(-500, 9000, size=(13, 7)).astype("i4")
    chunks = (5, 4)
    if not few:
        simple_filters(f, data, whole, chunks)
        nbits(f, r, whole, chunks)
    f.create_dataset("all three", data=whole, chunks=chunks, compression="gzip", shuffle=True, fletcher32=True)
    f.create_dataset("lzf shuffled", data=whole, chunks=(13, 7), compression="lzf", shuffle=True, fletcher32=True)
    masked = f.create_dataset("masked", (2, 6), "<i2", chunks=(1, 6), compression="gzip", shuffle=True)
    masked[...] = 0
    raw = np.array([1, 2, 3, 4, 5, 600], "<i2")
    masked.id.write_direct_chunk((0, 0), raw.tobytes(), 3)
    masked.id.write_direct_chunk((1, 0), zlib.compress(raw.tobytes()), 1)
    holes = f.create_dataset("holes", (9, 9), ">f8", chunks=(4, 4), fillvalue=-7.5, compression="gzip")
    holes[5:7, 5:9] = 1
    f.create_dataset("never written", (3, 5), "i2", fillvalue=9)
    f.create_dataset("never written chunks", (3, 5), "i2", chunks=(2, 2), fillvalue=9)
    f.create_dataset("filled records", (3,), np.dtype([("a", "i1"), ("b", "<f4")]), chunks=(2,),
                     fillvalue=np.array((5, 2.5), np.dtype([("a", "i1"), ("b", "<f4")])))

def simple_filters(f, data, whole, chunks):
    f.create_dataset("gzip", data=data, chunks=chunks, compression="gzip")
    f.create_dataset("shuffled", data=data, chunks=chunks, compression="gzip", shuffle=True)
    f.create_dataset("checked", data=data, chunks=chunks, fletcher32=True)
    f.create_dataset("odd", data=np.arange(11, dtype="u1"), chunks=(11,), fletcher32=True)
    f.create_dataset("lzf", data=np.tile(whole, (1, 3)), chunks=(13, 21), compression="lzf")
    f.create_dataset("plain", data=whole, chunks=chunks)
    f.create_dataset("big-endian", data=data.astype(">f4"), chunks=chunks, compression="gzip", shuffle=True)
    for kind in ("i1", "<i4", ">i4", "<u2", "<i8", ">u8"):
        values = np.abs(whole) % 100 if kind[-2] == "u" or kind == "i1" else whole
        f.create_dataset(f"scale-offset {kind}", data=values.astype(kind), chunks=chunks, scaleoffset=0)
    f.create_dataset("scale-offset same", data=np.full((13, 7), 42, "i4"), chunks=chunks, scaleoffset=0)
    f.create_dataset("scale-offset fill", data=whole, chunks=chunks, scaleoffset=0, fillvalue=7)
    some = f.create_dataset("scale-offset some", (13, 7), "i4", chunks=chunks, scaleoffset=0, fillvalue=7)
    some[1:4, 2:6] = whole[1:4, 2:6]
    for kind in ("<f4", ">f4", "<f8", ">f8"):
        f.create_dataset(f"scale-offset {kind}", data=data.astype(kind), chunks=chunks, scaleoffset=3)
    some = f.create_dataset("scale-offset some floats", (13, 7), "f4", chunks=chunks, scaleoffset=2, fillvalue=-1.5)
    some[1:4, 2:6] = data[1:4, 2:6]
    f.create_dataset("scale-offset deflated", data=whole, chunks=chunks, scaleoffset=0, compression="gzip")


def nbits(f, r, whole, chunks):
    def nbit(name, t, data, chunk):
        p = properties(chunk)
        p.set_filter(h5py.h5z.FILTER_NBIT)
        low(f, name, t, h5s.create_simple(data.shape), data, p)

    for order_, base in (("le", h5t.STD_I32LE), ("be", h5t.STD_I32BE)):
        t = base.copy()
        t.set_precision(14)
        t.set_offset(3)
        nbit(f"nbit {order_}", t, (whole % 8000 << 3).astype("<i4" if order_ == "le" else ">i4"), chunks)
    nbit("nbit full", h5t.STD_I32LE, whole, chunks)
    short = h5t.STD_I16LE.copy()
    short.set_precision(9)
    t = h5t.create(h5t.COMPOUND, 16)
    t.insert(b"s", 0, short)
    t.insert(b"a", 2, h5t.array_create(short, (3,)))
    t.insert(b"d", 8, h5t.IEEE_F64LE)
    d = np.zeros((6,), [("s", "<i2"), ("a", "<i2", (3,)), ("d", "<f8")])
    d["s"] = [-256, 255, 0, 1, -1, 77]
    d["a"] = np.arange(18).reshape(6, 3) - 9
    d["d"] = r.normal(size=6)
    nbit("nbit compound", t, d, (4,))


def indices(f):
    r = np.random.default_rng(6)
    f.create_dataset("single", data=np.arange(20, dtype="i4"), chunks=(20,))
    f.create_dataset("single filtered", data=np.arange(20, dtype="i4"), chunks=(20,), compression="gzip")
    low(f, "implicit", h5t.STD_I16LE, h5s.create_simple((7, 5)), np.arange(35, dtype="<i2").reshape(7, 5),
        properties((3, 2), early=True))
    f.create_dataset("fixed", data=np.arange(99, dtype="i2").reshape(9, 11), chunks=(2, 4))
    f.create_dataset("fixed filtered", data=np.arange(99, dtype="i2").reshape(9, 11), chunks=(2, 4), compression="gzip")
    paged = f.create_dataset("fixed paged", (1100,), "u1", chunks=(1,), fillvalue=3)
    paged[5], paged[1099] = 1, 2
    paged = f.create_dataset("fixed paged filtered", (1030,), "u1", chunks=(1,), fletcher32=True)
    paged[5], paged[1029] = 1, 2
    roomy = f.create_dataset("fixed roomy", (3, 3), "i4", chunks=(2, 2), maxshape=(8, 9))
    roomy[...] = np.arange(9).reshape(3, 3)
    for name, options in (("", {}), (" filtered", {"compression": "gzip", "shuffle": True})):
        growing = f.create_dataset("extensible" + name, (4, 130), "i2", chunks=(3, 1), maxshape=(7, None), **options)
        growing[...] = np.arange(520).reshape(4, 130)
        sparse = f.create_dataset("extensible sparse" + name, (140_000,), "u1", chunks=(1,), maxshape=(None,), **options)
        for at, value in ((0, 1), (3, 2), (4, 3), (70, 4), (3000, 5), (135_000, 6)):
            # A data block in pages takes 16 KB, more where entries tell sizes.
            if at < 100_000 or not options:
                sparse[at] = value
        tree = f.create_dataset("tree" + name, (15, 16), "i4", chunks=(1, 2), maxshape=(None, None), **options)
        tree[...] = r.integers(0, 9999, size=(15, 16))
    shrunk = f.create_dataset("shrunk", (10, 10), "i4", chunks=(4, 4), maxshape=(None, None))
    shrunk[...] = 5
    shrunk.resize((5, 6))


def dense(f):
    g = f.create_group("links", track_order=True)
    for i in range(30):
        g.create_group(f"a link with a rather long name, number {i}")
    g = f.create_group("attributes")
    for i in range(20):
        g.attrs[f"attribute {i}"] = np.arange(i, dtype="i4")
    g.attrs["huge"] = np.arange(700, dtype="f8")
    d = f.create_dataset("dataset", data=np.arange(3), track_order=True)
    for i in range(12):
        d.attrs[f"a{i}"] = f"text {i}"
    f["links/soft"] = h5py.SoftLink("/dataset")
    f["links/hard"] = d


def links(f):
    """Soft links: within and across groups, in a chain, in a circle, and to nothing."""
    f["a/b/x"] = np.arange(3, dtype="i4")
    f["to group"] = h5py.SoftLink("/a")
    f["a/relative"] = h5py.SoftLink("b/x")
    f["a/b/upwards"] = h5py.SoftLink("/to group/relative")
    f["circle"] = h5py.SoftLink("/other")
    f["other"] = h5py.SoftLink("circle")
    f["nothing"] = h5py.SoftLink("/a/absent")
    for i in range(20):
        f[f"chain{i}"] = h5py.SoftLink(f"chain{i + 1}" if i < 19 else "/a/b/x")


def small_sizes(path):
    p = h5p.create(h5p.FILE_CREATE)
    p.set_sizes(4, 4)
    with h5py.File(h5f.create(os.fsencode(path), h5f.ACC_TRUNC, p)) as f:
        f["g/x"] = np.arange(5, dtype="f4")
        f.create_dataset("chunked", data=np.arange(50, dtype="i4"), chunks=(8,), compression="gzip")
        f["texts"] = ["a", "bc"]
        f.attrs["a"] = "text"


def library():
    """The HDF5 library that h5py has loaded, for what h5py has no name for."""
    folder = pathlib.Path(h5py.__file__).parent.parent / "h5py.libs"
    return ctypes.CDLL(str(next(folder.glob("libhdf5-*.so*"))))


def call(name, *arguments):
    types_ = [ctypes.c_int64] + [ctypes.c_uint] * (len(arguments) - 1)
    function = getattr(library(), name)
    function.argtypes = types_
    assert function(*arguments) >= 0, name


def superblock_1(path):
    """Short nodes of chunk indexes, which ask for superblock version 1."""
    p = h5p.create(h5p.FILE_CREATE)
    call("H5Pset_istore_k", p.id, 3)
    a = h5p.create(h5p.FILE_ACCESS)
    a.set_libver_bounds(h5f.LIBVER_EARLIEST, h5f.LIBVER_LATEST)
    with h5py.File(h5f.create(os.fsencode(path), h5f.ACC_TRUNC, p, a)) as f:
        f.create_dataset("deep", data=np.arange(150, dtype="u1"), chunks=(2,))
        dense_small(f)


def shared_messages(path):
    p = h5p.create(h5p.FILE_CREATE)
    call("H5Pset_shared_mesg_nindexes", p.id, 2)
    # Datatypes, dataspaces, fill values and pipelines from 1 byte, attributes from 20 bytes.
    call("H5Pset_shared_mesg_index", p.id, 0, 0x01 | 0x02 | 0x04 | 0x08, 1)
    call("H5Pset_shared_mesg_index", p.id, 1, 0x10, 20)
    a = h5p.create(h5p.FILE_ACCESS)
    a.set_libver_bounds(h5f.LIBVER_EARLIEST, h5f.LIBVER_LATEST)
    with h5py.File(h5f.create(os.fsencode(path), h5f.ACC_TRUNC, p, a)) as f:
        for i in range(3):
            d = f.create_dataset(f"d{i}", data=np.arange(12, dtype=">i4").reshape(3, 4), chunks=(2, 2), fillvalue=5,
                                 compression="gzip")
            d.attrs["a text that several share"] = "the same text"
            d.attrs["number"] = np.arange(4.0)
        for i in range(12):
            f.attrs[f"one of many {i}"] = "the same text"


def odd(f):
    p = properties((4, 4), deflate=6)
    call("H5Pset_chunk_opts", p.id, 2)
    low(f, "unfiltered edges", h5t.STD_I32LE, h5s.create_simple((10, 7)), np.arange(70, dtype="<i4").reshape(10, 7), p)
    low(f, "time", h5t.UNIX_D32LE, h5s.create_simple((3,)), None)
    p = properties((4,))
    p.set_filter(h5py.h5z.FILTER_DEFLATE, 0, (6,))
    p.set_filter(h5py.h5z.FILTER_SHUFFLE, 0, (4,))
    p.set_filter(h5py.h5z.FILTER_DEFLATE, 0, (6,))
    low(f, "deflated twice", h5t.STD_I32LE, h5s.create_simple((10,)), np.arange(10, dtype="<i4"), p)
    p = properties((4,))
    p.set_filter(h5py.h5z.FILTER_FLETCHER32)
    p.set_deflate(6)
    low(f, "checked first", h5t.STD_I32LE, h5s.create_simple((10,)), np.arange(10, dtype="<i4"), p)
    p = h5p.create(h5p.DATASET_CREATE)
    p.set_external(b"elsewhere.bin", 0, 40)
    low(f, "external", h5t.STD_I32LE, h5s.create_simple((10,)), None, p)
    layout = h5py.VirtualLayout((4,), "i4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    f.create_virtual_dataset("virtual", layout)


def unwritten(f):
    for i in range(40):
        f.create_dataset(f"d{i}", (1 << 18,), "f4")
    f.create_dataset("large", (1 << 31,), "f4", chunks=(1 << 20,))


def make():
    GOLDENS.mkdir(parents=True, exist_ok=True)
    def file(name, build, **options):
        with h5py.File(GOLDENS / name, "w", **options) as f:
            build(f)
    file("types_earliest.h5", types, libver="earliest")
    file("types_latest.h5", types, libver="latest")
    file("filters_earliest.h5", lambda f: filters(f, few=True), libver="earliest")
    file("filters_latest.h5", filters, libver="latest")
    file("indices_earliest.h5", lambda f: indices_small(f), libver="earliest")
    file("indices_latest.h5", indices, libver=("v110", "v110"))
    file("dense.h5", dense, libver=("v108", "v108"))
    file("userblock.h5", lambda f: dense_small(f), userblock_size=512)
    file("userblock_latest.h5", lambda f: dense_small(f), userblock_size=1024, libver="latest")
    small_sizes(GOLDENS / "sizes.h5")
    superblock_1(GOLDENS / "superblock_1.h5")
    shared_messages(GOLDENS / "shared_messages.h5")
    file("links.h5", links, libver="earliest")
    file("odd.h5", odd, libver=("v110", "v110"))
    apart = ("unwritten.h5", "zstandard.h5", "lz4.h5", "szip.h5", "blosc.h5", "blosc2.h5", "bitshuffle.h5", "scaled.h5")
    write_table("expected.json", {p.name: summary(p) for p in sorted(GOLDENS.glob("*.h5")) if p.name not in apart})
    file("unwritten.h5", unwritten, libver="latest")


def indices_small(f):
    f.create_dataset("tree", data=np.arange(400, dtype="i2").reshape(20, 20), chunks=(2, 2), maxshape=(None, 20))
    f.create_dataset("filtered", data=np.arange(400, dtype="i2").reshape(20, 20), chunks=(3, 7), compression="gzip")


def dense_small(f):
    f["g/x"] = np.arange(5, dtype="f4")
    f["g"].attrs["a"] = ["b", "c"]
    f.create_dataset("chunked", data=np.arange(50, dtype="i4"), chunks=(8,), compression="gzip")


def plugins():
    """A file for each compression that needs a library or comes from a plug-in, so that one may be absent."""
    import hdf5plugin

    r = np.random.default_rng(12)
    whole = r.integers(-500, 9000, size=(24, 13)).astype("<i4")
    smooth = np.cumsum(r.integers(-3, 4, size=(24, 13)), axis=1)
    szip = {"compression": "szip"}
    options = {
        "zstandard.h5": {"": dict(hdf5plugin.Zstd(clevel=5))},
        "lz4.h5": {"": dict(hdf5plugin.LZ4()), " blocks": dict(hdf5plugin.LZ4(nbytes=128))},
        "szip.h5": {"": {**szip, "compression_opts": ("nn", 8)}, " ec": {**szip, "compression_opts": ("ec", 16)},
                    " odd": {**szip, "compression_opts": ("nn", 10)}},
    }
    table = {}
    for name, variants in options.items():
        with h5py.File(GOLDENS / name, "w", libver="latest") as f:
            for suffix, keywords in variants.items():
                f.create_dataset("integers" + suffix, data=whole, chunks=(10, 6), **keywords)
                f.create_dataset("shuffled" + suffix, data=whole, chunks=(10, 6), shuffle=True, **keywords)
                f.create_dataset("checked" + suffix, data=whole, chunks=(10, 6), fletcher32=True, **keywords)
                f.create_dataset("floats" + suffix, data=smooth.astype("f4") / 8, chunks=(10, 13), **keywords)
                f.create_dataset("doubles" + suffix, data=smooth.astype(">f8") / 8, chunks=(24, 13), **keywords)
                f.create_dataset("bytes" + suffix, data=(smooth % 100).astype("u1"), chunks=(20, 13), **keywords)
                f.create_dataset("zeros" + suffix, data=np.zeros(2000, "i2"), chunks=(900,), **keywords)
                some = f.create_dataset("some" + suffix, (24, 13), "i2", chunks=(10, 6), fillvalue=7, **keywords)
                some[3:9, 2:8] = 5
            f["plain"] = whole
        table[name] = summary(GOLDENS / name)
    blosc = {f" {codec} {shuffle}": dict(hdf5plugin.Blosc(cname=codec, clevel=9 if codec == "blosclz" else 5, shuffle=shuffle))
             for codec, shuffle in (("blosclz", 0), ("blosclz", 1), ("blosclz", 2), ("lz4", 1), ("lz4hc", 2), ("snappy", 1),
                                    ("zlib", 2), ("zstd", 1))}
    bitshuffle = {" none": dict(hdf5plugin.Bitshuffle(cname="none")), " lz4": dict(hdf5plugin.Bitshuffle(cname="lz4")),
                  " zstd": dict(hdf5plugin.Bitshuffle(cname="zstd")),
                  " blocks": dict(hdf5plugin.Bitshuffle(nelems=64, cname="lz4"))}
    blosc2 = {f" {codec} {filters}": dict(hdf5plugin.Blosc2(cname=codec, filters=filters))
              for codec, filters in (("blosclz", 0), ("lz4", 1), ("zlib", 2), ("zstd", 1), ("lz4hc", 3))}
    for name, variants in {"blosc.h5": blosc, "blosc2.h5": blosc2, "bitshuffle.h5": bitshuffle}.items():
        with h5py.File(GOLDENS / name, "w", libver="latest") as f:
            for suffix, keywords in variants.items():
                transposing(f, suffix, keywords)
            f["plain"] = whole
        table[name] = summary(GOLDENS / name)
    # A filter that makes chunks smaller before they are compressed.
    with h5py.File(GOLDENS / "scaled.h5", "w", libver="latest") as f:
        for suffix, keywords in {"gzip": {"compression": "gzip"}, "lzf": {"compression": "lzf"}, "lz4": dict(hdf5plugin.LZ4()),
                                 "blosc": dict(hdf5plugin.Blosc(cname="lz4")), "bitshuffle": dict(hdf5plugin.Bitshuffle(cname="lz4"))}.items():
            f.create_dataset("integers " + suffix, data=whole, chunks=(10, 6), scaleoffset=0, **keywords)
            f.create_dataset("floats " + suffix, data=smooth / 8, chunks=(10, 13), scaleoffset=3, **keywords)
        f["plain"] = whole
    table["scaled.h5"] = summary(GOLDENS / "scaled.h5")
    write_table("plugins.json", table)


def transposing(f, suffix, keywords):
    """Elements of every size, in chunks that are whole, partial, odd, and stored without some of the filters."""
    r = np.random.default_rng(5)
    steps = np.cumsum(r.integers(-2, 3, size=1500))
    for kind in ("i1", "<u2", ">i4", "<f4", "<f8"):
        f.create_dataset(kind[-2:] + suffix, data=steps.astype(kind), chunks=(600,), **keywords)
    f.create_dataset("odd" + suffix, data=steps[:45].astype("i2").reshape(5, 9), chunks=(3, 5), **keywords)
    f.create_dataset("random" + suffix, data=r.integers(0, 1 << 31, 200).astype("i4"), chunks=(200,), **keywords)
    f.create_dataset("checked" + suffix, data=steps.astype("i4"), chunks=(600,), shuffle=True, fletcher32=True, **keywords)
    masked = f.create_dataset("masked" + suffix, data=steps.astype("i4"), chunks=(500,), **keywords)
    masked.id.write_direct_chunk((500,), steps[500:1000].astype("<i4").tobytes(), filter_mask=1)
    pair = np.dtype([("x", "<f4"), ("y", "<i8")])
    values = np.zeros(400, pair)
    values["x"], values["y"] = steps[:400] / 4, steps[:400]
    f.create_dataset("pairs" + suffix, data=values, chunks=(300,), **keywords)


def selections():
    """Parts of the fixtures' datasets: start, count and stride along each axis, and what h5py reads there."""
    r = np.random.default_rng(7)
    table = {}
    for name in ("types_earliest.h5", "filters_latest.h5", "indices_latest.h5", "indices_earliest.h5", "dense.h5",
                 "odd.h5", "sizes.h5"):
        rows = []
        with h5py.File(GOLDENS / name, "r") as f:
            paths = []
            f.visititems(lambda path, h: paths.append(path) if isinstance(h, h5py.Dataset) else None)
            for path in paths:
                d = f[path]
                plist = d.id.get_create_plist()
                if plist.get_layout() == h5d.VIRTUAL or plist.get_external_count() or path == "time":
                    continue
                if d.id.get_space().get_simple_extent_type() != h5s.SIMPLE or 0 in d.shape:
                    continue
                # h5py applies selections to the datatype's own axes, too.
                if d.id.get_type().get_class() == h5t.ARRAY:
                    continue
                for _ in range(3):
                    slices = []
                    for extent in d.shape:
                        stride = int(r.integers(1, 1 + r.choice([1, 1, 4, extent])))
                        start = int(r.integers(0, extent))
                        slices.append((start, int(r.integers(1, (extent - 1 - start) // stride + 2)), stride))
                    part = d[tuple(slice(a, a + (n - 1) * s + 1, s) for a, n, s in slices)]
                    rows.append([path, slices, content(part, d.id.get_type(), part.shape)])
        table[name] = rows
    out = GOLDENS / "selections.json"
    lines = [f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(row) for row in rows) + "]" for name, rows in table.items()]
    out.write_text("{\n" + ",\n".join(lines) + "}\n")
    print(f"{out}: {sum(map(len, table.values()))} selections, {out.stat().st_size} bytes")


def virtual():
    """Virtual datasets and external links, in files of the oldest and the newest form, and all that h5py reads in them."""
    folder = GOLDENS / "follow"
    folder.mkdir(exist_ok=True)
    os.chdir(folder)
    r = np.random.default_rng(3)
    with h5py.File("parts.h5", "w") as f:
        f["x"] = np.arange(3, dtype="f4")
        for i in range(4):
            f.create_dataset(f"frames/frame number {i}", data=r.integers(0, 99, (4, 5)).astype("<i4"), chunks=(3, 2) if i % 2 else None,
                             compression="gzip" if i % 2 else None)
        f.create_dataset("plane", data=np.arange(120, dtype="<f4").reshape(10, 12))
        f.create_dataset("packed", data=np.arange(120, dtype="<f4").reshape(10, 12), chunks=(4, 5), compression="gzip")
        f.create_dataset("big-endian", data=np.arange(120, dtype=">f4").reshape(10, 12), chunks=(4, 5))
        f["one"] = np.float32(7.5)
        f["pairs"] = np.array([(i, i / 2) for i in range(6)], [("a", "<i2"), ("b", "<f8")])
        f["100%"] = np.arange(4, dtype="<f4")

    def raw(f, name, kind, shape, maps, fill=None):
        p = h5p.create(h5p.DATASET_CREATE)
        if fill is not None:
            p.set_fill_value(np.array(fill, kind))
        for file, dataset, source, target in maps:
            p.set_virtual(target, file.encode(), dataset.encode(), source)
        t = h5t.py_create(np.dtype(kind), logical=True)
        h5d.create(f.id, name.encode(), t, h5s.create_simple(shape), p)

    def slab(shape, *parts):
        space = h5s.create_simple(shape)
        for n, (start, stride, count, block) in enumerate(parts):
            space.select_hyperslab(start, count, stride, block, op=h5s.SELECT_OR if n else h5s.SELECT_SET)
        return space

    def whole(shape):
        return h5s.create_simple(shape)

    def build(f):
        layout = h5py.VirtualLayout((4, 4, 5), "<i4")
        for i in range(4):
            layout[i] = h5py.VirtualSource("parts.h5", f"frames/frame number {i}", (4, 5))
        f.create_virtual_dataset("frames", layout)
        layout = h5py.VirtualLayout((6, 4, 5), "<i4")
        for i in (0, 2):
            layout[2 * i + 1] = h5py.VirtualSource("parts.h5", f"frames/frame number {i}", (4, 5))
        f.create_virtual_dataset("gaps", layout, fillvalue=-1)
        layout = h5py.VirtualLayout((5, 4), "<f4")
        layout[:] = h5py.VirtualSource("parts.h5", "packed", (10, 12))[::2, 1:12:3]
        f.create_virtual_dataset("strided", layout)
        layout = h5py.VirtualLayout((10, 24), "<f4")
        layout[:, ::2] = h5py.VirtualSource("parts.h5", "plane", (10, 12))
        layout[:, 1::2] = h5py.VirtualSource("parts.h5", "big-endian", (10, 12))
        f.create_virtual_dataset("woven", layout)
        f["own"] = np.arange(20, dtype="<f4").reshape(4, 5)
        layout = h5py.VirtualLayout((8, 5), "<f4")
        layout[:4] = h5py.VirtualSource(f["own"])
        layout[4:] = h5py.VirtualSource(".", "own", (4, 5))[:]
        f.create_virtual_dataset("same file", layout)
        layout = h5py.VirtualLayout((3, 24), "<f4")
        layout[:, 3:20] = h5py.VirtualSource(".", "woven", (10, 24))[2:9:3, 4:21]
        f.create_virtual_dataset("of virtual ones", layout, fillvalue=0.5)
        # Blocks of several elements; boxes in any order, whose elements are taken row by row.
        raw(f, "blocks", "<f4", (24,), [("parts.h5", "packed", slab((10, 12), ((0, 1), (5, 4), (2, 3), (2, 2))), whole((24,)))])
        raw(f, "boxes", "<f4", (4, 4), [
            ("parts.h5", "packed", slab((10, 12), ((1, 1), (1, 1), (1, 1), (2, 2)), ((2, 5), (1, 1), (1, 1), (2, 2))),
             slab((4, 4), ((0, 0), (1, 1), (1, 1), (2, 2)), ((1, 2), (1, 1), (1, 1), (2, 2)))),
            ("parts.h5", "100%%", whole((4,)), slab((4, 4), ((3, 0), (1, 1), (1, 1), (1, 4))))], 9)
        raw(f, "scalar", "<f4", (), [("parts.h5", "one", whole(()), whole(()))])
        raw(f, "pairs", [("a", "<i2"), ("b", "<f8")], (2, 3), [("parts.h5", "pairs", whole((6,)), whole((2, 3)))])
        raw(f, "nothing", "<f4", (3,), [], 2.5)
        f["link"] = h5py.ExternalLink("parts.h5", "/x")
        f["linked group"] = h5py.ExternalLink("parts.h5", "/frames")

    def refused(f):
        def one(name, file, dataset, source=(4, 5), target=(4, 5), kind="<i4"):
            raw(f, name, kind, target, [(file, dataset, whole(source), whole(target))])
        one("no file", "absent.h5", "x")
        one("no dataset", "parts.h5", "absent")
        one("a group", "parts.h5", "frames")
        one("above", "../follow/parts.h5", "frames/frame number 0")
        one("another type", "parts.h5", "plane", (10, 12), (10, 12))
        one("another size", "parts.h5", "frames/frame number 0", (3, 4), (3, 4))
        one("a circle", ".", "a circle")
        raw(f, "text", h5py.string_dtype(), (2,), [("parts.h5", "x", whole((2,)), whole((2,)))])
        raw(f, "overlap", "<f4", (3,), 2 * [("parts.h5", "x", whole((3,)), whole((3,)))])
        layout = h5py.VirtualLayout((3,), "<f4", maxshape=(None,))
        layout[:h5s.UNLIMITED] = h5py.VirtualSource("parts.h5", "x", (3,), maxshape=(None,))[:h5s.UNLIMITED]
        f.create_virtual_dataset("growing", layout)

    rows = {}
    for name, libver in (("earliest", "earliest"), ("latest", "latest")):
        with h5py.File(name + ".h5", "w", libver=libver) as f:
            build(f)
        with h5py.File(f"refused_{name}.h5", "w", libver=libver) as f:
            refused(f)
        with h5py.File(name + ".h5", "r") as f:
            found = []
            for path in ["frames", "gaps", "strided", "woven", "same file", "of virtual ones", "blocks", "boxes", "scalar", "pairs",
                         "nothing", "link", "linked group/frame number 1"]:
                d = f[path]
                found.append([path, [], content(d[()], d.id.get_type(), d.shape)])
                if d.shape:
                    slices = []
                    for extent in d.shape:
                        stride = int(r.integers(1, 4))
                        start = int(r.integers(0, extent))
                        slices.append((start, int(r.integers(1, (extent - 1 - start) // stride + 2)), stride))
                    part = d[tuple(slice(a, a + (n - 1) * s + 1, s) for a, n, s in slices)]
                    found.append([path, slices, content(part, d.id.get_type(), part.shape)])
        rows[name + ".h5"] = found
    lines = [f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(row) for row in found) + "]" for name, found in rows.items()]
    (folder / "expected.json").write_text("{\n" + ",\n".join(lines) + "}\n")


def main():
    if sys.argv[1:2] == ["--plugins"]:
        plugins()
    elif sys.argv[1:2] == ["--selections"]:
        selections()
    elif sys.argv[1:2] == ["--virtual"]:
        virtual()
    elif sys.argv[1:2] == ["--show"]:
        print("\n".join(listing(sys.argv[2])))
    elif sys.argv[1:2] == ["--list"]:
        folder = pathlib.Path(sys.argv[2])
        files = sorted(p for p in folder.glob("valid-*/*") if p.suffix in (".h5", ".hdf5"))
        write_table("conformance.json", {str(p.relative_to(folder)): summary(p) for p in files})
        files = sorted(folder.glob("corrupt-*/*"))
        write_table("corrupt.json", {str(p.relative_to(folder)): rejected(p) for p in files})
    else:
        make()


if __name__ == "__main__":
    main()
