"""What no encoder can embed."""

from __future__ import annotations

import numpy as np

from menura.errors import AudioError
from menura.types import Recording

__all__ = ["require_sound"]


def require_sound(recording: Recording) -> None:
    """Refuses a waveform without samples or with samples that are no numbers.

    Raises:
        AudioError: It is one.
    """
    waveform = recording.waveform
    if waveform.ndim != 2 or waveform.size == 0:
        raise AudioError(f"a waveform of shape {waveform.shape} cannot be embedded, expected samples")
    if not np.isfinite(waveform).all():
        raise AudioError("a waveform with NaN or infinite samples cannot be embedded")
