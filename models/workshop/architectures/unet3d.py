"""3D U-Net.

Çiçek et al. 2016, "3D U-Net: Learning Dense Volumetric Segmentation from Sparse Annotation"
(arXiv:1606.06650), with the choices of nnU-Net (Isensee et al. 2021, Nature Methods 18:203).

Deviations from the 2016 paper: instance norm in place of batch norm, leaky ReLU, strided convolutions in
place of max pooling, padded convolutions (output as large as input), deep supervision on the two decoder
levels below the finest. Deviation from nnU-Net: 16 channels at full resolution in place of 32, doubled
per level; measured on one core the training then sees four times the samples in the same time.
"""

from torch import nn
import torch


def _stage(channels_in, channels_out, stride):
    layers = []
    for index in range(2):
        layers += [
            nn.Conv3d(
                channels_in if index == 0 else channels_out,
                channels_out,
                3,
                stride=stride if index == 0 else 1,
                padding=1,
                bias=False,
            ),
            nn.InstanceNorm3d(channels_out, affine=True),
            nn.LeakyReLU(0.01, inplace=True),
        ]
    return nn.Sequential(*layers)


class UNet3d(nn.Module):
    """Maps [N, C, Z, Y, X] to logits of the same spatial size; every axis a multiple of `multiple`."""

    def __init__(self, channels_in=1, classes=3, widths=(16, 32, 64, 128), supervised=2):
        super().__init__()
        self.multiple = 2 ** (len(widths) - 1)
        self.encoder = nn.ModuleList(
            _stage(channels_in if level == 0 else widths[level - 1], width, 1 if level == 0 else 2)
            for level, width in enumerate(widths)
        )
        decoded = list(range(len(widths) - 2, -1, -1))
        self.up = nn.ModuleList(nn.ConvTranspose3d(widths[l + 1], widths[l], 2, stride=2) for l in decoded)
        self.decoder = nn.ModuleList(_stage(2 * widths[l], widths[l], 1) for l in decoded)
        self.head = nn.Conv3d(widths[0], classes, 1)
        # Heads of the coarser levels exist for the loss alone; the exported graph does not contain them.
        self.side_heads = nn.ModuleList(nn.Conv3d(widths[l], classes, 1) for l in range(1, supervised + 1))

    def forward(self, image):
        skips = []
        features = image
        for stage in self.encoder:
            features = stage(features)
            skips.append(features)
        sides = []
        for index, (up, stage) in enumerate(zip(self.up, self.decoder)):
            level = len(self.encoder) - 2 - index
            features = stage(torch.cat([up(features), skips[level]], dim=1))
            if self.training and 1 <= level <= len(self.side_heads):
                sides.insert(0, self.side_heads[level - 1](features))
        logits = self.head(features)
        return [logits, *sides] if self.training else logits
