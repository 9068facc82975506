from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.errors import ConfigError
from menura.metrics.audio_text import cosine_threshold, cosines, label_probabilities, label_ranks, sigmoid_score


@pytest.mark.parametrize(("scale", "cosine"), [(14.3, 0.121), (33.3, 0.052), (100.0, 0.017)])
def test_a_synthio_score_of_85_percent_is_a_small_cosine(scale: float, cosine: float) -> None:
    assert round(cosine_threshold(0.85, scale), 3) == cosine


@given(score=st.floats(0.01, 0.99), scale=st.floats(0.5, 200))
def test_the_threshold_is_where_the_score_is_reached(score: float, scale: float) -> None:
    assert math.isclose(float(sigmoid_score(cosine_threshold(score, scale), scale)), score, rel_tol=1e-9)


def test_the_score_of_a_cosine_of_zero_is_a_half_and_never_overflows() -> None:
    np.testing.assert_allclose(sigmoid_score(np.array([0.0, 1.0, -1.0]), 1e6), [0.5, 1.0, 0.0])


@pytest.mark.parametrize(("score", "scale"), [(0.0, 10.0), (1.0, 10.0), (0.85, 0.0)])
def test_an_impossible_score_is_refused(score: float, scale: float) -> None:
    with pytest.raises(ConfigError, match="expected a score in"):
        cosine_threshold(score, scale)


def test_a_rank_counts_the_labels_that_a_clip_does_not_carry() -> None:
    cosine = np.array([[0.9, 0.5, 0.7], [0.1, 0.1, 0.3]], np.float32)
    targets = np.array([[False, True, True], [True, False, False]])
    np.testing.assert_array_equal(label_ranks(cosine, targets), [[1, 2, 2], [2, 2, 1]])


def test_probabilities_are_the_softmax_of_the_model() -> None:
    found = label_probabilities(np.array([[0.3, 0.3], [0.0, 0.1]], np.float32), 10.0)
    np.testing.assert_allclose(found, [[0.5, 0.5], [1 / (1 + math.e), math.e / (1 + math.e)]], rtol=1e-6)


@given(seed=st.integers(0, 99))
def test_a_cosine_is_the_same_to_the_bit_alone_and_among_others(seed: int) -> None:
    draw = np.random.default_rng(seed)
    rows = draw.standard_normal((9, 37)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    together = cosines(rows[:5], rows[5:])
    assert together.shape == (5, 4)
    for one in range(5):
        for other in range(4):
            assert cosines(rows[one : one + 1], rows[5 + other : 6 + other])[0, 0] == together[one, other]
    np.testing.assert_allclose(together, rows[:5] @ rows[5:].T, atol=1e-6)
    assert cosines(rows[:0], rows).shape == (0, 9)
