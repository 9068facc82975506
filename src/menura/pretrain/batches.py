"""What the network learns from, step by step: made ahead by worker processes, the same with any number of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import torch
from torch import Tensor

from menura.encoders.network import FrontEnd
from menura.pretrain.settings import PretrainSettings
from menura.pretrain.views import ViewSettings, changed_views, render_pairs
from menura.seeding import item_generator
from menura.synth import Synthesizer, voice_named

__all__ = ["RENDERED", "BatchMaker", "batches"]

_AHEAD = 2
RENDERED = 4
"""Batches that are rendered together and shuffled before each hearing."""


@dataclass(frozen=True)
class BatchMaker:
    """Makes the batches of a block of steps: sounds that are rendered once, heard ``echoes`` times, changed each time.

    Attributes:
        settings: Of the training run.
        front_end: From waveforms to levels.

    Source:
        Choi et al. 2019, "Faster neural network training with data echoing", arXiv:1907.05550.
    """

    settings: PretrainSettings
    front_end: FrontEnd

    @property
    def steps(self) -> int:
        """Steps of a block."""
        return RENDERED * self.settings.echoes

    def __call__(self, block: int) -> list[Tensor]:
        """Levels of each step, ``[2 pairs, mels, frames]``: all first views, then all second ones."""
        pairs, seed = self.settings.pairs, self.settings.seed
        first, second = torch.cat([self._rendered(RENDERED * block + i) for i in range(RENDERED)], dim=1)
        found: list[Tensor] = []
        for echo in range(self.settings.echoes):
            order = item_generator(seed, "echo", block, echo).permutation(len(first))
            for part in torch.split(torch.from_numpy(order), pairs):
                levels = torch.cat([first[part], second[part]])
                step = block * self.steps + len(found)
                found.append(changed_views(levels, self.front_end, ViewSettings(), seed=seed, step=step))
        return found

    def _rendered(self, batch: int) -> Tensor:
        """Levels ``[2, pairs, mels, frames]`` as they were rendered."""
        settings = self.settings
        synthesizer = Synthesizer(voice_named(settings.voice), sample_rate=settings.sample_rate)
        waveforms = render_pairs(
            synthesizer, delta=settings.delta, seed=settings.seed, step=batch, num_pairs=settings.pairs
        )
        levels = self.front_end.levels(waveforms)
        return levels.reshape(2, settings.pairs, *levels.shape[1:])


def batches(make: BatchMaker, start: int, stop: int, *, workers: int) -> Iterator[Tensor]:
    """Views of the steps from ``start`` up to ``stop``.

    Args:
        make: Makes those of a block of steps.
        start, stop: Steps.
        workers: Processes that work ahead; 0 makes each block when it is needed.
    """
    blocks = range(start // make.steps, -(-stop // make.steps))
    for block, made in zip(blocks, _ahead(make, blocks, workers), strict=True):
        first = block * make.steps
        yield from made[max(0, start - first) : stop - first]


def _ahead(make: BatchMaker, blocks: range, workers: int) -> Iterator[list[Tensor]]:
    """The blocks in order."""
    if not workers:
        yield from map(make, blocks)
        return
    spawn = get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        waiting: deque[Future[list[Tensor]]] = deque()
        try:
            for block in blocks:
                while len(waiting) <= _AHEAD * workers and block + len(waiting) < blocks.stop:
                    waiting.append(pool.submit(make, block + len(waiting)))
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
