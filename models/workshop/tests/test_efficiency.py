"""fp32, fp16 and int8: what a row keeps, and what is measured again."""

import json
import sys

import numpy
import pytest
import torch

import efficiency
from architectures import build
from export import finished, write_onnx
from procedure import onnx_runner

MANIFEST = {
    "mirrorAxes": [],
    "channels": [{"normalisation": {"kind": "rescale01"}}],
    "spacingMm": [None, None, None],
    "resampling": {"imageOrder": 1, "logitsOrder": 1},
    "network": {"file": "network.onnx", "dimensions": 2, "classes": 2},
    "tiles": {"patchVox": [16, 16, 1], "stepFraction": 0.5, "blending": "gaussian"},
    "labels": [{"name": "one", "value": 1}],
}


class Noise:
    """Ten cases of noise, the last three held out; the brighter half of each is its truth."""

    split = {"training": [f"t{n}" for n in range(7)], "validation": ["v0", "v1", "v2"]}

    def case(self, name):
        image = numpy.random.default_rng([*name.encode()]).random((1, 16, 16), numpy.float32)
        return image, (image > 0.5).astype(numpy.uint8), (1.0, 1.0, 1.0)

    def validation_cases(self):
        for name in self.split["validation"]:
            yield name, *self.case(name)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the program on one small package, `x`, with the arguments given; its rows."""
    torch.manual_seed(1)
    network = finished(build({"name": "unet2d", "widths": [4, 8], "supervised": 0, "norm": "batch"}))
    package, configs = tmp_path / "models" / "x", tmp_path / "configs"
    package.mkdir(parents=True)
    configs.mkdir()
    write_onnx(network, 2, [16, 16, 1], package / "network.onnx")
    (package / "manifest.json").write_text(json.dumps(MANIFEST))
    (configs / "x.json").write_text(json.dumps({"id": "x", "data": {"name": "noise"}, "manifest": MANIFEST}))
    monkeypatch.setattr(efficiency, "HERE", tmp_path)
    monkeypatch.setattr(efficiency, "RESULTS", tmp_path)
    monkeypatch.setattr(efficiency, "source", lambda *_: Noise())

    def rows(*arguments):
        common = ["--models", tmp_path / "models", "--data", "unused", "--runs", tmp_path / "runs"]
        monkeypatch.setattr(sys, "argv", ["efficiency.py", *map(str, common), *arguments])
        efficiency.main()
        return json.loads((tmp_path / "efficiency.json").read_text())

    return rows


def test_times_are_measured_again_and_scores_are_kept(run, tmp_path, monkeypatch):
    first = run("x")["x"]
    old = {"milliseconds": {"fp32": 1.0, "fp16": 1.0, "int8": 9.0}, "megabytes": {"fp32": 0, "fp16": 0, "int8": 0}}
    scores = {"dice": {"fp32": 0.5, "fp16": 0.5, "int8": 0.5}, "alike": {"fp32": 1.0, "fp16": 1.0, "int8": 0.9}}
    # A row of another day: wall time, and scores that only a new scoring would change.
    wall = {"fp32From": "checkpoint", **old, **scores, "best": "fp16"}
    (tmp_path / "efficiency.json").write_text(json.dumps({"x": wall, "y": wall}))
    monkeypatch.setattr(efficiency, "milliseconds", lambda *_: {"fp32": 9.0, "fp16": 9.0, "int8": 1.0})
    monkeypatch.setattr(efficiency, "scores", lambda *_: pytest.fail("scored again"))
    rows = run("--times", "x")
    assert rows["y"] == wall
    assert {key: rows["x"][key] for key in scores} == scores and rows["x"]["fp32From"] == "checkpoint"
    assert rows["x"]["megabytes"] == first["megabytes"] and rows["x"]["clock"] == "processor"
    # The choice follows the new times.
    assert rows["x"]["milliseconds"]["int8"] == 1.0 and rows["x"]["best"] == "int8"
    assert "| `x` | 0.0" in (tmp_path / "efficiency.md").read_text()


def test_a_scoring_that_was_broken_off_goes_on_with_the_next_case(run, monkeypatch):
    whole, asked = efficiency.answered, []

    def breaks(config, image, spacing, runner):
        if len(asked) == 3:
            raise KeyboardInterrupt
        asked.append(image)
        return whole(config, image, spacing, runner)

    monkeypatch.setattr(efficiency, "answered", breaks)
    # Two variants are scored: fp16 is the same as fp32, which is the package's. The second of v1 is broken off.
    with pytest.raises(KeyboardInterrupt):
        run("x")
    rest = []
    monkeypatch.setattr(efficiency, "answered", lambda *given: rest.append(given[1]) or whole(*given))
    monkeypatch.setattr(efficiency, "quantised", lambda *_: pytest.fail("quantised again"))
    resumed = run("x")["x"]
    assert len(rest) == 4
    again = run("x")["x"]
    assert len(rest) == 4 and again["dice"] == resumed["dice"]
    assert resumed["dice"]["fp16"] == resumed["dice"]["fp32"] and resumed["alike"]["fp16"] == 1


def test_another_package_is_scored_from_the_start(run, tmp_path, monkeypatch):
    run("x")
    path = tmp_path / "models" / "x" / "manifest.json"
    asked = []
    whole = efficiency.answered
    monkeypatch.setattr(efficiency, "answered", lambda *given: asked.append(given) or whole(*given))
    path.write_text(json.dumps(MANIFEST | {"scores": ["others"]}))
    run("x")
    assert len(asked) == 0
    path.write_text(json.dumps(MANIFEST | {"version": "2.0.0"}))
    run("x")
    assert len(asked) == 6


def test_weights_written_out_as_float32_compute_the_same(run, tmp_path):
    package, target = tmp_path / "models" / "x" / "network.onnx", tmp_path / "written.onnx"
    efficiency.unhalve(package, target)
    assert target.stat().st_size > 1.2 * package.stat().st_size
    tile = numpy.random.default_rng(1).random((1, 1, 16, 16), numpy.float32)
    assert numpy.array_equal(onnx_runner(package, 1)(tile), onnx_runner(target, 1)(tile))
