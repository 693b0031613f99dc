"""Trains throw-away nnU-Net models to compare with: a few short epochs, enough to see something, never to be used.

python train_nnunet.py --data <data folder> --work <folder>

Dataset901: hippocampus (40 cases of the Medical Segmentation Decathlon), 2d and 3d_fullres, folds 0 and 1.
Dataset902: one anisotropic CT crop (0.8 x 0.8 x 5 mm: CT normalisation, separate z), 3d_fullres, 2d, and a cascade
3d_lowres -> 3d_cascade_fullres, fold "all"; 3d_fullres twice, from another seed (in fold_1).

The plans are nnU-Net's own but for three things that make training a matter of minutes on two cores: fewer channels,
small batches in 2d and small patches of the CT, which also give more tiles to blend.
"""
import argparse
import csv
import json
import os
import shutil
from pathlib import Path

from balance_nnunet import balance_all


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=20)
    return parser.parse_args()


def dataset(folder, cases, channel, labels):
    """cases: {id: (image, label)}"""
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for case, (image, label) in cases.items():
        shutil.copy(image, folder / "imagesTr" / f"{case}_0000.nii.gz")
        shutil.copy(label, folder / "labelsTr" / f"{case}.nii.gz")
    description = {"channel_names": {"0": channel}, "labels": labels, "numTraining": len(cases), "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(description))


def prepare(data, raw):
    import nibabel
    import numpy

    with open(data / "msd-hippocampus" / "cases.csv") as file:
        names = [row["case"] for row in csv.DictReader(file)][:40]
    pair = lambda name: (data / "msd-hippocampus/images" / f"{name}.nii.gz", data / "msd-hippocampus/labels" / f"{name}.nii.gz")
    dataset(raw / "Dataset901_Hippocampus", {name: pair(name) for name in names}, "MRI",
            {"background": 0, "anterior": 1, "posterior": 2})
    crop = data / "volume-formats/ct-spleen-crop"
    # Twice under two names: the planner wants more than one case.
    case = (crop / "sub-spleen2_ct.nii.gz", crop / "sub-spleen2_ct_seg-manual.nii.gz")
    folder = raw / "Dataset902_Spleen"
    dataset(folder, {"spleen_a": case, "spleen_b": case}, "CT", {"background": 0, "spleen": 1})
    for label in (folder / "labelsTr").glob("*.nii.gz"):
        image = nibabel.load(label)
        voxels = (numpy.asarray(image.dataobj) > 0.5).astype(numpy.uint8)
        nibabel.save(nibabel.Nifti1Image(voxels, nibabel.load(case[0]).affine), label)


def make_smaller(preprocessed):
    for path in preprocessed.glob("*/nnUNetPlans.json"):
        plans = json.loads(path.read_text())
        is_ct = "Spleen" in path.parent.name
        for name, configuration in plans["configurations"].items():
            network = configuration["architecture"]["arch_kwargs"]
            network["features_per_stage"] = [width // 4 for width in network["features_per_stage"]]
            if name == "2d":
                configuration["batch_size"] = min(8, configuration["batch_size"])
            if is_ct:
                configuration["patch_size"] = [96, 96] if name == "2d" else [16, 96, 96]
        path.write_text(json.dumps(plans, indent=2))


def add_cascade(preprocessed):
    """The planner makes a cascade only of images much larger than its patch: ours is written into the plan."""
    path = preprocessed / "Dataset902_Spleen" / "nnUNetPlans.json"
    plans = json.loads(path.read_text())
    full = plans["configurations"]["3d_fullres"]
    low = json.loads(json.dumps(full))
    low["data_identifier"] = "nnUNetPlans_3d_lowres"
    low["spacing"] = [full["spacing"][0], full["spacing"][1] * 1.6, full["spacing"][2] * 1.6]
    low["next_stage"] = "3d_cascade_fullres"
    plans["configurations"]["3d_lowres"] = low
    plans["configurations"]["3d_cascade_fullres"] = {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"}
    path.write_text(json.dumps(plans, indent=2))


def train(dataset_id, configuration, fold, options, seed=7, folder=None):
    """folder: the place of the checkpoint, where it is not that of the fold."""
    from nnunetv2.run.run_training import get_trainer_from_args
    import numpy
    import torch

    torch.manual_seed(seed)
    numpy.random.seed(seed)
    trainer = get_trainer_from_args(str(dataset_id), configuration, fold, device=torch.device("cpu"))
    if folder is not None:
        trainer.output_folder = str(Path(trainer.output_folder_base) / folder)
        Path(trainer.output_folder).mkdir(exist_ok=True)
    if (Path(trainer.output_folder) / "checkpoint_final.pth").exists():
        return
    trainer.num_epochs = options.epochs
    trainer.num_iterations_per_epoch = options.iterations
    trainer.num_val_iterations_per_epoch = 1
    trainer.run_training()
    if configuration == "3d_lowres":
        # Writes what the next stage of the cascade is trained on.
        trainer.inference_allowed_mirroring_axes = None
        trainer.perform_actual_validation(False)


def main():
    options = arguments()
    for name in ("raw", "preprocessed", "results"):
        os.environ[f"nnUNet_{name}"] = str(options.work / name)
    os.environ["nnUNet_n_proc_DA"] = "1"
    os.environ["nnUNet_compile"] = "false"
    prepare(options.data, options.work / "raw")
    from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprints, plan_experiments, preprocess

    if not (options.work / "preprocessed/Dataset902_Spleen/nnUNetPlans_3d_lowres").exists():
        extract_fingerprints([901, 902], num_processes=1)
        plan_experiments([901, 902], gpu_memory_target_in_gb=3)
        make_smaller(options.work / "preprocessed")
        add_cascade(options.work / "preprocessed")
        preprocess([901], configurations=["2d", "3d_fullres"], num_processes=[1, 1])
        preprocess([902], configurations=["2d", "3d_fullres", "3d_lowres"], num_processes=[1, 1, 1])
    # The planner counts processes, training in one of its own is quicker for so little.
    os.environ["nnUNet_n_proc_DA"] = "0"
    for fold in (0, 1):
        train(901, "3d_fullres", fold, options)
        train(901, "2d", fold, options)
    for configuration in ("3d_fullres", "2d", "3d_lowres", "3d_cascade_fullres"):
        train(902, configuration, "all", options)
    train(902, "3d_fullres", "all", options, seed=8, folder="fold_1")
    balance_all(options.data, options.work)


if __name__ == "__main__":
    main()
