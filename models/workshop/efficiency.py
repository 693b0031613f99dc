"""Each network as fp32, with weights stored as fp16 (as packages have them), and as int8: size, time, Dice.

    python efficiency.py --models .. --data <folder> --runs <folder> [--times] [<id> ...]

- fp32: the averaged weights of the training, unrounded. Without a checkpoint: those of the package.
- fp16: the package's file. ONNX Runtime computes in float32.
- int8: ONNX Runtime's static quantisation of convolutions (QDQ, weights a scale each channel, activations unsigned),
  its ranges taken from tiles of eight training images.

Time: processor time of one tile on one thread, as timing.py, the three by turns. Dice: all validation cases by the whole
procedure, mean over cases and labels; `alike` is the Dice of each variant's labels with those of fp32. A model that is
scored by trainings that left something out has no Dice here, and is compared with fp32 alone. Of an ensemble each network
is made so, and their mean answers. Writes results/efficiency.json and results/efficiency.md. --times measures the sizes and
times of rows again and keeps the rest. The best: the smallest file whose Dice is at most 0.002 below fp32's and that takes
at most 1.1 times the time of the fastest.

<runs>/efficiency/<id> keeps the networks that were made and the scores of every case until the package or its checkpoint
changes: what is broken off goes on from there. Scores are what takes long: every tile of every case, by every network of
every variant, as often as it is mirrored. Where fp32 is the package's own weights written out, fp16 computes the same and is
not scored by itself.
"""

import argparse
import hashlib
import json
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy
import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from checkpoint import CHECKPOINT
from config import load_config
from data import source
from evaluate import answered
from evaluate_brain import CUTS, cut
from export import trained, write_onnx
from metrics import dice
from procedure import onnx_runner, segment
from volumes import read_ras

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
VARIANTS = ("fp32", "fp16", "int8")
LOSS, SLOWER = 0.002, 1.1


class HeadScans:
    """Of the brain mask: the head that is a file, cut into axial scans as evaluate_brain.py does. It was trained on."""

    def __init__(self, folder):
        self.volume, _ = read_ras(Path(folder) / "weights-reference" / "sample-input" / "t1_crop.nii.gz")
        self.split = {"training": [f"{thickness} mm every {step}" for thickness, step in CUTS]}

    def case(self, name):
        thickness, step = CUTS[self.split["training"].index(name)]
        scan = cut(self.volume.astype(numpy.float32), thickness, step)
        return scan, numpy.zeros(scan.shape, numpy.uint8), (1.0, 1.0, float(step))


class Tiles(CalibrationDataReader):
    def __init__(self, tiles):
        self.rest = iter(tiles)

    def get_next(self):
        tile = next(self.rest, None)
        return None if tile is None else {"image": tile}


def unhalve(path, target):
    """Weights stored as float16 become float32 again."""
    model = onnx.load(path)
    halves = {weight.name: weight for weight in model.graph.initializer if weight.name.endswith(".half")}
    for node in [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in halves]:
        stored = halves[node.input[0]]
        values = onnx.numpy_helper.to_array(stored).astype(numpy.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(values, node.output[0]))
        model.graph.initializer.remove(stored)
        model.graph.node.remove(node)
    onnx.save(model, str(target))


def mean_runner(paths, threads=1):
    """The mean of the logits of the networks at `paths`."""
    runs = [onnx_runner(path, threads) for path in paths]
    return lambda batch: sum(run(batch) for run in runs) / len(runs)


def calibration_tiles(data, manifest, paths):
    """What the networks are given for eight training images, at most four tiles each."""
    seen, run = [], mean_runner(paths)

    def recorded(batch):
        seen.append(numpy.ascontiguousarray(batch[:1]))
        return run(batch)

    tiles = []
    for name in data.split["training"][:: max(1, len(data.split["training"]) // 8)][:8]:
        seen.clear()
        segment(data.case(name)[0], data.case(name)[2], manifest, recorded)
        tiles += seen[:: max(1, len(seen) // 4)][:4]
    return tiles


def quantised(fp32, tiles, target):
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        prepared, made = Path(folder) / "prepared.onnx", Path(folder) / "made.onnx"
        quant_pre_process(str(fp32), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared),
            str(made),
            Tiles(tiles),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "ConvTranspose"],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        made.replace(target)


def milliseconds(paths, manifest, rounds=11):
    size = manifest["tiles"]["patchVox"][::-1] if manifest["network"]["dimensions"] == 3 else (256, 256)
    tile = numpy.zeros((1, 1, *size), numpy.float32)
    runs = {name: mean_runner(files, 1) for name, files in paths.items()}
    spent = {name: [] for name in paths}
    for _ in range(rounds):
        for name, run in runs.items():
            began = time.process_time()
            run(tile)
            spent[name].append(1000 * (time.process_time() - began))
    return {name: round(statistics.median(values), 1) for name, values in spent.items()}


def scores(paths, data, config, is_scored, kept, log):
    """{variant: mean Dice}, {variant: mean Dice with fp32's labels} over the validation cases.

    Where nothing was held out for this network, over eight training cases, whose Dice means nothing. The file `kept`
    holds what was scored before, and takes what is scored now, case by case.
    """
    training = data.split["training"][:: max(1, len(data.split["training"]) // 8)][:8]
    cases = data.validation_cases() if is_scored else ((name, *data.case(name)) for name in training)
    runs = {name: mean_runner(files) for name, files in paths.items()}
    values = [label["value"] for label in config["manifest"]["labels"]]
    known = json.loads(kept.read_text()) if kept.exists() else {}
    names = []
    for name, image, truth, spacing in cases:
        names.append(name)
        if name in known:
            continue
        began = time.process_time()
        labels = {variant: answered(config, image, spacing, run) for variant, run in runs.items()}
        known[name] = {
            variant: {
                "dice": [float(dice(truth, found, value)) for value in values],
                "alike": [float(dice(labels["fp32"], found, value)) for value in values],
            }
            for variant, found in labels.items()
        }
        partial = kept.with_suffix(".partial")
        partial.write_text(json.dumps(known) + "\n")
        partial.replace(kept)
        log(f"case {len(names)}, {name}: {time.process_time() - began:.1f} s")
    mean = lambda key: {
        variant: round(float(numpy.nanmean([known[name][variant][key] for name in names])), 4) for variant in paths
    }
    return mean("dice"), mean("alike")


def best(row, is_scored):
    quality = row["dice"] if is_scored else row["alike"]
    kept = [name for name in VARIANTS if quality[name] >= quality["fp32"] - LOSS]
    fastest = min(row["milliseconds"][name] for name in kept)
    fit = [name for name in kept if row["milliseconds"][name] <= SLOWER * fastest]
    return min(fit, key=lambda name: row["megabytes"][name])


def kept_folder(runs, id_, models):
    """The folder of what was made of this package and checkpoint; emptied where it is of others."""
    checkpoint = runs / id_ / CHECKPOINT
    # It names the digests of its networks. Its scores change nothing that is computed.
    manifest = json.loads((models / id_ / "manifest.json").read_text()) | {"scores": None}
    weights = checkpoint.read_bytes() if checkpoint.exists() else b""
    digest = hashlib.sha256(json.dumps(manifest).encode() + weights).hexdigest()
    folder = runs / "efficiency" / id_
    made_of = folder / "made-of"
    if not made_of.exists() or made_of.read_text() != digest:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        made_of.write_text(digest)
    return folder


def networks(config, manifest, data, arguments, folder, log):
    """{variant: files}, made where `folder` does not hold them, and whether fp32 is of a checkpoint."""
    id_, network = config["id"], manifest["network"]
    names = [one["file"] for one in [network, *network.get("folds", [])]]
    paths = {variant: [folder / f"{variant}.{name}" for name in names] for variant in VARIANTS}
    paths["fp16"] = [arguments.models / id_ / name for name in names]
    has_checkpoint = len(names) == 1 and (arguments.runs / id_ / CHECKPOINT).exists()
    if has_checkpoint:
        unrounded = trained(config, arguments.runs, rounded=False)
        patch, norms = manifest["tiles"]["patchVox"], config.get("norms", "operator")
        write_onnx(unrounded, network["dimensions"], patch, paths["fp32"][0], stored_half=False, norms=norms)
    else:
        for packaged, fp32 in zip(paths["fp16"], paths["fp32"]):
            unhalve(packaged, fp32)
    missing = [pair for pair in zip(paths["fp32"], paths["int8"]) if not pair[1].exists()]
    tiles = calibration_tiles(data, manifest, paths["fp32"]) if missing else []
    for fp32, int8 in missing:
        quantised(fp32, tiles, int8)
        log(f"{int8.name} of {len(tiles)} tiles")
    return paths, has_checkpoint


def measured(id_, arguments, before=None):
    """One row; with `before` the same row, its sizes and times measured again."""
    log = lambda line: print(f"{id_}: {line}; {time.process_time():.0f} s of processor time in all", flush=True)
    config = load_config(HERE / "configs" / f"{id_}.json")
    manifest = json.loads((arguments.models / id_ / "manifest.json").read_text())
    is_brain = config["data"]["name"] == "heads"
    data = HeadScans(arguments.data) if is_brain else source(config["data"], arguments.data, None)
    folder = kept_folder(arguments.runs, id_, arguments.models)
    paths, has_checkpoint = networks(config, manifest, data, arguments, folder, log)
    is_scored = "leftOut" not in config and not is_brain
    row = {"fp32From": "checkpoint" if has_checkpoint else "package"} | (before or {}) | {
        "megabytes": {name: round(sum(path.stat().st_size for path in files) / 1e6, 2) for name, files in paths.items()},
        "milliseconds": milliseconds(paths, manifest),
        "clock": "processor",
    }
    if before is None:
        own = {name: files for name, files in paths.items() if has_checkpoint or name != "fp16"}
        found, alike = scores(own, data, config, is_scored, folder / "cases.json", log)
        for means in (found, alike):
            means.setdefault("fp16", means["fp32"])
        row |= {"dice": found if is_scored else None, "alike": alike}
    return row | {"best": best(row, is_scored)}


def table(rows):
    lines = ["| Model | fp32: MB, ms, Dice | fp16 stored: MB, ms, Dice | int8: MB, ms, Dice | alike: fp16, int8 | Best |"]
    lines += ["| --- | --- | --- | --- | --- | --- |"]
    for id_, row in sorted(rows.items()):
        dice_of = lambda name: "-" if row["dice"] is None else f"{row['dice'][name]:.4f}"
        cells = [f"{row['megabytes'][name]:.2f}, {row['milliseconds'][name]:.0f}, {dice_of(name)}" for name in VARIANTS]
        lines += [f"| `{id_}` | {' | '.join(cells)} | {row['alike']['fp16']:.4f}, {row['alike']['int8']:.4f} | {row['best']} |"]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--data", default=os.environ.get("SCANLANE_DATA"), help="folder of the data sets (SCANLANE_DATA)")
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--times", action="store_true", help="measure sizes and times of rows again, of all without ids")
    parser.add_argument("ids", nargs="*")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("give --data or set SCANLANE_DATA")
    torch.set_num_threads(1)
    path = RESULTS / "efficiency.json"
    rows = json.loads(path.read_text()) if path.exists() else {}
    for id_ in arguments.ids or (list(rows) if arguments.times else []):
        rows[id_] = measured(id_, arguments, rows[id_] if arguments.times else None)
        print(id_, json.dumps(rows[id_]), flush=True)
        path.write_text(json.dumps(dict(sorted(rows.items())), indent=1) + "\n")
        (RESULTS / "efficiency.md").write_text(table(rows))


if __name__ == "__main__":
    main()
