"""One to five real clips of a label: thresholds are leave-one-out, and nothing is rejected that nobody can judge."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from menura.judge.texts import text_thresholds


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_few_clips_of_a_label_share_thresholds_of_held_out_clips(kit: ModuleType, count: int) -> None:
    panel = kit.bench(dict.fromkeys(kit.LABELS, count)).calibrate()
    assert panel.judges is not None
    thresholds = panel.judges.thresholds
    assert {one.own_share for one in thresholds} == {0.0}
    assert len({one.response for one in thresholds}) == 1
    reasons = [panel.score(kit.candidate(kit.sound("hiss", seed), "bell")).reason for seed in range(50, 54)]
    if count == 1:  # no clip of the label is left when one is held out: nobody knows how low a response may be
        assert thresholds[0].response is None
        assert not any(reason.startswith("label") for reason in reasons)
    else:
        assert all(one.real_pass is not None for one in thresholds)
        assert all(reason.startswith("label") for reason in reasons)
    new = [
        panel.score(kit.candidate(kit.sound(label, seed), label)).reason for label in kit.LABELS for seed in (50, 51)
    ]
    assert sum(reason.startswith(("label", "unlike")) for reason in new) <= 1


def test_one_lonely_label_is_judged_by_the_clips_of_the_others(kit: ModuleType) -> None:
    panel = kit.bench({"bell": 1, "hiss": 5, "knock": 5}).calibrate()
    assert panel.judges is not None
    bell, hiss, _ = panel.judges.thresholds
    assert bell.response == hiss.response is not None
    assert bell.real_pass is None
    assert panel.score(kit.candidate(kit.sound("hiss", 50), "bell")).reason.startswith("label")


def test_cosines_are_compared_with_the_mean_of_the_other_clips() -> None:
    """Cosines 0.2 and 0.4: each lies 0.2 from the other, so a clip 0.2 below the mean 0.3 still passes."""
    cosine = np.array([[0.2, 0.0], [0.4, 0.0], [0.0, 0.5], [0.0, 0.5]], np.float32)
    targets = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], bool)
    first, second = text_thresholds(("a", "b"), ("a", "b"), cosine, targets, acceptance=0.95)
    assert first.cosine == pytest.approx(0.1, abs=1e-6)
    assert second.cosine == pytest.approx(0.3, abs=1e-6)


def test_a_label_of_one_clip_gets_the_spread_of_the_others_around_its_own_cosine() -> None:
    cosine = np.array([[0.2, 0.0], [0.4, 0.0], [0.0, 0.6]], np.float32)
    targets = np.array([[1, 0], [1, 0], [0, 1]], bool)
    _, lonely = text_thresholds(("a", "b"), ("a", "b"), cosine, targets, acceptance=0.95)
    assert lonely.cosine == pytest.approx(0.4, abs=1e-6)
