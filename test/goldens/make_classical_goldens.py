"""Goldens of src/imaging/classical: scikit-image, SciPy, SimpleITK and (for fuzzy c-means) the formulas in NumPy.

Run from anywhere: `python test/goldens/make_classical_goldens.py`; needs numpy, scipy, scikit-image and SimpleITK.
Arrays are flattened with x fastest; images hold whole numbers, so that float32 and float64 agree on them.
"""

import json
import pathlib

import numpy
import SimpleITK
from scipy import ndimage
from scipy.cluster.vq import kmeans2
from skimage import segmentation
from skimage.util import regular_grid

SHAPES = {"2-D": (1, 21, 26), "3-D": (11, 13, 15)}


def blobs(draw, shape):
    """Two ellipsoids of other brightness, smoothed, with noise, as whole numbers."""
    z, y, x = numpy.meshgrid(*[numpy.linspace(-1, 1, n) if n > 1 else numpy.zeros(1) for n in shape], indexing="ij")
    image = numpy.full(shape, 40.0)
    image[((x + 0.35) / 0.45) ** 2 + (y / 0.7) ** 2 + (z / 0.8) ** 2 < 1] = 120
    image[((x - 0.5) / 0.35) ** 2 + ((y - 0.2) / 0.4) ** 2 + (z / 0.6) ** 2 < 1] = 90
    image = ndimage.gaussian_filter(image, [0.7 if n > 1 else 0 for n in shape])
    return numpy.rint(image + draw.normal(0, 6, shape)).astype(numpy.float64)


def flat(array):
    """2-D for the references that want it."""
    return array[0] if array.shape[0] == 1 else array


def full(array):
    return array[numpy.newaxis] if array.ndim == 2 else array


def ints(array):
    return [int(v) for v in numpy.asarray(array).ravel()]


def reals(array):
    return [float(f"{v:.6g}") for v in numpy.asarray(array, dtype=numpy.float64).ravel()]


def text(array):
    """Labels below 36 as one string."""
    return "".join("0123456789abcdefghijklmnopqrstuvwxyz"[int(v)] for v in numpy.asarray(array).ravel())


def size_of(array):
    return [int(n) for n in array.shape[::-1]]


def smoothing_cases(image):
    sigma = [0 if image.shape[0] == 1 else 0.6, 1.1, 0.8]
    spacing_sigma = 1.0
    return {
        "sigmaVox": sigma[::-1],
        "smooth": reals(ndimage.gaussian_filter(image, sigma, mode="nearest")),
        "sigma": spacing_sigma,
        "gradient": reals(ndimage.gaussian_gradient_magnitude(flat(image), spacing_sigma, mode="nearest")),
        "alpha": 0.5,
        "edges": reals(segmentation.inverse_gaussian_gradient(flat(image), alpha=0.5, sigma=spacing_sigma)),
    }


def growing_cases(image):
    itk = SimpleITK.GetImageFromArray(flat(image).astype(numpy.float32))
    seed = int(numpy.argmax(ndimage.uniform_filter(image, [1 if n == 1 else 3 for n in image.shape])))
    z, y, x = numpy.unravel_index(seed, image.shape)
    point = [int(x), int(y)] if image.shape[0] == 1 else [int(x), int(y), int(z)]
    cases = {"seed": seed, "range": [], "confidence": []}
    for low, high in [(85, 150), (70, 112), (100, 200)]:
        for connectivity, mode in [(6, SimpleITK.ConnectedThresholdImageFilter.FaceConnectivity),
                                   (26, SimpleITK.ConnectedThresholdImageFilter.FullConnectivity)]:
            grown = SimpleITK.ConnectedThreshold(itk, [point], low, high, 1, mode)
            cases["range"].append({"low": low, "high": high, "connectivity": connectivity,
                                   "region": text(SimpleITK.GetArrayFromImage(grown))})
    for multiplier, iterations, radius in [(2.5, 0, 1), (2.5, 4, 1), (1.5, 3, 2)]:
        grown = SimpleITK.ConfidenceConnected(itk, [point], iterations, multiplier, radius, 1)
        cases["confidence"].append({"multiplier": multiplier, "iterations": iterations, "radiusVox": radius,
                                    "region": text(SimpleITK.GetArrayFromImage(grown))})
    return cases


def snake_cases(image):
    start = numpy.zeros(image.shape, dtype=numpy.int8)
    start[:, 4:12, 3:12] = 1
    if image.shape[0] > 1:
        start[:2] = 0
    cases = {"start": text(start), "chanVese": [], "geodesic": []}
    for iterations, smoothing, inside, outside in [(1, 0, 1, 1), (3, 1, 1, 1), (8, 2, 1, 2), (12, 3, 2, 1)]:
        # The reference alternates its two operators over all calls in a process: begin each case at the same one.
        rewind()
        out = segmentation.morphological_chan_vese(flat(image), iterations, init_level_set=flat(start),
                                                   smoothing=smoothing, lambda1=inside, lambda2=outside)
        cases["chanVese"].append({"iterations": iterations, "smoothing": smoothing, "lambdaInside": inside,
                                  "lambdaOutside": outside, "inside": text(out)})
    edges = segmentation.inverse_gaussian_gradient(flat(image), alpha=0.5, sigma=1.0)
    for iterations, smoothing, balloon, threshold in [(2, 0, 0, "auto"), (6, 1, 0, "auto"), (6, 1, 1, 0.3),
                                                      (5, 2, -1, "auto"), (4, 1, 2, 0.5)]:
        rewind()
        out = segmentation.morphological_geodesic_active_contour(
            edges, iterations, init_level_set=flat(start), smoothing=smoothing, balloon=balloon, threshold=threshold)
        cases["geodesic"].append({"iterations": iterations, "smoothing": smoothing, "balloon": balloon,
                                  "threshold": threshold, "inside": text(out)})
    return cases


def rewind():
    from itertools import cycle
    curvature = segmentation.morphsnakes._curvop
    both = [lambda u: segmentation.morphsnakes.sup_inf(segmentation.morphsnakes.inf_sup(u)),
            lambda u: segmentation.morphsnakes.inf_sup(segmentation.morphsnakes.sup_inf(u))]
    curvature.funcs = cycle(both)


def watershed_cases(draw, image):
    cases = []
    for levels in [None, 6]:
        # Few levels: many ties, so that the order of the flood decides.
        relief = numpy.rint(ndimage.gaussian_gradient_magnitude(image, [0 if image.shape[0] == 1 else 1, 1, 1]))
        if levels is not None:
            relief = numpy.floor(relief / (relief.max() + 1) * levels)
        markers = numpy.zeros(image.shape, dtype=numpy.int32)
        spots = draw.choice(image.size, 14, replace=False)
        markers.ravel()[spots] = numpy.arange(1, 15)
        mask = draw.random(image.shape) < 0.9
        for connectivity in [1, 3]:
            for masked in [False, True]:
                out = segmentation.watershed(flat(relief), flat(markers), mask=flat(mask) if masked else None,
                                             connectivity=min(connectivity, flat(relief).ndim))
                cases.append({"relief": ints(relief), "markers": text(markers), "mask": text(mask) if masked else None,
                              "connectivity": 6 if connectivity == 1 else 26, "labels": text(out)})
    return cases


def slic_cases(image):
    cases = []
    for segments, compactness, spacing in [(12, 0.1, (1, 1, 1)), (20, 0.2, (2.0, 1, 0.5)), (30, 0.3, (1, 1, 1))]:
        space = spacing[1:] if image.shape[0] == 1 else spacing
        labels = segmentation.slic(flat(image), segments, compactness, spacing=space, channel_axis=None,
                                   enforce_connectivity=True, start_label=1)
        slices = regular_grid(image.shape, segments)
        steps = [int(s.step or 1) for s in slices]
        starts = [int(s.start or 0) for s in slices]
        cases.append({"stepVox": steps[::-1], "startVox": starts[::-1], "edge": max(steps), "compactness": compactness,
                      "spacing": list(spacing[::-1]),
                      "labels": ints(labels)})
    return cases


def cluster_cases(draw):
    cases = []
    for features, count, fuzziness in [(1, 3, 2), (2, 3, 2), (3, 4, 1.5)]:
        middle = draw.normal(0, 3, (count, features))
        data = numpy.concatenate([draw.normal(m, 0.8, (40, features)) for m in middle]).astype(numpy.float32)
        data = numpy.round(data, 3).astype(numpy.float32).astype(numpy.float64)
        start = data[draw.choice(len(data), count, replace=False)]
        hard, labels = kmeans2(data, start, iter=60, minit="matrix", missing="raise")
        soft, memberships = fuzzy_c_means(data, start, fuzziness, 60)
        cases.append({"features": [reals(data[:, f]) for f in range(features)],
                      "start": [reals(c) for c in start], "fuzziness": fuzziness, "iterations": 60,
                      "kMeans": [reals(c) for c in hard], "nearest": text(labels),
                      "fuzzy": [reals(c) for c in soft], "memberships": [reals(m) for m in memberships]})
    return cases


def fuzzy_c_means(data, centres, m, iterations):
    """Bezdek's alternating updates, as written: u = 1 / sum_j (d_k / d_j)^(2 / (m - 1)), c = sum u^m x / sum u^m."""

    def memberships(at):
        distance = numpy.maximum(numpy.linalg.norm(data[numpy.newaxis] - at[:, numpy.newaxis], axis=2), 1e-12)
        return 1 / ((distance[:, numpy.newaxis] / distance[numpy.newaxis]) ** (2 / (m - 1))).sum(1)

    for _ in range(iterations):
        weights = memberships(centres) ** m
        centres = weights @ data / weights.sum(1, keepdims=True)
    return centres, memberships(centres)


def main():
    draw = numpy.random.default_rng(11)
    cases = []
    for name, shape in SHAPES.items():
        image = blobs(draw, shape)
        cases.append({"name": name, "size": size_of(image), "image": ints(image), "smoothing": smoothing_cases(image),
                      "growing": growing_cases(image), "snakes": snake_cases(image),
                      "watershed": watershed_cases(draw, image), "slic": slic_cases(image)})
    golden = {"cases": cases, "clusters": cluster_cases(draw)}
    path = pathlib.Path(__file__).with_name("classical.json")
    path.write_text(json.dumps(golden, separators=(",", ":")) + "\n")
    print(path, path.stat().st_size)


if __name__ == "__main__":
    main()
