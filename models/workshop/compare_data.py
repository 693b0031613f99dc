"""Writes the images and label maps of a data set's validation split as `scanlane compare` and `scanlane evaluate` take
them: <out>/images and <out>/labels, files of the same names.

    python compare_data.py nuclei --group fluo256 --data <data> --out compare-data
    python compare_data.py vessels --group chase-db1 --data <data> --out <dir>
    python compare_data.py hippocampus --data <data> --out <dir>
    python compare_data.py ventricle --group SCD0000101 --data <data> --out <dir>

Of the ventricle, whose packages are trained on all four patients, these are training images: a comparison of their Dice
says nothing.
"""

import argparse
import json
import os
import shutil
from pathlib import Path

import nibabel
import numpy
import pydicom
from PIL import Image

from config import load_config
from data import source

HERE = Path(__file__).resolve().parent
PICTURES = ("nuclei", "vessels")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=[*PICTURES, "hippocampus", "ventricle"])
    parser.add_argument("--group", help="of the images, as fluo256, chase-db1 or SCD0000101 (default: all)")
    parser.add_argument("--data", default=os.environ.get("SCANLANE_DATA"), type=Path, help="folder of the data sets (SCANLANE_DATA)")
    parser.add_argument("--out", required=True, type=Path)
    options = parser.parse_args()
    if options.data is None:
        parser.error("give --data or set SCANLANE_DATA")
    for folder in ("images", "labels"):
        (options.out / folder).mkdir(parents=True, exist_ok=True)
    if options.set == "hippocampus":
        names = json.loads((HERE / "splits" / "hippocampus.json").read_text())["validation"]
        copied = [copy_volume(options, name) for name in names]
    else:
        data = source(load_config(HERE / "configs" / "bases" / f"{options.set}.json")["data"], options.data, None)
        names = data.split["validation" if options.set in PICTURES else "training"]
        copy = copy_picture if options.set in PICTURES else copy_slice
        copied = [copy(data, options.out, name) for name in names if options.group in (None, data.group(name))]
    print(f"{len(copied)} cases in {options.out}")


def copy_picture(data, out, name):
    """The picture as it is, and where its reference is not 0 as label 1."""
    path, stem = data.path(name), name.replace("/", "-")
    shutil.copyfile(path, out / "images" / f"{stem}{path.suffix}")
    mask = data.case(name)[1]
    Image.fromarray(numpy.ascontiguousarray(mask[0])).save(out / "labels" / f"{stem}.png")


def copy_slice(data, out, name):
    """The DICOM file as it is, and its contour filled as a NIfTI label map of one slice in its place."""
    path, stem = data.path(name), name.replace("/", "-")
    shutil.copyfile(path, out / "images" / f"{stem}.dcm")
    header = pydicom.dcmread(path, stop_before_pixels=True)
    along_row, along_column = numpy.asarray(header.ImageOrientationPatient, float).reshape(2, 3)
    between_rows, between_columns = (float(mm) for mm in header.PixelSpacing)
    normal = numpy.cross(along_row, along_column) * float(header.SliceThickness)
    columns = [along_row * between_columns, along_column * between_rows, normal, numpy.asarray(header.ImagePositionPatient, float)]
    affine = numpy.vstack([numpy.diag([-1, -1, 1]) @ numpy.stack(columns, 1), [0, 0, 0, 1]])
    mask = data.case(name)[1]
    nibabel.save(nibabel.Nifti1Image(mask.transpose(2, 1, 0), affine), out / "labels" / f"{stem}.nii.gz")


def copy_volume(options, name):
    for folder in ("images", "labels"):
        file = f"{name}.nii.gz"
        shutil.copyfile(options.data / "msd-hippocampus" / folder / file, options.out / folder / file)


if __name__ == "__main__":
    main()
