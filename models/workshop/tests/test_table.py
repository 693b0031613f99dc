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


def test_the_words_name_rows_that_are_missing_or_of_wall_time_and_else_no_one():
    measured = {"clock": "processor", "fp32From": "checkpoint", "milliseconds": {"fp16": 100}}
    rows = {"a": measured, "b": measured | {"fp32From": "package"}}
    whole = table.efficiency_words(rows, ["a", "b"], {})
    assert "Of\n`b` the fp32 weights" in whole
    assert "`a`" not in whole and "wall time" not in whole and "Not measured" not in whole
    wall = {"fp32From": "checkpoint", "milliseconds": {"fp16": 100}}
    partly = table.efficiency_words(rows | {"c": wall}, ["a", "b", "c", "d"], {})
    assert "wall time in the rows of `c`." in partly and "Not measured, and stored as fp16 too: `d`." in partly


def test_the_words_say_how_far_the_two_tables_times_are_apart():
    row = lambda ms: {"clock": "processor", "fp32From": "checkpoint", "milliseconds": {"fp16": ms}}
    words = table.efficiency_words({"a": row(100), "b": row(120)}, ["a", "b"], {"a": 150, "b": 100})
    assert "differ by up to 50 %" in words
