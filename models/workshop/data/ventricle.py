"""Sunnybrook Cardiac Data: the left ventricle's cavity on short-axis cine MR, from the inner contours."""

from pathlib import Path

import numpy
import pydicom

from data.pictures import Pictures
from procedure import network_shape, resize
from data.split import read_split


def inside(points, shape):
    """Pixel centres within the polygon `points` ((column, row) pairs, from 0) by the even-odd rule, [y, x] uint8."""
    rows, columns = numpy.indices(shape, dtype=float)
    found = numpy.zeros(shape, bool)
    for (x0, y0), (x1, y1) in zip(points, numpy.roll(points, -1, axis=0)):
        if y0 == y1:
            continue
        crosses = (rows < y0) != (rows < y1)
        found ^= crosses & (columns < x0 + (rows - y0) * (x1 - x0) / (y1 - y0))
    return found.astype(numpy.uint8)


class Ventricle(Pictures):
    """Cases are named `<patient>/<instance>`. Four patients: `held_out` is left out of training and validates.

    Slices train on a grid of `spacingMm` where the config gives one, else as stored.
    """

    def __init__(self, folder, augmentation, normalisation, groups, held_out=None, spacingMm=None):
        self.spacing = spacingMm
        self.folder = Path(folder) / "sunnybrook-lv"
        patients = read_split("ventricle")["patients"]
        names = {patient: self._cases(patient) for patient in patients}
        split = {
            "training": [name for patient in patients if patient != held_out for name in names[patient]],
            "validation": names.get(held_out, []),
        }
        super().__init__(split, augmentation, normalisation, groups)

    def training_case(self, name):
        image, labels, spacing = super().training_case(name)
        if self.spacing is None:
            return image, labels, spacing
        shape = network_shape(image.shape, spacing, [self.spacing, self.spacing, None])[1:]
        return resize(image[0], shape, 1)[None], (resize(labels[0], shape, 1) >= 0.5).astype(numpy.uint8)[None], spacing

    def _cases(self, patient):
        contours = sorted((self.folder / patient / "i-contours").glob("*.txt"))
        return [f"{patient}/{int(path.name.split('-')[2])}" for path in contours]

    def group(self, name):
        return name.split("/")[0]

    def path(self, name):
        patient, instance = name.split("/")
        return self.folder / patient / "dicom" / f"{instance}.dcm"

    def case(self, name):
        patient, instance = name.split("/")
        slice_ = pydicom.dcmread(self.path(name))
        image = slice_.pixel_array.astype(numpy.float32)
        [contour] = (self.folder / patient / "i-contours").glob(f"IM-0001-{int(instance):04d}-*.txt")
        labels = inside(numpy.loadtxt(contour), image.shape)
        row, column = (float(mm) for mm in slice_.PixelSpacing)
        return image[None], labels[None], (column, row, float(slice_.SliceThickness))
