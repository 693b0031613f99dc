"""NIfTI reading in the one axis order of the workshop: RAS, arrays [z, y, x]."""

import nibabel
import numpy


def read_ras(path):
    """The volume at `path` as (array [z, y, x], spacing (x, y, z) in mm), reoriented to RAS without resampling."""
    image = nibabel.as_closest_canonical(nibabel.load(path))
    array = numpy.asarray(image.dataobj)
    return numpy.ascontiguousarray(array.transpose(2, 1, 0)), tuple(float(v) for v in image.header.get_zooms()[:3])


def write_ras(path, array, spacing):
    """Writes an array [z, y, x] with a RAS affine whose origin is 0; no time stamp, so the bytes repeat."""
    image = nibabel.Nifti1Image(numpy.ascontiguousarray(array.transpose(2, 1, 0)), numpy.diag([*spacing, 1.0]))
    image.header.set_xyzt_units("mm")
    plain = image.to_bytes()
    import gzip

    with open(path, "wb") as file:
        file.write(gzip.compress(plain, 9, mtime=0))
