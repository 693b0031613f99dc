"""Draws a model's answers beside the truth, to be looked at.

    python look.py configs/<id>.json --data <folder> --models <folder> --out <folder> [--cases a,b,c]
    python look.py configs/<id>.json --data <folder> --models <folder> --card

One PNG a case: image, outline of the truth (green), of the answer (magenta), of both (yellow). Without --cases: the
lowest, the median and the highest score of every group. With --card: the cases that the config's card names, which
must be free to show, small and side by side as <models>/<id>/pictures.jpg; nothing where it names none.
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
from evaluate import RESULTS, answered
from procedure import package_runner

# Of the card's pictures, in pixels.
HEIGHT = 256
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
    """Lowest, median and highest case of every group; a case without a group in its name is of one with all such."""
    groups = {}
    for name, scores in result["cases"].items():
        groups.setdefault(name.rpartition("/")[0], []).append((sum(scores.values()), name))
    return [sorted(cases)[index][1] for cases in groups.values() for index in (0, len(cases) // 2, -1)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", default=os.environ.get("SCANLANE_DATA"), help="folder of the data sets (SCANLANE_DATA)")
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cases")
    parser.add_argument("--card", action="store_true")
    arguments = parser.parse_args()
    config = load_config(arguments.config)
    if arguments.card and "shown" not in config["card"]:
        return
    manifest = config["manifest"]
    run = package_runner(arguments.models / config["id"], manifest)
    data = source(config["data"], arguments.data, None)

    def picture(name, zoom=2):
        image, truth, spacing = data.case(name)
        found = answered(config, image, spacing, run)
        middle = len(image) // 2
        return painted(image[middle], truth[middle], found[middle], zoom)

    if arguments.card:
        shown = [Image.fromarray(picture(name)) for name in config["card"]["shown"]]
        small = [one.resize((HEIGHT * one.width // one.height, HEIGHT)) for one in shown]
        sheet = Image.new("RGB", (sum(one.width for one in small), HEIGHT))
        for index, one in enumerate(small):
            sheet.paste(one, (sum(before.width for before in small[:index]), 0))
        sheet.save(arguments.models / config["id"] / "pictures.jpg", quality=85)
        return
    result = json.loads((RESULTS / f"{config['id']}.json").read_text())
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name in arguments.cases.split(",") if arguments.cases else extremes(result):
        path = arguments.out / f"{config['id']}-{name.replace('/', '-')}.png"
        Image.fromarray(picture(name)).save(path)
        print(path, result["cases"].get(name))


if __name__ == "__main__":
    main()
