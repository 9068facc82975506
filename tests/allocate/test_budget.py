"""Giving out clips: known answers, bounds, and nothing lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.allocate.budget import allocate, responsive
from menura.errors import ConfigError


def given_out(budget: int, weights: list[float], **bounds: object) -> list[int]:
    arrays = {name: np.array(value) if isinstance(value, list) else value for name, value in bounds.items()}
    return allocate(budget, np.array(weights), **arrays).tolist()  # type: ignore[arg-type]


def test_known_answers() -> None:
    assert given_out(10, [1.0, 1.0, 3.0]) == [2, 2, 6]
    assert given_out(10, [1.0, 1.0, 1.0]) == [4, 3, 3]  # equal remainders: the first label
    assert given_out(7, [0.0, 0.0]) == [4, 3]  # nobody is unsure: evenly
    assert given_out(0, [1.0, 2.0]) == [0, 0]
    assert given_out(10, [0.35, 0.25, 0.4]) == [4, 2, 4]  # 3.5, 2.5, 4: one for the first of equal remainders


def test_what_a_cap_takes_goes_to_the_others_in_proportion() -> None:
    assert given_out(12, [6.0, 2.0, 1.0], cap=[6, 99, 99]) == [6, 4, 2]
    assert given_out(12, [1.0, 1.0], cap=[3, 4]) == [3, 4]


def test_a_floor_is_kept_and_the_rest_follows_the_weights() -> None:
    assert given_out(10, [0.0, 1.0, 1.0], floor=[2, 0, 0]) == [2, 4, 4]


def test_the_even_share_draws_towards_the_even_run() -> None:
    assert given_out(8, [1.0, 3.0], even_share=1.0) == [4, 4]
    assert given_out(8, [1.0, 3.0], even_share=0.5) == [3, 5]
    assert given_out(8, [1.0, 3.0], even=[3.0, 1.0], even_share=1.0) == [6, 2]


def test_impossible_floors_are_refused() -> None:
    with pytest.raises(ConfigError, match="the floors ask for 6 of 5 clips"):
        given_out(5, [1.0, 1.0], floor=[3, 3])


@given(
    labels=st.lists(st.tuples(st.floats(0, 10), st.integers(0, 5), st.integers(0, 40)), min_size=1, max_size=12),
    budget=st.integers(0, 200),
    even_share=st.floats(0, 1),
)
def test_the_whole_budget_is_given_out_within_the_bounds(
    labels: list[tuple[float, int, int]], budget: int, even_share: float
) -> None:
    weights, floor, more = (np.array(column) for column in zip(*labels, strict=True))
    if floor.sum() > budget:
        floor = np.zeros_like(floor)
    cap = floor + more
    found = allocate(budget, weights.astype(float), floor=floor, cap=cap, even_share=even_share)
    assert found.sum() == min(budget, np.minimum(cap, budget).sum())
    assert (found >= floor).all()
    assert (found <= cap).all()


@given(weights=st.lists(st.floats(0.01, 10), min_size=2, max_size=8, unique=True), budget=st.integers(0, 100))
def test_a_larger_weight_never_gets_fewer(weights: list[float], budget: int) -> None:
    found = given_out(budget, sorted(weights))
    assert found == sorted(found)


def test_labels_that_gained_more_are_worth_more_and_all_alike_when_none_did() -> None:
    assert responsive(np.zeros(3), np.array([5, 5, 5])).tolist() == [1.0, 1.0, 1.0]
    low, middle, high = responsive(np.array([-0.1, 0.0, 0.1]), np.array([50, 50, 50]))
    assert 0.5 <= low < middle == 1.0 < high <= 1.5
    few = responsive(np.array([-0.1, 0.1]), np.array([1, 1]))
    many = responsive(np.array([-0.1, 0.1]), np.array([100, 100]))
    assert many[1] > few[1] > 1
