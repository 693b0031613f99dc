"""Writes the images and label maps of a data set's validation split as `scanlane compare` and `scanlane evaluate` take
them: <out>/images and <out>/labels, files of the same names.

    python compare_data.py nuclei --group fluo256 --data ../../../shared/data --out compare-data
    python compare_data.py vessels --group chase-db1 --data <data> --out <dir>
    python compare_data.py hippocampus --data <data> --out <dir>
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy
from PIL import Image

from data.nuclei import Nuclei
from data.vessels import Vessels

HERE = Path(__file__).resolve().parent
PICTURES = {"nuclei": Nuclei, "vessels": Vessels}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=[*PICTURES, "hippocampus"])
    parser.add_argument("--group", help="of the pictures, as fluo256 or chase-db1 (default: all)")
    parser.add_argument("--data", required=True, type=Path)
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args()
    for folder in ("images", "labels"):
        (options.out / folder).mkdir(parents=True, exist_ok=True)
    names = json.loads((HERE / "splits" / f"{options.set}.json").read_text())["validation"]
    copy = copy_volume if options.set == "hippocampus" else copy_picture
    copied = [copy(options, name) for name in names if options.group in (None, name.split("/")[0])]
    print(f"{len(copied)} cases in {options.out}")


def copy_picture(options, name):
    """The picture as it is, and where its reference is not 0 as label 1."""
    data = PICTURES[options.set](options.data, None, None, None)
    path = data.path(name)
    stem = name.replace("/", "-")
    shutil.copyfile(path, options.out / "images" / f"{stem}{path.suffix}")
    mask = data.case(name)[1]
    Image.fromarray(numpy.ascontiguousarray(mask[0])).save(options.out / "labels" / f"{stem}.png")


def copy_volume(options, name):
    for folder in ("images", "labels"):
        file = f"{name}.nii.gz"
        shutil.copyfile(options.data / "msd-hippocampus" / folder / file, options.out / folder / file)


if __name__ == "__main__":
    main()
