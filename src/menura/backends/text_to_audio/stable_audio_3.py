"""Stable Audio 3: rectified flow over the latents of one clip, from text, from a real clip, or for a stretch of it."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from menura.backends.base import Parents
from menura.backends.text_to_audio.calls import Job
from menura.backends.text_to_audio.generator import LoadedModel, PretrainedGenerator
from menura.backends.text_to_audio.loading import load_pipeline, torch_dtype
from menura.backends.text_to_audio.stable_audio import seeded
from menura.backends.text_to_audio.tuning import adapted, compiled, to_device
from menura.backends.weights.hub import Files
from menura.config import ModelSettings
from menura.errors import BackendError, ConfigError
from menura.types import JsonValue, Request, Waveform

__all__ = ["REQUIRES", "StableAudio3Generator"]

REQUIRES = ("torch", "diffusers", "transformers")

_STEPS_DISTILLED, _STEPS_BASE = 8, 100


class StableAudio3Generator(PretrainedGenerator):
    """Clips of up to minutes at 44.1 kHz from text, from a real clip, or into a stretch of one, by Stable Audio 3."""

    name = "stable-audio-3"
    batch_tolerance = 1e-4
    seconds_per_call = 240.0
    unsupported = ("temperature", "top_k")
    schedulers = ("FlowMatchEulerDiscreteScheduler",)
    why_schedulers = "it is a rectified flow"

    def _check_settings(self) -> None:
        super()._check_settings()
        guided = self.model.guidance_scale is not None and self.model.guidance_scale > 1
        if guided and self.starts_from_parent:
            raise ConfigError(
                "stable-audio-3 has no guidance when it starts from a real clip (model.strength, model.replace_s): "
                "leave out model.guidance_scale"
            )

    def _job(self, model: LoadedModel, request: Request, parents: Parents) -> Job:
        job = super()._job(model, request, parents)
        if self.model.replace_s is not None and self.model.replace_s[1] > job.duration_s:
            raise BackendError(
                f"model.replace_s ends at {self.model.replace_s[1]:g} s, "
                f"but the clip of request {request.id} is {job.duration_s:g} s long"
            )
        return job

    def _load(self, files: Files) -> LoadedModel:
        import diffusers

        pipeline = load_pipeline(files.folder, dtype=torch_dtype(self.model), expected="StableAudio3Pipeline")
        found = type(pipeline.scheduler).__name__
        if found not in self.schedulers:
            raise BackendError(f"{files.folder} comes with {found}, but Stable Audio 3 needs {self.schedulers[0]}")
        if self.model.adapter:
            pipeline.transformer = adapted(pipeline.transformer, self.model.adapter)
        kind: Any = diffusers.StableAudio3InpaintPipeline if self.model.replace_s is not None else None
        kind = diffusers.StableAudio3AudioToAudioPipeline if self.model.strength is not None else kind
        if kind is not None:
            pipeline = kind(**pipeline.components)
            pipeline.set_progress_bar_config(disable=True)
        to_device(pipeline, self.model, self.device)
        pipeline.transformer = compiled(pipeline.transformer, self.model)
        return _StableAudio3(pipeline, self.model)


class _StableAudio3:
    def __init__(self, pipeline: Any, settings: ModelSettings) -> None:
        self.pipeline = pipeline
        stochastic = bool(pipeline.scheduler.config.stochastic_sampling)
        self.steps = settings.num_inference_steps or (_STEPS_DISTILLED if stochastic else _STEPS_BASE)
        self.guidance = 1.0 if settings.guidance_scale is None else settings.guidance_scale
        self.strength, self.replace_s = settings.strength, settings.replace_s
        self.sample_rate = int(pipeline.vae.config.sampling_rate)
        self.channels = int(pipeline.vae.config.audio_channels)
        self.window_s: float | None = float(pipeline.duration_embedder.config.max_val)

    def facts(self) -> dict[str, JsonValue]:
        facts: dict[str, JsonValue] = {"num_inference_steps": self.steps, "guidance_scale": self.guidance}
        if self.strength is not None:
            facts["strength"] = self.strength
        if self.replace_s is not None:
            facts["replace_s"] = list(self.replace_s)
        return facts

    def ignores(self, job: Job) -> list[str]:
        """Without guidance, as with distilled weights, there is nothing that a negative prompt could move."""
        return ["negative_prompt"] if job.negative_prompt and self.guidance <= 1 else []

    def key(self, job: Job) -> Hashable:
        return math.ceil(job.duration_s * self.sample_rate)

    def cost_s(self, duration_s: float) -> float:
        return duration_s

    def render(self, jobs: Sequence[Job]) -> list[Waveform]:
        num_samples = math.ceil(jobs[0].duration_s * self.sample_rate)
        made = self.pipeline(
            [job.prompt for job in jobs],
            duration=min(self.window_s or math.inf, (num_samples + 0.5) / self.sample_rate),
            num_inference_steps=self.steps,
            num_waveforms_per_prompt=1,
            generator=seeded(jobs),
            **self._parts(jobs),
        ).audios
        return list(made.float().cpu().numpy())

    def _parts(self, jobs: Sequence[Job]) -> dict[str, Any]:
        if self.strength is None and self.replace_s is None:
            negative = [job.negative_prompt or "" for job in jobs]
            return {"guidance_scale": self.guidance, "negative_prompt": negative}
        import torch

        parents = np.stack([job.parent.waveform for job in jobs if job.parent is not None])
        audio = torch.from_numpy(parents).to(self.pipeline.device, self.pipeline.vae.dtype)
        if self.replace_s is None:
            return {"audio": audio, "init_noise_level": self.strength}
        start_s, end_s = self.replace_s
        return {"audio": audio, "mask_start_seconds": start_s, "mask_end_seconds": end_s}
