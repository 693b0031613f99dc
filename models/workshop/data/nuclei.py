"""2018 Data Science Bowl nuclei (BBBC038), three groups of microscopy; foreground against background."""

from pathlib import Path

from data.pictures import Pictures
from data.png import read_mask, read_picture
from data.split import read_or_write_split

VALIDATION_FRACTION = 0.2


class Nuclei(Pictures):
    """Cases are named `<group>/<first 12 digits of the image id>`; no pixel size is known."""

    def __init__(self, folder, augmentation, normalisation, groups):
        self.folder = Path(folder) / "dsb2018-nuclei"
        split = read_or_write_split("nuclei", lambda: [*self._files()], VALIDATION_FRACTION)
        super().__init__(split, augmentation, normalisation, groups)
        self._known = None

    def _files(self):
        return {f"{path.parts[-3]}/{path.stem[:12]}": path for path in sorted(self.folder.glob("*/images/*.png"))}

    def group(self, name):
        return name.split("/")[0]

    def path(self, name):
        if self._known is None:
            self._known = self._files()
        return self._known[name]

    def case(self, name):
        path = self.path(name)
        return read_picture(path), read_mask(path.parents[1] / "labels" / path.name), (1.0, 1.0, 1.0)
