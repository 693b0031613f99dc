"""Random rotation, scaling, light elastic deformation, mirroring and cropping in one resampling step."""

import math

from torch.nn import functional
import torch

from augmentation.draw import chance, normal, uniform


def rotation(generator, degrees):
    """Rotation matrix in (z, y, x) order, each axis turned by up to `degrees`."""
    matrix = torch.eye(3)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        angle = math.radians(uniform(generator, -degrees, degrees))
        turn = torch.eye(3)
        turn[a, a] = turn[b, b] = math.cos(angle)
        turn[a, b], turn[b, a] = -math.sin(angle), math.sin(angle)
        matrix = matrix @ turn
    return matrix


def displacement(generator, size, spacing_vox, sd_vox):
    """Smooth random displacement [1, 3, z, y, x] in voxels: a coarse normal grid, upsampled."""
    coarse = [max(2, round(n / spacing_vox) + 1) for n in size]
    field = normal(generator, 1, 3, *coarse) * sd_vox
    return functional.interpolate(field, size=size, mode="trilinear", align_corners=True)


def sample_patch(image, one_hot, patch, settings, generator):
    """One patch of `patch` (z, y, x) from `image` [C, z, y, x]; outside the image it is 0 and background.

    Returns (image [C, z, y, x], target [z, y, x]).
    """
    size = image.shape[1:]
    matrix = torch.eye(3)
    if chance(generator, settings["rotateChance"]):
        matrix = rotation(generator, settings["rotateDegrees"])
    if chance(generator, settings["scaleChance"]):
        low, high = settings["scale"]
        common = uniform(generator, low, high)
        own = [common * uniform(generator, 0.95, 1.05) for _ in range(3)]
        matrix = matrix * torch.tensor(own)[None, :]
    if settings["mirrorX"] and chance(generator, 0.5):
        matrix = matrix * torch.tensor([1.0, 1.0, -1.0])[:, None]

    # A patch smaller than the image moves within it; a larger one moves by what the padding leaves, and a little.
    centre = torch.tensor(
        [(n - 1) / 2 + uniform(generator, -1, 1) * (abs(n - p) / 2 + settings["shiftVox"]) for n, p in zip(size, patch)]
    )
    axes = [torch.arange(p, dtype=torch.float32) - (p - 1) / 2 for p in patch]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)
    if chance(generator, settings["elasticChance"]):
        sd = uniform(generator, 0, settings["elasticSdVox"])
        grid = grid + displacement(generator, patch, settings["elasticSpacingVox"], sd)[0].movedim(0, -1)
    position = grid @ matrix.T + centre
    # grid_sample wants x, y, z in [-1, 1] over voxel edges (align_corners=False).
    scale = torch.tensor([2.0 / n for n in size])
    flow = ((position + 0.5) * scale - 1).flip(-1)[None]
    image = functional.grid_sample(image[None], flow, mode="bilinear", padding_mode="zeros", align_corners=False)[0]
    labels = functional.grid_sample(one_hot[None], flow, mode="bilinear", padding_mode="zeros", align_corners=False)[0]
    # Outside the image every class is 0 and the first maximum, background, wins.
    return image, labels.argmax(0)
