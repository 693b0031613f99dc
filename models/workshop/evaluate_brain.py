"""Scores a brain-mask network on a head that it never saw.

    python evaluate_brain.py --runs <folder>

A training of its own leaves one head out (configs/brain-mask-unet2d-without-<head>.json) and is scored on that head,
cut into axial scans: the real T1 intensities and made-up contrasts, at 1, 3 and 5 mm thick slices
(5 mm slices every 7 mm). The intervals span scans, not people: two heads say little about people.
"""

import argparse
import json
from pathlib import Path

from scipy import ndimage
import numpy
import torch

from architectures import build
from augmentation.contrast import tissue_intensities
from checkpoint import finished_checkpoint
from data.prepare_heads import BRAIN_CLASSES, CELLS, EXTRUDED_MM, OTHER_CLASSES
from evaluate import RESULTS, summary
from metrics import dice
from procedure import segment, torch_runner

CUTS = [(1, 4), (3, 4), (5, 7)]
CONTRASTS = 6


def contrasts(head):
    """(name, volume) of the real intensities and of seeded made-up ones, with noise and blur of a scanner."""
    yield "t1", head["real"].astype(numpy.float32)
    label = torch.from_numpy(head["tissue"].astype(numpy.int64) * CELLS + head["cell"])
    for seed in range(CONTRASTS):
        generator = torch.Generator().manual_seed(900 + seed)
        means = tissue_intensities(generator, BRAIN_CLASSES, OTHER_CLASSES, CELLS).reshape(-1)
        volume = ndimage.gaussian_filter(means[label].numpy(), 0.5)
        noise = numpy.random.default_rng(seed).normal(0, 0.03, volume.shape)
        yield f"made-up-{seed}", (1000 * numpy.abs(volume + noise)).astype(numpy.float32)


def cut(volume, thickness, step):
    """Slices of `thickness` mm every `step` mm out of 1 mm planes."""
    starts = range(0, volume.shape[0] - thickness + 1, step)
    return numpy.stack([volume[start : start + thickness].mean(0) for start in starts])


def score(config, manifest, runs, left_out):
    network = build(config["architecture"])
    network.load_state_dict(finished_checkpoint(config, runs)["average"])
    run = torch_runner(network)
    head = {name: array[EXTRUDED_MM:] for name, array in numpy.load(Path(runs) / "heads" / f"{left_out}.npz").items()}
    scores = {}
    for name, volume in contrasts(head):
        for thickness, step in CUTS:
            truth = cut(head["brain"].astype(numpy.float32), thickness, step) > 0.5
            found = segment(cut(volume, thickness, step), (1, 1, step), manifest, run) == 1
            scores[f"{name}, {thickness} mm"] = round(dice(truth, found, True), 4)
    return scores


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--heads", nargs="+", default=["t1-crop"], help="left-out heads to score; others keep theirs")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    here = Path(__file__).resolve().parent
    manifest = json.loads((here / "configs" / "brain-mask-unet2d.json").read_text())["manifest"]
    path = RESULTS / "brain-mask-unet2d.json"
    before = json.loads(path.read_text())["heads"] if path.exists() else {}
    result = {"metric": "Dice", "command": "python evaluate_brain.py --runs <folder>", "heads": before}
    for left_out in arguments.heads:
        config = json.loads((here / "configs" / f"brain-mask-unet2d-without-{left_out}.json").read_text())
        scores = score(config, manifest, arguments.runs, left_out)
        real = [value for name, value in scores.items() if name.startswith("t1,")]
        made = [value for name, value in scores.items() if not name.startswith("t1,")]
        result["heads"][left_out] = {"real": summary(real), "made-up": summary(made), "scans": scores}
        print(left_out, "real", summary(real), "made-up", summary(made))
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
