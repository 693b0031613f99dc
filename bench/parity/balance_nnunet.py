"""Copies throw-away nnU-Net models; where one misses a label, with the biases of its last layer moved.

python balance_nnunet.py <model folder of one configuration> <fold> <image> <out: results folder of the copy> [previous]

After so few epochs a network may say background everywhere, and an empty mask agrees with every other empty mask. If
any label has less than a hundredth of the voxels of one image, the bias of each label is moved to where the label beats
background in a share of them; outlines then follow whatever the network computes, ragged as they are, which is a harder
comparison than a smooth organ. `previous` is the label map of a cascade's previous stage.
"""
import os
import shutil
import sys
from pathlib import Path

for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.setdefault(name, "/nonexistent")

import torch

from peer_nnunet import logits_of, open_model

# Of all voxels, for all labels together.
SHARE = 0.3
# Of all voxels, for a label that counts as seen.
ENOUGH = 0.01


def main():
    model, fold, image, out = Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4])
    previous = sys.argv[5] if len(sys.argv) > 5 else None
    source = model / f"fold_{fold}"
    # A training that was cut off has no final checkpoint.
    checkpoint = next(name for name in ("checkpoint_final.pth", "checkpoint_best.pth") if (source / name).exists())
    predictor = open_model(model, [fold], False, checkpoint)
    logits, _ = logits_of(predictor, image, previous)
    state = torch.load(source / checkpoint, map_location="cpu", weights_only=False)
    weights = state["network_weights"]
    last = max((key for key in weights if "seg_layers" in key and key.endswith(".bias")), key=lambda key: int(key.split(".")[-2]))
    flat = logits.float().flatten(1)
    labels = flat.shape[0] - 1
    found = logits.argmax(0)
    seen = all((found == label).float().mean() >= ENOUGH for label in range(1, labels + 1))
    for label in range(1, 1 if seen else labels + 1):
        margin = (flat[label] - flat[0])[::7]
        weights[last][label] -= torch.quantile(margin[:10_000_000], 1 - SHARE / labels)
    target = out / model.parent.name / model.name
    (target / f"fold_{fold}").mkdir(parents=True, exist_ok=True)
    for name in ("plans.json", "dataset.json", "dataset_fingerprint.json"):
        shutil.copy(model / name, target / name)
    torch.save(state, target / f"fold_{fold}" / "checkpoint_final.pth")
    print(f"{target}: {'as trained' if seen else 'biases moved'}")


if __name__ == "__main__":
    main()
