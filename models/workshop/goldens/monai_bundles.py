"""Goldens of the import of MONAI bundles: MONAI 1.6.1 itself runs each `inference.json`, on made-up numbers.

Its transforms, its inferer with a made-up network whose answer depends on the place in the tile, and what undoes the
transforms: the network's input and the labels are kept beside the configuration that they came from.
"""

import base64

import numpy
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor, decollate_batch
from monai.transforms import Compose

from write_golden import write_golden


def packed(array):
    return base64.b64encode(numpy.ascontiguousarray(array).tobytes()).decode()


def network(classes):
    """Channel c is large where the voxel's value is near c / 4, and depends on the voxel's place in the tile."""

    def run(x):
        place = torch.arange(x[0, 0].numel(), dtype=torch.float32).reshape(x[0, 0].shape) % 7 / 8
        return torch.stack([0.5 - (x[:, 0] * 2 - c * 0.5).abs() + place * (0.5 * (c % 2) - 0.25)
                            for c in range(classes)], 1)

    return run


def case(name, size, affine, classes, before, inferer, after, seed, zeros=0.1):
    """`size` and `affine` along the image's x, y, z; transforms without loading and saving.

    Two things in MONAI depend on rounding alone and are left out: whether a voxel that is interpolated to zero counts
    as zero (torch's positions carry an error of 1e-16), and which of equally large components stays (an unstable sort).
    """
    generator = numpy.random.default_rng(seed)
    smooth = generator.normal(0, 60, [(n + 2) // 3 for n in size]).repeat(3, 0).repeat(3, 1).repeat(3, 2)
    image = numpy.round(smooth[: size[0], : size[1], : size[2]] + generator.normal(0, 30, size)).astype(numpy.int16)
    image[generator.random(size) < zeros] = 0
    config = {
        "image_key": "image",
        "preprocessing": {"_target_": "Compose", "transforms": [
            {"_target_": "LoadImaged", "keys": "@image_key"},
            {"_target_": "EnsureChannelFirstd", "keys": "@image_key"},
            *({**one, "keys": "@image_key"} for one in before),
            {"_target_": "EnsureTyped", "keys": "@image_key"},
        ]},
        "inferer": inferer,
        "postprocessing": {"_target_": "Compose", "transforms": [{**one, "keys": "pred"} for one in after]},
    }
    parser = ConfigParser(config)
    preprocessing = parser.get_parsed_content("preprocessing")
    runnable = Compose(preprocessing.transforms[2:])
    tensor = MetaTensor(torch.from_numpy(image[None].astype(numpy.float32)), affine=torch.tensor(affine))
    data = runnable({"image": tensor})
    batch = data["image"][None]
    logits = parser.get_parsed_content("inferer")(batch, network(classes))
    prediction = MetaTensor(logits[0], affine=data["image"].affine)
    post = []
    for one in config["postprocessing"]["transforms"]:
        one = {**one, "keys": "pred"}
        if one["_target_"] == "Invertd":
            one["transform"], one["orig_keys"] = runnable, "image"
        post.append(ConfigParser({"t": one}).get_parsed_content("t"))
    labels = Compose(post)({"image": data["image"], "pred": prediction})["pred"]
    for one in config["postprocessing"]["transforms"]:
        if one["_target_"] == "Invertd":
            one.update(transform="@preprocessing", orig_keys="@image_key")
    labels = labels[0].numpy()
    assert labels.shape == tuple(size), labels.shape
    if classes > 1:
        assert len(numpy.unique(labels)) == classes, numpy.unique(labels)
    # Stored with x fastest.
    return {
        "name": name, "size": size, "affine": affine, "classes": classes, "config": config,
        "image": packed(image.transpose(2, 1, 0)),
        "inputSize": list(batch.shape[2:]),
        # MONAI's order: the image's x slowest.
        "input": packed(batch[0, 0].numpy().astype(numpy.float32)),
        "labels": packed(labels.astype(numpy.uint8).transpose(2, 1, 0)),
    }


ORIENT = {"_target_": "Orientationd", "axcodes": "RAS"}
SPACING = {"_target_": "Spacingd", "pixdim": [1.5, 1.5, 2.0], "mode": "bilinear"}
RANGE = {"_target_": "ScaleIntensityRanged", "a_min": -57, "a_max": 164, "b_min": 0, "b_max": 1, "clip": True}
SOFTMAX = {"_target_": "Activationsd", "softmax": True}
INVERT = {"_target_": "Invertd", "transform": "@preprocessing", "orig_keys": "@image_key", "nearest_interp": False}
ARGMAX = {"_target_": "AsDiscreted", "argmax": True}
LPS = [[-0.8, 0, 0, 30.5], [0, -0.9, 0, -12.25], [0, 0, 2.5, 7.0], [0, 0, 0, 1.0]]
# Stored as sagittal slices: x runs to posterior, y to superior, z to the left.
SAGITTAL = [[0, 0, -2.2, 4.0], [-1.0, 0, 0, 5.0], [0, 1.1, 0, 6.0], [0, 0, 0, 1.0]]


def window(roi, **options):
    return {"_target_": "SlidingWindowInferer", "roi_size": roi, "sw_batch_size": 2, **options}


write_golden("monai-bundles", [
    case("probabilities are inverted", [23, 19, 13], LPS, 3, [ORIENT, SPACING, RANGE],
         window([8, 7, 6], overlap=0.5), [SOFTMAX, INVERT, ARGMAX], 1),
    case("logits are inverted", [15, 21, 11], SAGITTAL, 4, [ORIENT, SPACING, RANGE],
         window([9, 8, 7], overlap=0.25, mode="gaussian"), [INVERT, SOFTMAX, ARGMAX], 2),
    case("labels are inverted, a volume smaller than the window", [12, 30, 9], LPS, 3,
         [ORIENT, {**SPACING, "pixdim": [1.5, 1.5, 1.5]},
          {"_target_": "NormalizeIntensityd", "nonzero": True},
          {"_target_": "ScaleIntensityd", "minv": -1.0, "maxv": 1.0}],
         window([10, 8, 8], overlap=0.25, mode="gaussian", padding_mode="replicate"),
         [SOFTMAX, ARGMAX, {**INVERT, "nearest_interp": True}], 3, zeros=0),
    case("one channel of its own, on the image's grid", [14, 13, 12], LPS, 1,
         [{"_target_": "Orientationd", "axcodes": "LPS"},
          {"_target_": "NormalizeIntensityd", "nonzero": True, "channel_wise": True}],
         window([8, 8, 8], overlap=0.7),
         [{"_target_": "Activationsd", "sigmoid": True}, INVERT, {"_target_": "AsDiscreted", "threshold": 0.5}], 4),
    case("slices", [17, 14, 6], LPS, 3, [{"_target_": "ScaleIntensityd"}],
         {"_target_": "SliceInferer", "roi_size": [16, 16], "spatial_dim": 2, "sw_batch_size": 2},
         [SOFTMAX, INVERT, ARGMAX], 5),
    case("the largest component stays", [20, 18, 12], LPS, 3, [ORIENT, SPACING, RANGE],
         window([8, 8, 8], overlap=0.5),
         [SOFTMAX, INVERT, ARGMAX, {"_target_": "KeepLargestConnectedComponentd", "applied_labels": [1, 2]}], 7),
])
