"""UNet++.

Zhou, Siddiquee, Tajbakhsh and Liang 2018, "UNet++: A Nested U-Net Architecture for Medical Image Segmentation"
(arXiv:1807.10165), depth 4 (L4), dense skip pathways, deep supervision on the four full-size nodes.

Deviations: fewer channels (the published ones are 32, 64, 128, 256, 512); batch norm after every convolution as in
the authors' later code; bilinear up-sampling; the losses of the four full-size nodes weighed 1, 1/2, 1/4, 1/8 from the
last one (`losses.py`) and not alike; at inference the last node alone decides ("L4 without averaging"), the
heads of the other three exist for the loss.
"""

from torch import nn
from torch.nn import functional
import torch

from .blocks import conv_norm


def _node(channels_in, channels_out):
    return nn.Sequential(conv_norm(channels_in, channels_out), conv_norm(channels_out, channels_out))


class UNetPlusPlus(nn.Module):
    """Maps [N, C, Y, X] to logits of the same spatial size; both axes a multiple of `multiple`."""

    def __init__(self, channels_in=1, classes=2, widths=(16, 32, 64, 128, 256), supervised=3):
        super().__init__()
        depth = len(widths)
        self.multiple = 2 ** (depth - 1)
        # nodes["ij"] is X(i, j) of the paper: level i, j steps along the skip pathway.
        self.nodes = nn.ModuleDict()
        for j in range(depth):
            for i in range(depth - j):
                below = (channels_in if i == 0 else widths[i - 1]) if j == 0 else j * widths[i] + widths[i + 1]
                self.nodes[f"{i}{j}"] = _node(below, widths[i])
        self.head = nn.Conv2d(widths[0], classes, 1)
        # Heads of the earlier full-size nodes exist for the loss alone; the exported graph does not contain them.
        self.side_heads = nn.ModuleList(nn.Conv2d(widths[0], classes, 1) for _ in range(supervised))

    def forward(self, image):
        depth = self.multiple.bit_length()
        found = {}
        for j in range(depth):
            for i in range(depth - j):
                if j == 0:
                    inputs = image if i == 0 else functional.max_pool2d(found[i - 1, 0], 2)
                else:
                    up = functional.interpolate(found[i + 1, j - 1], scale_factor=2, mode="bilinear", align_corners=False)
                    inputs = torch.cat([*(found[i, k] for k in range(j)), up], dim=1)
                found[i, j] = self.nodes[f"{i}{j}"](inputs)
        logits = self.head(found[0, depth - 1])
        if not self.training:
            return logits
        sides = [head(found[0, depth - 2 - n]) for n, head in enumerate(self.side_heads)]
        return [logits, *sides]
