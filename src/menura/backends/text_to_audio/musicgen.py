"""MusicGen, and AudioGen in its architecture: a language model over the tokens of EnCodec."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from menura.backends.text_to_audio.calls import Job, OneAtATime
from menura.backends.text_to_audio.generator import LoadedModel, PretrainedGenerator
from menura.backends.text_to_audio.loading import load_transformer, torch_dtype
from menura.backends.text_to_audio.tuning import adapted, compiled
from menura.backends.weights.hub import Files
from menura.backends.weights.loading import load_part
from menura.config import ModelSettings
from menura.errors import BackendError, ConfigError
from menura.types import JsonValue, Waveform

__all__ = ["REQUIRES", "AudioGenGenerator", "MusicGenGenerator"]

REQUIRES = ("torch", "diffusers", "transformers")

_GUIDANCE, _TOP_K, _TEMPERATURE = 3.0, 250, 1.0


class MusicGenGenerator(PretrainedGenerator):
    """Music of up to 30 s at 32 kHz from text, or going on from a real clip, by MusicGen (transformers)."""

    name = "musicgen"
    unsupported = ("num_inference_steps", "replace_s")
    why_schedulers = "it samples tokens and has none"
    rate_needed: int | None = None
    window_s = 30.0

    def _check_settings(self) -> None:
        super()._check_settings()
        if self.model.offload:
            raise ConfigError(f"{self.name} has no setting model.offload: take precision float16 or a smaller model")
        if self.model.batch not in (None, 1):
            raise ConfigError(f"{self.name} makes one clip at a time, each with its own seed: leave out model.batch")

    def _load(self, files: Files) -> LoadedModel:
        from transformers import AutoTokenizer, MusicgenForConditionalGeneration

        model = load_transformer(MusicgenForConditionalGeneration, files.folder, dtype=torch_dtype(self.model))
        rate = int(model.config.audio_encoder.sampling_rate)
        if self.rate_needed is not None and rate != self.rate_needed:
            raise BackendError(f"{files.folder} works at {rate} Hz, but {self.name} at {self.rate_needed} Hz")
        if self.model.adapter:
            model.decoder = adapted(model.decoder, self.model.adapter)
        model.to(self.device)
        model.decoder.forward = compiled(model.decoder.forward, self.model)
        tokenizer = load_part(AutoTokenizer, files.folder)
        return _MusicGen(model, tokenizer, self.model, self.window_s)


class AudioGenGenerator(MusicGenGenerator):
    """Sounds of up to 10 s at 16 kHz from text, or going on from a real clip, by AudioGen, converted (transformers)."""

    name = "audiogen"
    rate_needed = 16_000
    window_s = 10.0


class _MusicGen(OneAtATime):
    """Each alone: sampling takes its numbers from one state for the whole batch, so no clip would have its own."""

    def __init__(self, model: Any, tokenizer: Any, settings: ModelSettings, window_s: float) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.guidance = _GUIDANCE if settings.guidance_scale is None else settings.guidance_scale
        self.temperature = settings.temperature or _TEMPERATURE
        self.top_k = min(settings.top_k or _TOP_K, int(model.config.decoder.vocab_size))
        self.strength = settings.strength
        self.sample_rate = int(model.config.audio_encoder.sampling_rate)
        self.channels = int(model.config.decoder.audio_channels)
        self.window_s: float | None = window_s
        self.hop = math.prod(model.config.audio_encoder.upsampling_ratios)

    def facts(self) -> dict[str, JsonValue]:
        facts: dict[str, JsonValue] = {
            "guidance_scale": self.guidance, "temperature": self.temperature, "top_k": self.top_k,
        }  # fmt: skip
        return facts | ({"strength": self.strength} if self.strength is not None else {})

    def ignores(self, job: Job) -> list[str]:
        return ["negative_prompt"] if job.negative_prompt else []

    def make(self, job: Job) -> Waveform:
        import torch

        device = self.model.device
        frames = math.ceil(math.ceil(job.duration_s * self.sample_rate) / self.hop)
        start = self._start(job, frames)
        inputs = self.tokenizer(job.prompt, return_tensors="pt", truncation=True).to(device)
        parts: dict[str, Any] = {}
        if start is not None:
            parts["input_values"] = torch.from_numpy(start[None]).to(device, self.model.dtype)
        kept = 0 if start is None else start.shape[1] // self.hop
        codebooks = int(self.model.config.decoder.num_codebooks) // self.channels
        devices = [device] if device.type == "cuda" else []
        with torch.no_grad(), torch.random.fork_rng(devices=devices):
            torch.manual_seed(job.seed)
            made = self.model.generate(
                **inputs, **parts, do_sample=True, temperature=self.temperature, top_k=self.top_k,
                guidance_scale=self.guidance, max_new_tokens=frames - kept + codebooks - 1,
            )  # fmt: skip
        return np.asarray(made[0].float().cpu().numpy())

    def _start(self, job: Job, frames: int) -> Waveform | None:
        """The beginning of the parent that is kept: whole frames, and at least one is left to be made."""
        if job.parent is None or self.strength is None:
            return None
        kept = min(frames - 1, int((1 - self.strength) * frames))
        return np.ascontiguousarray(job.parent.waveform[:, : kept * self.hop]) if kept > 0 else None
