"""Stable Audio 3: rectified flow over the latents of one clip, from text, from a real clip, or for a stretch of it."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from menura.backends.base import Parents
from menura.backends.text_to_audio.between import GUIDANCE, STEPS, between, facts_of, weighted
from menura.backends.text_to_audio.calls import Job
from menura.backends.text_to_audio.generator import LoadedModel, PretrainedGenerator
from menura.backends.text_to_audio.loading import load_pipeline, torch_dtype
from menura.backends.text_to_audio.stable_audio import seeded
from menura.backends.text_to_audio.tuning import adapted, compiled, to_device
from menura.backends.trainee import Trainee
from menura.backends.weights.hub import Files
from menura.config import ModelSettings
from menura.errors import BackendError, ConfigError
from menura.types import JsonValue, Recording, Request, Waveform

if TYPE_CHECKING:
    from menura.diffusion.continuous import FlowSchedule
    from menura.diffusion.inversion import Denoiser

__all__ = ["REQUIRES", "StableAudio3Generator"]

REQUIRES = ("torch", "diffusers", "transformers")

_STEPS_DISTILLED, _STEPS_BASE = 8, 100
_LOGSNR = (-6.2, 2.0)
"""Ends of the noise levels, as the pipeline has them by default."""
_BASE = "stabilityai/stable-audio-3-medium-base"


class StableAudio3Generator(PretrainedGenerator):
    """Clips of up to minutes at 44.1 kHz from text, from a real clip, or into a stretch of one, by Stable Audio 3."""

    name = "stable-audio-3"
    inverts = True
    batch_tolerance = 1e-4
    seconds_per_call = 240.0
    unsupported = ("temperature", "top_k")
    schedulers = ("FlowMatchEulerDiscreteScheduler",)
    why_schedulers = "it is a rectified flow"

    def _check_settings(self) -> None:
        super()._check_settings()
        guided = self.model.guidance_scale is not None and self.model.guidance_scale > 1
        if guided and self.starts_from_parent and not self.model.interpolate:
            raise ConfigError(
                "stable-audio-3 has no guidance when it starts from a real clip (model.strength, model.replace_s): "
                "leave out model.guidance_scale"
            )
        if self.model.interpolate and self.model.path is None:
            raise ConfigError(
                "the published stable-audio-3 is distilled: it jumps, and has no way back from a clip to its noise. "
                f"For model.interpolate take the base model, model.path = {_BASE}"
            )

    def _job(self, model: LoadedModel, request: Request, parents: Parents) -> Job:
        job = super()._job(model, request, parents)
        if self.model.replace_s is not None and self.model.replace_s[1] > job.duration_s:
            raise BackendError(
                f"model.replace_s ends at {self.model.replace_s[1]:g} s, "
                f"but the clip of request {request.id} is {job.duration_s:g} s long"
            )
        return job

    def trainee(self) -> Trainee:
        """See :class:`menura.backends.trainee.TrainableGenerator`; only of the base model, before distillation.

        Raises:
            BackendError: The weights cannot be loaded, or are distilled.
        """
        from menura.backends.text_to_audio.stable_audio_3_training import StableAudio3Trainee

        files = self._fetch()
        pipeline = self._pipeline(files)
        if pipeline.scheduler.config.stochastic_sampling:
            raise BackendError(
                f"{files.folder} is distilled: it no longer follows the flow that training would mix with noise along. "
                f"Train the base model, such as {_BASE}"
            )
        pipeline.to(self.device)
        return StableAudio3Trainee(pipeline, _StableAudio3(pipeline, self.model)._encoded)

    def _pipeline(self, files: Files) -> Any:
        pipeline = load_pipeline(files.folder, dtype=torch_dtype(self.model), expected="StableAudio3Pipeline")
        found = type(pipeline.scheduler).__name__
        if found not in self.schedulers:
            raise BackendError(f"{files.folder} comes with {found}, but Stable Audio 3 needs {self.schedulers[0]}")
        return pipeline

    def _load(self, files: Files) -> LoadedModel:
        import diffusers

        pipeline = self._pipeline(files)
        if self.model.interpolate:
            _check_invertible(pipeline.scheduler.config, files)
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
        self.interpolation = settings.interpolation if settings.interpolate else None
        stochastic = bool(pipeline.scheduler.config.stochastic_sampling)
        steps = _STEPS_DISTILLED if stochastic else _STEPS_BASE
        self.steps = settings.num_inference_steps or (steps if self.interpolation is None else STEPS)
        self.guidance = GUIDANCE if settings.guidance_scale is None else settings.guidance_scale
        self.strength, self.replace_s = settings.strength, settings.replace_s
        self.sample_rate = int(pipeline.vae.config.sampling_rate)
        self.channels = int(pipeline.vae.config.audio_channels)
        self.window_s: float | None = float(pipeline.duration_embedder.config.max_val)

    def facts(self) -> dict[str, JsonValue]:
        facts: dict[str, JsonValue] = {"num_inference_steps": self.steps, "guidance_scale": self.guidance}
        if self.strength is not None:
            facts["strength"] = self.strength
        if self.interpolation is not None:
            facts |= facts_of(self.interpolation)
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
        if jobs[0].partner is not None:
            return self._render_between(jobs, num_samples)
        made = self.pipeline(
            [job.prompt for job in jobs],
            duration=self._seconds(num_samples),
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

    def _seconds(self, num_samples: int) -> float:
        return min(self.window_s or math.inf, (num_samples + 0.5) / self.sample_rate)

    def _render_between(self, jobs: Sequence[Job], num_samples: int) -> list[Waveform]:
        """Between the noises of two parents, found by going up the flow that the sampler goes down."""
        import torch

        from menura.config import InterpolationSettings

        with torch.no_grad():
            latents = between(
                jobs, encode=self._encoded, steps=self.steps, guidance=self.guidance, schedule=self._flow(),
                denoiser_for=lambda prompts, negative, guidance: self._denoiser(
                    prompts, negative, guidance, num_samples
                ),
                settings=self.interpolation or InterpolationSettings(),
            )  # fmt: skip
        return self._decoded(latents, num_samples)

    def _flow(self) -> FlowSchedule:
        """The noise levels of the pipeline, through its scheduler."""
        from diffusers.pipelines.stable_audio_3.pipeline_stable_audio_3 import logsnr_sigma_schedule

        from menura.diffusion.continuous import FlowSchedule

        least, most = _LOGSNR
        scheduler = self.pipeline.scheduler
        scheduler.set_timesteps(sigmas=logsnr_sigma_schedule(self.steps, least, most))
        return FlowSchedule(tuple(scheduler.sigmas.tolist()), float(scheduler.config.num_train_timesteps))

    def _encoded(self, recordings: Sequence[Recording]) -> Any:
        """Latents of recordings of one length, filled with silence to whole frames."""
        import torch

        vae = self.pipeline.vae
        frame, longest = vae.downsampling_ratio, max(recording.waveform.shape[1] for recording in recordings)
        filled = np.zeros((len(recordings), self.channels, math.ceil(longest / frame) * frame), np.float32)
        for row, recording in zip(filled, recordings, strict=True):
            row[:, : recording.waveform.shape[1]] = recording.waveform
        with torch.no_grad():
            return vae.encode(torch.from_numpy(filled).to(self.pipeline.device, vae.dtype)).latents

    def _decoded(self, latents: Any, num_samples: int) -> list[Waveform]:
        import torch

        with torch.no_grad():
            made = self.pipeline.vae.decode(latents.to(self.pipeline.vae.dtype)).sample
        self.pipeline.maybe_free_model_hooks()
        return list(made[:, :, :num_samples].clamp(-1.0, 1.0).float().cpu().numpy())

    def _denoiser(
        self, prompts: Sequence[str], negative: Sequence[str | None], guidance: float, num_samples: int
    ) -> Denoiser:
        """What the network says, in float32."""
        import torch

        from menura.backends.text_to_audio.stable_audio_3_training import told

        pipe, guided = self.pipeline, guidance > 1
        device, dtype = pipe._execution_device, pipe.transformer.dtype
        whole = pipe.encode_duration(self._seconds(num_samples), device, 1, len(prompts))
        asked = [[text or "" for text in negative], list(prompts)] if guided else [list(prompts)]
        context, mask = (torch.cat(parts) for parts in zip(*[told(pipe, texts, whole) for texts in asked], strict=True))
        lengths = torch.cat([whole] * len(asked))

        def say(latents: Any, time: float) -> Any:
            given = torch.cat([latents] * len(asked)).to(dtype)
            velocity = pipe.transformer(
                given, torch.full((len(given),), time, device=device), encoder_hidden_states=context,
                global_hidden_states=lengths, encoder_attention_mask=mask, return_dict=False,
            )[0].float()  # fmt: skip
            if guided:
                velocity = weighted(velocity, guidance)
            return velocity

        return say


def _check_invertible(config: Any, files: Files) -> None:
    """Refuse weights whose sampler is no flow that can be gone back."""
    if config.stochastic_sampling:
        raise BackendError(
            f"{files.folder} is distilled: its sampler jumps, and adds fresh noise after each jump, so there is no way "
            f"back from a clip to its noise. For model.interpolate take a base model, such as {_BASE}"
        )
    if config.invert_sigmas or config.use_dynamic_shifting:
        raise BackendError(f"{files.folder} has a scheduler with noise levels that cannot be gone back here")
