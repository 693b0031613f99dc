"""A MONAI bundle with made-up weights, as the model zoo lays them out: make-bundle.py <folder> [largest] [onnx | slices].

largest: with the largest component of each label, after all else. onnx: the network as models/model.onnx alone. slices:
the same of a 2-D network, whose file takes one slice at a time.
"""

import json
import pathlib
import sys

import torch
from monai.networks.nets import UNet

folder = pathlib.Path(sys.argv[1])
options = sys.argv[2:]
dimensions = 2 if "slices" in options else 3
for name in ("configs", "models"):
    (folder / name).mkdir(parents=True)
unet = {"spatial_dims": dimensions, "in_channels": 1, "out_channels": 3, "channels": [4, 8], "strides": [2]}
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
transforms = inference["postprocessing"]["transforms"]
if "largest" in options:
    transforms.insert(-1, {"_target_": "KeepLargestConnectedComponentd", "keys": "pred", "applied_labels": [1, 2]})
if dimensions == 2:
    del inference["preprocessing"]["transforms"][3]
    inference["inferer"] = {"_target_": "SliceInferer", "roi_size": [16, 16], "spatial_dim": 2, "sw_batch_size": 4,
                            "overlap": 0.5}
torch.manual_seed(3)
(folder / "configs" / "inference.json").write_text(json.dumps(inference))
(folder / "configs" / "metadata.json").write_text(json.dumps(metadata))
(folder / "LICENSE").write_text("\nApache License\nVersion 2.0\n")
network = UNet(**unet).eval()
if options in ([], ["largest"]):
    torch.save(network.state_dict(), folder / "models" / "model.pt")
else:
    example = torch.zeros(1, 1, *[16] * dimensions)
    torch.onnx.export(network, (example,), str(folder / "models" / "model.onnx"), input_names=["x"], output_names=["y"],
                      dynamic_axes=None if dimensions == 2 else {"x": {0: "n"}, "y": {0: "n"}}, dynamo=False)
