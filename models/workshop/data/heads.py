"""Axial slices of two heads in random shapes, tilts, slice thicknesses and contrasts, made while training."""

from pathlib import Path

import numpy
import torch

from augmentation.contrast import acquisition, distractors, lesions, random_curve, tissue_intensities
from augmentation.draw import chance, normal, uniform
from augmentation.spatial import rotation
from data.prepare_heads import BRAIN_CLASSES, CELLS, EXTRUDED_MM, OTHER_CLASSES


class Head:
    """One prepared head as flat tensors."""

    def __init__(self, path):
        arrays = numpy.load(path)
        self.size = arrays["brain"].shape
        self.brain = torch.from_numpy(arrays["brain"]).reshape(-1).float()
        self.real = torch.from_numpy(arrays["real"]).reshape(-1)
        label = arrays["tissue"].astype(numpy.int16) * CELLS + arrays["cell"]
        self.label = torch.from_numpy(label).reshape(-1)
        z = numpy.argwhere(arrays["brain"].any((1, 2)))[:, 0]
        y, x = (numpy.argwhere(arrays["brain"].any((0, 2)))[:, 0], numpy.argwhere(arrays["brain"].any((0, 1)))[:, 0])
        self.centre = torch.tensor([(a[0] + a[-1]) / 2 for a in (z, y, x)])
        self.brain_mm = float(z[-1] - z[0])
        # A thin copy of the whole head: what percentiles over a volume see.
        coarse = tuple(slice(i, None, 5) for i in (EXTRUDED_MM, 0, 0))
        self.sample_label = torch.from_numpy(label[coarse].copy()).reshape(-1)
        self.sample_real = torch.from_numpy(arrays["real"][coarse].copy()).reshape(-1)


class Heads:
    """Training slices; there is no validation set, since two heads are all there is (see evaluate_brain.py)."""

    def __init__(self, folder, runs, heads, spacingMm, percentiles):
        self.heads = [Head(Path(runs) / "heads" / f"{name}.npz") for name in heads]
        self.spacing = spacingMm
        self.percentiles = percentiles

    def batch(self, generator, count, stage):
        """`count` slices of `stage["patchVox"]` (x, y): (image [N, 1, Y, X], target [N, Y, X]).

        `lowChance` of a stage is the share of slices from below and near the skull base, `distractorChance` that of
        slices with shapes that are not brain.
        """
        pairs = [self._slice(generator, stage) for _ in range(count)]
        return torch.stack([p[0] for p in pairs])[:, None], torch.stack([p[1] for p in pairs])

    def _positions(self, head, generator, stage):
        """Where the voxels of one slice lie in the head: [planes, y, x, 3] in voxels, order z, y, x."""
        width, height = stage["patchVox"]
        thickness = uniform(generator, 0.5, 8) if chance(generator, 0.75) else 0.5
        planes = max(1, round(thickness / 1.3))
        z = (torch.arange(planes) - (planes - 1) / 2) * (thickness / planes)
        y = (torch.arange(height) - (height - 1) / 2) * self.spacing
        x = (torch.arange(width) - (width - 1) / 2) * self.spacing
        grid = torch.stack(torch.meshgrid(z, y, x, indexing="ij"), -1)

        # From a little below the brain, where there is neck and face, to a little above the vertex.
        half = head.brain_mm / 2
        level = uniform(generator, -half - 45, half + 12) if chance(generator, 0.35) else uniform(generator, -half, half)
        if "lowChance" in stage and chance(generator, stage["lowChance"]):
            level = uniform(generator, -half - 45, -half / 3)
        grid[..., 0] += level
        grid[..., 1] += uniform(generator, -22, 22)
        grid[..., 2] += uniform(generator, -16, 16)
        tilt = 28 if chance(generator, 0.4) else 12
        matrix = rotation(generator, tilt)
        if chance(generator, 0.5):
            matrix = matrix * torch.tensor([1.0, 1.0, -1.0])[:, None]
        common = uniform(generator, 0.85, 1.2)
        stretch = torch.tensor([common * uniform(generator, 0.9, 1.1) for _ in range(3)])
        place = grid @ (matrix * stretch[:, None]).T

        # Smooth deformation from a coarse 3D grid, so that neighbouring planes deform alike.
        coarse = int(uniform(generator, 4, 9))
        field = normal(generator, 1, 3, coarse, coarse, coarse) * uniform(generator, 0, 22 / coarse)
        field = torch.nn.functional.grid_sample(
            field, (place / 130).flip(-1)[None], mode="bilinear", padding_mode="border", align_corners=True
        )[0].movedim(0, -1)
        return place + field + head.centre

    def _slice(self, generator, stage):
        head = self.heads[int(uniform(generator, 0, len(self.heads)))]
        position = self._positions(head, generator, stage)
        index = (position + 0.5).floor().long()
        limit = torch.tensor(head.size)
        valid = ((index >= 0) & (index < limit)).all(-1)
        index = index.clamp_min(0).minimum(limit - 1)
        flat = (index[..., 0] * head.size[1] + index[..., 1]) * head.size[2] + index[..., 2]
        brain = (head.brain[flat] * valid).mean(0)

        means = tissue_intensities(generator, BRAIN_CLASSES, OTHER_CLASSES, CELLS).reshape(-1)
        curve = random_curve(generator)
        curve_brain = random_curve(generator) if chance(generator, 0.3) else curve
        kind = uniform(generator, 0, 1)
        # Share of the real image: none, all, or a mixture that lends texture to drawn intensities.
        share = 0.0 if kind < 0.45 else 1.0 if kind < 0.75 else uniform(generator, 0, 0.7)

        def intensity(label, real):
            drawn = means[label.long()]
            if share == 0:
                return drawn
            # Air stays air whatever the curve does to the rest.
            outside = label < CELLS
            inner = (label >= CELLS) & (label < CELLS * (1 + BRAIN_CLASSES))
            mapped = torch.where(inner, curve_brain[real.long()], curve[real.long()])
            return torch.where(outside, drawn, drawn * (1 - share) + share * mapped)

        label = torch.where(valid, head.label[flat], torch.zeros((), dtype=head.label.dtype))
        image = intensity(label, head.real[flat] * valid).mean(0)
        target = (brain > 0.5).long()
        if target.any() and chance(generator, 0.15):
            image = lesions(generator, image, brain)
        if "distractorChance" in stage and chance(generator, stage["distractorChance"]):
            image = distractors(generator, image, brain, (label >= CELLS).float().mean(0))

        height, width = image.shape
        inside = torch.ones_like(image)
        if chance(generator, 0.6):
            # Mostly the usual 200-250 mm around the head; now and then it cuts into it.
            least = 150 if chance(generator, 0.15) else 205
            size = [uniform(generator, least, 250) / self.spacing for _ in range(2)]
            y = torch.arange(height) - (height - 1) / 2
            x = torch.arange(width) - (width - 1) / 2
            inside = ((y.abs() < size[0] / 2)[:, None] & (x.abs() < size[1] / 2)[None]).float()
        image = acquisition(generator, image, inside)

        volume = intensity(head.sample_label, head.sample_real)
        low, high = numpy.percentile(volume.numpy(), self.percentiles)
        # Other volumes have other shares of air and anatomy; the scale wavers accordingly.
        scale = max(high - low, 0.05) * uniform(generator, 0.75, 1.3)
        # The padding of the product is 0 on the normalised scale, where the low percentile of the volume lies.
        image = ((image - low) / scale).clamp(0, 1) * inside
        return image, target * (inside > 0)
