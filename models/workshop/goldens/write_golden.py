"""Writes goldens as JSON that is small, readable in a diff and the same on every run."""

import json
import pathlib

import numpy

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "test" / "goldens"


def write_golden(name, document):
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, separators=(",", ":"))
    # One case a line.
    (FOLDER / f"{name}.json").write_text(text.replace(',{"', ',\n{"') + "\n")


def numbers(array, digits=9):
    """A flat list, rounded to significant digits. Arrays are [z, y, x], so the list has x fastest."""
    flat = numpy.asarray(array).ravel()
    if flat.dtype.kind in "bui":
        return [int(v) for v in flat]
    return [float(f"{v:.{digits}g}") for v in flat]


def size_of(array):
    """Voxels along x, y, z of an array [z, y, x]."""
    return [int(n) for n in array.shape[::-1]]
