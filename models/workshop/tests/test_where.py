"""Where the error lies: near an outline or far from it, and the threshold that suits an image."""

import numpy

from where import OFFSETS, measured, shares_near


def square(low, high):
    mask = numpy.zeros((40, 40), bool)
    mask[low:high, low:high] = True
    return mask


def test_a_rim_is_near_the_outline_and_a_blob_is_not():
    truth = square(10, 30)
    assert shares_near(truth, square(11, 29))[0] == 1
    blob = truth.copy()
    blob[0:4, 0:4] = True
    assert shares_near(truth, blob)[1] == 0
    assert numpy.isnan(shares_near(truth, truth)).all()


def test_the_best_offset_is_found_for_an_image_drawn_narrow():
    evidence = numpy.where(square(12, 28), 0.2, -0.8)
    row = measured(square(12, 28), evidence)
    assert row[OFFSETS.index(0.0)] == 1 and row[OFFSETS.index(-1.0)] < 0.5
    assert row[len(OFFSETS)] == 1
