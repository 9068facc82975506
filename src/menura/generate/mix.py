"""The generator that lays the events of another one over real backgrounds, with an annotation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from pydantic import Field

from menura.audio import resample
from menura.audio.level import within_full_scale
from menura.backends.base import Parents
from menura.backends.licence_verdict import weights_of
from menura.backends.registry import load_generator
from menura.backends.several import is_heavy, pending
from menura.backends.weights.hub import Download
from menura.config import GeneratorSettings, Settings, settings_from
from menura.errors import BackendError
from menura.generate.background import background_of, event_span
from menura.generate.mixing import at_level, faded
from menura.resynth.events import SILENCE_DB
from menura.seeding import content_hash, item_generator
from menura.types import Candidate, Clip, JsonValue, Params, Recording, Request, Waveform

__all__ = ["SNR_DB", "MixGenerator"]

_VERSION = 1
"""Rises whenever the same request sounds different."""

SNR_DB = (3.0, 24.0)
"""Levels of an event over its background that are drawn, about those at which SynthAudio lays noise under speech."""

_FADE_S = 0.01


class MixParams(Settings):
    """The drawn numbers of one clip."""

    snr_db: float = Field(ge=-60, le=120, description="Level of the event over the background, where it sounds.")
    at: float = Field(ge=0, le=1, description="Where the event starts: 0 at the start, 1 so late that it just fits.")
    backgrounds: int = Field(ge=0, le=1, description="How many of the parents, the last ones, are only background.")
    events: dict[str, Any] = Field(description="Numbers of the generator of the events.")


class MixGenerator:
    """Events of another generator over the background of a real clip, at a drawn signal-to-noise ratio.

    ``mix`` takes the events of ``resynth``; ``mix:NAME`` or ``mix:NAME:PATH`` those of another generator. The facts of
    a candidate hold its annotation: where the event starts and ends, its level, whose background it is.

    Args:
        settings: Those of the other generator, whose name stands where others have a path.
        sample_rate: Rate of the new clips in Hz.

    Raises:
        BackendError: The other generator cannot be loaded.
    """

    name = "mix"

    def __init__(self, settings: GeneratorSettings, *, sample_rate: int) -> None:
        named = GeneratorSettings(name=settings.model.path or "resynth").parts[0]
        model = settings.model.model_copy(update={"path": named.model.path})
        if named.name == self.name:
            raise BackendError("mix cannot take its events from mix; name another generator, e.g. mix:resynth")
        self._events = load_generator(
            settings.model_copy(update={"name": named.name, "model": model}), sample_rate=sample_rate
        )
        self._sample_rate = sample_rate
        self.settings = getattr(self._events, "settings", None)
        self.weights = weights_of(self._events, self._events.name)
        self.weights_licence = getattr(self._events, "weights_licence", None)

    @property
    def fingerprint(self) -> str:
        """Changes with the method's version and the generator of the events."""
        return content_hash([self.name, _VERSION, self._events.fingerprint, self._sample_rate])

    @property
    def parents_needed(self) -> tuple[int, int]:
        """Those of the events; the background comes on top."""
        return self._events.parents_needed

    @property
    def scene_share(self) -> float:
        """Every clip wants a background of another label."""
        return 1.0

    @property
    def batch_tolerance(self) -> float:
        """As the generator of the events."""
        return float(getattr(self._events, "batch_tolerance", 0.0))

    @property
    def one_process(self) -> bool:
        """As the generator of the events."""
        return is_heavy(self._events)

    def downloads(self) -> list[Download]:
        """Those of the events."""
        return pending(self._events)

    def draw(self, parents: Sequence[Clip], generator: np.random.Generator) -> Params:
        """The numbers of one request. Clips of another label than the first are backgrounds."""
        _, most = self.parents_needed
        voices = [parent for parent in parents if set(parent.labels) == set(parents[0].labels)] if most else []
        drawn = MixParams(
            snr_db=round(float(generator.uniform(*SNR_DB)), 3),
            at=round(float(generator.random()), 6),
            backgrounds=min(1, len(parents) - len(voices)),
            events=dict(self._events.draw(voices, generator)),
        )
        return drawn.model_dump()

    def generate(self, requests: Sequence[Request], parents: Parents) -> list[Candidate]:
        """One candidate per request; as like alone as those of the events.

        Raises:
            BackendError: A request names no clip at all, so that there is no background.
            ConfigError: A request holds a parameter that is unknown or impossible.
        """
        bare = [request.id for request in requests if not request.parents]
        if bare:
            raise BackendError(f"request {bare[0]} names no parents, mix needs a real clip for the background")
        drawn = [settings_from(MixParams, dict(request.params), source=request.id) for request in requests]
        inner = [self._for_events(request, params) for request, params in zip(requests, drawn, strict=True)]
        made = self._events.generate(inner, parents)
        return [self._mixed(*one, parents) for one in zip(requests, drawn, made, strict=True)]

    def _for_events(self, request: Request, params: MixParams) -> Request:
        voices = request.parents[: len(request.parents) - params.backgrounds]
        return replace(request, generator=self._events.fingerprint, parents=voices, params=params.events)

    def _mixed(self, request: Request, params: MixParams, event: Candidate, parents: Parents) -> Candidate:
        rate = self._sample_rate
        clip_id, random = request.parents[-1], item_generator(0, "mix", *request.seed_key)
        behind = _at_rate(parents(clip_id), rate)
        alone = _at_rate(Recording(event.waveform, event.sample_rate), rate)
        wanted = behind.shape[1] if request.duration_s is None else max(1, round(request.duration_s * rate))
        background = background_of(behind, rate, num_samples=wanted, generator=random)
        start, stop = event_span(alone, rate)
        sounding = faded(alone[:, start : min(stop, start + wanted)], rate, rise_s=_FADE_S, fall_s=_FADE_S)
        onset = round(params.at * (wanted - sounding.shape[1]))
        mixed = _laid_over(background, sounding, onset, rate, params.snr_db)
        annotation: dict[str, JsonValue] = {
            "labels": list(request.labels),
            "onset_s": round(onset / rate, 4),
            "offset_s": round((onset + sounding.shape[1]) / rate, 4),
            "snr_db": params.snr_db,
            "background": clip_id,
        }
        facts: Params = {**event.facts, "generator": self.name, "event": event.facts.get("generator", ""),
                         "annotation": annotation, "peak": round(float(np.abs(mixed).max(initial=0.0)), 6)}  # fmt: skip
        return Candidate(request, mixed, rate, facts)


def _laid_over(background: Waveform, event: Waveform, onset: int, sample_rate: int, snr_db: float) -> Waveform:
    """The background with the event at its place, the event's level that many dB over it; together within full scale.

    Beside silence the event keeps its own level.
    """
    channels = max(len(background), len(event))
    mixed = np.array(np.broadcast_to(background, (channels, background.shape[1])), dtype=np.float32)
    if event.shape[1]:
        is_silent = float(np.square(background, dtype=np.float64).mean()) < 10 ** (SILENCE_DB / 10)
        heard = event if is_silent else at_level(event, sample_rate, beside=background, level_db=snr_db)
        mixed[:, onset : onset + event.shape[1]] += heard
    return within_full_scale(mixed)


def _at_rate(recording: Recording, sample_rate: int) -> Waveform:
    if recording.sample_rate == sample_rate:
        return recording.waveform
    return resample(recording.waveform, recording.sample_rate, sample_rate)
