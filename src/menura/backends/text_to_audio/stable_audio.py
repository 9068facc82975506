"""Stable Audio Open: diffusion in the latents of a stereo autoencoder, always over the whole window."""

from __future__ import annotations

import math
import warnings
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from menura.backends.text_to_audio.between import GUIDANCE, STEPS, between, facts_of, weighted
from menura.backends.text_to_audio.calls import Job
from menura.backends.text_to_audio.generator import LoadedModel, PretrainedGenerator
from menura.backends.text_to_audio.loading import load_pipeline, torch_dtype
from menura.backends.text_to_audio.tuning import adapted, compiled, to_device
from menura.backends.trainee import Trainee
from menura.backends.weights.hub import Files
from menura.config import ModelSettings
from menura.errors import BackendError
from menura.types import JsonValue, Recording, Waveform

if TYPE_CHECKING:
    from menura.diffusion.inversion import Denoiser

__all__ = ["REQUIRES", "StableAudioGenerator", "seeded", "sigma_of_strength"]

REQUIRES = ("torch", "diffusers", "transformers", "torchsde")

_STEPS, _GUIDANCE = 100, 7.0
_AHEAD = 32
"""Frames of latents beyond the clip that are decoded too; the published decoder looks 11 frames ahead."""
_SCHEDULER = "CosineDPMSolverMultistepScheduler"


class StableAudioGenerator(PretrainedGenerator):
    """Clips of up to 47 s at 44.1 kHz from text or from real clips, by Stable Audio Open (diffusers)."""

    name = "stable-audio"
    inverts = True
    batch_tolerance = 2e-5
    seconds_per_call = 380.0
    unsupported = ("replace_s", "temperature", "top_k")
    schedulers = (_SCHEDULER,)
    why_schedulers = "it was trained on the noise levels of this one, and others feed it wrong ones without an error"

    def trainee(self) -> Trainee:
        """See :class:`menura.backends.trainee.TrainableGenerator`."""
        from menura.backends.text_to_audio.stable_audio_training import StableAudioTrainee

        pipeline = self._pipeline(self._fetch())
        pipeline.to(self.device)
        return StableAudioTrainee(pipeline, _StableAudio(pipeline, self.model)._encoded)

    def _pipeline(self, files: Files) -> Any:
        pipeline = load_pipeline(files.folder, dtype=torch_dtype(self.model), expected="StableAudioPipeline")
        found = type(pipeline.scheduler).__name__
        if found != _SCHEDULER:
            raise BackendError(
                f"{files.folder} comes with {found}, but Stable Audio was trained for {_SCHEDULER}; with another one "
                "the model is fed wrong noise levels and no error is raised. Put the published scheduler back"
            )
        return pipeline

    def _load(self, files: Files) -> LoadedModel:
        pipeline = self._pipeline(files)
        config = pipeline.scheduler.config
        if self.model.interpolate:
            from menura.backends.text_to_audio.stable_audio_training import check_velocities

            check_velocities(config, files.folder, "inverted")
        if self.model.adapter:
            pipeline.transformer = adapted(pipeline.transformer, self.model.adapter)
        if self.model.strength is not None:
            sigma = sigma_of_strength(self.model.strength, sigma_min=config.sigma_min, sigma_max=config.sigma_max)
            pipeline.scheduler = type(pipeline.scheduler).from_config(config, sigma_max=sigma)
        to_device(pipeline, self.model, self.device)
        pipeline.transformer = compiled(pipeline.transformer, self.model)
        return _StableAudio(pipeline, self.model)


def sigma_of_strength(strength: float, *, sigma_min: float, sigma_max: float) -> float:
    """Noise level at which a real clip is joined, for a strength in (0, 1].

    The model counts time as ``t = (2 / pi) * atan(sigma)``. Strength is the share of the way from the least time to the
    greatest, so that 1 is the published start, at which nothing of the clip is left, and small values keep nearly all.
    """
    least, greatest = (math.atan(sigma) for sigma in (sigma_min, sigma_max))
    sigma = math.tan(least + strength * (greatest - least))
    return min(sigma_max, max(sigma, sigma_min * 1.001))


def seeded(jobs: Sequence[Job]) -> list[Any]:
    """One random generator per job, on the processor: the same noise on every device."""
    import torch

    return [torch.Generator("cpu").manual_seed(job.seed) for job in jobs]


class _StableAudio:
    def __init__(self, pipeline: Any, settings: ModelSettings) -> None:
        self.pipeline = pipeline
        self.interpolation = settings.interpolation if settings.interpolate else None
        steps, guidance = (_STEPS, _GUIDANCE) if self.interpolation is None else (STEPS, GUIDANCE)
        self.steps = settings.num_inference_steps or steps
        self.guidance = guidance if settings.guidance_scale is None else settings.guidance_scale
        self.strength = settings.strength
        self.sample_rate = int(pipeline.vae.config.sampling_rate)
        self.channels = int(pipeline.vae.config.audio_channels)
        self.window_s: float | None = (
            pipeline.transformer.config.sample_size * pipeline.vae.hop_length / self.sample_rate
        )

    def facts(self) -> dict[str, JsonValue]:
        sigma = round(float(self.pipeline.scheduler.config.sigma_max), 6)
        facts: dict[str, JsonValue] = {"num_inference_steps": self.steps, "guidance_scale": self.guidance}
        facts |= facts_of(self.interpolation) if self.interpolation is not None else {}
        return facts | ({"strength": self.strength, "sigma_max": sigma} if self.strength is not None else {})

    def ignores(self, job: Job) -> list[str]:
        return ["negative_prompt"] if job.negative_prompt and self.guidance <= 1 else []

    def key(self, job: Job) -> Hashable:
        """One duration per call, and negative prompts for all or for none: none is not the same as an empty one."""
        return math.ceil(job.duration_s * self.sample_rate), job.negative_prompt is not None

    def cost_s(self, duration_s: float) -> float:
        return self.window_s or duration_s

    def render(self, jobs: Sequence[Job]) -> list[Waveform]:
        num_samples = math.ceil(jobs[0].duration_s * self.sample_rate)
        if jobs[0].partner is not None:
            return self._render_between(jobs, num_samples)
        parts: dict[str, Any] = {}
        if jobs[0].parent is not None:
            parts["initial_audio_waveforms"] = self._initial([job.parent for job in jobs if job.parent is not None])
            parts["initial_audio_sampling_rate"] = self.sample_rate
        negative = [job.negative_prompt or "" for job in jobs] if jobs[0].negative_prompt is not None else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # torchsde on the edges of its interval
            latents = self.pipeline(
                [job.prompt for job in jobs],
                negative_prompt=negative,
                audio_end_in_s=self._end_s(num_samples),
                num_inference_steps=self.steps,
                guidance_scale=self.guidance,
                num_waveforms_per_prompt=1,
                generator=seeded(jobs),
                output_type="latent",
                **parts,
            ).audios
        return list(self._decoded(latents, num_samples).float().cpu().numpy())

    def _decoded(self, latents: Any, num_samples: int) -> Any:
        """The beginning of the decoded window, without the rest: 5 s instead of 47 for a clip of 5 s.

        The decoder is convolutional: what lies further ahead than it looks does not reach the samples that are kept.
        """
        import torch

        frames = math.ceil(num_samples / self.pipeline.vae.hop_length) + _AHEAD
        with torch.no_grad():
            made = self.pipeline.vae.decode(latents[:, :, :frames]).sample
        self.pipeline.maybe_free_model_hooks()
        return made[:, :, :num_samples]

    def _initial(self, recordings: Sequence[Recording]) -> Any:
        """The parents, each filled with silence to the whole window, as the pipeline would do with a warning."""
        import torch

        window = int(self.pipeline.transformer.config.sample_size * self.pipeline.vae.hop_length)
        filled = np.zeros((len(recordings), self.channels, window), np.float32)
        for row, recording in zip(filled, recordings, strict=True):
            row[:, : recording.waveform.shape[1]] = recording.waveform[:, :window]
        return torch.from_numpy(filled).to(self.pipeline.device, self.pipeline.vae.dtype)

    def _end_s(self, num_samples: int) -> float:
        return min(self.window_s or math.inf, (num_samples + 0.5) / self.sample_rate)

    def _render_between(self, jobs: Sequence[Job], num_samples: int) -> list[Waveform]:
        """Between the noises of two parents, along the probability-flow equation on the noise levels of the sampler.

        The sampler itself adds fresh noise in each step, which nothing can undo.
        """
        import torch

        from menura.config import InterpolationSettings
        from menura.diffusion.continuous import CosineSchedule

        self.pipeline.scheduler.set_timesteps(self.steps)
        with torch.no_grad():
            latents = between(
                jobs, encode=self._encoded, steps=self.steps, guidance=self.guidance,
                denoiser_for=lambda prompts, negative, guidance: self._denoiser(
                    prompts, negative, guidance, num_samples
                ),
                schedule=CosineSchedule(tuple(self.pipeline.scheduler.sigmas.tolist())),
                settings=self.interpolation or InterpolationSettings(),
            )  # fmt: skip
        return list(self._decoded(latents.to(self.pipeline.vae.dtype), num_samples).float().cpu().numpy())

    def _encoded(self, recordings: Sequence[Recording]) -> Any:
        """The most likely latents of recordings, each filled with silence to the whole window."""
        return self.pipeline.vae.encode(self._initial(recordings)).latent_dist.mode()

    def _denoiser(
        self, prompts: Sequence[str], negative: Sequence[str | None], guidance: float, num_samples: int
    ) -> Denoiser:
        """What the network says, in float32, of latents with the shares of clean and noise that its time stands for."""
        import torch

        from menura.backends.text_to_audio.stable_audio_training import rotary_of, told, velocity

        pipe, guided = self.pipeline, guidance > 1
        device, dtype = pipe._execution_device, pipe.transformer.dtype
        context, whole = told(
            pipe, prompts, self._end_s(num_samples), guided=guided, negative=[text or "" for text in negative]
        )
        rotary = rotary_of(pipe)

        def say(latents: Any, time: float) -> Any:
            doubled = torch.cat([latents] * 2) if guided else latents
            said = velocity(
                pipe.transformer, doubled.to(dtype), torch.tensor([time], device=device), context, whole, rotary
            )
            if guided:
                said = weighted(said, guidance)
            return said

        return say
