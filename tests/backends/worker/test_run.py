"""A whole run with a worker that breaks off now and then."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from menura.audio import encode
from menura.config import AmountSettings, GeneratorSettings, JudgeSettings, ModelSettings, RunSettings
from menura.datasets import load
from menura.datasets.dataset import Dataset
from menura.datasets.sounds import render_sound
from menura.errors import RunError
from menura.pipeline.run import Run
from menura.recipes.augment import augment
from menura.seeding import item_generator
from menura.types import Recording

RATE = 8000
MakeFolder = Callable[..., Path]


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    for label in ("rain", "siren"):
        for take in range(3):
            waveform = render_sound(label, item_generator(3, label, take), duration_s=0.4, sample_rate=RATE)
            path = tmp_path / "sounds" / label / f"{take}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            encode(Recording(0.3 * np.asarray(waveform, dtype=np.float32)[None], RATE), path, container="WAV")
    return load(tmp_path / "sounds")


def settings(folder: Path) -> RunSettings:
    return RunSettings(
        amount=AmountSettings(times=2),
        generator=GeneratorSettings(name="worker", model=ModelSettings(path=str(folder))),
        judge=JudgeSettings(enabled=False),
        rounds=0,
    )


def test_crashes_cost_their_requests_and_the_run_ends(
    dataset: Dataset, make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder(settings={"do": "now_and_then"}, worker={"takes": ["parents"]})
    run = augment(dataset.train, out=tmp_path / "run", settings=settings(folder), workers=1)
    records = list(run.records())
    lost = [record for record in records if "exit status 3" in record.judgement.reason]
    assert lost
    assert {int(record.request.params["seed"]) % 4 for record in lost} == {0}  # type: ignore[arg-type]
    assert {int(record.request.params["seed"]) % 4 for record in records if record not in lost} <= {1, 2, 3}  # type: ignore[arg-type]
    kept = run.kept()
    assert kept
    provenance = kept[0].provenance
    assert provenance is not None
    assert (provenance.revision, provenance.weights_licence) == ("abc", "CC0-1.0")


def test_a_run_whose_worker_is_not_set_up_goes_on_when_it_is(
    dataset: Dataset, make_folder: MakeFolder, tmp_path: Path
) -> None:
    command = [".venv/bin/python", "worker.py"]
    folder = make_folder(settings={"do": "now_and_then"}, worker={"takes": ["parents"], "command": command})
    with pytest.raises(RunError, match=r"has no program .*\.venv/bin/python"):
        augment(dataset.train, out=tmp_path / "run", settings=settings(folder), workers=1)
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
    augment(dataset.train, out=tmp_path / "run", settings=settings(folder), workers=1)
    assert Run.open(tmp_path / "run").kept()
