import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from menura.errors import ConfigError, DatasetError
from menura.metrics.distance import (
    SCALE,
    frechet_distance,
    frechet_limit,
    kernel_distance,
    median_distance,
    sample_size_note,
)


def draw(num: int, dim: int, seed: int, *, shift: float = 0.0, spread: float = 1.0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(shift, spread, (num, dim))


def exactly(num: int, mean: NDArray[np.float64], covariance: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Sounds whose mean and covariance are exactly these."""
    white = draw(num, len(mean), seed)
    white -= white.mean(axis=0)
    left, _, right = np.linalg.svd(white, full_matrices=False)
    return np.asarray(mean + (left @ right) * np.sqrt(num - 1) @ np.linalg.cholesky(covariance).T)


def rotation(dim: int) -> NDArray[np.float64]:
    return np.asarray(np.linalg.qr(draw(dim, dim, 9))[0])


COVARIANCES = (np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, -0.3], [-0.3, 3.0]]))


def test_the_frechet_distance_of_gaussians_is_that_of_the_formula() -> None:
    means = np.array([1.0, 2.0]), np.array([0.0, -1.0])
    first, second = (exactly(50, m, c, seed) for m, c, seed in zip(means, COVARIANCES, (1, 2), strict=True))
    root = sqrtm(COVARIANCES[0] @ COVARIANCES[1]).real
    expected = 10.0 + np.trace(COVARIANCES[0] + COVARIANCES[1] - 2 * root)
    assert frechet_distance(first, second) == pytest.approx(expected, rel=1e-9)


def test_the_frechet_distance_of_aligned_gaussians_is_that_of_their_deviations() -> None:
    first = exactly(40, np.zeros(3), np.diag([1.0, 4.0, 9.0]), 3)
    second = exactly(60, np.zeros(3), np.diag([4.0, 4.0, 1.0]), 4)
    assert frechet_distance(first, second) == pytest.approx(1 + 0 + 4, rel=1e-9)


@pytest.mark.parametrize(("num", "dim"), [(60, 5), (8, 30)], ids=["many sounds", "fewer sounds than dimensions"])
def test_both_distances_are_symmetric_and_blind_to_rotation(num: int, dim: int) -> None:
    first, second, turn = draw(num, dim, 0), draw(num + 3, dim, 1, shift=0.4), rotation(dim)
    expected = frechet_distance(first, second)
    assert expected > 0.1
    assert frechet_distance(second, first) == pytest.approx(expected)
    assert frechet_distance(first @ turn + 3, second @ turn + 3) == pytest.approx(expected)
    forth, back = (kernel_distance(*sets, bandwidth=2.0, resamples=10) for sets in ((first, second), (second, first)))
    assert forth.value == pytest.approx(back.value)
    turned = kernel_distance(first @ turn, second @ turn, resamples=10)
    assert turned.value == pytest.approx(kernel_distance(first, second, resamples=10).value)


@pytest.mark.parametrize(("num", "dim"), [(60, 5), (8, 30)], ids=["many sounds", "fewer sounds than dimensions"])
def test_a_set_has_no_frechet_distance_from_itself(num: int, dim: int) -> None:
    sounds = draw(num, dim, 0)
    assert frechet_distance(sounds, sounds) == pytest.approx(0.0, abs=1e-9)


def test_both_distances_rise_with_the_shift() -> None:
    reference = draw(80, 6, 0)
    shifts = (0.0, 0.3, 0.6, 1.2)
    frechet = [frechet_distance(reference, draw(80, 6, 1, shift=shift)) for shift in shifts]
    kernel = [kernel_distance(reference, draw(80, 6, 1, shift=shift), resamples=10).value for shift in shifts]
    assert frechet == sorted(frechet)
    assert kernel == sorted(kernel)
    assert kernel[-1] > 10 * abs(kernel[0])


def by_matrix_root(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """The Fréchet distance as its reference implementations have it: scipy's root of the product of covariances."""
    covariances = [np.cov(part, rowvar=False) for part in (first, second)]
    root = sqrtm(covariances[0] @ covariances[1]).real
    between = np.square(first.mean(axis=0) - second.mean(axis=0)).sum()
    return float(between + np.trace(covariances[0] + covariances[1] - 2 * root))


@pytest.mark.parametrize(
    ("num", "dim"), [(60, 5), (700, 300), (260, 258)], ids=["few dimensions", "many", "nearly as many as sounds"]
)
def test_the_frechet_distance_is_that_of_the_matrix_root(num: int, dim: int) -> None:
    scales = np.geomspace(3, 0.3, dim)
    first, second = draw(num, dim, 0) * scales, draw(num + 20, dim, 1, shift=0.2) * scales[::-1]
    assert frechet_distance(first, second) == pytest.approx(by_matrix_root(first, second), abs=1e-4)


def test_dimensions_without_variance_take_the_exact_route(monkeypatch: pytest.MonkeyPatch) -> None:
    wide, thin = draw(400, 300, 0), draw(400, 300, 1)
    thin[:, 100:] = 0.0
    wide_only = wide[:, :100]
    expected = frechet_distance(wide_only, thin[:, :100]) + np.square(wide[:, 100:].mean(axis=0)).sum()
    expected += wide[:, 100:].var(axis=0, ddof=1).sum()
    assert frechet_distance(wide, thin) == pytest.approx(expected, rel=1e-9)
    assert frechet_distance(wide, wide) == pytest.approx(0.0, abs=1e-6)


def test_the_kernel_distance_is_the_mean_of_its_kernels_by_hand() -> None:
    first, second = np.array([[0.0], [1.0], [3.0]]), np.array([[2.0], [5.0]])

    def mean(distances: list[float]) -> float:
        return float(np.mean([np.exp(-(distance**2) / 2) for distance in distances]))

    by_hand = mean([1, 3, 2]) + mean([3]) - 2 * mean([2, 5, 1, 4, 1, 2])
    assert kernel_distance(first, second, bandwidth=1.0, resamples=1).value == pytest.approx(SCALE * by_hand)


def test_the_kernel_distance_is_unbiased_and_the_frechet_distance_is_not() -> None:
    # forty pairs of small sets from one distribution: the mean of an unbiased estimate lies within three of its errors
    pairs = [(draw(12, 4, 2 * k), draw(12, 4, 2 * k + 1)) for k in range(40)]
    kernel = np.array([kernel_distance(*pair, bandwidth=2.0, resamples=1).value for pair in pairs])
    assert abs(kernel.mean()) < 3 * kernel.std(ddof=1) / np.sqrt(len(kernel))
    assert (kernel < 0).any()
    frechet = np.array([frechet_distance(*pair) for pair in pairs])
    assert frechet.min() > 0
    limits = np.array([frechet_limit(*pair) for pair in pairs])
    assert abs(limits.mean()) < frechet.mean()


def test_the_interval_holds_the_value_and_the_p_value_tells_chance_from_a_shift() -> None:
    reference = draw(60, 4, 0)
    same = kernel_distance(reference, draw(60, 4, 1), resamples=300)
    other = kernel_distance(reference, draw(60, 4, 1, shift=1.0), resamples=300)
    assert same.p > 0.05
    assert same.value < same.chance
    assert other.p == pytest.approx(1 / 301)
    assert other.chance < other.interval[0] < other.value < other.interval[1]
    assert other.bandwidth == median_distance(reference)


def test_the_same_seed_gives_the_same_interval() -> None:
    sets = draw(20, 3, 0), draw(20, 3, 1)
    assert kernel_distance(*sets, resamples=50, seed=3) == kernel_distance(*sets, resamples=50, seed=3)
    assert kernel_distance(*sets, resamples=50, seed=3) != kernel_distance(*sets, resamples=50, seed=4)


def test_the_note_says_how_many_sounds_would_do() -> None:
    assert sample_size_note(80, 8) is None
    assert "about 80 sounds" in str(sample_size_note(79, 8))


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (np.zeros((5, 2)), np.zeros((5, 3)), "expected .sounds, dim. with one dim"),
        (np.zeros((1, 2)), np.zeros((5, 2)), "at least two sounds"),
        (np.full((5, 2), np.nan), np.zeros((5, 2)), "NaN or infinite"),
    ],
)
def test_sets_that_cannot_be_compared_are_refused(
    first: NDArray[np.float64], second: NDArray[np.float64], message: str
) -> None:
    for distance in (frechet_distance, kernel_distance, frechet_limit):
        with pytest.raises(DatasetError, match=message):
            distance(first, second)


def test_a_reference_without_a_bandwidth_is_refused() -> None:
    with pytest.raises(DatasetError, match="most sounds of the reference are equal"):
        kernel_distance(np.zeros((5, 2)), draw(5, 2, 0))
    with pytest.raises(ConfigError, match="bandwidth is -1"):
        kernel_distance(draw(5, 2, 1), draw(5, 2, 0), bandwidth=-1)
    with pytest.raises(DatasetError, match="at least eight"):
        frechet_limit(draw(9, 2, 1), draw(7, 2, 0))
