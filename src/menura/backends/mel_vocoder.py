"""A HiFi-GAN of ``transformers`` in place of Griffin-Lim, where its mel spectrogram is that of the images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from menura.backends.weights.hub import fetch
from menura.backends.weights.loading import load_whole
from menura.backends.weights.names import Weights
from menura.errors import BackendError

if TYPE_CHECKING:
    from torch import Tensor

    from menura.audio.mel_image import MelImageSettings, Vocoder

__all__ = ["load_vocoder"]

_FLOOR = 1e-5


def load_vocoder(weights: Weights, mel: MelImageSettings, *, device: str) -> Vocoder:
    """The vocoder in a folder, such as ``vocoder/`` of an AudioLDM.

    It hears the logarithm of magnitudes on Slaney's mel scale; images hold powers, which are taken apart first.

    Raises:
        BackendError: It cannot be loaded, or was trained on other mel spectrograms than those of the images.
    """
    import torch
    from transformers import SpeechT5HifiGan

    from menura.audio.filterbank import mel_filterbank
    from menura.audio.griffin_lim import power_from_mel

    network: Any = load_whole(SpeechT5HifiGan, fetch(weights).folder, dtype=torch.float32)
    config = network.config
    heard = {
        "sample_rate": config.sampling_rate, "mels": config.model_in_dim, "hop": math.prod(config.upsample_rates),
    }  # fmt: skip
    wrong = [f"{key} {value}, not {getattr(mel, key)}" for key, value in heard.items() if value != getattr(mel, key)]
    if wrong:
        raise BackendError(
            f"vocoder {weights.path} was trained with {'; '.join(wrong)}, as the images have it: it would sound at "
            "another pitch or tempo. Leave interpolation.vocoder out, or take a model with its mel settings"
        )
    network = network.to(device)
    bank = torch.tensor(mel_filterbank(mel.sample_rate, n_fft=mel.n_fft, num_mels=mel.mels))

    def sing(power: Tensor, num_samples: int) -> Tensor:
        magnitude = power_from_mel(power, mel.sample_rate, n_fft=mel.n_fft).sqrt()
        spectrogram = (bank @ magnitude).clamp_min(_FLOOR).log()
        with torch.no_grad():
            waveform = network(spectrogram.T.to(device)).float().cpu()
        return torch.nn.functional.pad(waveform, (0, max(0, num_samples - len(waveform))))[:num_samples]

    return sing
