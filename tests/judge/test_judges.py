from __future__ import annotations

from dataclasses import replace

import pytest

from menura.judge.judges import Hearing, Judges
from menura.judge.panel import JudgePanel

GOOD = Hearing(
    column=0, wrong=1, wrong_response=0.6, agreement=9.0, margin=-0.1, distance=0.0, copy_row=0, copy_distance=9.0,
    copy_correlation=0.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def judges(panel: JudgePanel) -> Judges:
    assert panel.judges is not None
    return panel.judges


def reason(panel: JudgePanel, heard: Hearing) -> str:
    assert panel.judges is not None
    return panel.judges.reason(heard, panel.references)


def test_a_clip_that_agrees_passes(panel: JudgePanel) -> None:
    assert reason(panel, GOOD) == ""


def test_a_clip_that_is_recognised_passes_however_low_its_response(panel: JudgePanel) -> None:
    """One speaker says little of what a label may sound like; the order of the labels still holds."""
    unusual = replace(GOOD, agreement=-9.0)
    assert reason(panel, unusual).startswith("label: its agreement with 'bell' is -9.00")
    assert "more like 'hiss' (0.60)" in reason(panel, unusual)
    assert reason(panel, replace(unusual, margin=0.0)) == ""


def test_a_clip_unlike_every_real_one_is_rejected_though_recognised(panel: JudgePanel) -> None:
    assert reason(panel, replace(GOOD, distance=99.0)).startswith("unlike: its distance to the nearest real 'bell'")


def test_a_copy_must_be_near_and_alike(panel: JudgePanel, judges: Judges) -> None:
    near, alike = replace(GOOD, copy_distance=0.0), replace(GOOD, copy_correlation=1.0)
    assert reason(panel, near) == reason(panel, alike) == ""
    assert reason(panel, replace(near, copy_correlation=1.0)).startswith("copy: nearly the real clip bell-0")
    assert 0 < judges.copies.twin_distance < judges.copies.distance < judges.typical_distance
