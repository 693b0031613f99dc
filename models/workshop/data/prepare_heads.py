"""Turns two T1 heads into label maps from which heads of any contrast are made.

    python data/prepare_heads.py --data <folder> --runs <folder>

Per head: `brain` (the mask to learn), `tissue` (an intensity class, of the brain or of the rest) and `cell` (which
part of space), `real` (the T1 intensities). "Brain" is the envelope of the gyri: brain tissue closed by a ball
of 6 mm (`envelope`), so sulci and ventricles belong to it and the fluid outside the gyri does not.
"""

import argparse
import os
import sys
from pathlib import Path

from scipy import ndimage
import numpy
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from architectures.mindgrab import brain_mask
from volumes import read_ras

BRAIN_CLASSES = 4
OTHER_CLASSES = 7
SHELL_MM = 2.2
CELLS = 14
EXTRUDED_MM = 35


def largest(mask):
    parts, count = ndimage.label(mask, numpy.ones((3, 3, 3)))
    if count < 2:
        return mask
    sizes = numpy.bincount(parts.ravel())
    sizes[0] = 0
    return parts == sizes.argmax()


def closed(mask, radius):
    """Closing by a ball, holes filled."""
    padded = numpy.pad(mask, int(radius) + 2)
    grown = ndimage.distance_transform_edt(~padded) <= radius
    shrunk = ndimage.distance_transform_edt(grown) > radius
    inner = tuple(slice(int(radius) + 2, -int(radius) - 2) for _ in range(3))
    return ndimage.binary_fill_holes(shrunk[inner])


def envelope(tissue):
    """The mask to learn: gyri closed by 6 mm, thin bridges to what is not brain opened by 4 mm."""
    mask = closed(tissue, 6)
    core = ndimage.distance_transform_edt(mask) > 4
    opened = ndimage.distance_transform_edt(~largest(core)) <= 4
    return largest(mask & opened)


def lloyd(values, count, rounds=12):
    """One-dimensional k-means from quantile starts: deterministic and enough for intensities."""
    centres = numpy.quantile(values, (numpy.arange(count) + 0.5) / count)
    centres = centres + numpy.arange(count) * 1e-3
    for _ in range(rounds):
        nearest = numpy.abs(values[:, None] - centres[None]).argmin(1)
        centres = numpy.array(
            [values[nearest == k].mean() if (nearest == k).any() else centres[k] for k in range(count)]
        )
    return numpy.sort(centres)


def classes(values, count):
    rng = numpy.random.default_rng(5)
    values = values.astype(numpy.float32)
    centres = lloyd(rng.choice(values, min(values.size, 60_000), replace=False), count)
    return numpy.searchsorted((centres[1:] + centres[:-1]) / 2, values).astype(numpy.uint8)


def prepare(real, brain):
    """Label maps of one head from its intensities and its brain mask, the neck extended downwards."""
    real = numpy.clip(real, 0, 255).astype(numpy.uint8)
    # A neck of copies of the lowest slice: slices below the brain that are still full of anatomy.
    real = numpy.concatenate([numpy.repeat(real[:1], EXTRUDED_MM, 0), real])
    brain = numpy.concatenate([numpy.zeros_like(brain[:1]).repeat(EXTRUDED_MM, 0), brain])
    smooth = ndimage.gaussian_filter(real.astype(numpy.float32), 0.5)
    level = 0.12 * numpy.percentile(smooth[smooth > 5], 90)
    head = numpy.stack([ndimage.binary_fill_holes(s) for s in closed(smooth > level, 4)]) | brain

    tissue = numpy.zeros(real.shape, numpy.uint8)
    tissue[brain] = 1 + classes(smooth[brain], BRAIN_CLASSES)
    other = head & ~brain
    tissue[other] = 1 + BRAIN_CLASSES + classes(smooth[other], OTHER_CLASSES - 1)
    # What lies on the brain is fluid in one sequence and indistinct from bone in another: a label of its own.
    shell = other & (ndimage.distance_transform_edt(~brain) <= SHELL_MM)
    tissue[shell] = BRAIN_CLASSES + OTHER_CLASSES

    rng = numpy.random.default_rng(7)
    inside = numpy.argwhere(head[::4, ::4, ::4]) * 4
    seeds = inside[rng.choice(len(inside), CELLS, replace=False)].astype(numpy.float32)
    for _ in range(8):
        nearest = ((inside[:, None] - seeds[None]) ** 2).sum(-1).argmin(1)
        seeds = numpy.stack([inside[nearest == k].mean(0) for k in range(CELLS)]).astype(numpy.float32)
    z, y, x = numpy.indices(real.shape, dtype=numpy.float32)
    best = numpy.full(real.shape, numpy.inf, numpy.float32)
    cell = numpy.zeros(real.shape, numpy.uint8)
    for k, (a, b, c) in enumerate(seeds):
        distance = (z - a) ** 2 + (y - b) ** 2 + (x - c) ** 2
        closer = distance < best
        best[closer] = distance[closer]
        cell[closer] = k
    return {"real": real, "brain": brain.astype(numpy.uint8), "tissue": tissue, "cell": cell}


def ch2_head(templates):
    """Colin 27 (`ch2`) with its brain (`ch2bet`)."""
    real, _ = read_ras(templates / "ch2.nii.gz")
    bet, _ = read_ras(templates / "ch2bet.nii.gz")
    return prepare(real, envelope(largest(bet > 0)))


def t1_head(data):
    """Brainchop's sample head; its brain tissue is what MindGrab finds, less the fluid around it."""
    folder = data / "weights-reference"
    import nibabel

    stored = nibabel.load(folder / "sample-input" / "t1_crop.nii.gz")
    values = numpy.asarray(stored.dataobj)
    # Cropped to the head plus a margin, as the reference of Brainchop's other models is; a third of the time.
    found = numpy.argwhere(values > 0.15 * values.max())
    low = numpy.maximum(found.min(0) - 18, 0)
    high = numpy.minimum(found.max(0) + 19, values.shape)
    box = tuple(slice(a, b) for a, b in zip(low, high))
    mask = numpy.zeros(values.shape, numpy.uint8)
    mask[box] = largest(brain_mask(values[box], folder / "mindgrab"))

    def ras(array):
        image = nibabel.as_closest_canonical(nibabel.Nifti1Image(array, stored.affine))
        return numpy.ascontiguousarray(numpy.asarray(image.dataobj).transpose(2, 1, 0))

    real, mask = ras(values), ras(mask) > 0
    centres = lloyd(numpy.random.default_rng(3).choice(real[mask].astype(numpy.float32), 60_000), 3)
    tissue = mask & (real > (centres[0] + centres[1]) / 2)
    # MindGrab takes some mucosa of the nose along, which is thin: what a ball of 2 mm does not fit into goes.
    core = largest(ndimage.distance_transform_edt(tissue) > 2)
    tissue &= ndimage.distance_transform_edt(~core) <= 4
    brain = envelope(tissue) & mask
    occupied = numpy.argwhere(real > 12)
    low, high = numpy.maximum(occupied.min(0) - 3, 0), occupied.max(0) + 4
    crop = tuple(slice(a, b) for a, b in zip(low, high))
    return prepare(real[crop], brain[crop])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", default=os.environ.get("SCANLANE_DATA"), help="folder of the data sets (SCANLANE_DATA)")
    parser.add_argument("--runs", type=Path, required=True, help="folder for checkpoints and prepared data")
    parser.add_argument(
        "--mricron",
        type=Path,
        default=Path(os.environ.get("MRICRON_TEMPLATES", "/usr/share/mricron/templates")),
        help="templates of Debian's mricron-data (MRICRON_TEMPLATES)",
    )
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("give --data or set SCANLANE_DATA")
    torch.set_num_threads(1)
    folder = arguments.runs / "heads"
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in (
        ("ch2", lambda: ch2_head(arguments.mricron)),
        ("t1-crop", lambda: t1_head(Path(arguments.data))),
    ):
        head = make()
        numpy.savez_compressed(folder / f"{name}.npz", **head)
        print(f"{name}: {head['real'].shape} voxels, brain {head['brain'].sum() / 1000:.0f} ml", flush=True)


if __name__ == "__main__":
    main()
