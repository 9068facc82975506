"""Diversity and coverage of sets of embeddings."""

from __future__ import annotations

import numpy as np
import pytest

from menura.errors import DatasetError
from menura.metrics.diversity import coverage, nearest_distances, neighbour_radii, vendi_score


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
