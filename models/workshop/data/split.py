"""The fixed hold-out split of a data set: by hash of the case id, so that adding a case moves no other."""

import hashlib
import json
from pathlib import Path

SPLITS = Path(__file__).resolve().parent.parent / "splits"


def is_validation(case, fraction):
    digest = hashlib.sha256(case.encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 < fraction


def write_split(name, cases, fraction, unit=lambda case: case, unit_name="case id"):
    """Writes splits/<name>.json and returns it; cases of one `unit` (a person) stay on one side."""
    cases = sorted(cases)
    split = {
        "rule": f"validation when the first 8 bytes of sha256({unit_name}), big-endian, over 2^64 are below {fraction}",
        "validation": [case for case in cases if is_validation(unit(case), fraction)],
        "training": [case for case in cases if not is_validation(unit(case), fraction)],
    }
    (SPLITS / f"{name}.json").write_text(json.dumps(split, indent=1) + "\n")
    return split


def read_split(name):
    return json.loads((SPLITS / f"{name}.json").read_text())


def read_or_write_split(name, cases, fraction, **unit):
    """The split as committed; drawn from `cases()` only where there is none yet."""
    if not (SPLITS / f"{name}.json").exists():
        write_split(name, cases(), fraction, **unit)
    return read_split(name)
