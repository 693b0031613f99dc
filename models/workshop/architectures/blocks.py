"""Convolution, batch norm and activation, as most networks here have them."""

from torch import nn


def conv_norm(channels_in, channels_out, kernel=3, stride=1, dilation=1, groups=1, activation=nn.ReLU):
    """A convolution that keeps the size (but for its stride), batch norm, and `activation` unless it is None."""
    padding = dilation * (kernel - 1) // 2
    layers = [
        nn.Conv2d(channels_in, channels_out, kernel, stride, padding, dilation, groups, bias=False),
        nn.BatchNorm2d(channels_out),
    ]
    if activation is not None:
        layers.append(activation(inplace=True))
    return nn.Sequential(*layers)


def scaled(channels, width, multiple=8):
    """`channels` times `width`, rounded to a multiple that the processor likes; at least one."""
    return max(multiple, round(channels * width / multiple) * multiple)
