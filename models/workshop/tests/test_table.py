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
