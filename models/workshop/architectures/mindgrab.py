"""MindGrab, the brain extraction network of Brainchop: a plain chain of dilated 3D convolutions.

Fani et al. 2025, "MindGrab for BrainChop: Fast and Accurate Skull Stripping for Command Line and Browser"
(arXiv:2506.11860). Weights in the TensorFlow.js layers format, as Brainchop distributes them (MIT). Layers
whose name ends in `_gn` are followed by a normalisation of each channel over the volume (no learned scale),
which Brainchop applies by that name; it is not written in the model file.

Here it only makes the brain mask of one training head; it is not shipped.
"""

import json
from pathlib import Path

import numpy
from torch.nn import functional
import torch


def read_layers(folder):
    """The convolutions of a TensorFlow.js layers model, in order."""
    model = json.loads((Path(folder) / "model.json").read_text())
    data = (Path(folder) / "model.bin").read_bytes()
    weights, offset = {}, 0
    for entry in model["weightsManifest"][0]["weights"]:
        count = int(numpy.prod(entry["shape"]))
        weights[entry["name"]] = numpy.frombuffer(data, "<f4", count, offset).reshape(entry["shape"])
        offset += 4 * count
    layers = []
    for layer in model["modelTopology"]["model_config"]["config"]["layers"]:
        if layer["class_name"] == "Conv3D":
            settings = layer["config"]
            kernel = weights[settings["name"] + "/kernel"].transpose(4, 3, 0, 1, 2)
            bias = weights.get(settings["name"] + "/bias")
            layers.append(
                {
                    "kernel": torch.tensor(kernel),
                    "bias": None if bias is None else torch.tensor(bias),
                    "dilation": settings["dilation_rate"][0],
                    "normalised": settings["name"].endswith("_gn"),
                }
            )
    return layers


@torch.no_grad()
def brain_mask(volume, folder):
    """Brain mask (bool) of a conformed 1 mm head; intensities scaled to 0-1 by their range."""
    layers = read_layers(folder)
    values = torch.tensor(volume, dtype=torch.float32)
    features = ((values - values.min()) / (values.max() - values.min()))[None, None]
    for index, layer in enumerate(layers):
        size = layer["kernel"].shape[-1]
        padding = layer["dilation"] * (size // 2)
        features = functional.conv3d(features, layer["kernel"], layer["bias"], padding=padding, dilation=layer["dilation"])
        if layer["normalised"]:
            features = functional.instance_norm(features)
        if index + 1 < len(layers):
            features = functional.gelu(features)
    return (features[0, 1] > features[0, 0]).numpy()
