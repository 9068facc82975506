"""Augmentation of log-mel batches while a network trains: masks (SpecAugment) and mixtures (mixup)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from menura.errors import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["mixup", "spec_augment"]


def spec_augment(
    batch: Tensor,
    generator: np.random.Generator,
    *,
    max_mels: int,
    max_frames: int,
    num_masks: int = 1,
    fill: float = 0.0,
) -> Tensor:
    """The batch with random bands and stretches of time replaced by ``fill``; each item gets masks of its own.

    A mask of ``width ~ U{0..max}`` starts at ``U{0..size - width}``, along mels and along frames. No time warping,
    which the paper finds to matter least.

    Args:
        batch: Log-mel ``[items, mels, frames]``, standardised, so that 0 is the mean.
        generator: Random state of this batch.
        max_mels, max_frames: Greatest width of a mask; wider than the batch means up to all of it.
        num_masks: Masks along each axis.
        fill: Value under a mask.

    Returns:
        A new tensor of the same shape.

    Raises:
        ConfigError: A width or the number of masks is negative.

    Source:
        Park et al. 2019, arXiv:1904.08779, section 2.
    """
    if min(max_mels, max_frames, num_masks) < 0:
        raise ConfigError(f"masks are {num_masks} x {max_mels} mels x {max_frames} frames, expected numbers >= 0")
    num_items, num_mels, num_frames = batch.shape
    hidden_mels = _masks(generator, num_items, num_mels, widest=max_mels, num_masks=num_masks)
    hidden_frames = _masks(generator, num_items, num_frames, widest=max_frames, num_masks=num_masks)
    hidden = hidden_mels[:, :, None] | hidden_frames[:, None, :]
    import torch

    return batch.masked_fill(torch.from_numpy(hidden).to(batch.device), fill)


def mixup(batch: Tensor, targets: Tensor, generator: np.random.Generator, *, alpha: float) -> tuple[Tensor, Tensor]:
    """Convex mixtures of pairs of items and of their targets: ``share * x_i + (1 - share) * x_j``.

    Each item i gets a partner j from a random permutation and ``share ~ Beta(alpha, alpha)``, at least 0.5, so that it
    keeps its place as the larger part.

    Args:
        batch: ``[items, ...]``.
        targets: ``[items, labels]``.
        generator: Random state of this batch.
        alpha: > 0; smaller mixes less.

    Returns:
        New batch and targets of the same shapes.

    Raises:
        ConfigError: ``alpha`` is not positive.

    Source:
        Zhang et al. 2018, arXiv:1710.09412, equation 2.
    """
    if not alpha > 0:
        raise ConfigError(f"mixup alpha is {alpha}, expected a number > 0; leave mixup out instead of alpha=0")
    import torch

    partner = torch.from_numpy(generator.permutation(len(batch))).to(batch.device)
    drawn = generator.beta(alpha, alpha, size=len(batch))
    share = torch.from_numpy(np.maximum(drawn, 1 - drawn).astype(np.float32)).to(batch.device)
    wide = share.reshape(-1, *[1] * (batch.ndim - 1))
    narrow = share[:, None]
    return wide * batch + (1 - wide) * batch[partner], narrow * targets + (1 - narrow) * targets[partner]


def _masks(
    generator: np.random.Generator, num_items: int, size: int, *, widest: int, num_masks: int
) -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    """Bool ``[num_items, size]``: True where any of the item's masks lies."""
    width = generator.integers(0, min(widest, size) + 1, size=(num_items, num_masks))
    start = np.floor(generator.random((num_items, num_masks)) * (size - width + 1)).astype(np.int64)
    position = np.arange(size)
    inside = (position >= start[..., None]) & (position < (start + width)[..., None])
    return np.asarray(inside.any(axis=1))
