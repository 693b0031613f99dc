"""Data sources on made-up cases: the split is stable, and batches have the promised shapes and values."""

import numpy
import torch

from data.heads import Heads
from data.prepare_heads import envelope, prepare
from data.split import is_validation, read_split


def test_the_split_follows_its_rule_and_parts_do_not_meet():
    split = read_split("hippocampus")
    assert all(is_validation(case, 0.2) for case in split["validation"])
    assert not any(is_validation(case, 0.2) for case in split["training"])
    assert len(split["validation"]) == 39 and len(split["training"]) == 162


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
