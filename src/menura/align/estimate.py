"""What an alignment will cost, from one clip and one pair on the machine that it will run on. Nothing of it is kept."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from menura.align.batches import Batch
from menura.align.learner import AlignLearner, attach
from menura.align.rounds import Work
from menura.align.sounds import requests_beside
from menura.align.train import trainee_of
from menura.backends.base import Generator
from menura.backends.trainee import Trainee
from menura.errors import RunError
from menura.types import Recording

__all__ = ["AlignEstimate", "estimate"]


@dataclass(frozen=True, slots=True)
class AlignEstimate:
    """A dry run.

    Attributes:
        parameters: Of the denoiser.
        trained: Of the adapter.
        weights_bytes: Of the denoiser; the rest of the model (text encoder, codec) comes on top.
        adapter_bytes: Of the adapter, its gradients, its average and the optimiser.
        activations_bytes: Kept for the way back in one batch.
        clips: To be generated, those of all checks included.
        clip_s: Seconds for one of them.
        step_s: Seconds for one step.
        wall_s: Seconds for all.
        num_bytes: On disk.
    """

    parameters: int
    trained: int
    weights_bytes: int
    adapter_bytes: int
    activations_bytes: int
    clips: int
    clip_s: float
    step_s: float
    wall_s: float
    num_bytes: int

    @property
    def memory_bytes(self) -> int:
        """Of the training; while a check generates, the whole model lies beside it a second time."""
        return self.weights_bytes + self.adapter_bytes + self.activations_bytes


def estimate(work: Work) -> AlignEstimate:
    """Generates one clip, learns from one pair of silence, and throws both away.

    Raises:
        BackendError: The generator cannot be loaded, cannot be trained, or failed.
    """
    settings, clips = work.settings, work.division.learned.clips
    generator = work.makes(None)
    clip_s = _clip_seconds(work, generator)
    trainee = trainee_of(generator)
    parameters = list(trainee.denoiser.parameters())
    weights_bytes = sum(weight.numel() * weight.element_size() for weight in parameters)
    adapter = attach(trainee, settings)
    trained = sum(weight.numel() for weight in adapter.parameters())
    batch = _silence(trainee, work)
    kept = _Kept({weight.data_ptr() for weight in trainee.denoiser.parameters()})
    learner = AlignLearner(settings, trainee, adapter)
    with torch.autograd.graph.saved_tensors_hooks(kept.pack, lambda tensor: tensor):
        learner.step([batch])
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
        parameters=sum(weight.numel() for weight in parameters),
        trained=trained,
        weights_bytes=weights_bytes,
        adapter_bytes=trained * 4 * 5,
        activations_bytes=kept.num_bytes * settings.batch,
        clips=made,
        clip_s=clip_s,
        step_s=step_s,
        wall_s=made * clip_s + settings.steps * step_s,
        num_bytes=round(made * mean_s * trainee.sample_rate * 1.2) + latent_bytes + 4 * trained * 8,
    )


class _Kept:
    """Counts what autograd keeps, each memory once, weights not at all."""

    def __init__(self, known: set[int]) -> None:
        self._known = set(known)
        self.num_bytes = 0

    def pack(self, tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self._known:
            self._known.add(storage.data_ptr())
            self.num_bytes += storage.nbytes()
        return tensor


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
