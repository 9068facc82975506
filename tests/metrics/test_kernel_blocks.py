"""Large sets: the value of the whole kernel, found in blocks, and a chance that is one."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from menura.metrics import distance
from menura.metrics.distance import kernel_distance, median_distance
from menura.metrics.kernel_blocks import large_median_distance, large_resamples, mean_kernels
from menura.seeding import item_generator


def draw(num: int, seed: int, *, shift: float = 0.0, dim: int = 12) -> NDArray[np.float64]:
    drawn = np.random.default_rng(seed)
    return drawn.normal(shift, 1.0, (num, dim)) * np.geomspace(3, 0.3, dim) + 20.0


def by_hand(first: NDArray[np.float64], second: NDArray[np.float64], width: float) -> tuple[float, float, float]:
    """The three means by the definition, one pair at a time."""

    def mean(pairs: list[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> float:
        return float(np.mean([np.exp(-np.sum((x - y) ** 2) / (2 * width**2)) for x, y in pairs]))

    own, others = (
        [(x, y) for i, x in enumerate(part) for j, y in enumerate(part) if i != j] for part in (first, second)
    )
    return mean(own), mean(others), mean([(x, y) for x in first for y in second])


def test_the_means_of_the_kernel_are_those_of_a_loop_over_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("menura.metrics.kernel_blocks._TILE", 16)  # several tiles, the last ones not whole
    first, second = draw(40, 0), draw(53, 1, shift=0.3)
    assert mean_kernels(first, second, 2.0) == pytest.approx(by_hand(first, second, 2.0), abs=1e-6)


@pytest.mark.parametrize("num", [50, 53], ids=["odd number of pairs", "even number"])
def test_the_median_is_exact(num: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("menura.metrics.kernel_blocks._TILE", 16)
    sounds = draw(num, 2)
    assert large_median_distance(sounds, item_generator(0)) == pytest.approx(median_distance(sounds), rel=1e-6)


def test_a_bracket_that_misses_the_median_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("menura.metrics.kernel_blocks._SAMPLED_PAIRS", 3)
    for seed in range(8):
        sounds = draw(40, seed)
        assert large_median_distance(sounds, item_generator(seed)) == pytest.approx(median_distance(sounds), rel=1e-6)


def test_the_random_features_measure_what_the_kernel_does() -> None:
    first, second = draw(400, 3), draw(400, 4, shift=0.3)
    width = median_distance(first)
    own, others, across = mean_kernels(first, second, width)
    value, boot, split = large_resamples(first, second, width, resamples=200, generator=item_generator(1))
    assert value == pytest.approx(own + others - 2 * across, rel=0.25)  # 256 random frequencies
    assert boot.mean() == pytest.approx(value, rel=0.25)
    assert abs(split.mean()) < 0.05 * value  # unbiased: random splits lie around 0
    assert split.max() < value


def test_blocks_give_the_answer_of_the_whole_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = draw(300, 5), draw(260, 6, shift=0.4)
    whole = kernel_distance(first, second, resamples=300)
    monkeypatch.setattr(distance, "_WHOLE_KERNEL", 100)
    blocks = kernel_distance(first, second, resamples=300)
    assert blocks.value == pytest.approx(whole.value, abs=2e-4)
    assert blocks.bandwidth == pytest.approx(whole.bandwidth, rel=1e-6)
    width = whole.interval[1] - whole.interval[0]
    assert blocks.interval[1] - blocks.interval[0] == pytest.approx(width, rel=0.3)
    assert blocks.interval[0] < blocks.value < blocks.interval[1]
    assert blocks.chance == pytest.approx(whole.chance, rel=0.4)
    assert blocks.p == whole.p == pytest.approx(1 / 301)


def test_the_p_value_of_blocks_is_evenly_spread_where_nothing_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distance, "_WHOLE_KERNEL", 10)
    p = np.array([kernel_distance(draw(60, 2 * k), draw(60, 2 * k + 1), resamples=99).p for k in range(60)])
    assert 0.35 < p.mean() < 0.65  # four standard errors of the mean of 60 uniform numbers
    assert (p <= 0.05).mean() <= 0.15  # of 60 tests at 5 %, more than 9 would come once in 1,000 times
