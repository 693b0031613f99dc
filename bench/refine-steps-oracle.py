"""The same map through cc3d (all labels at once) and SciPy (one label after the other, as TotalSegmentator does)."""

import resource
import statistics
import sys
import time

import cc3d
import numpy
from scipy import ndimage

path, x, y, z, repeats = sys.argv[1], *map(int, sys.argv[2:6])
labels = numpy.fromfile(path, numpy.uint8).reshape(z, y, x)


def timed(name, run, times=repeats):
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        note = run()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name:92s} {statistics.median(seconds):7.2f} {note!s:>9} {peak:6.0f}", flush=True)


def cc3d_largest(connectivity):
    def run():
        found = cc3d.connected_components(labels, connectivity=connectivity)
        sizes = numpy.bincount(found.ravel())
        first = numpy.zeros(len(sizes), numpy.uint8)
        first[found.ravel()] = labels.ravel()
        kept = numpy.zeros(len(sizes), bool)
        for label in range(1, int(first.max()) + 1):
            own = numpy.nonzero(first == label)[0]
            own = own[own > 0]
            if len(own):
                kept[own[sizes[own] == sizes[own].max()]] = True
        out = numpy.where(kept[found], labels, 0)
        return int((out != labels).sum())

    return run


def scipy_largest():
    """Per label, inside the whole volume; two labels are timed."""
    for label in (1, 2):
        found, _ = ndimage.label(labels == label)
        sizes = numpy.bincount(found.ravel())
        if len(sizes) > 1:
            _ = found == numpy.argmax(sizes[1:]) + 1
    return "2 labels"


def scipy_open():
    """One label in the whole volume: opening by two distance transforms."""
    mask = labels == 1
    spacing = (1, 0.8, 0.8)
    kept = ndimage.distance_transform_edt(mask, sampling=spacing) > 2
    _ = ndimage.distance_transform_edt(~kept, sampling=spacing) <= 2
    return "1 label"


print("cc3d and SciPy")
timed("cc3d, largest component of each label, 26-connected, ties kept", cc3d_largest(26))
timed("cc3d, largest component of each label, 6-connected, ties kept", cc3d_largest(6))
timed("SciPy, largest component, 6-connected, label by label", scipy_largest, 1)
if "--open" in sys.argv:
    timed("SciPy, opening by 2 mm", scipy_open, 1)
