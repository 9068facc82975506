"""From a mel spectrogram back to sound: magnitudes without negative ones, then phases that fit them.

Own code, about forty lines over ``torch.stft``: librosa, which has both, would bring numba and its limits on numpy's
version to every user, and its solver takes seconds for a clip; scipy has neither.
"""

from __future__ import annotations

import torch
from torch import Tensor

from menura.audio.filterbank import mel_filterbank
from menura.audio.mel import stft

__all__ = ["griffin_lim", "power_from_mel"]

_UPDATES = 60
_MOMENTUM = 0.99
_TINY = 1e-16


def power_from_mel(mel: Tensor, sample_rate: int, *, n_fft: int) -> Tensor:
    """A power spectrogram that has this mel spectrogram, nowhere negative.

    Multiplicative updates ``x <- x (B' m) / (B' B x)`` shrink ``|B x - m|`` and cannot leave the positive numbers. They
    start from the power of each band, spread over its bins.

    Args:
        mel: Power ``[..., mels, frames]``.
        sample_rate: In Hz.
        n_fft: Size of the FFT of the result.

    Returns:
        ``[..., n_fft // 2 + 1, frames]``; bins that no band hears are 0.

    Source:
        Lee and Seung 2001, "Algorithms for non-negative matrix factorization", theorem 1 with the bank held fixed.
    """
    bank = torch.tensor(mel_filterbank(sample_rate, n_fft=n_fft, num_mels=mel.shape[-2]), device=mel.device)
    heard, gram = bank.T @ mel, bank.T @ bank
    power = heard / bank.square().sum().clamp_min(_TINY)
    for _ in range(_UPDATES):
        power = power * heard / (gram @ power).clamp_min(_TINY)
    return power


def griffin_lim(magnitude: Tensor, start: Tensor, *, hop: int, num_samples: int, iterations: int = 32) -> Tensor:
    """A waveform whose short-time spectrum has these magnitudes, as nearly as the iterations find one.

    Args:
        magnitude: ``[..., n_fft // 2 + 1, frames]``, of :func:`menura.audio.mel.stft`.
        start: First phases in radians, in the same shape; they decide which of the many such waveforms it becomes.
        hop: In samples, at most half of the window.
        num_samples: Length of the waveform.
        iterations: Turns from spectrum to waveform and back.

    Returns:
        ``[..., num_samples]``.

    Source:
        Griffin and Lim 1984; with the momentum of Perraudin, Balazs and Søndergaard 2013.
    """
    n_fft = 2 * (magnitude.shape[-2] - 1)
    flat = magnitude.reshape(-1, *magnitude.shape[-2:])
    window = torch.hann_window(n_fft, dtype=magnitude.dtype, device=magnitude.device)

    def heard(phases: Tensor) -> Tensor:
        return torch.istft(flat * phases, n_fft, hop, window=window, center=True, length=num_samples)

    phases, last = torch.polar(torch.ones_like(flat), start.reshape(flat.shape)), torch.zeros_like(flat)
    for _ in range(iterations):
        consistent = stft(heard(phases), n_fft=n_fft, hop=hop)[..., : flat.shape[-1]]
        moved = consistent + _MOMENTUM / (1 + _MOMENTUM) * (consistent - last)
        phases, last = moved / moved.abs().clamp_min(_TINY), consistent
    return heard(phases).reshape(*magnitude.shape[:-2], num_samples)
