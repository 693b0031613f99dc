"""TransUNet (the hybrid, R50-ViT).

Chen et al. 2021, "TransUNet: Transformers Make Strong Encoders for Medical Image Segmentation" (arXiv:2102.04306):
three stages of ResNet-50 (depths 3, 4, 9), a vision transformer of 12 layers on their output (one token a 16 x 16
pixels, learned positions), and a cascaded up-sampler with skips from the stages at strides 8, 4 and 2.

Deviations: every channel count times `width`, the transformer's 768 to `tokens` (its 12 layers stay); batch norm in
the ResNet in place of group norm with standardised weights; depths 3, 4, 6 as in the shared body; heads of 16
channels in place of 64; dropout only between the two layers of the perceptron; bilinear up-sampling between centres of
pixels, where the authors' code aligns corners; one channel of image; no weights of ImageNet. Positions are learned for one grid of
`grid` x `grid` tokens; a smaller crop in training takes a random window of it, so the exported file asks for a tile
of 16 * `grid` pixels.
"""

from torch import nn
from torch.nn import functional
import torch

from .blocks import conv_norm, scaled
from .resnet import ResNet50


class Layer(nn.Module):
    """Self-attention and a two-layer perceptron, each on normalised input and beside a shortcut."""

    def __init__(self, channels, head_channels=16, dropout=0.1):
        super().__init__()
        self.heads = channels // head_channels
        self.norm_attention = nn.LayerNorm(channels, eps=1e-6)
        self.queries_keys_values = nn.Linear(channels, 3 * channels)
        self.project = nn.Linear(channels, channels)
        self.norm_perceptron = nn.LayerNorm(channels, eps=1e-6)
        self.perceptron = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Dropout(dropout), nn.Linear(4 * channels, channels)
        )

    def forward(self, tokens):
        count, length, channels = tokens.shape
        split = self.queries_keys_values(self.norm_attention(tokens))
        queries, keys, values = (
            part.reshape(count, length, self.heads, -1).transpose(1, 2) for part in split.chunk(3, dim=2)
        )
        weights = (queries @ keys.transpose(2, 3) * (channels // self.heads) ** -0.5).softmax(3)
        found = (weights @ values).transpose(1, 2).reshape(count, length, channels)
        tokens = tokens + self.project(found)
        return tokens + self.perceptron(self.norm_perceptron(tokens))


class TransUNet(nn.Module):
    """Maps [N, C, Y, X] to logits of the same spatial size; in evaluation both axes are 16 * `grid`."""

    def __init__(self, channels_in=1, classes=2, width=0.25, tokens=128, layers=12, grid=16):
        super().__init__()
        self.multiple = 16
        self.fixed_size = 16 * grid
        self.body = ResNet50(channels_in, width, output_stride=16, stages=3)
        stem, fine, middle, deep = self.body.channels
        self.embed = nn.Conv2d(deep, tokens, 1)
        self.positions = nn.Parameter(0.02 * torch.randn(1, tokens, grid, grid))
        self.layers = nn.Sequential(*(Layer(tokens) for _ in range(layers)))
        self.norm = nn.LayerNorm(tokens, eps=1e-6)
        up = [scaled(n, width) for n in (512, 256, 128, 64, 16)]
        self.widen = conv_norm(tokens, up[0])
        skips = (middle, fine, stem, 0)
        self.decoder = nn.ModuleList(
            nn.Sequential(conv_norm(up[n] + skip, up[n + 1]), conv_norm(up[n + 1], up[n + 1]))
            for n, skip in enumerate(skips)
        )
        self.head = nn.Conv2d(up[-1], classes, 3, padding=1)

    def _window(self, rows, columns):
        """Positions of as many tokens as there are: all of them, or in training a window at a random place."""
        height, width = self.positions.shape[2:]
        if not self.training:
            return self.positions
        top = int(torch.randint(height - rows + 1, ()))
        left = int(torch.randint(width - columns + 1, ()))
        return self.positions[:, :, top : top + rows, left : left + columns]

    def forward(self, image):
        stem, fine, middle, deep = self.body(image)
        grid = self.embed(deep)
        grid = grid + self._window(*grid.shape[2:])
        tokens = self.norm(self.layers(grid.flatten(2).transpose(1, 2)))
        features = self.widen(tokens.transpose(1, 2).reshape(grid.shape))
        for stage, skip in zip(self.decoder, (middle, fine, stem, None)):
            features = functional.interpolate(features, scale_factor=2, mode="bilinear", align_corners=False)
            features = stage(features if skip is None else torch.cat([features, skip], dim=1))
        logits = self.head(features)
        return [logits] if self.training else logits
