"""The ways to make a copy of a real clip, by name: one function each, and one rule for the form of all copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from menura.audio.level import within_full_scale
from menura.augmentation.classic import classic_copy, long_enough
from menura.augmentation.masks import draw_masks, silence_masks
from menura.augmentation.noise import add_noise, draw_snr_db
from menura.augmentation.paper_chain import paper_chain
from menura.augmentation.pitch import PITCH_2, PITCH_3_5, shift_pitch
from menura.augmentation.policy import Policy, apply_policy
from menura.augmentation.stretch import STRETCH_RATES, stretch_time
from menura.errors import AudioError
from menura.types import Recording, Waveform

__all__ = ["STYLES", "Changed", "CopyStyle", "formed", "policy_style"]

Changed = Callable[[Waveform, int, int, np.random.Generator], Waveform]
"""Waveform, sample rate, turn and random state in; a waveform at least as long out."""


@dataclass(frozen=True, slots=True)
class CopyStyle:
    """One way to make copies.

    Attributes:
        name: Also of its arm and of its family of clips.
        changed: Changes a waveform.
        needs_library: Whether audiomentations does it.
    """

    name: str
    changed: Changed
    needs_library: bool = True

    def copy(self, recording: Recording, *, turn: int, generator: np.random.Generator) -> Recording:
        """A changed copy: same rate, channels and number of samples, peak at most 1.

        Args:
            recording: What to copy.
            turn: Which value of a fixed set a copy gets; consecutive turns go through all of them.
            generator: Random state of this copy alone.

        Raises:
            AudioError: The recording holds no samples.
            BackendError: audiomentations is needed and not installed.
        """
        if not recording.waveform.size:
            raise AudioError("a recording without samples cannot be augmented; remove the clip")
        waveform = long_enough(recording.waveform) if self.needs_library else recording.waveform
        return formed(self.changed(waveform, recording.sample_rate, turn, generator), recording)


def formed(changed: Waveform, recording: Recording) -> Recording:
    """A changed waveform in the form of the recording that it was made from, scaled down where it passes 1."""
    waveform = np.ascontiguousarray(changed[:, : recording.waveform.shape[1]], dtype=np.float32)
    return Recording(within_full_scale(waveform), recording.sample_rate)


def policy_style(policy: Policy) -> CopyStyle:
    """Copies by a policy that was found."""
    return CopyStyle("policy", lambda x, rate, turn, generator: apply_policy(x, rate, policy, generator=generator))


def _noise(waveform: Waveform, sample_rate: int, turn: int, generator: np.random.Generator) -> Waveform:
    return add_noise(waveform, draw_snr_db(generator), generator=generator)


def _classic(waveform: Waveform, sample_rate: int, turn: int, generator: np.random.Generator) -> Waveform:
    return classic_copy(Recording(waveform, sample_rate), generator=generator).waveform


STYLES = {
    style.name: style
    for style in (
        CopyStyle("noise", _noise, needs_library=False),
        CopyStyle("pitch-2", lambda x, rate, turn, _: shift_pitch(x, rate, PITCH_2[turn % len(PITCH_2)])),
        CopyStyle("pitch-3.5", lambda x, rate, turn, _: shift_pitch(x, rate, PITCH_3_5[turn % len(PITCH_3_5)])),
        CopyStyle("stretch", lambda x, rate, turn, _: stretch_time(x, rate, STRETCH_RATES[turn % len(STRETCH_RATES)])),
        CopyStyle("specaugment", lambda x, rate, turn, g: silence_masks(x, rate, draw_masks(g)), needs_library=False),
        CopyStyle("chain", lambda x, rate, turn, g: paper_chain(x, rate, generator=g)),
        CopyStyle("classic", _classic),
    )
}
"""Ways that need nothing but the clip."""
