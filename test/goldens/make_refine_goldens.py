"""Goldens of the refinement steps: scikit-image, SciPy, SimpleITK, and the published rules in NumPy.

Run from anywhere: `python test/goldens/make_refine_goldens.py`; needs numpy, scipy, scikit-image and SimpleITK.
Arrays are [z, y, x] and flattened with x fastest; label maps are written as strings of digits.
"""

import json
import pathlib

import numpy
import SimpleITK
from scipy import ndimage
from skimage.filters import apply_hysteresis_threshold, threshold_multiotsu, threshold_otsu
from skimage.measure import label, regionprops

SHAPE = (7, 9, 11)
SPACING = (0.7, 0.9, 2.5)  # x, y, z in millimetres


def text(array):
    return "".join(str(int(v)) for v in array.ravel())


def numbers(array):
    """Nine digits bring a float32 back as it was."""
    return [float(f"{v:.9g}") for v in numpy.asarray(array).ravel()]


def label_map(draw, labels=3, smooth=1.0):
    """Blobs of several labels and background."""
    scores = [ndimage.gaussian_filter(draw.normal(size=SHAPE), smooth) for _ in range(labels + 1)]
    return numpy.argmax(scores, axis=0)


def structure(connectivity):
    if connectivity in (4, 8):
        plane = ndimage.generate_binary_structure(2, 1 if connectivity == 4 else 2)
        return numpy.stack([plane * 0, plane, plane * 0]).astype(bool)
    return ndimage.generate_binary_structure(3, {6: 1, 18: 2, 26: 3}[connectivity])


def nnunet_largest(mask):
    """remove_all_but_largest_component: scikit-image's full connectivity, ties kept."""
    found = label(mask, connectivity=None)
    sizes = numpy.bincount(found.ravel())[1:]
    keep = [n + 1 for n, size in enumerate(sizes) if size == sizes.max()]
    return numpy.isin(found, keep)


def totalsegmentator_largest(mask):
    """keep_largest_blob, on the array [x, y, z] that it works on: the first maximum wins."""
    found, count = ndimage.label(mask.T)
    sizes = [numpy.sum(found == n) for n in range(1, count + 1)]
    return (found == numpy.argmax(sizes) + 1).T if sizes else mask


def totalsegmentator_small(mask, interval):
    """remove_small_blobs."""
    found, _ = ndimage.label(mask)
    counts = numpy.bincount(found.ravel())
    gone = numpy.nonzero((counts <= interval[0]) | (counts > interval[1]))[0]
    return mask & ~numpy.isin(found, gone)


def each(labels, values, rule):
    """Applies a rule on masks to each label of its own."""
    out = labels.copy()
    for value in values:
        mask = labels == value
        out[mask & ~rule(mask)] = 0
    return out


def grown(labels, values, rule):
    """The same for rules that add: background only, the first label asked for takes it."""
    out = labels.copy()
    for value in values:
        mask = labels == value
        new = rule(mask)
        out[mask & ~new] = 0
        out[new & ~mask & (out == 0)] = value
    return out


def ball(radius, flat=False):
    reach = [int(numpy.ceil(radius / mm)) for mm in SPACING[::-1]]
    if flat:
        reach[0] = 0
    z, y, x = numpy.mgrid[tuple(slice(-r, r + 1) for r in reach)]
    return (x * SPACING[0]) ** 2 + (y * SPACING[1]) ** 2 + (z * SPACING[2]) ** 2 <= radius**2 * (1 + 1e-9)


def morphology(mask, operation, element):
    """Nothing outside the image: it neither dilates (0) nor erodes (1)."""
    dilate = lambda m: ndimage.binary_dilation(m, element, border_value=0)
    erode = lambda m: ndimage.binary_erosion(m, element, border_value=1)
    return {
        "dilate": dilate,
        "erode": erode,
        "open": lambda m: dilate(erode(m)),
        "close": lambda m: erode(dilate(m)),
    }[operation](mask)


def holes(mask, flat, most):
    cross = ndimage.generate_binary_structure(mask.ndim, 1)
    if flat:
        return numpy.stack([holes(plane, False, most) for plane in mask])
    inside = ndimage.binary_fill_holes(mask, cross) & ~mask
    found, _ = ndimage.label(inside, cross)
    counts = numpy.bincount(found.ravel())
    return mask | (inside & (counts[found] <= most))


def component_steps(draw):
    cases = []

    def add(step, before, after, **more):
        cases.append({"step": step, "before": text(before), "after": text(after), **more})

    for connectivity in (4, 8, 6, 18, 26):
        labels = label_map(draw, smooth=0.5)
        for scope in ("label", "union"):
            def rule(mask):
                found, _ = ndimage.label(mask, structure(connectivity))
                return numpy.bincount(found.ravel())[found] >= 4
            after = each(labels, [1, 3], rule) if scope == "label" else numpy.where(
                numpy.isin(labels, [1, 3]) & ~rule(numpy.isin(labels, [1, 3])), 0, labels)
            add({"kind": "remove-small", "labels": [1, 3], "connectivity": connectivity, "scope": scope,
                 "minVoxels": 4}, labels, after)
    for smooth in (0.4, 0.6, 0.8):
        labels = label_map(draw, smooth=smooth)
        add({"kind": "largest-component", "labels": [1, 2, 3], "scope": "label"}, labels,
            each(labels, [1, 2, 3], nnunet_largest))
        union = labels > 0
        add({"kind": "largest-component", "labels": [1, 2, 3]}, labels, numpy.where(nnunet_largest(union), labels, 0))
        for threshold in (0.5, 0.9):
            # Many components of the same few sizes, so that ties occur.
            sparse = numpy.where(draw.random(SHAPE) < threshold, 0, labels)
            add({"kind": "largest-component", "labels": [3, 1, 2], "scope": "label", "connectivity": 6,
                 "ties": "first"}, sparse, each(sparse, [1, 2, 3], totalsegmentator_largest))
        voxel = numpy.prod(SPACING)
        add({"kind": "remove-small", "labels": [1, 2, 3], "connectivity": 6, "minMm3": 5 * voxel,
             "atLimit": "remove"}, labels, each(labels, [1, 2, 3], lambda m: totalsegmentator_small(m, [5, 1e10])))
    for dimensions in (2, 3):
        for most in (1, 3, 10**6):
            dense = numpy.where(draw.random(SHAPE) < 0.3, 0, label_map(draw, 2, 1.5))
            step = {"kind": "fill-holes", "labels": [2, 1], "dimensions": dimensions}
            if most < 100:
                step["maxVoxels"] = most
            add(step, dense, grown(dense, [2, 1], lambda m: holes(m, dimensions == 2, most)))
    for operation in ("dilate", "erode", "open", "close"):
        for dimensions, radius in ((3, 1.0), (3, 2.6), (2, 1.8)):
            labels = label_map(draw, 2, 1.2)
            labels = numpy.where(draw.random(SHAPE) < 0.1, 0, labels)
            element = ball(radius, dimensions == 2)
            add({"kind": "morphology", "labels": [1, 2], "operation": operation, "radiusMm": radius,
                 "dimensions": dimensions}, labels,
                grown(labels, [1, 2], lambda m: morphology(m, operation, element)))
    for keep in ("near", "far"):
        labels = label_map(draw, 3, 0.9)
        anatomy = labels == 3
        apart = ndimage.distance_transform_edt(~anatomy, sampling=SPACING[::-1])
        for option, near in (({"withinMm": 1.9}, apart <= 1.9),
                             ({"withinSteps": 2}, ndimage.binary_dilation(anatomy, iterations=2))):
            wanted = near if keep == "near" else ~near
            add({"kind": "keep-near", "labels": [1, 2], "anatomy": [3], "keep": keep, **option}, labels,
                numpy.where(numpy.isin(labels, [1, 2]) & ~wanted, 0, labels))
        found, count = ndimage.label(labels == 1, structure(26))
        keepers = [n for n in range(1, count + 1) if (apart[found == n].min() <= 0.8) == (keep == "near")]
        add({"kind": "screen-components", "labels": [1], "anatomy": {"labels": [3], "withinMm": 0.8, "keep": keep}},
            labels, numpy.where((labels == 1) & ~numpy.isin(found, keepers), 0, labels))
    return cases


def probability_steps(draw):
    cases = []
    for connectivity in (6, 26):
        p = (ndimage.gaussian_filter(draw.normal(size=SHAPE), 0.8) + 0.5).clip(0, 1).astype(numpy.float32)
        p = numpy.round(p, 3).astype(numpy.float32)
        before = p >= 0.5

        def add(step, after):
            cases.append({"step": {"labels": [1], **step}, "before": text(before), "after": text(after),
                          "probability": numbers(p)})

        if connectivity == 6:
            add({"kind": "hysteresis", "low": 0.55, "high": 0.8}, apply_hysteresis_threshold(p, 0.55, 0.8))
            add({"kind": "otsu"}, p > threshold_otsu(p))
            add({"kind": "otsu", "classes": 3, "keep": [1, 2]}, numpy.digitize(p, threshold_multiotsu(p)) >= 1)
            # The published rule on a batch of images: top score, area, bottom score.
            for top, area, bottom in ((0.9, 3, 0.3), (0.8, 6, 0.6)):
                images = p.copy()
                images[(p > top).sum(axis=(1, 2)) < area] = 0
                add({"kind": "score-triplet", "scope": "slice", "topScore": top, "minVoxels": area,
                     "bottomScore": bottom}, images > bottom)
                whole = p > bottom if (p > top).sum() >= 10 * area else before & False
                add({"kind": "score-triplet", "topScore": top, "minVoxels": 10 * area, "bottomScore": bottom}, whole)
        found, count = ndimage.label(p > 0.6, structure(connectivity))
        keep = [n for n in range(1, count + 1) if (p[found == n] > 0.8).sum() >= 2]
        add({"kind": "score-triplet", "scope": "component", "connectivity": connectivity, "topScore": 0.8,
             "minVoxels": 2, "bottomScore": 0.6}, numpy.isin(found, keep))
        found, count = ndimage.label(before, structure(connectivity))
        for statistic, rule in (("mean", numpy.mean), ("max", numpy.max)):
            keep = [n for n in range(1, count + 1) if rule(p[found == n].astype(numpy.float64)) >= 0.62]
            add({"kind": "screen-components", "connectivity": connectivity,
                 "score": {"statistic": statistic, "min": 0.62}}, numpy.isin(found, keep))
    return cases


def otsu(draw):
    cases = []
    for peaks, noise in (([10, 60], 12), ([-100, 40, 300], 35), ([0.1, 0.4, 0.7, 0.95], 0.05)):
        values = numpy.concatenate([draw.normal(p, noise, 150) for p in peaks]).astype(numpy.float32)
        cases.append({"values": numbers(values), "two": float(threshold_otsu(values)),
                      "three": numbers(threshold_multiotsu(values, 3)),
                      "four": numbers(threshold_multiotsu(values, 4))})
    few = numpy.array([1, 2, 3, 3, 2, 7], numpy.float32)
    cases.append({"values": numbers(few), "two": float(threshold_otsu(few)),
                  "three": numbers(threshold_multiotsu(few, 3)), "four": numbers(threshold_multiotsu(few, 4))})
    return cases


def distances(draw):
    cases = []
    for share in (0.02, 0.4):
        mask = draw.random(SHAPE) < share
        apart = ndimage.distance_transform_edt(~mask, sampling=SPACING[::-1])
        cases.append({"mask": text(mask), "squared": numbers(apart**2)})
    return cases


def shapes(draw):
    mask = ndimage.gaussian_filter(draw.normal(size=SHAPE), 0.9) > 0.1
    cases = []
    for flat in (False, True):
        # Single slices have their form in two dimensions.
        array = mask[3:4] if flat else mask
        found = label(array, connectivity=3)
        image = SimpleITK.GetImageFromArray((found[0] if flat else found).astype(numpy.uint32))
        image.SetSpacing(SPACING[:2] if flat else SPACING)
        statistics = SimpleITK.LabelShapeStatisticsImageFilter()
        statistics.Execute(image)
        forms = []
        axes = 2 if flat else 3
        spread = numpy.diag(numpy.square(SPACING[:axes])) / 12
        for region in regionprops(found):
            points = region.coords[:, ::-1][:, :axes] * SPACING[:axes]
            covariance = numpy.cov(points.T, bias=True) if len(points) > 1 else numpy.zeros((axes, axes))
            assert numpy.allclose(numpy.linalg.eigvalsh(covariance), statistics.GetPrincipalMoments(region.label))
            moments = numpy.linalg.eigvalsh(covariance + spread)
            volume = statistics.GetPhysicalSize(region.label)
            radius2 = volume / numpy.pi if flat else (3 * volume / 4 / numpy.pi) ** (2 / 3)
            forms.append({"elongation": numpy.sqrt(moments[-1] / moments[-2]), "extent": region.extent,
                          "sphericity": (0.5 if flat else 0.6) * radius2 / moments.sum()})
        cases.append({"size": list(array.shape[::-1]), "mask": text(array), "forms": forms})
    return cases


def main():
    draw = numpy.random.default_rng(11)
    document = {"size": SHAPE[::-1], "spacingMm": SPACING, "components": component_steps(draw),
                "probabilities": probability_steps(draw), "otsu": otsu(draw), "distances": distances(draw),
                "shapes": shapes(draw)}
    out = json.dumps(document, separators=(",", ":")).replace(',{"', ',\n{"')
    (pathlib.Path(__file__).parent / "refine.json").write_text(out + "\n")


if __name__ == "__main__":
    main()
