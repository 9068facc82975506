"""Rewards: what a clip brings to a set, against what the set says without it; and nearness that is no chance."""

from __future__ import annotations

import numpy as np
import pytest

from menura.align.ears import near_p
from menura.align.reward import coverage_gains, kernel_gains, scores_of
from menura.metrics.distance import kernel_distance

DRAW = np.random.default_rng(0)
REAL = DRAW.standard_normal((30, 4))


def test_the_gain_of_a_clip_is_the_distance_without_it_less_that_with_it() -> None:
    made = DRAW.standard_normal((8, 4)) + 0.5

    def distance(some: np.ndarray) -> float:
        return kernel_distance(REAL, some, bandwidth=2.0, resamples=1).value / 100

    expected = [distance(np.delete(made, row, axis=0)) - distance(made) for row in range(len(made))]
    assert kernel_gains(REAL, made, bandwidth=2.0) == pytest.approx(expected, abs=1e-12)


def test_a_clip_among_the_real_ones_gains_more_than_one_far_away() -> None:
    made = np.concatenate([REAL[:5] + 0.1, REAL[:3] + 50])
    gains = kernel_gains(REAL, made, bandwidth=2.0)
    assert gains[:5].min() > gains[5:].max()
    assert kernel_gains(REAL, made[[0, 7]], bandwidth=2.0).argmax() == 0


def test_only_a_clip_that_reaches_real_clips_that_no_other_reaches_covers_more() -> None:
    line = np.arange(8.0)[:, None]
    gains = coverage_gains(line, np.array([[0.1], [0.2], [7.0]]))
    assert gains.argmax() == 2
    assert gains[0] > gains[1]  # a tie, broken by nearness


def test_rewards_of_distributions_are_taken_label_by_label() -> None:
    real = np.array([[0.0], [0.1], [9.0], [9.1]])
    targets = np.array([[True, False]] * 2 + [[False, True]] * 2)
    made, own = np.array([[0.0], [9.0]] * 2), np.array([[False, True]] * 4)
    scores = scores_of("kad", made, own, real, targets, weights=np.zeros((1, 2), np.float32), bandwidth=1.0)
    assert scores[1] > scores[0]
    weights = np.array([[-1.0, 1.0]], np.float32)
    agreement = scores_of("label", made, own, real, targets, weights=weights, bandwidth=1.0)
    assert agreement.tolist() == pytest.approx([0, 18, 0, 18])


def test_new_draws_of_one_world_are_not_too_near_and_copies_are() -> None:
    real = np.abs(DRAW.standard_normal(60))
    assert near_p(np.abs(DRAW.standard_normal(40)), real) > 0.01
    assert near_p(np.abs(DRAW.standard_normal(40)) * 0.1, real) < 0.001
    some = np.abs(DRAW.standard_normal(40))
    some[:12] = 0.0  # a third are copies, the others as always
    assert near_p(some, real) < 0.001
    assert near_p(np.array([5.0]), np.array([])) == 1.0
