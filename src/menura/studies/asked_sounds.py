"""Clips that a generator makes for prompts alone, brought to one rate and length."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from menura.audio import resample
from menura.backends.base import Generator
from menura.errors import BackendError
from menura.seeding import item_generator
from menura.types import Progress, Recording, Request, Waveform

__all__ = ["ask_for_sounds"]

_BLOCK = 16


def ask_for_sounds(
    generator: Generator,
    prompts: Mapping[str, Sequence[str]],
    *,
    duration_s: float,
    sample_rate: int,
    seed: int,
    progress: Progress | None = None,
) -> tuple[list[Recording], list[str]]:
    """One clip for each prompt, and its label.

    A clip's random numbers follow from the seed, the label and its number, so that a generator with an adapter and
    the same one without start from the same noise.

    Args:
        generator: It must work without real clips.
        prompts: Label to prompts.
        duration_s: Of each clip; a longer one is cut, a shorter one followed by silence.
        sample_rate: In Hz.
        seed: Of the random numbers.
        progress: Called with ``generating``, clips done, clips in all.

    Raises:
        BackendError: The generator needs real clips, or failed.
    """
    if generator.parents_needed[0]:
        raise BackendError(f"{generator.name} starts from real clips; expected a generator that follows a prompt alone")
    requests = [
        Request(
            labels=(label,),
            generator=generator.fingerprint,
            prompt=prompt,
            duration_s=duration_s,
            seed_key=("alignment", seed, label, number),
            params=generator.draw([], item_generator(seed, "alignment", label, number)),
        )
        for label, texts in prompts.items()
        for number, prompt in enumerate(texts)
    ]
    num_samples = round(duration_s * sample_rate)
    found: list[Recording] = []
    for start in range(0, len(requests), _BLOCK):
        for candidate in generator.generate(requests[start : start + _BLOCK], _no_parents):
            mono: Waveform = candidate.waveform.mean(axis=0, keepdims=True, dtype=np.float32)
            heard = resample(mono, candidate.sample_rate, sample_rate)[:, :num_samples]
            found.append(Recording(np.pad(heard, ((0, 0), (0, num_samples - heard.shape[1]))), sample_rate))
        if progress is not None:
            progress("generating", len(found), len(requests))
    return found, [request.labels[0] for request in requests]


def _no_parents(clip_id: str) -> Recording:
    raise BackendError(f"the generator asks for the real clip {clip_id}; this study gives it prompts alone")
