"""The stop rule and the words of a check: known histories, known answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from menura.align.checks import Check, Errors, in_words
from menura.align.stop import kept_of, verdict_of

CHECK = Check(0, Errors(1.0, 1.0, 1.0, 1.0, 0.5), 10.0, 0.5, 5.0, 1.0, 1.0, 0.0, 1.0)


def history(*numbers: float, near: tuple[int, ...] = ()) -> list[Check]:
    """Checks with these KADs; those named are too near to training clips."""
    return [
        replace(CHECK, step=100 * place, kad=kad, near_p=1e-6 if place in near else 0.5, nearest=0.1)
        for place, kad in enumerate(numbers)
    ]


@pytest.mark.parametrize(
    ("kads", "near", "stop", "best", "kept"),
    [
        ((10,), (), False, 0, 0),
        ((10, 8, 6, 4), (), False, 3, 3),
        ((10, 8, 9, 9), (), True, 1, 1),  # turned: two checks farther than the best
        ((10, 8, 9, 7), (), False, 3, 3),
        ((10, 11, 12), (), True, 0, 1),  # never helped: the first trained one is kept all the same
        ((10, 8, 4), (2,), True, 1, 1),  # nearer, but by copying
        ((10, 4), (1,), True, 0, 1),
        ((10, 8, 6), (0, 1, 2), False, 2, 2),  # was near before training: no reason to stop
        ((5, 5, 5), (), True, 0, 1),  # standing still is not a gain
    ],
)
def test_it_ends_when_kad_turns_or_copies_appear(
    kads: tuple[float, ...], near: tuple[int, ...], stop: bool, best: int, kept: int
) -> None:
    checks = history(*kads, near=near)
    verdict = verdict_of(checks, patience=2)
    assert (verdict.stop, verdict.best) == (stop, best)
    assert bool(verdict.reason) == stop
    assert kept_of(checks) == kept


def test_the_reason_is_in_words() -> None:
    assert "turned: 8.000 at step 100, 9.000 at step 300" in verdict_of(history(10, 8, 9, 9), patience=2).reason
    assert "nearer to training clips (0.100)" in verdict_of(history(10, 4, near=(1,)), patience=2).reason
    with pytest.raises(ValueError, match="needs a check"):
        verdict_of([], patience=2)


def test_a_margin_that_grows_because_both_get_worse_is_called_out() -> None:
    worse = replace(CHECK, errors=Errors(1.2, 1.0, 1.39, 1.0, 1.0))
    assert worse.errors.margin == pytest.approx(0.19)
    (said,) = in_words(worse)
    assert said.startswith("the margin grows because both get worse: winner error +0.2000, loser error +0.3900")
    better = replace(CHECK, errors=Errors(0.9, 1.0, 1.39, 1.0, 1.0))
    assert in_words(better) == []


def test_copies_lost_diversity_and_a_worse_winner_are_called_out() -> None:
    assert "listen for copies" in in_words(replace(CHECK, near_share=0.5))[0]
    assert "diversity fell from 5.0 to 2.0" in in_words(replace(CHECK, vendi=2.0), CHECK)[0]
    assert "the winner error rises" in in_words(replace(CHECK, errors=Errors(1.1, 1.0)))[0]
