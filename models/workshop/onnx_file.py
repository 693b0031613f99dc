"""A network as an ONNX file: what both importers of trained models (`export_nnunet.py`, `export_monai.py`) do."""

import numpy
import onnx
import onnxruntime
import torch
from onnx import helper, numpy_helper

OPSET = 18


def stepwise_norms(model, dimensions):
    """Instance normalisations written out, with means of rows first, then of those, axis by axis.

    ONNX Runtime's own operator sums a whole channel one by one in single precision, which loses most where a large part
    of it has one value, as the air of a CT has (docs/parity.md).
    """
    graph = model.graph
    known = {}

    def constant(values, kind):
        key = (kind, *numpy.ravel(values))
        if key not in known:
            known[key] = f"norm_constant_{len(known)}"
            graph.initializer.append(numpy_helper.from_array(numpy.array(values, kind), known[key]))
        return known[key]

    def written_out(node, name):
        image, scale, bias = node.input
        made = []

        def step(operator, *inputs, **attributes):
            made.append(helper.make_node(operator, inputs, [f"{name}_{len(made)}"], **attributes))
            return made[-1].output[0]

        def mean(values):
            for axis in range(dimensions + 1, 1, -1):
                values = step("ReduceMean", values, constant([axis], numpy.int64), keepdims=1)
            return values

        epsilon = next((a.f for a in node.attribute if a.name == "epsilon"), 1e-5)
        spread = constant(list(range(1, dimensions + 1)), numpy.int64)
        centred = step("Sub", image, mean(image))
        variance = mean(step("Mul", centred, centred))
        deviation = step("Sqrt", step("Add", variance, constant(epsilon, numpy.float32)))
        factor = step("Div", step("Unsqueeze", scale, spread), deviation)
        scaled = step("Mul", centred, factor)
        made.append(helper.make_node("Add", [scaled, step("Unsqueeze", bias, spread)], node.output))
        return made

    nodes = []
    for n, node in enumerate(graph.node):
        nodes += written_out(node, f"norm_{n}") if node.op_type == "InstanceNormalization" else [node]
    del graph.node[:]
    graph.node.extend(nodes)


def write_onnx(network, example, path):
    torch.onnx.export(network, (example,), str(path), input_names=["image"], output_names=["logits"],
                      dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}}, opset_version=OPSET, dynamo=False)
    model = onnx.load(path)
    stepwise_norms(model, example.ndim - 2)
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
