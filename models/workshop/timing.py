"""Times the networks of several models side by side, in processor time: a busy machine adds little to it, and to all alike.

    python timing.py --models .. <id> <id> ...

One tile (256 x 256 in 2-D, the model's own in 3-D), ONNX Runtime, one thread, no mirroring; an ensemble runs all its
networks. Median over rounds in which every model runs once; without ids, every model with a network. Adds to
results/times.json.
"""

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

import numpy

from procedure import package_runner

TIMES = Path(__file__).resolve().parent / "results" / "times.json"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("ids", nargs="*")
    arguments = parser.parse_args()
    ids = arguments.ids or sorted(path.parent.name for path in arguments.models.glob("*/network.onnx"))
    runs, spent = {}, {id_: [] for id_ in ids}
    for id_ in ids:
        manifest = json.loads((arguments.models / id_ / "manifest.json").read_text())
        network = manifest["network"]
        network["folds"] = [one["file"] for one in network.get("folds", [])]
        size = manifest["tiles"]["patchVox"][::-1] if network["dimensions"] == 3 else (256, 256)
        runs[id_] = (package_runner(arguments.models / id_, manifest), numpy.zeros((1, 1, *size), numpy.float32))
    for _ in range(arguments.rounds):
        for id_, (run, tile) in runs.items():
            began = time.process_time()
            run(tile)
            spent[id_].append(1000 * (time.process_time() - began))
    known = json.loads(TIMES.read_text()) if TIMES.exists() else {"milliseconds": {}}
    known["machine"] = f"one core of {processor()}"
    known["milliseconds"] |= {id_: round(statistics.median(values), 1) for id_, values in spent.items()}
    known["milliseconds"] = dict(sorted(known["milliseconds"].items()))
    TIMES.write_text(json.dumps(known, indent=1) + "\n")
    for id_ in ids:
        print(f"{known['milliseconds'][id_]:8.1f} ms  {id_}")


def processor():
    names = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return names[0] if names else platform.machine()


if __name__ == "__main__":
    main()
