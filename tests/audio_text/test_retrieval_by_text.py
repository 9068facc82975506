"""Retrieval by what a model of sounds and texts says, with a tiny CLAP."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from tests.audio_text.copies import Copies

from menura.audio import encode
from menura.backends.clap import ClapScorer
from menura.classify.results import EvaluationResult
from menura.config import JudgeSettings, RunSettings
from menura.datasets import load
from menura.datasets.dataset import Dataset
from menura.metrics.audio_text import cosines
from menura.studies.evaluate import evaluate
from menura.types import Clip

RATE = 8000
PITCH_HZ = {"hum": 200.0, "whistle": 2500.0}
CAPTIONS = (
    "a fridge hums in the kitchen", "someone whistles a tune", "rain on a roof", "an engine idles", "a kettle whistles",
    "a choir sings",
)  # fmt: skip
RUNS = RunSettings(judge=JudgeSettings(encoder="acoustic"))


@pytest.fixture(scope="module")
def dataset(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("tones")
    for label, pitch in PITCH_HZ.items():
        (folder / label).mkdir()
        for take in range(4):
            encode(tiny.tone(pitch * (1 + 0.1 * take), rate=RATE), folder / label / f"{take}.wav", container="WAV")
    return load(folder)


@pytest.fixture(scope="module")
def pool(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noises whose captions alone tell them apart."""
    folder = tmp_path_factory.mktemp("pool")
    rows = ["path,caption"]
    for number, caption in enumerate(CAPTIONS):
        encode(tiny.noise(number, rate=RATE), folder / f"{number}.wav", container="WAV")
        rows.append(f"{number}.wav,{caption}")
    (folder / "manifest.csv").write_text("\n".join(rows))
    return folder


def proof(dataset: Dataset, out: Path, pool: Path, model: Path | None, **options: Any) -> EvaluationResult:
    asked = {"folds": 2, "real_per_label": 1, "seeds": 1, "arms": ("real", "synthetic"), "workers": 1} | options
    return evaluate(
        dataset, out=out, pool=pool, text_model=None if model is None else str(model), settings=RUNS, make_run=Copies,
        **asked,
    )  # fmt: skip


def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple[str, ...]]]:
    """Id of each retrieved clip with its labels, as the cells are trained."""
    from menura.studies import unit

    seen: list[tuple[str, tuple[str, ...]]] = []
    members = unit._members

    def look(arm: str, material: Any) -> Any:
        found = members(arm, material)
        seen.extend((example.id, example.labels) for example in found if example.origin == "retrieved")
        return found

    monkeypatch.setattr(unit, "_members", look)
    return seen


def test_captions_are_compared_with_the_texts_of_the_labels(
    dataset: Dataset, pool: Path, clap_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One clip is wanted of each label: the pair with the greatest similarity first, then the best left over."""
    seen = watched(monkeypatch)
    found = proof(dataset, tmp_path, pool, clap_folder)
    assert found.protocol["retrieval"]["searched_by"] == "caption"
    assert [arm.name for arm in found.arms] == ["real", "retrieval", "synthetic", "zero-shot"]
    scorer = ClapScorer(str(clap_folder))
    near = cosines(scorer.embed_texts(["Sound of hum", "Sound of a whistle"]), scorer.embed_texts(CAPTIONS))
    label, first = np.unravel_index(int(near.argmax()), near.shape)
    near[:, first] = -2
    expected = {int(label): int(first), 1 - int(label): int(near[1 - int(label)].argmax())}
    ids = {clip.id: number for number, clip in _numbered(pool)}
    assert {labels[0]: ids[name.removeprefix("retrieved ")] for name, labels in seen} == {
        "hum": expected[0], "whistle": expected[1],
    }  # fmt: skip


def test_a_model_without_a_text_side_compares_the_recordings(
    dataset: Dataset, pool: Path, clap_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deaf:
        """A scorer that cannot compare texts, and hears only how loud the first sample is."""

        name, fingerprint, scale = "deaf", "deaf-1", 1.0

        def similarity(self, recordings: Any, texts: Any) -> Any:
            value = float(np.clip(recordings[0].waveform[0, 0], -1, 1))
            return np.array([[value if "hum" in text else -value for text in texts]], np.float32)

    monkeypatch.setattr("menura.backends.registry.load_scorer", lambda name: Deaf())
    seen = watched(monkeypatch)
    found = proof(dataset, tmp_path, pool, clap_folder)
    assert found.protocol["retrieval"]["searched_by"] == "sound"
    import soundfile

    first = {clip.id: soundfile.read(clip.path)[0][0] for _, clip in _numbered(pool)}
    given = {labels[0]: name.removeprefix("retrieved ") for name, labels in seen}
    assert given == {"hum": max(first, key=first.__getitem__), "whistle": min(first, key=first.__getitem__)}


def test_without_a_text_model_captions_are_not_read_and_both_ways_stand_beside_each_other(
    dataset: Dataset, pool: Path, clap_folder: Path, tmp_path: Path
) -> None:
    by_text = proof(dataset, tmp_path, pool, clap_folder)
    by_ear = proof(dataset, tmp_path, pool, None)
    assert by_ear.protocol["retrieval"]["searched_by"] == "embedding"
    assert by_ear.protocol["retrieval"]["key"] != by_text.protocol["retrieval"]["key"]
    assert proof(dataset, tmp_path, pool, clap_folder).cells == by_text.cells


def _numbered(pool: Path) -> list[tuple[int, Clip]]:
    from menura.datasets.reading import load_unlabelled

    clips, _ = load_unlabelled(pool)
    return [(int(Path(clip.path).stem), clip) for clip in clips]
