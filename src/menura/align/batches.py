"""Which pairs a step learns from, and their latents and conditions stacked: drawn by the number of the step alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from menura.align.cache import LatentCache
from menura.align.pairs import Pair
from menura.align.settings import AlignSettings
from menura.diffusion.pairs import Draws, draw_batch
from menura.errors import BackendError
from menura.seeding import item_generator, item_seed

__all__ = ["Batch", "draws_of", "pairs_of", "stacked", "torch_generator"]


@dataclass(frozen=True)
class Batch:
    """Pairs, encoded.

    Attributes:
        winner: Clean latents ``[pairs, …]``.
        loser: The same; None for plain fine-tuning.
        conditions: What the model is told, ``[pairs, …]`` by name.
        unprompted: What it is told of those that lose their prompt, ``[pairs, …]`` by name.
    """

    winner: Tensor
    loser: Tensor | None
    conditions: Mapping[str, Tensor]
    unprompted: Mapping[str, Tensor]


def pairs_of(
    pairs: Sequence[Pair], index: int, settings: AlignSettings, *, round_index: int, number: int
) -> list[Pair]:
    """The pairs of one batch of one process: all pairs once in an order of their own, then again in another.

    Args:
        pairs: Of the round.
        index: Of the batch within the round, counted over accumulated ones too.
        settings: Size of a batch, processes, seed.
        round_index: Of the round.
        number: Of the process.
    """
    first = (index * settings.processes + number) * settings.batch
    chosen = []
    for place in range(first, first + settings.batch):
        epoch, row = divmod(place, len(pairs))
        order = item_generator(settings.seed, "order", round_index, epoch).permutation(len(pairs))
        chosen.append(pairs[order[row]])
    return chosen


def stacked(pairs: Sequence[Pair], cache: LatentCache, *, losers: bool) -> Batch:
    """Latents and conditions of the pairs.

    Raises:
        BackendError: The model gives latents or conditions of different shapes for them.
    """
    told = [cache.conditions(pair.prompt, pair.duration_s) for pair in pairs]
    untold = [cache.unprompted(pair.duration_s) for pair in pairs]
    try:
        return Batch(
            winner=torch.stack([cache.latents(pair.winner, pair.cut) for pair in pairs]),
            loser=torch.stack([cache.latents(pair.loser, pair.cut) for pair in pairs if pair.loser])
            if losers
            else None,
            conditions={name: torch.cat([one[name] for one in told]) for name in told[0]},
            unprompted={name: torch.cat([one[name] for one in untold]) for name in untold[0]},
        )
    except (RuntimeError, KeyError) as error:
        raise BackendError(
            f"the pairs of a batch cannot be stacked ({error}); take batch=1, or prompts and clips of one length"
        ) from error


def draws_of(batch: Batch, settings: AlignSettings, *key: str | int) -> Draws:
    """Noise, times and dropped prompts of a batch: the same for winner, loser, model and reference."""
    return draw_batch(
        batch.winner, batch.conditions, torch_generator(settings.seed, *key), unprompted=batch.unprompted,
        dropout=settings.dropout, times=settings.times,
    )  # fmt: skip


def torch_generator(seed: int, *key: str | int) -> torch.Generator:
    """Torch's random generator of one item, on the processor."""
    return torch.Generator().manual_seed(item_seed(seed, *key) % 2**63)
