"""Configs: one JSON file a model, on top of a base that models of one data set share.

    python config.py configs/<id>.json

prints the names of the further trainings (members/<name>.json) that the model needs.
"""

import json
import sys
from pathlib import Path


def merged(base, own):
    """`own` over `base`: objects key by key, everything else replaced."""
    if isinstance(base, dict) and isinstance(own, dict):
        return {key: merged(base.get(key), own[key]) if key in own else base[key] for key in {**base, **own}}
    return own


def load_config(path):
    """The config at `path`, merged over the file that its `base` names (beside it, without .json)."""
    path = Path(path)
    config = json.loads(path.read_text())
    name = config.pop("base", None)
    return config if name is None else merged(load_config(path.parent / f"{name}.json"), config)


def further_trainings(config):
    """Names of those that leave something out, and of an ensemble's members and what they are compared with."""
    ensemble = config.get("ensemble", {})
    return [*config.get("leftOut", []), *ensemble.get("members", []), *ensemble.get("compared", [])]


if __name__ == "__main__":
    print(" ".join(further_trainings(load_config(sys.argv[1]))))
