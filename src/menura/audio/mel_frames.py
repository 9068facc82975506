"""Sound as a row of standardised log-mel frames, and back: what a small text-to-audio model works on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

import torch
from torch import Tensor

from menura.audio.griffin_lim import griffin_lim, power_from_mel
from menura.audio.mel import mel_spectrogram, power_to_db
from menura.errors import ConfigError

__all__ = ["MelFrames"]

_PEAK = 10 ** (-1 / 20)
_SILENT = 1e-4
_LOUDEST_DB = 60.0  # more than any wave in [-1, 1] can have


@dataclass(frozen=True, slots=True)
class MelFrames:
    """How sound becomes frames: all that encoding and decoding must agree on.

    Sound is brought to a peak of -1 dBFS first, so that frames say nothing of the level.

    Attributes:
        sample_rate: In Hz.
        mels: Bands on Slaney's mel scale from 0 Hz to half of the rate.
        n_fft: Window and FFT size in samples.
        hop: Step between frames in samples.
        floor_db: Power of a band that counts as silence, in decibels.
        means_db: Of each band, taken off; none takes off the floor.
        spread_db: What a value of 1 is.
        iterations: Of Griffin-Lim.
    """

    sample_rate: int = 16_000
    mels: int = 64
    n_fft: int = 1024
    hop: int = 256
    floor_db: float = -50.0
    means_db: tuple[float, ...] = ()
    spread_db: float = 20.0
    iterations: int = 48

    def __post_init__(self) -> None:
        if min(self.sample_rate, self.mels, self.hop) < 1 or self.n_fft < 2 * self.hop or not self.spread_db > 0:
            raise ConfigError(f"mel frames need positive sizes and windows of at least two hops, not {self}")
        if self.means_db and len(self.means_db) != self.mels:
            raise ConfigError(
                f"mel frames have {len(self.means_db)} means for {self.mels} bands, expected one for each"
            )

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The settings that :meth:`to_config` gave.

        Raises:
            ConfigError: A value is missing, unknown or impossible.
        """
        try:
            return cls(**{**config, "means_db": tuple(config.get("means_db", ()))})
        except TypeError as error:
            raise ConfigError(f"settings of mel frames are wrong: {error}") from error

    def to_config(self) -> dict[str, Any]:
        """Plain values of all settings."""
        return asdict(self)

    def count(self, duration_s: float) -> int:
        """Frames of a clip of that duration."""
        return 1 + math.ceil(duration_s * self.sample_rate / self.hop)

    def encode(self, waveforms: Tensor) -> Tensor:
        """Frames ``[clips, mels, count]`` of waveforms ``[clips, samples]``; silence stays as quiet as it is."""
        peaks = waveforms.abs().amax(dim=1, keepdim=True)
        gain = torch.where(peaks > _SILENT, _PEAK / peaks.clamp_min(_SILENT), torch.ones(()).to(peaks))
        power = mel_spectrogram(
            waveforms * gain, self.sample_rate, n_fft=self.n_fft, hop=self.hop, num_mels=self.mels
        )  # fmt: skip
        return (power_to_db(power, floor_db=self.floor_db) - self._means(power)) / self.spread_db

    def decode(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """A waveform that has these frames, by Griffin-Lim.

        Args:
            frames: ``[mels, count]``.
            generator: Draws the first phases.

        Returns:
            ``[(count - 1) * hop]`` samples.
        """
        level_db = (frames.float() * self.spread_db + self._means(frames)).clamp(max=_LOUDEST_DB)
        power = torch.where(level_db > self.floor_db + 1, 10 ** (level_db / 10), torch.zeros(()).to(level_db))
        magnitude = power_from_mel(power, self.sample_rate, n_fft=self.n_fft).sqrt()
        start = 2 * math.pi * torch.rand(magnitude.shape, generator=generator).to(magnitude.device)
        num_samples = (frames.shape[-1] - 1) * self.hop
        return griffin_lim(magnitude, start, hop=self.hop, num_samples=num_samples, iterations=self.iterations)

    def measured(self, waveforms: Tensor) -> Self:
        """The same settings with the means and the spread of some sounds ``[clips, samples]``."""
        plain = type(self)(**{**asdict(self), "means_db": (), "spread_db": 1.0})
        level_db = plain.encode(waveforms) + self.floor_db
        means = tuple(round(float(mean), 2) for mean in level_db.mean(dim=(0, 2)))
        spread = (level_db - torch.tensor(means)[:, None]).square().mean().sqrt()
        return type(self)(**{**asdict(self), "means_db": means, "spread_db": round(max(float(spread), 1.0), 2)})

    def _means(self, like: Tensor) -> Tensor:
        means = self.means_db or (self.floor_db,) * self.mels
        return torch.tensor(means, dtype=like.dtype, device=like.device)[:, None]
