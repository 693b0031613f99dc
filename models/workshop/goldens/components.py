"""Goldens of src/imaging/components.ts and fill-holes.ts: scikit-image's labels, scipy's counts and filled holes."""

import numpy
from scipy import ndimage
from skimage.measure import label

from write_golden import size_of, write_golden


def text(array):
    """Small whole numbers as one string: digits, then letters."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return "".join(digits[int(v)] for v in array.ravel())


def main():
    draw = numpy.random.default_rng(3)
    cases = []
    for shape, share in [((6, 7, 9), 0.2), ((6, 7, 9), 0.45), ((5, 5, 5), 0.7), ((1, 9, 11), 0.4), ((7, 1, 8), 0.4)]:
        mask = draw.random(shape) < share
        for connectivity, steps in [(6, 1), (18, 2), (26, 3)]:
            # A single slice is labelled in three dimensions as well.
            labels = label(mask, connectivity=steps)
            found, count = ndimage.label(mask, ndimage.generate_binary_structure(3, steps))
            assert count == labels.max() and count < 62
            assert len({*zip(found.ravel(), labels.ravel())}) == count + 1
            cases.append({"size": size_of(mask), "connectivity": connectivity, "mask": text(mask),
                          "labels": text(labels)})
    holes = []
    for shape, share in [((6, 7, 9), 0.6), ((5, 6, 8), 0.75), ((7, 7, 7), 0.85)]:
        mask = draw.random(shape) < share
        holes.append({"size": size_of(mask), "mask": text(mask),
                      "filled": text(ndimage.binary_fill_holes(mask)),
                      "filledInSlices": text(numpy.stack([ndimage.binary_fill_holes(s) for s in mask]))})
    write_golden("components", {"components": cases, "holes": holes})


if __name__ == "__main__":
    main()
