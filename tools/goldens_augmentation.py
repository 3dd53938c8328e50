#!/usr/bin/env python3
"""Writes the results of Pillow's affine and colour transforms: Tests/DatasetsTests/Goldens/*.tsv.

Needs Pillow 13.0.0 and numpy; run it after goldens_images.py, whose images it uses.

affine.tsv   source, rotation, shear (degrees), zoom, shift x, shift y, the six numbers of Pillow's AFFINE as hexadecimal
             floats, fill (R,G,B), CRC-32 of the RGB pixels of transform(size, AFFINE, numbers, BILINEAR, fillcolor=fill)
colors.tsv   source or "cube", change, factor, CRC-32 of the RGB pixels of the change as ImageEnhance or torchvision's
             adjust_hue make it. The cube is 256 by 512 pixels: pixel i is (i % 64 * 4 + i // 4096 % 4,
             i // 64 % 64 * 4 + i // 8192 % 3, i // 2048 * 4 + i % 3), each cut at 255
"""

import math
import pathlib
import zlib

import numpy as np
import PIL
from PIL import Image, ImageEnhance

assert PIL.__version__ == "13.0.0", f"the goldens are those of Pillow 13.0.0, this is {PIL.__version__}"
GOLDENS = pathlib.Path(__file__).resolve().parent.parent / "Tests/DatasetsTests/Goldens"


def crc(image):
    return f"{zlib.crc32(image.tobytes()):08x}"


def picture(name):
    if name == "cube":
        i = np.arange(256 * 512)
        channels = [i % 64 * 4 + i // 4096 % 4, i // 64 % 64 * 4 + i // 8192 % 3, i // 2048 * 4 + i % 3]
        return Image.fromarray(np.minimum(np.stack(channels, -1), 255).astype(np.uint8).reshape(512, 256, 3))
    return Image.open(GOLDENS / "images" / name).convert("RGB")


def translation(x, y):
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], dtype=np.float64)


def moved_from(width, height, rotation, shear, zoom, shift):
    """The inverse of the elementary matrices multiplied: shear, rotation, zoom about the centre, shift."""
    angle = math.radians(rotation)
    turn = np.array([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
    slant = np.array([[1, -math.tan(math.radians(shear)), 0], [0, 1, 0], [0, 0, 1]])
    forward = (
        translation(*shift) @ translation(width / 2, height / 2) @ np.diag([zoom, zoom, 1]) @ turn @ slant
        @ translation(-width / 2, -height / 2))
    return np.linalg.inv(forward)[:2].reshape(-1).tolist()


def affine_rows():
    for source in ("rgb.png", "rgb-420.jpg"):
        image = picture(source)
        for rotation, shear, zoom, shift, fill in [
            (0, 0, 1, (0, 0), (0, 0, 0)), (17, 0, 1, (0, 0), (0, 0, 0)), (-90, 0, 1, (0, 0), (9, 99, 250)),
            (180, 0, 1, (0, 0), (0, 0, 0)), (0, 25, 1, (0, 0), (255, 0, 0)), (0, -40, 1, (0, 0), (0, 0, 0)),
            (0, 0, 0.5, (0, 0), (124, 116, 104)), (0, 0, 2.25, (0, 0), (0, 0, 0)), (0, 0, 1, (5, -3), (1, 2, 3)),
            (0, 0, 1, (0.5, 0.25), (0, 0, 0)), (0, 0, 1, (-100, 0), (7, 8, 9)), (33.3, 12, 0.8, (-4.2, 6.9), (0, 0, 0)),
            (-145, -7.5, 1.31, (2.75, 1.5), (200, 100, 50)),
        ]:
            numbers = moved_from(*image.size, rotation, shear, zoom, shift)
            result = image.transform(
                image.size, Image.Transform.AFFINE, numbers, Image.Resampling.BILINEAR, fillcolor=fill)
            yield "\t".join(
                [source, *map(str, (rotation, shear, zoom, *shift)), *(number.hex() for number in numbers),
                 ",".join(map(str, fill)), crc(result)])


def adjusted_hue(image, share):
    """torchvision's adjust_hue."""
    hue, saturation, value = image.convert("HSV").split()
    turned = np.array(hue, dtype=np.uint8)
    turned += np.int32(share * 255).astype(np.uint8)
    return Image.merge("HSV", (Image.fromarray(turned), saturation, value)).convert("RGB")


def color_rows():
    for source in ("cube", "rgb.png", "rgb-420.jpg"):
        image = picture(source)
        for factor in (0, 0.25, 0.7, 1, 1.3, 1.9, 4):
            for change, enhancer in [
                ("brightness", ImageEnhance.Brightness), ("contrast", ImageEnhance.Contrast),
                ("saturation", ImageEnhance.Color),
            ]:
                yield f"{source}\t{change}\t{factor}\t{crc(enhancer(image).enhance(factor))}"
        for share in (-0.5, -0.31, -0.05, 0, 0.003, 0.1, 0.25, 0.5):
            yield f"{source}\thue\t{share}\t{crc(adjusted_hue(image, share))}"


def write(name, rows):
    (GOLDENS / name).write_text("".join(row + "\n" for row in rows))


if __name__ == "__main__":
    write("affine.tsv", affine_rows())
    write("colors.tsv", color_rows())
