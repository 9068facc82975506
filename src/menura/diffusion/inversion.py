"""Deterministic denoising and its inverse: which noise would a diffusion model turn into this image?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from menura.diffusion.schedules import Schedule

__all__ = ["Denoiser", "denoise", "invert"]

Levels: TypeAlias = tuple[float, float]
Denoiser: TypeAlias = Callable[[Tensor, float], Tensor]
"""Gives what the model says of images ``[batch, channels, …]`` at a time step, in the same shape."""


@torch.no_grad()
def denoise(
    noisy: Tensor,
    denoiser: Denoiser,
    schedule: Schedule,
    *,
    steps: int,
    first: int | None = None,
    after_step: Callable[[Tensor, float], Tensor] | None = None,
) -> Tensor:
    """The image that deterministic DDIM makes of noise. Nothing is clipped, so that :func:`invert` can undo it.

    Args:
        noisy: ``[batch, channels, …]``.
        denoiser: The model.
        schedule: What it was trained with; with a flow, a step of DDIM is one of Euler.
        steps: Number of steps of the whole way.
        first: How many of them are taken, from the image's end; None takes all, 0 returns ``noisy``.
        after_step: Changes the image after each step, given it and its new level; see :mod:`.painting`.
    """
    image = noisy
    for time, here, less in reversed(schedule.levels(steps)[:first]):
        direction = schedule.direction(denoiser(image, time), image, here)
        image = schedule.move(image, direction, from_level=here, to_level=less)
        if after_step is not None:
            image = after_step(image, less)
    return image


@torch.no_grad()
def invert(
    image: Tensor,
    denoiser: Denoiser,
    schedule: Schedule,
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
        image: ``[batch, channels, …]``, as the model was trained: pixels in [-1, 1], latents as they are.
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

        def climbed(
            guess: Tensor, *, image: Tensor = image, time: float = time, levels: Levels = (less, here)
        ) -> Tensor:
            direction = schedule.direction(denoiser(guess, time), guess, levels[1])
            return schedule.move(image, direction, from_level=levels[0], to_level=levels[1])

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
    """Norm of each image, ``[batch, 1, …]`` with as many dimensions as the images."""
    size: Tensor = images.flatten(1).norm(dim=1)
    return size.reshape(-1, *[1] * (images.ndim - 1))
