"""Latents and conditions, encoded once and kept on disk: a step of training reads, and encodes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from menura.align.pairs import Cut, Pair, Sound
from menura.align.sounds import read_sound
from menura.audio import gain, peak_dbfs, resample
from menura.backends.text_to_audio.clips import QUIETEST_DBFS, as_channels
from menura.backends.trainee import Conditions, Trainee
from menura.files import disk_errors, write_bytes
from menura.seeding import content_hash
from menura.types import Progress, Recording, Waveform

__all__ = ["LatentCache", "cut_out", "levelled"]

_LATENTS = "latents"


class LatentCache:
    """Encoded sides and conditions of pairs, by their content.

    Args:
        folder: Where they are kept.
        trainee: Encodes what is missing; its weights are not part of a key: one folder belongs to one model.
        target_dbfs: Peak that both sides are brought to; None leaves levels as they are.
    """

    def __init__(self, folder: Path, trainee: Trainee, *, target_dbfs: float | None = -1.0) -> None:
        self._folder, self._trainee, self._target_dbfs = folder, trainee, target_dbfs
        self._filled: set[Pair] = set()

    def fill(self, pairs: Sequence[Pair], progress: Progress | None = None) -> None:
        """Encodes all that is missing.

        Raises:
            RunError: A sound cannot be read, or the folder cannot be written.
        """
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._filled]
        for done, pair in enumerate(new, 1):
            self.latents(pair.winner, pair.cut)
            if pair.loser is not None:
                self.latents(pair.loser, pair.cut)
            self.conditions(pair.prompt, pair.duration_s)
            self.unprompted(pair.duration_s)
            if progress is not None:
                progress("encoding", done, len(new))
        self._filled.update(new)

    def latents(self, sound: Sound, cut: Cut) -> Tensor:
        """Clean latents of a side, without the batch axis."""
        key = content_hash([sound.id, cut.start_s, cut.length_s, cut.polarity, self._target_dbfs])

        def make() -> dict[str, Tensor]:
            return {_LATENTS: self._trainee.latents([self._stretch(sound, cut)])[0]}

        return self._kept(f"latents-{key}", make)[_LATENTS]

    def conditions(self, prompt: str, duration_s: float) -> Conditions:
        """What the denoiser is told, one row each."""
        return self._kept(
            f"told-{content_hash([prompt, duration_s])}",
            lambda: self._trainee.conditions([prompt], duration_s),
        )

    def unprompted(self, duration_s: float) -> Conditions:
        """What it is told without a prompt, one row each."""
        return self._kept(f"untold-{content_hash(duration_s)}", lambda: self._trainee.unprompted(duration_s))

    def _stretch(self, sound: Sound, cut: Cut) -> Recording:
        recording = read_sound(sound.path)
        trainee = self._trainee
        waveform = as_channels(recording.waveform, trainee.channels)
        waveform = resample(waveform, recording.sample_rate, trainee.sample_rate)
        return cut_out(Recording(levelled(waveform, self._target_dbfs), trainee.sample_rate), cut)

    def _kept(self, name: str, make: Callable[[], Conditions]) -> dict[str, Tensor]:
        path = self._folder / f"{name}.safetensors"
        if path.is_file():
            try:
                return load_file(path)
            except (SafetensorError, OSError):
                path.unlink()  # damaged by a fault of the disk: it can be made again
        with torch.no_grad():
            made = {part: tensor.detach().float().cpu().contiguous().clone() for part, tensor in make().items()}
        with disk_errors(str(self._folder)):
            self._folder.mkdir(parents=True, exist_ok=True)
            write_bytes(path, save(made))
        return made


def levelled(waveform: Waveform, target_dbfs: float | None) -> Waveform:
    """The waveform at that peak: a generator brings its clips to one, so that level says nothing of which side won."""
    peak = peak_dbfs(waveform)
    if target_dbfs is None or peak <= QUIETEST_DBFS:
        return waveform
    return gain(waveform, target_dbfs - peak)


def cut_out(recording: Recording, cut: Cut) -> Recording:
    """The stretch, with silence where the recording ends before, and its polarity."""
    rate = recording.sample_rate
    start, length = round(cut.start_s * rate), max(1, round(cut.length_s * rate))
    part = recording.waveform[:, start : start + length]
    filled = np.pad(part, ((0, 0), (0, length - part.shape[1])))
    return Recording(np.ascontiguousarray(cut.polarity * filled, dtype=np.float32), rate)
