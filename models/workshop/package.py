"""Writes what a model folder holds beside its weights: golden case, manifest.json and CARD.md.

    python package.py configs/<id>.json --models <folder>

The tables' numbers come from results/<id>.json, .export.json and .ensemble.json. Words come from the config, with what
was measured once and looked at, and who changes a network has to measure that again: retraining leaves words as they are.
"""

import argparse
import hashlib
import json
from pathlib import Path

from config import load_config
from golden import REASON, TOLERANCE, write_golden

HERE = Path(__file__).resolve().parent
SCHEMA_VERSION = 1


def read_result(name):
    path = HERE / "results" / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def score_rows(config, result):
    """The manifest's `scores`, from a plain evaluation or from one with heads left out."""
    if result is None:
        return []
    words = config["card"]
    titles = words.get("groups", {})
    if "labels" in result:
        parts = [(result["dataset"], words["split"], name, score) for name, score in result["labels"].items()]
    elif "groups" in result:
        parts = [
            (f"{result['dataset']}, {titles.get(group, group)}", words.get("splits", {}).get(group, words["split"]), name, score)
            for group, labels in result["groups"].items()
            for name, score in labels.items()
        ]
    else:
        label = config["manifest"]["labels"][0]["name"]
        parts = [
            (f"{head}, {contrasts} contrasts", "a training without this head", label, scores[contrasts])
            for head, scores in result["heads"].items()
            for contrasts in ("real", "made-up")
        ]
    return [
        {
            "dataset": dataset,
            "split": split,
            "label": label,
            "metric": result["metric"],
            "mean": score["mean"],
            "interval": score["interval"],
            "cases": score["cases"],
        }
        for dataset, split, label, score in parts
    ]


def network_file(path):
    return {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def manifest_for(config, folder, facts, result, ensemble):
    fixed = dict(config["manifest"])
    folds = fixed["network"].get("folds", [])
    if ensemble is not None:
        fixed["postprocess"] = [ensemble["step"], *fixed["postprocess"]]
    network = {
        **network_file(folder / fixed["network"]["file"]),
        **({"folds": [network_file(folder / file) for file in folds]} if folds else {}),
        **{name: fixed["network"][name] for name in ("inputName", "outputName", "dimensions", "classes")},
        "parameters": facts["parameters"],
        # What efficiency.py found best where files must give the same labels on every processor.
        "storage": "float16",
    }
    return {
        "schemaVersion": SCHEMA_VERSION,
        "id": config["id"],
        **fixed,
        "network": network,
        "scores": score_rows(config, result),
        "golden": {
            "input": "golden/input.nii.gz",
            "labels": "golden/labels.nii.gz",
            "tolerance": TOLERANCE,
            "reason": REASON,
        },
    }


def paragraphs(texts):
    return [line for text in texts for line in (text, "")]


def with_steps(tables, steps):
    """What the scores become by the steps after the network, which every run of the package makes."""
    kinds = ", ".join(step["kind"] for step in steps)
    means, all_cases = [], []
    for group, labels in tables.items():
        means += [f"{', '.join(part for part in (group, name) if part)} {score['mean']:.3f}" for name, score in labels.items()]
        all_cases += [(score["mean"], score["cases"]) for score in labels.values()]
    mean = sum(mean * cases for mean, cases in all_cases) / sum(cases for _, cases in all_cases)
    return f"With the package's own step after the network ({kinds}), which a run makes too: {'; '.join(means)}; all cases {mean:.3f}."


def ablation(ensemble):
    """What each ingredient of an ensemble adds: mean Dice over all validation images and per group."""
    rows = ensemble["ablation"]
    columns = [key for key in rows[0] if key not in ("what", "intervals")]
    weights = ", ".join(f"{name} {weight:g}" for name, weight in ensemble["members"].items())
    step = ", ".join(f"{key} {value}" for key, value in ensemble["step"].items() if key not in ("kind", "labels"))
    lines = [f"Weights: {weights}. Triplet: {step}.", "", "## What each ingredient adds", ""]
    lines += [f"| Mean Dice | {' | '.join(columns)} |", "| --- |" + " --- |" * len(columns)]
    lines += [f"| {row['what']} | {' | '.join(ablation_cell(row, key) for key in columns)} |" for row in rows]
    last = "In brackets: 95 % interval, bootstrap of the mean over images, 10,000 draws."
    if any("intervals" not in row for row in rows):
        last += " Rows without one are of weights that were not kept."
    return [*lines, "", f"Measured by `ensemble.py`. {last}", ""]


def ablation_cell(row, key):
    if "intervals" not in row:
        return f"{row[key]:.3f}"
    low, high = row["intervals"][key]
    return f"{row[key]:.3f} ({low:.3f}-{high:.3f})"


def card(config, manifest, facts, result, golden, size, has_pictures, ensemble):
    """CARD.md: what a reader needs to know before using the model."""
    words = config["card"]
    lines = [f"# {manifest['title']}", "", f"`{manifest['id']}` {manifest['version']}. {manifest['description']}", ""]
    lines += ["**Research use only. Not a medical device.** " + words["limits"], ""]
    lines += ["## Network", ""]
    lines += [words["network"], ""]
    lines += ["| | |", "| --- | --- |"]
    folds = len(manifest["network"].get("folds", []))
    files = f"`{manifest['network']['file']}`" + (f" and {folds} more" if folds else "")
    lines += [f"| Parameters | {facts['parameters']:,} |", f"| Weights | {files}, {size / 1e6:.2f} MB |"]
    lines += [f"| Torch and ONNX Runtime differ by at most | {facts['parity']:.1e} (logits) |"]
    tile = " x ".join(str(n) for n in manifest["tiles"]["patchVox"])
    known = any(n is not None for n in manifest["spacingMm"])
    grid = " x ".join("source" if n is None else str(n) for n in manifest["spacingMm"])
    scheme = manifest["channels"][0]["normalisation"]
    normalisation = ", ".join([scheme["kind"], *(f"{k} {v}" for k, v in scheme.items() if k != "kind")])
    lines += [f"| Tile (x, y, z) | {tile} voxels {f'of {grid} mm' if known else 'as stored, of any size'} |", f"| Normalisation | {normalisation} |", ""]
    lines += ["## Training data", ""] + paragraphs(words["data"])
    lines += ["| Data | Licence |", "| --- | --- |"]
    lines += [f"| {entry['name']} | {entry['licence']} |" for entry in manifest["trainingData"]]
    lines += ["", f"Licence of the weights: **{manifest['licence']['weights']}**. {words['licence']}", ""]
    lines += ["## Scores", ""]
    if manifest["scores"]:
        lines += ["| Data | Split | Label | Dice, mean | 95 % interval | Cases |", "| --- | --- | --- | --- | --- | --- |"]
        for row in manifest["scores"]:
            low, high = row["interval"]
            lines.append(
                f"| {row['dataset']} | {row['split']} | {row['label']} | {row['mean']:.3f} | {low:.3f}-{high:.3f} | {row['cases']} |"
            )
        lines += ["", f"Interval: bootstrap of the mean over cases, 10,000 draws. Measured by `{result['command']}`", ""]
    lines += paragraphs(words["scores"])
    if result is not None and "withSteps" in result:
        lines += [with_steps(result["withSteps"], manifest["postprocess"]), ""]
    if ensemble is not None:
        lines += ablation(ensemble)
    if words.get("pictures"):
        lines += ["## What was looked at", ""] + paragraphs(words["pictures"])
    if has_pictures:
        lines += ["![Images with outlines](pictures.jpg)", "", words["picturesSource"], ""]
    lines += ["## Golden case", ""]
    counts = ", ".join(f"{count:,} voxels of {name}" for name, count in golden["voxels"].items())
    lines += [
        f"`golden/input.nii.gz` is a phantom made from seed {golden['seed']} (`models/workshop/golden.py`), no patient; "
        f"`golden/labels.nii.gz` holds the labels of the workshop's own procedure before any postprocess step: {counts}. "
        f"At most {100 * TOLERANCE:.1f} % of the voxels may differ: {REASON}.",
        "",
        f"Rebuilt from nothing by `make {config['id']}` in `models/workshop`.",
    ]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--models", type=Path, required=True)
    arguments = parser.parse_args()
    config = load_config(arguments.config)
    folder = arguments.models / config["id"]
    result, facts = read_result(config["id"]), read_result(f"{config['id']}.export")
    golden = write_golden(config["phantom"], config["manifest"], folder)
    ensemble = read_result(f"{config['id']}.ensemble")
    manifest = manifest_for(config, folder, facts, result, ensemble)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
    networks = [manifest["network"], *manifest["network"].get("folds", [])]
    size = sum((folder / network["file"]).stat().st_size for network in networks)
    (folder / "CARD.md").write_text(card(config, manifest, facts, result, golden, size, (folder / "pictures.jpg").exists(), ensemble))
    print(f"{config['id']}: golden seed {golden['seed']}, {golden['voxels']}")


if __name__ == "__main__":
    main()
