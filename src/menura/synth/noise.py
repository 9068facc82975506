"""White noise from a seed for each sound, the same bits on every device and in every batch.

A counter goes through an integer hash. Random generators of torch differ by device and draw for the whole batch.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["white_noise"]

_MULTIPLIERS = (0x7FEB352D, 0x846CA68B - 2**32)
_ODD_STEP = 0x9E3779B9 - 2**32


def white_noise(seeds: Tensor, num_samples: int) -> Tensor:
    """Uniform noise in [-1, 1], a stream of its own for each seed.

    Args:
        seeds: int64 ``[sounds]``, any value.
        num_samples: Length.

    Returns:
        Float32 ``[sounds, num_samples]``.

    Source:
        The finaliser of MurmurHash3 with the multipliers that Wellons 2018 ("Prospecting for hash functions") found
        to have least bias, over a Weyl sequence.
    """
    key = _hashed(_hashed(_low(seeds)) ^ _low(seeds >> 32))[:, None]
    counter = torch.arange(num_samples, dtype=torch.int32, device=seeds.device) * _ODD_STEP
    return _hashed(counter + key).float().mul_(2.0**-31)


def _low(values: Tensor) -> Tensor:
    """The lower 32 bits as a signed number."""
    return (((values & 0xFFFFFFFF) ^ 0x80000000) - 0x80000000).to(torch.int32)


def _hashed(value: Tensor) -> Tensor:
    """int32 to int32, a new tensor; products wrap around."""
    for shift, multiplier in zip((16, 15), _MULTIPLIERS, strict=True):
        value = _folded(value, shift).mul_(multiplier)
    return _folded(value, 16)


def _folded(value: Tensor, bits: int) -> Tensor:
    """``value ^ (value >> bits)`` with zeros moved in, which torch does not do for signed numbers; a new tensor."""
    return (value >> bits).bitwise_and_((1 << (32 - bits)) - 1).bitwise_xor_(value)
