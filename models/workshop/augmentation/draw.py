"""Draws from one torch generator, so that a seed fixes the whole training."""

import torch


def uniform(generator, low, high):
    return low + (high - low) * torch.rand((), generator=generator).item()


def chance(generator, probability):
    return torch.rand((), generator=generator).item() < probability


def normal(generator, *size):
    return torch.randn(*size, generator=generator)
