"""Random rotation by any angle, scaling, mirroring, bending and cropping of a 2-D image in one resampling step."""

import math

from torch.nn import functional
import torch

from augmentation.draw import chance, normal, uniform


def sample_crop(image, one_hot, crop, settings, generator):
    """One crop of `crop` (y, x) from `image` [C, y, x]; beyond the image its mirror image goes on.

    Returns (image [C, y, x], target [y, x]).
    """
    size = image.shape[1:]
    matrix = torch.eye(2)
    if chance(generator, settings["rotateChance"]):
        angle = math.radians(uniform(generator, -settings["rotateDegrees"], settings["rotateDegrees"]))
        matrix = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    if chance(generator, settings["scaleChance"]):
        low, high = settings["scale"]
        common = uniform(generator, low, high)
        matrix = matrix * torch.tensor([common * uniform(generator, 0.9, 1.1) for _ in range(2)])
    if settings["mirror"]:
        matrix = matrix * torch.tensor([-1.0 if chance(generator, 0.5) else 1.0 for _ in range(2)])
    # A crop smaller than the image moves within it.
    centre = torch.tensor([(n - 1) / 2 + uniform(generator, -1, 1) * max(0, n - c) / 2 for n, c in zip(size, crop)])
    axes = [torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in crop]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij"), -1)
    if "elasticChance" in settings and chance(generator, settings["elasticChance"]):
        coarse = [max(2, round(n / settings["elasticSpacingVox"]) + 1) for n in crop]
        field = normal(generator, 1, 2, *coarse) * uniform(generator, 0, settings["elasticSdVox"])
        grid = grid + functional.interpolate(field, size=crop, mode="bicubic", align_corners=True)[0].movedim(0, -1)
    position = grid @ matrix.T + centre
    # grid_sample wants x, y in [-1, 1] over pixel edges (align_corners=False).
    flow = ((position + 0.5) * torch.tensor([2.0 / n for n in size]) - 1).flip(-1)[None]
    both = torch.cat([image, one_hot])[None]
    both = functional.grid_sample(both, flow, mode="bilinear", padding_mode="reflection", align_corners=False)[0]
    return both[: len(image)], both[len(image) :].argmax(0)
