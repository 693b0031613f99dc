"""Retinal vessels: CHASE_DB1 for training and validation, split by participant; STARE for evaluation only.

Which of STARE's photographs are scored stands in the split file too, as `evaluation`, written by hand: none is drawn.
"""

from pathlib import Path

from data.pictures import Pictures
from data.png import read_mask, read_picture
from data.split import read_or_write_split

VALIDATION_FRACTION = 0.3


class Vessels(Pictures):
    """Cases are named `chase-db1/Image_01L` (both eyes of a participant on one side of the split) or `stare/im0001`."""

    def __init__(self, folder, augmentation, normalisation, groups, colour):
        self.folder = Path(folder) / "retina-vessels"
        self.colour = colour
        names = lambda: [f"chase-db1/{path.stem}" for path in sorted((self.folder / "chase-db1" / "images").glob("*.jpg"))]
        participant = {"unit": lambda name: name[:-1], "unit_name": "case id without the eye's letter"}
        split = read_or_write_split("vessels", names, VALIDATION_FRACTION, **participant)
        super().__init__(split, augmentation, normalisation, groups)

    def group(self, name):
        return name.split("/")[0]

    def path(self, name):
        group, stem = name.split("/")
        return next((self.folder / group / "images").glob(f"{stem}.*"))

    def case(self, name):
        path = self.path(name)
        return read_picture(path, self.colour), read_mask(path.parents[1] / "labels" / f"{path.stem}.png"), (1.0, 1.0, 1.0)

    def validation_cases(self):
        yield from super().validation_cases()
        for name in self.split["evaluation"]:
            yield name, *self.case(name)
