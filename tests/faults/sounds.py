"""A dataset of eight short sounds of two labels in two folds, for commands that are disturbed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from menura.audio import encode
from menura.datasets.sounds import render_sound
from menura.seeding import item_generator
from menura.types import Recording

__all__ = ["LABELS", "RATE", "write_sounds"]

RATE = 8000
LABELS = ("rain", "siren")


def write_sounds(folder: Path, *, clips: int = 4) -> Path:
    """One folder for each label, with clips of 0.4 s that differ."""
    for label in LABELS:
        (folder / label).mkdir(parents=True)
        for take in range(clips):
            waveform = render_sound(label, item_generator(7, label, take), duration_s=0.4, sample_rate=RATE)
            sound = Recording(0.3 * np.asarray(waveform, dtype=np.float32)[None], RATE)
            encode(sound, folder / label / f"{take}.wav", container="WAV")
    return folder
