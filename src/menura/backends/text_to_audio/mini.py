"""menura-mini as a generator: a flow over groups of mel frames, conditioned by words, and Griffin-Lim."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from menura.backends.text_to_audio.between import GUIDANCE, STEPS, between, facts_of, weighted
from menura.backends.text_to_audio.calls import Job
from menura.backends.text_to_audio.generator import LoadedModel, PretrainedGenerator
from menura.backends.text_to_audio.loading import torch_dtype
from menura.backends.text_to_audio.tuning import adapted, compiled
from menura.backends.weights.hub import Files
from menura.config import InterpolationSettings, ModelSettings
from menura.types import JsonValue, Recording, Waveform

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from menura.backends.mini.model import MiniModel
    from menura.backends.trainee import Trainee
    from menura.diffusion.inversion import Denoiser

__all__ = ["REQUIRES", "MiniGenerator"]

REQUIRES = ("torch", "diffusers")

_STEPS, _GUIDANCE = 20, 6.0
_LONGEST_S = 30.0


class MiniGenerator(PretrainedGenerator):
    """Clips at 16 kHz from text, from real clips or between two, by a model that `menura train-generator` made."""

    name = "menura-mini"
    inverts = True
    batch_tolerance = 1e-3
    unsupported = ("replace_s", "temperature", "top_k")
    seconds_per_call = 160.0

    def _load(self, files: Files) -> LoadedModel:
        model = self._networks(files)
        if self.model.adapter:
            model.transformer = adapted(model.transformer, self.model.adapter)
        model.transformer = compiled(model.transformer, self.model)
        return _Mini(model, self.model, self.device)

    def _networks(self, files: Files) -> MiniModel:
        from menura.backends.mini.model import load_mini

        return load_mini(files.folder, device=self.device, dtype=torch_dtype(self.model))

    def trainee(self) -> Trainee:
        """The weights in memory, to be trained."""
        from menura.backends.mini.trainee import MiniTrainee
        from menura.backends.weights.hub import fetch

        return MiniTrainee(self._networks(fetch(self.weights)))


class _Mini:
    def __init__(self, model: MiniModel, settings: ModelSettings, device: str) -> None:
        self.model, self.device = model, device
        self.interpolation = settings.interpolation if settings.interpolate else None
        steps, guidance = (_STEPS, _GUIDANCE) if self.interpolation is None else (STEPS, GUIDANCE)
        self.steps = settings.num_inference_steps or steps
        self.guidance = guidance if settings.guidance_scale is None else settings.guidance_scale
        self.strength = settings.strength
        self.sample_rate, self.channels = model.mel.sample_rate, 1
        self.window_s: float | None = _LONGEST_S

    def facts(self) -> dict[str, JsonValue]:
        facts: dict[str, JsonValue] = {"num_inference_steps": self.steps, "guidance_scale": self.guidance}
        facts |= {"strength": self.strength} if self.strength is not None else {}
        return facts | (facts_of(self.interpolation) if self.interpolation is not None else {})

    def ignores(self, job: Job) -> list[str]:
        """It never met a prompt of what is not there: guidance compares with no prompt."""
        return ["negative_prompt"] if job.negative_prompt else []

    def key(self, job: Job) -> Hashable:
        return self.model.groups(job.duration_s)

    def cost_s(self, duration_s: float) -> float:
        return duration_s

    def render(self, jobs: Sequence[Job]) -> list[Waveform]:
        import torch

        from menura.diffusion.continuous import FlowSchedule
        from menura.diffusion.inversion import denoise

        sigmas = tuple(step / self.steps for step in range(self.steps, -1, -1))
        with torch.no_grad():
            if jobs[0].partner is not None:
                made = between(
                    jobs, encode=self._encoded, denoiser_for=self._denoiser, steps=self.steps, guidance=self.guidance,
                    schedule=FlowSchedule(sigmas), settings=self.interpolation or InterpolationSettings(),
                )  # fmt: skip
            else:
                first = self.steps if self.strength is None else max(1, round(self.strength * self.steps))
                made = denoise(
                    self._starts(jobs, first / self.steps),
                    self._denoiser([job.prompt for job in jobs], (), self.guidance),
                    FlowSchedule(sigmas), steps=self.steps, first=first,
                )  # fmt: skip
            return self._heard(jobs, made)

    def _starts(self, jobs: Sequence[Job], sigma: float) -> Tensor:
        """Noise, and with it the parents where clips start from them: at that share of the way."""
        import torch

        shape = (self.model.mel.mels * self.model.frames, self.model.groups(jobs[0].duration_s))
        drawn = [torch.randn(shape, generator=_generator(job.seed)) for job in jobs]
        noise = torch.stack(drawn).to(self.device)
        real = [job.parent for job in jobs if job.parent is not None]
        return noise if not real else (1 - sigma) * self._encoded(real) + sigma * noise

    def _encoded(self, recordings: Sequence[Recording]) -> Tensor:
        """Groups of recordings of one length."""
        import torch

        rows = torch.from_numpy(np.stack([recording.waveform[0] for recording in recordings]))
        return self.model.to_groups(rows).to(self.device)

    def _denoiser(self, prompts: Sequence[str], negative: Sequence[str | None], guidance: float) -> Denoiser:
        """What the model says, the prompts weighted by the guidance, in float32."""
        import torch

        parameter = next(self.model.transformer.parameters())
        told = self.model.read(list(prompts) if guidance <= 1 else [*[""] * len(prompts), *prompts])
        conditions = {name: tensor.to(parameter.dtype) for name, tensor in told.items()}

        def say(groups: Any, time: float) -> Any:
            doubled = torch.cat([groups] * 2) if guidance > 1 else groups
            times = torch.full((len(doubled),), time, device=groups.device, dtype=parameter.dtype)
            said = self.model.say(doubled.to(parameter.dtype), times, conditions)
            if guidance > 1:
                said = weighted(said, guidance)
            return said

        return say

    def _heard(self, jobs: Sequence[Job], groups: Tensor) -> list[Waveform]:
        """Waveforms, each with phases of its own."""
        frames = self.model.from_groups(groups.float().cpu())
        made = []
        for job, one in zip(jobs, frames, strict=True):
            waveform = self.model.mel.decode(one, _generator(job.seed + 1))
            made.append(waveform[: math.ceil(job.duration_s * self.sample_rate)].numpy()[None])
        return made


def _generator(seed: int) -> torch.Generator:
    import torch

    return torch.Generator().manual_seed(seed)
