"""What the small text-to-audio model hears: procedural scenes with captions, and captioned recordings beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from menura.pretrain.generator_settings import GeneratorTraining
from menura.pretrain.recorded import mono_of, random_slice
from menura.seeding import item_generator
from menura.synth import Synthesizer, draw_sounds, voice_named
from menura.synth.captions import captions
from menura.synth.render import Sounds
from menura.synth.scenes import SourceName, one_source

__all__ = ["CaptionedClip", "CaptionedSounds", "SoundMaker", "for_levels", "told"]

_SOURCES: tuple[SourceName, ...] = get_args(SourceName)
_KEPT_PART, _SOUND_OF, _ALONE = 0.75, 0.3, 0.5


@dataclass(frozen=True, slots=True)
class CaptionedClip:
    """A recording and what can be said of it.

    Attributes:
        path: Of its file.
        texts: One or more; one of them is told each time.
        licence: Of the recording, where it is stated.
    """

    path: str
    texts: tuple[str, ...]
    licence: str | None = None


@dataclass(frozen=True)
class CaptionedSounds:
    """Waveforms of one length and their texts.

    Attributes:
        waveforms: ``[clips, samples]``.
        texts: One each.
    """

    waveforms: Tensor
    texts: tuple[str, ...]


@dataclass(frozen=True)
class SoundMaker:
    """Makes the sounds of a step, from its number alone.

    Attributes:
        settings: Of the training run.
        clips: Recordings; none for scenes alone.
        sample_rate: In Hz.
    """

    settings: GeneratorTraining
    clips: tuple[CaptionedClip, ...] = ()
    sample_rate: int = 16_000

    def __call__(self, step: int) -> CaptionedSounds:
        """Sounds of one drawn duration."""
        settings = self.settings
        random = item_generator(settings.seed, "sounds", step)
        duration_s = float(random.choice(settings.durations_s))
        count = max(1, round(settings.batch * 2 / duration_s))
        recorded = round(settings.share * count) if self.clips else 0
        made = self.scenes(step, count - recorded, duration_s, random)
        if not recorded:
            return made
        real = self.recordings(recorded, duration_s, random)
        return CaptionedSounds(torch.cat([made.waveforms, real.waveforms]), made.texts + real.texts)

    def scenes(self, step: int, count: int, duration_s: float, random: np.random.Generator) -> CaptionedSounds:
        """Random scenes, each told from its parameters."""
        maker = Synthesizer(voice_named("scene"), duration_s=duration_s, sample_rate=self.sample_rate)
        if not count:
            return CaptionedSounds(torch.zeros(0, maker.num_samples), ())
        sounds = draw_sounds(maker.space, seed=self.settings.seed, keys=[f"{step}.{place}" for place in range(count)])
        sounds = Sounds(_often_alone(sounds.parameters, random), sounds.noise_seeds)
        texts = tuple(told(text, random) for text in captions(sounds, duration_s=duration_s))
        return CaptionedSounds(maker.render(sounds), texts)

    def recordings(self, count: int, duration_s: float, random: np.random.Generator) -> CaptionedSounds:
        """Random stretches of recordings; one that is shorter is put at a random place in silence."""
        num_samples = round(duration_s * self.sample_rate)
        chosen = [self.clips[int(place)] for place in random.integers(len(self.clips), size=count)]
        rows = [random_slice(mono_of(clip.path, self.sample_rate), num_samples, random) for clip in chosen]
        texts = tuple(clip.texts[int(random.integers(len(clip.texts)))] for clip in chosen)
        return CaptionedSounds(torch.from_numpy(np.stack(rows)), texts)


def _often_alone(parameters: Tensor, random: np.random.Generator) -> Tensor:
    """Scenes ``[scenes, parameters]``, in a share of which one source alone sounds: what the name of a label means."""
    alone, which = random.random(len(parameters)) < _ALONE, random.integers(len(_SOURCES), size=len(parameters))
    rows = [
        one_source(row[None], _SOURCES[int(source)]) if single else row[None]
        for row, single, source in zip(parameters, alone, which, strict=True)
    ]
    return torch.cat(rows)


def told(caption: str, random: np.random.Generator) -> str:
    """A caption as people may write it: its later parts left out at times, "Sound of" before it at others."""
    first, *others = caption.split(", ")
    text = ", ".join([first, *(part for part in others if random.random() < _KEPT_PART)])
    return f"Sound of {text}" if random.random() < _SOUND_OF else text


def for_levels(maker: SoundMaker) -> Tensor:
    """Two-second stretches of what is heard, four steps of them, for the mean level of each band."""
    settings = maker.settings.model_copy(update={"durations_s": (2.0,)})
    other = SoundMaker(settings, maker.clips, maker.sample_rate)
    return torch.cat([other(-1 - number).waveforms for number in range(4)])
