"""Sources of pictures on made-up files: what is read, how cases are grouped, and what a batch is."""

from PIL import Image
import numpy
import pytest
import torch

from augmentation.plane import sample_crop
from data.nuclei import Nuclei
from data.png import read_mask, read_picture
from data.split import read_split
from data.ventricle import inside
from data.vessels import Vessels

OFF = {
    "rotateChance": 0, "scaleChance": 0, "mirror": False, "noiseChance": 0, "blurChance": 0, "brightnessChance": 0,
    "contrastChance": 0, "lowResolutionChance": 0, "gammaChance": 0,
}  # fmt: skip
ON = {
    "rotateChance": 1, "rotateDegrees": 180, "scaleChance": 1, "scale": [0.7, 1.4], "mirror": True, "noiseChance": 1,
    "noiseSd": 0.1, "blurChance": 1, "blurSd": 1, "brightnessChance": 1, "contrastChance": 1, "lowResolutionChance": 1,
    "gammaChance": 1,
}  # fmt: skip
SCALE = {"kind": "percentile", "low": 0, "high": 100}


def generator(seed=1):
    return torch.Generator().manual_seed(seed)


def test_colour_is_reduced_to_one_channel_and_grey_stays(tmp_path):
    Image.new("RGBA", (3, 2), (100, 50, 200, 255)).save(tmp_path / "colour.png")
    Image.new("RGBA", (3, 2), (7, 7, 7, 255)).save(tmp_path / "grey.png")
    assert read_picture(tmp_path / "colour.png") == pytest.approx(0.299 * 100 + 0.587 * 50 + 0.114 * 200)
    assert (read_picture(tmp_path / "colour.png", "green") == 50).all()
    grey = read_picture(tmp_path / "grey.png")
    assert grey.shape == (1, 2, 3) and (grey == 7).all()


def test_a_mask_is_whatever_is_not_0(tmp_path):
    Image.fromarray(numpy.array([[0, 300], [2, 0]], numpy.uint16)).save(tmp_path / "instances.png")
    assert read_mask(tmp_path / "instances.png").tolist() == [[[0, 1], [1, 0]]]
    Image.fromarray(numpy.array([[True, False]])).save(tmp_path / "one-bit.png")
    assert read_mask(tmp_path / "one-bit.png").tolist() == [[[1, 0]]]


def test_switched_off_a_crop_is_part_of_the_image():
    image = torch.randn(1, 12, 10, generator=generator())
    one_hot = torch.cat([1 - (image > 0).float(), (image > 0).float()])
    whole, target = sample_crop(image, one_hot, (12, 10), OFF, generator())
    assert torch.allclose(whole, image, atol=1e-5) and torch.equal(target, (image[0] > 0).long())


def test_bent_a_crop_and_its_labels_stay_together():
    """The image is its own label map, so that whatever bends one must bend the other."""
    disc = ((torch.arange(40)[:, None] - 20) ** 2 + (torch.arange(40)[None] - 20) ** 2 < 100).float()[None]
    bending = OFF | {"elasticChance": 1, "elasticSpacingVox": 16, "elasticSdVox": 4}
    image, target = sample_crop(disc, torch.cat([1 - disc, disc]), (40, 40), bending, generator(2))
    assert not torch.equal(target, disc[0].long())
    assert torch.equal(target, (image[0] > 0.5).long())


def test_turned_far_out_a_crop_is_filled_by_the_mirror_image():
    image = torch.ones(1, 16, 16)
    crop, target = sample_crop(image, torch.cat([0 * image, image]), (32, 32), ON, generator(3))
    assert torch.allclose(crop, torch.tensor(1.0)) and (target == 1).all()


def nuclei_folder(tmp_path):
    """Two groups of made-up pictures: as many cases as the committed split can tell apart by hash."""
    split = read_split("nuclei")
    names = [*split["training"][:2], *split["validation"][:1]]
    names += [name for name in split["training"] if name.startswith("stained320")][:1]
    for name in split["training"] + split["validation"]:
        group, case = name.split("/")
        grey = 50 if name in names else 0
        for kind in ("images", "labels"):
            (tmp_path / "dsb2018-nuclei" / group / kind).mkdir(parents=True, exist_ok=True)
            mode = "RGBA" if kind == "images" else "I;16"
            colour = (grey, grey, grey, 255) if kind == "images" else 1
            Image.new(mode, (8, 8), colour).save(tmp_path / "dsb2018-nuclei" / group / kind / f"{case}000.png")
    return tmp_path


def test_a_batch_draws_the_groups_that_the_config_names(tmp_path):
    source = Nuclei(nuclei_folder(tmp_path), ON, SCALE, {"stained320": 1})
    image, target = source.batch(generator(), 3, {"patchVox": [16, 8]})
    assert image.shape == (3, 1, 8, 16) and target.shape == (3, 8, 16) and (target == 1).all()
    assert set(source._training) == {"stained320"}
    assert {source.group(name) for name, *_ in source.validation_cases()} == {"fluo256", "fluo360", "stained320"}


def test_both_eyes_of_a_participant_are_on_one_side_and_stare_is_never_trained_on():
    split = read_split("vessels")
    people = {side: {name[:-1] for name in split[side]} for side in ("training", "validation")}
    assert not people["training"] & people["validation"]
    assert all(name.startswith("chase-db1/") for name in split["training"] + split["validation"])
    assert Vessels.group(None, "stare/im0001") == "stare"


def test_a_contour_encloses_the_pixels_whose_centres_it_encloses():
    square = numpy.array([[0.5, 1.5], [3.5, 1.5], [3.5, 3.5], [0.5, 3.5]])
    expected = numpy.zeros((5, 6), int)
    expected[2:4, 1:4] = 1
    assert inside(square, (5, 6)).tolist() == expected.tolist()
