"""What a training keeps after each epoch, and of which recipe it is: another recipe does not go on from it."""

import hashlib
import json
from pathlib import Path

import torch

CHECKPOINT = "checkpoint.pt"
RECIPE = ("seed", "architecture", "data", "training")


def recipe(config):
    """Digest of all in a config that decides the weights."""
    return hashlib.sha256(json.dumps([config[key] for key in RECIPE], sort_keys=True).encode()).hexdigest()


def checkpoint_file(config, runs):
    return Path(runs) / config["id"] / CHECKPOINT


def read_checkpoint(path, config):
    """The state in the file `path`: `network`, `average`, `optimiser`, `epoch`. Ends the program if it is of another recipe."""
    state = torch.load(path, weights_only=True)
    if state.get("recipe") != recipe(config):
        raise SystemExit(f"{path} is of another recipe than {config['id']} has now: move it away, or train from nothing")
    return state


def finished_checkpoint(config, runs):
    """That of a training which has all its epochs. Ends the program if it has not."""
    state = read_checkpoint(checkpoint_file(config, runs), config)
    epochs = sum(stage["epochs"] for stage in config["training"]["stages"])
    if state["epoch"] != epochs:
        raise SystemExit(f"{config['id']} has {state['epoch']} of {epochs} epochs")
    return state


def write_checkpoint(path, config, state):
    """Writes beside the file first: a training that is broken off has its last epoch whole."""
    partial = path.with_suffix(".partial")
    torch.save({**state, "recipe": recipe(config)}, partial)
    partial.replace(path)
