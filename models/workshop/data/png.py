"""Pictures as the product reads them: values as stored, colour reduced to one channel, transparency ignored."""

from PIL import Image
import numpy

# Shares of red, green and blue in what a channel of the manifest reads; brightness is ITU-R BT.601, unrounded.
SHARES = {"brightness": [0.299, 0.587, 0.114], "red": [1, 0, 0], "green": [0, 1, 0], "blue": [0, 0, 1]}


def read_picture(path, colour="brightness"):
    """Grey [1, y, x] float32 of an 8-bit picture, rows from the top; `colour` is a key of SHARES."""
    rgb = numpy.asarray(Image.open(path).convert("RGB"), numpy.float64)
    grey = rgb[..., 0] if (rgb == rgb[..., :1]).all() else rgb @ numpy.array(SHARES[colour])
    return grey.astype(numpy.float32)[None]


def read_mask(path):
    """1 where the stored value is not 0, [1, y, x] uint8."""
    return (numpy.asarray(Image.open(path)) > 0).astype(numpy.uint8)[None]
