#!/usr/bin/env python3
"""Writes the golden files of Tests/DatasetsTests/Goldens: small images and Pillow's pixels.

Needs Pillow 13.0.0, numpy and torch 2.13 (CPU).

    tools/goldens_images.py [FOLDER OF AWKWARD IMAGES]

images/           small files of every kind that is decoded
images.tsv        name, width, height, CRC-32 of the RGB pixels; or name, "refused"
resize.tsv        source, box (left top right bottom), width, height, CRC-32 of crop(box).resize(..., BILINEAR)
resize-bicubic.tsv the same with BICUBIC
transforms.tsv    source, preset, size, CRC-32 of the Float32 values [C, H, W], little-endian
awkward.tsv       as images.tsv, for the files of the folder, which are not copied

The RGB pixels are those of ImageOps.exif_transpose(Image.open(file)).convert("RGB"), but for grey of 16 bits, whose high
byte is taken, and broken EXIF data, which are ignored.
"""
import io
import os
import random
import struct
import sys
import warnings
import zlib

import numpy as np
import PIL
import torch
from PIL import Image, ImageOps

assert PIL.__version__ == "13.0.0", f"the goldens are those of Pillow 13.0.0, this is {PIL.__version__}"
warnings.simplefilter("ignore")
HERE = os.path.dirname(os.path.abspath(__file__))
GOLDENS = os.path.join(HERE, "..", "Tests", "DatasetsTests", "Goldens")
IMAGES = os.path.join(GOLDENS, "images")


def expected(path):
    """The RGB image that a file should decode to, or None where it is refused."""
    try:
        image = Image.open(path)
        image.load()
    except Exception:
        return None
    if image.mode == "I;16":
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    try:
        image = ImageOps.exif_transpose(image)
    except Exception:
        pass
    return image.convert("RGB")


def crc(image):
    return f"{zlib.crc32(image.tobytes()):08x}"


def row(name, path):
    image = expected(path)
    return f"{name}\trefused" if image is None else f"{name}\t{image.width}\t{image.height}\t{crc(image)}"


def picture(width, height, seed):
    """Smooth colours with edges and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    channels = [
        128 + 127 * np.sin(x / 7 + seed) * np.cos(y / 9),
        255 * x / max(width - 1, 1),
        np.where((x // 6 + y // 5) % 2 == 0, 220, 30),
    ]
    values = np.stack(channels, -1) + rng.normal(0, 12, (height, width, 3))
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width, height, depth, color, rows, extra=b""):
    """A PNG file from packed rows."""
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + r for r in rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def exif(orientation):
    block = Image.Exif()
    block[0x0112] = orientation
    return block


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def small_files():
    rgb = picture(37, 29, 1)
    grey = rgb.convert("L")
    alpha = rgb.copy()
    alpha.putalpha(grey)
    palette = rgb.quantize(50)
    rng = random.Random(5)
    files = {
        "rgb-420.jpg": saved(rgb, "JPEG", quality=90),
        "rgb-422.jpg": saved(rgb, "JPEG", quality=80, subsampling="4:2:2"),
        "rgb-444.jpg": saved(rgb, "JPEG", quality=95, subsampling="4:4:4"),
        "rgb-progressive.jpg": saved(rgb, "JPEG", quality=70, progressive=True),
        "rgb-restarts.jpg": saved(rgb, "JPEG", quality=70, restart_marker_blocks=2),
        "rgb-untransformed.jpg": saved(rgb, "JPEG", quality=90, keep_rgb=True),
        "grey.jpg": saved(grey, "JPEG", quality=90),
        "cmyk.jpg": saved(rgb.convert("CMYK"), "JPEG", quality=90),
        "rgb.png": saved(rgb, "PNG"),
        "rgba.png": saved(alpha, "PNG"),
        "grey-alpha.png": saved(alpha.convert("LA"), "PNG"),
        "grey-8.png": saved(grey, "PNG"),
        "grey-1.png": saved(grey.convert("1"), "PNG"),
        "grey-16.png": saved(Image.fromarray(np.asarray(grey).astype(np.uint16) * 257 + 3), "PNG"),
        "palette.png": saved(palette, "PNG"),
        "palette-transparent.png": saved(palette, "PNG", transparency=bytes(range(0, 250, 5))),
        "lossy.webp": saved(rgb, "WEBP", quality=80),
        "lossy-alpha.webp": saved(alpha, "WEBP", quality=80),
        "lossless.webp": saved(rgb, "WEBP", lossless=True),
        "lossless-alpha.webp": saved(alpha, "WEBP", lossless=True),
        "animated.webp": saved(rgb, "WEBP", save_all=True, append_images=[picture(37, 29, 2)], quality=80),
        "turned.webp": saved(rgb, "WEBP", quality=80, exif=exif(6)),
        "turned.png": saved(rgb, "PNG", exif=exif(8)),
    }
    for depth in (2, 4):
        rows = [bytes(rng.randrange(256) for _ in range((13 * depth + 7) // 8)) for _ in range(9)]
        files[f"grey-{depth}.png"] = png(13, 9, depth, 0, rows)
        # A palette shorter than the indices: the entries that lack are black.
        colors = bytes(rng.randrange(256) for _ in range(9))
        files[f"palette-{depth}-short.png"] = png(13, 9, depth, 3, rows, chunk(b"PLTE", colors))
    wide = [bytes(rng.randrange(256) for _ in range(13 * 8)) for _ in range(9)]
    files["grey-16-noise.png"] = png(13, 9, 16, 0, [r[:26] for r in wide])
    files["grey-alpha-16.png"] = png(13, 9, 16, 4, [r[:52] for r in wide])
    files["rgb-16.png"] = png(13, 9, 16, 2, [r[:78] for r in wide])
    files["rgba-16.png"] = png(13, 9, 16, 6, wide)
    for orientation in range(1, 9):
        files[f"orientation-{orientation}.jpg"] = saved(rgb, "JPEG", quality=85, exif=exif(orientation))
    files["orientation-big-endian.jpg"] = saved(
        rgb, "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x03\0\0\0\0\0\0")
    xmp = b'<x:xmpmeta xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    files["orientation-xmp.jpg"] = saved(rgb, "JPEG", quality=85, xmp=xmp)
    profile = b"Raw profile type exif\0\nexif\n      32\n" + (
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x05\0\0\0\0\0\0".hex().encode()) + b"\n"
    plain = saved(rgb, "PNG")
    files["turned-profile.png"] = plain[:33] + chunk(b"tEXt", profile) + plain[33:]
    files["last-chunk-cut.png"] = plain[:-12] + b"\0\0\x10\0IDAT"
    files["no-end-chunk.png"] = plain[:-12]
    files["exif-broken.jpg"] = saved(rgb, "JPEG", quality=85, exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    files["exif-nonsense.png"] = saved(rgb, "PNG", exif=b"Exif\0\0nonsense")
    # Of many blocks, for decoding parts.
    large = picture(211, 157, 3)
    files["large-420.jpg"] = saved(large, "JPEG", quality=60)
    files["large-422-progressive.jpg"] = saved(large, "JPEG", quality=60, subsampling="4:2:2", progressive=True)
    files["large-444-turned.jpg"] = saved(large, "JPEG", quality=60, subsampling="4:4:4", exif=exif(6))
    files["large-cmyk.jpg"] = saved(large.convert("CMYK"), "JPEG", quality=50)
    # Interlaced, which Pillow does not write: one pass after the other, all of them filtered with 0.
    values = np.asarray(rgb)
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    data = b"".join(b"\0" + r.tobytes() for x, y, dx, dy in passes for r in values[y::dy, x::dx] if r.size)
    header = struct.pack(">IIBBBBB", rgb.width, rgb.height, 8, 2, 0, 0, 1)
    files["interlaced.png"] = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b""))
    # Damaged and foreign files.
    for name in ("rgb-420.jpg", "rgb-progressive.jpg", "rgb.png", "lossy.webp", "lossless.webp"):
        stem, kind = name.split(".")
        files[f"{stem}-cut.{kind}"] = files[name][: len(files[name]) * 2 // 3]
    files["rgb-420-no-end.jpg"] = files["rgb-420.jpg"][:-2]
    files["extraneous.jpg"] = files["rgb-420.jpg"][:2] + b"\xff\xfe\0\x04hi" + b"\0junk" + files["rgb-420.jpg"][2:]
    files["trailing.jpg"] = files["rgb-420.jpg"] + b"trailing bytes"
    broken = bytearray(files["rgb.png"])
    broken[20] ^= 1
    files["header-checksum.png"] = bytes(broken)
    files["huge.png"] = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b""))
    return files


def resize_rows(source, filter):
    image = Image.open(os.path.join(IMAGES, source)).convert("RGB")
    w, h = image.size
    whole = (0, 0, w, h)
    cases = [(whole, size) for size in [
        (10, 8), (74, 58), (37, 10), (12, 29), (200, 1), (1, 100), (1, 1), (36, 30), (64, 64), (224, 160), (37, 29),
        (5, 29), (37, 60)]]
    cases += [((3, 5, 30, 20), (16, 16)), ((0, 0, 1, 1), (7, 9)), ((10, 1, 36, 28), (26, 13)),
              ((10, 1, 36, 28), (64, 27)), ((4, 4, 20, 20), (16, 16)), ((36, 0, 37, 29), (3, 50))]
    # Around the sizes where Pillow 13 changes the order of its two passes.
    cases += [(whole, size) for size in [(45, 28), (36, 26), (36, 27), (30, 15), (30, 14), (34, 22), (34, 23)]]
    cases += [((2, 0, 35, 29), (28, 18)), ((2, 0, 35, 29), (28, 19))]
    for box, size in cases:
        result = image.crop(box).resize(size, filter)
        yield "\t".join(map(str, (source, *box, *size, crc(result))))


def evaluation(image, preset, size):
    """What torchvision's Resize, CenterCrop, ToTensor and Normalize compute, or Keras' load_img and preprocess_input."""
    if preset in ("torchvision", "caffe"):
        side = round(256 * size / (224 if preset == "torchvision" else 227))
        w, h = image.size
        short, long = min(w, h), max(w, h)
        new_long = int(side * long / short)
        image = image.resize((side, new_long) if w <= h else (new_long, side), Image.Resampling.BILINEAR)
        w, h = image.size
        left, top = int(round((w - size) / 2.0)), int(round((h - size) / 2.0))
        image = image.crop((left, top, left + size, top + size))
    else:
        image = image.resize((size, size), Image.Resampling.BILINEAR)
    x = torch.from_numpy(np.array(image)).permute(2, 0, 1).float()
    if preset == "torchvision":
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        return x.div(255).sub(mean[:, None, None]).div(std[:, None, None])
    if preset == "caffe":
        return x.flip(0).sub(torch.tensor([103.939, 116.779, 123.68])[:, None, None])
    return {"tensorflow": x.div(127.5).sub(1), "unit": x.div(255), "raw": x}[preset]


def transform_rows():
    for source in ("rgb.png", "orientation-6.jpg"):
        image = expected(os.path.join(IMAGES, source))
        for preset in ("torchvision", "caffe", "tensorflow", "unit", "raw"):
            for size in (17, 32):
                values = evaluation(image, preset, size).contiguous().numpy().astype("<f4")
                yield f"{source}\t{preset}\t{size}\t{zlib.crc32(values.tobytes()):08x}"


def write(name, lines):
    with open(os.path.join(GOLDENS, name), "w") as file:
        file.write("".join(line + "\n" for line in lines))


def main():
    os.makedirs(IMAGES, exist_ok=True)
    for name in os.listdir(IMAGES):
        os.remove(os.path.join(IMAGES, name))
    for name, data in small_files().items():
        with open(os.path.join(IMAGES, name), "wb") as file:
            file.write(data)
    names = sorted(os.listdir(IMAGES))
    write("images.tsv", (row(name, os.path.join(IMAGES, name)) for name in names))
    write("resize.tsv", resize_rows("rgb.png", Image.Resampling.BILINEAR))
    write("resize-bicubic.tsv", resize_rows("rgb.png", Image.Resampling.BICUBIC))
    write("transforms.tsv", transform_rows())
    if len(sys.argv) > 1:
        root = sys.argv[1]
        found = sorted(
            os.path.relpath(os.path.join(folder, name), root)
            for folder, _, files in os.walk(root) for name in files
            if name.lower().endswith((".jpg", ".jpeg", ".png", ".webp")))
        write("awkward.tsv", (row(name, os.path.join(root, name)) for name in found))


main()
