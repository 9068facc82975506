"""Where made clips come from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from menura.audio import decode
from menura.config import AmountSettings, JudgeSettings, RunSettings
from menura.datasets.dataset import Dataset, TrainingPart
from menura.studies.job import UnitJob, augment_run
from menura.studies.lab import LabSpec, load_lab
from menura.studies.made_clips import described
from menura.studies.settings import EvaluationSettings
from menura.types import Clip, Provenance, Recording, Request


def job(clips: tuple[Clip, ...]) -> UnitJob:
    return UnitJob(
        folder=Path("x"), fold="1", seed=0, arms=(), training=TrainingPart("d", clips), test=(), labels=("a",),
        multilabel=False, lab=LabSpec("linear", "acoustic", 8000), settings=EvaluationSettings(),
        working={clip.id: replace(clip, id=f"working {clip.id}") for clip in clips}, make_run=augment_run, run=None,
        real_packs={},
    )  # fmt: skip


def child(*parents: str) -> Clip:
    provenance = Provenance(Request(("a",), "g", parents=parents), "g")
    return Clip("child", "/child.flac", ("a",), 1.0, 8000, origin="synthetic", provenance=provenance)


CLIPS = (
    Clip("one", "/1", ("a",), 1.0, 8000, group="anna"),
    Clip("two", "/2", ("a",), 1.0, 8000, group="ben"),
    Clip("three", "/3", ("a",), 1.0, 8000),
)


@pytest.mark.parametrize("prefix", ["", "working "])
def test_a_child_has_the_sources_of_all_its_parents_by_either_of_their_ids(prefix: str) -> None:
    made = child(f"{prefix}one", f"{prefix}two")
    assert job(CLIPS).sources_of(made) == ("group anna", "group ben")
    assert job(CLIPS).sources_of(child(f"{prefix}three")) == ("clip three",)


def test_a_clip_without_known_parents_is_a_source_of_its_own() -> None:
    made = replace(child(), provenance=None)
    assert job(CLIPS).sources_of(made) == ("synthetic child",)


def test_what_the_judges_worked_out_is_not_worked_out_again(tones: Dataset, tmp_path: Path) -> None:
    """Features of ``linear`` are the judges' embeddings, equal to those of the stored files but for 16 bits."""
    few = tuple(clip for clip in tones.clips if clip.fold == "1" and clip.labels != ("high",))
    training = TrainingPart("tones", few)
    lab = load_lab(LabSpec("linear", "acoustic", few[0].sample_rate))
    unit = replace(
        job(few), folder=tmp_path, training=training, lab=lab.spec, arms=("real", "synthetic"),
        settings=EvaluationSettings(
            run=RunSettings(amount=AmountSettings(times=1), judge=JudgeSettings(encoder="acoustic"))
        ),
        working={clip.id: clip for clip in few},
    )  # fmt: skip
    run = augment_run(training, tmp_path / "run", unit.settings.run)
    kept = run.kept()
    heard = {clip.id: lab.classifiers[0].features(decode(clip.path)) for clip in kept}
    seen = run.embeddings(lab.encoder, highest_rate=few[0].sample_rate)
    assert set(seen) == set(heard)
    for clip_id, vector in seen.items():
        scale = np.abs(heard[clip_id]).max()
        assert np.abs(vector - heard[clip_id]).max() < 0.1 * scale
        assert np.corrcoef(vector, heard[clip_id])[0, 1] > 0.999
    assert run.embeddings("another encoder", highest_rate=48_000) == {}
    assert run.embeddings(lab.encoder, highest_rate=few[0].sample_rate - 1) == {}

    def nobody_listens(*unused: object) -> Iterator[tuple[str, Recording]]:
        raise AssertionError("a clip was decoded although its embedding is known")

    ids = [f"synthetic {clip.id}" for clip in kept]
    known = {f"synthetic {clip_id}": vector for clip_id, vector in seen.items()}
    found = described(unit, lab, "synthetic", ids, nobody_listens, lambda: known)
    np.testing.assert_array_equal(found["linear"][ids[0]], seen[kept[0].id])
    again = described(unit, lab, "synthetic", ids, nobody_listens)
    np.testing.assert_array_equal(again["linear"][ids[0]], seen[kept[0].id])


def test_clips_that_no_judge_has_heard_are_heard_by_the_classifier(tones: Dataset, tmp_path: Path) -> None:
    """A run that keeps everything knows no embedding; its clips once got empty features, and the evaluation failed."""
    settings = RunSettings(amount=AmountSettings(times=1), judge=JudgeSettings(encoder="acoustic", enabled=False))
    few = tuple(clip for clip in tones.clips if clip.fold == "1")[:4]
    run = augment_run(TrainingPart("tones", few), tmp_path / "run", settings)
    lab = load_lab(LabSpec("linear", "acoustic", few[0].sample_rate))
    kept = run.kept()
    assert len(kept) == 4
    assert run.embeddings(lab.encoder, highest_rate=few[0].sample_rate) == {}
    heard = [(f"synthetic {clip.id}", decode(clip.path)) for clip in kept]
    found = described(
        replace(job(few), folder=tmp_path), lab, "synthetic", [name for name, _ in heard], lambda: heard,
        lambda: run.embeddings(lab.encoder, highest_rate=few[0].sample_rate),
    )  # fmt: skip
    for name, recording in heard:
        np.testing.assert_array_equal(found["linear"][name], lab.classifiers[0].features(recording))
