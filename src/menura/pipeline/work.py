"""Making one shard: generate, judge, store. The same bytes wherever and whenever it runs."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from menura.errors import RunError
from menura.files import disk_errors, temporary_beside
from menura.generate.batches import batches, generate_batch
from menura.pipeline.context import Context
from menura.pipeline.shards import ShardRow, write_shard
from menura.pipeline.store import RowWriter, encoded
from menura.pipeline.threads import one_thread
from menura.types import Candidate, Request

__all__ = ["Timings", "make_shard", "render_bytes"]


@dataclass(frozen=True, slots=True)
class Timings:
    """Seconds that a shard took: decoding parents, rendering, judging, and all together with what else there is."""

    decode_s: float = 0.0
    generate_s: float = 0.0
    judge_s: float = 0.0
    total_s: float = 0.0


def make_shard(
    context: Context, requests: Sequence[Request], target: Path, *, on_request: Callable[[int], None] | None = None
) -> Timings:
    """Make the candidates of one shard, judge each alone, and put the shard in place.

    A request whose generator fails costs that request: it is recorded with the reason. Several threads may make
    shards of one context at the same time: the generator serves one of them, the others judge and store.

    Args:
        context: Generator, judges and parents.
        requests: Requests of the shard, in the order of the plan.
        target: Folder of the shard.
        on_request: Called with the number of requests that are done.

    Raises:
        RunError: A parent is missing or altered, or the disk cannot be written.
    """
    watch = _Stopwatch(context)
    with disk_errors(str(target)), one_thread(), _new_folder(temporary_beside(target)) as beside:
        with RowWriter(beside, context.software, context.storing) as writer:
            done = 0
            for batch in batches(requests, context.duration_of):
                with context.generating, watch.generating():
                    outcomes = generate_batch(context.generator_of(batch[0].round), batch, context.parents)
                for request, outcome in zip(batch, outcomes, strict=True):
                    with watch.judging():
                        row = _judged(context, request, outcome)
                    writer.add(row, outcome if row.embedding is not None and isinstance(outcome, Candidate) else None)
                    done += 1
                    if on_request is not None:
                        on_request(done)
            rows = writer.rows()
        write_shard(target, rows)
    return watch.timings()


def render_bytes(
    context: Context, request: Request, *, company: Sequence[Request] | None = None
) -> tuple[bytes, Candidate]:
    """FLAC bytes of one request, made alone or in the company of others in one call.

    Raises:
        RunError: The generator fails on it, or its parents are missing or altered.
        AudioError: What it gives cannot be stored.
    """
    with one_thread():
        together = list(company or [request])
        outcomes = generate_batch(context.generator_of(request.round), together, context.parents)
        outcome = outcomes[together.index(request)]
        if isinstance(outcome, str):
            raise RunError(f"request {request.id} cannot be made: {outcome}")
        return encoded(outcome, context.software)[0], outcome


def _judged(context: Context, request: Request, outcome: Candidate | str) -> ShardRow:
    label = context.lead(request.labels)
    if isinstance(outcome, str):
        return ShardRow(request, label, reason=outcome)
    waveform = outcome.waveform
    if waveform.ndim != 2 or waveform.shape[1] == 0 or not np.isfinite(waveform).all():
        return ShardRow(request, label, reason="the generator gave no finite waveform", facts=outcome.facts)
    scored = context.panel.score(outcome)
    return ShardRow(
        request,
        label,
        reason=scored.reason,
        scores={name: float(value) for name, value in sorted(scored.scores.items()) if math.isfinite(value)},
        embedding=np.asarray(scored.embedding, dtype=np.float32),
        facts=outcome.facts,
    )


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # already renamed, unless something failed


class _Stopwatch:
    def __init__(self, context: Context) -> None:
        self._parents, self._started = context.parents, time.perf_counter()
        self._decode_s = self._generate_s = self._judge_s = 0.0

    @contextmanager
    def generating(self) -> Iterator[None]:
        started, decoded = time.perf_counter(), self._parents.seconds
        try:
            yield
        finally:
            decode_s = self._parents.seconds - decoded
            self._decode_s += decode_s
            self._generate_s += time.perf_counter() - started - decode_s

    @contextmanager
    def judging(self) -> Iterator[None]:
        started = time.perf_counter()
        try:
            yield
        finally:
            self._judge_s += time.perf_counter() - started

    def timings(self) -> Timings:
        total_s = time.perf_counter() - self._started
        return Timings(self._decode_s, self._generate_s, self._judge_s, total_s)
