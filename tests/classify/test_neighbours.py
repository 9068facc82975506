from __future__ import annotations

import numpy as np
import pytest

from menura.classify.neighbours import Neighbours

AT = np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 5.0]], dtype=np.float32)
LABELS = np.array([[1, 0], [0, 1], [0, 1]], dtype=np.float32)


def neighbours(weights: tuple[float, ...] = (1.0, 1.0, 1.0)) -> Neighbours:
    return Neighbours.of(AT, LABELS, np.array(weights))


def test_direction_counts_and_length_does_not() -> None:
    queries = np.array([[3.0, 0.1], [0.02, 0.5]], dtype=np.float32)
    nearest = neighbours().votes(queries, [1])[0]
    np.testing.assert_array_equal(nearest, [[1, 0], [0, 1]])
    np.testing.assert_allclose(neighbours().votes(7 * queries, [1, 3]), neighbours().votes(queries, [1, 3]), rtol=1e-3)


def test_votes_weigh_as_the_inverse_of_the_distance() -> None:
    query = np.array([[np.cos(0.4), np.sin(0.4)]], dtype=np.float32)
    near, far = 1 - np.cos(0.4), 1 - np.sin(0.4)
    expected = np.array([1 / near, 2 / far])
    np.testing.assert_allclose(neighbours().votes(query, [3])[0, 0], expected / expected.sum(), rtol=1e-4)
    expected[0] *= 10
    found = neighbours((10.0, 1.0, 1.0)).votes(query, [3])[0, 0]
    np.testing.assert_allclose(found, expected / expected.sum(), rtol=1e-4)


def test_more_neighbours_than_clips_are_all_of_them() -> None:
    queries = np.random.default_rng(0).standard_normal((600, 2)).astype(np.float32)  # more than one block
    found = neighbours().votes(queries, [3, 50])
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found.sum(axis=2), 1)
    alone = np.concatenate([neighbours().votes(query[None], [3])[0] for query in queries[:9]])
    np.testing.assert_allclose(alone, found[0, :9], rtol=1e-3)  # float32 cosines, divided by small distances


def test_silence_has_no_direction_and_still_gets_votes() -> None:
    found = neighbours().votes(np.zeros((1, 2), np.float32), [2])
    assert found.sum() == pytest.approx(1)
    assert neighbours().votes(np.zeros((0, 2), np.float32), [2, 3]).shape == (2, 0, 2)
