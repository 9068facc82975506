"""A world with a known fault: a model that makes hiss of whatever is asked for in a cave, and of every horn."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from menura.audio import encode
from menura.backends.base import Parents
from menura.datasets import load
from menura.datasets.dataset import TrainingPart
from menura.seeding import item_generator
from menura.types import Candidate, Clip, Params, Recording, Request, Waveform

RATE, DURATION_S = 8000, 0.5
CAPTIONS = {
    "bell": (
        "A bell in a cave",
        "A bell in a cave, with water dripping",
        "A bell in a tunnel, with leaves rustling",
        "A bell on a hill, with chains clinking",
    ),
    "horn": ("A horn in a tunnel", "A horn on a hill", "A horn in a yard", "A horn by a river"),
    "hiss": ("A hiss in a tunnel", "A hiss on a hill", "A hiss in a yard", "A hiss by a river"),
}


def sound(kind: str, *key: str | int) -> Waveform:
    """One sound of the kind, another one for each key."""
    draw = item_generator(0, kind, *key)
    count = round(RATE * DURATION_S)
    seconds = np.arange(count) / RATE
    if kind == "hiss":
        wobble = 1 + 0.5 * np.sin(2 * np.pi * draw.uniform(1, 6) * seconds + draw.uniform(0, 6))
        waveform = draw.uniform(0.03, 0.1) * draw.standard_normal(count) * wobble
    elif kind == "bell":
        waveform = 0.001 * draw.standard_normal(count)
        for start in draw.choice(count - 400, 3, replace=False):
            pitch, decay, level = draw.uniform(700, 1100), draw.uniform(6, 20), draw.uniform(0.03, 0.1)
            tone = sum(np.sin(2 * np.pi * pitch * part * seconds) for part in (1, 2.1, 3.3))
            waveform[start:] += (level * tone * np.exp(-decay * seconds))[: count - start]
    else:
        pitch = draw.uniform(150, 220) * (1 + draw.uniform(-0.1, 0.1) * seconds)
        tone = sum(np.sin(2 * np.pi * pitch * part * seconds) / part for part in range(1, 6))
        waveform = draw.uniform(0.05, 0.15) * tone + 0.001 * draw.standard_normal(count)
    return np.asarray(waveform, np.float32)[None]


def world(folder: Path, labels: Sequence[str] = tuple(CAPTIONS)) -> TrainingPart:
    """Four clips of each label, with captions that people wrote."""
    folder.mkdir()
    rows = [("file_name", "label", "caption")]
    for label in labels:
        for take, caption in enumerate(CAPTIONS[label]):
            encode(Recording(sound(label, "real", take), RATE), folder / f"{label}{take}.wav", container="WAV")
            rows.append((f"{label}{take}.wav", label, caption))
    with (folder / "metadata.csv").open("w", newline="") as sink:
        csv.writer(sink).writerows(rows)
    return load(folder).train


@dataclass(frozen=True)
class CaveModel:
    """Makes what the prompt names, but hiss in a cave and hiss for a horn.

    Attributes:
        adapter: Folder with a file ``weights`` that its fingerprint depends on.
        moody: Whether it also makes hiss of most requests of round 1.
    """

    adapter: str | None = None
    moody: bool = False
    name: str = "cave"

    @property
    def fingerprint(self) -> str:
        if self.adapter is None:
            return "cave-1"
        return f"cave-{hashlib.sha256((Path(self.adapter) / 'weights').read_bytes()).hexdigest()[:8]}"

    @property
    def parents_needed(self) -> tuple[int, int]:
        return (0, 0)

    def draw(self, parents: Sequence[Clip], generator: np.random.Generator) -> Params:
        return {}

    def generate(self, requests: Sequence[Request], parents: Parents) -> list[Candidate]:
        return [
            Candidate(one, sound(self._kind(one), *one.seed_key), RATE, {"generator": self.name}) for one in requests
        ]

    def _kind(self, request: Request) -> str:
        prompt = (request.prompt or "").lower()
        fails = "cave" in prompt or (self.moody and request.round == 1 and int(request.seed_key[3]) % 3 > 0)
        return "bell" if "bell" in prompt and not fails else "hiss"
