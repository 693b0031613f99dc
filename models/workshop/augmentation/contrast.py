"""Contrast randomisation: slices of heads that no scanner made.

After SynthSeg (Billot et al. 2023, Medical Image Analysis 86:102789) and SynthStrip (Hoopes et al. 2022,
NeuroImage 260:119474): intensities are drawn per label of a label map, so that a network cannot rely on any
contrast. Deviations: slices in place of volumes (the network is 2D); labels outside the brain come from
clustering intensity and position; part of the samples keep the real T1 intensities behind a random curve.
"""

import math

from torch.nn import functional
import torch

from augmentation.draw import chance, normal, uniform
from augmentation.intensity import blur


def smooth_noise(generator, size, cells):
    """Smooth random field [y, x], about normal, varying over 1/`cells` of the width."""
    field = functional.interpolate(normal(generator, 1, 1, cells + 1, cells + 1), size=size, mode="bicubic")
    return field[0, 0]


def random_curve(generator, knots=256):
    """Random smooth map of 0-255 to about 0-1: monotone, inverted or neither."""
    count = int(uniform(generator, 3, 7))
    steps = torch.rand(count, generator=generator)
    if chance(generator, 0.5):
        steps = steps.cumsum(0)
        if chance(generator, 0.4):
            steps = steps.flip(0)
    curve = functional.interpolate(steps[None, None], size=knots, mode="linear", align_corners=True)[0, 0]
    return (curve - curve.min()) / (curve.max() - curve.min()).clamp_min(0.05)


def tissue_intensities(generator, brain_classes, other_classes, cells):
    """Mean [tissue, cell] of every label; tissue 0 is the air around the head."""
    # Between a brain of one grey (proton density) and one of wide contrast.
    base = uniform(generator, 0.25, 0.95)
    spread = uniform(generator, 0.0, 0.35)
    brain = base + spread * (2 * torch.rand(brain_classes, generator=generator) - 1)
    if chance(generator, 0.4):
        # Fluid, the darkest class of a T1, apart from the rest: dark as in FLAIR or bright as in T2.
        brain[0] = uniform(generator, 0, 1.2)
    other = torch.rand(other_classes, generator=generator) * uniform(generator, 0.6, 1.6)
    if chance(generator, 0.6):
        # Cortical bone and air have no signal in most sequences.
        other[0] = uniform(generator, 0, 0.12)
        if chance(generator, 0.6):
            other[1] = uniform(generator, 0, 0.3)
    if chance(generator, 0.4):
        other[-2] = uniform(generator, 0.8, 2.0)
    # The layer on the brain: no signal, the sulci's fluid, or something of its own.
    kind = uniform(generator, 0, 1)
    other[-1] = other[0] if kind < 0.4 else brain[0] if kind < 0.75 else uniform(generator, 0, 1.2)
    brain_cells = normal(generator, brain_classes, cells) * uniform(generator, 0, 0.05)
    other_cells = normal(generator, other_classes, cells) * uniform(generator, 0, 0.3)
    other_cells[0] *= 0.2
    means = torch.cat([torch.zeros(1, cells), brain[:, None] + brain_cells, other[:, None] + other_cells])
    means[0] = uniform(generator, 0, 0.05) if chance(generator, 0.88) else uniform(generator, 0, 0.4)
    return means.clamp_min(0)


def distractors(generator, image, brain, head):
    """Up to three smooth shapes as grey as the brain, in the head but not near the brain: tongues and muscles.

    Two heads hold few of them; without these shapes anything large and even is taken for brain.
    """
    height, width = image.shape
    free = head * (blur(brain[None], 3.0)[0] < 0.02)
    places = free.nonzero()
    if len(places) == 0:
        return image
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    grey = image[brain > 0.5].mean().item() if (brain > 0.5).any() else uniform(generator, 0.25, 0.95)
    for _ in range(int(uniform(generator, 1, 4))):
        centre = places[int(uniform(generator, 0, len(places) - 1))]
        angle = uniform(generator, 0, math.pi)
        radius, aspect = uniform(generator, 5, 30), uniform(generator, 0.6, 1.6)
        dy, dx = y - centre[0], x - centre[1]
        along = (math.cos(angle) * dy + math.sin(angle) * dx) / (radius * aspect)
        across = (math.cos(angle) * dx - math.sin(angle) * dy) / (radius / aspect)
        distance = (along**2 + across**2).sqrt() + 0.2 * smooth_noise(generator, (height, width), 10)
        share = ((1 - distance) * radius / 2).clamp(0, 1) * free
        texture = smooth_noise(generator, (height, width), int(uniform(generator, 8, 40))) * uniform(generator, 0, 0.12)
        image = image * (1 - share) + share * (grey * uniform(generator, 0.75, 1.25) + texture)
        if chance(generator, 0.4):
            # A rim, as fat or fascia around a muscle.
            rim = (1 - (distance - 1).abs() * radius / 2).clamp(0, 1) * free
            image = image * (1 - rim) + rim * uniform(generator, 0, 1.4)
    return image.clamp_min(0)


def lesions(generator, image, brain):
    """Up to three smooth blobs of another intensity inside the brain."""
    height, width = image.shape
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    inside = brain.nonzero()
    for _ in range(int(uniform(generator, 1, 4))):
        centre = inside[int(uniform(generator, 0, len(inside) - 1))]
        radius = uniform(generator, 2, 18)
        distance = ((y - centre[0]) ** 2 + (x - centre[1]) ** 2).sqrt() / radius
        distance = distance + 0.25 * smooth_noise(generator, (height, width), 16)
        share = ((1 - distance) * 3).clamp(0, 1) * brain
        image = image * (1 - share) + share * uniform(generator, 0, 1.3)
    return image


def acquisition(generator, image, inside):
    """Bias field, blur, low resolution, ghosts, noise and a limited field of view on one slice [y, x]."""
    size = image.shape
    if chance(generator, 0.7):
        field = smooth_noise(generator, size, int(uniform(generator, 1, 5)))
        image = image * torch.exp(field * uniform(generator, 0, 0.35))
    if chance(generator, 0.7):
        image = blur(image[None], uniform(generator, 0.3, 1.1))[0]
    if chance(generator, 0.3):
        factors = [uniform(generator, 0.4, 1), uniform(generator, 0.4, 1)]
        if chance(generator, 0.5):
            factors[1] = factors[0]
        small = functional.interpolate(image[None, None], scale_factor=factors, mode="area")
        image = functional.interpolate(small, size=size, mode="bilinear", align_corners=False)[0, 0]
    if chance(generator, 0.2):
        axis = int(uniform(generator, 0, 2))
        shift = int(uniform(generator, 20, 100))
        image = image + image.roll(shift, axis) * uniform(generator, 0, 0.12)
    if chance(generator, 0.15):
        # A signal void with a bright rim, as air or metal makes.
        height, width = size
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        centre = (uniform(generator, 0.1, 0.9) * height, uniform(generator, 0.1, 0.9) * width)
        radius = uniform(generator, 3, 14)
        distance = ((y - centre[0]) ** 2 + (x - centre[1]) ** 2).sqrt() / radius
        image = image * (0.1 + 0.9 * (2 * distance - 1).clamp(0, 1))
    if chance(generator, 0.8):
        sd = uniform(generator, 0, 0.06) if chance(generator, 0.8) else uniform(generator, 0.05, 0.15)
        # Magnitude of complex noise: Rician, so the background is not centred on 0.
        image = ((image + normal(generator, *size) * sd) ** 2 + (normal(generator, *size) * sd) ** 2).sqrt()
    if chance(generator, 0.3):
        image = image.clamp_min(0) ** uniform(generator, 0.6, 1.6)
    # Beyond the field of view the resampled slice is padded with 0, the low end of the scale.
    return image * inside
