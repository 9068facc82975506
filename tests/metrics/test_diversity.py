"""Diversity and coverage of sets of embeddings."""

from __future__ import annotations

import numpy as np
import pytest

from menura.errors import ConfigError, DatasetError
from menura.metrics.diversity import coverage, nearest, nearest_distances, neighbour_radii, vendi_score


def test_copies_are_worth_one_sound_and_orthogonal_ones_as_many_as_they_are() -> None:
    assert vendi_score(np.ones((7, 3))) == pytest.approx(1.0)
    assert vendi_score(np.eye(5)) == pytest.approx(5.0)
    assert vendi_score(np.repeat(np.eye(2), 4, axis=0)) == pytest.approx(2.0)


def test_silent_embeddings_are_worth_one_and_none_is_an_error() -> None:
    assert vendi_score(np.zeros((3, 4))) == 1.0
    with pytest.raises(DatasetError, match="expected"):
        vendi_score(np.zeros((0, 4)))


def test_a_set_covers_itself_and_a_far_one_covers_nothing() -> None:
    points = np.random.default_rng(0).standard_normal((20, 4))
    assert coverage(points, points) == 1.0
    assert coverage(points, points + 100) == 0.0
    line = np.arange(4.0)[:, None]
    assert coverage(line, np.array([[0.0]]), neighbours=1) == 0.5  # 0 itself, and 1 at its radius


def test_distances_are_those_of_a_ruler() -> None:
    line = np.array([[0.0], [1.0], [4.0]])
    assert neighbour_radii(line, neighbours=1).tolist() == [1, 1, 3]
    assert neighbour_radii(line, neighbours=9).tolist() == [4, 3, 4]
    assert nearest_distances(np.array([[2.0]]), line).tolist() == [1]


def test_the_nearest_sound_is_named() -> None:
    which, away = nearest(np.array([[2.0], [3.5]]), np.array([[0.0], [1.0], [4.0]]))
    assert (which.tolist(), away.tolist()) == ([1, 2], [1.0, 0.5])


GOLDEN = {0.5: 7.543648219491047, 1.0: 7.066132420213555, 2.0: 6.134745518952451}
"""By vendi-score 0.0.3: ``vendi.score_K(n @ n.T, q=q)`` on the embeddings below, each of length 1."""


@pytest.mark.parametrize("order", GOLDEN)
def test_the_vendi_score_is_that_of_the_reference_implementation(order: float) -> None:
    generator = np.random.default_rng(20250101)
    generator.normal(0, 1, (120, 8))
    # that one counts the rounding errors of 82 eigenvalues that are 0, whose roots are 1e-8 each
    assert vendi_score(generator.normal(0.4, 0.8, (90, 8)), order=order) == pytest.approx(GOLDEN[order], rel=1e-6)


def test_orders_agree_on_even_kinds_and_infinity_asks_for_the_most_frequent_one() -> None:
    kinds = np.repeat(np.eye(3), [6, 3, 3], axis=0)
    assert vendi_score(kinds, order=np.inf) == pytest.approx(2.0)
    assert vendi_score(kinds, order=0.5) > vendi_score(kinds) > vendi_score(kinds, order=2.0) > 2.0
    assert vendi_score(np.eye(4), order=0.5) == pytest.approx(4.0)
    with pytest.raises(ConfigError, match="order is 0"):
        vendi_score(kinds, order=0)
