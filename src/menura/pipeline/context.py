"""What a worker needs to make and judge candidates, loaded once per process."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from menura.backends.base import Encoder, Generator
from menura.backends.registry import load_encoder, load_generator
from menura.backends.several import SeveralGenerators, parts_of
from menura.config import GeneratorSettings, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.files import move_into_place, temporary_beside
from menura.generate.parents import ParentCache
from menura.pipeline.identity import Identity, read_training
from menura.pipeline.plan import lead_labels
from menura.pipeline.store import StoringThread
from menura.types import Request

if TYPE_CHECKING:
    from menura.judge.panel import JudgePanel

__all__ = ["Context", "calibrate", "generators", "load_context", "load_panel"]

CALMER = 0.6
"""Each round of revision multiplies the strength of the perturbation by this."""


@dataclass(frozen=True)
class Context:
    """Everything behind a run that costs time to load.

    Attributes:
        generator_of: Gives the generator of a round.
        panel: The calibrated judges.
        parents: Decoded parents.
        lead: Gives the label that a clip counts for.
        duration_of: Gives the expected duration of a request, in seconds.
        software: Name and version, for the tags of audio files.
        generating: Held while the generator works, so that threads may share it and the parents.
        storing: Stores the audio of one candidate while the next is being made.
    """

    generator_of: Callable[[int], Generator]
    panel: JudgePanel
    parents: ParentCache
    lead: Callable[[Sequence[str]], str]
    duration_of: Callable[[Request], float]
    software: str
    generating: threading.Lock = field(default_factory=threading.Lock)
    storing: StoringThread = field(default_factory=StoringThread)


def generators(settings: GeneratorSettings, sample_rate: int) -> Callable[[int], Generator]:
    """The generators of all rounds, each made on first use: what went too far comes back nearer.

    Round 0 has the one of the settings; a later round a calmer one. A generator without a strength is the same in all
    rounds, so that weights are loaded once.
    """
    loaded: dict[int, Generator] = {}

    def of_round(round_index: int) -> Generator:
        if round_index not in loaded:
            loaded[round_index] = (
                load_generator(settings, sample_rate=sample_rate)
                if round_index == 0
                else _calmer(of_round(0), settings, sample_rate=sample_rate, round_index=round_index)
            )
        return loaded[round_index]

    return of_round


def _calmer(generator: Generator, settings: GeneratorSettings, *, sample_rate: int, round_index: int) -> Generator:
    """The generator with the strength of a revision, part by part where there are several."""

    def calmed(part: Generator, own: GeneratorSettings) -> Generator:
        strength = getattr(getattr(part, "settings", None), "strength", None)  # of the preset, if the generator tells
        delta = strength if own.delta is None else own.delta
        if delta is None:
            return part
        nearer = own.model_copy(update={"delta": round(float(delta) * CALMER**round_index, 6)})
        return load_generator(nearer, sample_rate=sample_rate)

    parts = [calmed(part, own) for part, own in zip(parts_of(generator), settings.parts, strict=True)]
    return parts[0] if len(parts) == 1 else SeveralGenerators(parts)


def load_context(
    run: Path,
    identity: Identity | None = None,
    *,
    generator_of: Callable[[int], Generator] | None = None,
    encoder: Encoder | None = None,
    parents: ParentCache | None = None,
) -> Context:
    """The context of a run that has been planned and calibrated.

    Args:
        run: Folder of the run.
        identity: Its identity; read when None.
        generator_of, encoder, parents: Where they are loaded already.

    Raises:
        RunError: The run is not there, damaged, or not calibrated yet.
        BackendError: The generator or the encoder cannot be loaded.
    """
    from menura import __version__

    identity = identity or Identity.read(run)
    training = read_training(run, identity)
    settings = identity.settings
    return Context(
        generator_of=generator_of or generators(settings.generator, identity.sample_rate),
        panel=load_panel(run, encoder or load_encoder(settings.judge.encoder)),
        parents=parents or ParentCache(training.by_id, sample_rate=identity.sample_rate),
        lead=lead_labels(training.counts()),
        duration_of=_durations(training),
        software=f"menura {__version__}",
    )


def _durations(training: TrainingPart) -> Callable[[Request], float]:
    def of_request(request: Request) -> float:
        if request.duration_s is not None:
            return request.duration_s
        return max((training.by_id[parent].duration_s for parent in request.parents), default=10.0)

    return of_request


def load_panel(run: Path, encoder: Encoder) -> JudgePanel:
    """The judges of a run as they were calibrated."""
    from menura.judge.panel import JudgePanel

    return JudgePanel.load(run / "judge", encoder)


def calibrate(
    run: Path,
    identity: Identity,
    training: TrainingPart,
    *,
    encoder: Encoder,
    parents: ParentCache,
    text_of: Callable[[str], str] | None = None,
) -> None:
    """Calibrate the judges on the real training clips, and store them whole or not at all.

    Args:
        run: Folder of the run.
        identity: Of the run.
        training: The real clips.
        encoder: Of the judges.
        parents: Gives recordings of the real clips.
        text_of: What a judge that reads compares with a clip of a label, where the recipe knows; else the card that a
            person wrote, or the label in words.

    Raises:
        AudioError: A recording cannot be read.
        BackendError: The audio-text model cannot be loaded.
        ConfigError: The file of cards is wrong.
    """
    from menura.judge.panel import JudgePanel

    settings = identity.settings
    panel = JudgePanel.calibrate(
        training,
        settings.judge,
        parents,
        encoder=encoder,
        seed=settings.seed,
        text_of=text_of or _text_by_name(training, settings),
    )
    beside = temporary_beside(run / "judge")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir()
    panel.save(beside)
    move_into_place(beside, run / "judge")


def _text_by_name(training: TrainingPart, settings: RunSettings) -> Callable[[str], str]:
    """The texts of the labels, made when the first is asked for: most runs have no judge that reads."""

    @cache
    def texts() -> dict[str, str]:
        from menura.captions import label_texts

        return label_texts(training.labels, domain=settings.generator.domain, cards=settings.prompts.cards)

    return lambda label: texts()[label]
