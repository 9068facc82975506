"""Networks of papers, of the contrast and of pretrained models as classifiers of an evaluation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from menura.config import JudgeSettings, RunSettings
from menura.datasets.dataset import Dataset
from menura.studies.evaluate import evaluate
from menura.studies.job import MakeRun
from menura.studies.settings import EvaluationSettings

OPTIONS = {
    "real_per_label": 2, "seeds": 1, "arms": ("real", "synthetic"), "workers": 1, "folds": 2,
    "settings": RunSettings(judge=JudgeSettings(encoder="acoustic")),
}  # fmt: skip


@pytest.fixture
def few(tones: Dataset) -> Dataset:
    """Two clips of each label in each fold."""
    return replace(tones, clips=tuple(clip for clip in tones.clips if Path(clip.path).stem[2:] in ("0", "1")))


def test_an_evaluation_with_supervised_contrast_scores_every_arm(
    few: Dataset, copying_runs: MakeRun, tmp_path: Path
) -> None:
    result = evaluate(few, out=tmp_path, classifier="supcon", steps=3, make_run=copying_runs, **OPTIONS)
    assert len(result.cells) == 4
    assert [dict(arm.chosen) for arm in result.arms] == [{"supcon": 2}] * 2
    assert result.protocol["classifier"] == "supcon"


def test_a_published_network_is_scored_by_average_precision_where_clips_have_several_labels(
    few: Dataset, copying_runs: MakeRun, tmp_path: Path
) -> None:
    clips = tuple(
        replace(clip, labels=(*clip.labels, "first")) if Path(clip.path).stem.endswith("0") else clip
        for clip in few.clips
    )
    several = replace(few, clips=clips)
    options = OPTIONS | {"real_per_label": None}
    result = evaluate(several, out=tmp_path, classifier="cnn-ronchini", steps=1, make_run=copying_runs, **options)
    assert result.metric == "mean_average_precision"
    assert all(0 < (arm.mean_average_precision or 0) < 1 for arm in result.arms)
    assert all(len(arm.confusion) == 0 for arm in result.arms)


def test_a_pretrained_network_is_named_by_its_path_and_setting(
    few: Dataset, copying_runs: MakeRun, tmp_path: Path
) -> None:
    pytest.importorskip("transformers")
    from tests.audio_text.conftest import save_ast

    name = f"ast:{save_ast(tmp_path / 'ast')}@head"
    result = evaluate(few, out=tmp_path / "proof", classifier=name, steps=2, make_run=copying_runs, **OPTIONS)
    assert [dict(arm.chosen) for arm in result.arms] == [{"ast": 2}] * 2


def test_settings_refuse_an_unknown_classifier_and_say_how_a_pretrained_one_is_named() -> None:
    assert EvaluationSettings(classifier="transformers:owner/name@main@head").classifier
    with pytest.raises(ValidationError, match=r"no classifier 'ast'.*ast:PATH or transformers:PATH.*; or best"):
        EvaluationSettings(classifier="ast")
