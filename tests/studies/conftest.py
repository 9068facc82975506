"""A small dataset of tones, and runs that need no generator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from menura.audio import clip_id, encode
from menura.config import RunSettings
from menura.datasets.dataset import Dataset, TrainingPart
from menura.pipeline.decide import KeepRate
from menura.pretrain.settings import PretrainSettings
from menura.pretrain.train import pretrain
from menura.seeding import item_generator
from menura.types import Clip, Provenance, Recording, Request

RATE = 8000
PITCH_HZ = {"low": 500.0, "mid": 700.0, "high": 980.0}
SPREAD = 0.18


def tone(label: str, generator: np.random.Generator, *, rate: int = RATE) -> Recording:
    """A noisy tone whose pitch varies so much within a label that a few clips do not tell where the border is."""
    time = np.arange(rate // 5) / rate
    pitch = PITCH_HZ[label] * np.exp(SPREAD * generator.normal())
    partials = sum(generator.uniform(0.1, 1) * np.sin(2 * np.pi * pitch * k * time) for k in (1, 2, 3))
    waveform = 0.1 * partials * generator.uniform(0.2, 1) + generator.normal(0, 0.01, len(time))
    return Recording(waveform[None].astype(np.float32), rate)


def stored(recording: Recording, path: Path, labels: Sequence[str], **more: object) -> Clip:
    path.parent.mkdir(parents=True, exist_ok=True)
    encode(recording, path, subtype="PCM_16")
    from menura.audio import decode

    found = decode(path)
    return Clip(clip_id(found), str(path), tuple(labels), found.duration_s, found.sample_rate, **more)


@dataclass(frozen=True)
class FakeRun:
    """Clips that somebody made, all kept."""

    clips: tuple[Clip, ...]

    def kept(self) -> tuple[Clip, ...]:
        return self.clips

    def keep_rates(self) -> dict[str, KeepRate]:
        counts: dict[str, int] = {}
        for clip in self.clips:
            counts[clip.labels[0]] = counts.get(clip.labels[0], 0) + 1
        return {label: KeepRate(target=n, planned=2 * n, made=2 * n, passed=n, kept=n) for label, n in counts.items()}

    def embeddings(self, encoder: str, *, highest_rate: int) -> dict[str, np.ndarray]:
        return {}


def fake_runs(make: Callable[[Clip, np.random.Generator], Recording | None], times: int = 6):
    """Runs with ``times`` children of each clip; ``make`` returning None gives an exact copy."""

    def make_run(training: TrainingPart, out: Path, settings: RunSettings) -> FakeRun:
        children = []
        for parent in training.clips:
            for number in range(times):
                made = make(parent, item_generator(settings.seed, "child", parent.id, number))
                request = Request(parent.labels, "fake", parents=(parent.id,), seed_key=(number,))
                provenance = Provenance(request, "fake")
                if made is None:
                    children.append(
                        Clip(parent.id, parent.path, parent.labels, parent.duration_s, parent.sample_rate,
                             origin="synthetic", provenance=provenance)
                    )  # fmt: skip
                else:
                    path = out / f"{parent.id}-{number}.flac"
                    children.append(stored(made, path, parent.labels, origin="synthetic", provenance=provenance))
        return FakeRun(tuple(children))

    return make_run


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Three labels, four folds, six clips of each label in each fold."""
    folder = tmp_path_factory.mktemp("tones")
    clips = []
    for fold in "1234":
        for label in PITCH_HZ:
            for number in range(6):
                recording = tone(label, item_generator(0, "tone", fold, label, number))
                path = folder / label / f"{fold}-{number}.flac"
                clips.append(stored(recording, path, [label], fold=fold, group=f"{fold}-{label}-{number}"))
    return Dataset("tones", tuple(clips), root=str(folder))


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> str:
    """File of the smallest trained encoder."""
    settings = PretrainSettings(steps=1, pairs=2, widths=(4, 8), layers=1, sample_rate=8000)
    return str(pretrain(settings, tmp_path_factory.mktemp("tiny")))


@pytest.fixture(scope="session")
def helpful_runs():
    """Children from the distribution that the test clips come from: the planted gain."""
    return fake_runs(lambda parent, generator: tone(parent.labels[0], generator))


@pytest.fixture(scope="session")
def copying_runs():
    """Children that are their parents: nothing can be gained."""
    return fake_runs(lambda parent, generator: None)


@pytest.fixture(scope="session")
def harmful_runs():
    """Children that sound like another label."""
    wrong = {"low": "mid", "mid": "high", "high": "low"}
    return fake_runs(lambda parent, generator: tone(wrong[parent.labels[0]], generator))
