"""A training run of the small text-to-audio model: state, log, and a model folder at the end; it resumes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from menura.audio.mel_frames import MelFrames
from menura.backends.mini.model import CLASS_NAME, SIZES, MiniModel, load_mini, new_mini, save_mini
from menura.backends.weights.card import NOT_STATED, licence_head, stated_licence
from menura.backends.weights.check import described_class
from menura.backends.weights.content import content_of
from menura.backends.weights.names import find_weights
from menura.errors import BackendError
from menura.files import disk_errors
from menura.lock import locked
from menura.pretrain.ahead import ahead
from menura.pretrain.generator_learner import GeneratorLearner
from menura.pretrain.generator_settings import GeneratorTraining
from menura.pretrain.generator_sounds import CaptionedClip, SoundMaker, for_levels
from menura.pretrain.state import claim, load_state, save_state, tidy
from menura.seeding import canonical_json, item_seed
from menura.types import Progress

__all__ = ["SAVE_EVERY", "train_generator"]

SAVE_EVERY = 250
"""Steps between two states on disk; a model folder is written with each."""

HIDDEN = ".work"
"""What only a resumed training needs; its name begins with a dot, so that a model's identity is that of its weights."""

STATE, IDENTITY, LOG = f"{HIDDEN}/state.safetensors", f"{HIDDEN}/training.json", "log.jsonl"


def train_generator(
    settings: GeneratorTraining,
    out: Path,
    *,
    clips: Sequence[CaptionedClip] = (),
    device: str = "cpu",
    workers: int = 0,
    progress: Progress | None = None,
) -> Path:
    """Trains a text-to-audio model on captioned sounds, or goes on where a run was stopped.

    Args:
        settings: What to train.
        out: Folder of the model; state, log and identity lie beside it.
        clips: Recordings of a training part, where ``settings.data`` names some.
        device: Where it computes.
        workers: Processes that render ahead.
        progress: Called after each step with the loss.

    Returns:
        ``out``, a model for the generator ``menura-mini``.

    Raises:
        RunError: The folder holds a run with other settings or a damaged state, or cannot be written.
        BackendError: ``settings.start`` names no such model.
    """
    asked = settings.model_dump(mode="json", exclude={"data", "start"})
    asked["start"] = content_of(_model_in(settings.start)) if settings.start else None
    with locked(out / HIDDEN):
        claim(out / IDENTITY, asked, words={"training": "training clips"})
        origin = _origin(settings, clips)
        maker = SoundMaker(settings, tuple(clips))
        learner = GeneratorLearner(settings, _first(settings, maker), device)
        load_state(learner, out / STATE)
        tidy(out, out / LOG, learner.step_number)
        total, start = 0.0, learner.step_number
        block = range(start // settings.echoes, -(-settings.steps // settings.echoes))
        for number, sounds in zip(block, ahead(maker, block, workers=workers), strict=True):
            for step in range(
                max(start, number * settings.echoes), min(settings.steps, (number + 1) * settings.echoes)
            ):
                loss = learner.step(sounds)
                total += loss
                done = step + 1
                if done % SAVE_EVERY == 0 or done == settings.steps:
                    mean, total = total / ((done - 1) % SAVE_EVERY + 1), 0.0
                    with disk_errors(str(out)), (out / LOG).open("a", encoding="utf-8") as log:
                        log.write(canonical_json({"step": done, "loss": round(mean, 5)}) + "\n")
                    save_state(learner, out / STATE)
                    save_mini(out, _described(learner.averaged, settings, done), card=_card(settings, done, origin))
                if progress is not None:
                    progress(f"loss {loss:.3f}", done, settings.steps)
        if start == settings.steps:  # trained before, and perhaps killed before the model was written
            save_mini(out, _described(learner.averaged, settings, start), card=_card(settings, start, origin))
    return out


def _first(settings: GeneratorTraining, maker: SoundMaker) -> MiniModel:
    if settings.start:
        return load_mini(_model_in(settings.start))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(item_seed(settings.seed, "weights") % 2**63)
        return new_mini(SIZES[settings.size], MelFrames().measured(for_levels(maker)))


def _model_in(start: str) -> Path:
    """The folder to go on from.

    Raises:
        BackendError: It holds no such model.
    """
    folder = find_weights(start).folder
    if folder is None or described_class(folder) != CLASS_NAME:
        raise BackendError(f"{start} is no model of `menura train-generator`; expected the folder of one")
    return folder


def _described(model: MiniModel, settings: GeneratorTraining, steps: int) -> MiniModel:
    facts = settings.model_dump(mode="json", exclude={"data", "start"}) | {"steps": steps}
    return replace(model, facts=facts)


def _origin(settings: GeneratorTraining, clips: Sequence[CaptionedClip]) -> tuple[str, str]:
    """What a model is made from: in words, and as the head of its card.

    A model to go on from stays in it, and so does its licence.
    """
    heard = "procedural scenes that tell their captions from their own parameters; no recording was used"
    licences = {(clip.licence or "").strip() or NOT_STATED for clip in clips}
    if clips:
        heard = (
            f"procedural scenes with captions; {settings.share:.0%} of what it heard were stretches of {len(clips)} "
            f"recordings, whose licences apply to it ({', '.join(sorted(licences))})"
        )
    if settings.start:
        folder = _model_in(settings.start)
        before = stated_licence(folder) or NOT_STATED
        heard = f"{heard.replace('no recording', 'no further recording')}. It goes on from the model "
        heard += f"{folder.absolute().name}, whose licence applies to it ({before})"
        licences.add(before)
    return heard, licence_head(licences or {"cc0-1.0"})


def _card(settings: GeneratorTraining, steps: int, origin: tuple[str, str]) -> str:
    """What the model is; its licence stands where hubs and `menura plan` look for it, if there is only one."""
    heard, head = origin
    return (
        f"{head}# menura-mini\n\nA text-to-audio model for 16 kHz, size {settings.size}, trained by "
        f"`menura train-generator` for {steps} steps (seed {settings.seed}) on {heard}.\n\nIt knows the words of "
        "scenes (impacts, tones, noises, rooms), few others. A rectified flow over groups of log-mel frames, read by "
        "Griffin-Lim.\n"
    )
