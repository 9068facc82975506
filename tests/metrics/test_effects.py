"""Cliff's delta."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.errors import DatasetError
from menura.metrics.effects import cliffs_delta, size_in_words

VALUES = st.lists(st.integers(-4, 4).map(float), min_size=2, max_size=12)


@given(reference=VALUES, other=VALUES)
def test_delta_is_that_of_counting_pairs_ties_included(reference: list[float], other: list[float]) -> None:
    counted = np.mean([np.sign(b - a) for a in reference for b in other])
    found = cliffs_delta(np.array(reference), np.array(other), resamples=20)
    assert found.delta == pytest.approx(counted, abs=1e-12)
    assert cliffs_delta(np.array(other), np.array(reference), resamples=20).delta == pytest.approx(-counted, abs=1e-12)


def test_a_shift_is_seen_and_its_interval_holds_the_truth() -> None:
    generator = np.random.default_rng(0)
    found = cliffs_delta(generator.normal(0, 1, 200), generator.normal(0.5, 1, 200))
    assert found.interval[0] < 0.2763 < found.interval[1]  # 2 Phi(0.5 / sqrt 2) - 1
    assert found.p < 0.01
    assert found.interval[0] > 0


def test_nothing_differs_where_all_values_are_equal() -> None:
    assert cliffs_delta(np.ones(5), np.ones(7)).p == 1.0
    assert cliffs_delta(np.ones(5), np.ones(7)).delta == 0.0


def test_effects_have_names() -> None:
    assert [size_in_words(delta) for delta in (0.0, -0.2, 0.4, -1.0)] == ["negligible", "small", "medium", "large"]


def test_one_value_is_no_set() -> None:
    with pytest.raises(DatasetError, match="at least two finite"):
        cliffs_delta(np.ones(1), np.ones(5))
