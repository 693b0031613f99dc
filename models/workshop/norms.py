"""What instance normalisation in single precision costs the packaged networks: distance from double precision, labels.

    python norms.py --models .. --data <folder> [--runs <folder>] [--images 16] <id> ...

ONNX Runtime's operator sums a whole channel one by one, which loses most where much of it has one value
(docs/parity.md). For each model with that operator three runs of the whole procedure on the same images: the package's
weights (with --runs those of the checkpoint) in torch in double precision, the package's file, and the file with the
norms written out as for imported networks (onnx_file.py). Prints a table and writes nothing. Images: held out, evenly
drawn; of a model that has none, images of its training.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

import numpy
import onnx
import torch

from config import load_config
from data import source
from efficiency import HeadScans
from export import packaged, trained
from onnx_file import stepwise_norms
from procedure import onnx_runner, segment_logits, torch_runner

HERE = Path(__file__).resolve().parent


def double_runner(network):
    run = torch_runner(network)
    return lambda batch: run(batch.astype(numpy.float64))


def written_out(path, dimensions, target):
    model = onnx.load(path)
    stepwise_norms(model, dimensions)
    onnx.save(model, str(target))
    return target


def compared(exact, found):
    """(largest distance of a logit, labels that differ) of logits [classes, z, y, x]."""
    return float(numpy.abs(exact - found).max()), int((exact.argmax(0) != found.argmax(0)).sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--data", default=os.environ.get("SCANLANE_DATA"), help="folder of the data sets (SCANLANE_DATA)")
    parser.add_argument("--runs", type=Path, help="folder of checkpoints, to take the weights from there")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("ids", nargs="+")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| Model | images | voxels | the operator: logit, labels | written out: logit, labels |")
    print("| --- | --- | --- | --- | --- |")
    for id_ in arguments.ids:
        config = load_config(HERE / "configs" / f"{id_}.json")
        path = arguments.models / id_ / "network.onnx"
        manifest = json.loads((path.parent / "manifest.json").read_text())
        is_brain = config["data"]["name"] == "heads"
        data = HeadScans(arguments.data) if is_brain else source(config["data"], arguments.data, None)
        names = data.split.get("validation") or data.split["training"]
        names = names[:: max(1, len(names) // arguments.images)][: arguments.images]
        network = trained(config, arguments.runs) if arguments.runs else packaged(config, path)
        exact = double_runner(network.double())
        with tempfile.TemporaryDirectory() as folder:
            other = written_out(path, manifest["network"]["dimensions"], Path(folder) / "written-out.onnx")
            runs = [onnx_runner(path, 1), onnx_runner(other, 1)]
        voxels, distances = 0, []
        for name in names:
            image, _, spacing = data.case(name)
            expected = segment_logits(image, spacing, manifest, exact)
            voxels += expected[0].size
            distances.append([compared(expected, segment_logits(image, spacing, manifest, run)) for run in runs])
        table = numpy.array(distances)
        cells = [f"{table[:, n, 0].max():.1e}, {table[:, n, 1].sum():.0f}" for n in range(len(runs))]
        print(f"| {id_} | {len(names)} | {voxels} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
