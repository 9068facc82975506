"""Encoders trained at several strengths and voices with one budget each, and probed: which pairs teach most?

Source:
    Cherep and Singh 2024, arXiv:2406.05923, figures 4 and 5: sweeps over delta and over the synthesizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.pretrain.settings import PretrainSettings
from menura.pretrain.train import pretrain
from menura.studies.probe import probe_encoders
from menura.types import Progress

__all__ = ["SweepRow", "sweep"]


@dataclass(frozen=True, slots=True)
class SweepRow:
    """What one training is worth.

    Attributes:
        voice, delta: What was heard.
        per_label: Training clips of each label of the probe; None is all.
        value, interval: Metric of the probe in [0, 1], and its 95 % interval.
        gain, gain_interval: Over the first training of the sweep, on the same clips.
    """

    voice: str
    delta: float
    per_label: int | None
    value: float
    interval: tuple[float, float]
    gain: float
    gain_interval: tuple[float, float]


def sweep(
    dataset: Dataset,
    settings: PretrainSettings,
    *,
    voices: Sequence[str],
    deltas: Sequence[float],
    out: Path,
    per_label: Sequence[int | None] = (None,),
    seeds: int = 3,
    workers: int = 1,
    progress: Progress | None = None,
) -> tuple[SweepRow, ...]:
    """Trains an encoder for each voice and delta, all else equal, and asks each with logistic regression.

    A stopped sweep goes on where it was.

    Args:
        dataset: Labelled real clips of the probe; no training hears them.
        settings: Of all trainings but voice and delta.
        voices, deltas: What is varied.
        out: Folder; encoders stand under ``encoders/``, the probe under ``probe/``.
        per_label, seeds: Of the probe, see :func:`menura.studies.probe.probe_encoders`.
        workers: Processes that render ahead, and that embed.
        progress: Called with the stage, how much is done, and how much there is.

    Raises:
        ConfigError: There is no voice or no delta.
    """
    if not voices or not deltas:
        raise ConfigError("a sweep needs at least one voice and one delta")
    places: dict[str, tuple[str, float]] = {}
    for voice in voices:
        for delta in deltas:
            asked = settings.model_copy(update={"voice": voice, "delta": delta})
            name = f"{voice}-{delta:g}"
            report = None if progress is None else _named(progress, name)
            path = pretrain(asked, out / "encoders" / name, workers=workers, progress=report)
            places[str(path)] = (voice, delta)
    result = probe_encoders(
        dataset, list(places), out=out / "probe", probes=("logistic",), per_label=per_label, seeds=seeds,
        workers=max(1, workers), progress=progress,
    )  # fmt: skip
    return tuple(
        SweepRow(*places[row.encoder], row.per_label, row.value, row.interval, row.gain, row.gain_interval)
        for row in result.rows
    )


def _named(progress: Progress, name: str) -> Progress:
    return lambda _, done, total: progress(name, done, total)
