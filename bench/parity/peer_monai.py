"""MONAI's own answer: the transforms, inferer and network that a bundle's `inference.json` names, one after another.

python peer_monai.py <bundle> <out> <image...>

Writes <case>.nii.gz (labels), <case>.margin.nii.gz (how far the largest of what decides lies above the second largest,
on the image's grid) and <case>.json (seconds).
"""
import json
import sys
import time
from pathlib import Path

import nibabel
import numpy
import torch
from monai.bundle import ConfigParser


def main():
    bundle, out, images = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    out.mkdir(parents=True, exist_ok=True)
    config = ConfigParser()
    config.read_config(str(bundle / "configs/inference.json"))
    network = config.get_parsed_content("network_def")
    network.load_state_dict(torch.load(bundle / "models/model.pt", map_location="cpu", weights_only=True))
    network.eval()
    before = config.get_parsed_content("preprocessing")
    inferer = config.get_parsed_content("inferer")
    after = config.get_parsed_content("postprocessing")
    for image in images:
        case = Path(image).name.removesuffix(".nii.gz")
        started = time.perf_counter()
        data = before({"image": image})
        with torch.no_grad():
            logits = inferer(data["image"][None], network)[0]
        predicted = time.perf_counter()
        result = {"image": data["image"], "pred": type(data["image"])(logits, affine=data["image"].affine)}
        for transform in after.transforms:
            if type(transform).__name__ == "AsDiscreted":
                best = result["pred"].as_tensor().sort(0).values
                margin = (best[-1] - best[-2]).numpy()
            result = transform(result)
        labels = result["pred"].as_tensor()[0].numpy().astype(numpy.uint8)
        ended = time.perf_counter()
        affine = data["image"].meta["original_affine"]
        # What was inverted lies on the image's own grid and axes again.
        nibabel.save(nibabel.Nifti1Image(labels, affine), out / f"{case}.nii.gz")
        nibabel.save(nibabel.Nifti1Image(margin.astype(numpy.float32), affine), out / f"{case}.margin.nii.gz")
        (out / f"{case}.json").write_text(json.dumps({"predictSeconds": predicted - started,
                                                     "afterSeconds": ended - predicted}))


if __name__ == "__main__":
    main()
