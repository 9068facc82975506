"""Power against the textbook, and what more of each level would do."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from menura.metrics.hierarchy import Components, components_of
from menura.metrics.influence import Influence, difference
from menura.metrics.power import more_clips, more_folds, more_seeds, seen_gain

PARTS = Components(folds=0.0, seeds=1e-4, clips=4e-4, mixed=1e-4, degrees=float("inf"))


def of_answers(right: np.ndarray) -> Influence:
    values, clips = right.mean(axis=1), right.shape[1]
    return Influence(values, (right - values[:, None]) / clips, np.full(clips, 1 / clips), clips)


@pytest.mark.parametrize(("one", "other"), [(0.7, 0.6), (0.9, 0.8)])
def test_the_gain_of_two_independent_shares_is_that_of_the_textbook(one: float, other: float) -> None:
    clips = 20_000
    generator = np.random.default_rng(0)
    pair = difference(*(of_answers((generator.random((1, clips)) < p).astype(float)) for p in (one, other)))
    variance = (one * (1 - one) + other * (1 - other)) / clips
    expected = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * np.sqrt(variance)
    # the variance of 20,000 differences is known within 1 %
    assert seen_gain(components_of([pair])) == pytest.approx(expected, rel=0.02)


def test_as_many_more_clips_as_the_textbook_says_show_a_gain() -> None:
    """Two shares of 0.5 and 0.6, 100 clips: 385 in all, n = (1.96 + 0.842)^2 (0.25 + 0.24) / 0.1^2."""
    parts = Components(0.0, 0.0, (0.25 + 0.24) / 100, 0.0, float("inf"))
    assert more_clips(parts, 0.1, num_clips=100) == 385 - 100


@given(st.floats(0.005, 0.2), st.integers(10, 1000))
def test_a_gain_is_just_seen_with_as_many_more_as_it_asks_for(gain: float, count: int) -> None:
    more = more_clips(PARTS, gain, num_clips=count)
    if more is not None:
        shrunk = Components(0.0, PARTS.seeds, PARTS.clips * count / (count + more), 0.0, PARTS.degrees)
        assert seen_gain(shrunk) <= gain * 1.0001
        one_less = Components(0.0, PARTS.seeds, PARTS.clips * count / (count + more - 1), 0.0, PARTS.degrees)
        assert more == 0 or seen_gain(one_less) > gain


def test_a_smaller_gain_asks_for_more_and_some_for_more_than_clips_can_give() -> None:
    asked = [more_clips(PARTS, gain, num_clips=100) for gain in (0.10, 0.06, 0.05, 0.04)]
    assert asked[0] == 0
    assert asked[:4] == sorted(asked[:4])
    assert more_clips(PARTS, 0.02, num_clips=100) is None  # seeds alone differ by as much
    assert more_seeds(PARTS, 0.055, num_seeds=3) == 5  # 2e-4 * 3 / 8 + 3e-4 = (0.055 / 2.80)^2
    assert more_seeds(PARTS, 0.02, num_seeds=3) is None
    assert more_seeds(PARTS, 0.055, num_seeds=1) is None
    assert more_folds(PARTS, 0.02, num_folds=2) is None
    assert more_folds(PARTS, seen_gain(PARTS) / 2, num_folds=4) == 12


def test_more_arms_and_fewer_degrees_of_freedom_see_less() -> None:
    few = Components(0.0, 1e-4, 4e-4, 0.0, 2.0)
    assert seen_gain(PARTS) < seen_gain(PARTS, comparisons=2) < seen_gain(few, comparisons=2)
    assert seen_gain(PARTS) < seen_gain(few)
