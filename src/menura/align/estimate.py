"""What an alignment will cost, from one clip and one pair on the machine that it will run on. Nothing of it is kept."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from menura.align.batches import Batch
from menura.align.learner import AlignLearner, attach
from menura.align.rounds import Work
from menura.align.sounds import requests_beside
from menura.align.train import trainable
from menura.backends.base import Generator
from menura.backends.trainee import Trainee
from menura.backends.training_memory import estimate_training
from menura.errors import RunError
from menura.types import Recording

__all__ = ["AlignEstimate", "estimate"]


@dataclass(frozen=True, slots=True)
class AlignEstimate:
    """A dry run.

    Attributes:
        parameters: Of the denoiser.
        trained: Of the adapter.
        memory_bytes: Of the denoiser in training, see :class:`menura.backends.training_memory.TrainingEstimate`. The
            rest of the model (text encoder, codec) comes on top, and all of it once more while a check generates.
        clips: To be generated, those of all checks included.
        clip_s: Seconds for one of them.
        step_s: Seconds for one step.
        wall_s: Seconds for all.
        num_bytes: On disk.
    """

    parameters: int
    trained: int
    memory_bytes: int
    clips: int
    clip_s: float
    step_s: float
    wall_s: float
    num_bytes: int


def estimate(work: Work) -> AlignEstimate:
    """Generates one clip, learns from one pair of silence, and throws both away.

    Raises:
        BackendError: The generator cannot be loaded, cannot be trained, or failed.
    """
    settings, clips = work.settings, work.division.learned.clips
    generator = trainable(work.makes(None))
    clip_s = _clip_seconds(work, generator)
    trainee = generator.trainee()
    batch = _silence(trainee, work)
    memory = estimate_training(
        trainee, lambda hollow: attach(hollow, settings.model_copy(update={"checkpointing": False})),
        latents=batch.winner, conditions=batch.conditions, pairs=settings.batch, checkpointing=settings.checkpointing,
        average=True,
    )  # fmt: skip
    num_parameters = sum(weight.numel() for weight in trainee.denoiser.parameters())
    adapter = attach(trainee, settings)
    learner = AlignLearner(settings, trainee, adapter)
    learner.step([batch])  # the first one is slower than all others
    started = time.perf_counter()
    learner.step([batch])
    step_s = (time.perf_counter() - started) * settings.batch * settings.accumulate
    each = settings.candidates if settings.pairs == "ranked" else settings.losers
    rounds = settings.rounds if settings.pairs != "decided" and settings.needs_losers else 0
    checks = 1 + -(-settings.steps // settings.check_every)
    made = rounds * each * len(clips) + checks * settings.check_clips
    mean_s = sum(min(clip.duration_s, settings.longest_s) for clip in clips) / len(clips)
    latent_bytes = 2 * each * max(1, settings.rounds) * len(clips) * batch.winner.numel() * 4
    return AlignEstimate(
        parameters=num_parameters,
        trained=sum(weight.numel() for weight in adapter.parameters()),
        memory_bytes=memory.total,
        clips=made,
        clip_s=clip_s,
        step_s=step_s,
        wall_s=made * clip_s + settings.steps * step_s,
        num_bytes=round(made * mean_s * trainee.sample_rate * 1.2) + latent_bytes,
    )


def _clip_seconds(work: Work, generator: Generator) -> float:
    settings = work.settings
    requests = requests_beside(
        work.division.learned.clips[:1], generator, work.asks,
        each=1, longest_s=settings.longest_s, seed=settings.seed, key=("estimate",),
    )  # fmt: skip
    generator.generate(requests, _no_parents)  # loads the weights
    started = time.perf_counter()
    generator.generate(requests, _no_parents)
    return time.perf_counter() - started


def _silence(trainee: Trainee, work: Work) -> Batch:
    """One pair."""
    num_samples = max(1, round(work.length_s * trainee.sample_rate))
    silence = Recording(np.zeros((trainee.channels, num_samples), np.float32), trainee.sample_rate)
    latents = trainee.latents([silence]).float()
    losers = None if work.settings.objective == "sft" else latents
    return Batch(latents, losers, trainee.conditions(["a sound"], work.length_s), trainee.unprompted(work.length_s))


def _no_parents(name: str) -> Recording:
    raise RunError(f"a clip of an alignment has no parents, but {name} was asked for")
