"""Deterministic denoising and its inverse: which noise would a diffusion model turn into this image?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from menura.diffusion.schedules import NoiseSchedule, Prediction

__all__ = ["Denoiser", "add_noise", "ddim_move", "denoise", "invert", "noise_of"]

Bars: TypeAlias = tuple[float, float]
Denoiser: TypeAlias = Callable[[Tensor, int], Tensor]
"""Gives what the model says of images ``[batch, channels, height, width]`` at a time step, in the same shape."""


def add_noise(image: Tensor, noise: Tensor, alpha_bar: float) -> Tensor:
    """``sqrt(alpha_bar) image + sqrt(1 - alpha_bar) noise``: the image at that time step.

    Source:
        Ho et al. 2020, arXiv:2006.11239, equation 4.
    """
    return float(alpha_bar**0.5) * image + float((1 - alpha_bar) ** 0.5) * noise


def noise_of(said: Tensor, image: Tensor, alpha_bar: float, prediction: Prediction) -> Tensor:
    """The noise in an image at a time step, from what the model says of it.

    Args:
        said: Output of the model.
        image: The image that it was given.
        alpha_bar: Of the time step, in (0, 1).
        prediction: Noise, velocity ``v = sqrt(alpha_bar) noise - sqrt(1 - alpha_bar) clean``, or clean image.
    """
    clean_share, noise_share = alpha_bar**0.5, (1 - alpha_bar) ** 0.5
    if prediction == "v_prediction":
        said = clean_share * said + noise_share * image
    elif prediction == "sample":
        said = (image - clean_share * said) / noise_share
    return said


def ddim_move(image: Tensor, noise: Tensor, *, from_bar: float, to_bar: float) -> Tensor:
    """The image at another noise level, if ``noise`` is the noise in it: DDIM without randomness, either way.

    ``sqrt(to_bar) (image - sqrt(1 - from_bar) noise) / sqrt(from_bar) + sqrt(1 - to_bar) noise``

    Source:
        Song et al. 2021, arXiv:2010.02502, equation 12 with sigma = 0.
    """
    clean = (image - float((1 - from_bar) ** 0.5) * noise) / float(from_bar**0.5)
    return add_noise(clean, noise, to_bar)


@torch.no_grad()
def denoise(
    noisy: Tensor,
    denoiser: Denoiser,
    schedule: NoiseSchedule,
    *,
    steps: int,
    first: int | None = None,
    after_step: Callable[[Tensor, float], Tensor] | None = None,
) -> Tensor:
    """The image that deterministic DDIM makes of noise. Nothing is clipped, so that :func:`invert` can undo it.

    Args:
        noisy: ``[batch, channels, height, width]``.
        denoiser: The model.
        schedule: What it was trained with.
        steps: Number of steps of the whole way.
        first: How many of them are taken, from the image's end; None takes all, 0 returns ``noisy``.
        after_step: Changes the image after each step, given it and its new alpha-bar; see :mod:`.painting`.
    """
    image = noisy
    for time, here, less in reversed(schedule.levels(steps)[:first]):
        noise = noise_of(denoiser(image, time), image, here, schedule.prediction)
        image = ddim_move(image, noise, from_bar=here, to_bar=less)
        if after_step is not None:
            image = after_step(image, less)
    return image


@torch.no_grad()
def invert(
    image: Tensor,
    denoiser: Denoiser,
    schedule: NoiseSchedule,
    *,
    steps: int,
    first: int | None = None,
    refinements: int = 0,
) -> Tensor:
    """The noise of which :func:`denoise` with the same steps makes the image.

    Going up from ``x`` at ``t-k`` to ``t``, the noise in the unknown image at ``t`` is needed. The source work takes
    what the model says of ``x`` itself at time ``t``: an approximation, the better the more steps there are. Each
    refinement asks the model again, of the image found so far (fixed-point iteration); when that settles, the step is
    undone exactly. Where a turn leads away from the fixed point, the next one goes half as far from the best image, so
    that refinements never leave a step worse than they found it.

    Args:
        image: ``[batch, channels, height, width]``, as the model was trained: in [-1, 1].
        denoiser: The model.
        schedule: What it was trained with.
        steps: Number of steps of the whole way.
        first: How many of them are climbed; None climbs all, up to pure noise.
        refinements: Further questions to the model in each step; 0 is the inversion of the source work.

    Source:
        Song et al. 2021, arXiv:2010.02502, section 4.3, as coded in the AudioDiffusionPipeline; fixed point: Pan et al.
        2023, arXiv:2309.04907.
    """
    for time, here, less in schedule.levels(steps)[:first]:

        def climbed(guess: Tensor, *, image: Tensor = image, time: int = time, bars: Bars = (less, here)) -> Tensor:
            noise = noise_of(denoiser(guess, time), guess, bars[1], schedule.prediction)
            return ddim_move(image, noise, from_bar=bars[0], to_bar=bars[1])

        image = _fixed_point(climbed, image, refinements)
    return image


def _fixed_point(change: Callable[[Tensor], Tensor], start: Tensor, refinements: int) -> Tensor:
    """``change`` of the guess that it changes least, image by image, of so many guesses after the first."""
    guess, changed = start, change(start)
    distance = _size(changed - guess)
    share = torch.ones_like(distance)
    for _ in range(refinements):
        trial = guess + share * (changed - guess)
        answer = change(trial)
        away = _size(answer - trial)
        nearer = away < distance
        guess, changed = torch.where(nearer, trial, guess), torch.where(nearer, answer, changed)
        distance, share = torch.where(nearer, away, distance), torch.where(nearer, share, share / 2)
    return changed


def _size(images: Tensor) -> Tensor:
    """Norm of each image, ``[batch, 1, 1, 1]``."""
    size: Tensor = images.flatten(1).norm(dim=1)
    return size[:, None, None, None]
