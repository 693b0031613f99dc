"""The training program: configs on their bases, averages of weights, and going on after an interruption."""

import json
from pathlib import Path

import pytest
import torch

import train as program
from architectures import build
from averaging import measure_batch_norms, move_average
from checkpoint import finished_checkpoint
from config import further_trainings, load_config, merged

TRAINING = {
    "batch": 2, "samplesPerEpoch": 4, "optimiser": "adamw", "learningRate": 0.01, "weightDecay": 0.01, "warmupEpochs": 1,
    "averageDecay": 0.9, "stages": [{"epochs": 3, "patchVox": [16, 16]}],
}  # fmt: skip
CONFIG = {
    "id": "tiny",
    "seed": 3,
    "architecture": {"name": "unet2d", "widths": [4, 8], "supervised": 0, "norm": "batch"},
    "data": {},
    "training": TRAINING,
}


class Noise:
    def batch(self, generator, count, stage):
        image = torch.randn(count, 1, *stage["patchVox"], generator=generator)
        return image, (image[:, 0] > 0).long()


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    monkeypatch.setattr(program, "source", lambda *_: Noise())


def test_a_config_is_laid_over_its_base_key_by_key(tmp_path):
    assert merged({"a": {"x": 1, "y": [1, 2]}, "b": 1}, {"a": {"y": [3]}, "c": 2}) == {"a": {"x": 1, "y": [3]}, "b": 1, "c": 2}
    (tmp_path / "base.json").write_text(json.dumps({"seed": 1, "training": {"batch": 2}}))
    (tmp_path / "own.json").write_text(json.dumps({"base": "base", "seed": 4}))
    assert load_config(tmp_path / "own.json") == {"seed": 4, "training": {"batch": 2}}


CONFIGS = Path(program.__file__).parent / "configs"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.json")), ids=lambda path: path.stem)
def test_a_config_names_itself_and_trainings_that_are_there(path):
    config = load_config(path)
    assert config["id"] == path.stem
    for name in further_trainings(config):
        member = load_config(CONFIGS / "members" / f"{name}.json")
        assert member["id"] == name
        # One that leaves something out is trained as the model itself is.
        if name in config.get("leftOut", []):
            assert member["training"] == config["training"] and member["architecture"] == config["architecture"]
            assert member["data"]["held_out"] and "held_out" not in config["data"]


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values()))


def interrupted_after(epochs, config, folder):
    """Trains until an epoch's checkpoint is there, stops, and goes on."""

    def stop(line):
        if line.startswith(f"epoch {epochs}/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        program.train(config, None, folder, stop)
    return program.train(config, None, folder, lambda _: None)


@pytest.mark.parametrize("swa", [None, {"epochs": 2, "learningRate": 0.005}])
def test_an_interrupted_training_ends_where_an_uninterrupted_one_does(tmp_path, swa):
    config = {**CONFIG, "training": {**TRAINING, **({"swa": swa} if swa else {})}}
    whole = program.train(config, None, tmp_path / "whole", lambda _: None)
    assert same(whole, interrupted_after(2, config, tmp_path / "parts"))


def test_stochastic_weight_averaging_is_the_mean_of_the_last_epochs(tmp_path):
    config = {**CONFIG, "training": {**TRAINING, "swa": {"epochs": 2, "learningRate": 0.005}}}
    ends = []

    def keep(_):
        ends.append(torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["network"])

    average = program.train(config, None, tmp_path / "run", keep)
    mean = (ends[1]["head.weight"] + ends[2]["head.weight"]) / 2
    assert torch.allclose(average.head.weight, mean, atol=1e-7)
    assert not torch.allclose(average.head.weight, ends[2]["head.weight"], atol=1e-7)


def test_the_rate_warms_up_falls_and_stays_where_averaging_begins():
    swa = {**TRAINING, "swa": {"epochs": 2, "learningRate": 0.005}}
    plain = [program.learning_rate(TRAINING, 10, step, 5) for step in range(50)]
    assert plain[4] == pytest.approx(0.01) and plain[0] < plain[3] and plain[49] < 1e-4
    assert [program.learning_rate(swa, 10, step, 5) for step in range(40, 50)] == [0.005] * 10


def test_batch_norms_are_measured_as_the_mean_over_batches():
    network = build(CONFIG["architecture"])
    batches = [torch.full((1, 1, 4, 4), value) for value in (0.0, 4.0)]
    norm = torch.nn.BatchNorm2d(1)
    measure_batch_norms(torch.nn.Sequential(norm), batches)
    assert norm.running_mean.item() == pytest.approx(2.0)
    seen = build(CONFIG["architecture"])
    seen.encoder[0][1].num_batches_tracked.fill_(7)
    move_average(network, seen, 0.5)
    assert int(network.encoder[0][1].num_batches_tracked) == 7


@pytest.mark.parametrize("autocast, expected", [(None, torch.float32), ("bfloat16", torch.bfloat16)])
def test_the_network_computes_in_the_type_that_the_config_asks_for(tmp_path, monkeypatch, autocast, expected):
    seen = []
    loss = program.deep_supervision

    def judged(outputs, target):
        assert all(logits.dtype == torch.float32 for logits in outputs)
        return loss(outputs, target)

    def watched(settings):
        network = build(settings)
        network.head.register_forward_hook(lambda _, inputs, output: seen.append(output.dtype))
        return network

    monkeypatch.setattr(program, "deep_supervision", judged)
    monkeypatch.setattr(program, "build", watched)
    training = {**TRAINING, **({"autocast": autocast} if autocast else {})}
    average = program.train({**CONFIG, "training": training}, None, tmp_path, lambda _: None)
    assert set(seen) == {expected}
    assert all(value.dtype != torch.bfloat16 for value in average.state_dict().values())


def test_another_recipe_does_not_go_on_from_a_checkpoint(tmp_path):
    program.train(CONFIG, None, tmp_path / "tiny", lambda _: None)
    assert finished_checkpoint(CONFIG, tmp_path)["epoch"] == 3
    for changed in ({"seed": 4}, {"training": {**TRAINING, "learningRate": 0.02}}, {"data": {"groups": {}}}):
        other = {**CONFIG, **changed}
        with pytest.raises(SystemExit, match="another recipe than tiny"):
            program.train(other, None, tmp_path / "tiny", lambda _: None)
        with pytest.raises(SystemExit, match="another recipe"):
            finished_checkpoint(other, tmp_path)
    # Words are no part of a recipe.
    assert finished_checkpoint({**CONFIG, "card": {"network": "small"}}, tmp_path)["epoch"] == 3


def test_a_training_that_is_not_at_its_end_is_not_used(tmp_path):
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        program.train(CONFIG, None, tmp_path / "tiny", stop)
    with pytest.raises(SystemExit, match="1 of 3 epochs"):
        finished_checkpoint(CONFIG, tmp_path)
