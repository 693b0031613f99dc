"""Goldens of src/imaging/tiles.ts: scipy's Gaussian filter of a single one, as nnU-Net weighs tiles, and MONAI itself."""

import numpy
from monai.data.utils import compute_importance_map, dense_patch_slices
from monai.inferers.utils import _get_scan_interval
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


def monai_starts(length, tile, overlap):
    interval = _get_scan_interval((length,), (tile,), 1, (overlap,))
    return [int(s.start) for (s,) in dense_patch_slices((length,), (tile,), interval)]


def main():
    small = [tile_weights(shape) for shape in [(1, 8, 9), (7, 4, 5), (6, 10, 12)]]
    large = tile_weights((128, 128, 128))
    smallest = large.min()
    monai = [compute_importance_map(shape, mode="gaussian", sigma_scale=0.125) for shape in [(1, 8, 9), (7, 4, 5), (30, 6, 8)]]
    axes = [(length, tile, overlap) for length in (16, 17, 96, 110, 133, 287) for tile, overlap in
            ((16, 0.25), (12, 0.5), (10, 0.7), (16, 0.6), (16, 0.0))]
    write_golden("tiles", {
        "monaiWeights": [{"patch": size_of(w), "weights": numbers(w.numpy().astype(float), 9)} for w in monai],
        "monaiStarts": [{"length": length, "tile": tile, "overlap": overlap, "starts": monai_starts(length, tile, overlap)}
                        for length, tile, overlap in axes],
        "weights": [{"patch": size_of(w), "weights": numbers(w.astype(float), 17)} for w in small],
        # 128^3 as facts and one line through the centre.
        "large": {"patch": [128, 128, 128], "smallest": float(smallest), "atSmallest": int((large == smallest).sum()),
                  "line": numbers(large[64, 64].astype(float), 17),
                  "sum": float(large.astype(float).sum())},
    })


if __name__ == "__main__":
    main()
