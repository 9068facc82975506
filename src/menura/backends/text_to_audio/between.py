"""A clip between two real ones, in the noise that a text-to-audio model would make each of them from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from menura.backends.text_to_audio.calls import Job
from menura.config import InterpolationSettings, ModelSettings
from menura.errors import BackendError, ConfigError
from menura.types import JsonValue, Params, Recording, Request

if TYPE_CHECKING:
    from torch import Tensor

    from menura.diffusion.inversion import Denoiser
    from menura.diffusion.schedules import Schedule

__all__ = [
    "BATCH_TOLERANCE",
    "GUIDANCE",
    "STEPS",
    "between",
    "check_interpolation",
    "check_pair",
    "draw_share",
    "facts_of",
    "heard",
    "weighted",
]

STEPS = 50
"""Steps of the inversion and of the denoising, unless the settings say otherwise: those of the source work."""

GUIDANCE = 1.0
"""Weight of the prompt while denoising, unless the settings say otherwise; the inversion always has this one."""

BATCH_TOLERANCE = 1e-3
"""Of clips between two real ones, whatever the model: last digits pass through it on the way up and down."""

Denoisers: TypeAlias = "Callable[[Sequence[str], Sequence[str | None], float], Denoiser]"
"""Gives the denoiser for prompts, the negative ones of each, and the weight of the prompts."""


def between(
    jobs: Sequence[Job],
    *,
    encode: Callable[[Sequence[Recording]], Tensor],
    denoiser_for: Denoisers,
    schedule: Schedule,
    steps: int,
    guidance: float,
    settings: InterpolationSettings,
) -> Tensor:
    """Latents ``[jobs, …]`` between those of the two parents of each job.

    Each parent is turned into noise under the prompt of its job, without guidance: guidance pushes every step away from
    what the model would do by itself, and an inversion through it runs off. The noises are mixed at the job's share,
    and the mixture is denoised under the same prompt. With a weight of 1 there too, a share of 0 or 1 gives the parent.
    Parents that several jobs of a call have in common are inverted once.

    Args:
        jobs: Of one duration, each with two parents.
        encode: Gives the latents of recordings, without drawing anything.
        denoiser_for: The model.
        schedule: Its noise levels.
        steps: Of the inversion, and of the denoising.
        guidance: Weight of the prompt while denoising.
        settings: How noises are mixed and inverted.

    Source:
        Inversion: Song et al. 2021, arXiv:2010.02502, section 4.3; with text and without guidance: Mokady et al. 2022,
        arXiv:2211.09794, section 3.
    """
    import torch

    from menura.diffusion.interpolation import lerp, slerp
    from menura.diffusion.inversion import denoise, invert

    real: dict[tuple[str, str], Recording] = {}
    for job in jobs:
        if job.parent is None or job.partner is None:
            raise BackendError(f"request {job.request.id} lacks a parent, expected two")
        real |= dict(zip(_names(job), (job.parent, job.partner), strict=True))
    plain = denoiser_for([prompt for _, prompt in real], [None] * len(real), 1.0)
    latents = encode(list(real.values())).float()
    inverted = invert(latents, plain, schedule, steps=steps, refinements=settings.refinements)
    noises = dict(zip(real, inverted, strict=True))
    mix = slerp if settings.along == "sphere" else lerp
    pairs = [[noises[name] for name in _names(job)] for job in jobs]
    starts = torch.stack([mix(one, other, job.alpha) for (one, other), job in zip(pairs, jobs, strict=True)])
    prompted = denoiser_for([job.prompt for job in jobs], [job.negative_prompt for job in jobs], guidance)
    return denoise(starts, prompted, schedule, steps=steps)


def check_interpolation(name: str, model: ModelSettings, *, inverts: bool) -> None:
    """Refuse settings of an interpolation that would not be heard.

    Raises:
        ConfigError: The model cannot be inverted, or a setting does not apply.
    """
    asked = model.interpolation
    if not model.interpolate:
        if asked != InterpolationSettings():
            raise ConfigError(f"{name} goes between two real clips only with model.interpolate = true")
        return
    if not inverts:
        raise ConfigError(
            f"{name} cannot be inverted, so it knows no model.interpolate; audioldm2, stable-audio, the base model of "
            "stable-audio-3 and spectrogram-diffusion can be"
        )
    if model.strength is not None:
        raise ConfigError(f"{name} starts from one real clip (strength) or lies between two (interpolate), not both")
    if asked.vocoder is not None:
        raise ConfigError(f"model.interpolation.vocoder is for spectrogram-diffusion; {name} has its own decoder")


def check_pair(name: str, request: Request) -> None:
    """Refuse a request that does not lie between two clips.

    Raises:
        BackendError: Its number of parents or its share is wrong.
    """
    if len(request.parents) != 2:
        raise BackendError(
            f"request {request.id} names {len(request.parents)} parents, but {name} with model.interpolate needs two "
            "real clips; take the recipe interpolation"
        )
    share = request.params.get("alpha")
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise BackendError(f"request {request.id} has alpha {share!r}, expected a number in [0, 1]; plan it again")


def draw_share(settings: InterpolationSettings, delta: float | None, generator: np.random.Generator) -> Params:
    """The share of the second parent; ``delta`` pulls it towards the first."""
    strength = 1.0 if delta is None else delta
    return {"alpha": round(strength * float(generator.uniform(*settings.alpha)), 6)}


def heard(model: ModelSettings, delta: float | None) -> list[JsonValue]:
    """What belongs to the fingerprint; nothing without an interpolation, so that other clips keep theirs."""
    return [model.interpolation.model_dump(mode="json"), delta] if model.interpolate else []


def facts_of(settings: InterpolationSettings) -> dict[str, JsonValue]:
    """How the noises of the parents were found and mixed."""
    return {"along": settings.along, "refinements": settings.refinements}


def _names(job: Job) -> list[tuple[str, str]]:
    """What tells the noises of the parents apart within a call: who they are, and under which prompt."""
    return [(parent, job.prompt) for parent in job.request.parents]


def weighted(said: Tensor, guidance: float) -> Tensor:
    """``without + guidance * (with_prompt - without)``, of what a model says without a prompt and, below it, with one.

    Args:
        said: ``[2 * batch, …]``.
        guidance: Weight of the prompt.

    Source:
        Ho and Salimans 2022, arXiv:2207.12598, equation 6.
    """
    without, with_prompt = said.chunk(2)
    return without + guidance * (with_prompt - without)
