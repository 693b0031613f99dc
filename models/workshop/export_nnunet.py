"""Writes the networks of a trained nnU-Net model as ONNX, with what only Python can read of it.

    python export_nnunet.py <results>/<DatasetX>/<trainer>__<plans>__<configuration> <out> --folds 0 1

The one step of the import that opens a checkpoint (a pickle: open only what you trust). Everything else, the plans,
the data set's description, is read by `scanlane import nnunet`, which starts this.

Writes network.onnx, network-1.onnx, ... (one a fold), golden/ (a seeded phantom and nnU-Net's own labels for it) and
export.json (mirroring axes, folds, postprocessing, parity). The golden case of a cascade needs its previous stage: the
folder of that configuration beside this one, with the same folds.
"""

import argparse
import json
import os
import pickle
import time
from pathlib import Path

for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.setdefault(name, "/nonexistent")

import numpy
import torch
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from onnx_file import parity, write_onnx


def phantom(shape, channels, is_ct, seed, width, ground):
    """Smooth blobs on a ground that is darker or brighter by `ground` in the middle: nothing of a patient."""
    from scipy import ndimage

    rng = numpy.random.default_rng(seed)
    blobs = [ndimage.gaussian_filter(rng.standard_normal(shape), width) for _ in range(channels)]
    radius = numpy.sqrt(sum((axis * axis for axis in numpy.ogrid[tuple(slice(-1, 1, 1j * n) for n in shape)])))
    blobs = [blob / blob.std() + ground * numpy.exp(-2 * radius * radius) for blob in blobs]
    scaled = [(blob - blob.min()) / (blob.max() - blob.min()) for blob in blobs]
    return numpy.stack([numpy.round(s * 600 - 300 if is_ct else s * 200 + 1) for s in scaled]).astype(numpy.float32)


def postprocessing(model_folder):
    """The pickled list of functions as data: [[labels of a union], ...]; only nnU-Net's own function is known."""
    steps = []
    for path in sorted(model_folder.glob("crossval_results_folds_*/postprocessing.pkl"))[:1]:
        functions, arguments = pickle.loads(path.read_bytes())
        for function, kwargs in zip(functions, arguments):
            if function.__name__ != "remove_all_but_largest_component_from_segmentation":
                raise SystemExit(f"postprocessing function {function.__name__} is not known")
            chosen = kwargs["labels_or_regions"]
            flat = [v for item in (chosen if isinstance(chosen, list) else [chosen])
                    for v in (item if isinstance(item, (tuple, list)) else [item])]
            steps.append(sorted({int(v) for v in flat}))
    return steps


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--folds", nargs="+", default=["0"])
    parser.add_argument("--checkpoint", default="checkpoint_final.pth")
    parser.add_argument("--previous-checkpoint", default="checkpoint_final.pth", help="of a cascade's first stage")
    arguments = parser.parse_args()
    folds = [fold if fold == "all" else int(fold) for fold in arguments.folds]
    (arguments.out / "golden").mkdir(parents=True, exist_ok=True)

    predictor = nnUNetPredictor(device=torch.device("cpu"), perform_everything_on_device=False, allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(arguments.model), folds, arguments.checkpoint)
    configuration = predictor.configuration_manager
    channels = len(predictor.dataset_json["channel_names"])
    is_cascade = configuration.previous_stage_name is not None
    inputs = channels + (len(predictor.label_manager.foreground_labels) if is_cascade else 0)
    example = torch.zeros(1, inputs, *configuration.patch_size)

    files, worst = [], 0.0
    for n, state in enumerate(predictor.list_of_parameters):
        network = predictor.network
        network.load_state_dict(state)
        if hasattr(network, "decoder"):
            network.decoder.deep_supervision = False
        network.eval()
        name = "network.onnx" if n == 0 else f"network-{n}.onnx"
        write_onnx(network, example, arguments.out / name)
        worst = max(worst, parity(network, example, arguments.out / name))
        files.append({"file": name, "fold": str(folds[n])})
    if worst > 1e-3:
        raise SystemExit(f"ONNX differs from torch by {worst:.2g}, expected at most 1e-3")

    before = previous_stage(arguments, folds, configuration.previous_stage_name) if is_cascade else None
    write_golden(predictor, before, configuration, channels, arguments.out / "golden")
    facts = {
        "configuration": str(arguments.model.name).split("__")[-1],
        "folds": files,
        "parameters": sum(parameter.numel() for parameter in predictor.network.parameters()),
        "mirroringAxes": list(predictor.allowed_mirroring_axes or []),
        "postprocessing": postprocessing(arguments.model),
        "parity": float(f"{worst:.2g}"),
    }
    (arguments.out / "export.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(json.dumps(facts))


def previous_stage(arguments, folds, name):
    """The predictor of a cascade's first stage."""
    folder = arguments.model.parent / "__".join([*arguments.model.name.split("__")[:-1], name])
    predictor = nnUNetPredictor(device=torch.device("cpu"), perform_everything_on_device=False, allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(folder), folds, arguments.previous_checkpoint)
    return predictor


# Seeds, widths of blobs in voxels and grounds that are tried one after the other.
PHANTOMS = [(seed, width, ground) for seed in (5, 6, 7) for width in (4, 2, 8) for ground in (0, 3, -3)]
# So many voxels of a label are enough to see whether its outline is the reference's.
ENOUGH = 20
# After so many seconds no further phantom is tried, unless nothing was seen yet: a large network, or one of many
# classes of which some are in no phantom, would take hours for all of them.
SEARCH_SECONDS = 60


def write_golden(predictor, before, configuration, channels, folder):
    """Writes the first phantom in which the model sees enough of every label, else the one in which it sees most of
    those that there was time for."""
    import nibabel

    plans = predictor.plans_manager
    spacing = [float(v) for v in plans.plans["original_median_spacing_after_transp"]]
    # 1.15 tiles along each axis at another spacing than the network's: tiles overlap and everything is resampled.
    wanted = [float(v) for v in configuration.spacing]
    target = wanted if len(wanted) == 3 else [spacing[0], *wanted]
    patch = list(configuration.patch_size) if len(wanted) == 3 else [6, *configuration.patch_size]
    factors = [1.0, 1.1, 1.1]
    shape = [max(4, int(round(p * 1.15 / f))) for p, f in zip(patch, factors)]
    used = [t * f for t, f in zip(target, factors)]
    is_ct = "CTNormalization" in configuration.normalization_schemes
    backward = plans.transpose_backward
    stored_spacing = [used[axis] for axis in backward]
    wanted_labels = predictor.label_manager.foreground_labels
    best = None
    started = time.monotonic()
    for settings in PHANTOMS:
        image = phantom(shape, channels, is_ct, *settings)
        stored = image.transpose([0] + [axis + 1 for axis in backward])
        predict = lambda stage, seg: stage.predict_single_npy_array(stored, {"spacing": stored_spacing}, seg, None, False)
        first = None if before is None else predict(before, None)[None].astype(numpy.float32)
        labels = predict(predictor, first)
        seen = [min(ENOUGH, int((labels == label).sum())) for label in wanted_labels]
        if best is None or sum(seen) > best[0]:
            best = (sum(seen), stored, labels)
        if min(seen) == ENOUGH or (best[0] > 0 and time.monotonic() - started > SEARCH_SECONDS):
            break
    seen, stored, labels = best
    if seen == 0:
        raise SystemExit(f"the model sees nothing in any of {len(PHANTOMS)} phantoms: no golden case can be made")
    affine = numpy.diag([*stored_spacing[::-1], 1])
    data = stored.transpose(3, 2, 1, 0)
    save = lambda array, path: nibabel.save(nibabel.Nifti1Image(array, affine), path)
    save(data[..., 0] if channels == 1 else data, folder / "input.nii.gz")
    save(labels.astype(numpy.uint8).transpose(2, 1, 0), folder / "labels.nii.gz")


main()
