"""Sound as grey images of its mel spectrogram, and back. One record of settings serves both ways.

The published interpolation encoded clips with a hop of 256 samples and decoded the images with the 512 of its model, so
every clip came out twice as long. Here an image carries the settings that it was made with, and is decoded with them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from torch import Tensor

from menura.audio.griffin_lim import griffin_lim, power_from_mel
from menura.audio.mel import mel_spectrogram
from menura.errors import ConfigError

__all__ = ["MelImageSettings", "MelImages", "Vocoder", "from_mel_images", "to_mel_images"]

Vocoder: TypeAlias = Callable[[Tensor, int], Tensor]
"""Waveform ``[samples]`` of that length from a power mel spectrogram ``[mels, frames]``, in place of Griffin-Lim."""

_SILENCE_DB = -100.0
_GREYS = 255


@dataclass(frozen=True, slots=True)
class MelImageSettings:
    """How sound becomes images: all that encoding and decoding must agree on.

    Attributes:
        mels: Bands on Slaney's mel scale from 0 Hz to half of the rate; height of an image.
        frames: Width of an image.
        sample_rate: In Hz.
        n_fft: Window and FFT size in samples.
        hop: Step between frames in samples.
        top_db: What lies this far below the loudest point of an image is black.
        iterations: Of Griffin-Lim.
        bits: 8 rounds to 256 greys as the published images do; None does not round.
        overlap: Frames that two images of a longer clip share, and over which they are faded into each other.
    """

    mels: int = 256
    frames: int = 256
    sample_rate: int = 22_050
    n_fft: int = 2048
    hop: int = 512
    top_db: float = 80.0
    iterations: int = 32
    bits: int | None = 8
    overlap: int = 16

    def __post_init__(self) -> None:
        if min(self.mels, self.frames, self.sample_rate, self.hop) < 1 or self.iterations < 0 or not self.top_db > 0:
            raise ConfigError(f"mel images need positive sizes, rate, hop and top_db, not {self}")
        if self.n_fft % 2 or self.n_fft < 2 * self.hop:
            raise ConfigError(
                f"mel images have n_fft {self.n_fft} and hop {self.hop}, expected an even n_fft of at least two hops: "
                "otherwise samples between the frames would be lost"
            )
        if self.bits not in (8, None):
            raise ConfigError(f"mel images have bits {self.bits}, expected 8 or None")
        if not 0 <= 2 * self.overlap <= self.frames:
            raise ConfigError(f"overlap is {self.overlap} of {self.frames} frames, expected at most half of them")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> MelImageSettings:
        """The settings in the ``mel_config.json`` of a published model.

        Raises:
            ConfigError: A value is missing or impossible.
        """
        names = {
            "mels": "y_res", "frames": "x_res", "sample_rate": "sample_rate", "n_fft": "n_fft", "hop": "hop_length",
            "top_db": "top_db", "iterations": "n_iter",
        }  # fmt: skip
        missing = [theirs for theirs in names.values() if not isinstance(config.get(theirs), int | float)]
        if missing:
            raise ConfigError(f"the mel settings of the model lack {', '.join(missing)}; expected a mel_config.json")
        found: dict[str, Any] = {ours: config[theirs] for ours, theirs in names.items()}
        return cls(**found, overlap=min(16, int(config["x_res"]) // 8))

    def to_config(self) -> dict[str, Any]:
        """The ``mel_config.json`` that the published pipeline reads."""
        return {
            "_class_name": "Mel", "x_res": self.frames, "y_res": self.mels, "sample_rate": self.sample_rate,
            "n_fft": self.n_fft, "hop_length": self.hop, "top_db": self.top_db, "n_iter": self.iterations,
        }  # fmt: skip

    @property
    def num_samples(self) -> int:
        """Samples that just fill one image."""
        return self.frames * self.hop - 1

    @property
    def duration_s(self) -> float:
        """Duration of one image in seconds."""
        return self.num_samples / self.sample_rate

    def count(self, num_samples: int) -> int:
        """Images that a clip of so many samples takes: one, and more, overlapping, when it is longer."""
        total, step = 1 + num_samples // self.hop, self.frames - self.overlap
        return 1 + max(0, math.ceil((total - self.frames) / step))


@dataclass(frozen=True, slots=True)
class MelImages:
    """Images of one channel of one clip.

    Attributes:
        settings: What they were made with, and must be decoded with.
        pixels: ``[images, 1, mels, frames]`` in [-1, 1]: white is the loudest point of each image, low bands first.
        levels_db: Power of the loudest point of each image in decibels, ``[images]``: -100 for silence.
        num_samples: Length of the clip in samples at the rate of the settings.
    """

    settings: MelImageSettings
    pixels: Tensor
    levels_db: Tensor
    num_samples: int

    def painted(self, pixels: Tensor, levels_db: Tensor | None = None, num_samples: int | None = None) -> MelImages:
        """Other images with these settings."""
        levels = self.levels_db if levels_db is None else levels_db
        return replace(self, pixels=pixels, levels_db=levels, num_samples=num_samples or self.num_samples)


def to_mel_images(waveform: Tensor, settings: MelImageSettings) -> MelImages:
    """The images of a waveform at the rate of the settings.

    The first image of a clip that one image holds is that of the published pipeline, but for silence, which is black
    here and white there.

    Args:
        waveform: ``[samples]``, at least one.
        settings: How.
    """
    count, step = settings.count(len(waveform)), settings.frames - settings.overlap
    covered = (count - 1) * step * settings.hop + settings.num_samples
    padded = torch.nn.functional.pad(waveform, (0, max(0, covered - len(waveform))))
    mel = mel_spectrogram(
        padded, settings.sample_rate, n_fft=settings.n_fft, hop=settings.hop, num_mels=settings.mels
    )  # fmt: skip
    power = torch.stack([mel[:, step * i : step * i + settings.frames] for i in range(count)])
    loudest = power.amax(dim=(1, 2)).clamp_min(10 ** (_SILENCE_DB / 10))
    floor = loudest * 10 ** (-settings.top_db / 10)
    decibels = 10 * torch.log10(power.maximum(floor[:, None, None]) / loudest[:, None, None])
    greys = (decibels / settings.top_db + 1).clamp(0, 1)
    if settings.bits is not None:
        greys = (greys * _GREYS + 0.5).floor() / _GREYS
    return MelImages(settings, 2 * greys[:, None] - 1, 10 * torch.log10(loudest), len(waveform))


def from_mel_images(images: MelImages, *, generator: torch.Generator, vocoder: Vocoder | None = None) -> Tensor:
    """A waveform that has these images, at the rate of their settings.

    The images of a longer clip are faded into each other first, so that the whole clip gets phases that fit.

    Args:
        images: With the settings that they were made with.
        generator: Draws the first phases.
        vocoder: A network in place of Griffin-Lim.

    Returns:
        ``[num_samples]``.
    """
    settings = images.settings
    power = _mel_power(images)
    if vocoder is not None:
        return vocoder(power, images.num_samples)
    magnitude = power_from_mel(power, settings.sample_rate, n_fft=settings.n_fft).sqrt()
    start = 2 * math.pi * torch.rand(magnitude.shape, generator=generator).to(magnitude.device)
    covered = (power.shape[-1] - 1) * settings.hop + settings.hop - 1
    waveform = griffin_lim(
        magnitude, start, hop=settings.hop, num_samples=covered, iterations=settings.iterations
    )  # fmt: skip
    return waveform[: images.num_samples]


def _mel_power(images: MelImages) -> Tensor:
    """Power mel spectrogram ``[mels, frames]`` of the whole clip; black is silence."""
    settings = images.settings
    greys = ((images.pixels[:, 0].float() + 1) / 2).clamp(0, 1)
    power = 10 ** ((settings.top_db * (greys - 1) + images.levels_db[:, None, None]) / 10)
    power = torch.where(greys > 0, power, torch.zeros(()))
    count, step = len(power), settings.frames - settings.overlap
    total = power.new_zeros((settings.mels, (count - 1) * step + settings.frames))
    rise = (torch.arange(settings.overlap) + 1) / (settings.overlap + 1)
    for index, image in enumerate(power):
        weight = torch.ones(settings.frames)
        if index > 0 and settings.overlap:
            weight[: settings.overlap] = rise
        if index < count - 1 and settings.overlap:
            weight[-settings.overlap :] = rise.flip(0)
        total[:, step * index : step * index + settings.frames] += image * weight.to(image.device)
    return total
