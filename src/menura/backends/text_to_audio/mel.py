"""The log-mel spectrogram that AudioLDM's autoencoder was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["log_mel"]

_FLOOR = 1e-5


def log_mel(
    samples: NDArray[np.float32], sample_rate: int, *, hop: int, num_mels: int, num_frames: int, n_fft: int = 1024
) -> Tensor:
    """Natural logarithm of the mel magnitudes, ``[num_frames, num_mels]``, floored at ln(1e-5).

    Magnitudes, not powers; Slaney's filters up to half of the rate; frames start every ``hop`` samples of the waveform
    mirrored at its ends by ``(n_fft - hop) / 2``, as the vocoder HiFi-GAN was trained.

    Args:
        samples: ``[samples]`` of one channel.
        sample_rate: In Hz.
        hop, n_fft: In samples.
        num_frames: Wanted; a shorter waveform is filled with silence.

    Source:
        Kong et al. 2020, arXiv:2010.05646 (HiFi-GAN), section 3; Liu et al. 2023, arXiv:2308.05734 (AudioLDM 2).
    """
    import torch

    from menura.audio.mel import mel_filterbank

    wanted = num_frames * hop
    waveform = torch.zeros(wanted)
    waveform[: min(wanted, len(samples))] = torch.from_numpy(np.array(samples[:wanted], np.float32))
    edge = (n_fft - hop) // 2
    mode = "reflect" if edge < wanted else "constant"
    padded = torch.nn.functional.pad(waveform[None], (edge, n_fft - hop - edge), mode=mode)[0]
    window = torch.hann_window(n_fft)
    magnitude = torch.stft(padded, n_fft, hop, window=window, center=False, return_complex=True).abs()
    bank = torch.tensor(mel_filterbank(sample_rate, n_fft=n_fft, num_mels=num_mels))
    return (bank @ magnitude).clamp_min(_FLOOR).log().T[:num_frames]
