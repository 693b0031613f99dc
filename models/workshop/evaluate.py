"""Scores an exported model on its held-out cases with the whole inference procedure.

    python evaluate.py configs/hippocampus-unet3d.json --data <folder> --models <folder>

Writes results/<id>.json: Dice per case and label, means, 95 % bootstrap intervals; for a data source with groups, per
group. No postprocess step is applied but the triplet of thresholds that is part of an ensemble; what the manifest's steps
make of the scores stands beside them (`withSteps`). A config with `leftOut`
names trainings (members/<name>.json) that each left something out: they are scored in the model's place, each on what
it left out, by torch.
"""

import argparse
import json
import os
from pathlib import Path

import numpy
import torch

from config import load_config
from data import source
from ensemble import triplet
from export import trained
from metrics import bootstrap_interval, dice
from procedure import package_runner, segment, segment_logits, torch_runner
from steps import stepped

RESULTS = Path(__file__).resolve().parent / "results"


def summary(values):
    """Mean, interval and count of one label's scores."""
    return {
        "mean": round(float(numpy.mean(values)), 4),
        "interval": bootstrap_interval(values),
        "cases": len(values),
        "lowest": round(float(numpy.min(values)), 4),
    }


def answered(config, image, spacing, run):
    """Labels [z, y, x] of `image`: the argmax, or what an ensemble's triplet of thresholds makes of each slice."""
    manifest = config["manifest"]
    if "ensemble" not in config:
        return segment(image, spacing, manifest, run)
    step = json.loads((RESULTS / f"{config['id']}.ensemble.json").read_text())["step"]
    background, foreground = segment_logits(image, spacing, manifest, run)
    thresholds = step["topScore"], step["bottomScore"], step["minVoxels"]
    return numpy.stack([triplet(plane, *thresholds) for plane in foreground - background])


def cases_of(data, every=None):
    """(name, image, labels, spacing) of the held-out cases, or of every so-many-th training case."""
    if every is None:
        yield from data.validation_cases()
    else:
        for name in data.split["training"][::every]:
            yield name, *data.case(name)


def scored(config, path, arguments):
    """Pairs of a data source, whose cases count, and what answers for them."""
    if "leftOut" not in config:
        run = package_runner(arguments.models / config["id"], config["manifest"])
        yield source(config["data"], arguments.data, None), run
        return
    if arguments.runs is None:
        raise SystemExit(f"{config['id']} is scored by trainings that left something out: give --runs")
    for name in config["leftOut"]:
        member = load_config(path.parent / "members" / f"{name}.json")
        yield source(member["data"], arguments.data, None), torch_runner(trained(member, arguments.runs))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", default=os.environ.get("SCANLANE_DATA"), help="folder of the data sets (SCANLANE_DATA)")
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--runs", type=Path, help="folder of checkpoints, for a config with leftOut")
    parser.add_argument("--training", type=int, metavar="N", help="score every N-th training case, and write nothing")
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("give --data or set SCANLANE_DATA")
    # Threads that wait for each other on a busy machine cost more than they bring.
    torch.set_num_threads(1)
    config = load_config(arguments.config)
    manifest = config["manifest"]
    dice_of = lambda truth, found: {
        label["name"]: round(dice(truth, found, label["value"]), 4) for label in manifest["labels"]
    }
    per_case, groups, after = {}, {}, {}
    for data, run in scored(config, arguments.config, arguments):
        for name, image, truth, spacing in cases_of(data, arguments.training):
            found = answered(config, image, spacing, run)
            group = data.group(name) if hasattr(data, "group") else ""
            per_case[name] = dice_of(truth, found)
            groups.setdefault(group, []).append(per_case[name])
            after.setdefault(group, []).append(dice_of(truth, stepped(found, manifest["postprocess"])))
            print(name, per_case[name], flush=True)
    summaries = lambda of: {
        group: {label["name"]: summary([scores[label["name"]] for scores in cases]) for label in manifest["labels"]}
        for group, cases in of.items()
    }
    tables = summaries(groups)
    for group, labels in tables.items():
        for name, score in labels.items():
            measured = f"{score['mean']:.4f} {score['interval']} over {score['cases']} cases, lowest {score['lowest']}"
            print(f"{group} {name}: {measured}".strip())
    if arguments.training is not None:
        return
    RESULTS.mkdir(exist_ok=True)
    result = {
        "dataset": config["card"]["dataset"],
        "metric": "Dice",
        "command": f"python evaluate.py configs/{config['id']}.json --data <folder> --models .."
        + (" --runs <folder>" if "leftOut" in config else ""),
        **({"labels": tables[""]} if "" in tables else {"groups": tables}),
        **({"withSteps": summaries(after)} if manifest["postprocess"] else {}),
        "cases": per_case,
    }
    (RESULTS / f"{config['id']}.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
