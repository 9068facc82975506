"""Any other text-to-audio pipeline of diffusers whose call can be understood from its signature."""

from __future__ import annotations

import math
from collections.abc import Mapping
from inspect import signature
from typing import Any

import numpy as np

from menura.backends.text_to_audio.calls import Job, OneAtATime
from menura.backends.text_to_audio.generator import LoadedModel, PretrainedGenerator
from menura.backends.text_to_audio.loading import load_pipeline, torch_dtype
from menura.backends.text_to_audio.stable_audio import seeded
from menura.backends.text_to_audio.tuning import compiled, to_device
from menura.backends.weights.hub import Files
from menura.backends.weights.published import PUBLISHED
from menura.config import ModelSettings
from menura.errors import BackendError
from menura.types import JsonValue, Waveform

__all__ = ["REQUIRES", "GenericGenerator"]

REQUIRES = ("torch", "diffusers", "transformers")

_DURATIONS = ("audio_length_in_s", "audio_end_in_s", "duration", "audio_duration", "audio_duration_s")
"""Names under which pipelines take a duration in seconds."""
_BROKEN = {
    "MusicLDMPipeline": "it fails with transformers 5, and returns other prompts' clips where it ranks them",
    "DanceDiffusionPipeline": "it takes no text",
}


class GenericGenerator(PretrainedGenerator):
    """Clips from text by any other diffusers pipeline in model.path that takes prompt, a duration and generator."""

    name = "text-to-audio"
    unsupported = ("strength", "replace_s", "adapter", "temperature", "top_k")

    def _check_class(self, found: str, path: str) -> None:
        own = [name for name, known in PUBLISHED.items() if known.pipeline == found]
        if own:
            raise BackendError(f"{path} holds {found}: take the generator {own[0]}, which knows its traps")
        if found in _BROKEN:
            raise BackendError(f"{path} holds {found}, which cannot be used: {_BROKEN[found]}")

    def _load(self, files: Files) -> LoadedModel:
        pipeline = load_pipeline(files.folder, dtype=torch_dtype(self.model), expected=None)
        model = _Generic(pipeline, self.model)
        to_device(pipeline, self.model, self.device)
        for part in ("transformer", "unet"):
            if hasattr(pipeline, part):
                setattr(pipeline, part, compiled(getattr(pipeline, part), self.model))
        return model


class _Generic(OneAtATime):
    """One clip a call: what a neighbour does to a clip is not known of a pipeline that nobody has looked at."""

    def __init__(self, pipeline: Any, settings: ModelSettings) -> None:
        name = type(pipeline).__name__
        self.pipeline = pipeline
        self.accepts = set(signature(pipeline.__call__).parameters)
        lacking = {"prompt", "generator"} - self.accepts
        durations = [word for word in _DURATIONS if word in self.accepts]
        if lacking or not durations:
            what = ", ".join(sorted(lacking)) or f"a duration ({', '.join(_DURATIONS)})"
            raise BackendError(f"{name} takes no {what}: write a generator for it (docs/extend/generator.md)")
        self.duration = durations[0]
        self.sample_rate = _sample_rate(pipeline)
        self.channels = 1
        self.window_s: float | None = None
        wanted = {"num_inference_steps": settings.num_inference_steps, "guidance_scale": settings.guidance_scale}
        self.options = {word: value for word, value in wanted.items() if value is not None}
        refused = sorted(set(self.options) - self.accepts)
        if refused:
            raise BackendError(f"{name} has no setting {', '.join(refused)}: leave it out")

    def facts(self) -> dict[str, JsonValue]:
        return {"pipeline": type(self.pipeline).__name__, **self.options}

    def ignores(self, job: Job) -> list[str]:
        return ["negative_prompt"] if job.negative_prompt and "negative_prompt" not in self.accepts else []

    def make(self, job: Job) -> Waveform:
        options: dict[str, Any] = dict(self.options)
        if job.negative_prompt and "negative_prompt" in self.accepts:
            options["negative_prompt"] = [job.negative_prompt]
        num_samples = math.ceil(job.duration_s * self.sample_rate)
        options[self.duration] = (num_samples + 0.5) / self.sample_rate
        made = self.pipeline([job.prompt], generator=seeded([job]), **options).audios[0]
        array = made.float().cpu().numpy() if hasattr(made, "cpu") else np.asarray(made, np.float32)
        return np.asarray(array.reshape(-1, array.shape[-1]), np.float32)


def _sample_rate(pipeline: Any) -> int:
    """The rate that one of its parts names."""
    for part in ("vocoder", "vae", "transformer", "unet"):
        config = getattr(getattr(pipeline, part, None), "config", None)
        for word in ("sampling_rate", "sample_rate", "audio_sampling_rate"):
            found = config.get(word) if isinstance(config, Mapping) else getattr(config, word, None)
            if isinstance(found, int) and found > 0:
                return found
    raise BackendError(f"{type(pipeline).__name__} names no sample rate: write a generator for it")
