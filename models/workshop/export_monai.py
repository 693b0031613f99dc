"""Writes the network of a MONAI bundle as ONNX, and a golden case by the bundle's own transforms and inferer.

    python export_monai.py <bundle> <out> [--set inferer#overlap=0.5]

The one step of the import that opens a checkpoint: weights alone (`weights_only=True`), or TorchScript; or it takes
the network that the bundle has as ONNX. Everything else, metadata.json and inference.json, is read by
`scanlane import monai`, which starts this.

Writes network.onnx, golden/ (a seeded phantom and MONAI's own labels for it, before components are removed from them)
and export.json.
"""

import argparse
import json
from pathlib import Path

import nibabel
import numpy
import onnx
import torch
from monai.bundle import ConfigParser
from monai.data import MetaTensor
from monai.transforms import Compose
from scipy import ndimage

from onnx_file import parity, session_of, write_onnx

SEEDS = range(20)
# Files are read and written elsewhere; removing components is a step of the package, after what its golden case proves.
NOT_RUN = ("LoadImaged", "EnsureChannelFirstd", "SaveImaged", "KeepLargestConnectedComponentd")


class OnnxNetwork(torch.nn.Module):
    """A network that is there as ONNX alone. A file with a fixed batch gets its tiles one by one."""

    def __init__(self, path):
        super().__init__()
        self.session = session_of(path)
        floats = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE, onnx.TensorProto.BFLOAT16)
        kept = [one for one in onnx.load(path).graph.initializer if one.data_type in floats]
        self.values = sum(int(numpy.prod(one.dims)) for one in kept)

    def forward(self, tiles):
        [given], [answer] = self.session.get_inputs(), self.session.get_outputs()
        parts = tiles.split(1) if fixed_batch(self.session) else [tiles]
        answers = [self.session.run([answer.name], {given.name: part.numpy()})[0] for part in parts]
        return torch.from_numpy(numpy.concatenate(answers))


def fixed_batch(session):
    """Tiles that a file takes at once; None where that is open."""
    batch = session.get_inputs()[0].shape[0]
    if isinstance(batch, int) and batch != 1:
        raise SystemExit(f"models/model.onnx has a fixed batch of {batch}, expected 1, or one that is open")
    return batch if isinstance(batch, int) else None


def loaded(config, bundle, own):
    """The network with its weights: of model.pt into network_def, or TorchScript, or else the ONNX file at `own`."""
    script, state = bundle / "models" / "model.ts", bundle / "models" / "model.pt"
    if state.exists() and "network_def" in config:
        network = config.get_parsed_content("network_def")
        weights = torch.load(state, map_location="cpu", weights_only=True)
        network.load_state_dict(weights.get("model", weights) if isinstance(weights, dict) else weights)
    elif script.exists():
        network = torch.jit.load(str(script), map_location="cpu")
    elif own.exists():
        network = OnnxNetwork(own)
    else:
        raise SystemExit("models/ holds neither model.pt (with a network_def) nor model.ts nor model.onnx")
    return network.eval()


def transforms_of(config, name):
    """Without those of NOT_RUN."""
    described = config[name]["transforms"] if isinstance(config[name], dict) else config[name]
    kept = [n for n, one in enumerate(described)
            if one["_target_"].split(".")[-1] not in NOT_RUN]
    path = f"{name}#transforms" if isinstance(config[name], dict) else name
    return path, kept


def phantom(shape, channels, is_ct, seed):
    """Smooth blobs, brighter inside, on a dark ground: nothing of a patient."""
    rng = numpy.random.default_rng(seed)
    blobs = [ndimage.gaussian_filter(rng.standard_normal(shape), 3) for _ in range(channels)]
    scaled = [(blob - blob.min()) / (blob.max() - blob.min()) for blob in blobs]
    return numpy.stack([numpy.round(s * 600 - 300 if is_ct else s * 200 + 1) for s in scaled]).astype(numpy.float32)


def labels_of(config, network, image, affine):
    """The bundle itself, on an image [channel, x, y, z]."""
    path, kept = transforms_of(config, "preprocessing")
    before = Compose([config.get_parsed_content(f"{path}#{n}") for n in kept])
    data = before({"image": MetaTensor(torch.from_numpy(image), affine=torch.from_numpy(affine))})
    with torch.no_grad():
        logits = config.get_parsed_content("inferer")(data["image"][None], network)[0]
    result = {"image": data["image"], "pred": MetaTensor(logits, affine=data["image"].affine)}
    path, kept = transforms_of(config, "postprocessing")
    for n in kept:
        if config[f"{path}#{n}#_target_"].split(".")[-1] == "Invertd":
            config[f"{path}#{n}"] = {"_target_": "Invertd", "keys": "pred", "transform": before, "orig_keys": "image",
                                     "nearest_interp": config[f"{path}#{n}"].get("nearest_interp", True)}
            config.parse(reset=True)
        result = config.get_parsed_content(f"{path}#{n}")(result)
    return result["pred"][0].numpy().astype(numpy.uint16)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--set", nargs="*", default=[])
    arguments = parser.parse_args()
    (arguments.out / "golden").mkdir(parents=True, exist_ok=True)

    def read():
        config = ConfigParser()
        config.read_config(str(arguments.bundle / "configs" / "inference.json"))
        for change in arguments.set:
            path, value = change.split("=", 1)
            try:
                config[path] = json.loads(value)
            except json.JSONDecodeError:
                config[path] = value
        config["device"] = "cpu"
        return config

    config = read()
    metadata = json.loads((arguments.bundle / "configs" / "metadata.json").read_text())
    [given] = metadata["network_data_format"]["inputs"].values()
    roi = config.get_parsed_content("inferer").roi_size
    example = torch.zeros(1, given["num_channels"], *roi)
    path = arguments.out / "network.onnx"
    own = arguments.bundle / "models" / "model.onnx"
    if own.exists():
        # With weights that lie beside it: a package has one file for each network.
        onnx.save(onnx.load(own), path)
    network = loaded(config, arguments.bundle, path)
    if not own.exists():
        write_onnx(network, example, path)
    session = session_of(path)
    names = session.get_inputs()[0].name, session.get_outputs()[0].name
    worst = parity(network, example, path)
    if worst > 1e-3:
        raise SystemExit(f"ONNX differs from torch by {worst:.2g}, expected at most 1e-3")

    # A little more than a tile along each axis at another spacing than the network's.
    spacings = [one.get("pixdim") for one in config["preprocessing"]["transforms"] if "pixdim" in one] or [[1.0] * 3]
    pixdim = config.get_parsed_content("preprocessing#transforms") and spacings[0]
    spacing = numpy.array(pixdim if isinstance(pixdim, list) else [1.0] * 3) * 1.1
    lengths = [*roi, 5][:3]
    shape = [max(4, int(round(n * 1.15 / 1.1))) for n in lengths]
    # Stored from left to right and from front to back, as many scanners do.
    affine = numpy.diag([-spacing[0], -spacing[1], spacing[2], 1.0])
    for seed in SEEDS:
        image = phantom(shape, given["num_channels"], given.get("modality", "").upper() == "CT", seed)
        labels = labels_of(read(), network, image, affine)
        if labels.any():
            break
    else:
        raise SystemExit(f"no phantom of {len(SEEDS)} has a labelled voxel")
    data = image.transpose(1, 2, 3, 0)
    nibabel.save(nibabel.Nifti1Image(data[..., 0] if len(image) == 1 else data, affine),
                 arguments.out / "golden" / "input.nii.gz")
    nibabel.save(nibabel.Nifti1Image(labels, affine), arguments.out / "golden" / "labels.nii.gz")
    facts = {
        "file": "network.onnx",
        "inputName": names[0],
        "outputName": names[1],
        "parameters": sum(parameter.numel() for parameter in network.parameters()) or network.values,
        "parity": float(f"{worst:.2g}"),
    }
    if fixed_batch(session) is not None:
        facts["batch"] = 1
    (arguments.out / "export.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(json.dumps(facts))


main()
