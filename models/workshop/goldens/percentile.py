"""Goldens of src/imaging/normalise.ts: numpy's percentiles."""

import numpy

from write_golden import numbers, write_golden


def main():
    draw = numpy.random.default_rng(11)
    cases = []
    for count in (1, 2, 7, 101):
        values = numpy.round(draw.normal(0, 300, count), 2).astype(numpy.float32)
        values[::3] = 0
        percents = [0, 0.5, 1, 33.3, 50, 99, 99.5, 100]
        cases.append({"values": numbers(values), "percents": percents,
                      "results": numbers(numpy.percentile(values.astype(float), percents))})
    write_golden("percentile", {"cases": cases})


if __name__ == "__main__":
    main()
