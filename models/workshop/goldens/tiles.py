"""Goldens of src/imaging/tiles.ts: scipy's Gaussian filter of a single one, as nnU-Net weighs tiles."""

import numpy
from scipy.ndimage import gaussian_filter

from write_golden import numbers, size_of, write_golden


def tile_weights(shape):
    delta = numpy.zeros(shape)
    delta[tuple(n // 2 for n in shape)] = 1
    weights = gaussian_filter(delta, [n / 8 for n in shape], 0, mode="constant", cval=0)
    weights /= weights.max() / 10
    # Through single precision, as PyTorch casts float64 to float16.
    weights = weights.astype(numpy.float32).astype(numpy.float16)
    weights[weights == 0] = weights[weights > 0].min()
    return weights


def main():
    small = [tile_weights(shape) for shape in [(1, 8, 9), (7, 4, 5), (6, 10, 12)]]
    large = tile_weights((128, 128, 128))
    smallest = large.min()
    write_golden("tiles", {
        "weights": [{"patch": size_of(w), "weights": numbers(w.astype(float), 17)} for w in small],
        # 128^3 as facts and one line through the centre.
        "large": {"patch": [128, 128, 128], "smallest": float(smallest), "atSmallest": int((large == smallest).sum()),
                  "line": numbers(large[64, 64].astype(float), 17),
                  "sum": float(large.astype(float).sum())},
    })


if __name__ == "__main__":
    main()
