"""In-painting and out-painting: part of an image is given, the model paints the rest."""

from __future__ import annotations

from torch import Tensor

from menura.diffusion.inversion import Denoiser, denoise
from menura.diffusion.moves import add_noise
from menura.diffusion.schedules import NoiseSchedule

__all__ = ["paint"]


def paint(
    known: Tensor,
    keep: Tensor,
    noise: Tensor,
    denoiser: Denoiser,
    schedule: NoiseSchedule,
    *,
    steps: int,
    first: int | None = None,
) -> Tensor:
    """An image that is ``known`` where ``keep`` says so; the model fills in the rest to go with it.

    After each step the kept part is replaced by the known image with as much noise as the step has left. Keep the
    middle to continue a clip on both sides (out-painting), keep both ends to fill a gap (in-painting).

    Args:
        known: ``[batch, channels, height, width]``.
        keep: Booleans that broadcast to the image, True where it must not change.
        noise: Standard normal noise in the shape of the image.
        denoiser, schedule, steps, first: As for :func:`menura.diffusion.inversion.denoise`; with ``first``, the rest
            starts from the known image with noise, and stays similar to it.

    Source:
        Lugmayr et al. 2022, arXiv:2201.09865, algorithm 1 without resampling.
    """
    levels = schedule.levels(steps)[:first]
    if not levels:
        return known.clone()
    start = noise if first is None else add_noise(known, noise, levels[-1][1])
    return denoise(
        start, denoiser, schedule, steps=steps, first=first,
        after_step=lambda image, less: image.where(~keep, add_noise(known, noise, less)),
    )  # fmt: skip
