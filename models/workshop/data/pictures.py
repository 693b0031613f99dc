"""Training batches from 2-D images: common to nuclei, vessels and the ventricle.

A source names its cases, reads one, and says which group it belongs to; groups are drawn with the weights of the
config, so that a small group is not drowned by a large one.
"""

import torch

from augmentation.intensity import augment_intensity
from augmentation.plane import sample_crop
from normalise import normalise


class Pictures:
    """Crops for training and whole images for validation; a subclass gives `case` and `group`."""

    classes = 2

    def __init__(self, split, augmentation, normalisation, groups):
        self.split = split
        self.augmentation = augmentation
        self.normalisation = normalisation
        self.groups = groups
        self._training = None

    def case(self, name):
        """(image [1, y, x] as stored, labels [1, y, x] uint8, spacing (x, y, z)) of one case."""
        raise NotImplementedError

    def training_case(self, name):
        """As `case`, on the grid that training crops are taken from."""
        return self.case(name)

    def group(self, name):
        """The group whose scores a case counts in."""
        raise NotImplementedError

    def validation_cases(self):
        for name in self.split["validation"]:
            yield name, *self.case(name)

    def batch(self, generator, count, stage):
        """`count` augmented crops of `stage["patchVox"]` (x, y): (image [N, 1, Y, X], target [N, Y, X])."""
        if self._training is None:
            self._training = self._load_all()
        names = list(self._training)
        chances = torch.tensor([float(self.groups[name]) for name in names])
        images, targets = [], []
        for group in torch.multinomial(chances, count, replacement=True, generator=generator).tolist():
            cases = self._training[names[group]]
            image, one_hot = cases[int(torch.randint(len(cases), (), generator=generator))]
            image, target = sample_crop(image, one_hot, stage["patchVox"][1::-1], self.augmentation, generator)
            images.append(augment_intensity(image, self.augmentation, generator))
            targets.append(target)
        return torch.stack(images), torch.stack(targets)

    def _load_all(self):
        groups = {}
        for name in self.split["training"]:
            group = self.group(name)
            if group not in self.groups:
                continue
            image, labels, _ = self.training_case(name)
            image = torch.from_numpy(normalise(image, self.normalisation))
            one_hot = torch.nn.functional.one_hot(torch.from_numpy(labels[0]).long(), self.classes).movedim(-1, 0).float()
            groups.setdefault(group, []).append((image, one_hot))
        return groups
