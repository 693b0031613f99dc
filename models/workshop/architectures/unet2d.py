"""2D U-Net.

Ronneberger, Fischer and Brox 2015, "U-Net: Convolutional Networks for Biomedical Image Segmentation"
(arXiv:1505.04597).

Deviations: padded convolutions (output as large as input), instance norm before every activation,
leaky ReLU, strided convolutions in place of max pooling, bilinear upsampling followed by a 1x1 convolution
in place of transposed convolutions, fewer channels (named in the config), deep supervision on the decoder
levels below the finest as in nnU-Net where the config asks for it. `norm` "batch" takes batch norm instead.
"""

from torch import nn
from torch.nn import functional
import torch


NORMS = {"instance": lambda channels: nn.InstanceNorm2d(channels, affine=True), "batch": nn.BatchNorm2d}


def _stage(channels_in, channels_out, stride, norm):
    layers = []
    for index in range(2):
        layers += [
            nn.Conv2d(
                channels_in if index == 0 else channels_out,
                channels_out,
                3,
                stride=stride if index == 0 else 1,
                padding=1,
                bias=False,
            ),
            NORMS[norm](channels_out),
            nn.LeakyReLU(0.01, inplace=True),
        ]
    return nn.Sequential(*layers)


class UNet2d(nn.Module):
    """Maps [N, C, Y, X] to logits of the same spatial size; both axes a multiple of `multiple`."""

    def __init__(self, channels_in=1, classes=2, widths=(16, 32, 64, 96, 128), supervised=2, norm="instance"):
        super().__init__()
        self.multiple = 2 ** (len(widths) - 1)
        self.encoder = nn.ModuleList(
            _stage(channels_in if level == 0 else widths[level - 1], width, 1 if level == 0 else 2, norm)
            for level, width in enumerate(widths)
        )
        decoded = list(range(len(widths) - 2, -1, -1))
        self.narrow = nn.ModuleList(nn.Conv2d(widths[l + 1], widths[l], 1) for l in decoded)
        self.decoder = nn.ModuleList(_stage(2 * widths[l], widths[l], 1, norm) for l in decoded)
        self.head = nn.Conv2d(widths[0], classes, 1)
        # Heads of the coarser levels exist for the loss alone; the exported graph does not contain them.
        self.side_heads = nn.ModuleList(nn.Conv2d(widths[l], classes, 1) for l in range(1, supervised + 1))

    def forward(self, image):
        skips = []
        features = image
        for stage in self.encoder:
            features = stage(features)
            skips.append(features)
        sides = []
        for index, (narrow, stage) in enumerate(zip(self.narrow, self.decoder)):
            level = len(self.encoder) - 2 - index
            up = functional.interpolate(narrow(features), scale_factor=2, mode="bilinear", align_corners=False)
            features = stage(torch.cat([up, skips[level]], dim=1))
            if self.training and 1 <= level <= len(self.side_heads):
                sides.insert(0, self.side_heads[level - 1](features))
        logits = self.head(features)
        return [logits, *sides] if self.training else logits
