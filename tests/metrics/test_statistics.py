"""Intervals and p-values with known answers, and the coverage that the docstring states."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from menura.metrics.statistics import draw_cells, holm, mean_interval, mean_intervals, sign_flip_p


def test_the_interval_of_equal_values_is_that_value() -> None:
    assert mean_interval(np.full((5, 3), 0.25)) == pytest.approx((0.25, 0.25))


def test_the_interval_of_many_independent_folds_nears_the_normal_one() -> None:
    values = np.random.default_rng(0).normal(size=(400, 1))
    half = 1.96 * values.std() / 20
    # 10,000 draws place a 2.5 % quantile within about 2 % of the standard error
    assert mean_interval(values) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.01)


def test_what_differs_between_folds_widens_the_interval_more_than_what_differs_between_seeds() -> None:
    between = np.repeat(np.arange(5.0)[:, None], 5, axis=1)
    low, high = mean_interval(between)
    low_within, high_within = mean_interval(between.T)
    assert high - low > 1.8 * (high_within - low_within)


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0, 2.0])
def test_the_interval_covers_the_true_mean_about_as_often_as_it_says(ratio: float) -> None:
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(300):
        values = generator.normal(0, ratio, (5, 1)) + generator.normal(0, 1, (5, 3))
        low, high = mean_interval(values, resamples=800)
        covered += low <= 0 <= high
    # 300 trials: +- 0.025 (two standard errors) around the stated 0.92 to 0.98; plain percentiles reach 0.85 at 2.0
    assert 0.90 <= covered / 300 <= 1.0


def test_columns_are_bootstrapped_together_and_missing_values_are_left_out() -> None:
    values = np.random.default_rng(0).normal(size=(4, 3, 2))
    gap = values.copy()
    gap[1, :, 1] = np.nan
    alone, other = mean_intervals(values, resamples=500), mean_intervals(gap, resamples=500)
    assert alone[0] == other[0]
    assert np.isfinite(other[1]).all()
    nothing = mean_intervals(np.full((2, 2, 1), np.nan), resamples=10)[0]
    assert np.isnan(nothing).all()


def test_each_resample_draws_as_many_cells_as_there_are() -> None:
    drawn = draw_cells(4, 3, resamples=50)
    assert (drawn.sum(axis=(1, 2)) == 12).all()
    assert (drawn.sum(axis=2) % 3 == 0).all()  # whole folds, three seeds each
    assert drawn.mean(axis=0) == pytest.approx(np.ones((4, 3)), abs=0.6)


def test_the_sign_flip_test_is_exact_for_few_differences() -> None:
    assert sign_flip_p(np.full(5, 0.1)) == pytest.approx(2 / 32)
    assert sign_flip_p(np.array([1.0, -1.0])) == 1.0
    assert sign_flip_p(np.zeros((5, 3))) == 1.0


def test_the_sign_flip_test_by_drawing_is_near_the_t_test() -> None:
    values = np.random.default_rng(3).normal(0.4, 1, 40)
    # 100,000 draws: standard error below 0.001; the two tests differ by more than that at 40 values
    assert sign_flip_p(values) == pytest.approx(stats.ttest_1samp(values, 0).pvalue, abs=0.01)


@settings(max_examples=25)
@given(st.lists(st.floats(-1, 1, allow_nan=False), min_size=1, max_size=8))
def test_the_p_value_does_not_depend_on_which_arm_is_named_first(differences: list[float]) -> None:
    values = np.array(differences)
    assert sign_flip_p(values) == pytest.approx(sign_flip_p(-values))


def test_holm_multiplies_the_smallest_by_the_number_of_tests_and_never_reorders() -> None:
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
