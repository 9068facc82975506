"""Drawing and swapping test sources."""

from __future__ import annotations

import numpy as np
import pytest

from menura.metrics.resampling import TestFold, interval_of, source_draws, weighted_metric


def fold(right: np.ndarray, sources: np.ndarray | None = None, *, multilabel: bool = False) -> TestFold:
    """Two labels, half of the clips each; ``right`` is [seeds, clips]."""
    clips = right.shape[1]
    truth = np.arange(2) == (np.arange(clips) % 2)[:, None]
    probabilities = np.where(right[:, :, None], truth, ~truth).astype(float)
    return TestFold(truth, probabilities, np.arange(clips) if sources is None else sources, multilabel)


def test_the_interval_of_one_fold_is_that_of_a_share() -> None:
    right = np.arange(400)[None] % 4 != 0
    low, high = interval_of(source_draws("accuracy", [[fold(right)]])[0])
    half = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    # 4,000 draws place a 2.5 % quantile within about 3 % of the standard error
    assert (low, high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.004)


def test_clips_of_one_source_stand_or_fall_together() -> None:
    right = np.repeat(np.arange(20) % 4 != 0, 20)[None]
    low, high = interval_of(source_draws("accuracy", [[fold(right, np.repeat(np.arange(20), 20))]])[0])
    alone = interval_of(source_draws("accuracy", [[fold(right)]])[0])
    assert high - low > 3 * (alone[1] - alone[0])


def test_the_same_draws_serve_all_arms() -> None:
    right = np.random.default_rng(0).random((2, 60)) < 0.7
    draws = source_draws("macro_f1", [[fold(right)], [fold(right)]])
    assert (draws[0] == draws[1]).all()


def test_unit_weights_give_the_plain_metric() -> None:
    right = np.array([[True, True, True, False]])
    assert weighted_metric("accuracy", fold(right), np.ones((1, 4))).tolist() == [[0.75]]
