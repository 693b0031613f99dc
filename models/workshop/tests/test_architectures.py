"""Networks: output shape, one step of training, and the exported file against torch."""

import pytest
import torch

from architectures import build
from export import parity, write_onnx
from losses import deep_supervision

SMALL = [
    ({"name": "unet3d", "classes": 3, "widths": [4, 8, 16], "supervised": 1}, (16, 12, 8)),
    ({"name": "unet2d", "classes": 2, "widths": [4, 8, 16], "supervised": 1}, (24, 16)),
]


@pytest.mark.parametrize(("settings", "size"), SMALL)
def test_logits_have_the_size_of_the_image(settings, size):
    network = build(settings).eval()
    assert network(torch.zeros(2, 1, *size)).shape == (2, settings["classes"], *size)


@pytest.mark.parametrize(("settings", "size"), SMALL)
def test_a_few_steps_lower_the_loss(settings, size):
    torch.manual_seed(1)
    network = build(settings).train()
    image = torch.randn(2, 1, *size)
    target = (image[:, 0] > 0.5).long()
    optimiser = torch.optim.AdamW(network.parameters(), lr=0.01)
    losses = []
    for _ in range(12):
        loss = deep_supervision(network(image), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize(("settings", "size"), SMALL)
def test_the_exported_file_computes_what_torch_does(settings, size, tmp_path):
    torch.manual_seed(2)
    network = build(settings)
    network.side_heads = torch.nn.ModuleList()
    network = network.half().float().eval()
    patch = [*size[::-1], 1][:3]
    write_onnx(network, len(size), patch, tmp_path / "network.onnx")
    assert parity(network, tmp_path / "network.onnx", len(size), patch) < 1e-4
