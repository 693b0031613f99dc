"""Goldens of src/imaging/resample.ts: scikit-image `resize` and nnU-Net's separate handling of one axis."""

import numpy
from scipy.ndimage import map_coordinates
from skimage.transform import resize

from write_golden import numbers, size_of, write_golden


def resized(volume, shape, order):
    return resize(volume.astype(float), shape, order, mode="edge", anti_aliasing=False, clip=True)


def separate(volume, shape, axis, order, order_z):
    """nnU-Net's `resample_data_or_seg` with a separate axis, for one channel."""
    in_plane = [n for k, n in enumerate(shape) if k != axis]
    slices = [resized(s, in_plane, order) for s in numpy.moveaxis(volume, axis, 0)]
    out = numpy.stack(slices, axis)
    if out.shape[axis] == shape[axis]:
        return out
    grid = numpy.mgrid[tuple(slice(0, n) for n in shape)].astype(float)
    for k, n in enumerate(shape):
        scale = out.shape[k] / n
        grid[k] = scale * (grid[k] + 0.5) - 0.5
    return map_coordinates(out, grid, order=order_z, mode="nearest")


def main():
    draw = numpy.random.default_rng(20240611)
    cases = []
    for shape, new_shape in [
        ((5, 6, 7), (9, 4, 11)),
        ((5, 6, 7), (5, 6, 10)),
        ((3, 4, 14), (7, 2, 5)),
        ((1, 8, 9), (1, 13, 6)),
        ((4, 1, 2), (6, 3, 5)),
        ((6, 6, 6), (12, 3, 4)),
    ]:
        volume = draw.integers(-1000, 1000, shape)
        for order in (0, 1, 3):
            out = resized(volume, new_shape, order)
            cases.append({"size": size_of(volume), "newSize": size_of(out), "order": order,
                          "input": numbers(volume), "output": numbers(out)})
    separate_cases = []
    for shape, new_shape, axis, order, order_z in [
        ((4, 6, 7), (9, 9, 5), 0, 3, 0),
        ((4, 6, 7), (9, 9, 5), 0, 1, 1),
        ((6, 3, 7), (4, 8, 10), 1, 3, 0),
        ((6, 7, 3), (9, 5, 3), 2, 3, 0),
        ((5, 6, 4), (5, 6, 9), 2, 1, 3),
    ]:
        volume = draw.integers(-1000, 1000, shape)
        out = separate(volume, new_shape, axis, order, order_z)
        separate_cases.append({"size": size_of(volume), "newSize": list(new_shape[::-1]), "axis": 2 - axis,
                               "order": order, "orderZ": order_z,
                               "input": numbers(volume), "output": numbers(out)})
    write_golden("resample", {"resize": cases, "separate": separate_cases})


if __name__ == "__main__":
    main()
