"""Scores of a package: what is counted as its answer."""

import json

import numpy
import pytest

import evaluate

MANIFEST = {
    "mirrorAxes": [],
    "channels": [{"normalisation": {"kind": "rescale01"}}],
    "spacingMm": [None, None, None],
    "resampling": {"imageOrder": 1, "logitsOrder": 1},
    "network": {"dimensions": 2, "classes": 2},
    "tiles": {"patchVox": [8, 8, 1], "stepFraction": 0.5, "blending": "gaussian"},
}


@pytest.mark.parametrize(("is_ensemble", "expected"), [(False, [0, 1, 0, 0, 0, 0, 0, 0]), (True, [1, 1, 1, 0, 0, 0, 0, 0])])
def test_an_ensemble_answers_with_its_triplet_and_another_model_with_the_argmax(tmp_path, monkeypatch, is_ensemble, expected):
    step = {"topScore": 0.6, "bottomScore": 0.4, "minVoxels": 1}
    (tmp_path / "x.ensemble.json").write_text(json.dumps({"step": step}))
    monkeypatch.setattr(evaluate, "RESULTS", tmp_path)
    # Scores of 0.45, 0.73 and 0.45 side by side, a lone 0.45 and else 0.
    image = numpy.full((1, 8, 8), -8.0, numpy.float32)
    image[0, 4, :3], image[0, 4, 6] = (-0.2, 1.0, -0.2), -0.2
    run = lambda batch: numpy.concatenate([0 * batch, 9 * batch - 8], 1)
    config = {"id": "x", "manifest": MANIFEST} | ({"ensemble": {}} if is_ensemble else {})
    assert evaluate.answered(config, image, (1, 1, 1), run)[0, 4].tolist() == expected
