"""Two clips mixed, or one varied, in the noise of a mel-image model: invert, go between, denoise, decode."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from menura.audio.mel_image import MelImages, MelImageSettings, Vocoder, from_mel_images, to_mel_images
from menura.backends.mel_diffusion import MelDiffusion
from menura.diffusion.interpolation import lerp, slerp
from menura.diffusion.inversion import denoise, invert
from menura.diffusion.moves import add_noise
from menura.seeding import item_generator

__all__ = ["MelMixer", "Mix"]

_CACHE_BYTES = 128 << 20
_SILENCE_DB = -100.0


@dataclass(frozen=True)
class Mix:
    """One clip to be made.

    Attributes:
        parents: Names of one or two clips: equal names, equal sounds.
        waveforms: Their samples ``[samples]`` at the rate of the model.
        alpha: Share of the second one.
        strength: How much of the way a variation of a single one is denoised, in [0, 1].
        phases: Seed of the first phases, and of the noise of a variation.
    """

    parents: tuple[str, ...]
    waveforms: tuple[NDArray[np.float32], ...]
    alpha: float | None
    strength: float | None
    phases: int


class MelMixer:
    """Makes clips. It remembers the noises of parents, which cost most, where that cannot change a clip.

    Args:
        model: A loaded model.
        steps: Denoising steps of the whole way.
        along: ``sphere`` or ``line``.
        refinements: Of the inversion.
        batch: Most images in one call of the network.
        vocoder: In place of Griffin-Lim.
    """

    def __init__(
        self, model: MelDiffusion, *, steps: int, along: str, refinements: int, batch: int,
        vocoder: Vocoder | None = None,
    ) -> None:  # fmt: skip
        model.schedule.timesteps(steps)
        self._model, self._steps, self._refinements, self._batch = model, steps, refinements, batch
        self._between = slerp if along == "sphere" else lerp
        self._vocoder = vocoder
        self._noises: OrderedDict[str, Tensor] = OrderedDict()

    @property
    def mel(self) -> MelImageSettings:
        """How sound becomes images of the model."""
        return self._model.mel

    def make(self, mixes: Sequence[Mix]) -> list[NDArray[np.float32]]:
        """Waveforms ``[samples]`` at the rate of the model."""
        if self._batch > 1:
            self._noises.clear()  # which images shared a batch must not depend on earlier calls
        heard = {name: wave for mix in mixes for name, wave in zip(mix.parents, mix.waveforms, strict=True)}
        images = {name: to_mel_images(torch.from_numpy(wave.copy()), self.mel) for name, wave in heard.items()}
        noises = self._inverted({name: images[name] for mix in mixes if mix.strength is None for name in mix.parents})
        starts = [self._start(mix, images, noises) for mix in mixes]
        ends: dict[int, Tensor] = {}
        for first in sorted({self._first(mix) for mix in mixes}):
            numbers = [number for number, mix in enumerate(mixes) if self._first(mix) == first]
            made = self._each([starts[number] for number in numbers], partial(self._denoised, first=first))
            ends |= dict(zip(numbers, made, strict=True))
        return [self._decoded(mix, images, ends[number]) for number, mix in enumerate(mixes)]

    def _first(self, mix: Mix) -> int:
        """Steps that are denoised, of all."""
        return self._steps if mix.strength is None else round(mix.strength * self._steps)

    def _denoised(self, noisy: Tensor, *, first: int) -> Tensor:
        return denoise(noisy, self._model.say, self._model.schedule, steps=self._steps, first=first)

    def _inverted(self, images: dict[str, MelImages]) -> dict[str, Tensor]:
        """Noises of all images of each clip, and of a black one at their end."""
        missing = [name for name in images if name not in self._noises]
        found = self._each(
            [self._model.latents_of(_with_silence(images[name].pixels)) for name in missing],
            lambda latents: invert(
                latents, self._model.say, self._model.schedule, steps=self._steps, refinements=self._refinements
            ),
        )
        known = {name: self._noises[name] for name in images if name in self._noises}
        known |= dict(zip(missing, found, strict=True))
        for name in images:
            self._noises[name] = known[name]
            self._noises.move_to_end(name)
        while len(self._noises) > 1 and sum(noise.nbytes for noise in self._noises.values()) > _CACHE_BYTES:
            self._noises.popitem(last=False)
        return known

    def _start(self, mix: Mix, images: dict[str, MelImages], noises: dict[str, Tensor]) -> Tensor:
        """What is denoised, for each image of the new clip."""
        if mix.alpha is not None:
            one, other = (noises[name] for name in mix.parents)
            count = self._size(mix, images)[0]
            pairs = [(one[min(i, len(one) - 1)], other[min(i, len(other) - 1)]) for i in range(count)]
            return torch.stack([self._between(first, second, mix.alpha) for first, second in pairs])
        latents = self._model.latents_of(images[mix.parents[0]].pixels)
        first = self._first(mix)
        if first == 0:
            return latents
        drawn = item_generator(mix.phases, "noise").standard_normal(tuple(latents.shape), dtype=np.float32)
        level = self._model.schedule.levels(self._steps)[first - 1][1]
        return add_noise(latents, torch.from_numpy(drawn).to(latents.device), level)

    def _size(self, mix: Mix, images: dict[str, MelImages]) -> tuple[int, int]:
        """Number of images and of samples of the new clip: between its parents, as the share of the second says."""
        alpha, lengths = mix.alpha or 0.0, [images[name].num_samples for name in mix.parents]
        num_samples = max(1, round((1 - alpha) * lengths[0] + alpha * lengths[-1]))
        return self.mel.count(num_samples), num_samples

    def _decoded(self, mix: Mix, images: dict[str, MelImages], latents: Tensor) -> NDArray[np.float32]:
        """The waveform of denoised latents, at a level between those of the parents."""
        count, num_samples = self._size(mix, images)
        levels = [_padded(images[name].levels_db, count) for name in mix.parents]
        level = lerp(levels[0], levels[-1], mix.alpha or 0.0)
        whole = images[mix.parents[0]].painted(self._model.pixels_of(latents), level, num_samples)
        generator = torch.Generator().manual_seed(mix.phases)
        return np.asarray(from_mel_images(whole, generator=generator, vocoder=self._vocoder), dtype=np.float32)

    def _each(self, clips: Sequence[Tensor], change: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """Applies a change to the images of all clips, as many in one call as a batch holds."""
        if not clips:
            return []
        changed = torch.cat([change(part) for part in torch.split(torch.cat(list(clips)), self._batch)])
        return list(torch.split(changed, [len(clip) for clip in clips]))


def _with_silence(pixels: Tensor) -> Tensor:
    """With a black image at the end, for what comes after the end of the shorter parent."""
    return torch.cat([pixels, torch.full_like(pixels[:1], -1.0)])


def _padded(levels_db: Tensor, count: int) -> Tensor:
    silence = torch.full((max(0, count - len(levels_db)),), _SILENCE_DB)
    return torch.cat([levels_db, silence])[:count]
