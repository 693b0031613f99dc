"""nnU-Net's own answer, by the steps of `nnUNetv2_predict -npp 0 -nps 0` (`predict_from_files_sequential`).

python peer_nnunet.py <model folder> <folds, by comma> <mirror|plain> <out> <image> [--previous <labels>]

Writes <case>.nii.gz (labels), <case>.logits (half precision, as it gave them to its export: class, z, y, x) and
<case>.json (shapes, box, seconds of each part).
"""
import json
import os
import sys
import time
from pathlib import Path

for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
    os.environ.setdefault(name, "/nonexistent")
os.environ["nnUNet_compile"] = "false"

import numpy
import torch
from nnunetv2.inference.export_prediction import export_prediction_from_logits
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.utilities.label_handling.label_handling import convert_labelmap_to_one_hot


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


def main():
    arguments = sys.argv[1:]
    previous = None
    if "--previous" in arguments:
        at = arguments.index("--previous")
        previous = arguments[at + 1]
        del arguments[at:at + 2]
    folder, folds, mirror, out, *images = arguments
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    predictor = open_model(folder, folds.split(","), mirror == "mirror")
    for image in images:
        case = Path(image).name.removesuffix(".nii.gz")
        started = time.perf_counter()
        logits, properties = logits_of(predictor, image, previous)
        predicted = time.perf_counter()
        if logits.dtype != torch.float16:
            raise SystemExit(f"logits are {logits.dtype}, expected float16")
        numpy.asarray(logits).tofile(out / f"{case}.logits")
        saved = time.perf_counter()
        export_prediction_from_logits(logits, properties, predictor.configuration_manager, predictor.plans_manager,
                                      predictor.dataset_json, str(out / case), False)
        ended = time.perf_counter()
        facts = {"shape": list(logits.shape), "predictSeconds": predicted - started, "exportSeconds": ended - saved}
        (out / f"{case}.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main()
