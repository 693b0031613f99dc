"""Intensity normalisations, one per `kind` of the manifest. Over the whole volume, before resampling."""

import numpy


def normalise(volume, settings):
    """`volume` as float32 on the network's scale."""
    values = volume.astype(numpy.float64)
    kind = settings["kind"]
    if kind == "zscore":
        result = (values - values.mean()) / max(values.std(), 1e-8)
    elif kind == "rescale01":
        result = (values - values.min()) / max(values.max() - values.min(), 1e-8)
    elif kind == "percentile":
        low, high = numpy.percentile(values, [settings["low"], settings["high"]])
        result = numpy.clip((values - low) / max(high - low, 1e-8), 0, 1)
    elif kind == "none":
        result = values
    else:
        raise ValueError(f"normalisation {kind!r} is not one of zscore, rescale01, percentile, none")
    return result.astype(numpy.float32)
