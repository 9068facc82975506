"""The small text-to-audio model, trained on procedural scenes and, where one likes, on one's own training clips."""

from __future__ import annotations

from pathlib import Path

from menura.config import Domain, RunSettings
from menura.datasets import load
from menura.datasets.dataset import TrainingPart
from menura.pretrain.generator_settings import GeneratorTraining
from menura.pretrain.generator_sounds import CaptionedClip
from menura.pretrain.generator_training import train_generator
from menura.recipes.prompts import Prompter
from menura.types import Progress

__all__ = ["captioned_clips", "make_generator"]


def make_generator(
    settings: GeneratorTraining,
    out: Path,
    *,
    domain: Domain = "environment",
    device: str = "cpu",
    workers: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Trains a model for the generator ``menura-mini``, or goes on where a run was stopped.

    Args:
        settings: What to train; ``data`` names recordings, of which the training part alone is heard.
        out: Folder of the model.
        domain: What kind of sound the recordings are; words their labels.
        device, workers, progress: See :func:`menura.pretrain.generator_training.train_generator`.

    Raises:
        DatasetError: The recordings cannot be read, or have no such fold.
        RunError: The folder holds a run with other settings or a damaged state, or cannot be written.
        BackendError: ``settings.start`` names no such model.
    """
    clips: tuple[CaptionedClip, ...] = ()
    if settings.data is not None:
        training = load(settings.data, test_fold=settings.test_fold).train
        settings = settings.model_copy(update={"training": training.fingerprint})
        clips = captioned_clips(training, domain=domain)
    return train_generator(settings, out, clips=clips, device=device, workers=workers, progress=progress)


def captioned_clips(training: TrainingPart, *, domain: Domain = "environment") -> tuple[CaptionedClip, ...]:
    """The training clips with what can be said of each: what its labels mean, and how it sounds.

    The first text is that of the prompts that name the label alone; the second is the clip's own caption, or the
    built-in captioner's.

    Args:
        training: The real clips.
        domain: What kind of sound they are; words the labels.
    """
    settings = RunSettings.model_validate({"generator": {"domain": domain}})
    prompter = Prompter(training, settings, "sound_of")
    heard = {clip_id: text for own in prompter.captions.values() for clip_id, text in own.items()}
    return tuple(
        CaptionedClip(
            clip.path,
            (" and ".join(prompter.text_of(label) for label in clip.labels), heard[clip.id]),
            licence=clip.licence,
        )
        for clip in training.clips
    )
