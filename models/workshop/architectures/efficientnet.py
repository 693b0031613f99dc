"""The body of EfficientNet-B4, at any width.

Tan and Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (arXiv:1905.11946): B4 has
B0's blocks 1.4 times as wide and 1.8 times as deep. Blocks: expansion by 1x1, depthwise convolution, squeeze and
excitation with a quarter of the block's input channels, projection by 1x1 (Sandler et al. 2018, arXiv:1801.04381).

Deviations: channels times `width` (the depth stays); no stochastic depth; no weights of ImageNet; one channel of image.
"""

from torch import nn

from .blocks import conv_norm, scaled
from .resnet import SqueezeExcite

# Of B4: channels, blocks, stride, kernel, expansion.
STAGES = (
    (24, 2, 1, 3, 1),
    (32, 4, 2, 3, 6),
    (56, 4, 2, 5, 6),
    (112, 6, 2, 3, 6),
    (160, 6, 1, 5, 6),
    (272, 8, 2, 5, 6),
    (448, 2, 1, 3, 6),
)


class InvertedBottleneck(nn.Module):
    """Narrow, wide, narrow, beside a shortcut where the shape stays."""

    def __init__(self, channels_in, channels_out, stride, kernel, expansion):
        super().__init__()
        wide = channels_in * expansion
        layers = [] if expansion == 1 else [conv_norm(channels_in, wide, 1, activation=nn.SiLU)]
        layers += [
            conv_norm(wide, wide, kernel, stride, groups=wide, activation=nn.SiLU),
            SqueezeExcite(wide, max(4, channels_in // 4), nn.SiLU),
            conv_norm(wide, channels_out, 1, activation=None),
        ]
        self.residual = nn.Sequential(*layers)
        self.same = stride == 1 and channels_in == channels_out

    def forward(self, features):
        found = self.residual(features)
        return features + found if self.same else found


class EfficientNetB4(nn.Module):
    """Feature maps of an image, finest first: strides 2, 4, 8, 16, 32."""

    def __init__(self, channels_in=1, width=1.0):
        super().__init__()
        channels = scaled(48, width)
        self.stem = conv_norm(channels_in, channels, 3, 2, activation=nn.SiLU)
        self.levels = nn.ModuleList()
        self.channels = []
        blocks = []
        for out, depth, stride, kernel, expansion in STAGES:
            if stride == 2:
                self.channels.append(channels)
                self.levels.append(nn.Sequential(*blocks))
                blocks = []
            for n in range(depth):
                blocks.append(InvertedBottleneck(channels, scaled(out, width), stride if n == 0 else 1, kernel, expansion))
                channels = scaled(out, width)
        self.channels.append(channels)
        self.levels.append(nn.Sequential(*blocks))

    def forward(self, image):
        features = self.stem(image)
        found = []
        for level in self.levels:
            features = level(features)
            found.append(features)
        return found
