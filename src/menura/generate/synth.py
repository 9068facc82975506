"""The built-in generator that adds synthesized sound to the person's own recordings, without weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from menura.audio import resample
from menura.audio.level import gain, within_full_scale
from menura.backends.base import Parents
from menura.config import GeneratorSettings
from menura.errors import BackendError
from menura.generate.mixing import at_level, faded, fitted, rendered, shifted
from menura.generate.patches import nearest_patch
from menura.generate.synth_params import SynthParams, draw_synth_params
from menura.resynth import ResynthSettings
from menura.resynth.presets import ranges_for
from menura.seeding import content_hash
from menura.synth import Sounds, doppelgangers, draw_sounds
from menura.synth.captions import captions
from menura.synth.scenes import one_source, scene_space
from menura.types import Candidate, Clip, Params, Recording, Request, Waveform

__all__ = ["SynthGenerator"]

_VERSION = 1
"""Rises whenever the same request sounds different."""

_RISE_S, _FALL_S = 0.002, 0.05


class SynthGenerator:
    """Real clips before synthetic scenes, under synthetic events, and doppelgangers of patches that sound like them.

    Args:
        settings: Domain, what to preserve, strength.

    Raises:
        ConfigError: The settings are impossible; said before anything is planned.
    """

    name = "synth"

    def __init__(self, settings: GeneratorSettings) -> None:
        self.settings = ResynthSettings(settings.domain, tuple(settings.preserve), settings.delta)
        ranges_for(self.settings)
        self._nearest: dict[str, Sounds] = {}

    @property
    def fingerprint(self) -> str:
        """Changes with the method's version and the settings; the strength counts, not how it was chosen."""
        return content_hash([self.name, _VERSION, self.settings.resolved])

    @property
    def parents_needed(self) -> tuple[int, int]:
        """One parent: the label is defended by the real clip that is heard, or was matched."""
        return (1, 1)

    def draw(self, parents: Sequence[Clip], generator: np.random.Generator) -> Params:
        """The numbers of one request."""
        return draw_synth_params(self.settings, generator).to_params()

    def generate(self, requests: Sequence[Request], parents: Parents) -> list[Candidate]:
        """One candidate per request, each made alone.

        Raises:
            BackendError: A request names no parent, several, or one without samples.
            ConfigError: A request holds a parameter that this generator does not know.
        """
        return [self._candidate(request, parents) for request in requests]

    def _candidate(self, request: Request, parents: Parents) -> Candidate:
        params = SynthParams.from_params(request.params)
        if len(request.parents) != 1:
            raise BackendError(f"request {request.id} names {len(request.parents)} parents, synth needs one real clip")
        parent = parents(request.parents[0])
        if not parent.waveform.size:
            raise BackendError(f"parent {request.parents[0]} of request {request.id} has no samples, expected a sound")
        rate = parent.sample_rate
        wanted = self._num_samples(request, parent, params)
        if params.kind == "match":
            waveform, words = self._match(request.parents[0], parent, params, wanted)
        else:
            played = resample(parent.waveform, round(rate * params.speed), rate)
            clip = shifted(fitted(played, rate, num_samples=wanted), rate, share=params.shift)
            mixed = _before_scene if params.kind == "background" else _under_events
            waveform, words = mixed(clip, rate, params)
        waveform = within_full_scale(gain(waveform, params.gain_db))
        peak = float(np.abs(waveform).max(initial=0.0))
        facts: Params = {"generator": self.name, "kind": params.kind, "synthetic": words, "peak": round(peak, 6)}
        return Candidate(request, waveform, rate, facts)

    def _num_samples(self, request: Request, parent: Recording, params: SynthParams) -> int:
        """As asked; else as the parent, played at its speed where the domain lets the length follow."""
        if request.duration_s is not None:
            return max(1, round(request.duration_s * parent.sample_rate))
        speed = params.speed if ranges_for(self.settings).duration_follows else 1.0
        num_samples: int = parent.waveform.shape[1]
        return max(1, round(num_samples / speed))

    def _match(self, clip_id: str, parent: Recording, params: SynthParams, num_samples: int) -> tuple[Waveform, str]:
        """A doppelganger of the nearest patch, at the level of the parent, alike on all its channels."""
        if clip_id not in self._nearest:
            self._nearest[clip_id] = nearest_patch(parent)
        nearest, rate = self._nearest[clip_id], parent.sample_rate
        twin, _ = doppelgangers(nearest, delta=params.perturbation, seed=params.seed, keys=["match"])
        made = at_level(rendered(twin, num_samples, rate), rate, beside=parent.waveform, level_db=0.0)
        return np.repeat(made, len(parent.waveform), axis=0), _words(twin, num_samples / rate)


def _before_scene(clip: Waveform, sample_rate: int, params: SynthParams) -> tuple[Waveform, str]:
    """The clip and a drawn scene, and what the scene sounds like."""
    scene = draw_sounds(scene_space(), seed=params.seed, keys=["scene"])
    heard = rendered(scene, clip.shape[1], sample_rate)
    behind = at_level(heard, sample_rate, beside=clip, level_db=-params.snr_db)
    return clip + behind, _words(scene, clip.shape[1] / sample_rate)


def _under_events(clip: Waveform, sample_rate: int, params: SynthParams) -> tuple[Waveform, str]:
    """The clip and single sources of drawn scenes, and what they sound like."""
    mixed, words = clip.copy(), []
    for number, event in enumerate(params.events):
        drawn = draw_sounds(scene_space(), seed=params.seed, keys=[number])
        alone = Sounds(one_source(drawn.parameters, event.source), drawn.noise_seeds)
        length = min(clip.shape[1], max(1, round(event.duration_s * sample_rate)))
        heard = faded(rendered(alone, length, sample_rate), sample_rate, rise_s=_RISE_S, fall_s=_FALL_S)
        start = round(event.at * (clip.shape[1] - length))
        mixed[:, start : start + length] += at_level(heard, sample_rate, beside=clip, level_db=event.level_db)
        words.append(_words(alone, length / sample_rate))
    return mixed, "; ".join(words)


def _words(sounds: Sounds, duration_s: float) -> str:
    return captions(sounds, duration_s=duration_s)[0]
