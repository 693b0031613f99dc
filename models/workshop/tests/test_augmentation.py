"""Augmentation: shapes, the seed fixes the draw, and the identity leaves a patch alone."""

import torch

from augmentation.contrast import acquisition, random_curve, tissue_intensities
from augmentation.intensity import augment_intensity, blur, disc, shading
from augmentation.spatial import sample_patch

OFF = {
    "rotateChance": 0, "scaleChance": 0, "mirrorX": False, "shiftVox": 0, "elasticChance": 0, "noiseChance": 0,
    "blurChance": 0, "brightnessChance": 0, "contrastChance": 0, "lowResolutionChance": 0, "gammaChance": 0,
}  # fmt: skip


def generator(seed=1):
    return torch.Generator().manual_seed(seed)


def test_switched_off_a_patch_is_the_image():
    image = torch.randn(1, 8, 6, 10, generator=generator())
    labels = (image > 0).float()
    one_hot = torch.cat([1 - labels, labels])
    patch, target = sample_patch(image, one_hot, (8, 6, 10), OFF, generator())
    assert torch.allclose(patch, image, atol=1e-5)
    assert torch.equal(target, labels[0].long())
    assert torch.equal(augment_intensity(image, OFF, generator()), image)


def test_blur_keeps_a_constant():
    assert torch.allclose(blur(torch.full((1, 5, 6, 7), 2.0), 1.0), torch.tensor(2.0))


def test_a_seed_fixes_a_made_up_contrast():
    first, second = (tissue_intensities(generator(5), 4, 7, 14) for _ in range(2))
    assert first.shape == (12, 14) and torch.equal(first, second)
    curve = random_curve(generator(2))
    assert curve.min() == 0 and curve.max() <= 1.0001


def test_acquisition_leaves_nothing_beyond_the_field_of_view():
    inside = torch.zeros(32, 32)
    inside[8:24, 8:24] = 1
    image = acquisition(generator(3), torch.rand(32, 32, generator=generator(4)), inside)
    assert image[0].abs().max() == 0 and image.isfinite().all()


def test_shading_is_smooth_and_positive_and_of_the_spread_asked_for():
    field = shading(generator(1), (40, 60), 0.5)
    assert field.shape == (1, 40, 60) and (field > 0).all()
    assert (field[:, 1:] - field[:, :-1]).abs().max() < 0.2
    assert torch.equal(shading(generator(1), (40, 60), 0), torch.ones(1, 40, 60))


def test_a_disc_keeps_the_middle_and_darkens_the_corners():
    mask = disc(generator(1), (48, 64))
    assert mask[24, 32] == 1 and mask[0, 0] == 0 and set(mask.unique().tolist()) == {0, 1}


def test_shading_and_disc_change_an_image_only_where_a_config_asks():
    image = torch.rand(1, 32, 32, generator=generator()) + 0.5
    for asked in ({"shadingChance": 1, "shadingSd": 1}, {"discChance": 1}):
        assert not torch.equal(augment_intensity(image, OFF | asked, generator()), image)
