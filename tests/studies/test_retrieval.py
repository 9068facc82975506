"""Which clips of a pool each label gets, in worlds small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.studies.retrieval import embedding_similarity, nearest_of_pool


def test_each_label_gets_the_clips_around_its_own() -> None:
    """Labels lie at the corners of a square, and three clips of the pool near each."""
    corners = {"a": (5.0, 5.0), "b": (-5.0, 5.0), "c": (-5.0, -5.0)}
    offsets = [(0.1, 0.0), (1.0, -0.5), (0.0, 3.0)]
    queries = np.array([corners[label] for label in "abc"])
    pool = np.array([np.add(corners[label], offset) for label in "cab" for offset in offsets])
    found = nearest_of_pool(embedding_similarity(queries, pool), list("abc"), {"a": 2, "b": 3, "c": 1})
    assert [(one.label, one.clip) for one in found if one.label != "b"] == [("a", 3), ("a", 4), ("c", 0)]
    assert {one.clip for one in found if one.label == "b"} == {6, 7, 8}


def test_the_nearer_label_gets_a_clip_that_two_want_and_the_other_its_next() -> None:
    similarity = np.array([[0.9, 0.8, 0.1], [0.95, 0.2, 0.3]])
    found = nearest_of_pool(similarity, ["a", "b"], {"a": 2, "b": 1})
    assert [(one.label, one.clip, one.similarity) for one in found] == [("a", 1, 0.8), ("a", 2, 0.1), ("b", 0, 0.95)]


def test_a_clip_is_as_near_as_its_nearest_query_and_says_which() -> None:
    similarity = np.array([[0.1, 0.2], [0.7, 0.0], [0.3, 0.6]])
    found = nearest_of_pool(similarity, ["a", "a", "b"], {"a": 1, "b": 1})
    assert [(one.label, one.clip, one.query) for one in found] == [("a", 0, 1), ("b", 1, 2)]


def test_no_pool_and_no_wish_give_nothing() -> None:
    assert nearest_of_pool(np.zeros((2, 0)), ["a", "b"], {"a": 1}) == ()
    assert nearest_of_pool(np.ones((2, 3)), ["a", "b"], {"a": 0, "c": 4}) == ()


def test_a_loud_dimension_decides_no_more_than_a_quiet_one() -> None:
    """The second coordinate is a thousand times as large and says nothing."""
    rng = np.random.default_rng(0)
    queries = np.array([[1.0, 1000.0], [-1.0, -1000.0]])
    pool = np.stack([np.tile([1.0, -1.0], 20), 1000 * rng.choice([-1.0, 1.0], 40)], axis=1)
    similarity = embedding_similarity(queries, pool)
    agree = (np.sign(pool[:, 0]) > 0) & (np.sign(pool[:, 1]) > 0)
    half = (np.sign(pool[:, 0]) > 0) & (np.sign(pool[:, 1]) < 0)
    assert similarity[0, agree].min() > 0.9
    assert np.abs(similarity[0, half]).max() < 0.4


@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(0, 30), st.integers(0, 9))
def test_nobody_gets_more_than_wanted_and_no_clip_is_given_twice(
    seed: int, num_queries: int, num_clips: int, each: int
) -> None:
    rng = np.random.default_rng(seed)
    labels = [str(rng.integers(3)) for _ in range(num_queries)]
    similarity = rng.random((num_queries, num_clips))
    found = nearest_of_pool(similarity, labels, dict.fromkeys(labels, each))
    assert len({one.clip for one in found}) == len(found) == min(num_clips, each * len(set(labels)))
    for one in found:
        assert labels[one.query] == one.label
        assert one.similarity == pytest.approx(similarity[one.query, one.clip])
        assert one.similarity >= max(similarity[q, one.clip] for q in range(num_queries) if labels[q] == one.label)
    for label in set(labels):
        of_label = [one.similarity for one in found if one.label == label]
        assert of_label == sorted(of_label, reverse=True)
        assert len(of_label) <= each
