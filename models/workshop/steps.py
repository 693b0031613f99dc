"""The steps of a manifest after the network, as far as models of the workshop have them: the largest component."""

from scipy import ndimage
import numpy


def stepped(labels, steps):
    """`labels` [z, y, x] after the manifest's `steps`: of the union of a step's labels the largest component stays, of
    equal ones all (src/refine/largest-component.ts, its defaults)."""
    for step in steps:
        if step["kind"] != "largest-component" or step["connectivity"] != 26 or set(step) != {"kind", "labels", "connectivity"}:
            raise ValueError(f"a step is {step}, expected a largest component over 26 neighbours")
        union = numpy.isin(labels, step["labels"])
        parts, _ = ndimage.label(union, numpy.ones((3, 3, 3)))
        sizes = numpy.bincount(parts[union], minlength=1)
        labels = numpy.where(union & (sizes[parts] < sizes.max()), 0, labels).astype(labels.dtype)
    return labels
