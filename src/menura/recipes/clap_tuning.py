"""A model of sounds and texts that goes on learning, from the training clips of a dataset and their labels in words."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from menura.audio import decode
from menura.captions import label_texts
from menura.config import Domain, Settings
from menura.datasets.dataset import TrainingPart
from menura.errors import ConfigError, RunError
from menura.files import (
    disk_errors,
    flush_file,
    move_into_place,
    remove_leftovers_of_the_dead,
    temporary_beside,
    write_text,
)
from menura.seeding import canonical_json
from menura.types import Progress

__all__ = ["ClapTuningSettings", "TunedClap", "tune_clap"]


class ClapTuningSettings(Settings):
    """How a CLAP model is fine-tuned."""

    model: str = Field(description="CLAP model to begin with: a folder, or owner/name on the Hub.")
    steps: int = Field(100, ge=1, le=100_000, description="Optimiser steps.")
    batch: int = Field(8, ge=2, le=4096, description="Clips in each step.")
    learning_rate: float = Field(1e-5, gt=0, le=1, description="Of AdamW.")
    seed: int = Field(0, ge=0, description="Seed of everything that is drawn.")
    domain: Domain = Field("environment", description="What kind of sound it is; words the labels.")
    cards: str | None = Field(None, description="TOML file of label cards; labels without one are worded by rule.")
    device: str = Field("auto", description="cpu, cuda, …; auto takes a graphics card where there is one.")


@dataclass(frozen=True, slots=True)
class TunedClap:
    """A model that has been fine-tuned.

    Attributes:
        path: Folder of the model; loads wherever a CLAP does.
        losses: Loss of each step.
        texts: Label to the text that stood for it.
        num_clips: Clips that it learned from.
    """

    path: Path
    losses: tuple[float, ...]
    texts: dict[str, str]
    num_clips: int


def tune_clap(
    training: TrainingPart, settings: ClapTuningSettings, *, out: str | Path, progress: Progress | None = None
) -> TunedClap:
    """Fine-tune a CLAP model on a training part: clips against the texts of their labels.

    The folder says which clips were learned from (``learned-from.json``), and is there whole or not at all: what was
    stopped begins again. All clips are in memory.

    Args:
        training: The real clips: ``dataset.train``, and never test clips.
        settings: How.
        out: New folder for the model.
        progress: Called with the stage, how many steps are done, and how many there are.

    Raises:
        ConfigError: A clip has several labels, or fewer than two labels have texts of their own.
        RunError: ``out`` is not empty, or cannot be written.
        BackendError: The model cannot be loaded.

    Source:
        Wu et al. 2023 (arXiv:2211.06687), see :func:`menura.backends.clap_training.contrastive_loss`.

    Example:
        >>> tuned = tune_clap(dataset.train, ClapTuningSettings(model="models/clap"), out="x")  # doctest: +SKIP
    """
    from menura.backends.clap import LEARNED_NAME
    from menura.backends.clap_training import finetune_clap

    path = Path(out).absolute()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise RunError(f"{path} is not empty; give a new folder for the model")
    several = [clip for clip in training.clips if len(clip.labels) > 1]
    if several:
        raise ConfigError(
            f"{len(several)} of {len(training.clips)} clips have several labels, as {several[0].path} has; one text "
            "has to fit a clip, so leave them out"
        )
    texts = label_texts(training.labels, domain=settings.domain, cards=settings.cards)
    with disk_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers_of_the_dead(path.parent, path.name)
        beside = temporary_beside(path)
        shutil.rmtree(beside, ignore_errors=True)
        losses = finetune_clap(
            settings.model,
            [decode(clip.path) for clip in training.clips],
            [texts[clip.labels[0]] for clip in training.clips],
            out=beside,
            steps=settings.steps,
            batch=settings.batch,
            learning_rate=settings.learning_rate,
            seed=settings.seed,
            device=settings.device,
            on_step=None if progress is None else lambda done: progress("fine-tuning", done, settings.steps),
        )
        facts = {
            "settings": settings.model_dump(mode="json"), "texts": texts, "dataset": training.name,
            "test_fold": training.test_fold, "clips": sorted(clip.id for clip in training.clips),
        }  # fmt: skip
        write_text(beside / LEARNED_NAME, canonical_json(facts) + "\n")
        for file in sorted(beside.rglob("*")):
            if file.is_file():
                flush_file(file)
        move_into_place(beside, path)
    return TunedClap(path, tuple(losses), texts, len(training.clips))
