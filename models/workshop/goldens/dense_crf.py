"""Goldens of src/refine/crf/dense-crf.ts: marginals of pydensecrf.

pydensecrf (https://github.com/lucasb-eyer/pydensecrf, MIT) is built from source in an environment of its own and is not
in the workshop's lock file.
"""

import numpy
import pydensecrf.densecrf as densecrf
from pydensecrf.utils import unary_from_softmax

from write_golden import numbers, size_of, write_golden


def grid_features(shape, widths, image=None, image_width=1.0):
    """x, y(, z) over their widths, then the intensity; points with x fastest."""
    axes = [numpy.arange(n, dtype=numpy.float32) for n in shape]
    grid = numpy.stack(numpy.meshgrid(*axes, indexing="ij")[::-1])[: len(widths)]
    for k, width in enumerate(widths):
        grid[k] /= width
    if image is not None:
        grid = numpy.concatenate([grid, image[numpy.newaxis].astype(numpy.float32) / numpy.float32(image_width)])
    return numpy.ascontiguousarray(grid.reshape(len(grid), -1))


def phantom(draw, shape, labels):
    """Probabilities of blobs with noise, and an image that follows the blobs."""
    z, y, x = numpy.meshgrid(*[numpy.linspace(-1, 1, n) if n > 1 else numpy.zeros(1) for n in shape], indexing="ij")
    logits = [numpy.zeros(shape)]
    for label in range(1, labels):
        centre = draw.uniform(-0.5, 0.5, 3)
        distance = numpy.sqrt((x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2)
        logits.append(4 * (0.55 - distance))
    logits = numpy.stack(logits)
    image = numpy.round(100 * logits.argmax(0) + draw.normal(0, 12, shape)).astype(numpy.float32)
    logits = logits + draw.normal(0, 1.2, logits.shape)
    probabilities = numpy.exp(logits) / numpy.exp(logits).sum(0)
    return numpy.round(probabilities, 4).astype(numpy.float32), image


def main():
    draw = numpy.random.default_rng(42)
    cases = []
    for shape, labels, gauss, bilateral, iterations in [
        ((1, 20, 24), 2, ((3, 3), 3), ((12, 12), 13, 10), 5),
        ((1, 20, 24), 3, ((2, 1.5), 2), ((8, 6), 25, 4), 5),
        # 437 points: not a multiple of four, so the reference adds points at the origin.
        ((1, 19, 23), 2, ((3, 2), 3), ((10, 14), 20, 6), 10),
        ((8, 10, 12), 2, ((2, 2, 1), 3), ((6, 6, 3), 20, 5), 5),
        ((8, 10, 12), 3, ((1.5, 2, 1), 2), ((5, 5, 2.5), 30, 4), 5),
        ((8, 10, 12), 4, ((1.5, 2, 1), 2), None, 3),
    ]:
        probabilities, image = phantom(draw, shape, labels)
        points = image.size
        crf = densecrf.DenseCRF(points, labels)
        crf.setUnaryEnergy(numpy.ascontiguousarray(unary_from_softmax(probabilities)))
        crf.addPairwiseEnergy(grid_features(shape, gauss[0]), compat=gauss[1])
        if bilateral is not None:
            crf.addPairwiseEnergy(grid_features(shape, bilateral[0], image, bilateral[1]), compat=bilateral[2])
        marginals = numpy.array(crf.inference(iterations))
        cases.append({
            "size": size_of(image), "iterations": iterations,
            "smoothness": {"widthsVox": gauss[0], "weight": gauss[1]},
            "appearance": bilateral and {"widthsVox": bilateral[0], "width": bilateral[1], "weight": bilateral[2]},
            "image": numbers(image, 7), "probabilities": [numbers(p, 6) for p in probabilities],
            "marginals": [numbers(q.round(6)) for q in marginals]})

    # The same thing through the two-dimensional class, which builds its own features.
    probabilities, image = phantom(draw, (1, 20, 24), 2)
    image = image.clip(0, 255)
    rgb = numpy.ascontiguousarray(numpy.stack([image[0]] * 3, -1).astype(numpy.uint8))
    crf = densecrf.DenseCRF2D(24, 20, 2)
    crf.setUnaryEnergy(numpy.ascontiguousarray(unary_from_softmax(probabilities)))
    crf.addPairwiseGaussian(sxy=3, compat=3)
    crf.addPairwiseBilateral(sxy=10, srgb=25, rgbim=rgb, compat=5)
    marginals = numpy.array(crf.inference(5))
    plane = {"size": [24, 20, 1], "iterations": 5, "smoothness": {"widthsVox": [3, 3], "weight": 3},
             "appearance": {"widthsVox": [10, 10], "width": 25, "weight": 5}, "image": numbers(image, 7),
             "probabilities": [numbers(p, 6) for p in probabilities], "marginals": [numbers(q.round(6)) for q in marginals]}

    # Normalisations, and a cost for each pair of labels.
    options = []
    probabilities, image = phantom(draw, (5, 9, 11), 3)
    penalties = numpy.array([[0, 1, 2], [1, 0, 0.5], [2, 0.5, 0]], numpy.float32)
    for name, normalisation, matrix in [
        ("none", densecrf.NO_NORMALIZATION, None),
        ("before", densecrf.NORMALIZE_BEFORE, None),
        ("after", densecrf.NORMALIZE_AFTER, None),
        ("symmetric", densecrf.NORMALIZE_SYMMETRIC, penalties),
    ]:
        weight = 0.02 if name == "none" else 2
        crf = densecrf.DenseCRF(image.size, 3)
        crf.setUnaryEnergy(numpy.ascontiguousarray(unary_from_softmax(probabilities)))
        crf.addPairwiseEnergy(grid_features(image.shape, (2, 2, 1), image, 20),
                              compat=weight if matrix is None else matrix * weight, normalization=normalisation)
        marginals = numpy.array(crf.inference(4))
        options.append({"size": size_of(image), "iterations": 4, "normalisation": name, "weight": weight,
                        "penalties": None if matrix is None else matrix.tolist(), "widthsVox": [2, 2, 1], "width": 20,
                        "image": numbers(image, 7), "probabilities": [numbers(p, 6) for p in probabilities],
                        "marginals": [numbers(q.round(6)) for q in marginals]})
    write_golden("dense-crf", {"cases": cases, "rgb": plane, "options": options})


if __name__ == "__main__":
    main()
