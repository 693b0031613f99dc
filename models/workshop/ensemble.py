"""Makes one model of several trainings: weights, thresholds, what each ingredient adds, and the ONNX files.

    python ensemble.py configs/<id>.json --data <folder> --runs <folder> --models <folder>

The config's `ensemble.members` name trainings (members/<name>.json). The product takes the plain mean of the logits of
a manifest's networks, so a member's weight is put into its last layer. Weights and the triplet of thresholds are the
ones that give the best mean Dice over the validation images. What that choice flatters shows in the rows "chosen on the
other half", one for each choice by itself and one for both, of each half with all that was chosen on the other. Writes
results/<id>.ensemble.json (weights, step, ablation) and <models>/<id>/network*.onnx.

    python ensemble.py configs/<id>.json --data <folder> --runs <folder> --models <folder> --packaged

measures the rows again that the package's own networks can answer, without checkpoints and without writing a network;
rows of single steps of the trainings stay as they were.
"""

import argparse
import hashlib
import itertools
import json
import os
from pathlib import Path

from scipy import ndimage
import numpy
import torch

from architectures import build
from checkpoint import checkpoint_file, finished_checkpoint
from config import load_config
from data import source
from data.split import is_validation
from export import finished, parameter_count, parity, trained, write_onnx
from metrics import bootstrap_interval, dice
from procedure import mirrored, onnx_runner, tiled_logits, torch_runner
from normalise import normalise

RESULTS = Path(__file__).resolve().parent / "results"
TOPS, BOTTOMS, AREAS = (0.5, 0.6, 0.7, 0.8, 0.9), (0.3, 0.35, 0.4, 0.45, 0.5, 0.55), (1, 5, 10, 20, 40)


def last_epoch(config, runs):
    """The weights as the last step left them, not averaged."""
    network = build(config["architecture"])
    network.load_state_dict(finished_checkpoint(config, runs)["network"])
    return finished(network)


def cache_name(kind, axes, file, manifest):
    """Of `evidence`: tells answers of other weights, another procedure or other mirroring apart."""
    made_of = file.read_bytes() + json.dumps([manifest["channels"], manifest["tiles"]], sort_keys=True).encode()
    return f"{kind}{''.join(axes)}.{hashlib.sha256(made_of).hexdigest()[:16]}.npz"


def scale_last_layer(network, factor):
    """Multiplies the logits of a network by `factor`, in place."""
    with torch.no_grad():
        network.head.weight.mul_(factor)
        network.head.bias.mul_(factor)


def evidence(run, data, manifest, axes, cache):
    """Logit of foreground less that of background for every validation image, [y, x]; kept in the file `cache`."""
    if cache.exists():
        return dict(numpy.load(cache))
    run = mirrored(run, axes)
    found = {}
    for name, image, _, _ in data.validation_cases():
        plane = normalise(image, manifest["channels"][0]["normalisation"])[0]
        background, foreground = tiled_logits(plane, manifest["tiles"]["patchVox"][1::-1], manifest, run)
        found[name] = foreground - background
    cache.parent.mkdir(parents=True, exist_ok=True)
    numpy.savez(cache, **found)
    return found


def combined(maps, weights):
    return {name: sum(w * one[name] for w, one in zip(weights, maps)) for name in maps[0]}


def scores(maps, truths):
    return {name: dice(truths[name], (maps[name] > 0).astype(numpy.uint8), 1) for name in maps}


def triplet(values, top, bottom, least):
    """Components above `bottom` that hold at least `least` pixels above `top`; values are logits."""
    low, high = (numpy.log(p / (1 - p)) for p in (bottom, top))
    parts, count = ndimage.label(values > low, numpy.ones((3, 3)))
    above = numpy.bincount(parts[values > high], minlength=count + 1)
    kept = above >= least
    kept[0] = False
    return kept[parts].astype(numpy.uint8)


def best(choices, score_of, names):
    """The choice with the best mean score over `names`, first of equals."""
    return max(choices, key=lambda choice: round(float(numpy.mean([score_of(choice, name) for name in names])), 6))


def ablation_row(title, found, group_of):
    """Mean Dice and its interval over all images and over those of each group, from {image: Dice}."""
    groups = {"all": list(found.values())}
    for name, score in found.items():
        groups.setdefault(group_of(name), []).append(score)
    means = {group: round(float(numpy.mean(values)), 4) for group, values in groups.items()}
    return {"what": title, **means, "intervals": {group: bootstrap_interval(values) for group, values in groups.items()}}


def halves(names):
    return [n for n in names if is_validation(n, 0.5)], [n for n in names if not is_validation(n, 0.5)]


def cross_fitted(choices, score_of, names):
    """Scores in which each half of the images is judged with what was chosen on the other half."""
    found = {}
    for own, other in itertools.permutations(halves(names)):
        choice = best(choices, score_of, other)
        found.update({name: score_of(choice, name) for name in own})
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("--data", default=os.environ.get("SCANLANE_DATA"), help="folder of the data sets (SCANLANE_DATA)")
    parser.add_argument("--runs", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--packaged", action="store_true", help="the package's networks in place of checkpoints")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    config = load_config(arguments.config)
    manifest, members = config["manifest"], config["ensemble"]["members"]
    configs = {name: load_config(arguments.config.parent / "members" / f"{name}.json") for name in members}
    data = source(config["data"], arguments.data, None)
    truths = {name: truth[0] for name, _, truth, _ in data.validation_cases()}
    names, runs = list(truths), arguments.runs
    path = RESULTS / f"{config['id']}.ensemble.json"
    before = json.loads(path.read_text()) if arguments.packaged else None
    files = [manifest["network"]["file"], *manifest["network"]["folds"]]
    rows = []

    def row(title, found):
        rows.append(ablation_row(title, found, data.group))
        print(rows[-1], flush=True)

    def maps_of(name, kind, axes=()):
        if arguments.packaged:
            # Its weight is part of its last layer.
            factor = before["members"][name] * len(members)
            file = arguments.models / config["id"] / files[members.index(name)]
            cache = runs / name / cache_name(kind, axes, file, manifest)
            found = evidence(onnx_runner(file, 1), data, manifest, axes, cache)
            return {image: values / factor for image, values in found.items()}
        member = configs.get(name) or load_config(arguments.config.parent / "members" / f"{name}.json")
        network = last_epoch(member, runs) if kind == "last" else trained(member, runs)
        cache = runs / name / cache_name(kind, axes, checkpoint_file(member, runs), manifest)
        return evidence(torch_runner(network), data, manifest, axes, cache)

    if not arguments.packaged:
        for name in config["ensemble"].get("compared", []):
            row(f"{name}, averaged weights", scores(maps_of(name, "average"), truths))
        for name in members:
            row(f"{name}, last weights", scores(maps_of(name, "last"), truths))
    for name in members:
        row(f"{name}, averaged weights", scores(maps_of(name, "average"), truths))
    plain = [maps_of(name, "average") for name in members]
    equal = [1 / len(members)] * len(members)
    if not arguments.packaged:
        last = [maps_of(name, "last") for name in members]
        row("plain mean of last weights", scores(combined(last, equal), truths))
    row("plain mean of averaged weights", scores(combined(plain, equal), truths))
    mirrored_maps = [maps_of(name, "average", tuple(manifest["mirrorAxes"])) for name in members]
    row("plain mean, mirrored", scores(combined(mirrored_maps, equal), truths))

    # Tenths; every member counts.
    grid = [tuple(n / 10 for n in parts) for parts in itertools.product(range(1, 10), repeat=len(members)) if sum(parts) == 10]
    table = {(w, name): 0.0 for w in grid for name in names}
    for w in grid:
        table.update({(w, name): score for name, score in scores(combined(mirrored_maps, w), truths).items()})
    weight_score = lambda w, name: table[w, name]
    weights = best(grid, weight_score, names)
    row("weighted mean, mirrored", {name: table[weights, name] for name in names})
    row("weighted mean, mirrored, weights chosen on the other half", cross_fitted(grid, weight_score, names))

    steps = [step for step in itertools.product(TOPS, BOTTOMS, AREAS) if step[1] <= step[0]]

    def triplets_of(final, judged_names):
        """(step, image) -> Dice of the map `final` after each triplet."""
        judged = {(s, n): dice(truths[n], triplet(final[n], *s), 1) for s in steps for n in judged_names}
        return lambda chosen, name: judged[chosen, name]

    step_score = triplets_of(combined(mirrored_maps, weights), names)
    top, bottom, least = best(steps, step_score, names)
    row("weighted mean, mirrored, triplet", {name: step_score((top, bottom, least), name) for name in names})
    row("weighted mean, mirrored, triplet chosen on the other half", cross_fitted(steps, step_score, names))
    both = {}
    for own, other in itertools.permutations(halves(names)):
        score_of = triplets_of(combined(mirrored_maps, best(grid, weight_score, other)), names)
        chosen = best(steps, score_of, other)
        both.update({name: score_of(chosen, name) for name in own})
    row("weighted mean, mirrored, weights and triplet chosen on the other half", both)

    step = {"kind": "score-triplet", "labels": [1], "topScore": top, "minVoxels": least, "bottomScore": bottom, "scope": "component"}
    result = {"members": dict(zip(members, weights)), "step": step, "ablation": rows}
    if arguments.packaged:
        if result["members"] != before["members"] or result["step"] != before["step"]:
            raise SystemExit(f"{config['id']}: the package's networks would be weighted otherwise than they are")
        again = {one["what"]: one for one in rows}
        known = {one["what"]: one for one in before["ablation"]}
        titles = [*known, *(title for title in again if title not in known)]
        result["ablation"] = [again.get(title) or known[title] for title in titles]
    path.write_text(json.dumps(result, indent=1) + "\n")
    if arguments.packaged:
        return

    patch = manifest["tiles"]["patchVox"]
    worst = total = 0
    for file, name, weight in zip(files, members, weights):
        network = trained(configs[name], runs)
        scale_last_layer(network, weight * len(members))
        network = network.half().float()
        path = arguments.models / config["id"] / file
        write_onnx(network, manifest["network"]["dimensions"], patch, path)
        worst = max(worst, parity(network, path, manifest["network"]["dimensions"], patch))
        total += parameter_count(network)
    if worst > 1e-3:
        raise SystemExit(f"{config['id']} differs from torch by {worst:.2g}, expected at most 1e-3")
    facts = {"parity": float(f"{worst:.2g}"), "parameters": total}
    (RESULTS / f"{config['id']}.export.json").write_text(json.dumps(facts, indent=1) + "\n")


if __name__ == "__main__":
    main()
