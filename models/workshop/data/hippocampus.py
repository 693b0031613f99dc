"""MSD Task04 Hippocampus: image and label pairs at 1 mm, small enough to stay in memory."""

from pathlib import Path

import numpy
import torch

from augmentation.intensity import augment_intensity
from augmentation.spatial import sample_patch
from data.split import read_or_write_split
from normalise import normalise
from volumes import read_ras

CLASSES = 3
VALIDATION_FRACTION = 0.2


class Hippocampus:
    """Training patches and whole validation cases."""

    def __init__(self, folder, augmentation):
        self.folder = Path(folder) / "msd-hippocampus"
        self.augmentation = augmentation
        names = lambda: [path.name.removesuffix(".nii.gz") for path in (self.folder / "images").glob("*.nii.gz")]
        self.split = read_or_write_split("hippocampus", names, VALIDATION_FRACTION)
        self._training = None

    def case(self, name):
        """(image, labels, spacing) of one case as stored, arrays [z, y, x]."""
        image, spacing = read_ras(self.folder / "images" / f"{name}.nii.gz")
        labels, _ = read_ras(self.folder / "labels" / f"{name}.nii.gz")
        return image, labels.astype(numpy.uint8), spacing

    def validation_cases(self):
        for name in self.split["validation"]:
            yield name, *self.case(name)

    def batch(self, generator, count, stage):
        """`count` augmented patches of `stage["patchVox"]` (x, y, z): (image [N, 1, Z, Y, X], target [N, Z, Y, X])."""
        if self._training is None:
            self._training = [self._load(name) for name in self.split["training"]]
        images, targets = [], []
        for index in torch.randint(len(self._training), (count,), generator=generator).tolist():
            image, one_hot = self._training[index]
            image, target = sample_patch(image, one_hot, stage["patchVox"][::-1], self.augmentation, generator)
            images.append(augment_intensity(image, self.augmentation, generator))
            targets.append(target)
        return torch.stack(images), torch.stack(targets)

    def _load(self, name):
        image, labels, _ = self.case(name)
        image = normalise(image, {"kind": "zscore"})
        one_hot = torch.nn.functional.one_hot(torch.from_numpy(labels).long(), CLASSES).movedim(-1, 0).float()
        return torch.from_numpy(image)[None], one_hot
