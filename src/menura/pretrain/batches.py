"""What the network learns from, step by step: made ahead by worker processes, the same with any number of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from menura.pretrain.ahead import ahead
from menura.pretrain.recorded import recorded_pairs
from menura.pretrain.settings import PretrainSettings
from menura.pretrain.views import chained, render_pairs, view_levels
from menura.seeding import item_generator
from menura.synth import Synthesizer, voice_named

__all__ = ["RENDERED", "BatchMaker", "batches"]

RENDERED = 4
"""Batches that are rendered together and shuffled before each hearing."""


@dataclass(frozen=True)
class BatchMaker:
    """Makes the batches of a block of steps: sounds that are rendered once, heard ``echoes`` times, changed each time.

    Attributes:
        settings: Of the training run.
        recordings: Files to take the pairs from; none for synthetic sound.
        process: Which of several processes asks, from 0: each hears other sounds.
        device: Where synthetic sounds are rendered.

    Source:
        Choi et al. 2019, "Faster neural network training with data echoing", arXiv:1907.05550.
    """

    settings: PretrainSettings
    recordings: tuple[str, ...] = ()
    process: int = 0
    device: str = "cpu"

    @property
    def steps(self) -> int:
        """Steps of a block."""
        return RENDERED * self.settings.echoes

    def __call__(self, block: int) -> list[Tensor]:
        """Levels of each step, ``[2 pairs, mels, frames]``: all first views, then all second ones."""
        settings, pairs = self.settings, self.settings.pairs
        first, second = torch.cat([self._made(self._own(RENDERED * block + i)) for i in range(RENDERED)], dim=1)
        found: list[Tensor] = []
        for echo in range(settings.echoes):
            order = item_generator(settings.seed, "echo", self._own(block), echo).permutation(len(first))
            for part in torch.split(torch.from_numpy(order), pairs):
                seeds = {"seed": settings.seed, "step": self._own(block * self.steps + len(found))}
                views = torch.cat([first[part], second[part]])
                if settings.views == "chain":
                    views = self.levels(chained(views, sample_rate=settings.sample_rate, **seeds))
                found.append(view_levels(views, settings.ears, settings.views, **seeds))
        return found

    def _own(self, number: int) -> int:
        """What no other process counts."""
        return number * self.settings.processes + self.process

    def _made(self, batch: int) -> Tensor:
        """Pairs as they were rendered or cut: waveforms ``[2, pairs, samples]`` for the chain, else their levels."""
        waveforms = self.waveforms(batch)
        made = waveforms if self.settings.views == "chain" else self.levels(waveforms)
        return made.reshape(2, self.settings.pairs, *made.shape[1:])

    def levels(self, waveforms: Tensor) -> Tensor:
        """Levels of one window, ``[..., mels, frames]``."""
        front_end = self.settings.ears
        return front_end.levels(waveforms)[..., : front_end.num_frames]

    def waveforms(self, batch: int) -> Tensor:
        """Waveforms ``[2 pairs, samples]`` of a rendered batch: all first sounds, then all second ones."""
        settings = self.settings
        synthesizer = Synthesizer(voice_named(settings.voice), sample_rate=settings.sample_rate)
        if self.recordings:
            return recorded_pairs(self.recordings, settings, batch=batch, num_samples=synthesizer.num_samples)
        return render_pairs(
            synthesizer, delta=settings.delta, seed=settings.seed, step=batch, num_pairs=settings.pairs,
            device=torch.device(self.device),
        )  # fmt: skip


def batches(make: BatchMaker, start: int, stop: int, *, workers: int) -> Iterator[Tensor]:
    """Views of the steps from ``start`` up to ``stop``.

    Args:
        make: Makes those of a block of steps.
        start, stop: Steps.
        workers: Processes that work ahead; 0 makes each block when it is needed.
    """
    blocks = range(start // make.steps, -(-stop // make.steps))
    for block, made in zip(blocks, ahead(make, blocks, workers=workers), strict=True):
        first = block * make.steps
        yield from made[max(0, start - first) : stop - first]
