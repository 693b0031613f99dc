"""Scores of a package: what is counted as its answer."""

import json

import numpy
import pytest

import evaluate
from package import with_steps
from steps import stepped

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


LARGEST = {"kind": "largest-component", "labels": [1, 2], "connectivity": 26}


def test_the_largest_component_of_the_union_stays_and_so_do_equals():
    labels = numpy.zeros((1, 3, 9), numpy.uint8)
    labels[0, 0, :2], labels[0, 1, 2], labels[0, 1, 5:7] = 1, 2, 1
    kept = stepped(labels, [LARGEST])
    # The three touch at a corner and count as one; the two beyond a gap go.
    assert kept[0, 0, :2].tolist() == [1, 1] and kept[0, 1].tolist() == [0, 0, 2, 0, 0, 0, 0, 0, 0]
    labels[0, 1, 7] = 1
    assert (stepped(labels, [LARGEST]) == labels).all()
    assert (stepped(labels, []) == labels).all() and not stepped(0 * labels, [LARGEST]).any()


@pytest.mark.parametrize("changed", [{"kind": "fill-holes"}, {"connectivity": 6}, {"scope": "label"}])
def test_a_step_that_is_not_known_here_is_refused(changed):
    with pytest.raises(ValueError, match="largest component"):
        stepped(numpy.zeros((1, 2, 2), numpy.uint8), [LARGEST | changed])


def test_a_card_says_what_the_steps_make_of_the_scores():
    score = lambda mean, cases: {"cavity": {"mean": mean, "cases": cases}}
    line = with_steps({"a": score(0.9, 3), "b": score(0.5, 1)}, [LARGEST])
    assert "(largest-component)" in line and line.endswith("a, cavity 0.900; b, cavity 0.500; all cases 0.800.")


def test_every_second_training_case_can_stand_in_for_the_held_out_ones():
    class Data:
        split = {"training": ["a", "b", "c"], "validation": ["v"]}

        def case(self, name):
            return f"image {name}", "labels", (1, 1, 1)

        def validation_cases(self):
            return ((name, *self.case(name)) for name in self.split["validation"])

    assert [name for name, *_ in evaluate.cases_of(Data())] == ["v"]
    assert [case[:2] for case in evaluate.cases_of(Data(), 2)] == [("a", "image a"), ("c", "image c")]
