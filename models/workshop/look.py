"""Draws a model's answers beside the truth, to be looked at.

    python look.py configs/<id>.json --data <folder> --models <folder> --out <folder> [--cases a,b,c]

One PNG a case: image, outline of the truth (green) and of the answer (magenta). Without --cases: the lowest, the
median and the highest score of every group.
"""

import argparse
import json
import os
from pathlib import Path

from PIL import Image
from scipy import ndimage
import numpy

from config import load_config
from data import source
from evaluate import RESULTS
from procedure import onnx_runner, segment

TRUTH, ANSWER, BOTH = (0, 200, 0), (255, 0, 255), (255, 255, 0)


def outline(mask):
    return mask & ~ndimage.binary_erosion(mask)


def painted(image, truth, found, zoom=2):
    """Image [y, x] beside itself with outlines, uint8 RGB."""
    low, high = numpy.percentile(image, [0.5, 99.8])
    grey = numpy.clip((image - low) / max(high - low, 1e-8) * 255, 0, 255).astype(numpy.uint8)
    plain = numpy.repeat(grey[..., None], 3, axis=2).repeat(zoom, 0).repeat(zoom, 1)
    marked = plain.copy()
    a, b = (outline((mask > 0).repeat(zoom, 0).repeat(zoom, 1)) for mask in (truth, found))
    marked[a], marked[b], marked[a & b] = TRUTH, ANSWER, BOTH
    return numpy.concatenate([plain, marked], axis=1)


def extremes(result):
    """Lowest, median and highest case of every group."""
    groups = {}
    for name, scores in result["cases"].items():
        groups.setdefault(name.split("/")[0], []).append((sum(scores.values()), name))
    return [sorted(cases)[index][1] for cases in groups.values() for index in (0, len(cases) // 2, -1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", default=os.environ.get("SCANLANE_DATA"), help="folder of the data sets (SCANLANE_DATA)")
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cases")
    arguments = parser.parse_args()
    config = load_config(arguments.config)
    manifest = config["manifest"]
    run = onnx_runner(arguments.models / config["id"] / manifest["network"]["file"], threads=1)
    data = source(config["data"], arguments.data, None)
    result = json.loads((RESULTS / f"{config['id']}.json").read_text())
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.cases.split(",") if arguments.cases else extremes(result):
        image, truth, spacing = data.case(name)
        found = segment(image, spacing, manifest, run)
        middle = len(image) // 2
        path = arguments.out / f"{config['id']}-{name.replace('/', '-')}.png"
        Image.fromarray(painted(image[middle], truth[middle], found[middle])).save(path)
        print(path, result["cases"].get(name))


if __name__ == "__main__":
    main()
