"""Dice per label and the bootstrap interval of its mean."""

import numpy


def dice(truth, found, label):
    """2 |A and B| / (|A| + |B|); not a number when both are empty."""
    a, b = truth == label, found == label
    total = a.sum() + b.sum()
    return float(2 * (a & b).sum() / total) if total else float("nan")


def bootstrap_interval(values, seed=1, rounds=10_000):
    """95 % interval of the mean: percentiles of means of cases drawn with replacement."""
    values = numpy.asarray(values, float)
    rng = numpy.random.default_rng(seed)
    means = values[rng.integers(0, len(values), (rounds, len(values)))].mean(1)
    return [round(float(v), 4) for v in numpy.percentile(means, [2.5, 97.5])]
