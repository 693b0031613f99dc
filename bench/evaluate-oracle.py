"""MONAI, MedPy and surface-distance on labels of the pair of `bench/evaluate.ts`: seconds of each, as JSON."""

import json
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
seconds = {"MONAI": 0.0, "MedPy": 0.0, "surface-distance": 0.0}
scores = {}
for label in (int(v) for v in sys.argv[3].split(",")):
    t, p = truth == label, prediction == label
    y, q = (torch.tensor(numpy.stack([~m, m])[None].astype(numpy.float32)) for m in (t, p))
    start = time.perf_counter()
    dice = float(metrics.compute_dice(q, y, include_background=False)[0, 0])
    hd95 = float(metrics.compute_hausdorff_distance(q, y, percentile=95, spacing=spacing)[0, 0])
    metrics.compute_average_surface_distance(q, y, symmetric=True, spacing=spacing)
    seconds["MONAI"] += time.perf_counter() - start
    start = time.perf_counter()
    binary.dc(p, t), binary.hd95(p, t, spacing), binary.assd(p, t, spacing)
    seconds["MedPy"] += time.perf_counter() - start
    start = time.perf_counter()
    distances = surface_distance.compute_surface_distances(t, p, spacing)
    surface_distance.compute_robust_hausdorff(distances, 95)
    surface_distance.compute_surface_dice_at_tolerance(distances, 2)
    seconds["surface-distance"] += time.perf_counter() - start
    scores[label] = {"dice": dice, "hd95Monai": hd95}
print(json.dumps({"seconds": seconds, "scores": scores}))
