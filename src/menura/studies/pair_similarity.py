"""How similar the two sounds of a doppelganger pair are, by voice and by ``delta``, as an encoder hears it.

Source:
    Cherep and Singh 2024, arXiv:2406.05923, figure 2. There the encoder is a CLAP model; here it is any.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from menura.errors import ConfigError, DatasetError
from menura.metrics.projection import Standard, cosine, principal_plane
from menura.metrics.statistics import Interval, mean_interval
from menura.studies.sound_sets import SoundSettings
from menura.types import Progress, Recording

if TYPE_CHECKING:
    from menura.backends.base import Encoder
    from menura.synth import Sounds, Synthesizer

__all__ = ["DELTAS", "PairRow", "PairSimilarity", "VoiceMap", "pair_similarity"]

DELTAS = (0.01, 0.05, 0.1, 0.25, 0.5)
"""The strengths of the paper."""

_SILENT = 1e-4


@dataclass(frozen=True, slots=True)
class PairRow:
    """One voice at one strength.

    Attributes:
        voice, delta: Which.
        similarity: Mean cosine similarity of the two sounds of a pair.
        interval: Its 95 % bootstrap interval over pairs.
        unrelated: Mean similarity of sounds of different pairs.
        unrelated_high: 95th percentile of these: what chance reaches.
        found: Share of sounds whose partner is nearer than every other second sound.
        pairs: Number of pairs.
        left_out: Pairs with a silent sound.
    """

    voice: str
    delta: float
    similarity: float
    interval: Interval
    unrelated: float
    unrelated_high: float
    found: float
    pairs: int
    left_out: int


@dataclass(frozen=True)
class VoiceMap:
    """Where the pairs of a voice lie, on one plane for all strengths.

    Attributes:
        shares: Share of the variance along each axis, ``[2]``.
        positions: ``delta`` to ``[pairs, 2 sounds, 2 axes]``.
    """

    shares: tuple[float, float]
    positions: Mapping[float, NDArray[np.float64]]


@dataclass(frozen=True)
class PairSimilarity:
    """Result of :func:`pair_similarity`.

    Attributes:
        encoder: Name of the encoder.
        rows: By voice, then by ``delta``.
        similarities: Voice and ``delta`` to the similarity of each pair ``[pairs]``.
        maps: By voice.
    """

    encoder: str
    rows: tuple[PairRow, ...]
    similarities: Mapping[tuple[str, float], NDArray[np.float64]]
    maps: Mapping[str, VoiceMap]


def pair_similarity(
    encoder: Encoder,
    settings: SoundSettings,
    *,
    voices: Sequence[str],
    deltas: Sequence[float] = DELTAS,
    standardise: bool = True,
    progress: Progress | None = None,
) -> PairSimilarity:
    """Cosine similarity of doppelganger pairs, each strength around the same sounds.

    Args:
        encoder: What hears them.
        settings: ``count`` pairs for each voice and strength, and how long they are.
        voices: Names of voices.
        deltas: Strengths, >= 0.
        standardise: Whether each dimension is first standardised by ``count`` other sounds of each voice together.
            Without it a cosine mostly sees what all sounds share; embeddings that a model was trained to compare by
            cosine (CLAP) may go without.
        progress: Called with ``pairs``, sets done, sets in all.

    Raises:
        ConfigError: No voice or strength is given, one is given twice, a voice is unknown or a strength negative.
        DatasetError: Nearly all sounds of a voice are silent.
    """
    if not voices or not deltas or len(set(voices)) < len(voices) or len(set(deltas)) < len(deltas):
        raise ConfigError(f"voices {list(voices)}, deltas {list(deltas)}; expected at least one of each, none twice")
    made = _Heard(encoder, settings)
    total, done = len(voices) * (len(deltas) + 1), 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress("pairs", done, total)

    others = []
    for voice in voices:
        others.append(made.others(voice))
        step()
    standard = Standard.of(np.concatenate(others)) if standardise else None
    rows, similarities, maps = [], {}, {}
    for voice in voices:
        pairs: dict[float, NDArray[np.float64]] = {}
        for delta in deltas:
            both = made.pairs(voice, delta)
            pairs[delta] = both.astype(np.float64) if standard is None else standard.apply(both)
            row, similarities[voice, delta] = _measured(voice, delta, pairs[delta], settings)
            rows.append(row)
            step()
        maps[voice] = _map(pairs)
    return PairSimilarity(encoder.name, tuple(rows), similarities, maps)


@dataclass(frozen=True)
class _Heard:
    """Draws sounds of a voice and gives their embeddings; silent ones are left out."""

    encoder: Encoder
    settings: SoundSettings

    def others(self, voice: str) -> NDArray[np.float32]:
        """Sounds that are in no pair, ``[sounds, dim]``."""
        from menura.synth import draw_sounds

        synthesizer, keys = self._synthesizer(voice), range(self.settings.count)
        names = [f"reference {key}" for key in keys]
        drawn = draw_sounds(synthesizer.space, seed=self.settings.seed, keys=names)
        embeddings, sounding = self._heard(synthesizer, drawn)
        return embeddings[sounding]

    def pairs(self, voice: str, delta: float) -> NDArray[np.float32]:
        """Doppelganger pairs ``[pairs, 2, dim]`` around the same sounds for each strength."""
        from menura.synth import doppelgangers, draw_sounds

        synthesizer, keys, seed = self._synthesizer(voice), range(self.settings.count), self.settings.seed
        sounds = draw_sounds(synthesizer.space, seed=seed, keys=keys)
        twins = doppelgangers(sounds, delta=delta, seed=seed, keys=keys)
        (first, first_sounds), (second, second_sounds) = (self._heard(synthesizer, twin) for twin in twins)
        both = np.stack([first, second], axis=1)[first_sounds & second_sounds]
        if len(both) < 4:
            raise DatasetError(f"{voice}, delta {delta:g}: {len(both)} pairs are not silent, expected at least 4")
        return both

    def _synthesizer(self, voice: str) -> Synthesizer:
        from menura.synth import Synthesizer, voice_named

        return Synthesizer(
            voice_named(voice), duration_s=self.settings.duration_s, sample_rate=self.settings.sample_rate
        )

    def _heard(self, synthesizer: Synthesizer, sounds: Sounds) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Embeddings ``[sounds, dim]``, and which of the sounds are not silent."""
        waveforms = synthesizer.render(sounds).numpy()
        recordings = [Recording(waveform[None], self.settings.sample_rate) for waveform in waveforms]
        return self.encoder.embed(recordings), np.abs(waveforms).max(axis=1) >= _SILENT


def _measured(
    voice: str, delta: float, pairs: NDArray[np.float64], settings: SoundSettings
) -> tuple[PairRow, NDArray[np.float64]]:
    """The row of pairs ``[pairs, 2, dim]``, and the similarity of each."""
    table = cosine(pairs[:, 0], pairs[:, 1])
    within = np.diagonal(table).copy()
    across = table[~np.eye(len(table), dtype=bool)]
    row = PairRow(
        voice=voice,
        delta=delta,
        similarity=float(within.mean()),
        interval=mean_interval(within[:, None], seed=settings.seed, resamples=2000),
        unrelated=float(across.mean()),
        unrelated_high=float(np.quantile(across, 0.95)),
        found=float((table.argmax(axis=1) == np.arange(len(table))).mean()),
        pairs=len(pairs),
        left_out=settings.count - len(pairs),
    )
    return row, within


def _map(pairs: Mapping[float, NDArray[np.float64]]) -> VoiceMap:
    every = np.concatenate([both.reshape(-1, both.shape[2]) for both in pairs.values()])
    plane = principal_plane(every)
    return VoiceMap(
        (float(plane.shares[0]), float(plane.shares[1])),
        {delta: plane.place(both.reshape(-1, both.shape[2])).reshape(-1, 2, 2) for delta, both in pairs.items()},
    )
