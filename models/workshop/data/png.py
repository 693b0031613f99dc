"""Pictures as the product reads them: values as stored, colour reduced to its brightness, transparency ignored."""

from PIL import Image
import numpy

# ITU-R BT.601, unrounded.
BRIGHTNESS = numpy.array([0.299, 0.587, 0.114])


def read_picture(path):
    """Grey [1, y, x] float32 of an 8-bit picture, rows from the top."""
    rgb = numpy.asarray(Image.open(path).convert("RGB"), numpy.float64)
    grey = rgb[..., 0] if (rgb == rgb[..., :1]).all() else rgb @ BRIGHTNESS
    return grey.astype(numpy.float32)[None]


def read_mask(path):
    """1 where the stored value is not 0, [1, y, x] uint8."""
    return (numpy.asarray(Image.open(path)) > 0).astype(numpy.uint8)[None]
