"""Pairs of sounds as the network sees them: rendered on the fly, heard through two different microphones.

The changes of a view are made on the mel levels, where they cost nothing: another colour, a hiss, a shift in time, a
masked band. They stand for what differs between two recordings of one cause.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from menura.augmentation.features import spec_augment
from menura.augmentation.paper_chain import paper_chain
from menura.encoders.front_end import FrontEnd
from menura.pretrain.settings import ViewName
from menura.seeding import item_generator
from menura.synth import Synthesizer, doppelgangers, draw_sounds

__all__ = ["ViewSettings", "chained", "changed_views", "render_pairs", "view_levels"]

_COLOUR_POINTS = 6
_HISS_RANGE_DB = 40.0


@dataclass(frozen=True, slots=True)
class ViewSettings:
    """How much two views of a pair differ beyond their parameters.

    Attributes:
        colour_db: Largest gain of a band.
        hiss_db: Highest level of an added hiss under the loud frames; each view has one with probability one half.
        shift: Largest shift in time as a share of the window, around the end.
        mask: Widest masked band and stretch of time, as a share.
    """

    colour_db: float = 12.0
    hiss_db: float = -15.0
    shift: float = 0.25
    mask: float = 0.15


def render_pairs(
    synthesizer: Synthesizer, *, delta: float, seed: int, step: int, num_pairs: int, device: torch.device | None = None
) -> Tensor:
    """Waveforms of the pairs of one step, first all first sounds, then all second ones, ``[2 num_pairs, samples]``.

    A pair depends on seed, step and its place in it alone.
    """
    keys = [step * num_pairs + i for i in range(num_pairs)]
    sounds = draw_sounds(synthesizer.space, seed=seed, keys=keys)
    with torch.no_grad():
        return torch.cat(
            [synthesizer.render(twin.to(device)) for twin in doppelgangers(sounds, delta=delta, seed=seed, keys=keys)]
        )


def chained(waveforms: Tensor, *, sample_rate: int, seed: int, step: int) -> Tensor:
    """Waveforms ``[views, samples]``, each through :func:`menura.augmentation.paper_chain.paper_chain`.

    Raises:
        BackendError: audiomentations is not installed.
    """
    changed = [
        paper_chain(waveform[None], sample_rate, generator=item_generator(seed, "chain", step, place))[0]
        for place, waveform in enumerate(waveforms.cpu().numpy())
    ]
    return torch.from_numpy(np.stack(changed))


def view_levels(levels: Tensor, front_end: FrontEnd, views: ViewName, *, seed: int, step: int) -> Tensor:
    """Levels ``[views, mels, frames]``, changed one by one as ``views`` says.

    Source:
        ``masking`` and ``spec_augment``: the chains of Cherep and Singh 2024, arXiv:2406.05923.
    """
    if views == "recordings":
        return changed_views(levels, front_end, ViewSettings(), seed=seed, step=step)
    if views not in ("masking", "spec_augment"):
        return levels
    generator = item_generator(seed, "views", step)
    fill = front_end.floor
    if views == "masking":
        masked = spec_augment(levels, generator, max_mels=40, max_frames=40, fill=fill)
        share = 0.2
    else:
        masked = spec_augment(levels, generator, max_mels=0, max_frames=40, num_masks=4, fill=fill)
        masked = spec_augment(masked, generator, max_mels=20, max_frames=0, num_masks=2, fill=fill)
        share = 0.4
    chosen = torch.from_numpy(generator.random(len(levels)) < share).to(levels.device)
    return torch.where(chosen[:, None, None], masked, levels)


def changed_views(levels: Tensor, front_end: FrontEnd, settings: ViewSettings, *, seed: int, step: int) -> Tensor:
    """Every view changed on its own, same shape.

    Args:
        levels: From the front-end, ``[views, mels, frames]``.
        front_end: Says what a level of 1 is.
        settings: How much.
        seed, step: The changes depend on them and on the place of a view alone.
    """
    generator = item_generator(seed, "views", step)
    views, mels, frames = levels.shape
    unit = front_end.unit_db
    knots = generator.uniform(-settings.colour_db, settings.colour_db, (views, _COLOUR_POINTS))
    place = np.linspace(0, _COLOUR_POINTS - 1, mels)
    colour = np.stack([np.interp(place, np.arange(_COLOUR_POINTS), row) for row in knots]) / unit
    changed = levels + torch.from_numpy(colour).to(levels)[:, :, None]
    hiss_db = generator.uniform(settings.hiss_db - _HISS_RANGE_DB, settings.hiss_db, views) - 10 * np.log10(mels)
    hiss_db[generator.random(views) < 0.5] = -3 * unit
    hiss = torch.from_numpy(hiss_db / unit).to(levels)[:, None, None]
    # levels add as powers: log10(10^a + 10^b), a and b in units of the range
    scale = unit / 10 * float(np.log(10))
    changed = torch.logaddexp(changed * scale, hiss * scale) / scale
    shifts = np.round(generator.uniform(-settings.shift, settings.shift, views) * frames).astype(np.int64)
    source = (torch.arange(frames)[None] - torch.from_numpy(shifts)[:, None]) % frames
    changed = changed.gather(2, source.to(levels.device)[:, None].expand(-1, mels, -1))
    widths = (round(settings.mask * mels), round(settings.mask * frames))
    masked = spec_augment(changed, generator, max_mels=widths[0], max_frames=widths[1], fill=front_end.floor)
    return masked.clamp_min(front_end.floor)
