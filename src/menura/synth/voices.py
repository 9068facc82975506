"""Voices: which modules there are, and how they are wired. One graph serves all of them.

Keyboard, envelopes and low-frequency oscillators give control signals; a matrix mixes them into the pitch and the
amplitude of each source and the amplitude of the noise; a mixer adds the sources up. Three designs are those of the
paper, with 78, 130 and 340 parameters; any other is a :class:`Design`.

Source:
    Cherep and Singh 2024, arXiv:2406.05923: Voice, VoiceFM and Parametric; there as in SynthAX. Deviations: the
    curve of the noise level is honoured (and there in all voices), noise is fresh for each sound, and a sound is
    normalised by its own peak.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import torch
from torch import Tensor

from menura.errors import ConfigError
from menura.synth.controls import ENVELOPE, KEYBOARD, LFO, envelope, lfo, upsample
from menura.synth.filters import LOW_PASS, low_pass
from menura.synth.noise import white_noise
from menura.synth.oscillators import CARRIER, SINE, SQUARE_SAW, frequency_hz, modulated_phase, phase, square_saw
from menura.synth.parameters import Parameter, ParameterSpace

__all__ = ["DESIGNS", "Design", "SourceKind", "parameter_space", "parametric", "sound"]

SourceKind = Literal["sine", "square_saw", "fm_sine", "fm_square_saw"]
"""An oscillator that is heard; with ``fm_`` one that moves the frequency of a sine, which is heard."""

_KINDS: tuple[SourceKind, ...] = ("sine", "square_saw", "fm_sine", "fm_square_saw")


@dataclass(frozen=True, slots=True)
class Design:
    """A voice.

    Attributes:
        name: For messages and files.
        sources: Kinds of the sources.
        num_modulators: Pairs of an envelope and a low-frequency oscillator, whose rate and amplitude have envelopes.
        own_keyboards: Whether each source and its modulator have a keyboard of their own; needs as many modulators
            as sources.
        has_filter: Whether a low-pass filter comes last.
    """

    name: str
    sources: tuple[SourceKind, ...]
    num_modulators: int
    own_keyboards: bool = False
    has_filter: bool = False

    def __post_init__(self) -> None:
        """Refuses a design that cannot be wired.

        Raises:
            ConfigError: There is no source, or keyboards and modulators do not fit together.
        """
        unknown = sorted(set(self.sources) - set(_KINDS))
        if unknown or not self.sources or self.num_modulators < 1:
            raise ConfigError(
                f"voice {self.name}: sources {list(self.sources)}, {self.num_modulators} modulators; "
                f"expected at least one of {', '.join(_KINDS)} and at least one modulator"
            )
        if self.own_keyboards and self.num_modulators != len(self.sources):
            raise ConfigError(
                f"voice {self.name}: {self.num_modulators} modulators for {len(self.sources)} sources with keyboards "
                "of their own, expected as many"
            )

    @property
    def num_keyboards(self) -> int:
        """One for all, or one for each source."""
        return len(self.sources) if self.own_keyboards else 1


def parametric(*, sine: int = 2, square_saw: int = 2, fm_sine: int = 1, fm_square_saw: int = 1) -> Design:
    """Any mix of sources, each with keyboard, envelope and low-frequency oscillator of its own."""
    kinds = zip(_KINDS, (sine, square_saw, fm_sine, fm_square_saw), strict=True)
    sources = tuple(kind for kind, count in kinds for _ in range(count))
    return Design("parametric", sources, len(sources), own_keyboards=True)


DESIGNS = {
    "voice": Design("voice", ("sine", "square_saw"), 2),
    "voice_fm": Design("voice_fm", ("sine", "square_saw", "fm_sine"), 3),
    "parametric": parametric(),
}
"""The voices of the paper."""


@lru_cache(maxsize=16)
def parameter_space(design: Design) -> ParameterSpace:
    """All parameters of a voice, module by module, numbered from 1."""
    modules: dict[str, tuple[Parameter, ...]] = {}
    for k in range(design.num_keyboards):
        modules[f"keyboard_{k + 1}"] = KEYBOARD
    for m in range(design.num_modulators):
        modules[f"envelope_{m + 1}"] = ENVELOPE
        modules[f"lfo_{m + 1}"] = LFO
        modules[f"lfo_{m + 1}_rate"] = ENVELOPE
        modules[f"lfo_{m + 1}_amplitude"] = ENVELOPE
    for s, kind in enumerate(design.sources):
        modules[f"source_{s + 1}"] = SQUARE_SAW if kind.endswith("square_saw") else SINE
        if kind.startswith("fm_"):
            modules[f"source_{s + 1}_carrier"] = CARRIER
    modules["matrix"] = tuple(
        Parameter(f"{signal}_to_{goal}", "", 0, 1, curve=0.5, what=f"how much {signal} moves {goal}")
        for signal in [f"{kind}_{m + 1}" for kind in ("envelope", "lfo") for m in range(design.num_modulators)]
        for goal in [*(f"source_{s + 1}_{of}" for s in range(len(design.sources)) for of in ("pitch", "amplitude")),
                     "noise_amplitude"]
    )  # fmt: skip
    levels = [Parameter(f"source_{s + 1}", "", 0, 1, what="level") for s in range(len(design.sources))]
    modules["mixer"] = (*levels, Parameter("noise", "", 0, 1, curve=0.025, what="level; mostly hardly any"))
    if design.has_filter:
        modules["filter"] = LOW_PASS
    return ParameterSpace(modules)


def sound(
    design: Design,
    values: Tensor,
    seeds: Tensor,
    *,
    num_samples: int,
    sample_rate: int,
    control_rate: float,
    block: int | None = None,
) -> Tensor:
    """Waveforms of a voice. Differentiable in ``values``; a sound does not depend on the others of the batch.

    Args:
        design: The voice.
        values: Of all parameters, in their units, ``[sounds, parameters]``.
        seeds: int64 ``[sounds]``, for the noise.
        num_samples: Length.
        sample_rate: In Hz.
        control_rate: Control frames a second, about: a frame lasts a whole number of samples.
        block: So many sounds at a time at the rate of the samples, to stay within a cache; None takes all.

    Returns:
        ``[sounds, num_samples]``, within [-1, 1]; louder ones are scaled down, each by its own peak.
    """
    space, hop = parameter_space(design), max(1, round(sample_rate / control_rate))
    steps = -(-num_samples // hop)
    moved = _controls(design, space, values, num_frames=steps + 1, control_rate=sample_rate / hop)
    size = block or len(values)
    parts = []
    for part in zip(*(torch.split(whole, size) for whole in (values, moved, seeds)), strict=True):
        waveform = _mixed(design, space, *part, hop=hop, sample_rate=sample_rate)[:, :num_samples]
        parts.append(waveform / waveform.abs().amax(-1, keepdim=True).clamp_min(1))
    return torch.cat(parts)


def _mixed(
    design: Design, space: ParameterSpace, values: Tensor, moved: Tensor, seeds: Tensor, *, hop: int, sample_rate: int
) -> Tensor:
    """All sources and the noise, filtered, ``[sounds, samples]`` of whole control steps."""
    levels, steps = space.of(values, "mixer"), moved.shape[-1] - 1
    noise = white_noise(seeds, steps * hop).reshape(len(values), steps, hop).to(values.dtype)
    mixed = noise * upsample(moved[:, -1] * levels[:, -1:], hop)
    for kind in dict.fromkeys(design.sources):
        chosen = [s for s, other in enumerate(design.sources) if other == kind]
        heard = _source(design, space, values, chosen, moved, hop=hop, sample_rate=sample_rate)
        loudness = upsample(moved[:, [2 * s + 1 for s in chosen]] * levels[:, chosen, None], hop)
        for one, gain in zip(heard.unbind(1), loudness.unbind(1), strict=True):
            mixed = torch.addcmul(mixed, one, gain)
    waveform = mixed.flatten(1)
    if design.has_filter:
        cutoff_hz, resonance = space.of(values, "filter").unbind(-1)
        waveform = low_pass(waveform, cutoff_hz, resonance, sample_rate=sample_rate)
    return waveform


def _controls(design: Design, space: ParameterSpace, values: Tensor, *, num_frames: int, control_rate: float) -> Tensor:
    """Pitch and amplitude of each source in turn, then the amplitude of the noise, ``[sounds, goals, frames]``."""
    count = design.num_modulators

    def modules(name: str) -> Tensor:
        return torch.stack([space.of(values, name.format(m + 1)) for m in range(count)], 1)

    held_s = torch.stack([_keyboard(design, space, values, m)[:, 1] for m in range(count)], 1)

    def shaped(name: str) -> Tensor:
        return envelope(modules(name), held_s, num_frames=num_frames, control_rate=control_rate)

    wobble = lfo(
        modules("lfo_{}"), shaped("lfo_{}_rate"), shaped("lfo_{}_amplitude"), control_rate=control_rate
    )  # fmt: skip
    signals = torch.cat([shaped("envelope_{}"), wobble], 1)
    weights = space.of(values, "matrix").reshape(len(values), 2 * count, 2 * len(design.sources) + 1)
    moved = weights[:, 0, :, None] * signals[:, 0, None]
    for i in range(1, 2 * count):  # not a matrix product, whose last bits depend on the batch
        moved = torch.addcmul(moved, weights[:, i, :, None], signals[:, i, None])
    return moved


def _keyboard(design: Design, space: ParameterSpace, values: Tensor, source: int) -> Tensor:
    """Pitch and duration, ``[sounds, 2]``."""
    return space.of(values, f"keyboard_{source + 1 if design.own_keyboards else 1}")


def _source(
    design: Design,
    space: ParameterSpace,
    values: Tensor,
    chosen: list[int],
    moved: Tensor,
    *,
    hop: int,
    sample_rate: int,
) -> Tensor:
    """Sources of one kind, ``[sounds, sources, steps, hop]``."""
    note = torch.stack([_keyboard(design, space, values, s)[:, 0] for s in chosen], 1)
    own = torch.stack([space.of(values, f"source_{s + 1}") for s in chosen], 1)
    pitch = moved[:, [2 * s for s in chosen]]
    frequencies_hz = frequency_hz((note + own[..., 0])[..., None] + own[..., 1, None] * pitch)
    angle = phase(frequencies_hz, own[..., 2], hop=hop, sample_rate=sample_rate)
    kind = design.sources[chosen[0]]
    if kind.endswith("square_saw"):
        heard = square_saw(angle, own[..., 3], highest_hz=frequencies_hz.amax(-1))
    else:
        heard = torch.cos(angle)
    if not kind.startswith("fm_"):
        return heard
    carrier = torch.stack([space.of(values, f"source_{s + 1}_carrier") for s in chosen], 1)
    base_hz = frequency_hz(note + carrier[..., 0])
    return torch.cos(
        modulated_phase(base_hz, carrier[..., 1] * base_hz, heard, carrier[..., 2], sample_rate=sample_rate)
    )
