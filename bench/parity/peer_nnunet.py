"""nnU-Net's own answer, by the steps of `nnUNetv2_predict -npp 0 -nps 0` (`predict_from_files_sequential`).

python peer_nnunet.py <model folder> <folds, by comma> <mirror|plain> <work> <package> <image...> [--previous <package>]
    [--answers <folder> --networks <digests, by comma>]

Writes for each image, where it is not there yet, to <work>/theirs/<package>: <case>.nii.gz (labels),
<case>.margin.nii.gz (how far its largest logit lies above the second largest, on the image's grid), <case>.logits (half
precision, as it gave them to its export: class, z, y, x) and <case>.json (shape, seconds); and to
<work>/no-onednn/<package>, where nothing is mirrored, the labels by PyTorch's other convolutions, to see how far nnU-Net
is from itself. The labels of a cascade's first stage are those of the same way.

--answers: the network is not run. What another program's runtime answered to the same input, bit for bit, takes its
place (files named <digest of the network>/<digest of the input>); to <work>/answered/<package>, where <case>.json says
how far PyTorch's own answers are from those. Inputs that the other program did not have are counted, and answered by PyTorch.
"""
import argparse
import hashlib
import json
import os
import time
from pathlib import Path

for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.setdefault(name, "/nonexistent")
os.environ["nnUNet_compile"] = "false"

import nibabel
import numpy
import torch
from acvl_utils.cropping_and_padding.bounding_boxes import insert_crop_into_image
from nnunetv2.inference.export_prediction import export_prediction_from_logits
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.label_handling.label_handling import convert_labelmap_to_one_hot


class Answers(torch.nn.Module):
    """Stands where the network stands; a checkpoint that is loaded into it is the next fold."""

    def __init__(self, network, folder, networks):
        super().__init__()
        self.network, self.folder, self.networks = network, folder, networks
        self.fold = -1
        self.largest = None
        self.missing = self.tiles = 0

    def load_state_dict(self, state):
        self.fold += 1
        return self.network.load_state_dict(state)

    def forward(self, x):
        own = self.network(x)
        digest = hashlib.sha256(x.contiguous().numpy().tobytes()).hexdigest()
        path = self.folder / self.networks[self.fold] / digest
        self.tiles += 1
        if not path.exists():
            self.missing += 1
            return own
        answer = torch.from_numpy(numpy.fromfile(path, numpy.float32).reshape(own.shape))
        self.largest = max(self.largest or 0.0, float((own - answer).abs().max()))
        return answer


def open_model(folder, folds, mirror, checkpoint="checkpoint_final.pth"):
    predictor = nnUNetPredictor(device=torch.device("cpu"), perform_everything_on_device=False, allow_tqdm=False,
                                use_mirroring=mirror)
    folds = [fold if fold == "all" else int(fold) for fold in folds]
    predictor.initialize_from_trained_model_folder(str(folder), folds, checkpoint)
    return predictor


def logits_of(predictor, image, previous=None):
    configuration = predictor.configuration_manager
    preprocessor = configuration.preprocessor_class(verbose=False)
    data, seg, properties = preprocessor.run_case([image], previous, predictor.plans_manager, configuration,
                                                  predictor.dataset_json)
    if previous is not None:
        labels = predictor.plans_manager.get_label_manager(predictor.dataset_json).foreground_labels
        data = numpy.vstack((data, convert_labelmap_to_one_hot(seg[0], labels, data.dtype)))
    return predictor.predict_logits_from_preprocessed_data(torch.from_numpy(data)).cpu(), properties


def margin_of(predictor, logits, properties):
    """By the steps of its export (`convert_predicted_logits_to_segmentation_with_correct_shape`), 99 outside the crop."""
    plans, configuration = predictor.plans_manager, predictor.configuration_manager
    spacing = [properties["spacing"][axis] for axis in plans.transpose_forward]
    current = configuration.spacing if len(configuration.spacing) == 3 else [spacing[0], *configuration.spacing]
    resampled = configuration.resampling_fn_probabilities(
        logits, properties["shape_after_cropping_and_before_resampling"], current, spacing)
    best = numpy.sort(numpy.asarray(resampled).astype(numpy.float32), 0)
    whole = numpy.full(properties["shape_before_cropping"], 99, numpy.float32)
    whole = insert_crop_into_image(whole, best[-1] - best[-2], properties["bbox_used_for_cropping"])
    return whole.transpose(plans.transpose_backward)


def labels_by(predictor, image, target, previous=None):
    """Writes <target>.nii.gz; returns the logits and what nnU-Net knows of the image."""
    logits, properties = logits_of(predictor, image, previous)
    if logits.dtype != torch.float16:
        raise SystemExit(f"logits are {logits.dtype}, expected float16")
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    export_prediction_from_logits(logits, properties, predictor.configuration_manager, predictor.plans_manager,
                                  predictor.dataset_json, str(target), False)
    return logits, properties


def arguments():
    parser = argparse.ArgumentParser()
    for name in ("model", "folds", "mirror"):
        parser.add_argument(name)
    parser.add_argument("work", type=Path)
    parser.add_argument("package")
    parser.add_argument("images", nargs="+")
    parser.add_argument("--previous")
    parser.add_argument("--answers", type=Path)
    parser.add_argument("--networks", default="")
    return parser.parse_args()


def main():
    options = arguments()
    # Mirrored passes tell no more of convolutions than plain ones, and take eight times as long.
    ways = ["answered"] if options.answers else ["theirs", *(["no-onednn"] if options.mirror == "plain" else [])]
    for way in ways:
        out = options.work / way / options.package
        todo = [image for image in options.images if not (out / Path(image).name).exists()]
        if not todo:
            continue
        torch.backends.mkldnn.enabled = way != "no-onednn"
        predictor = open_model(options.model, options.folds.split(","), options.mirror == "mirror")
        for image in todo:
            case = Path(image).name.removesuffix(".nii.gz")
            previous = None if options.previous is None else str(options.work / way / options.previous / Path(image).name)
            if way == "answered":
                predictor.network = Answers(predictor.network, options.answers, options.networks.split(","))
            started = time.perf_counter()
            logits, properties = labels_by(predictor, image, out / case, previous)
            facts = {"shape": list(logits.shape), "seconds": time.perf_counter() - started}
            if way == "answered":
                facts["largestDifferenceOfLogits"] = predictor.network.largest
                facts["tiles"], facts["tilesWithoutAnswer"] = predictor.network.tiles, predictor.network.missing
                predictor.network = predictor.network.network
            elif way == "theirs":
                numpy.asarray(logits).tofile(out / f"{case}.logits")
                margin = margin_of(predictor, logits, properties)
                nibabel.save(nibabel.Nifti1Image(margin.transpose(2, 1, 0), None), out / f"{case}.margin.nii.gz")
            (out / f"{case}.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
