"""Where a model's error lies: at the outline or elsewhere, and what another threshold or mirroring would change.

    python where.py configs/<id>.json --data <folder> --models <folder>

For models of pictures with one label. Per group of validation images, and of as many training images (every n-th): mean
Dice with the logit of foreground compared with each of OFFSETS, plain and mirrored along x and y; the best Dice that an
offset chosen for each image would give; and which share of the missed and of the added pixels lies within two pixels of
the annotator's outline. A Dice on training images little above that on validation images says that more training of
the same kind has little to gain: what is left is in the labels. Prints a table and writes nothing.
"""

import argparse
import json
import os
from pathlib import Path

from scipy import ndimage
import numpy

from config import load_config
from data import source
from metrics import dice
from normalise import normalise
from procedure import mirrored, package_runner, tiled_logits

OFFSETS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0)
NEAR_PIXELS = 2


def shares_near(truth, found):
    """Of the missed and of the added pixels, those within NEAR_PIXELS of the outline of `truth`; NaN for none."""
    outline = truth & ~ndimage.binary_erosion(truth)
    near = ndimage.binary_dilation(outline, iterations=NEAR_PIXELS)
    missed, added = truth & ~found, found & ~truth
    return [float((part & near).sum() / part.sum()) if part.any() else float("nan") for part in (missed, added)]


def measured(truth, evidence):
    """Dice at each offset, the best of them, and `shares_near` at offset 0; `evidence` is a logit, [y, x]."""
    scores = [dice(truth, evidence > offset, True) for offset in OFFSETS]
    return [*scores, max(scores), *shares_near(truth, evidence > 0)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", default=os.environ.get("SCANLANE_DATA"), help="folder of the data sets (SCANLANE_DATA)")
    parser.add_argument("--models", type=Path, required=True)
    arguments = parser.parse_args()
    config = load_config(arguments.config)
    folder = arguments.models / config["id"]
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["network"]["folds"] = [one["file"] for one in manifest["network"].get("folds", [])]
    run, data = package_runner(folder, manifest), source(config["data"], arguments.data, None)
    title = [f"{offset:+.1f}" for offset in OFFSETS]
    print(f"| Images | Mirrored | {' | '.join(title)} | best of each | missed near | added near |")
    print("| --- |" + " --- |" * (len(OFFSETS) + 4))
    for part in ("validation", "training"):
        groups = {}
        for name in data.split[part]:
            groups.setdefault(data.group(name), []).append(name)
        for group, names in groups.items():
            wanted = sum(data.group(name) == group for name in data.split["validation"])
            chosen = names[:: max(1, len(names) // max(1, wanted))][:wanted]
            for axes in ([], ["x", "y"]):
                rows = []
                for name in chosen:
                    image, truth, _ = data.case(name)
                    plane = normalise(image, manifest["channels"][0]["normalisation"])[0]
                    logits = tiled_logits(plane, manifest["tiles"]["patchVox"][1::-1], manifest, mirrored(run, axes))
                    rows.append(measured(truth[0] > 0, logits[1] - logits[0]))
                cells = [f"{value:.4f}" for value in numpy.nanmean(rows, 0)]
                print(f"| {part}, {group}, {len(rows)} | {'x, y' if axes else 'no'} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
