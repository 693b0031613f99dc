"""Ensembles: weights in the last layer, the triplet, and choices judged on images they were not made on."""

import json

import numpy
import torch

from architectures import build
from ensemble import ablation_row, best, cache_name, combined, cross_fitted, halves, scale_last_layer, triplet
from export import finished, write_onnx
from package import ablation, manifest_for
from procedure import onnx_runner, package_runner

ENCODER = {"name": "encoder_unet", "encoder": "resnet50", "width": 0.125, "decoder": [8, 8, 8, 8, 8]}


def test_weights_in_the_last_layers_make_the_plain_mean_a_weighted_one(tmp_path):
    networks = []
    for seed, weight in ((1, 0.7), (2, 0.3)):
        torch.manual_seed(seed)
        network = finished(build(ENCODER))
        networks.append((network, weight))
    image = torch.randn(1, 1, 32, 32)
    with torch.no_grad():
        expected = sum(weight * network(image) for network, weight in networks).numpy()
    for file, (network, weight) in zip(("network.onnx", "network-2.onnx"), networks):
        scale_last_layer(network, 2 * weight)
        write_onnx(network, 2, [32, 32, 1], tmp_path / file)
    run = package_runner(tmp_path, {"network": {"file": "network.onnx", "folds": ["network-2.onnx"]}})
    assert numpy.allclose(run(image.numpy()), expected, atol=1e-3)
    assert not numpy.allclose(onnx_runner(tmp_path / "network.onnx")(image.numpy()), expected, atol=1e-3)


def test_a_component_needs_enough_pixels_above_the_top():
    values = numpy.full((3, 8), -9.0)
    values[1, 1:3] = 3.0
    values[1, 3] = 0.1
    values[1, 5:7] = 0.1
    assert triplet(values, 0.9, 0.5, 2)[1].tolist() == [0, 1, 1, 1, 0, 0, 0, 0]
    assert triplet(values, 0.9, 0.5, 3).sum() == 0
    assert triplet(values, 0.5, 0.5, 2)[1].tolist() == [0, 1, 1, 1, 0, 1, 1, 0]


def test_maps_are_combined_by_weight():
    maps = [{"a": numpy.array([1.0])}, {"a": numpy.array([3.0])}]
    assert combined(maps, (0.25, 0.75))["a"].tolist() == [2.5]


def test_each_half_is_judged_by_what_was_chosen_on_the_other():
    names = [f"case-{n}" for n in range(20)]
    one, other = halves(names)
    assert one and other and sorted(one + other) == sorted(names)
    # Choice "one" is right for the first half alone, "other" for the second: crossing over, every answer is wrong.
    score = lambda choice, name: float((name in one) == (choice == "one"))
    assert best(["one", "other"], score, one) == "one"
    assert set(cross_fitted(["one", "other"], score, names).values()) == {0.0}


def test_a_manifest_names_every_network_and_starts_with_the_triplet(tmp_path):
    for file in ("network.onnx", "network-2.onnx"):
        (tmp_path / file).write_bytes(file.encode())
    network = {"file": "network.onnx", "folds": ["network-2.onnx"], "inputName": "image", "outputName": "logits"}
    config = {"id": "x", "card": {}, "manifest": {"network": {**network, "dimensions": 2, "classes": 2}, "postprocess": [{"kind": "b"}]}}
    found = manifest_for(config, tmp_path, {"parameters": 3}, None, {"step": {"kind": "a"}})
    assert [fold["file"] for fold in found["network"]["folds"]] == ["network-2.onnx"]
    assert len({found["network"]["sha256"], found["network"]["folds"][0]["sha256"]}) == 2
    assert [step["kind"] for step in found["postprocess"]] == ["a", "b"]
    json.dumps(found)


def test_an_ablation_has_means_and_intervals_of_all_images_and_of_each_group():
    row = ablation_row("one", {"a/1": 0.5, "a/2": 0.7, "b/1": 0.9}, lambda name: name.split("/")[0])
    assert (row["all"], row["a"], row["b"]) == (0.7, 0.6, 0.9)
    assert row["intervals"]["a"] == [0.5, 0.7] and row["intervals"]["b"] == [0.9, 0.9]
    old = {"what": "two", "all": 0.1, "a": 0.2, "b": 0.3}
    lines = ablation({"members": {"x": 1}, "step": {"kind": "k", "topScore": 0.5}, "ablation": [row, old]})
    assert "| one | 0.700 (0.500-0.900) | 0.600 (0.500-0.700) | 0.900 (0.900-0.900) |" in lines
    assert "| two | 0.100 | 0.200 | 0.300 |" in lines
    assert "not kept" in lines[-2]


def test_answers_of_other_weights_or_tiles_are_kept_apart(tmp_path):
    file = tmp_path / "network.onnx"
    file.write_bytes(b"one")
    manifest = {"channels": [], "tiles": {"patchVox": [64, 64, 1]}}
    first = cache_name("average", ("x",), file, manifest)
    assert first == cache_name("average", ("x",), file, manifest)
    assert first != cache_name("average", ("x",), file, {**manifest, "tiles": {"patchVox": [32, 32, 1]}})
    assert first != cache_name("average", (), file, manifest)
    file.write_bytes(b"another")
    assert first != cache_name("average", ("x",), file, manifest)
