"""The body of DenseNet-169, at any width.

Huang et al. 2016, "Densely Connected Convolutional Networks" (arXiv:1608.06993): blocks of 6, 12, 32 and 32 layers,
each of which adds `growth` channels to all that came before it (32 published); a transition halves channels and size.

Deviations: growth and stem times `width`; convolution, norm, activation in this order in place of norm, activation,
convolution, so that norms vanish into convolutions at inference; no weights of ImageNet; one channel of image.
"""

from torch import nn
import torch

from .blocks import conv_norm, scaled

DEPTHS = (6, 12, 32, 32)


class DenseLayer(nn.Module):
    """All channels so far to 4 * growth by 1x1, to growth by 3x3, put behind those so far."""

    def __init__(self, channels, growth):
        super().__init__()
        self.new = nn.Sequential(conv_norm(channels, 4 * growth, 1), conv_norm(4 * growth, growth))

    def forward(self, features):
        return torch.cat([features, self.new(features)], dim=1)


class DenseNet169(nn.Module):
    """Feature maps of an image, finest first: strides 2, 4, 8, 16, 32."""

    def __init__(self, channels_in=1, width=1.0):
        super().__init__()
        growth, channels = scaled(32, width), scaled(64, width)
        self.stem = conv_norm(channels_in, channels, 7, 2)
        self.channels = [channels]
        self.blocks = nn.ModuleList()
        self.transitions = nn.ModuleList()
        for index, depth in enumerate(DEPTHS):
            # Before the first block only the size is halved.
            halved = channels if index == 0 else channels // 2
            shrink = nn.MaxPool2d(3, 2, 1) if index == 0 else nn.Sequential(conv_norm(channels, halved, 1), nn.AvgPool2d(2))
            self.transitions.append(shrink)
            self.blocks.append(nn.Sequential(*(DenseLayer(halved + n * growth, growth) for n in range(depth))))
            channels = halved + depth * growth
            self.channels.append(channels)

    def forward(self, image):
        features = self.stem(image)
        found = [features]
        for shrink, block in zip(self.transitions, self.blocks):
            features = block(shrink(features))
            found.append(features)
        return found
