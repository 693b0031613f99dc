"""A made-up input with known labels per model: what every implementation of the procedure has to reproduce.

Only numbers from a seeded generator go in, no patient. The labels are those of this workshop's procedure with the
exported file, before any postprocess step.
"""

import hashlib
import json

from scipy import ndimage
import numpy

from procedure import package_runner, segment
from volumes import write_ras

TOLERANCE = 0.002
REASON = (
    "sums in another order (convolutions, tile blending, resampling in float32 or float64) move logits by up to "
    "1e-3; only voxels whose two best labels lie that close can change"
)


def blobs(seed):
    """36 x 52 x 38 voxels of 1 mm: smooth random blobs on two scales, 32 grey levels."""
    rng = numpy.random.default_rng(seed)
    shape = (38, 52, 36)
    coarse = ndimage.gaussian_filter(rng.standard_normal(shape), 5)
    fine = ndimage.gaussian_filter(rng.standard_normal(shape), 2)
    field = coarse / coarse.std() + 0.5 * fine / fine.std()
    field = (field - field.min()) / (field.max() - field.min())
    return (numpy.round(field * 31) * 8).astype(numpy.uint8), (1.0, 1.0, 1.0)


def egg(seed):
    """96 x 96 x 4 voxels of 2.2 x 2.2 x 6 mm: an egg of folded grey in a dark shell in a bright rind."""
    rng = numpy.random.default_rng(seed)
    shape = (4, 96, 96)
    z, y, x = numpy.indices(shape, dtype=float)
    bumps = ndimage.gaussian_filter(rng.standard_normal(shape), (1, 9, 9))
    radius = numpy.sqrt(((y - 47.5) / 40) ** 2 + ((x - 47.5) / 32) ** 2 + (z / 9) ** 2) + 0.06 * bumps / bumps.std()
    folds = ndimage.gaussian_filter(rng.standard_normal(shape), (0.5, 2.5, 2.5))
    grey = numpy.where(folds > 0, 13, 10)
    values = numpy.select([radius < 0.8, radius < 0.9, radius < 1], [grey, 2, 20], 0)
    noisy = ndimage.gaussian_filter(values.astype(float), (0, 0.6, 0.6)) + rng.uniform(0, 0.6, shape)
    return (numpy.round(noisy) * 40).astype(numpy.int16), (2.2, 2.2, 6.0)


def soft(distance):
    """1 well inside (negative), 0 well outside, with a soft edge."""
    return 1 / (1 + numpy.exp(numpy.clip(distance, -60, 60)))


def cells(seed):
    """One picture of 288 x 264 pixels: bright ellipses of several brightnesses, soft-edged, on dark noise."""
    rng = numpy.random.default_rng(seed)
    shape = (264, 288)
    y, x = numpy.indices(shape, dtype=float)
    picture = 8 + 3 * ndimage.gaussian_filter(rng.standard_normal(shape), 12) * 12
    for _ in range(30):
        centre, radii, angle = rng.uniform(0, shape), rng.uniform(6, 15, 2), rng.uniform(0, numpy.pi)
        along = numpy.cos(angle) * (y - centre[0]) + numpy.sin(angle) * (x - centre[1])
        across = numpy.cos(angle) * (x - centre[1]) - numpy.sin(angle) * (y - centre[0])
        distance = numpy.hypot(along / radii[0], across / radii[1])
        picture = numpy.maximum(picture, rng.uniform(60, 140) * soft((distance - 1) * 12))
    picture = picture + rng.normal(0, 2, shape)
    return numpy.clip(numpy.round(picture), 0, 255).astype(numpy.uint8)[None], (1.0, 1.0, 1.0)


def branches(seed):
    """One picture of 400 x 384 pixels: a bright disc on black, crossed by dark branching lines of 2 to 9 pixels."""
    rng = numpy.random.default_rng(seed)
    shape = (384, 400)
    y, x = numpy.indices(shape, dtype=float)
    disc = soft((numpy.hypot(y - 192, x - 200) - 175) / 2)
    shade = ndimage.gaussian_filter(rng.standard_normal(shape), 30)
    picture = 110 + 12 * shade / shade.std()
    dark = numpy.zeros(shape)
    for _ in range(14):
        place, heading = numpy.array([192.0, 120.0]), rng.uniform(0, 2 * numpy.pi)
        width, depth = rng.uniform(1, 4.5), rng.uniform(25, 45)
        for _ in range(90):
            place = place + 3 * numpy.array([numpy.sin(heading), numpy.cos(heading)])
            heading += rng.normal(0, 0.08)
            width = max(0.9, width * 0.992)
            distance = numpy.hypot(y - place[0], x - place[1])
            dark = numpy.maximum(dark, depth * soft((distance - width) * 2))
    picture = disc * (picture - dark) + rng.normal(0, 1.5, shape)
    return numpy.clip(numpy.round(picture), 0, 255).astype(numpy.uint8)[None], (1.0, 1.0, 1.0)


def chamber(seed):
    """Two slices of 200 x 192 pixels of 1.35 mm: a bright pool in a dark ring, beside another pool, in grey."""
    rng = numpy.random.default_rng(seed)
    shape = (192, 200)
    y, x = numpy.indices(shape, dtype=float)
    slices = []
    for radius in (17, 13):
        distance = numpy.hypot(y - 96, x - 104)
        right = numpy.hypot((y - 90) / 1.3, (x - 66) / 0.9)
        grey = ndimage.gaussian_filter(rng.standard_normal(shape), 6)
        values = 120 + 40 * grey / grey.std()
        values = numpy.where(right < 20, 430, values)
        values = numpy.where(distance < radius + 10, 90, values)
        values = numpy.where(distance < radius, 420, values)
        slices.append(ndimage.gaussian_filter(values, 1) + rng.normal(0, 8, shape))
    return numpy.clip(numpy.round(slices), 0, None).astype(numpy.int16), (1.35, 1.35, 8.0)


def band(seed):
    """36 x 52 x 38 voxels of 1 mm: a curved grey band that tapers backwards, beside dark fluid, in bright matter."""
    rng = numpy.random.default_rng(seed)
    shape = (38, 52, 36)
    z, y, x = numpy.indices(shape, dtype=float)
    bend = 17 + rng.uniform(-5, 5) * numpy.sin(y / rng.uniform(10, 18))
    rise = 19 - rng.uniform(-0.3, 0.3) * (y - 26)
    taper = rng.uniform(0.4, 1) + (1.6 - 1) * y / 52
    inside = numpy.hypot((x - bend) / (6.5 * taper), (z - rise) / (4.5 * taper))
    inside = numpy.where((y > 6) & (y < 46), inside, 9)
    fluid = numpy.hypot((x - bend - rng.uniform(-8, 8)) / 5, (z - rise - rng.uniform(4, 9)) / 3)
    texture = ndimage.gaussian_filter(rng.standard_normal(shape), 3)
    values = 130 + 14 * texture / texture.std()
    values = numpy.where(fluid < 1, 35, values)
    values = numpy.where(inside < 1, rng.uniform(85, 110), values)
    values = ndimage.gaussian_filter(values, 0.8) + rng.normal(0, 3, shape)
    return numpy.clip(numpy.round(values), 0, 255).astype(numpy.uint8), (1.0, 1.0, 1.0)


PHANTOMS = {"band": band, "blobs": blobs, "egg": egg, "cells": cells, "branches": branches, "chamber": chamber}


def write_golden(phantom, manifest, folder):
    """Writes golden/ with the first seed that gives every label at least 1 % of the voxels; returns its facts."""
    weights = folder / manifest["network"]["file"]
    run = package_runner(folder, manifest)
    for seed in range(1, 400):
        volume, spacing = PHANTOMS[phantom](seed)
        labels = segment(volume, spacing, manifest, run)
        shares = [float((labels == label["value"]).mean()) for label in manifest["labels"]]
        if min(shares) >= 0.01:
            break
    else:
        raise SystemExit(f"no seed of {phantom} gives every label")
    golden = folder / "golden"
    golden.mkdir(parents=True, exist_ok=True)
    write_ras(golden / "input.nii.gz", volume, spacing)
    write_ras(golden / "labels.nii.gz", labels, spacing)
    facts = {
        "seed": seed,
        "network": {"file": weights.name, "sha256": hashlib.sha256(weights.read_bytes()).hexdigest()},
        "voxels": {label["name"]: int((labels == label["value"]).sum()) for label in manifest["labels"]},
        "tolerance": TOLERANCE,
        "reason": REASON,
    }
    (golden / "golden.json").write_text(json.dumps(facts, indent=1) + "\n")
    return facts
