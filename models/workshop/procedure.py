"""The whole inference procedure of a manifest, as the product runs it, up to the argmax.

Normalise per volume, resample, pad with 0 to at least one tile, tiles with Gaussian weights on logits,
mirroring, crop, resample logits, argmax. Tile positions, weights and padding follow nnU-Net v2 (Isensee et
al. 2021), in float32 where nnU-Net accumulates in float16. Arrays are [z, y, x] in RAS; manifests say x, y, z.
"""

from itertools import combinations

from scipy import ndimage
import numpy

from normalise import normalise

AXIS = {"z": -3, "y": -2, "x": -1}


def resize(array, shape, order):
    """Half-pixel resampling to `shape`, clipped to the input's range; untouched when the shape is the same."""
    if array.shape == tuple(shape):
        return array
    factors = [new / old for new, old in zip(shape, array.shape)]
    result = ndimage.zoom(array.astype(numpy.float64), factors, order=order, mode="nearest", grid_mode=True)
    if result.shape != tuple(shape):
        raise ValueError(f"zoom gave {result.shape}, expected {tuple(shape)}")
    return numpy.clip(result, array.min(), array.max()).astype(numpy.float32)


def resize_slices(array, shape, order):
    """In-plane resampling of every slice on its own; the slice count stays."""
    return numpy.stack([resize(plane, shape[1:], order) for plane in array])


def network_shape(shape, spacing, target):
    """Shape [z, y, x] on the network's grid; Python's round is half to even, as nnU-Net's."""
    return tuple(
        n if goal is None else max(1, int(round(own / goal * n)))
        for n, own, goal in zip(shape, spacing[::-1], target[::-1])
    )


def tile_starts(length, tile, step):
    if length <= tile:
        return [0]
    count = int(numpy.ceil((length - tile) / (tile * step))) + 1
    return [int(round(index * (length - tile) / (count - 1))) for index in range(count)]


def tile_weights(patch, blending):
    """nnU-Net's Gaussian: a unit impulse at n // 2, blurred by n / 8; zeros take the smallest positive weight."""
    if blending == "constant":
        return numpy.ones(patch, numpy.float32)
    impulse = numpy.zeros(patch)
    impulse[tuple(n // 2 for n in patch)] = 1
    weights = ndimage.gaussian_filter(impulse, [n / 8 for n in patch], mode="constant", cval=0)
    weights = (weights / weights.max()).astype(numpy.float32)
    weights[weights == 0] = weights[weights > 0].min()
    return weights


def mirrored(run, axes):
    """`run` averaged over every combination of mirrored axes."""
    chosen = [AXIS[name] for name in axes]
    flips = [flip for count in range(len(chosen) + 1) for flip in combinations(chosen, count)]

    def averaged(tile):
        total = 0
        for flip in flips:
            total = total + numpy.flip(run(numpy.flip(tile, flip)), flip) if flip else total + run(tile)
        return total / len(flips)

    return averaged


def tiled_logits(volume, patch, manifest, run):
    """Logits [classes, ...] of `volume` [...] with as many axes as `patch` (same order)."""
    padding = []
    for length, tile in zip(volume.shape, patch):
        missing = max(0, tile - length)
        padding.append((missing // 2, missing - missing // 2))
    padded = numpy.pad(volume, padding)
    weights = tile_weights(patch, manifest["tiles"]["blending"])
    total = numpy.zeros((manifest["network"]["classes"], *padded.shape), numpy.float32)
    sums = numpy.zeros(padded.shape, numpy.float32)
    starts = [tile_starts(n, t, manifest["tiles"]["stepFraction"]) for n, t in zip(padded.shape, patch)]
    for corner in numpy.stack(numpy.meshgrid(*starts, indexing="ij"), -1).reshape(-1, len(patch)):
        box = tuple(slice(int(c), int(c) + t) for c, t in zip(corner, patch))
        total[(slice(None), *box)] += run(padded[box][None, None])[0] * weights
        sums[box] += weights
    inner = tuple(slice(low, low + n) for (low, _), n in zip(padding, volume.shape))
    return (total / sums)[(slice(None), *inner)]


def segment_logits(volume, spacing, manifest, run):
    """Logits [classes, z, y, x] on the grid of `volume`. `run` maps a batch of tiles to logits, both numpy float32."""
    run = mirrored(run, manifest["mirrorAxes"])
    values = normalise(volume, manifest["channels"][0]["normalisation"])
    shape = network_shape(volume.shape, spacing, manifest["spacingMm"])
    orders = manifest["resampling"]
    patch = manifest["tiles"]["patchVox"][::-1]
    if manifest["network"]["dimensions"] == 3:
        values = resize(values, shape, orders["imageOrder"])
        logits = tiled_logits(values, patch, manifest, run)
        return numpy.stack([resize(plane, volume.shape, orders["logitsOrder"]) for plane in logits])
    values = resize_slices(values, shape, orders["imageOrder"])
    slices = [tiled_logits(plane, patch[1:], manifest, run) for plane in values]
    return numpy.stack([resize_slices(plane, volume.shape, orders["logitsOrder"]) for plane in numpy.stack(slices, 1)])


def segment(volume, spacing, manifest, run):
    """Labels [z, y, x] of `volume`: the argmax of its logits."""
    return segment_logits(volume, spacing, manifest, run).argmax(0).astype(numpy.uint8)


def torch_runner(network):
    """`run` for `segment` from a torch network."""
    import torch

    network.eval()

    def run(batch):
        with torch.no_grad():
            return network(torch.from_numpy(numpy.ascontiguousarray(batch))).numpy()

    return run


def onnx_runner(path, threads=2):
    """`run` for `segment` from an ONNX file on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda batch: session.run(["logits"], {"image": numpy.ascontiguousarray(batch)})[0]


def package_runner(folder, manifest, threads=1):
    """`run` for `segment` from a model's folder: its network, or the mean of the logits of all it has."""
    network = manifest["network"]
    runs = [onnx_runner(folder / file, threads) for file in (network["file"], *network.get("folds", []))]
    return lambda batch: sum(run(batch) for run in runs) / len(runs)
