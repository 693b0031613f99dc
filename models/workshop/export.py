"""Writes the ONNX file of a trained model and proves that it computes what torch computes.

    python export.py configs/<id>.json --runs <folder> --models <folder>
    python export.py configs/<id>.json --packaged --models <folder>

Weights are stored as float16 and cast to float32 inside the graph: half the size, and every runtime still
computes in float32. The torch network that is compared carries the same rounded weights. --packaged writes the file of
a package with instance norms again, from the weights that it holds.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy
import onnx
import onnxruntime
import torch

from architectures import build
from checkpoint import finished_checkpoint
from config import load_config
from onnx_file import stepwise_norms

OPSET = 18


def fold_batch_norms(module):
    """Puts every batch norm that follows a convolution in a `Sequential` into that convolution, in place."""
    for child in module.children():
        fold_batch_norms(child)
    if not isinstance(module, torch.nn.Sequential):
        return
    layers = list(module)
    for index, (layer, norm) in enumerate(zip(layers, layers[1:])):
        convolution = isinstance(layer, torch.nn.modules.conv._ConvNd)
        if convolution and isinstance(norm, torch.nn.modules.batchnorm._BatchNorm):
            module[index] = torch.nn.utils.fusion.fuse_conv_bn_eval(layer, norm)
            module[index + 1] = torch.nn.Identity()


def finished(network, rounded=True):
    """A network ready for inference: without training heads, norms folded, weights rounded to what float16 can hold."""
    network.side_heads = torch.nn.ModuleList()
    network.eval()
    fold_batch_norms(network)
    return network.half().float() if rounded else network


def trained(config, runs, rounded=True):
    """The averaged weights of a finished training."""
    network = build(config["architecture"])
    network.load_state_dict(finished_checkpoint(config, runs)["average"])
    return finished(network, rounded)


def packaged(config, path):
    """The network of a config with the weights of an exported file that has kept their names: none folded, no two alike."""
    network = finished(build(config["architecture"]))
    weights = {w.name.removesuffix(".half"): onnx.numpy_helper.to_array(w) for w in onnx.load(path).graph.initializer}
    network.load_state_dict({name: torch.from_numpy(weights[name].copy()) for name in network.state_dict()})
    return network


def parameter_count(network):
    return sum(parameter.numel() for parameter in network.parameters())


def halve(model):
    """Float32 weights as float16 with a Cast each, in place."""
    casts = []
    for weight in list(model.graph.initializer):
        values = onnx.numpy_helper.to_array(weight)
        # Shapes and scales of Resize are tiny; only learned weights exceed this.
        if values.dtype != numpy.float32 or values.size < 8:
            continue
        stored = onnx.numpy_helper.from_array(values.astype(numpy.float16), weight.name + ".half")
        casts.append(
            onnx.helper.make_node("Cast", [stored.name], [weight.name], name=weight.name + ".cast", to=onnx.TensorProto.FLOAT)
        )
        model.graph.initializer.remove(weight)
        model.graph.initializer.append(stored)
    for cast in reversed(casts):
        model.graph.node.insert(0, cast)
    # The exporter's value types name the weights too, now as results of Cast.
    onnx.checker.check_model(model)


def write_onnx(network, dimensions, patch, path, stored_half=True, norms="operator"):
    """Batch and spatial axes stay free; `patch` (x, y, z) is only the example that is traced.

    A network with a `fixed_size` keeps its spatial axes as they are. Instance norms are ONNX's operator, or written out
    axis by axis (`norms` "stepwise"): as exact as torch, and slower.
    """
    size = patch[::-1] if dimensions == 3 else patch[1::-1]
    example = torch.zeros(2, 1, *size)
    names = {0: "batch"}
    if not hasattr(network, "fixed_size"):
        names |= {2 + axis: name for axis, name in enumerate("zyx"[3 - dimensions :])}
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        torch.onnx.export(
            network,
            (example,),
            str(plain),
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": names, "logits": names},
            opset_version=OPSET,
            dynamo=False,
        )
        model = onnx.load(plain)
    if norms == "stepwise":
        stepwise_norms(model, dimensions)
    if stored_half:
        halve(model)
    model.producer_name = "scanlane models/workshop"
    model.producer_version = ""
    model.doc_string = ""
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))


def parity(network, path, dimensions, patch, seed=11):
    """Largest absolute difference of logits between torch and ONNX Runtime, at the tile and at another size or batch."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    generator = torch.Generator().manual_seed(seed)
    size = patch[::-1] if dimensions == 3 else patch[1::-1]
    worst = 0.0
    other = size if hasattr(network, "fixed_size") else [n - network.multiple for n in size]
    for batch, shape in ((1, size), (2, other)):
        image = torch.randn(batch, 1, *shape, generator=generator)
        with torch.no_grad():
            expected = network(image).numpy()
        found = session.run(["logits"], {"image": image.numpy()})[0]
        worst = max(worst, float(numpy.abs(expected - found).max()))
    return worst


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    weights = parser.add_mutually_exclusive_group(required=True)
    weights.add_argument("--runs", type=Path, help="folder of checkpoints")
    weights.add_argument("--packaged", action="store_true", help="the weights of the package")
    parser.add_argument("--models", type=Path, required=True, help="folder that holds a folder per model")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    config = load_config(arguments.config)
    manifest = config["manifest"]
    dimensions, patch = manifest["network"]["dimensions"], manifest["tiles"]["patchVox"]
    path = arguments.models / config["id"] / manifest["network"]["file"]
    network = packaged(config, path) if arguments.packaged else trained(config, arguments.runs)
    write_onnx(network, dimensions, patch, path, norms=config.get("norms", "operator"))
    difference = parity(network, path, dimensions, patch)
    if difference > 1e-3:
        raise SystemExit(f"{path.name} differs from torch by {difference:.2g}, expected at most 1e-3")
    facts = {"parity": float(f"{difference:.2g}"), "parameters": parameter_count(network)}
    results = Path(__file__).resolve().parent / "results"
    results.mkdir(exist_ok=True)
    (results / f"{config['id']}.export.json").write_text(json.dumps(facts, indent=1) + "\n")
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, parity {difference:.2g}, {facts['parameters']} parameters")


if __name__ == "__main__":
    main()
