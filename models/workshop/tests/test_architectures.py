"""Networks: output shape, a few steps of training, and the exported file against torch."""

import onnx
import pytest
import torch

from architectures import build
from export import finished, packaged, parity, write_onnx
from losses import deep_supervision

NARROW_TRANSFORMER = {"name": "transunet", "width": 0.125, "tokens": 32, "layers": 2, "grid": 4}
SMALL = [
    ({"name": "unet3d", "classes": 3, "widths": [4, 8, 16], "supervised": 1}, (16, 12, 8)),
    ({"name": "unet2d", "classes": 2, "widths": [4, 8, 16], "supervised": 1}, (24, 16)),
    ({"name": "unet2d", "classes": 2, "widths": [4, 8, 16], "supervised": 0, "norm": "batch"}, (24, 16)),
    ({"name": "unetpp", "classes": 2, "widths": [4, 8, 16], "supervised": 2}, (24, 16)),
    ({"name": "fcn_resnet50", "classes": 2, "width": 0.125}, (48, 64)),
    ({"name": "deeplabv3_resnet50", "classes": 2, "width": 0.125}, (48, 64)),
    ({**NARROW_TRANSFORMER, "classes": 2}, (64, 64)),
    ({"name": "attention_unet", "classes": 2, "widths": [8, 8, 16, 16]}, (48, 32)),
    ({"name": "attention_unet", "classes": 2, "widths": [8, 8, 16, 16], "norm": "instance"}, (48, 32)),
    ({"name": "attention_unet", "dimensions": 3, "classes": 3, "widths": [8, 8, 16, 16], "kernel": 3, "supervised": 1}, (16, 24, 16)),
    *(
        ({"name": "encoder_unet", "encoder": encoder, "classes": 2, "width": 0.125, "decoder": [16, 16, 8, 8, 8]}, (64, 96))
        for encoder in ("resnet50", "se-resnext50", "efficientnet-b4", "densenet169")
    ),
]  # fmt: skip
NAMES = [f"{s['name']}-{len(size)}d-{s.get('norm', '')}{s.get('encoder', '')}" for s, size in SMALL]


@pytest.mark.parametrize(("settings", "size"), SMALL, ids=NAMES)
def test_logits_have_the_size_of_the_image(settings, size):
    network = build(settings).eval()
    assert network(torch.zeros(2, 1, *size)).shape == (2, settings["classes"], *size)


@pytest.mark.parametrize(("settings", "size"), SMALL, ids=NAMES)
def test_a_few_steps_lower_the_loss(settings, size):
    torch.manual_seed(1)
    network = build(settings).train()
    target = torch.zeros(2, *size, dtype=torch.long)
    target[..., : size[-1] // 2] = 1
    image = (torch.randn(2, *size) + target)[:, None]
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01)
    losses = []
    for _ in range(16):
        loss = deep_supervision(network(image), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.9 * losses[0]


def settled(settings, size):
    """A network whose batch norms have seen an image, so that folding them changes something."""
    torch.manual_seed(2)
    network = build(settings).train()
    for _ in range(3):
        network(torch.randn(2, 1, *size))
    return network


@pytest.mark.parametrize(("settings", "size"), SMALL, ids=NAMES)
def test_folding_norms_and_rounding_weights_keeps_the_logits(settings, size):
    network = settled(settings, size).eval()
    image = torch.randn(1, 1, *size)
    with torch.no_grad():
        before = network(image)
        after = finished(network)(image)
    assert torch.allclose(before, after, atol=0.02 * before.abs().max().item())


@pytest.mark.parametrize(("settings", "size"), SMALL, ids=NAMES)
def test_the_exported_file_computes_what_torch_does(settings, size, tmp_path):
    network = finished(settled(settings, size))
    patch = [*size[::-1], 1][:3]
    write_onnx(network, len(size), patch, tmp_path / "network.onnx")
    assert parity(network, tmp_path / "network.onnx", len(size), patch) < 1e-4


@pytest.mark.parametrize("norms", ["operator", "stepwise"])
def test_norms_are_an_operator_or_written_out_and_the_weights_are_read_back(norms, tmp_path):
    settings, size, path = *SMALL[1], tmp_path / "network.onnx"
    network = settled(settings, size)
    with torch.no_grad():
        # Untrained norms are alike, and the exporter would keep one of them.
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    network = finished(network)
    write_onnx(network, 2, [*size[::-1], 1], path, norms=norms)
    assert ("InstanceNormalization" in {node.op_type for node in onnx.load(path).graph.node}) == (norms == "operator")
    again = packaged({"architecture": settings}, path)
    assert all(torch.equal(weight, again.state_dict()[name]) for name, weight in network.state_dict().items())
    assert parity(again, path, 2, [*size[::-1], 1]) < 1e-4


def test_a_transformer_trains_on_a_window_of_its_positions():
    network = build(NARROW_TRANSFORMER).train()
    assert network(torch.zeros(2, 1, 32, 48))[0].shape == (2, 2, 32, 48)
