"""One file per architecture; `build` is the only way the programs get at them."""

from . import unet2d, unet3d

ARCHITECTURES = {"unet2d": unet2d.UNet2d, "unet3d": unet3d.UNet3d}


def build(settings):
    """The network named in a config's `architecture`, with random weights."""
    arguments = dict(settings)
    return ARCHITECTURES[arguments.pop("name")](**arguments)
