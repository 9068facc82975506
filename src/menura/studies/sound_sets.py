"""Sets of sounds to compare: real slices, dense mixtures of them, and synthetic sounds, all of one length and rate.

Real sounds come in two halves that share no source: one is the reference, the other is treated as a synthetic set is,
so that it shows how far apart two sets lie that differ by nothing but their sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from menura.audio import decode, resample
from menura.datasets.dataset import Dataset
from menura.datasets.folds import grouped_folds
from menura.errors import ConfigError, DatasetError
from menura.seeding import item_generator, item_seed
from menura.types import Clip, Progress, Recording, Waveform

if TYPE_CHECKING:
    from menura.backends.base import Encoder

__all__ = [
    "DENSE",
    "OTHER_HALF",
    "REAL",
    "SoundSet",
    "SoundSettings",
    "dense_mixture",
    "dense_note",
    "draw_clips",
    "embed_sets",
    "hear",
    "random_slice",
    "real_sets",
    "synthetic_set",
    "working_rate",
]

REAL, OTHER_HALF, DENSE = "real", "real, other half", "real, dense"

_STEP_S = 0.05
_RANGE_DB = 30.0
_SILENT = 1e-4
_BLOCK = 64


@dataclass(frozen=True, slots=True)
class SoundSettings:
    """How the sounds of a study are made.

    Attributes:
        count: Sounds in each set, >= 8.
        duration_s: Length of a sound in seconds.
        sample_rate: In Hz; real clips of a lower rate bring it down for all sets.
        layers: Slices that a dense mixture adds up.
        seed: Of everything that is drawn.
    """

    count: int = 200
    duration_s: float = 1.0
    sample_rate: int = 16_000
    layers: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses what gives no sets.

        Raises:
            ConfigError: A number is out of its range.
        """
        if self.count < 8 or not 0.05 <= self.duration_s <= 60 or self.sample_rate < 2000 or self.layers < 1:
            raise ConfigError(
                f"{self.count} sounds of {self.duration_s} s at {self.sample_rate} Hz, {self.layers} layers; expected "
                "at least 8 sounds of 0.05 to 60 s at 2000 Hz or more, and a layer"
            )


@dataclass(frozen=True)
class SoundSet:
    """Sounds with a name.

    Attributes:
        name: Such as ``real`` or ``voice``.
        recordings: One channel, of one length and rate.
        left_out: Silent sounds that were drawn and are not in it.
        note: What a reader must know of it.
    """

    name: str
    recordings: tuple[Recording, ...]
    left_out: int = 0
    note: str = ""

    def __len__(self) -> int:
        return len(self.recordings)


def synthetic_set(
    voice: str, settings: SoundSettings, *, delta: float = 0.0, sample_rate: int | None = None
) -> SoundSet:
    """Sounds of a voice; with ``delta`` the first of each doppelganger pair.

    Args:
        voice: Name of the voice.
        settings: How many, how long.
        delta: How far from the sound that was drawn, >= 0.
        sample_rate: Another rate than that of the settings, in Hz.

    Raises:
        ConfigError: The voice is unknown, or ``delta`` is negative.
        DatasetError: Nearly all sounds are silent.
    """
    from menura.synth import Sounds, Synthesizer, doppelgangers, draw_sounds, voice_named

    rate = sample_rate or settings.sample_rate
    synthesizer = Synthesizer(voice_named(voice), duration_s=settings.duration_s, sample_rate=rate)
    keys = range(settings.count)
    sounds: Sounds = draw_sounds(synthesizer.space, seed=settings.seed, keys=keys)
    if delta:
        sounds, _ = doppelgangers(sounds, delta=delta, seed=settings.seed, keys=keys)
    rendered = [Recording(waveform[None], rate) for waveform in synthesizer.render(sounds).numpy()]
    return _without_silence(voice if not delta else f"{voice}, delta {delta:g}", rendered)


def real_sets(
    dataset: Dataset, settings: SoundSettings, *, with_dense: bool = True, progress: Progress | None = None
) -> tuple[SoundSet, ...]:
    """A half of the real clips as the reference, the other half, and dense mixtures of the other half.

    One slice of each clip. Clips of one source stand in one half.

    Args:
        dataset: Where the clips come from; synthetic ones are left out.
        settings: ``count`` clips for each half, as far as there are so many.
        with_dense: Whether to mix.
        progress: Called with ``reading``, clips done, clips in all.

    Raises:
        DatasetError: There are fewer than eight real clips, or one source only.
        AudioError: A clip is gone or cannot be read.
    """
    clips = draw_clips(dataset, 2 * settings.count, settings.seed)
    halved = grouped_folds(clips, num_folds=2, seed=settings.seed)
    rate = working_rate(clips, settings)
    slices: dict[str, list[Recording]] = {"1": [], "2": []}
    mixed = []
    for done, clip in enumerate(halved, start=1):
        heard = hear(clip, rate)
        slices[str(clip.fold)].append(
            random_slice(heard, settings.duration_s, item_generator(settings.seed, "slice", clip.id))
        )
        if with_dense and clip.fold == "2":
            generator = item_generator(settings.seed, "dense", clip.id)
            mixed.append(dense_mixture(heard, settings.duration_s, layers=settings.layers, generator=generator))
        if progress is not None:
            progress("reading", done, len(halved))
    found = [_without_silence(REAL, slices["1"]), _without_silence(OTHER_HALF, slices["2"])]
    if with_dense:
        note = dense_note([clip for clip in halved if clip.fold == "2"], settings)
        found.append(_without_silence(DENSE, mixed, note))
    return tuple(found)


def draw_clips(dataset: Dataset, count: int, seed: int) -> tuple[Clip, ...]:
    """At most ``count`` real clips, the same number of each label as far as there are so many.

    Raises:
        DatasetError: There are fewer than eight real clips.
    """
    real = [clip for clip in dataset.clips if clip.origin == "real"]
    if len(real) < 8:
        raise DatasetError(f"{dataset.name} has {len(real)} real clips, expected at least 8 to compare with")
    order = sorted(real, key=lambda clip: item_seed(seed, "clip", clip.id))
    place: dict[tuple[str, ...], int] = {}
    ranked: list[tuple[int, int, Clip]] = []
    for clip in order:
        place[clip.labels] = place.get(clip.labels, -1) + 1
        ranked.append((place[clip.labels], len(ranked), clip))
    return tuple(clip for _, _, clip in sorted(ranked, key=lambda entry: entry[:2])[:count])


def working_rate(clips: Sequence[Clip], settings: SoundSettings) -> int:
    """The rate of the settings, or the lowest one of the clips: all sets have one bandwidth."""
    return min(settings.sample_rate, *(clip.sample_rate for clip in clips))


def hear(clip: Clip, sample_rate: int) -> Recording:
    """The clip as one channel at the given rate in Hz.

    Raises:
        AudioError: The file is missing or cannot be read.
    """
    found = decode(clip.path)
    mono = found.waveform.mean(axis=0, keepdims=True, dtype=np.float32)
    return Recording(resample(mono, found.sample_rate, sample_rate), sample_rate)


def random_slice(recording: Recording, duration_s: float, generator: np.random.Generator) -> Recording:
    """A stretch of the recording, drawn among those within 30 dB of its loudest one; a shorter recording is padded.

    Without the condition a public set with padded clips would give slices of digital silence.

    Args:
        recording: One channel.
        duration_s: Length of the slice.
        generator: Random state of this slice.
    """
    length = max(1, round(duration_s * recording.sample_rate))
    waveform = recording.waveform
    if waveform.shape[1] <= length:
        return Recording(np.pad(waveform, ((0, 0), (0, length - waveform.shape[1]))), recording.sample_rate)
    energy = np.concatenate([[0.0], np.cumsum(np.square(waveform[0], dtype=np.float64))])
    starts = np.arange(0, waveform.shape[1] - length + 1, max(1, round(_STEP_S * recording.sample_rate)))
    levels = energy[starts + length] - energy[starts]
    start = int(generator.choice(starts[levels >= levels.max() * 10 ** (-_RANGE_DB / 10)]))
    return Recording(waveform[:, start : start + length], recording.sample_rate)


def dense_mixture(recording: Recording, duration_s: float, *, layers: int, generator: np.random.Generator) -> Recording:
    """Random slices of one recording, added up and scaled to a peak of 1.

    Source:
        Cherep and Singh 2024, arXiv:2406.05923 (dense mixtures of real sounds, five layers).
    """
    summed: Waveform = np.sum(
        [random_slice(recording, duration_s, generator).waveform for _ in range(layers)], axis=0, dtype=np.float32
    )
    return Recording(summed / np.float32(max(_SILENT, float(np.abs(summed).max()))), recording.sample_rate)


def dense_note(clips: Sequence[Clip], settings: SoundSettings) -> str:
    """Says how many of the clips are too short to be mixed with another part of themselves; empty for none."""
    short = sum(clip.duration_s <= settings.duration_s for clip in clips)
    if not short:
        return ""
    return (
        f"{short} of {len(clips)} clips are no longer than {settings.duration_s:g} s: their dense mixture is the clip "
        "itself; choose a shorter duration to mix them"
    )


def _without_silence(name: str, recordings: Sequence[Recording], note: str = "") -> SoundSet:
    heard = tuple(recording for recording in recordings if float(np.abs(recording.waveform).max()) >= _SILENT)
    if len(heard) < 4:
        raise DatasetError(f"{name}: {len(heard)} of {len(recordings)} sounds are not silent, expected at least 4")
    left_out = len(recordings) - len(heard)
    silent = f"{name}: left out because silent: {left_out} of {len(recordings)} sounds" if left_out else ""
    return SoundSet(name, heard, left_out, "; ".join(filter(None, (note, silent))))


def embed_sets(
    encoder: Encoder, sets: Sequence[SoundSet], progress: Progress | None = None
) -> tuple[NDArray[np.float32], ...]:
    """Embeddings ``[sounds, dim]`` of each set.

    Args:
        encoder: What hears them.
        sets: In any number.
        progress: Called with ``embedding``, sounds done, sounds in all.
    """
    total, done, found = sum(map(len, sets)), 0, []
    for sounds in sets:
        parts = []
        for start in range(0, len(sounds), _BLOCK):
            parts.append(encoder.embed(sounds.recordings[start : start + _BLOCK]))
            done += len(parts[-1])
            if progress is not None:
                progress("embedding", done, total)
        found.append(np.concatenate(parts))
    return tuple(found)
