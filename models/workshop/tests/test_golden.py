"""Phantoms: a seed fixes them, and the whole writer gives a golden case with every label."""

import json

import numpy
import pytest
import torch

from architectures import build
from export import finished, write_onnx
from golden import PHANTOMS, write_golden


@pytest.mark.parametrize("name", PHANTOMS)
def test_a_seed_fixes_a_phantom(name):
    (first, spacing), (again, _), (other, _) = PHANTOMS[name](1), PHANTOMS[name](1), PHANTOMS[name](2)
    assert first.ndim == 3 and len(spacing) == 3
    assert numpy.array_equal(first, again) and not numpy.array_equal(first, other)


def test_a_golden_case_holds_every_label(tmp_path):
    torch.manual_seed(1)
    network = finished(build({"name": "unet2d", "widths": [4, 8], "supervised": 0}))
    write_onnx(network, 2, [64, 64, 1], tmp_path / "network.onnx")
    manifest = {
        "network": {"file": "network.onnx", "dimensions": 2, "classes": 2},
        "channels": [{"normalisation": {"kind": "zscore"}}],
        "spacingMm": [None, None, None],
        "resampling": {"imageOrder": 1, "logitsOrder": 1},
        "tiles": {"patchVox": [64, 64, 1], "stepFraction": 1, "blending": "gaussian"},
        "mirrorAxes": [],
        "labels": [{"value": 1, "name": "thing"}],
    }
    facts = write_golden("cells", manifest, tmp_path)
    assert facts["voxels"]["thing"] >= 0.01 * 264 * 288
    assert json.loads((tmp_path / "golden" / "golden.json").read_text()) == facts
