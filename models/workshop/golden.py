"""A made-up input with known labels per model: what every implementation of the procedure has to reproduce.

Only numbers from a seeded generator go in, no patient. The labels are those of this workshop's procedure with the
exported file, before any postprocess step.
"""

import hashlib
import json

from scipy import ndimage
import numpy

from procedure import onnx_runner, segment
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


PHANTOMS = {"hippocampus-unet3d": blobs, "brain-mask-unet2d": egg}


def write_golden(model_id, manifest, folder):
    """Writes golden/ with the first seed that gives every label at least 1 % of the voxels; returns its facts."""
    weights = folder / manifest["network"]["file"]
    run = onnx_runner(weights, threads=1)
    for seed in range(1, 400):
        volume, spacing = PHANTOMS[model_id](seed)
        labels = segment(volume, spacing, manifest, run)
        shares = [float((labels == label["value"]).mean()) for label in manifest["labels"]]
        if min(shares) >= 0.01:
            break
    else:
        raise SystemExit(f"no seed gives {model_id} every label")
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
