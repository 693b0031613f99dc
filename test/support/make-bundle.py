"""A MONAI bundle with made-up weights, as the model zoo lays them out: make-bundle.py <folder>."""

import json
import pathlib
import sys

import torch
from monai.networks.nets import UNet

folder = pathlib.Path(sys.argv[1])
for name in ("configs", "models"):
    (folder / name).mkdir(parents=True)
unet = {"spatial_dims": 3, "in_channels": 1, "out_channels": 3, "channels": [4, 8], "strides": [2]}
image = {"keys": "@key"}
inference = {
    "key": "image",
    "roi": "$[8 * 2, 16, 16]",
    "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
    "network_def": {"_target_": "UNet", **unet},
    "network": "$@network_def.to(@device)",
    "preprocessing": {"_target_": "Compose", "transforms": [
        {"_target_": "LoadImaged", **image},
        {"_target_": "EnsureChannelFirstd", **image},
        {"_target_": "Orientationd", **image, "axcodes": "RAS"},
        {"_target_": "Spacingd", **image, "pixdim": [1.5, 1.2, 2.0], "mode": "bilinear"},
        {"_target_": "ScaleIntensityRanged", **image, "a_min": -57, "a_max": 164, "b_min": 0, "b_max": 1, "clip": True},
    ]},
    "inferer": {"_target_": "SlidingWindowInferer", "roi_size": "@roi", "sw_batch_size": 2, "overlap": 0.5},
    "postprocessing": {"_target_": "Compose", "transforms": [
        {"_target_": "Activationsd", "keys": "pred", "softmax": True},
        {"_target_": "Invertd", "keys": "pred", "transform": "@preprocessing", "orig_keys": "@key",
         "nearest_interp": False, "to_tensor": True},
        {"_target_": "AsDiscreted", "keys": "pred", "argmax": True},
        {"_target_": "SaveImaged", "keys": "pred", "output_dir": "$@bundle_root + '/eval'"},
    ]},
}
tensor = {"type": "image", "dtype": "float32"}
metadata = {
    "version": "0.2.0", "monai_version": "1.6.1", "name": "Made up", "description": "A bundle for tests.",
    "network_data_format": {
        "inputs": {"image": {**tensor, "modality": "CT", "num_channels": 1, "channel_def": {"0": "image"}}},
        "outputs": {"pred": {**tensor, "num_channels": 3, "channel_def": {"0": "background", "1": "a", "2": "b"}}},
    },
}
torch.manual_seed(3)
(folder / "configs" / "inference.json").write_text(json.dumps(inference))
(folder / "configs" / "metadata.json").write_text(json.dumps(metadata))
(folder / "LICENSE").write_text("\nApache License\nVersion 2.0\n")
torch.save(UNet(**unet).state_dict(), folder / "models" / "model.pt")
