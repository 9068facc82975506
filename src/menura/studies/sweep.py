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
from menura.studies.pool import num_at_once, run_jobs
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
    at_once: int | None = None,
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
        at_once: Trainings at the same time, each with one thread if there are several; None is one on this machine,
            and what there is room for inside :func:`menura.studies.pool.jobs_on`.
        progress: Called with the stage, how much is done, and how much there is.

    Raises:
        ConfigError: There is no voice or no delta.
    """
    if not voices or not deltas:
        raise ConfigError("a sweep needs at least one voice and one delta")
    trainings = {
        f"{voice}-{delta:g}": _Training(
            settings.model_copy(update={"voice": voice, "delta": delta}),
            out.absolute() / "encoders" / f"{voice}-{delta:g}",
            workers,
        )
        for voice in voices
        for delta in deltas
    }
    if (several := num_at_once(at_once)) > 1:
        done = run_jobs(_train, list(trainings.values()), workers=several)
        for number, _ in enumerate(done, start=1):
            if progress is not None:
                progress("trainings", number, len(trainings))
    places: dict[str, tuple[str, float]] = {}
    for name, training in trainings.items():
        path = _train(training, None if progress is None else _named(progress, name))
        places[str(path)] = (training.settings.voice, training.settings.delta)
    result = probe_encoders(
        dataset, list(places), out=out / "probe", probes=("logistic",), per_label=per_label, seeds=seeds,
        workers=max(1, workers, num_at_once(at_once)), progress=progress,
    )  # fmt: skip
    return tuple(
        SweepRow(*places[row.encoder], row.per_label, row.value, row.interval, row.gain, row.gain_interval)
        for row in result.rows
    )


@dataclass(frozen=True, slots=True)
class _Training:
    settings: PretrainSettings
    out: Path
    workers: int


def _train(training: _Training, progress: Progress | None = None) -> Path:
    """The encoder of a training; one that is finished is only named."""
    return pretrain(training.settings, training.out, workers=training.workers, progress=progress)


def _named(progress: Progress, name: str) -> Progress:
    return lambda _, done, total: progress(name, done, total)
