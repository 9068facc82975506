"""From waveforms to what a network sees: levels of mel bands in windows of about a second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from menura.audio.mel import mel_spectrogram

__all__ = [
    "FrontEnd",
    "FrontEndName",
    "MelFrontEnd",
    "VggishFrontEnd",
    "front_end_from",
    "front_end_record",
    "loud_power",
]

FrontEndName: TypeAlias = Literal["levels", "vggish"]


@dataclass(frozen=True, slots=True)
class MelFrontEnd:
    """Mel levels over the loud frames of the clip.

    Attributes:
        sample_rate: In Hz; everything is brought to it.
        window_s: Length of what the network sees at once.
        hop_s: Step between frames.
        num_mels: Bands.
        min_hz, max_hz: Range of the bands.
        range_db: Levels further below the loud frames of a clip than this are raised to it.
    """

    sample_rate: int = 16_000
    window_s: float = 1.0
    hop_s: float = 0.01
    num_mels: int = 64
    min_hz: float = 50.0
    max_hz: float = 8_000.0
    range_db: float = 70.0

    @property
    def unit_db(self) -> float:
        """What a level of 1 is in decibels."""
        return self.range_db

    @property
    def floor(self) -> float:
        """Level of silence."""
        return -1.0

    @property
    def num_frames(self) -> int:
        """Frames in a window."""
        return round(self.window_s / self.hop_s)

    def levels(self, waveforms: Tensor) -> Tensor:
        """Level of each band over the loud frames of the clip, in units of ``range_db``.

        Args:
            waveforms: ``[clips, samples]`` at the front-end's rate.

        Returns:
            ``[clips, mels, 1 + samples // hop]`` in [-1, about 0.3]: 0 is as loud as the clip's loud frames are in sum.
        """
        power = mel_spectrogram(
            waveforms, self.sample_rate,
            n_fft=512, hop=round(self.hop_s * self.sample_rate), num_mels=self.num_mels,
            min_hz=self.min_hz, max_hz=self.max_hz,
        )  # fmt: skip
        loud = loud_power(power.sum(1)).clamp_min(1e-10)[:, None, None]
        level_db = 10 * torch.log10((power / loud).clamp_min(10 ** (-self.range_db / 10)))
        return level_db / self.range_db


@dataclass(frozen=True, slots=True)
class VggishFrontEnd:
    """Log-mel magnitudes as VGGish has them: 16 kHz, 64 bands, ``log(magnitude + 0.01)``, windows of 96 frames.

    Source:
        Hershey et al. 2017, arXiv:1609.09430, and the published code of VGGish.
    """

    sample_rate: int = 16_000
    num_mels: int = 64
    num_frames: int = 96
    hop_s: float = 0.01

    @property
    def unit_db(self) -> float:
        """What a step of 1 is in decibels: levels are natural logarithms of magnitudes."""
        return float(20 / np.log(10))

    @property
    def floor(self) -> float:
        """Level of silence."""
        return float(np.log(0.01))

    @property
    def window_s(self) -> float:
        """Length of a window."""
        return self.num_frames * self.hop_s

    def levels(self, waveforms: Tensor) -> Tensor:
        """Log-mel magnitudes ``[clips, 64, frames]`` of waveforms ``[clips, samples]`` at 16 kHz.

        A second gives 98 frames, none of which reaches over its ends; a clip shorter than a frame is filled up with
        silence. Loudness is kept.
        """
        size, hop, fft_size = 400, 160, 512
        waveforms = torch.nn.functional.pad(waveforms, (0, max(0, size - waveforms.shape[1])))
        window = torch.hann_window(size, dtype=waveforms.dtype, device=waveforms.device)
        magnitudes = torch.fft.rfft(waveforms.unfold(1, size, hop) * window, fft_size).abs()
        bank = torch.from_numpy(_vggish_bank(self.sample_rate, fft_size, self.num_mels)).to(magnitudes)
        return torch.log(magnitudes @ bank + 0.01).transpose(1, 2)


FrontEnd: TypeAlias = MelFrontEnd | VggishFrontEnd


def front_end_record(front_end: FrontEnd) -> dict[str, Any]:
    """All that :func:`front_end_from` needs."""
    kind: FrontEndName = "vggish" if isinstance(front_end, VggishFrontEnd) else "levels"
    return {"kind": kind} | asdict(front_end)


def front_end_from(record: Mapping[str, Any]) -> FrontEnd:
    """The front-end of a record.

    Raises:
        KeyError, TypeError: It is none.
    """
    fields = {name: value for name, value in record.items() if name != "kind"}
    kinds: dict[str, type[MelFrontEnd] | type[VggishFrontEnd]] = {"levels": MelFrontEnd, "vggish": VggishFrontEnd}
    return kinds[record["kind"]](**fields)


def loud_power(power: Tensor) -> Tensor:
    """Power of the loud frames, ``[...]``, of the power of all frames ``[..., frames]``.

    ``sum p^2 / sum p``: the power of the frame in which a bit of energy is met on average. Silence around a sound does
    not change it, however long.
    """
    return power.square().sum(-1) / power.sum(-1).clamp_min(1e-20)


@lru_cache(maxsize=2)
def _vggish_bank(sample_rate: int, fft_size: int, num_mels: int) -> NDArray[np.float32]:
    """Triangles on the HTK mel scale from 125 to 7500 Hz, linear in mel, of unit height, ``[bins, mels]``."""

    def mel(hz: NDArray[np.floating]) -> NDArray[np.floating]:
        return np.asarray(1127 * np.log1p(hz / 700))

    low, high = mel(np.array([125.0, 7500.0]))
    edges = np.linspace(low, high, num_mels + 2)
    bins = mel(np.fft.rfftfreq(fft_size, 1 / sample_rate))[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    bank: NDArray[np.float32] = np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
    bank[0] = 0
    return bank
