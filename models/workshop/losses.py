"""Soft Dice plus cross-entropy with deep supervision, as nnU-Net trains with."""

from torch.nn import functional
import torch


def dice_and_cross_entropy(logits, target):
    """Cross-entropy plus 1 - soft Dice of the foreground classes, summed over the batch ("batch Dice")."""
    probability = logits.softmax(1)
    truth = functional.one_hot(target, logits.shape[1]).movedim(-1, 1).to(probability.dtype)
    axes = [0, *range(2, logits.ndim)]
    overlap = (probability * truth).sum(axes)[1:]
    total = (probability.sum(axes) + truth.sum(axes))[1:]
    # The constant keeps a batch without foreground at a small, harmless loss.
    dice = (2 * overlap + 1) / (total + 1)
    return functional.cross_entropy(logits, target) + 1 - dice.mean()


def deep_supervision(outputs, target):
    """Weights 1, 1/2, 1/4 ... from the finest level down, scaled to sum to 1."""
    loss = torch.zeros(())
    weight_sum = 0.0
    for level, logits in enumerate(outputs):
        weight = 0.5**level
        if level == 0:
            coarse = target
        else:
            size = logits.shape[2:]
            coarse = functional.interpolate(target[:, None].float(), size=size, mode="nearest")[:, 0].long()
        loss = loss + weight * dice_and_cross_entropy(logits, coarse)
        weight_sum += weight
    return loss / weight_sum
