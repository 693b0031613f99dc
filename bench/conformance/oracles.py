"""Reads every case with the oracles and compares with what scanlane read. Started by conformance.ts.

Input: a folder with cases.json: [{ "case", "path", "kind": "dicom" | "volume" | "raster", "ours": [file, ...] }], where
each of ours is a float32 NIfTI. Output: oracles.json, one record a case: { oracle: { "images", "voxels", "corners",
"note" } }, largest voxel difference and largest distance of corresponding corners in millimetres over all images that
the oracle read; null where there is nothing to compare.
"""
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np

warnings.filterwarnings("ignore")


class Picture:
    """Voxels [x, y, z], and where they lie (RAS) or None."""

    def __init__(self, data, affine):
        self.data = np.asarray(data, np.float64)
        self.affine = affine

    def canonical(self):
        if self.affine is None:
            return self
        image = nib.as_closest_canonical(nib.Nifti1Image(self.data, self.affine))
        return Picture(np.asarray(image.dataobj), image.affine)

    def corners(self):
        grid = np.array(np.meshgrid(*[[0, n - 1] for n in self.data.shape], indexing="ij")).reshape(3, -1)
        return (self.affine[:3, :3] @ grid).T + self.affine[:3, 3]


def read_nifti(path):
    image = nib.load(path)
    data = np.asarray(image.dataobj)
    if data.dtype.names:
        data = sum(w * data[c].astype(float) for w, c in zip((0.299, 0.587, 0.114), "RGB"))
    header = image.header
    placed = isinstance(image, nib.Nifti1Pair) and (header["sform_code"] > 0 or header["qform_code"] > 0)
    affine = image.affine if placed or not isinstance(image, nib.Nifti1Pair) else None
    data = data.reshape(*data.shape[:3], *([1] * (3 - data.ndim)), -1) if data.ndim != 3 else data[..., None]
    return [Picture(data[..., t], affine) for t in range(data.shape[3])]


def by_nibabel(path):
    if path.is_dir():
        raise ValueError("a folder")
    return read_nifti(path)


def of_itk(image):
    import SimpleITK as sitk

    data = sitk.GetArrayFromImage(image).astype(float)
    if image.GetNumberOfComponentsPerPixel() == 3:
        data = data @ np.array([0.299, 0.587, 0.114])
    elif image.GetNumberOfComponentsPerPixel() > 1:
        raise ValueError("vectors")
    if image.GetDimension() == 4:
        size = list(image.GetSize())
        return [p for t in range(size[3]) for p in of_itk(sitk.Extract(image, size[:3] + [0], [0, 0, 0, t]))]
    if image.GetDimension() == 2:
        return [Picture(data.T[..., None], None)]
    direction = np.array(image.GetDirection()).reshape(3, 3) @ np.diag(image.GetSpacing())
    affine = np.eye(4)
    affine[:3, :3] = np.diag([-1, -1, 1]) @ direction
    affine[:3, 3] = np.diag([-1, -1, 1]) @ np.array(image.GetOrigin())
    return [Picture(data.transpose(2, 1, 0), affine)]


def by_itk(path):
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    if not path.is_dir():
        return of_itk(sitk.ReadImage(str(path)))
    images = []
    for folder in sorted({p.parent for p in path.rglob("*") if p.is_file()}):
        for series in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder)):
            files = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), series)
            images += of_itk(sitk.ReadImage(files))
    return images


def by_pydicom(path):
    """Single-frame files of one series stacked along the normal; a single file frame by frame."""
    import pydicom
    from pydicom.pixels import apply_modality_lut

    groups = {}
    for file in sorted(p for p in (path.rglob("*") if path.is_dir() else [path]) if p.is_file()):
        try:
            dataset = pydicom.dcmread(file)
        except pydicom.errors.InvalidDicomError:
            dataset = pydicom.dcmread(file, force=True)
        if "PixelData" not in dataset and "FloatPixelData" not in dataset and "DoubleFloatPixelData" not in dataset:
            continue
        groups.setdefault(dataset.get("SeriesInstanceUID", ""), []).append(dataset)
    images = []
    for datasets in groups.values():
        slices = []
        for dataset in datasets:
            pixels = dataset.pixel_array.astype(float) if dataset.get("SamplesPerPixel", 1) == 1 else None
            if pixels is None:
                # RGB by now, whatever it was stored as.
                pixels = dataset.pixel_array.astype(float) @ np.array([0.299, 0.587, 0.114])
            elif dataset.PhotometricInterpretation == "PALETTE COLOR":
                from pydicom.pixels import apply_color_lut

                colours = apply_color_lut(dataset.pixel_array, dataset).astype(float)
                pixels = colours[..., :3] @ np.array([0.299, 0.587, 0.114])
            else:
                pixels = np.asarray(apply_modality_lut(dataset.pixel_array, dataset), float)
            if int(dataset.get("NumberOfFrames", 1) or 1) > 1:
                if "PerFrameFunctionalGroupsSequence" in dataset:
                    raise ValueError("frames with places of their own")
                images += [Picture(frame.T[..., None], None) for frame in pixels]
                continue
            place = dataset.get("ImagePositionPatient"), dataset.get("ImageOrientationPatient")
            slices.append((pixels, *place, dataset.get("PixelSpacing")))
        if not slices:
            continue
        if any(None in (position, axes, spacing) for _, position, axes, spacing in slices):
            images += [Picture(pixels.T[..., None], None) for pixels, *_ in slices]
            continue
        row, column = np.array(slices[0][2][:3], float), np.array(slices[0][2][3:], float)
        normal = np.cross(row, column)
        slices.sort(key=lambda s: float(np.dot(normal, np.array(s[1], float))))
        first, last = np.array(slices[0][1], float), np.array(slices[-1][1], float)
        affine = np.eye(4)
        affine[:3, 0] = row * float(slices[0][3][1])
        affine[:3, 1] = column * float(slices[0][3][0])
        affine[:3, 2] = (last - first) / (len(slices) - 1) if len(slices) > 1 else normal
        affine[:3, 3] = first
        affine[:2] *= -1
        images.append(Picture(np.stack([s[0].T for s in slices], -1), affine))
    return images


def by_dcm2niix(path):
    with tempfile.TemporaryDirectory() as out:
        command = ["dcm2niix", "-f", "%s_%d_%t", "-z", "n", "-b", "n", "-x", "n", "-i", "n", "-p", "n", "-o", out]
        command += [str(path)] if path.is_dir() else ["-s", "y", str(path)]
        subprocess.run(command, capture_output=True, timeout=120)
        images = [p for file in sorted(Path(out).glob("*.nii")) for p in read_nifti(file)]
        # One voxel is what it writes for objects that are no image.
        images = [p for p in images if p.data.size > 1]
        return [Picture(p.data.copy(), p.affine) for p in images]


def by_nrrd(path):
    import nrrd

    data, header = nrrd.read(str(path))
    return [Picture(data, None)] if data.ndim == 3 else []


def by_pillow(path):
    from PIL import Image

    image = Image.open(path)
    if image.mode not in ("L", "I;16", "I", "F", "1"):
        data = np.asarray(image.convert("RGB"), float) @ np.array([0.299, 0.587, 0.114])
    else:
        data = np.asarray(image, float)
    return [Picture(data.T[..., None], None)]


ORACLES = {
    "dicom": {"dcm2niix": by_dcm2niix, "pydicom": by_pydicom, "SimpleITK": by_itk},
    "volume": {"nibabel": by_nibabel, "SimpleITK": by_itk, "pynrrd": by_nrrd},
    "raster": {"Pillow": by_pillow, "SimpleITK": by_itk},
}


def variants(picture):
    """Without a place, an oracle may store rows from below."""
    return [picture] if picture.affine is not None else [picture, Picture(picture.data[:, ::-1], None)]


def compare(theirs, ours):
    """Each of theirs beside that one of ours which it is nearest to, of the same size."""
    voxels, corners, missed, scale = [], [], 0, 0.0
    for picture in theirs:
        best = None
        for candidate in ours:
            isPlaced = picture.affine is not None and candidate.affine is not None
            pairs = [(picture.canonical(), candidate.canonical())] if isPlaced else [
                (variant, candidate) for variant in variants(Picture(picture.data, None))]
            for one, other in pairs:
                if one.data.shape != other.data.shape:
                    continue
                # What is not a number on one side is a matter of definition (docs/formats.md), not of reading.
                difference = np.nan_to_num(np.abs(one.data - other.data), nan=0)
                distance = float(np.linalg.norm(one.corners() - other.corners(), axis=1).max()) if isPlaced else None
                found = (float(difference.max()), distance)
                if best is None or (found[0], found[1] or 0) < (best[0], best[1] or 0):
                    best = found
        if best is None:
            missed += 1
            continue
        scale = max(scale, float(np.nanmax(np.abs(picture.data))))
        voxels.append(best[0])
        if best[1] is not None:
            corners.append(best[1])
    return {
        "images": len(theirs),
        "unmatched": missed,
        "scale": min(scale, 1e12),
        "voxels": min(max(voxels), 1e9) if voxels else None,
        "corners": max(corners) if corners else None,
    }


def kind_of(path):
    """Name of a DICOM file's SOP class, by pydicom; null for others."""
    import pydicom

    try:
        with open(path, "rb") as file:
            isDicom = file.read(132)[128:] == b"DICM"
        found = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["SOPClassUID"]) if isDicom else None
        uid = found.get("SOPClassUID") or found.file_meta.get("MediaStorageSOPClassUID")
        return pydicom.uid.UID(uid).name
    except Exception:
        return None


def main(folder):
    results = []
    for case in json.loads((folder / "cases.json").read_text()):
        ours = [picture for file in case["ours"] for picture in read_nifti(file)]
        record = {}
        for name, read in ORACLES[case["kind"]].items():
            try:
                theirs = read(Path(case["path"]))
                record[name] = compare(theirs, ours)
            except Exception as error:  # an oracle that fails is a result
                record[name] = {"images": 0, "note": type(error).__name__}
        results.append({"case": case["case"], "oracles": record, "object": kind_of(Path(case["path"]))})
        print(case["case"], file=sys.stderr)
    (folder / "oracles.json").write_text(json.dumps(results))


main(Path(sys.argv[1]))
