"""Labelled sounds as every measure of a generator knows them: embeddings, descriptors, courses. Heard once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from menura.audio.clip_descriptors import SPECTRAL_FEATURES, spectral_features
from menura.audio.descriptors import TEMPORAL_NAMES, temporal_shape
from menura.encoders.frames import FrameSettings, short_time
from menura.errors import DatasetError
from menura.judge.facts import look_at
from menura.types import Recording

if TYPE_CHECKING:
    from menura.backends.base import Encoder

__all__ = ["DESCRIPTORS", "HeardSounds", "hear_sounds", "together"]

DESCRIPTORS = (*(feature.name for feature in SPECTRAL_FEATURES), *TEMPORAL_NAMES)
"""Columns of :attr:`HeardSounds.descriptors`; both decay and centre are of the envelope."""


@dataclass(frozen=True)
class HeardSounds:
    """Labelled sounds and what is known of each, in one order.

    Attributes:
        labels: One for each sound.
        embeddings: By the encoder whose distances count, ``[sounds, dim]``.
        second: By the encoder of the second opinion, ``[sounds, other dim]``.
        descriptors: ``[sounds, len(DESCRIPTORS)]``.
        courses: Signature of each sound's course in time.
    """

    labels: tuple[str, ...]
    embeddings: NDArray[np.float32]
    second: NDArray[np.float32]
    descriptors: NDArray[np.float64]
    courses: tuple[NDArray[np.int8], ...]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def features(self) -> NDArray[np.float32]:
        """Both embeddings side by side, for classifiers."""
        return np.concatenate([self.embeddings, self.second], axis=1)

    def with_label(self, label: str) -> NDArray[np.int64]:
        """Rows of one label."""
        return np.array([row for row, found in enumerate(self.labels) if found == label], dtype=np.int64)


def hear_sounds(
    recordings: Sequence[Recording], labels: Sequence[str], *, encoder: Encoder, second: Encoder
) -> HeardSounds:
    """Looks at each recording once.

    Args:
        recordings: At least one, of any rate.
        labels: One for each.
        encoder: Whose distances count.
        second: Of the second opinion.

    Raises:
        DatasetError: There is no recording, or not one label for each.
        AudioError: A waveform is empty or not finite.
    """
    if not recordings or len(recordings) != len(labels):
        raise DatasetError(f"{len(recordings)} sounds with {len(labels)} labels, expected one label for each sound")
    return HeardSounds(
        tuple(labels),
        encoder.embed(recordings),
        second.embed(recordings),
        np.stack([_described(recording) for recording in recordings]),
        tuple(look_at(recording)[1] for recording in recordings),
    )


def together(first: HeardSounds, other: HeardSounds) -> HeardSounds:
    """The sounds of both."""
    return HeardSounds(
        first.labels + other.labels,
        np.concatenate([first.embeddings, other.embeddings]),
        np.concatenate([first.second, other.second]),
        np.concatenate([first.descriptors, other.descriptors]),
        first.courses + other.courses,
    )


def _described(recording: Recording) -> NDArray[np.float64]:
    frames = short_time(recording, FrameSettings(max_hz=recording.sample_rate / 2))
    shape = temporal_shape(frames.level_db, frames.active, frame_rate=frames.frame_rate)
    return np.concatenate([spectral_features(recording), shape.astype(np.float64)])
