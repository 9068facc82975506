"""AudioLDM 2: diffusion in the latents of a mel spectrogram, conditioned by CLAP, T5 and a language model."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, Any

from menura.backends.text_to_audio.between import GUIDANCE, STEPS, between, facts_of, weighted
from menura.backends.text_to_audio.calls import Job
from menura.backends.text_to_audio.generator import LoadedModel, PretrainedGenerator
from menura.backends.text_to_audio.loading import load_pipeline, torch_dtype
from menura.backends.text_to_audio.mel import log_mel
from menura.backends.text_to_audio.stable_audio import seeded
from menura.backends.text_to_audio.tuning import adapted, compiled, to_device
from menura.backends.trainee import Trainee
from menura.backends.weights.hub import Files
from menura.config import ModelSettings
from menura.errors import ConfigError
from menura.types import JsonValue, Recording, Waveform

if TYPE_CHECKING:
    from menura.diffusion.inversion import Denoiser

__all__ = ["REQUIRES", "AudioLDM2Generator", "steps_of_strength"]

REQUIRES = ("torch", "diffusers", "transformers")

_STEPS, _GUIDANCE = 200, 3.5
_REPLACE = {"GPT2Model": "GPT2LMHeadModel"}
"""Older conversions name the bare network, which lacks a method that the pipeline calls; the weights are the same."""


class AudioLDM2Generator(PretrainedGenerator):
    """Clips of any length at 16 kHz from text or from real clips, by AudioLDM 2 (diffusers); best near 10 s."""

    name = "audioldm2"
    inverts = True
    batch_tolerance = 1e-4
    unsupported = ("replace_s", "temperature", "top_k")
    schedulers = (
        "DDIMScheduler", "DPMSolverMultistepScheduler", "PNDMScheduler", "LMSDiscreteScheduler",
        "EulerDiscreteScheduler", "EulerAncestralDiscreteScheduler", "UniPCMultistepScheduler", "HeunDiscreteScheduler",
    )  # fmt: skip

    def _check_settings(self) -> None:
        super()._check_settings()
        if self.starts_from_parent and self.model.scheduler not in (None, "DDIMScheduler"):
            raise ConfigError(
                f"scheduler {self.model.scheduler} cannot start midway from a real clip, nor between two: "
                "with model.strength or model.interpolate take DDIMScheduler, or none"
            )

    def trainee(self) -> Trainee:
        """See :class:`menura.backends.trainee.TrainableGenerator`."""
        from menura.backends.text_to_audio.audioldm2_training import AudioLDM2Trainee

        pipeline = self._pipeline(self._fetch())
        pipeline.to(self.device)
        return AudioLDM2Trainee(pipeline, _AudioLDM2(pipeline, self.model)._encoded)

    def _pipeline(self, files: Files) -> Any:
        return load_pipeline(
            files.folder, dtype=torch_dtype(self.model), expected="AudioLDM2Pipeline", replace=_REPLACE
        )

    def _load(self, files: Files) -> LoadedModel:
        import diffusers

        pipeline = self._pipeline(files)
        name = self.model.scheduler or ("DDIMScheduler" if self.starts_from_parent else None)
        if name is not None and type(pipeline.scheduler).__name__ != name:
            pipeline.scheduler = getattr(diffusers, name).from_config(pipeline.scheduler.config)
        if self.model.adapter:
            pipeline.unet = adapted(pipeline.unet, self.model.adapter)
        to_device(pipeline, self.model, self.device)
        pipeline.unet = compiled(pipeline.unet, self.model)
        return _AudioLDM2(pipeline, self.model)


def steps_of_strength(strength: float, num_inference_steps: int) -> int:
    """How many of the steps are gone through from a real clip: the last ones, at least one."""
    return max(1, min(num_inference_steps, round(strength * num_inference_steps)))


class _AudioLDM2:
    def __init__(self, pipeline: Any, settings: ModelSettings) -> None:
        self.pipeline = pipeline
        self.interpolation = settings.interpolation if settings.interpolate else None
        steps, guidance = (_STEPS, _GUIDANCE) if self.interpolation is None else (STEPS, GUIDANCE)
        self.steps = settings.num_inference_steps or steps
        self.guidance = guidance if settings.guidance_scale is None else settings.guidance_scale
        self.strength = settings.strength
        self.sample_rate = int(pipeline.vocoder.config.sampling_rate)
        self.channels = 1
        self.window_s: float | None = None
        self.hop = math.prod(pipeline.vocoder.config.upsample_rates)

    def facts(self) -> dict[str, JsonValue]:
        scheduler = type(self.pipeline.scheduler).__name__
        facts: dict[str, JsonValue] = {"num_inference_steps": self.steps, "guidance_scale": self.guidance}
        facts |= {"scheduler": scheduler} | ({"strength": self.strength} if self.strength is not None else {})
        return facts | (facts_of(self.interpolation) if self.interpolation is not None else {})

    def ignores(self, job: Job) -> list[str]:
        return ["negative_prompt"] if job.negative_prompt and self.guidance <= 1 else []

    def key(self, job: Job) -> Hashable:
        """One duration and one number of tokens per call.

        T5 fills shorter prompts up to the longest of the call, which moves the positions of the language model behind
        it: a clip changed by 11 % of its norm with a longer neighbour. Prompts of equal length leave each other alone.
        """
        tokens = self.pipeline.tokenizer_2(job.prompt, truncation=True).input_ids
        return self._num_samples(job), len(tokens)

    def cost_s(self, duration_s: float) -> float:
        return duration_s

    def render(self, jobs: Sequence[Job]) -> list[Waveform]:
        if jobs[0].partner is not None:
            return self._render_between(jobs)
        if jobs[0].parent is not None:
            return self._render_from_parents(jobs)
        made = self.pipeline(
            [job.prompt for job in jobs],
            negative_prompt=[job.negative_prompt or "" for job in jobs],
            audio_length_in_s=(self._num_samples(jobs[0]) + 0.5) / self.sample_rate,
            num_inference_steps=self.steps,
            guidance_scale=self.guidance,
            num_waveforms_per_prompt=1,  # more are ranked over the whole call, and come back under other prompts
            generator=seeded(jobs),
            output_type="np",
        ).audios
        return [row[None] for row in made]

    def _num_samples(self, job: Job) -> int:
        """Of the call, not less than one frame of latents."""
        return int(max(math.ceil(job.duration_s * self.sample_rate), self.hop * self.pipeline.vae_scale_factor))

    def _render_from_parents(self, jobs: Sequence[Job]) -> list[Waveform]:
        """The denoising of the pipeline, from the noised latents of the parents on; the pipeline has no such start.

        The parents' latents are noised to the level of the step that ``strength`` names (SDEdit), and the rest of the
        steps is gone through.

        Source:
            Meng et al. 2021, arXiv:2108.01073.
        """
        import torch

        pipe = self.pipeline
        device, dtype = pipe._execution_device, pipe.unet.dtype
        with torch.no_grad():
            say = self._said([job.prompt for job in jobs], [job.negative_prompt for job in jobs], self.guidance)
            generators = seeded(jobs)
            found = self._distributions([job.parent for job in jobs if job.parent is not None])
            drawn = torch.cat([one.sample(generator) for one, generator in zip(found, generators, strict=True)])
            latents = (drawn * pipe.vae.config.scaling_factor).to(device, dtype)
            noise = torch.cat([_noise(latents[:1], one) for one in generators]).to(device, dtype)
            pipe.scheduler.set_timesteps(self.steps, device=device)
            timesteps = pipe.scheduler.timesteps[-steps_of_strength(self.strength or 1.0, self.steps) :]
            latents = pipe.scheduler.add_noise(latents, noise, timesteps[:1].repeat(len(jobs)))
            extra = pipe.prepare_extra_step_kwargs(generators, 0.0)
            for timestep in timesteps:
                latents = pipe.scheduler.step(say(latents, timestep), timestep, latents, **extra).prev_sample
            return self._decoded(latents)

    def _render_between(self, jobs: Sequence[Job]) -> list[Waveform]:
        """Between the noises of two parents, found by DDIM inversion, with the steps that DDIM denoises with."""
        import torch

        from menura.config import InterpolationSettings
        from menura.diffusion.schedules import NoiseSchedule

        with torch.no_grad():
            latents = between(
                jobs, encode=self._encoded, denoiser_for=self._denoiser, steps=self.steps, guidance=self.guidance,
                schedule=NoiseSchedule.from_config(self.pipeline.scheduler.config),
                settings=self.interpolation or InterpolationSettings(),
            )  # fmt: skip
            return self._decoded(latents)

    def _denoiser(self, prompts: Sequence[str], negative: Sequence[str | None], guidance: float) -> Denoiser:
        """What the network says, in float32."""
        say, dtype = self._said(prompts, negative, guidance), self.pipeline.unet.dtype
        return lambda latents, time: say(latents.to(dtype), time).float()

    def _said(
        self, prompts: Sequence[str], negative: Sequence[str | None], guidance: float
    ) -> Callable[[Any, Any], Any]:
        """What the network says of latents at a time step, the prompts weighted by the guidance."""
        import torch

        pipe, guided = self.pipeline, guidance > 1
        texts, mask, generated = pipe.encode_prompt(
            list(prompts), pipe._execution_device, 1, guided, negative_prompt=[text or "" for text in negative]
        )

        def say(latents: Any, timestep: Any) -> Any:
            doubled = torch.cat([latents] * 2) if guided else latents
            predicted = pipe.unet(
                pipe.scheduler.scale_model_input(doubled, timestep), timestep, encoder_hidden_states=generated,
                encoder_hidden_states_1=texts, encoder_attention_mask_1=mask, return_dict=False,
            )[0]  # fmt: skip
            if guided:
                predicted = weighted(predicted, guidance)
            return predicted

        return say

    def _decoded(self, latents: Any) -> list[Waveform]:
        pipe = self.pipeline
        pipe.maybe_free_model_hooks()
        mel = pipe.vae.decode(latents.to(pipe.vae.dtype) / pipe.vae.config.scaling_factor).sample
        made = pipe.mel_spectrogram_to_waveform(mel)
        return list(made.reshape(len(latents), 1, -1).numpy())

    def _encoded(self, recordings: Sequence[Recording]) -> Any:
        """The most likely latents of recordings of one length, ``[recordings, channels, frames, bands]``."""
        import torch

        rows = [distribution.mode() for distribution in self._distributions(recordings)]
        return torch.cat(rows).to(self.pipeline._execution_device) * self.pipeline.vae.config.scaling_factor

    def _distributions(self, recordings: Sequence[Recording]) -> list[Any]:
        """What the autoencoder makes of recordings of one length, with whole frames of latents."""
        vae, factor = self.pipeline.vae, self.pipeline.vae_scale_factor
        num_samples = max(max(recording.waveform.shape[1] for recording in recordings), self.hop * factor)
        frames = math.ceil(num_samples / (self.hop * factor)) * factor
        bands = self.pipeline.vocoder.config.model_in_dim
        found = []
        for recording in recordings:
            mel = log_mel(recording.waveform[0], self.sample_rate, hop=self.hop, num_mels=bands, num_frames=frames)
            found.append(vae.encode(mel[None, None].to(vae.device, vae.dtype)).latent_dist)
        return found


def _noise(like: Any, generator: Any) -> Any:
    import torch

    return torch.randn(like.shape, generator=generator, dtype=torch.float32)
