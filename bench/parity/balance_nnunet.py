"""Copies throw-away nnU-Net models; where one misses a label, with the biases of its last layer moved.

After so few epochs a network may say background everywhere, and an empty mask agrees with every other empty mask. If
any label has less than a hundredth of the voxels of one image, the bias of each label is moved to where the label beats
background in a share of them; outlines then follow whatever the network computes, ragged as they are, which is a harder
comparison than a smooth organ.
"""
import os
import shutil
from pathlib import Path

# Of all voxels, for all labels together.
SHARE = 0.3
# Of all voxels, for a label that counts as seen.
ENOUGH = 0.01


def balance_all(data, work):
    """<work>/results to <work>/balanced; what is there stays."""
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        os.environ.setdefault(name, "/nonexistent")
    mri = str(data / "msd-hippocampus/images/hippocampus_381.nii.gz")
    ct = str(data / "volume-formats/ct-spleen-crop/sub-spleen2_ct.nii.gz")
    place = lambda task, configuration: Path(task) / f"nnUNetTrainer__nnUNetPlans__{configuration}"
    for configuration in ("3d_fullres", "2d"):
        for fold in ("0", "1"):
            balance(work, place("Dataset901_Hippocampus", configuration), fold, mri)
    for configuration, fold in (("3d_lowres", "all"), ("3d_fullres", "all"), ("3d_fullres", "1"), ("2d", "all")):
        balance(work, place("Dataset902_Spleen", configuration), fold, ct)
    low = work / "balanced" / place("Dataset902_Spleen", "3d_lowres")
    balance(work, place("Dataset902_Spleen", "3d_cascade_fullres"), "all", ct, low)


def balance(work, model, fold, image, before=None):
    """before: the balanced model of a cascade's first stage"""
    import torch

    from peer_nnunet import labels_by, logits_of, open_model

    source, target = work / "results" / model, work / "balanced" / model
    checkpoint = target / f"fold_{fold}" / "checkpoint_final.pth"
    if checkpoint.exists():
        return
    previous = None
    if before is not None:
        previous = str(work / "stage" / "labels")
        labels_by(open_model(before, ["all"], False), image, previous)
        previous += ".nii.gz"
    logits, _ = logits_of(open_model(source, [fold], False), image, previous)
    state = torch.load(source / f"fold_{fold}" / checkpoint.name, map_location="cpu", weights_only=False)
    weights = state["network_weights"]
    last = max((key for key in weights if "seg_layers" in key and key.endswith(".bias")),
               key=lambda key: int(key.split(".")[-2]))
    flat = logits.float().flatten(1)
    labels = flat.shape[0] - 1
    found = flat.argmax(0)
    seen = all((found == label).float().mean() >= ENOUGH for label in range(1, labels + 1))
    for label in range(1, 1 if seen else labels + 1):
        margin = (flat[label] - flat[0])[::7]
        weights[last][label] -= torch.quantile(margin[:10_000_000], 1 - SHARE / labels)
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    for name in ("plans.json", "dataset.json", "dataset_fingerprint.json"):
        shutil.copy(source / name, target / name)
    torch.save(state, checkpoint)
    print(f"{model}, fold {fold}: {'as trained' if seen else 'biases moved'}", flush=True)
