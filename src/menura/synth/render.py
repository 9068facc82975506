"""Draws sounds, perturbs them and renders them, in blocks that fit the processor's cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from menura.errors import ConfigError
from menura.seeding import item_generator, item_seed
from menura.synth.noise import white_noise
from menura.synth.parameters import ParameterSpace
from menura.synth.scenes import SceneDesign, scene, scene_space
from menura.synth.voices import DESIGNS, Design, parameter_space, sound

__all__ = ["VOICES", "Sounds", "Spread", "Synthesizer", "doppelgangers", "draw_sounds", "voice_named"]

Spread = Literal["normalised", "value"]
"""What is drawn uniformly: the normalised value, so that the curves shape the draw, or the value in its unit, as the
released code of the paper does."""

VOICES: dict[str, Design | SceneDesign] = {**DESIGNS, "scene": SceneDesign()}
"""What can be asked for by name: the voices of the paper, and the scene."""

LEAST = 1e-6
"""Smallest normalised value of a perturbed sound."""

_BLOCK_SAMPLES = 2**18


def voice_named(name: str) -> Design | SceneDesign:
    """The voice of that name.

    Raises:
        ConfigError: There is none.
    """
    if name not in VOICES:
        raise ConfigError(f"no voice {name!r}; known voices: {', '.join(VOICES)}")
    return VOICES[name]


@dataclass(frozen=True)
class Sounds:
    """Sounds before they are rendered.

    Attributes:
        parameters: Normalised, ``[sounds, parameters]`` in [0, 1].
        noise_seeds: int64 ``[sounds]``.
    """

    parameters: Tensor
    noise_seeds: Tensor

    def __len__(self) -> int:
        return len(self.parameters)

    def to(self, device: torch.device | None) -> Sounds:
        """The same sounds on a device; None leaves them where they are."""
        return self if device is None else Sounds(self.parameters.to(device), self.noise_seeds.to(device))


def draw_sounds(
    space: ParameterSpace, *, seed: int, keys: Sequence[str | int], spread: Spread = "normalised"
) -> Sounds:
    """Random sounds, one for each key; a sound depends on the seed and its key alone.

    Args:
        space: Parameters of the voice.
        seed: Of the whole stream.
        keys: Name of each sound within it, such as its number.
        spread: See :data:`Spread`.
    """
    streams = torch.tensor([_halves(item_seed(seed, "sound", key)) for key in keys], dtype=torch.int64).reshape(-1, 2)
    drawn = white_noise(streams[:, 0], len(space)).double() / 2 + 0.5
    if spread == "value":
        low, high = torch.tensor([(parameter.low, parameter.high) for _, parameter in space], dtype=torch.float64).T
        drawn = space.normalised(low + (high - low) * drawn)
    return Sounds(drawn.float(), streams[:, 1].clone())


def doppelgangers(sounds: Sounds, *, delta: float, seed: int, keys: Sequence[str | int]) -> tuple[Sounds, Sounds]:
    """Two perturbed sounds for each: ``clip(theta + delta * eps, 1e-6, 1)`` with eps from N(0, I); noise is fresh.

    Args:
        sounds: Where both come from; neither is heard itself.
        delta: Strength, >= 0.
        seed, keys: As in :func:`draw_sounds`.

    Raises:
        ConfigError: ``delta`` is negative, or there is not one key for each sound.

    Source:
        Cherep and Singh 2024, arXiv:2406.05923, section 3.
    """
    if not delta >= 0 or len(keys) != len(sounds):
        raise ConfigError(f"delta is {delta}, {len(keys)} keys for {len(sounds)} sounds; expected delta >= 0, as many")
    first, second = (_perturbed(sounds, delta, seed, keys, which) for which in (0, 1))
    return first, second


def _perturbed(sounds: Sounds, delta: float, seed: int, keys: Sequence[str | int], which: int) -> Sounds:
    generators = [item_generator(seed, "doppelganger", key, which) for key in keys]
    size = sounds.parameters.shape[1]
    eps = np.array([generator.standard_normal(size) for generator in generators]).reshape(-1, size)
    moved = (sounds.parameters + delta * torch.from_numpy(eps).to(sounds.parameters)).clamp(LEAST, 1)
    noise_seeds = torch.tensor([int(generator.integers(2**63)) for generator in generators], dtype=torch.int64)
    return Sounds(moved, noise_seeds.to(moved.device))


@dataclass(frozen=True, slots=True)
class Synthesizer:
    """Renders sounds of one voice.

    Attributes:
        design: The voice, or the scene.
        duration_s: Length of a sound.
        sample_rate: In Hz.
        control_rate: Control frames a second, about; see :func:`menura.synth.voices.sound`.

    Example:
        >>> from menura.synth import DESIGNS
        >>> synthesizer = Synthesizer(DESIGNS["voice"], duration_s=0.5)
        >>> synthesizer.render(draw_sounds(synthesizer.space, seed=0, keys=range(3))).shape
        torch.Size([3, 8000])
    """

    design: Design | SceneDesign
    duration_s: float = 1.0
    sample_rate: int = 16_000
    control_rate: float = 480.0

    def __post_init__(self) -> None:
        """Refuses a length or a rate of nothing.

        Raises:
            ConfigError: One of them is.
        """
        if not (self.num_samples >= 1 and self.sample_rate >= 1 and self.control_rate > 0):
            raise ConfigError(
                f"{self.duration_s} s at {self.sample_rate} Hz, {self.control_rate} control frames a second; "
                "expected at least one sample and positive rates"
            )

    @property
    def num_samples(self) -> int:
        """Length of a sound in samples."""
        return round(self.duration_s * self.sample_rate)

    @property
    def space(self) -> ParameterSpace:
        """Parameters of a sound."""
        return scene_space() if isinstance(self.design, SceneDesign) else parameter_space(self.design)

    def render(self, sounds: Sounds) -> Tensor:
        """Waveforms ``[sounds, samples]``, on the device of the parameters; differentiable in them."""
        if not len(sounds):
            return sounds.parameters.new_zeros(0, self.num_samples)
        values = self.space.values(sounds.parameters)
        num_samples, sample_rate, control_rate = self.num_samples, self.sample_rate, self.control_rate
        on_cpu = values.device.type == "cpu"  # whose cache is small
        block = max(1, _BLOCK_SAMPLES // num_samples) if on_cpu else len(sounds)
        if isinstance(self.design, Design):
            return sound(
                self.design, values, sounds.noise_seeds,
                num_samples=num_samples, sample_rate=sample_rate, control_rate=control_rate, block=block,
            )  # fmt: skip
        parts = [
            scene(*part, num_samples=num_samples, sample_rate=sample_rate, control_rate=control_rate)
            for part in zip(torch.split(values, block), torch.split(sounds.noise_seeds, block), strict=True)
        ]
        return torch.cat(parts)


def _halves(seed: int) -> tuple[int, int]:
    """Two signed 64-bit numbers from one of 128 bits."""
    upper, lower = divmod(seed, 2**64)
    return upper - 2**63, lower - 2**63
