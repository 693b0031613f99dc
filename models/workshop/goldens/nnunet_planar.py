"""Goldens of src/inference/network-grid.ts for 2-D networks: nnU-Net's own resampling of images to the spacing of 2-D plans.

The slice axis keeps its spacing, and is resampled apart from the others only where spacings differ by more than three
times: else a slice is clipped to the range of the whole volume.
"""

import numpy
from nnunetv2.preprocessing.resampling.default_resampling import (
    compute_new_shape,
    determine_do_sep_z_and_axis,
    resample_data_or_seg_to_shape,
)

from write_golden import numbers, size_of, write_golden


def axis_of(spacing, new_spacing):
    _, axis = determine_do_sep_z_and_axis(None, spacing, new_spacing)
    return None if axis is None else 2 - int(axis)


def main():
    draw = numpy.random.default_rng(20250212)
    cases = []
    for spacing, plan in [
        ((1, 1, 1), (0.8, 0.8)),
        ((2.5, 1, 1), (0.8, 0.8)),
        ((3.5, 1, 1), (0.8, 0.8)),
        ((2, 0.6, 0.6), (0.9, 0.9)),
        ((1, 1, 4), (0.8, 0.8)),
        ((1, 1, 1), (0.8, 3.2)),
    ]:
        # Each slice has a range of its own, with steps that a cubic spline overshoots.
        volume = numpy.stack([draw.integers(0, 3, (9, 8)) * 100 * (k + 1) for k in range(4)])
        new_spacing = (spacing[0], *plan)
        new_shape = compute_new_shape(volume.shape, spacing, new_spacing)
        out = resample_data_or_seg_to_shape(volume[None].astype(numpy.float32), new_shape, spacing, new_spacing,
                                            is_seg=False, order=3, order_z=0, force_separate_z=None)[0]
        cases.append({"size": size_of(volume), "newSize": size_of(out), "spacing": spacing[::-1], "plan": plan[::-1],
                      "imageAxis": axis_of(spacing, new_spacing), "logitsAxis": axis_of(new_spacing, spacing),
                      "input": numbers(volume), "output": numbers(out)})
    write_golden("nnunet-planar", {"cases": cases})


if __name__ == "__main__":
    main()
