"""A small nnU-Net model with seeded random weights, for timing alone, and a synthetic CT for it.

python make_model.py <plans.json and dataset.json of a 3D CT model: folder> <out> <network> <classes> <x> <y> <z>

small: three stages of 8, 16, 32 channels, tiles of 96 x 96 x 64; planned: six of 32 to 320, tiles of 128 x 128 x 128, as
nnU-Net plans for a CT. At 1.5 mm; the CT has 0.8 x 0.8 x 1 mm: everything is resampled on the way in and out.
The bias of background is moved to where it wins in four fifths of a tile, as it does in a scan of a body.
"""
import json
import os
import sys
from pathlib import Path

for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.setdefault(name, "/nonexistent")

import nibabel
import numpy
import torch
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager
from scipy import ndimage


# Tile along z, y, x, channels of the stages, convolutions in each.
NETWORKS = {
    "small": ([64, 96, 96], [8, 16, 32], 1),
    "planned": ([128, 128, 128], [32, 64, 128, 256, 320, 320], 2),
}


def main():
    source, out, classes = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[4])
    patch, features, convolutions = NETWORKS[sys.argv[3]]
    size = [int(length) for length in sys.argv[5:8]]
    stages = len(features)
    model = out / "Dataset903_Random" / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    (model / "fold_0").mkdir(parents=True, exist_ok=True)
    plans = json.loads((source / "plans.json").read_text())
    full = plans["configurations"]["3d_fullres"]
    full["patch_size"] = patch
    full["spacing"] = [1.5, 1.5, 1.5]
    full["architecture"]["arch_kwargs"].update(
        n_stages=stages, features_per_stage=features, kernel_sizes=[[3, 3, 3]] * stages,
        strides=[[1, 1, 1]] + [[2, 2, 2]] * (stages - 1), n_conv_per_stage=[convolutions] * stages,
        n_conv_per_stage_decoder=[convolutions] * (stages - 1))
    plans["dataset_name"] = "Dataset903_Random"
    plans["configurations"] = {"3d_fullres": full}
    dataset = {"channel_names": {"0": "CT"}, "labels": {"background": 0, **{f"label {n}": n for n in range(1, classes)}},
               "numTraining": 1, "file_ending": ".nii.gz"}
    (model / "plans.json").write_text(json.dumps(plans))
    (model / "dataset.json").write_text(json.dumps(dataset))
    manager = PlansManager(plans)
    architecture = manager.get_configuration("3d_fullres")
    torch.manual_seed(1)
    network = nnUNetTrainer.build_network_architecture(manager, architecture, 1, classes, False)
    rng = numpy.random.default_rng(3)
    grid = rng.standard_normal([-(-length // 16) for length in size], dtype=numpy.float32)
    coarse = ndimage.zoom(grid, 16, order=1)[tuple(slice(length) for length in size)]
    noise = rng.standard_normal(coarse.shape, dtype=numpy.float32)
    image = (coarse * 300 + noise * 20).clip(-1000, 2000).astype(numpy.int16)
    # The plan's own normalisation would need its intensities here; any tile of that spread will do.
    depth, rows, columns = patch
    tile = torch.from_numpy(image[:columns, :rows, :depth].astype(numpy.float32).T.copy())[None, None] / 200
    with torch.no_grad():
        logits = network.eval()(tile)[0].flatten(1)
        margin = logits[1:].max(0).values - logits[0]
        # torch.quantile takes no more than 16 million values; every fourth voxel says as much.
        network.decoder.seg_layers[-1].bias[0] += torch.quantile(margin[::4], 0.8)
    torch.save({"network_weights": network.state_dict(), "trainer_name": "nnUNetTrainer",
                "init_args": {"configuration": "3d_fullres"}, "inference_allowed_mirroring_axes": None},
               model / "fold_0" / "checkpoint_final.pth")
    folder = out / "images"
    folder.mkdir(exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(image, numpy.diag([0.8, 0.8, 1, 1])), folder / "ct_0000.nii.gz")
    print(model, image.shape)


main()
