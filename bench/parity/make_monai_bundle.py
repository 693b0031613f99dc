"""Makes a throw-away MONAI bundle to compare with: trained for a minute or two, never to be used.

python make_monai_bundle.py <hippocampus|spleen> <data folder> <out: folder of the bundle>

hippocampus: MR of 1 mm on a grid of 1.2 x 1.2 x 1.1 mm, normalised where it is not zero, Gaussian windows, probabilities
brought back. spleen: one CT crop (0.8 x 0.8 x 5 mm) on 1.5 x 1.5 x 3 mm, a range of intensities, constant windows,
logits brought back. Both keep the largest component of each label.
"""
import csv
import json
import sys
from pathlib import Path

import numpy
import torch
from monai.bundle import ConfigParser
from monai.losses import DiceCELoss
from monai.transforms import Compose, LoadImaged, EnsureChannelFirstd, Orientationd, RandSpatialCropd, Spacingd, SpatialPadd

STEPS = 150
SOFTMAX = {"_target_": "Activationsd", "keys": "pred", "softmax": True}
INVERT = {"_target_": "Invertd", "keys": "pred", "transform": "@preprocessing", "orig_keys": "@image_key",
          "nearest_interp": False, "to_tensor": True}
ARGMAX = {"_target_": "AsDiscreted", "keys": "pred", "argmax": True}
KINDS = {
    "hippocampus": {
        "labels": ["anterior", "posterior"], "modality": "MR", "spacing": [1.2, 1.2, 1.1], "roi": [24, 32, 24],
        "intensities": {"_target_": "NormalizeIntensityd", "nonzero": True, "channel_wise": True},
        "inferer": {"overlap": 0.5, "mode": "gaussian"}, "after": [SOFTMAX, INVERT, ARGMAX],
    },
    "spleen": {
        "labels": ["spleen"], "modality": "CT", "spacing": [1.5, 1.5, 3.0], "roi": [48, 48, 16],
        "intensities": {"_target_": "ScaleIntensityRanged", "a_min": -57, "a_max": 164, "b_min": 0.0, "b_max": 1.0,
                        "clip": True},
        "inferer": {"overlap": 0.25, "mode": "constant"}, "after": [INVERT, SOFTMAX, ARGMAX],
    },
}


def inference(kind):
    values = list(range(1, len(kind["labels"]) + 1))
    return {
        "imports": [], "image_key": "image", "device": "cpu",
        "network_def": {"_target_": "UNet", "spatial_dims": 3, "in_channels": 1, "out_channels": len(values) + 1,
                        "channels": [8, 16, 32], "strides": [2, 2], "num_res_units": 1, "norm": "instance"},
        "preprocessing": {"_target_": "Compose", "transforms": [
            {"_target_": "LoadImaged", "keys": "@image_key"},
            {"_target_": "EnsureChannelFirstd", "keys": "@image_key"},
            {"_target_": "Orientationd", "keys": "@image_key", "axcodes": "RAS"},
            {"_target_": "Spacingd", "keys": "@image_key", "pixdim": kind["spacing"], "mode": "bilinear"},
            {**kind["intensities"], "keys": "@image_key"},
            {"_target_": "EnsureTyped", "keys": "@image_key"},
        ]},
        "inferer": {"_target_": "SlidingWindowInferer", "roi_size": kind["roi"], "sw_batch_size": 2, **kind["inferer"]},
        "postprocessing": {"_target_": "Compose", "transforms": [
            *kind["after"],
            {"_target_": "KeepLargestConnectedComponentd", "keys": "pred", "applied_labels": values},
        ]},
    }


def metadata(name, kind):
    classes = ["background", *kind["labels"]]
    numbered = {str(n): label for n, label in enumerate(classes)}
    given = {"type": "image", "format": "magnitude", "modality": kind["modality"], "num_channels": 1,
             "spatial_shape": kind["roi"], "dtype": "float32", "value_range": [0, 1], "is_patch_data": True,
             "channel_def": {"0": "image"}}
    gives = {"type": "image", "format": "segmentation", "num_channels": len(classes), "spatial_shape": kind["roi"],
             "dtype": "float32", "value_range": [0, 1], "is_patch_data": True, "channel_def": numbered}
    return {"version": "0.1.0", "monai_version": "1.6.1", "pytorch_version": "2.13.0", "numpy_version": "2.4.6",
            "task": f"throw-away segmentation of the {name}", "description": "made to compare with",
            "authors": "none", "copyright": "none",
            "network_data_format": {"inputs": {"image": given}, "outputs": {"pred": gives}}}


def pairs(name, data):
    if name == "spleen":
        crop = data / "volume-formats/ct-spleen-crop"
        return [{"image": str(crop / "sub-spleen2_ct.nii.gz"), "label": str(crop / "sub-spleen2_ct_seg-manual.nii.gz")}]
    with open(data / "msd-hippocampus" / "cases.csv") as file:
        names = [row["case"] for row in csv.DictReader(file)][:20]
    place = lambda part, case: str(data / "msd-hippocampus" / part / f"{case}.nii.gz")
    return [{"image": place("images", case), "label": place("labels", case)} for case in names]


def main():
    name, data, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    kind = KINDS[name]
    config = inference(kind)
    (out / "configs").mkdir(parents=True, exist_ok=True)
    (out / "models").mkdir(exist_ok=True)
    (out / "configs/inference.json").write_text(json.dumps(config, indent=1))
    (out / "configs/metadata.json").write_text(json.dumps(metadata(name, kind), indent=1))

    torch.manual_seed(5)
    network = ConfigParser(config).get_parsed_content("network_def")
    both = ["image", "label"]
    load = Compose([LoadImaged(both), EnsureChannelFirstd(both), Orientationd(both, axcodes="RAS"),
                    Spacingd(both, pixdim=kind["spacing"], mode=["bilinear", "nearest"]),
                    ConfigParser({"t": {**kind["intensities"], "keys": "image"}}).get_parsed_content("t"),
                    SpatialPadd(both, kind["roi"])])
    cases = [load(pair) for pair in pairs(name, data)]
    crop = RandSpatialCropd(both, kind["roi"], random_size=False).set_random_state(5)
    choose = numpy.random.default_rng(5)
    loss_of = DiceCELoss(to_onehot_y=True, softmax=True)
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
    for step in range(STEPS):
        batch = [crop(cases[choose.integers(len(cases))]) for _ in range(2)]
        images, labels = (torch.stack([one[key].as_tensor() for one in batch]).float() for key in both)
        loss = loss_of(network(images), (labels > 0.5).float() if name == "spleen" else labels.round())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 25 == 24:
            print(f"step {step + 1}: loss {float(loss):.3f}", flush=True)
    torch.save(network.state_dict(), out / "models/model.pt")


if __name__ == "__main__":
    main()
