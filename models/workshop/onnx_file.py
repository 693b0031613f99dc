"""A network as an ONNX file: what both importers of trained models (`export_nnunet.py`, `export_monai.py`) do."""

import numpy
import onnx
import onnxruntime
import torch

OPSET = 18


def write_onnx(network, example, path):
    torch.onnx.export(network, (example,), str(path), input_names=["image"], output_names=["logits"],
                      dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}}, opset_version=OPSET, dynamo=False)
    model = onnx.load(path)
    model.producer_name = "scanlane models/workshop"
    model.producer_version = ""
    onnx.save(model, str(path))


def session_of(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def parity(network, example, path):
    """Largest difference of the file's answer from torch's, on a seeded probe."""
    session = session_of(path)
    probe = torch.randn(example.shape, generator=torch.Generator().manual_seed(11))
    with torch.no_grad():
        expected = network(probe).numpy()
    [given], [answer] = session.get_inputs(), session.get_outputs()
    return float(numpy.abs(expected - session.run([answer.name], {given.name: probe.numpy()})[0]).max())
