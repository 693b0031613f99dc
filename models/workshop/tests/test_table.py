"""The table of all models: what its rows claim follows from the configs."""

import json

import pytest

import table


@pytest.fixture
def configs(tmp_path, monkeypatch):
    """Writes configs that the table reads in place of the workshop's own."""
    (tmp_path / "configs").mkdir()
    monkeypatch.setattr(table, "HERE", tmp_path)

    def write(**ids):
        for id_, changed in ids.items():
            config = {"architecture": {"name": id_}, "data": {"angle": 40}, "training": {"epochs": 6}, "manifest": {"mirrorAxes": []}}
            (tmp_path / "configs" / f"{id_}.json").write_text(json.dumps(config | changed))
        return tuple(ids)

    return write


def test_two_networks_of_one_recipe_are_comparable(configs):
    assert table.is_one_recipe(configs(a={}, b={}))


@pytest.mark.parametrize(
    "changed", [{"data": {"angle": 180}}, {"training": {"epochs": 8}}, {"manifest": {"mirrorAxes": ["x"]}}]
)
def test_a_difference_of_data_schedule_or_mirroring_is_another_recipe(configs, changed):
    assert not table.is_one_recipe(configs(a={}, b=changed))


def test_how_tensors_lie_in_memory_is_no_part_of_a_recipe(configs):
    assert table.is_one_recipe(configs(a={}, b={"training": {"epochs": 6, "channelsLast": True}}))


def test_a_training_without_a_package_stands_in_the_table_by_its_results(configs, tmp_path, monkeypatch):
    configs(a={})
    (tmp_path / "configs" / "members").mkdir()
    (tmp_path / "configs" / "members" / "b.json").write_text(
        json.dumps({"base": "../a", "id": "b", "card": {"groups": {"dim": "dim cells"}, "split": "7 images"}})
    )
    score = {"mean": 0.5, "interval": [0.4, 0.6], "cases": 7}
    known = {"dataset": "Cells", "metric": "Dice", "groups": {"dim": {"nuclei": score}}}
    monkeypatch.setattr(table, "read_result", {"b": known, "b.export": {"parameters": 9}}.get)
    found = table.unpackaged("b")
    assert table.scores(found) == {"dim cells": "0.500"} and found["network"]["parameters"] == 9
    assert table.mean_of_trained(found) == 0.5
    assert table.is_one_recipe(["a", "b"])
    assert [table.timed_as(id_, {"a": {}}) for id_ in ("a", "b")] == ["a", "a"]


def test_the_words_name_rows_that_are_missing_or_of_wall_time_and_else_no_one():
    measured = {"clock": "processor", "fp32From": "checkpoint", "milliseconds": {"fp32": 100, "fp16": 100}}
    rows = {"a": measured, "b": measured | {"fp32From": "package"}}
    whole = table.efficiency_words(rows, ["a", "b"], {})
    assert "Of\n`b` the fp32 weights" in whole
    assert "`a`" not in whole and "wall time" not in whole and "Not measured" not in whole
    wall = {"fp32From": "checkpoint", "milliseconds": {"fp32": 100, "fp16": 100}}
    partly = table.efficiency_words(rows | {"c": wall}, ["a", "b", "c", "d"], {})
    assert "wall time in the rows of `c`." in partly and "Not measured, and stored as fp16 too: `d`." in partly


def test_the_words_say_how_far_the_two_tables_times_are_apart():
    row = lambda ms: {"clock": "processor", "fp32From": "checkpoint", "milliseconds": {"fp32": 1.1 * ms, "fp16": ms}}
    words = table.efficiency_words({"a": row(100), "b": row(120)}, ["a", "b"], {"a": 150, "b": 100})
    assert "differ by up to 50 %" in words and "(up to\n10 %) is noise" in words
