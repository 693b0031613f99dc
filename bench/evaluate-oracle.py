"""MONAI, MedPy and surface-distance on a label of the pair of `bench/evaluate.ts`: seconds of each, as JSON."""

import json
import statistics
import sys
import time
import warnings

import nibabel
import numpy
from scipy import ndimage

# surface-distance 0.1 was written for names that numpy 2 and SciPy 1.15 no longer have.
numpy.Inf = numpy.inf
ndimage.filters = ndimage
ndimage.morphology = ndimage

import surface_distance  # noqa: E402
import torch  # noqa: E402
from medpy.metric import binary  # noqa: E402
from monai import metrics  # noqa: E402

warnings.simplefilter("ignore")
truth, prediction = (numpy.asarray(nibabel.load(path).dataobj) for path in sys.argv[1:3])
spacing = [float(v) for v in nibabel.load(sys.argv[1]).header.get_zooms()[:3]]
label, repeats = int(sys.argv[3]), int(sys.argv[4])
t, p = truth == label, prediction == label


def with_monai():
    y, q = (torch.tensor(numpy.stack([~m, m])[None].astype(numpy.float32)) for m in (t, p))
    dice = float(metrics.compute_dice(q, y, include_background=False)[0, 0])
    hd95 = float(metrics.compute_hausdorff_distance(q, y, percentile=95, spacing=spacing)[0, 0])
    metrics.compute_average_surface_distance(q, y, symmetric=True, spacing=spacing)
    return {"dice": dice, "hd95Monai": hd95}


def with_medpy():
    return {"dice": binary.dc(p, t), "hd95Medpy": binary.hd95(p, t, spacing), "assd": binary.assd(p, t, spacing)}


def with_surface_distance():
    distances = surface_distance.compute_surface_distances(t, p, spacing)
    return {
        "hd95Deepmind": surface_distance.compute_robust_hausdorff(distances, 95),
        "surfaceDiceDeepmind": surface_distance.compute_surface_dice_at_tolerance(distances, 2),
    }


# MedPy works on the whole volume, for minutes: once.
programs = {
    "MONAI: Dice, HD95, mean distance": (with_monai, repeats),
    "surface-distance: HD95, surface Dice": (with_surface_distance, repeats),
    "MedPy: Dice, HD95, mean distance (once)": (with_medpy, 1),
}
seconds, scores = {}, {}
for name, (run, times) in programs.items():
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        found = run()
        taken.append(time.perf_counter() - start)
    seconds[name] = statistics.median(taken)
    for key, value in found.items():
        scores.setdefault(key, float(value))
print(json.dumps({"seconds": seconds, "scores": scores}))
