"""A U-Net of less than a million parameters with global context by attention, in 2D and 3D.

Built from published parts: depthwise blocks in the manner of ConvNeXt (Liu et al. 2022, arXiv:2201.03545) in place of
pairs of full convolutions at the coarse levels, and at the two coarsest efficient attention (Shen et al. 2018,
"Efficient Attention: Attention with Linear Complexities", arXiv:1812.01243), in which every voxel sees every other at
a price that grows with their number and not with its square.

Deviations from those: batch norm in place of layer norm (it vanishes into the convolution at inference), or instance
norm where images differ so much that the statistics of a batch are nobody's (`norm`), and one more of it after a block's
last 1x1; ReLU in place of GELU; an expansion of 2 in place of 4, depthwise kernels of 5 (3 in 3D) in place of 7, no layer
scale; attention with a norm after each of its projections, and without positions, which the depthwise convolutions
supply, so that any image size will do. The two finest levels have few channels, where a full convolution is as fast as a
depthwise block: two there on the way down and one on the way up, and at the finest another before the logits.
"""

from functools import partial

from torch import nn
from torch.nn import functional
import torch

CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}
NORMS = {
    "batch": {2: nn.BatchNorm2d, 3: nn.BatchNorm3d},
    "instance": {2: partial(nn.InstanceNorm2d, affine=True), 3: partial(nn.InstanceNorm3d, affine=True)},
}
FINE_LEVELS = 2


class DepthwiseBlock(nn.Module):
    """Depthwise convolution, norm, 1x1 up, activation, 1x1 down, beside a shortcut."""

    def __init__(self, dimensions, channels, kernel, norm, expansion=2):
        super().__init__()
        conv, norm = CONVOLUTIONS[dimensions], NORMS[norm][dimensions]
        self.residual = nn.Sequential(
            conv(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False),
            norm(channels),
            conv(channels, expansion * channels, 1),
            nn.ReLU(inplace=True),
            conv(expansion * channels, channels, 1, bias=False),
            norm(channels),
        )

    def forward(self, features):
        return features + self.residual(features)


class EfficientAttention(nn.Module):
    """Queries normalised over channels, keys over voxels: context = keys values^T is channels x channels a head."""

    def __init__(self, dimensions, channels, norm, heads=4):
        super().__init__()
        conv, norm = CONVOLUTIONS[dimensions], NORMS[norm][dimensions]
        self.heads = heads
        self.queries_keys_values = nn.Sequential(conv(channels, 3 * channels, 1, bias=False), norm(3 * channels))
        self.project = nn.Sequential(conv(channels, channels, 1, bias=False), norm(channels))

    def forward(self, features):
        count, channels = features.shape[:2]
        split = self.queries_keys_values(features).reshape(count, 3, self.heads, channels // self.heads, -1)
        # Each [N, heads, channels a head, voxels].
        queries, keys, values = split[:, 0], split[:, 1], split[:, 2]
        context = keys.softmax(3) @ values.transpose(2, 3)
        found = context.transpose(2, 3) @ queries.softmax(2)
        return features + self.project(found.reshape(features.shape))


def _full(dimensions, norm, channels_in, channels_out, kernel=3, stride=1):
    padding = (kernel - 1) // 2 if stride == 1 else 0
    return nn.Sequential(
        CONVOLUTIONS[dimensions](channels_in, channels_out, kernel, stride, padding, bias=False),
        NORMS[norm][dimensions](channels_out),
        nn.ReLU(inplace=True),
    )


class AttentionUNet(nn.Module):
    """Maps [N, C, (Z,) Y, X] to logits of the same spatial size; every axis a multiple of `multiple`."""

    def __init__(
        self,
        dimensions=2,
        channels_in=1,
        classes=2,
        widths=(12, 24, 48, 96, 96),
        attended=2,
        supervised=0,
        kernel=5,
        norm="batch",
    ):
        super().__init__()
        conv = CONVOLUTIONS[dimensions]
        self.mode = "bilinear" if dimensions == 2 else "trilinear"
        self.multiple = 2 ** (len(widths) - 1)
        depth = len(widths)

        def encoder(level):
            above = channels_in if level == 0 else widths[level - 1]
            entry = _full(dimensions, norm, above, widths[level], *((3, 1) if level == 0 else (2, 2)))
            if level < FINE_LEVELS:
                return nn.Sequential(entry, _full(dimensions, norm, widths[level], widths[level]))
            blocks = []
            for _ in range(2):
                blocks.append(DepthwiseBlock(dimensions, widths[level], kernel, norm))
                if level >= depth - attended:
                    blocks.append(EfficientAttention(dimensions, widths[level], norm))
            return nn.Sequential(entry, *blocks)

        def decoder(level):
            merged = 2 * widths[level]
            if level < FINE_LEVELS:
                return _full(dimensions, norm, merged, widths[level])
            entry = _full(dimensions, norm, merged, widths[level], 1)
            return nn.Sequential(entry, DepthwiseBlock(dimensions, widths[level], kernel, norm))

        decoded = list(range(depth - 2, -1, -1))
        self.encoder = nn.ModuleList(encoder(level) for level in range(depth))
        self.narrow = nn.ModuleList(conv(widths[l + 1], widths[l], 1) for l in decoded)
        self.decoder = nn.ModuleList(decoder(l) for l in decoded)
        self.head = nn.Sequential(_full(dimensions, norm, widths[0], widths[0]), conv(widths[0], classes, 1))
        # Heads of the coarser levels exist for the loss alone; the exported graph does not contain them.
        self.side_heads = nn.ModuleList(conv(widths[l], classes, 1) for l in range(1, supervised + 1))

    def forward(self, image):
        skips = []
        features = image
        for stage in self.encoder:
            features = stage(features)
            skips.append(features)
        sides = []
        for index, (narrow, stage) in enumerate(zip(self.narrow, self.decoder)):
            level = len(skips) - 2 - index
            up = functional.interpolate(narrow(features), scale_factor=2, mode=self.mode, align_corners=False)
            features = stage(torch.cat([up, skips[level]], dim=1))
            if self.training and 1 <= level <= len(self.side_heads):
                sides.insert(0, self.side_heads[level - 1](features))
        logits = self.head(features)
        return [logits, *sides] if self.training else logits
