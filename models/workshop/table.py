"""Writes models/README.md from the manifests: what is there, how large it is, how well it does.

    python table.py --models ..

Numbers come from the manifests, from results/times.json (timing.py) and from results/compare-*.md, which
`scanlane compare` wrote (compare_data.py makes its data).
"""

import argparse
import json
from pathlib import Path

from config import load_config
from package import read_result, score_rows

HERE = Path(__file__).resolve().parent
# Of each kind: the small attention network, and the plain U-Net that it stands beside; of nuclei a training like the
# U-Net's, which is not packaged.
BESIDE = {
    "nuclei": ("nuclei-attention-unet-short", "nuclei-unet-w0.25"),
    "vessels": ("vessels-attention-unet", "vessels-unet-w0.25"),
    "ventricle": ("ventricle-attention-unet", "ventricle-unet-w0.25"),
    "hippocampus": ("hippocampus-attention-unet3d", "hippocampus-unet3d"),
}
COMPARED = {"nuclei": ("fluo256", "The nuclei networks compared, fluorescence with small nuclei")}
KINDS = {
    "nuclei": "Cell nuclei (2018 Data Science Bowl)",
    "vessels": "Retinal vessels (CHASE_DB1; STARE is another camera)",
    "ventricle": "Cavity of the left ventricle (Sunnybrook), one patient left out",
    "hippocampus": "Hippocampus (MSD Task04)",
    "brain": "Brain and its tissues",
}
HEAD = """# Models

A folder a model: `manifest.json`, the network, `CARD.md` (training data, scores with intervals, what it is not for) and
a golden case that `scanlane verify <id>` runs. **Research use only.** `routes.json` says which model an image goes to
when nobody names one; most are used by name: `scanlane run --model <id>`. [`workshop`](workshop/README.md) makes them.

Names say what was changed: `w0.25` is the published network at a quarter of its channels, its depth kept (of TransUNet
neither wholly: its card says what). None of them has seen ImageNet, on which the published networks rely. So this compares
these small networks trained alike, and not the published ones.
"""
ATTENTION = """## The small attention network beside the plain U-Net

One architecture of less than a million parameters (`workshop/architectures/attention_unet.py`), trained on each of the four
data sets. Its goal: at least the U-Net's Dice at a quarter of its parameters. Dice is the mean over held-out cases; `all`, which
decides, is over those of every row above it but a camera that was not trained on; ms is the processor time of one tile, once:
a model that mirrors along two axes takes four times that. Differences of a few thousandths are far inside the intervals that the
cards give; of the ventricle a row is one patient, and the recipe was chosen with the attention network, mostly on the first.
Where a row says that the recipes differ, the two were not trained, or not run, alike: it compares two packages and
says nothing of the networks. The cards tell the recipes. The packaged attention network of the nuclei was trained for longer;
here stands one that was trained as the U-Net (`workshop/configs/members/nuclei-attention-unet-short.json`).
"""
EFFICIENCY = """## fp32, fp16 and int8

Each network as the training left it (fp32), with weights stored as fp16 and computed in float32 (what the packages
have: `storage` in the manifest), and with convolutions quantised to int8 (ONNX Runtime, static, calibrated on training
images): file, one tile on one thread, mean Dice over validation cases. `alike`: Dice of the labels with those of fp32.
`python efficiency.py --models .. --data <folder> --runs <folder> <id> ...` in `workshop` measured it on a processor with
VNNI that was shared with other work: fp32 and fp16 compute the same, so what their times differ by in a row (up to
{noise:.0f} %) is noise, and a smaller gain of int8 shows nothing. Stored as fp16 a network is half as large and gives the
same labels but for a voxel here and there: that is the default of every package.
int8 is mostly smaller again and on such a processor mostly faster; but on a processor without VNNI, says ONNX Runtime's manual, its
sums may saturate, so the same file could give other labels there, and a GPU gains nothing. The last column is the choice
where that does not matter: the smallest file within 0.002 of fp32's Dice and within 1.1 times the fastest.
Dice of the vessel networks is over both cameras, of which two thirds are the one that was not trained on.
The ventricle networks have no case that they did not see: no Dice; `alike` is over eight training images and decides in its
place; so it is for the brain mask, over the T1 head that it was trained on, cut into scans of three thicknesses. Of
{packaged} the fp32 weights are the package's, so fp16 is the same by make. Times are processor time{wall}. They were measured
row by row and not in the one run that gave the tables above their `ms a tile`, beside whatever else the machine did then: for
the same file (fp16) the two differ by up to {apart:.0f} %. Compare times within a row here, and between models there.{missing}
"""
COMPARE = """By the product itself, on the validation images (`scanlane compare`, docs/compare.md). U-Net, UNet++, TransUNet,
FCN-ResNet50 and DeepLabV3-ResNet50 were trained alike, for 22 epochs; the attention U-Net for 60, and the networks of the
ensemble for 16 with averaged weights (their cards tell), so that what these two differ by is not the networks' alone.

```
python compare_data.py {name} --group {group} --data <folder of the data sets> --out /tmp/{name}  # in workshop
npx scanlane compare --models <ids> --data /tmp/{name} --out /tmp/compared                        # writes this table: compare.md
```
"""
TAIL = """
Dice: mean over held-out images; intervals are in the cards. Networks of one table were trained on the same split with
the same number of images, augmentation and schedule, unless the card says otherwise. Time: one tile of 256 x 256 (3-D:
the model's own tile), processor time of ONNX Runtime on one thread, median of interleaved rounds of all models{machine}.

This table is written by `python table.py --models ..` in `workshop`.
"""


def scores(manifest):
    """Columns of scores, short: the group after the data set's name, or the label where there are several."""
    several = len({row["label"] for row in manifest["scores"]}) > 1
    found = {}
    for row in manifest["scores"]:
        group = row["dataset"].split(", ", 1)[-1] if ", " in row["dataset"] else ""
        name = ", ".join(part for part in (group, row["label"] if several else "") if part) or "Dice"
        found[name] = f"{row['mean']:.3f}"
    return found


def attention_rows(manifests, milliseconds):
    """The attention network's and the U-Net's scores side by side, and for each data set what became of the goal."""
    lines = ["| Data | Dice, attention | Dice, U-Net | Parameters | ms a tile | Goal |", "| --- | --- | --- | --- | --- | --- |"]
    for kind, pair in BESIDE.items():
        small, plain = (manifests.get(id_) or unpackaged(id_) for id_ in pair)
        own, other = scores(small), scores(plain)
        lines += [f"| {kind}, {name} | {own[name]} | {other[name]} | | | |" for name in own]
        means = [mean_of_trained(one) for one in (small, plain)]
        sizes = [one["network"]["parameters"] for one in (small, plain)]
        times = [f"{milliseconds[id_]:.0f}" if id_ in milliseconds else "-" for id_ in (timed_as(one, manifests) for one in pair)]
        parts = [(f"Dice is {means[1] - means[0]:.3f} less", means[0] >= means[1]), ("parameters", sizes[0] <= sizes[1] / 4)]
        goal = "reached" if all(met for _, met in parts) else "not: " + ", ".join(name for name, met in parts if not met)
        goal += "" if is_one_recipe(pair) else "; recipes differ"
        cells = [f"**{kind}, all**", *(f"{mean:.3f}" for mean in means)]
        cells += [f"{sizes[0] / 1e6:.2f} of {sizes[1] / 1e6:.2f} M ({sizes[0] / sizes[1]:.3f})", " and ".join(times), goal]
        lines += [f"| {' | '.join(cells)} |"]
    return lines


def config_of(id_):
    """The config of a package, or of a training without one."""
    own = HERE / "configs" / f"{id_}.json"
    return load_config(own if own.exists() else HERE / "configs" / "members" / f"{id_}.json")


def unpackaged(id_):
    """Of a training without a package what a manifest would say that the table reads."""
    config, facts = config_of(id_), read_result(f"{id_}.export")
    scores_of_it = score_rows(config, read_result(id_))
    return {"id": id_, "scores": scores_of_it, "network": {"parameters": facts["parameters"]}}


def timed_as(id_, manifests):
    """The package whose network `id_` has: of a training without a package one of the same architecture."""
    own = config_of(id_)["architecture"]
    return id_ if id_ in manifests else next((other for other in manifests if config_of(other).get("architecture") == own), id_)


def is_one_recipe(ids):
    """Whether the configs differ in no more than the network: the same data, augmentation, schedule and mirroring."""
    recipes = []
    for config in map(config_of, ids):
        # How tensors lie in memory is chosen by what is faster.
        training = {key: value for key, value in config["training"].items() if key != "channelsLast"}
        recipes.append((config["data"], training, config["manifest"]["mirrorAxes"]))
    return all(recipe == recipes[0] for recipe in recipes)


def mean_of_trained(manifest):
    """Mean Dice over the held-out cases of all labels and of the groups that the training drew from."""
    config = config_of(manifest["id"])
    titles = config["card"].get("groups", {})
    groups = [titles.get(group, group) for group in config["data"].get("groups", [])]
    rows = [row for row in manifest["scores"] if not groups or row["dataset"].split(", ", 1)[-1] in groups]
    return sum(row["mean"] * row["cases"] for row in rows) / sum(row["cases"] for row in rows)


def efficiency_words(rows, ids, milliseconds):
    """What stands before the table of fp32, fp16 and int8; names the rows that are of another kind, and missing ones.

    `milliseconds`: those of timing.py, {id: time of a tile}.
    """
    noise = [abs(row["milliseconds"]["fp32"] / row["milliseconds"]["fp16"] - 1) for row in rows.values()]
    ratios = [row["milliseconds"]["fp16"] / milliseconds[id_] for id_, row in rows.items() if id_ in milliseconds]
    listed = lambda names: ", ".join(f"`{id_}`" for id_ in sorted(names))
    wall = listed(id_ for id_, row in rows.items() if row.get("clock") != "processor")
    missing = listed(id_ for id_ in ids if id_ not in rows)
    return EFFICIENCY.format(
        noise=100 * max(noise, default=0),
        apart=100 * max((max(ratio, 1 / ratio) - 1 for ratio in ratios), default=0),
        packaged=listed(id_ for id_, row in rows.items() if row["fp32From"] == "package"),
        wall=f", but wall time in the rows of {wall}" if wall else "",
        missing=f" Not measured, and stored as fp16 too: {missing}." if missing else "",
    )


def size_mb(folder, network):
    return sum((folder / one["file"]).stat().st_size for one in [network, *network.get("folds", [])]) / 1e6


def rows_of(models):
    """{kind: [(manifest, folder)]} of every model with a network, in the order of KINDS."""
    found = {}
    for path in sorted(models.glob("*/manifest.json")):
        manifest = json.loads(path.read_text())
        kind = manifest["id"].split("-")[0]
        if "network" in manifest and manifest["scores"] and kind in KINDS:
            found.setdefault(kind, []).append((manifest, path.parent))
    return {kind: found[kind] for kind in KINDS if kind in found}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, required=True)
    arguments = parser.parse_args()
    timed = HERE / "results" / "times.json"
    times = json.loads(timed.read_text()) if timed.exists() else {"machine": "", "milliseconds": {}}
    lines = [HEAD]
    for kind, models in rows_of(arguments.models).items():
        columns = list(dict.fromkeys(name for manifest, _ in models for name in scores(manifest)))
        lines += [f"## {KINDS[kind]}", "", f"| Model | Parameters | MB | ms a tile | {' | '.join(columns)} |"]
        lines += ["| --- |" + " --- |" * (3 + len(columns))]
        for manifest, folder in models:
            own, id_ = scores(manifest), manifest["id"]
            milliseconds = times["milliseconds"].get(id_)
            cells = [f"{manifest['network']['parameters'] / 1e6:.2f} M", f"{size_mb(folder, manifest['network']):.1f}"]
            cells += ["-" if milliseconds is None else f"{milliseconds:.0f}", *(own.get(name, "-") for name in columns)]
            lines += [f"| [`{id_}`]({id_}/CARD.md) | {' | '.join(cells)} |"]
        lines += [""]
    manifests = {manifest["id"]: manifest for models in rows_of(arguments.models).values() for manifest, _ in models}
    lines += [ATTENTION, *attention_rows(manifests, times["milliseconds"]), ""]
    for name, (group, title) in COMPARED.items():
        path = HERE / "results" / f"compare-{name}.md"
        if path.exists():
            lines += [f"## {title}", "", COMPARE.format(name=name, group=group), path.read_text().rstrip(), ""]
    efficiency = HERE / "results" / "efficiency.md"
    if efficiency.exists():
        rows = json.loads(efficiency.with_suffix(".json").read_text())
        lines += [efficiency_words(rows, manifests, times["milliseconds"]), efficiency.read_text().rstrip(), ""]
    machine = f", {times['machine']}" if times["machine"] else ""
    text = "\n".join(lines).rstrip() + "\n" + TAIL.format(machine=machine)
    (arguments.models / "README.md").write_text(text)


if __name__ == "__main__":
    main()
