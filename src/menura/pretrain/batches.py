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
from menura.synth import Synthesizer, voice_named

__all__ = ["BatchMaker", "batches"]

_AHEAD = 2


@dataclass(frozen=True)
class BatchMaker:
    """Makes the views of any step.

    Attributes:
        settings: Of the training run.
        front_end: From waveforms to levels.
    """

    settings: PretrainSettings
    front_end: FrontEnd

    def __call__(self, step: int) -> Tensor:
        """Levels ``[2 pairs, mels, frames]``: all first views, then all second ones."""
        settings = self.settings
        synthesizer = Synthesizer(voice_named(settings.voice), sample_rate=settings.sample_rate)
        waveforms = render_pairs(
            synthesizer, delta=settings.delta, seed=settings.seed, step=step, num_pairs=settings.pairs
        )
        levels = self.front_end.levels(waveforms)
        return changed_views(levels, self.front_end, ViewSettings(), seed=settings.seed, step=step)


def batches(make: BatchMaker, start: int, stop: int, *, workers: int) -> Iterator[Tensor]:
    """Views of the steps from ``start`` up to ``stop``.

    Args:
        make: Makes one.
        start, stop: Steps.
        workers: Processes that work ahead; 0 makes each step when it is needed.
    """
    if not workers:
        yield from map(make, range(start, stop))
        return
    spawn = get_context("spawn")
    with ProcessPoolExecutor(workers, spawn, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        waiting: deque[Future[Tensor]] = deque()
        try:
            for step in range(start, stop):
                while len(waiting) <= _AHEAD * workers and step + len(waiting) < stop:
                    waiting.append(pool.submit(make, step + len(waiting)))
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
