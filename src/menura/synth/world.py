"""A world with known truth: labelled scenes with captions, as they are or under one shift.

The wide world is what a model is trained on; the shifted one, the same captions heard elsewhere, is what it is to be
aligned with. Labels and captions are true by construction, and there is no end of clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from menura.seeding import item_generator
from menura.synth.labelled import LABELS, draw_labelled
from menura.synth.render import Synthesizer, voice_named
from menura.synth.shifts import SHIFTS, Shift, recorded, repitched
from menura.types import Recording

__all__ = ["World", "WorldClip", "labels"]


@dataclass(frozen=True, slots=True)
class WorldClip:
    """One clip of the world.

    Attributes:
        label: What its caption says first.
        caption: Of the scene before the shift.
        recording: One channel.
    """

    label: str
    caption: str
    recording: Recording


def labels() -> tuple[str, ...]:
    """Names of the labels."""
    return tuple(label.name for label in LABELS)


@dataclass(frozen=True, slots=True)
class World:
    """Where clips come from. A clip depends on these settings, its label, its part and its number alone.

    Attributes:
        shift: How it differs from the wide world.
        seed: Of everything that is drawn; the room and the microphone are the same for all seeds.
        duration_s: Length of a clip.
        sample_rate: In Hz.

    Example:
        >>> clip = World(duration_s=1.0).clips("rain-like patter", part="train", count=1)[0]
        >>> clip.label, clip.recording.waveform.shape
        ('rain-like patter', (1, 16000))
    """

    shift: Shift = SHIFTS["none"]
    seed: int = 0
    duration_s: float = 2.0
    sample_rate: int = 16_000

    def clips(self, label: str, *, part: str, count: int, start: int = 0) -> list[WorldClip]:
        """Clips of one label; those of different parts have no scene in common.

        Args:
            label: Its name.
            part: ``train``, ``test`` or any other name.
            count: How many.
            start: Number of the first one.

        Raises:
            ConfigError: There is no such label, or the clips are too short to hear it.
        """
        keys = _keys(part, range(start, start + count))
        sounds, captions = draw_labelled(label, seed=self.seed, keys=keys, duration_s=self.duration_s)
        synthesizer = Synthesizer(voice_named("scene"), duration_s=self.duration_s, sample_rate=self.sample_rate)
        rendered = synthesizer.render(repitched(sounds, self.shift.pitch)).numpy()
        found = []
        for key, text, samples in zip(keys, captions, rendered, strict=True):
            generator = item_generator(self.seed, "recorded", label, key)
            heard = recorded(samples, self.shift, sample_rate=self.sample_rate, generator=generator)
            found.append(WorldClip(label, text, Recording(heard[None], self.sample_rate)))
        return found

    def prompts(self, label: str, *, count: int, part: str = "prompts") -> list[str]:
        """Captions of further scenes of one label, which are not rendered: what to ask a generator for."""
        return draw_labelled(label, seed=self.seed, keys=_keys(part, range(count)), duration_s=self.duration_s)[1]


def _keys(part: str, numbers: Sequence[int]) -> list[str]:
    return [f"{part} {number}" for number in numbers]
