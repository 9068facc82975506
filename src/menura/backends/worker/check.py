"""Does a worker work? Starts it, asks for one short clip, and looks at everything that it gives."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from menura.backends.worker.generator import WorkerGenerator
from menura.backends.worker.messages import Ready
from menura.config import GeneratorSettings, ModelSettings
from menura.seeding import item_generator
from menura.types import Candidate, Recording, Request

__all__ = ["Checked", "check_worker"]

_PARENT = "parent"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a worker showed.

    Attributes:
        ready: What it says of itself.
        candidate: The clip.
        start_s: Seconds from the start until it had loaded.
        clip_s: Seconds for the clip.
        repeatable: Whether the same request gave the same samples again; None when it was not asked twice.
        chatter: Lines on its standard output that are no messages.
        hints: What a person might do better.
    """

    ready: Ready
    candidate: Candidate
    start_s: float
    clip_s: float
    repeatable: bool | None
    chatter: tuple[str, ...]
    hints: tuple[str, ...]


def check_worker(
    folder: str | Path,
    *,
    prompt: str = "a dog barks twice",
    duration_s: float = 2.0,
    strength: float | None = None,
    twice: bool = False,
) -> Checked:
    """Start the worker of a folder and ask it for a clip, as a run would.

    Args:
        folder: Folder of the worker.
        prompt, duration_s: What to ask for.
        strength: Start from a clip (of noise) and go this far from it, where the worker can.
        twice: Ask for the same clip again and compare.

    Raises:
        BackendError: It cannot be started, or what it gives is not as it should be; the message says why.
        ConfigError: Its ``worker.toml`` is not valid.
    """
    settings = GeneratorSettings(name="worker", model=ModelSettings(path=str(folder), strength=strength))
    generator = WorkerGenerator(settings)
    request = Request(
        ("check",),
        generator.fingerprint,
        prompt=prompt,
        parents=(_PARENT,) * generator.parents_needed[0],
        duration_s=duration_s,
        params=generator.draw((), item_generator(0, "worker", "check")),
    )

    def parents(_: str) -> Recording:
        noise = item_generator(0, "worker", "parent").standard_normal((1, round(16_000 * duration_s)))
        return Recording((0.1 * noise).astype(np.float32), 16_000)

    try:
        started = time.perf_counter()
        ready = generator.session.start()
        loaded = time.perf_counter()
        candidate = generator.generate([request], parents)[0]
        made = time.perf_counter()
        again = generator.generate([request], parents)[0] if twice else None
    finally:
        generator.close()
    repeatable = None if again is None else bool(np.array_equal(again.waveform, candidate.waveform))
    chatter = tuple(generator.session.chatter)
    hints = _hints(generator, ready, candidate, repeatable, chatter)
    return Checked(ready, candidate, loaded - started, made - loaded, repeatable, chatter, hints)


def _hints(
    generator: WorkerGenerator, ready: Ready, candidate: Candidate, repeatable: bool | None, chatter: tuple[str, ...]
) -> tuple[str, ...]:
    hints = []
    stated = generator.worker.file.worker
    if float(np.abs(candidate.waveform).max()) < 1e-4:
        hints.append("the clip is silent")
    if ready.revision is None:
        hints.append("no revision: weights that change on the Hub would not be noticed; put one into worker.toml")
    elif stated.revision is None:
        hints.append(f"pin the weights: revision = {ready.revision!r} in worker.toml")
    if ready.licence is None:
        hints.append("no licence: nobody can tell what the clips may be used for; put one into worker.toml")
    if repeatable is False:
        hints.append("equal requests gave different clips; seed every random state by request.seed in generate()")
    if chatter:
        hints.append(f"it writes to standard output ({chatter[0]!r}); let it write that to standard error")
    return tuple(hints)
