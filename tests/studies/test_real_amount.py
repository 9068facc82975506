"""How much of the real clips is learned from."""

from __future__ import annotations

from collections import Counter

import pytest

from menura.errors import DatasetError
from menura.studies.real_amount import RealAmount
from menura.studies.settings import EvaluationSettings
from menura.types import Clip

POOL = tuple(
    Clip(f"{label}{n}", f"/{label}{n}", (label,), 1.0, 8000, fold=str(n % 4 + 1)) for label in "ab" for n in range(8)
)


def counts(clips: tuple[Clip, ...]) -> dict[str, int]:
    return dict(Counter(clip.labels[0] for clip in clips))


def test_nothing_given_means_all() -> None:
    assert RealAmount().draw(POOL, seed=0) == POOL


def test_a_share_keeps_the_labels_in_proportion() -> None:
    assert counts(RealAmount(share=0.5).draw(POOL, seed=0)) == {"a": 4, "b": 4}
    assert RealAmount(share=1).draw(POOL, seed=0) == POOL


def test_a_total_has_at_least_one_of_each_label() -> None:
    assert counts(RealAmount(total=2).draw(POOL, seed=3)) == {"a": 1, "b": 1}


def test_a_long_tail_ends_at_the_ratio() -> None:
    assert sorted(counts(RealAmount(per_label=8, tail_ratio=8).draw(POOL, seed=0)).values()) == [1, 8]


def test_whole_folds_are_left_and_fewer_are_part_of_more() -> None:
    drawn = [RealAmount(folds=n).draw(POOL, seed=5) for n in (1, 2, 4)]
    assert [len({clip.fold for clip in clips}) for clips in drawn] == [1, 2, 4]
    assert [len(clips) for clips in drawn] == [4, 8, 16]
    assert set(drawn[0]) < set(drawn[1]) < set(drawn[2])
    with pytest.raises(DatasetError, match="5 training folds asked for, there are 4"):
        RealAmount(folds=5).draw(POOL, seed=5)


def test_two_amounts_contradict_each_other() -> None:
    with pytest.raises(ValueError, match="contradict"):
        EvaluationSettings(real_per_label=2, real_total=5)
    with pytest.raises(ValueError, match="tail_ratio needs real_per_label"):
        EvaluationSettings(tail_ratio=5)


def test_amounts_that_are_not_given_leave_the_identity_of_older_evaluations_alone() -> None:
    from menura.studies.settings import differences

    now = EvaluationSettings(real_per_label=5).identity()
    before = {name: value for name, value in now.items() if name not in ("real_total", "real_share", "real_folds")}
    assert differences(before, now) == []
