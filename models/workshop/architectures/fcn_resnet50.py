"""FCN on a dilated ResNet-50.

Long, Shelhamer and Darrell 2014, "Fully Convolutional Networks for Semantic Segmentation" (arXiv:1411.4038), in the
form of torchvision's `fcn_resnet50`: output stride 8, a 3x3 convolution to a quarter of the channels, dropout 0.1, a
1x1 convolution, bilinear up-sampling to the image's size.

Deviations: channels times `width`; no auxiliary head; no weights of ImageNet.
"""

from torch import nn
from torch.nn import functional

from .blocks import conv_norm
from .resnet import ResNet50


class FcnResNet50(nn.Module):
    """Maps [N, C, Y, X] to logits of the same spatial size; both axes a multiple of `multiple`."""

    def __init__(self, channels_in=1, classes=2, width=0.25):
        super().__init__()
        self.multiple = 8
        self.body = ResNet50(channels_in, width, output_stride=8)
        deepest = self.body.channels[-1]
        self.head = nn.Sequential(conv_norm(deepest, deepest // 4), nn.Dropout(0.1), nn.Conv2d(deepest // 4, classes, 1))

    def forward(self, image):
        logits = self.head(self.body(image)[-1])
        logits = functional.interpolate(logits, scale_factor=8, mode="bilinear", align_corners=False)
        return [logits] if self.training else logits
