"""What is on record against a rejected candidate."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from menura.config import JudgeSettings
from menura.judge.evidence import evidence_of
from menura.judge.judges import nearest_wrong
from menura.judge.panel import JudgePanel


def test_the_nearest_wrong_label_is_none_of_the_clips_own() -> None:
    responses = np.array([0.9, 0.1, 0.5], np.float32)
    assert nearest_wrong(responses, [0]) == 2
    assert nearest_wrong(responses, [1, 2]) == 0
    assert nearest_wrong(responses, [0, 1, 2]) is None


def test_a_hiss_that_was_asked_to_be_a_bell_is_heard_as_hiss(panel: JudgePanel, kit: ModuleType) -> None:
    scored = panel.score(kit.candidate(kit.sound("hiss", 50), "bell"))
    assert scored.reason.startswith("label:")
    found = evidence_of(panel, ("bell",), scored.reason, scores=scored.scores, embedding=scored.embedding)
    assert (found.kind, found.reason, found.wrong_label) == ("label", scored.reason, "hiss")
    assert panel.judges is not None
    assert found.threshold == panel.judges.thresholds[0].response
    assert found.score == scored.scores["agreement"]
    assert found.score < found.threshold
    assert f"({found.wrong_response:.2f})" in scored.reason


@pytest.mark.parametrize(
    ("kind", "score"), [("unlike", "distance"), ("copy", "copy_correlation"), ("twin", None), ("silence", None)]
)
def test_each_judge_has_its_number(panel: JudgePanel, kit: ModuleType, kind: str, score: str | None) -> None:
    assert panel.judges is not None
    scores = {"distance": 7.0, "copy_correlation": 0.99, "agreement": 0.1}
    found = evidence_of(panel, ("bell",), f"{kind}: no", scores=scores, embedding=None)
    expected = {"unlike": panel.judges.thresholds[0].distance, "copy": panel.judges.copies.correlation}
    assert (found.score, found.threshold) == (None if score is None else scores[score], expected.get(kind))
    assert found.wrong_label is None


def test_a_panel_that_judges_nothing_gives_its_words_alone(six_each: Any) -> None:
    panel = six_each.calibrate(JudgeSettings(enabled=False))
    found = evidence_of(panel, ("bell",), "clipping: 3 %", scores={"peak": 1.0}, embedding=None)
    assert (found.kind, found.reason, found.score, found.wrong_label) == ("clipping", "clipping: 3 %", None, None)
