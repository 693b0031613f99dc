"""The body of ResNet-50 and of SE-ResNeXt-50, at any width.

He et al. 2015, "Deep Residual Learning for Image Recognition" (arXiv:1512.03385): 3, 4, 6, 3 bottlenecks. Stride in
the 3x3 convolution, as torchvision has it. SE-ResNeXt-50 32x4d: Xie et al. 2016 (arXiv:1611.05431), grouped 3x3
convolutions of twice the width; Hu et al. 2017 (arXiv:1709.01507), squeeze and excitation, reduction 16.

Deviations: every channel count is multiplied by `width` (the depth stays); groups keep their size (4 channels in the
first stage), so that there are fewer of them; no weights of ImageNet; the image may have one channel.
"""

from torch import nn

from .blocks import conv_norm, scaled

DEPTHS = (3, 4, 6, 3)


class SqueezeExcite(nn.Module):
    """Channels weighted by what a small network makes of their means."""

    def __init__(self, channels, inner, activation=nn.ReLU):
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, inner, 1),
            activation(inplace=True),
            nn.Conv2d(inner, channels, 1),
            nn.Sigmoid(),
        )

    def forward(self, features):
        return features * self.gate(features)


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions beside a shortcut."""

    def __init__(self, channels_in, inner, channels_out, stride, dilation, groups, squeeze):
        super().__init__()
        layers = [
            conv_norm(channels_in, inner, 1),
            conv_norm(inner, inner, 3, stride, dilation, groups),
            conv_norm(inner, channels_out, 1, activation=None),
        ]
        if squeeze:
            layers.append(SqueezeExcite(channels_out, max(4, channels_out // 16)))
        self.residual = nn.Sequential(*layers)
        same = stride == 1 and channels_in == channels_out
        self.shortcut = nn.Identity() if same else conv_norm(channels_in, channels_out, 1, stride, activation=None)
        self.activation = nn.ReLU(inplace=True)

    def forward(self, features):
        return self.activation(self.residual(features) + self.shortcut(features))


class ResNet50(nn.Module):
    """Feature maps of an image, finest first: the stem (stride 2), then four stages (4, 8, 16, 32).

    `output_stride` 8 replaces the strides of the last two stages by dilations 2 and 4; `resnext` and `squeeze` make
    it SE-ResNeXt-50; `stages` fewer than 4 leave the last ones out.
    """

    def __init__(self, channels_in=1, width=1.0, output_stride=32, resnext=False, squeeze=False, stages=4):
        super().__init__()
        stem = scaled(64, width)
        self.stem = conv_norm(channels_in, stem, 7, 2)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.channels = [stem]
        self.stages = nn.ModuleList()
        channels, reached, dilation = stem, 4, 1
        for index, depth in enumerate(DEPTHS[:stages]):
            planes = 64 * 2**index
            inner = scaled((2 if resnext else 1) * planes, width)
            groups = inner // (4 * 2**index) if resnext else 1
            out = 4 * scaled(planes, width)
            stride = 1 if index == 0 else 2
            first_dilation = dilation
            if reached * stride > output_stride:
                dilation, stride = 2 * dilation, 1
            reached *= stride
            blocks = []
            for n in range(depth):
                used = (stride, first_dilation) if n == 0 else (1, dilation)
                blocks.append(Bottleneck(channels, inner, out, *used, groups, squeeze))
                channels = out
            self.stages.append(nn.Sequential(*blocks))
            self.channels.append(out)

    def forward(self, image):
        features = self.stem(image)
        found = [features]
        features = self.pool(features)
        for stage in self.stages:
            features = stage(features)
            found.append(features)
        return found
