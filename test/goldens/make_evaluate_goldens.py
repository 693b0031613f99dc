"""Goldens of the evaluation: MONAI, MedPy, DeepMind's surface-distance and SciPy on small label maps.

Run from anywhere: `python test/goldens/make_evaluate_goldens.py`; needs numpy 2, scipy, monai, torch, medpy and
surface-distance 0.1. Arrays are [x, y, z]; masks are written as strings of digits, x fastest.
"""

import json
import pathlib
import warnings

import numpy
from scipy import ndimage, stats

# surface-distance 0.1 was written for names that numpy 2 and SciPy 1.15 no longer have.
numpy.Inf = numpy.inf
ndimage.filters = ndimage
ndimage.morphology = ndimage

import surface_distance  # noqa: E402
import torch  # noqa: E402
from medpy.metric import binary  # noqa: E402
from monai import metrics  # noqa: E402

warnings.simplefilter("ignore")


def blob(draw, shape, smooth, share):
    field = ndimage.gaussian_filter(draw.normal(size=shape), smooth)
    return field > numpy.quantile(field, 1 - share)


def ellipsoid(shape, centre, radii):
    grid = numpy.indices(shape)
    return sum(((g - c) / r) ** 2 for g, c, r in zip(grid, centre, radii)) <= 1


def one_hot(mask):
    """MONAI's batch and classes: background and foreground."""
    return torch.tensor(numpy.stack([~mask, mask])[None].astype(numpy.float32))


def score(truth, prediction, spacing, tolerance):
    y, p = one_hot(truth), one_hot(prediction)
    confusion = metrics.get_confusion_matrix(p, y, include_background=False)

    def monai(name):
        return float(metrics.compute_confusion_matrix_metric(name, confusion)[0, 0])

    # Neither map has the label: no value (MONAI's default). Only the prediction has it: 0 (MONAI's other choice).
    rule = {"include_background": False, "ignore_empty": not prediction.any()}
    found = {
        "dice": float(metrics.compute_dice(p, y, **rule)[0, 0]),
        "iou": float(metrics.compute_iou(p, y, **rule)[0, 0]),
        **{name: monai(name) for name in ("accuracy", "sensitivity", "specificity", "precision")},
    }
    if truth.any() and prediction.any():
        assert abs(found["dice"] - binary.dc(prediction, truth)) < 1e-6
        assert abs(found["iou"] - binary.jc(prediction, truth)) < 1e-6
        # MedPy gives 0 where there is no background to find.
        assert truth.all() or abs(found["specificity"] - binary.specificity(prediction, truth)) < 1e-6
        at = {"include_background": False, "spacing": spacing}
        nsd = {"class_thresholds": [tolerance], **at}
        found |= {
            "hd": binary.hd(prediction, truth, spacing),
            "hd95Medpy": binary.hd95(prediction, truth, spacing),
            "hd95Monai": float(metrics.compute_hausdorff_distance(p, y, percentile=95, **at)[0, 0]),
            "asdPredToTruth": binary.asd(prediction, truth, spacing),
            "asdTruthToPred": binary.asd(truth, prediction, spacing),
            "assd": binary.assd(prediction, truth, spacing),
            "surfaceDiceMonai": float(metrics.compute_surface_dice(p, y, **nsd)[0, 0]),
            "volumeErrorRelative": binary.ravd(prediction, truth),
        }
        monai_hd = float(metrics.compute_hausdorff_distance(p, y, **at)[0, 0])
        monai_assd = float(metrics.compute_average_surface_distance(p, y, symmetric=True, **at)[0, 0])
        assert abs(monai_assd - found["assd"]) <= 1e-6 * max(1, monai_assd)
        monai_asd = float(metrics.compute_average_surface_distance(p, y, **at)[0, 0])
        assert abs(monai_hd - found["hd"]) <= 1e-6 * max(1, monai_hd)
        assert abs(monai_asd - found["asdPredToTruth"]) <= 1e-6 * max(1, monai_asd)
        deepmind = surface_distance.compute_surface_distances(truth, prediction, spacing)
        average = surface_distance.compute_average_surface_distance(deepmind)
        found |= {
            "hdDeepmind": surface_distance.compute_robust_hausdorff(deepmind, 100),
            "hd95Deepmind": surface_distance.compute_robust_hausdorff(deepmind, 95),
            "asdTruthToPredDeepmind": average[0],
            "asdPredToTruthDeepmind": average[1],
            "surfaceDiceDeepmind": surface_distance.compute_surface_dice_at_tolerance(deepmind, tolerance),
        }
        by_area = metrics.compute_surface_dice(p, y, use_subvoxels=True, **nsd)
        assert abs(float(by_area[0, 0]) - found["surfaceDiceDeepmind"]) < 1e-6
    return {k: None if numpy.isnan(v) else float(v) for k, v in found.items()}


def lesions(truth, prediction, rank):
    """Components and any-voxel overlap, in SciPy."""
    whole = ndimage.generate_binary_structure(truth.ndim, rank)
    a, count_a = ndimage.label(truth, whole)
    b, count_b = ndimage.label(prediction, whole)
    found = len(numpy.unique(a[(a > 0) & prediction]))
    right = len(numpy.unique(b[(b > 0) & truth]))
    return {"lesionsTruth": count_a, "lesionsPred": count_b, "lesionsFound": found, "lesionsFalse": count_b - right}


def text(mask):
    return "".join(str(int(v)) for v in mask.ravel(order="F"))


def pairs():
    draw = numpy.random.default_rng(7)
    shape = (14, 12, 9)
    iso, uneven = (1.0, 1.0, 1.0), (0.7, 0.9, 2.5)
    whole = ellipsoid(shape, (6, 6, 4), (5, 4, 3))
    yield "ellipsoids", whole, ellipsoid(shape, (7, 6, 4), (5, 5, 2.5)), iso, 1
    yield "ellipsoids, anisotropic", whole, ellipsoid(shape, (7, 6, 4), (5, 5, 2.5)), uneven, 1
    yield "noise, anisotropic", blob(draw, shape, 0.8, 0.3), blob(draw, shape, 0.8, 0.2), uneven, 1
    yield "noise, every corner code", blob(draw, shape, 0.1, 0.5), blob(draw, shape, 0.1, 0.5), (0.6, 1.1, 1.7), 0.8
    yield "at the border", ellipsoid(shape, (0, 0, 0), (6, 5, 4)), ellipsoid(shape, (0, 1, 0), (5, 5, 5)), uneven, 1.5
    every = numpy.ones(shape, bool)
    yield "the whole volume", every, ellipsoid(shape, (6, 6, 4), (9, 9, 9)), uneven, 1
    one = numpy.zeros(shape, bool)
    one[3, 4, 5] = True
    far = numpy.zeros(shape, bool)
    far[13, 0, 8] = True
    yield "single voxels apart", one, far, uneven, 2
    yield "a single voxel and an organ", one, whole, uneven, 2
    yield "the same", whole, whole, uneven, 2
    yield "no overlap", ellipsoid(shape, (2, 2, 2), (2, 2, 2)), ellipsoid(shape, (11, 9, 6), (2, 2, 2)), uneven, 2
    yield "reference empty", numpy.zeros(shape, bool), one, uneven, 2
    yield "prediction empty", one, numpy.zeros(shape, bool), uneven, 2
    yield "both empty", numpy.zeros(shape, bool), numpy.zeros(shape, bool), uneven, 2
    plane = (17, 13)
    yield "picture, noise", blob(draw, plane, 0.5, 0.4), blob(draw, plane, 0.5, 0.4), (0.8, 1.3), 1
    yield "picture, discs", ellipsoid(plane, (8, 6), (6, 5)), ellipsoid(plane, (9, 6), (5, 6)), (1.0, 1.0), 1


def intervals():
    """Confidence intervals of a mean, at so many resamples that chance is in the third digit."""
    draw = numpy.random.default_rng(11)
    for values in (draw.beta(8, 2, 12), draw.gamma(2, 3, 30), draw.normal(0, 1, 5)):
        found = stats.bootstrap((values,), numpy.mean, n_resamples=200_000, method="BCa", rng=5, batch=10_000)
        yield {"values": list(values), "interval": list(found.confidence_interval)}


def signed_ranks():
    draw = numpy.random.default_rng(13)
    small = draw.normal(0.3, 1, 9)
    large = draw.normal(0.2, 1, 45)
    tied = numpy.array([1.0, -1, 2, 2, -3, 4, 4, 4, 0, 5])
    for values, method in (
        (small, "exact"),
        (large, "exact"),
        (tied[tied != 0], stats.PermutationMethod(n_resamples=numpy.inf)),
        (draw.normal(0.05, 1, 260), "approx"),
    ):
        yield {"differences": list(values), "p": float(stats.wilcoxon(values, method=method).pvalue)}


cases = []
for name, truth, prediction, spacing, tolerance in pairs():
    cases.append(
        {
            "name": name,
            "size": [*truth.shape, 1][:3],
            "spacing": [*spacing, 1.0][:3],
            "tolerance": tolerance,
            "truth": text(truth),
            "prediction": text(prediction),
            "scores": score(truth, prediction, spacing, tolerance),
            "lesions": {"6": lesions(truth, prediction, 1), "26": lesions(truth, prediction, truth.ndim)},
        }
    )
golden = {"cases": cases, "intervals": list(intervals()), "signedRanks": list(signed_ranks())}
path = pathlib.Path(__file__).with_name("evaluate.json")
path.write_text(json.dumps(golden) + "\n")
