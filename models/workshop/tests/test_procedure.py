"""The inference procedure, against values that can be checked by hand."""

import numpy
import pytest

from metrics import bootstrap_interval, dice
from normalise import normalise
from procedure import mirrored, network_shape, resize, segment, tile_starts, tile_weights


@pytest.mark.parametrize(
    ("length", "tile", "expected"), [(110, 64, [0, 23, 46]), (69, 40, [0, 14, 29]), (65, 40, [0, 12, 25]), (30, 40, [0])]
)
def test_tiles_start_where_nnu_net_starts_them(length, tile, expected):
    assert tile_starts(length, tile, 0.5) == expected


def test_tile_weights_peak_at_half_the_tile_and_are_positive():
    weights = tile_weights((8, 6), "gaussian")
    assert weights[4, 3] == 1
    assert weights.min() > 0


def test_shape_rounds_half_to_even():
    assert network_shape((20, 5, 5), (1.5, 0.5, 7.0), (1.0, 1.0, None)) == (20, 2, 8)


def test_resampling_a_constant_keeps_it():
    assert numpy.allclose(resize(numpy.full((5, 6, 7), 3.0), (9, 4, 7), 3), 3.0)


def test_normalisations():
    values = numpy.arange(101.0)
    assert normalise(values, {"kind": "zscore"}).std() == pytest.approx(1, abs=1e-6)
    assert normalise(values, {"kind": "rescale01"}).max() == 1
    clipped = normalise(values, {"kind": "percentile", "low": 10, "high": 90})
    assert clipped[50] == pytest.approx(0.5) and clipped[5] == 0 and clipped[95] == 1


def test_mirroring_changes_nothing_for_a_symmetric_network():
    tile = numpy.random.default_rng(1).random((1, 1, 4, 5, 6))
    run = lambda batch: 2 * batch
    assert numpy.allclose(mirrored(run, ["x", "y"])(tile), run(tile))


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_network_that_passes_the_image_on_gives_its_sign_back(dimensions):
    volume = numpy.zeros((6, 30, 28), numpy.float32)
    volume[:, 8:20, 6:18] = 10
    flat = dimensions == 2
    manifest = {
        "mirrorAxes": ["x"],
        "channels": [{"normalisation": {"kind": "zscore"}}],
        "spacingMm": [1.0, 1.0, None if flat else 1.0],
        "resampling": {"imageOrder": 1, "logitsOrder": 1},
        "network": {"dimensions": dimensions, "classes": 2},
        "tiles": {"patchVox": [16, 16, 1 if flat else 8], "stepFraction": 0.5, "blending": "gaussian"},
    }
    labels = segment(volume, (1, 1, 5 if flat else 1), manifest, lambda b: numpy.concatenate([-b, b], 1))
    assert numpy.array_equal(labels == 1, volume > 0)


def test_dice_and_its_interval():
    truth = numpy.array([1, 1, 0, 0])
    assert dice(truth, numpy.array([1, 0, 0, 0]), 1) == pytest.approx(2 / 3)
    low, high = bootstrap_interval([0.8, 0.9, 1.0])
    assert low < 0.9 < high
