"""Intervals and p-values of three levels: known answers, and the coverage that the page states."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from menura.metrics.hierarchy import components_of, draw_arms, interval_from, p_from
from menura.metrics.influence import Influence, difference
from menura.metrics.statistics import Interval
from menura.seeding import item_generator


def of_answers(right: np.ndarray) -> Influence:
    """Accuracy of ``[seeds, clips]``, each clip a source of its own."""
    values, clips = right.mean(axis=1), right.shape[1]
    return Influence(values, (right - values[:, None]) / clips, np.full(clips, 1 / clips), clips)


def compared(one: list[np.ndarray], other: list[np.ndarray], *, resamples: int = 1000) -> tuple[Interval, float]:
    """Interval and p-value of a difference of two arms, fold by fold."""
    arms = [[of_answers(right.astype(float)) for right in arm] for arm in (one, other)]
    pairs = [difference(*pair) for pair in zip(*arms, strict=True)]
    draws = draw_arms(arms, resamples=resamples)
    gain = float(np.mean([pair.values.mean() for pair in pairs]))
    interval = interval_from(gain, draws.drawn[0] - draws.drawn[1], components_of(pairs))
    parts = components_of(pairs, pseudo=False)
    return interval, p_from(gain, draws.flipped[0] - draws.flipped[1], parts, draws=draws)


def test_one_fold_and_seed_gives_the_interval_of_paired_shares() -> None:
    generator = np.random.default_rng(0)
    one, other = generator.random((1, 900)) < 0.7, generator.random((1, 900)) < 0.5
    differences = one.astype(float) - other
    half = 1.96 * differences.std() / 30
    interval, p = compared([one], [other], resamples=4000)
    # 4,000 draws place a 2.5 % quantile within about 3 % of the standard error
    assert interval == pytest.approx((differences.mean() - half, differences.mean() + half), abs=0.003)
    assert p < 0.001


def test_few_sources_are_swapped_in_every_way() -> None:
    one, other = np.array([[1, 1, 1, 1, 1, 0.0]]), np.array([[0, 0, 0, 0, 0, 0.0]])
    _, p = compared([one], [other])
    assert p == 2 / 2**5  # only all five swaps together reach as far; the sixth clip counts for neither


def test_the_p_value_of_one_seed_is_near_that_of_mcnemar() -> None:
    generator = np.random.default_rng(2)
    one, other = generator.random((1, 200)) < 0.66, generator.random((1, 200)) < 0.55
    better, worse = int((one & ~other).sum()), int((other & ~one).sum())
    exact = stats.binomtest(better, better + worse).pvalue
    # 4,000 swaps: 0.004 of standard error at p = 0.07
    assert compared([one], [other], resamples=4000)[1] == pytest.approx(exact, abs=0.015)


def test_both_are_symmetric_in_the_arms() -> None:
    generator = np.random.default_rng(1)
    one, other = ([generator.random((3, 30)) < 0.6 for _ in range(5)] for _ in range(2))
    (low, high), p = compared(one, other)
    turned, turned_p = compared(other, one)
    assert turned == pytest.approx((-high, -low))
    assert turned_p == p


def test_arms_that_are_the_same_differ_by_nothing_and_a_few_equal_answers_prove_little() -> None:
    right = np.arange(40)[None] % 3 != 0
    assert compared([right], [right]) == ((0.0, 0.0), 1.0)
    other = of_answers(right.astype(float))
    slightly = replace(difference(other, other), is_same=False)  # other probabilities, the same decisions
    low, high = interval_from(0.0, np.zeros(10), components_of([slightly]))
    assert high == -low == pytest.approx(2.02 / 40, abs=0.002)


def test_what_clips_seeds_and_folds_add_is_told_apart() -> None:
    generator = np.random.default_rng(0)
    shape = (40, 5, 60)
    latent = {
        "clips": generator.normal(size=(40, 1, 60)), "seeds": 0.4 * generator.normal(size=(40, 5, 1)),
        "folds": 0.4 * generator.normal(size=(40, 1, 1)),
    }  # fmt: skip
    expected = {"clips": 1 / 60 / 40, "seeds": 0.16 / 5 / 40, "folds": 0.16 / 40}
    for name, part in latent.items():
        found = components_of([of_answers(fold) for fold in np.broadcast_to(part, shape)], pseudo=False)
        # a variance from 40 folds is known within 22 %, one from 160 seeds within 11
        assert getattr(found, name) == pytest.approx(expected[name], rel=0.45)
        assert sum(getattr(found, other) for other in latent if other != name) < 0.25 * found.variance


@pytest.mark.parametrize(("folds", "seeds", "clips"), [(1, 3, 80), (3, 3, 40), (5, 3, 16)])
@pytest.mark.parametrize("spread", [0.0, 0.25])
def test_nothing_is_found_where_nothing_is(folds: int, seeds: int, clips: int, spread: float) -> None:
    """Arms with one and the same rate of right answers, but other seeds, and other folds where there are three."""
    covered = significant = 0
    for repetition in range(120):
        generator = np.random.default_rng([repetition, folds, clips])
        hard = [generator.normal(size=(1, clips)) for _ in range(folds)]
        arms = []
        for _ in range(2):
            own = [spread * (generator.normal(size=(seeds, 1)) + (folds > 2) * generator.normal()) for _ in hard]
            noise = [
                0.5 * generator.normal(size=(1, clips)) + 0.5 * generator.normal(size=(seeds, clips)) for _ in hard
            ]
            arms.append([h + o + n + 0.5 > 0 for h, o, n in zip(hard, own, noise, strict=True)])
        interval, p = compared(arms[0], arms[1], resamples=400)
        covered += interval[0] <= 0 <= interval[1]
        significant += p < 0.05
    # 120 repetitions: two standard errors are 4 points at 95 %
    assert covered >= 0.91 * 120
    assert significant <= 0.09 * 120


def speakers(gains: list[float], clips: int = 40) -> tuple[list[Influence], list[Influence]]:
    """Two arms on one speaker a fold, three seeds; the first is right more often by a gain for each speaker."""
    arms = []
    for arm in (1.0, 0.0):
        folds = []
        for number, gain in enumerate(gains):
            values = 0.6 + arm * gain + 0.01 * item_generator(0, number, int(arm)).normal(size=3)
            folds.append(Influence(values, np.zeros((3, 1)), np.ones(1), clips))
        arms.append(folds)
    return arms[0], arms[1]


@pytest.mark.parametrize(("gains", "sure"), [([0.1, 0.12, 0.09, 0.11, 0.1, 0.12], True), ([0.1, -0.1] * 3, False)])
def test_six_speakers_can_show_a_gain_that_all_of_them_have(gains: list[float], sure: bool) -> None:
    """Their 64 swaps could never: the smallest p-value of two arms after Holm would be 0.06."""
    one, other = speakers(gains)
    draws = draw_arms([one, other])
    assert draws.is_crowded
    pairs = [difference(*pair) for pair in zip(one, other, strict=True)]
    parts = components_of(pairs, pseudo=False)
    gain = float(np.mean([pair.values.mean() for pair in pairs]))
    p = p_from(gain, draws.flipped[0] - draws.flipped[1], parts, draws=draws)
    assert (p < 0.025) == sure
