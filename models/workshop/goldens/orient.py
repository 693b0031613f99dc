"""Goldens of src/imaging/orient.ts: nibabel's axis codes and reorientation of rotated, flipped and sheared grids."""

import nibabel
import numpy
from nibabel import orientations

from write_golden import numbers, size_of, write_golden


def main():
    draw = numpy.random.default_rng(7)
    cases = []
    for n in range(24):
        rotation, _ = numpy.linalg.qr(draw.normal(size=(3, 3)))
        affine = numpy.eye(4)
        affine[:3, :3] = rotation @ numpy.diag(draw.uniform(0.3, 6, 3)) + draw.normal(size=(3, 3)) * 0.1 * (n % 3)
        affine[:3, 3] = draw.uniform(-100, 100, 3)
        affine = numpy.round(affine, 3)
        # nibabel's arrays are [x, y, z]; ours are listed x fastest.
        volume = numpy.arange(2 * 3 * 4).reshape(2, 3, 4)
        target = ["RAS", "LPS", "LAS", "RPS"][n % 4]
        start = orientations.io_orientation(affine)
        change = orientations.ornt_transform(start, orientations.axcodes2ornt(tuple(target)))
        turned = nibabel.Nifti1Image(volume.astype(numpy.int16), affine).as_reoriented(change)
        out = numpy.asarray(turned.dataobj)
        cases.append({"affine": numbers(affine[:3], 12), "code": "".join(nibabel.aff2axcodes(affine)), "target": target,
                      "size": [2, 3, 4], "input": numbers(volume.transpose(2, 1, 0)),
                      "newSize": size_of(out.transpose(2, 1, 0)), "output": numbers(out.transpose(2, 1, 0)),
                      "newAffine": numbers(turned.affine[:3], 12)})
    write_golden("orient", {"cases": cases})


if __name__ == "__main__":
    main()
