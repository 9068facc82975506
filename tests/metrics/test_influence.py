"""Pulls are derivatives, and to first order they are the bootstrap."""

from __future__ import annotations

import numpy as np
import pytest

from menura.metrics.influence import difference, fold_influence
from menura.metrics.resampling import TestFold, source_draws, weighted_metric

METRICS = ("accuracy", "macro_f1", "uar", "mean_average_precision")


def fold(clips: int, *, multilabel: bool = False, labels: int = 3, seed: int = 0, per_source: int = 1) -> TestFold:
    """Two seeds that answer rightly more often than not; scores have ties."""
    generator = np.random.default_rng(seed)
    truth = np.arange(labels) == (np.arange(clips) % labels)[:, None]
    if multilabel:
        truth = truth | (generator.random(truth.shape) < 0.2)
    scores = np.round(truth + generator.normal(0, 0.8, (2, clips, labels)), 1)
    return TestFold(truth, scores, np.arange(clips) // per_source, multilabel)


@pytest.mark.parametrize("metric", METRICS)
def test_a_pull_is_what_counting_a_source_a_little_more_does(metric: str) -> None:
    """Up to the leverage of a source among the clips of a label, which is below 1/50 here: factor 1.01 of any term."""
    tested = fold(300, multilabel=metric == "mean_average_precision", per_source=2)
    found = fold_influence(metric, tested)
    step = 1e-4
    weights = 1 + step * (tested.sources == np.arange(150)[:, None])
    assert found.values == pytest.approx(weighted_metric(metric, tested, np.ones((1, 300)))[0])
    measured = (weighted_metric(metric, tested, weights) - found.values).T / step
    assert found.pulls == pytest.approx(measured, rel=0.02, abs=3e-5)


@pytest.mark.parametrize("metric", METRICS)
def test_the_spread_of_linear_draws_is_that_of_the_whole_bootstrap(metric: str) -> None:
    tested = fold(240, multilabel=metric == "mean_average_precision")
    one_seed = TestFold(tested.truth, tested.probabilities[:1], tested.sources, tested.multilabel)
    found = fold_influence(metric, one_seed)
    whole = source_draws(metric, [[one_seed]])[0].std()
    # 1,000 draws or more: 3 % of a standard deviation; 80 clips of a label: 1 % of leverage
    assert np.sqrt((found.pulls**2).sum()) == pytest.approx(whole, rel=0.08)


@pytest.mark.parametrize("metric", METRICS)
def test_arms_with_the_same_answers_are_known_to_be_the_same(metric: str) -> None:
    one = fold_influence(metric, fold(30, multilabel=metric == "mean_average_precision"))
    other = fold_influence(metric, fold(30, multilabel=metric == "mean_average_precision", seed=1))
    assert difference(one, one).is_same
    assert not difference(one, other).is_same


def test_shares_and_pulls_are_summed_by_source() -> None:
    found = fold_influence("accuracy", fold(12, per_source=4))
    assert found.shares.tolist() == [1 / 3] * 3
    assert found.pulls.shape == (2, 3)
    assert found.pulls.sum(axis=1) == pytest.approx([0, 0])
