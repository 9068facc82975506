"""The images that a diffusion model learns from: other pieces of the clips in each step."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from menura.audio import decode, resample
from menura.audio.mel_image import to_mel_images
from menura.errors import DatasetError
from menura.pretrain.denoiser_settings import DenoiserSettings
from menura.seeding import item_generator

if TYPE_CHECKING:
    from menura.types import Clip

__all__ = ["TrainingImages"]

_MAX_BYTES = 512 << 20


class TrainingImages:
    """Draws the images of a step by its number alone, so that a stopped run goes on with the same ones.

    A clip comes once before any clip comes twice. An image starts anywhere in its clip, or, with a clip that is shorter
    than an image, the clip lies anywhere in the image.

    Args:
        clips: Of the training part.
        settings: Size of the images, batch and seed.

    Raises:
        DatasetError: There is no clip.
    """

    def __init__(self, clips: Sequence[Clip], settings: DenoiserSettings) -> None:
        if not clips:
            raise DatasetError("the training part has no clips, expected at least one to learn from")
        self._paths = sorted({clip.id: clip.path for clip in clips}.items())
        self._settings = settings
        self._kept: OrderedDict[int, NDArray[np.float32]] = OrderedDict()
        self._bytes = 0

    def __call__(self, step: int) -> Tensor:
        """Images ``[batch, 1, mels, frames]`` of a step."""
        batch = self._settings.batch
        return torch.cat([self._image(step * batch + place) for place in range(batch)])

    def _image(self, number: int) -> Tensor:
        settings, count = self._settings, len(self._paths)
        order = item_generator(settings.seed, "order", number // count).permutation(count)
        random = item_generator(settings.seed, "image", number)
        waveform, wanted = self._waveform(int(order[number % count])), settings.mel.num_samples
        room = len(waveform) - wanted
        start = round(settings.shift * float(random.uniform()) * abs(room))
        piece = waveform[start : start + wanted] if room >= 0 else np.pad(waveform, (start, -room - start))
        return to_mel_images(torch.from_numpy(np.ascontiguousarray(piece)), settings.mel).pixels[:1]

    def _waveform(self, place: int) -> NDArray[np.float32]:
        """Mono samples of a clip at the rate of the images; kept while there is room."""
        if place not in self._kept:
            recording = decode(self._paths[place][1])
            mono = recording.waveform.mean(axis=0, keepdims=True)
            self._kept[place] = resample(mono, recording.sample_rate, self._settings.sample_rate)[0]
            self._bytes += self._kept[place].nbytes
            while self._bytes > _MAX_BYTES and len(self._kept) > 1:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
        self._kept.move_to_end(place)
        return self._kept[place]
