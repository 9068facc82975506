"""The built-in generator: new clips from the person's own recordings, without weights."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from menura.backends.base import Parents
from menura.config import GeneratorSettings
from menura.errors import BackendError
from menura.resynth import Analysis, ResynthParams, ResynthSettings, Scene, analyse, draw_params, render
from menura.resynth.bands import FLOOR_DB
from menura.resynth.draw import scene_share
from menura.resynth.presets import ranges_for
from menura.resynth.sections import SECTION_S, is_long, render_long, scene_of
from menura.seeding import content_hash, item_generator
from menura.types import Candidate, Clip, Params, Recording, Request

__all__ = ["ResynthGenerator"]

_VERSION = 3
"""Rises whenever the same request sounds different."""

_CACHE_BYTES = 192 * 2**20
_SAME_LENGTH = 0.002


class ResynthGenerator:
    """Audio doppelgangers of real clips, see :mod:`menura.resynth`.

    Args:
        settings: Domain, what to preserve, strength.

    Raises:
        ConfigError: The settings are impossible; said before anything is planned.
    """

    name = "resynth"

    def __init__(self, settings: GeneratorSettings) -> None:
        self.settings = ResynthSettings(settings.domain, tuple(settings.preserve), settings.delta)
        ranges_for(self.settings)
        self._scenes: dict[str, Scene] = {}

    @property
    def fingerprint(self) -> str:
        """Changes with the method's version and the settings; the strength counts, not how it was chosen."""
        return content_hash([self.name, _VERSION, self.settings.resolved])

    @property
    def parents_needed(self) -> tuple[int, int]:
        """One parent, or two to morph."""
        return (1, 2)

    @property
    def scene_share(self) -> float:
        """Share of the requests that should name, as their last parent, a clip of another label to be heard behind."""
        return scene_share(self.settings)

    def draw(self, parents: Sequence[Clip], generator: np.random.Generator) -> Params:
        """The numbers of one request. Parents of equal length hint at a dataset of fixed length, which is kept."""
        voices = [parent for parent in parents if set(parent.labels) == set(parents[0].labels)]
        has_scene = len(voices) < len(parents)
        params = draw_params(self.settings, num_parents=len(voices), generator=generator, has_scene=has_scene)
        lengths = [parent.duration_s for parent in voices]
        if len(lengths) > 1 and max(lengths) - min(lengths) <= _SAME_LENGTH * max(lengths):
            params = replace(params, duration_scale=1.0)
        return params.to_params()

    def generate(self, requests: Sequence[Request], parents: Parents) -> list[Candidate]:
        """One candidate per request; a clip does not depend on its neighbours.

        Raises:
            BackendError: A request names no parent, or parents of different rates.
            ConfigError: A request holds a parameter that resynthesis does not know.
        """
        cache = _AnalysisCache(parents, self.settings)
        return [self._candidate(request, cache) for request in requests]

    def _candidate(self, request: Request, cache: _AnalysisCache) -> Candidate:
        params = ResynthParams.from_params(request.params)
        num_voices = len(request.parents) - (params.scene_db > FLOOR_DB)
        if not 1 <= num_voices <= 2:
            raise BackendError(
                f"request {request.id} names {num_voices} parents, resynthesis needs one or two real clips"
            )
        recordings = [cache.recording(parent) for parent in request.parents[:num_voices]]
        rate = recordings[0].sample_rate
        if any(recording.sample_rate != rate for recording in recordings):
            found = ", ".join(f"{recording.sample_rate} Hz" for recording in recordings)
            raise BackendError(f"the parents of request {request.id} have {found}, expected one rate; set sample_rate")
        scene = self._scene(request.parents[-1], rate, cache) if num_voices < len(request.parents) else None
        generator = item_generator(0, "resynth", *request.seed_key)
        num_samples = None if request.duration_s is None else max(1, round(request.duration_s * rate))
        if any(is_long(recording.waveform, rate) for recording in recordings) or (num_samples or 0) > SECTION_S * rate:
            parents = tuple(recording.waveform for recording in recordings)
            waveform = render_long(
                parents, rate, params, self.settings, generator=generator, num_samples=num_samples, scene=scene
            )
        else:
            analyses = [cache.analysis(parent) for parent in request.parents[:num_voices]]
            waveform = render(analyses, params, generator=generator, num_samples=num_samples, scene=scene)
        peak = float(np.abs(waveform).max(initial=0.0))
        return Candidate(request, waveform, rate, {"generator": self.name, "peak": round(peak, 6)})

    def _scene(self, clip_id: str, rate: int, cache: _AnalysisCache) -> Scene:
        """The scene of a clip; kept, because it is small, and any clip may serve as one at any time."""
        if clip_id not in self._scenes:
            recording = cache.recording(clip_id)
            if recording.sample_rate != rate:
                raise BackendError(
                    f"clip {clip_id}, a scene, has {recording.sample_rate} Hz, expected {rate} Hz; set sample_rate"
                )
            self._scenes[clip_id] = scene_of(recording.waveform, rate, self.settings)
        return self._scenes[clip_id]


class _AnalysisCache:
    """Recordings and analyses of the parents of one call, the least recently used ones dropped."""

    def __init__(self, parents: Parents, settings: ResynthSettings) -> None:
        self._parents, self._settings = parents, settings
        self._recordings: dict[str, Recording] = {}
        self._analyses: OrderedDict[str, Analysis] = OrderedDict()

    def recording(self, clip_id: str) -> Recording:
        if clip_id not in self._recordings:
            self._recordings = {clip_id: self._parents(clip_id)}
        return self._recordings[clip_id]

    def analysis(self, clip_id: str) -> Analysis:
        if clip_id in self._analyses:
            self._analyses.move_to_end(clip_id)
            return self._analyses[clip_id]
        recording = self.recording(clip_id)
        analysis = analyse(recording.waveform, recording.sample_rate, self._settings)
        self._analyses[clip_id] = analysis
        while len(self._analyses) > 1 and sum(item.num_bytes for item in self._analyses.values()) > _CACHE_BYTES:
            self._analyses.popitem(last=False)
        return analysis
