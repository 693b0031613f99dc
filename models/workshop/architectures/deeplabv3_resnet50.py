"""DeepLabV3 on a dilated ResNet-50.

Chen et al. 2017, "Rethinking Atrous Convolution for Semantic Image Segmentation" (arXiv:1706.05587), in the form of
torchvision's `deeplabv3_resnet50`: output stride 8, atrous spatial pyramid pooling with rates 12, 24 and 36 and the
image's mean, a 1x1 projection with dropout 0.5, a 3x3 convolution, a 1x1 convolution, bilinear up-sampling.

Deviations: channels times `width`; dropout 0.1 (a narrow network has nothing to spare); no batch norm in the branch
of the image's mean, which has one value a channel and image; no auxiliary head; no weights of ImageNet.
"""

from torch import nn
from torch.nn import functional
import torch

from .blocks import conv_norm, scaled
from .resnet import ResNet50


class DeepLabV3ResNet50(nn.Module):
    """Maps [N, C, Y, X] to logits of the same spatial size; both axes a multiple of `multiple`."""

    def __init__(self, channels_in=1, classes=2, width=0.25, rates=(12, 24, 36)):
        super().__init__()
        self.multiple = 8
        self.body = ResNet50(channels_in, width, output_stride=8)
        deepest, inner = self.body.channels[-1], scaled(256, width)
        self.branches = nn.ModuleList(
            [conv_norm(deepest, inner, 1), *(conv_norm(deepest, inner, 3, dilation=rate) for rate in rates)]
        )
        self.mean = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(deepest, inner, 1), nn.ReLU(inplace=True))
        self.project = nn.Sequential(conv_norm(5 * inner, inner, 1), nn.Dropout(0.1), conv_norm(inner, inner))
        self.head = nn.Conv2d(inner, classes, 1)

    def forward(self, image):
        features = self.body(image)[-1]
        found = [branch(features) for branch in self.branches]
        mean = self.mean(features).expand_as(found[0])
        logits = self.head(self.project(torch.cat([*found, mean], dim=1)))
        logits = functional.interpolate(logits, scale_factor=8, mode="bilinear", align_corners=False)
        return [logits] if self.training else logits
