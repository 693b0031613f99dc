"""The network of a trained nnU-Net model in MONAI's sliding window: what a MONAI bundle of it would do.

python peer_monai_window.py <model folder> <fold> <folder of images> <out>

Bilinear spacing, Gaussian windows, arg max, and the labels brought back (the cheaper order: no class is resampled). No
mirroring. The time inside the network goes to the file NETWORK_SECONDS.
"""
import os
import sys
import time
from pathlib import Path

for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.setdefault(name, "/nonexistent")
os.environ["nnUNet_compile"] = "false"

import torch
from monai.data import MetaTensor
from monai.inferers import sliding_window_inference
from monai.transforms import (AsDiscreted, Compose, EnsureChannelFirstd, Invertd, LoadImaged, NormalizeIntensityd,
                              SaveImaged, Spacingd)
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor


def main():
    model, fold, images, out = sys.argv[1:5]
    predictor = nnUNetPredictor(device=torch.device("cpu"), perform_everything_on_device=False)
    predictor.initialize_from_trained_model_folder(model, [fold if fold == "all" else int(fold)], "checkpoint_final.pth")
    configuration = predictor.configuration_manager
    network = predictor.network
    network.load_state_dict(predictor.list_of_parameters[0])
    network.eval()
    seconds = 0.0

    def timed(tile):
        nonlocal seconds
        started = time.perf_counter()
        answer = network(tile)
        seconds += time.perf_counter() - started
        return answer

    # MONAI's arrays have the image's x first, nnU-Net's z: either is right for the time that it takes.
    before = Compose([LoadImaged("image"), EnsureChannelFirstd("image"),
                      Spacingd("image", pixdim=configuration.spacing[::-1], mode="bilinear"),
                      NormalizeIntensityd("image")])
    after = Compose([AsDiscreted("pred", argmax=True),
                     Invertd("pred", transform=before, orig_keys="image", nearest_interp=True),
                     SaveImaged("pred", output_dir=out, separate_folder=False, output_dtype="uint8", print_log=False)])
    for image in sorted(Path(images).glob("*.nii.gz")):
        data = before({"image": str(image)})
        volume = data["image"].as_tensor()[None].permute(0, 1, 4, 3, 2)
        with torch.no_grad():
            logits = sliding_window_inference(volume, configuration.patch_size, 1, timed, overlap=0.5, mode="gaussian")
        data["pred"] = MetaTensor(logits[0].permute(0, 3, 2, 1), affine=data["image"].affine)
        del volume, logits
        after(data)
    Path(os.environ["NETWORK_SECONDS"]).write_text(str(seconds))


if __name__ == "__main__":
    main()
