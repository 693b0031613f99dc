"""Random blur, noise, brightness, contrast, gamma and low resolution: nnU-Net's list, with its chances.

And, where a config asks for them, what differs between scans of the heart: the coil's shading and the field of view.
"""

from torch.nn import functional
import torch

from augmentation.draw import chance, normal, uniform


def blur(image, sd):
    """Gaussian blur of [C, ...] along every spatial axis; `sd` in voxels, one number or one per axis."""
    dimensions = image.ndim - 1
    sds = [sd] * dimensions if isinstance(sd, (int, float)) else list(sd)
    convolve = (functional.conv1d, functional.conv2d, functional.conv3d)[dimensions - 1]
    for axis, width in enumerate(sds):
        if width < 0.1:
            continue
        radius = max(1, round(3 * width))
        taps = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / width) ** 2)
        shape = [1, 1] + [1] * dimensions
        shape[2 + axis] = -1
        padding = [0, 0] * dimensions
        padding[2 * (dimensions - 1 - axis)] = padding[2 * (dimensions - 1 - axis) + 1] = radius
        padded = functional.pad(image[:, None], padding, mode="replicate")
        image = convolve(padded, (taps / taps.sum()).reshape(shape))[:, 0]
    return image


def gamma(image, power):
    """Gamma on the image's own range, mean and spread kept."""
    low, high = image.min(), image.max()
    mean, sd = image.mean(), image.std()
    image = ((image - low) / (high - low).clamp_min(1e-6)) ** power
    return (image - image.mean()) / image.std().clamp_min(1e-6) * sd + mean


def shading(generator, size, sd):
    """A smooth positive field of `size`, the logarithm of which has the spread `sd` at the corners of a 3 x 3 grid."""
    coarse = normal(generator, 1, 1, *[3] * len(size)) * sd
    mode = "bicubic" if len(size) == 2 else "trilinear"
    return functional.interpolate(coarse, size=size, mode=mode, align_corners=True)[0].exp()


def disc(generator, size):
    """1 within a circle about the middle of a plane of `size` [y, x], its radius 0.7 to 1.1 of half the larger side."""
    y, x = (torch.arange(n) - (n - 1) / 2 + uniform(generator, -0.05, 0.05) * n for n in size)
    radius = uniform(generator, 0.7, 1.1) * max(size) / 2
    return (y[:, None] ** 2 + x[None] ** 2 < radius**2).float()


def augment_intensity(image, settings, generator):
    """`image` [C, y, x] or [C, z, y, x] on a scale of about 1; the noise's spread is the config's."""
    if chance(generator, settings["noiseChance"]):
        image = image + normal(generator, *image.shape) * uniform(generator, 0, settings["noiseSd"])
    if chance(generator, settings["blurChance"]):
        image = blur(image, uniform(generator, 0.3, settings["blurSd"]))
    if chance(generator, settings["brightnessChance"]):
        image = image * uniform(generator, 0.75, 1.25) + uniform(generator, -0.2, 0.2)
    if chance(generator, settings["contrastChance"]):
        low, high = image.min(), image.max()
        mean = image.mean()
        image = ((image - mean) * uniform(generator, 0.75, 1.25) + mean).clamp(low, high)
    if chance(generator, settings["lowResolutionChance"]):
        factor = uniform(generator, 0.6, 1)
        small = functional.interpolate(image[None], scale_factor=factor, mode="nearest")
        mode = "bilinear" if image.ndim == 3 else "trilinear"
        image = functional.interpolate(small, size=image.shape[1:], mode=mode, align_corners=False)[0]
    if chance(generator, settings["gammaChance"]):
        image = gamma(image, uniform(generator, 0.7, 1.5))
    if chance(generator, settings["gammaChance"] / 3):
        image = -gamma(-image, uniform(generator, 0.7, 1.5))
    if "shadingChance" in settings and chance(generator, settings["shadingChance"]):
        image = image * shading(generator, image.shape[1:], uniform(generator, 0, settings["shadingSd"]))
    if "discChance" in settings and chance(generator, settings["discChance"]):
        image = image * disc(generator, image.shape[1:])
    return image
