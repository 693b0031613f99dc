"""Data sources on made-up cases: the split is stable, and batches have the promised shapes and values."""

import numpy
import pytest
import torch

from data.heads import Heads
from data.prepare_heads import envelope, prepare
from data.split import is_validation, read_split


@pytest.mark.parametrize(
    "name, fraction, unit, validation, training",
    [
        ("hippocampus", 0.2, lambda case: case, 39, 162),
        ("nuclei", 0.2, lambda case: case, 86, 333),
        # Both eyes of a participant.
        ("vessels", 0.3, lambda case: case[:-1], 8, 14),
    ],
)
def test_a_split_follows_its_rule(name, fraction, unit, validation, training):
    split = read_split(name)
    assert all(is_validation(unit(case), fraction) for case in split["validation"])
    assert not any(is_validation(unit(case), fraction) for case in split["training"])
    assert len(split["validation"]) == validation and len(split["training"]) == training


def ball(shape, radius):
    grid = numpy.indices(shape, dtype=float)
    centre = (numpy.array(shape) - 1) / 2
    return ((grid - centre[:, None, None, None]) ** 2).sum(0) <= radius**2


def test_the_envelope_fills_furrows_and_drops_specks():
    tissue = ball((40, 40, 40), 15)
    tissue[:, :, 19:21] = False
    tissue[0, 0, 0] = True
    mask = envelope(tissue)
    assert mask[20, 20, 20] and not mask[0, 0, 0]


def test_a_prepared_head_gives_slices_with_and_without_brain(tmp_path):
    shape = (60, 60, 60)
    brain = ball(shape, 18)
    rng = numpy.random.default_rng(1)
    real = numpy.where(ball(shape, 26), 120, 0) + numpy.where(brain, 60, 0) + rng.integers(0, 20, shape)
    real[~ball(shape, 26)] = 0
    head = prepare(real, brain)
    (tmp_path / "heads").mkdir()
    numpy.savez(tmp_path / "heads" / "ball.npz", **head)
    heads = Heads(None, tmp_path, ["ball"], 2.0, [0.5, 99.5])
    stage = {"patchVox": [48, 32], "lowChance": 0.25, "distractorChance": 0.5}
    image, target = heads.batch(torch.Generator().manual_seed(1), 24, stage)
    assert image.shape == (24, 1, 32, 48) and target.shape == (24, 32, 48)
    assert image.min() >= 0 and image.max() <= 1
    filled = target.sum((1, 2)) > 0
    assert filled.any() and not filled.all()
