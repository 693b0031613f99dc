"""Scores an exported model on its held-out cases with the whole inference procedure.

    python evaluate.py configs/hippocampus-unet3d.json --data <folder> --models <folder>

Writes results/<id>.json: Dice per case and label, means, 95 % bootstrap intervals; for a data source with groups, per
group. No postprocess step is applied.
"""

import argparse
import json
import os
from pathlib import Path

import numpy

from config import load_config
from data import source
from metrics import bootstrap_interval, dice
from procedure import onnx_runner, segment

RESULTS = Path(__file__).resolve().parent / "results"


def summary(values):
    """Mean, interval and count of one label's scores."""
    return {
        "mean": round(float(numpy.mean(values)), 4),
        "interval": bootstrap_interval(values),
        "cases": len(values),
        "lowest": round(float(numpy.min(values)), 4),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", default=os.environ.get("SCANLANE_DATA"), help="folder of the data sets (SCANLANE_DATA)")
    parser.add_argument("--models", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.data is None:
        parser.error("give --data or set SCANLANE_DATA")
    config = load_config(arguments.config)
    manifest = config["manifest"]
    run = onnx_runner(arguments.models / config["id"] / manifest["network"]["file"], threads=1)
    data = source(config["data"], arguments.data, None)
    per_case = {}
    for name, image, truth, spacing in data.validation_cases():
        found = segment(image, spacing, manifest, run)
        per_case[name] = {label["name"]: round(dice(truth, found, label["value"]), 4) for label in manifest["labels"]}
        print(name, per_case[name], flush=True)
    groups = {}
    for name, scores in per_case.items():
        groups.setdefault(data.group(name) if hasattr(data, "group") else "", []).append(scores)
    tables = {
        group: {label["name"]: summary([scores[label["name"]] for scores in cases]) for label in manifest["labels"]}
        for group, cases in groups.items()
    }
    RESULTS.mkdir(exist_ok=True)
    result = {
        "dataset": config["card"]["dataset"],
        "split": config["card"]["split"],
        "metric": "Dice",
        "command": f"python evaluate.py configs/{config['id']}.json --data <folder> --models ..",
        **({"labels": tables[""]} if "" in tables else {"groups": tables}),
        "cases": per_case,
    }
    (RESULTS / f"{config['id']}.json").write_text(json.dumps(result, indent=1) + "\n")
    for group, labels in tables.items():
        for name, score in labels.items():
            measured = f"{score['mean']:.4f} {score['interval']} over {score['cases']} cases, lowest {score['lowest']}"
            print(f"{group} {name}: {measured}".strip())


if __name__ == "__main__":
    main()
