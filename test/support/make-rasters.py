"""Writes pictures by tifffile and Pillow, and beside each the values that they give for it.

Argument: a folder. Output there: index.json, { file: [pages, pixels a page] }, and <file>.f64, little-endian numbers,
rows from the top; of colours the luminance (ITU-R BT.601). What an installed version cannot write is left out.
"""
import json
import sys
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

OUT = Path(sys.argv[1])
W, H = 37, 29
LUMINANCE = np.array([0.299, 0.587, 0.114])
index = {}


def values(dtype, samples=None):
    dtype = np.dtype(dtype)
    y, x = np.mgrid[0:H, 0:W]
    base = x * x + 13 * y * y + x * y
    if samples is not None:
        base = np.stack([base + 60 * k for k in range(samples)], -1)
    if dtype.kind == "f":
        return (base / 8 - 300.5).astype(dtype)
    info = np.iinfo(dtype)
    spread = base * {1: 1, 2: 7, 4: 70001}[dtype.itemsize]
    return (spread % (int(info.max) - int(info.min)) + int(info.min)).astype(dtype)


def record(name, expected, pages=1):
    expected = np.asarray(expected, np.float64)
    if pages == 1 and expected.ndim == 3:
        expected = expected[..., :3] @ LUMINANCE
    (OUT / f"{name}.f64").write_bytes(expected.astype("<f8").tobytes())
    index[name] = [pages, expected.size // pages]


def tiff(name, array, order, expected=None, pages=1, **options):
    try:
        array = np.ascontiguousarray(array).astype(array.dtype.newbyteorder(order))
        tifffile.imwrite(OUT / name, array, byteorder=order, **options)
    except (ValueError, RuntimeError, ImportError, KeyError, TypeError, NotImplementedError):
        return
    record(name, array if expected is None else expected, pages)


def tiffs(order):
    for dtype in ("u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"):
        for layout in ({"rowsperstrip": 5}, {"tile": (16, 32)}):
            for packing in (None, "zlib", "lzw", "packbits"):
                predictors = [None] if packing in (None, "packbits") else [None, 3 if dtype[0] == "f" else 2]
                for predictor in predictors:
                    for big in (False, True):
                        name = f"{order == '<'}-{dtype}-{list(layout)[0]}-{packing}-{predictor}-{big}.tif"
                        options = {"compression": packing, "predictor": predictor, "bigtiff": big, **layout}
                        tiff(name, values(dtype), order, photometric="minisblack", **options)
    for dtype in ("u1", "u2", "f4"):
        for samples in (3, 4):
            for planes in ("contig", "separate"):
                array = values(dtype, samples)
                stored = array if planes == "contig" else np.moveaxis(array, -1, 0)
                options = {"photometric": "rgb", "planarconfig": planes, "rowsperstrip": 5}
                alpha = {"extrasamples": ["unassalpha"]} if samples == 4 else {}
                tiff(f"{order == '<'}-{dtype}-{samples}-{planes}.tif", stored, order, array, **options, **alpha)
    pages = np.stack([values("u2") + k for k in range(3)])
    tiff(f"{order == '<'}-pages.tif", pages, order, pages=3, photometric="minisblack", rowsperstrip=5)
    ramp = np.arange(256)
    colours = (np.stack([ramp, 255 - ramp, 3 * ramp % 256]) * 257).astype("u2")
    indexes = values("u1")
    expected = np.moveaxis((colours >> 8)[:, indexes], 0, -1)
    tiff(f"{order == '<'}-palette.tif", indexes, order, expected, photometric="palette", colormap=colours)


def by_pillow(name, image, expected=None, **options):
    image.save(OUT / name, **options)
    if expected is None:
        opened = Image.open(OUT / name)
        expected = opened if opened.mode in ("L", "I;16", "F", "1") else opened.convert("RGB")
    record(name, np.asarray(expected).astype(np.float64))


def others():
    grey, colour = Image.fromarray(values("u1")), Image.fromarray(values("u1", 3))
    bits = grey.point(lambda v: 255 if v > 99 else 0).convert("1")
    few = colour.quantize(200)
    for packing in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits"):
        by_pillow(f"grey-{packing}.tif", grey, compression=packing)
        by_pillow(f"colour-{packing}.tif", colour, compression=packing)
        by_pillow(f"bits-{packing}.tif", bits, compression=packing)
    by_pillow("i16.tif", Image.fromarray(values("u2")))
    by_pillow("f32.tif", Image.fromarray(values("f4")))
    by_pillow("palette.tif", few)
    by_pillow("alpha.tif", grey.convert("LA"), grey)
    by_pillow("grey.png", grey)
    by_pillow("i16.png", Image.fromarray(values("u2")))
    by_pillow("colour.png", colour)
    by_pillow("alpha.png", Image.fromarray(values("u1", 4)))
    by_pillow("grey-alpha.png", grey.convert("LA"), grey)
    by_pillow("bits.png", bits)
    by_pillow("palette.png", few, transparency=3)
    for depth in (1, 2, 4):
        by_pillow(f"palette-{depth}.png", colour.quantize(2**depth), bits=depth)
    for sampling in (0, 1, 2):
        for progressive in (False, True):
            options = {"quality": 80, "subsampling": sampling, "progressive": progressive}
            by_pillow(f"colour-{sampling}-{progressive}.jpg", colour, **options)
    by_pillow("grey.jpg", grey, quality=90)
    by_pillow("restart.jpg", colour, quality=90, restart_marker_blocks=2)
    turned = Image.Exif()
    turned[274] = 6
    by_pillow("turned.jpg", colour, exif=turned)


for order in "<>":
    tiffs(order)
others()
(OUT / "index.json").write_text(json.dumps(index))
