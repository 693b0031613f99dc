"""A U-Net whose encoder is a classification network, as the four members of Ens4B-UNet are.

Abedalla et al. 2021, "Chest X-ray pneumothorax segmentation using U-Net with EfficientNet and ResNet architectures"
(PeerJ Computer Science 7:e607): encoders ResNet50, DenseNet169, SE-ResNeXt50 and EfficientNetB4; decoders that
up-sample by nearest neighbours, take in the skip and convolve twice; the last level has no skip.

Deviations: encoders at `width` of their channels and without weights of ImageNet; decoder channels in the config.
"""

from torch import nn
from torch.nn import functional
import torch

from .blocks import conv_norm
from .densenet import DenseNet169
from .efficientnet import EfficientNetB4
from .resnet import ResNet50

ENCODERS = {
    "resnet50": lambda channels_in, width: ResNet50(channels_in, width),
    "se-resnext50": lambda channels_in, width: ResNet50(channels_in, width, resnext=True, squeeze=True),
    "efficientnet-b4": EfficientNetB4,
    "densenet169": DenseNet169,
}


class EncoderUNet(nn.Module):
    """Maps [N, C, Y, X] to logits of the same spatial size; both axes a multiple of `multiple`."""

    def __init__(self, encoder, channels_in=1, classes=2, width=0.25, decoder=(96, 64, 32, 24, 16), upsampling="nearest"):
        super().__init__()
        self.multiple = 32
        self.upsampling = {"mode": upsampling} if upsampling == "nearest" else {"mode": upsampling, "align_corners": False}
        self.encoder = ENCODERS[encoder](channels_in, width)
        deepest, *skips = reversed(self.encoder.channels)
        below = (deepest, *decoder[:-1])
        self.decoder = nn.ModuleList(
            nn.Sequential(conv_norm(channels + skip, out), conv_norm(out, out))
            for channels, skip, out in zip(below, (*skips, 0), decoder)
        )
        self.head = nn.Conv2d(decoder[-1], classes, 3, padding=1)

    def forward(self, image):
        features, *skips = reversed(self.encoder(image))
        for stage, skip in zip(self.decoder, (*skips, None)):
            features = functional.interpolate(features, scale_factor=2, **self.upsampling)
            features = stage(features if skip is None else torch.cat([features, skip], dim=1))
        logits = self.head(features)
        return [logits] if self.training else logits
