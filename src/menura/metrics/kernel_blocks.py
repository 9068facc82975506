"""The kernel distance of large sets: blocks of the kernel in single precision, and random features for its chance.

A kernel of 20,000 sounds would fill 3 GB, and a thousand resamples of it take minutes. Here a block of rows is held
at a time, and the resampling works on a few hundred numbers a sound.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["large_median_distance", "large_resamples", "mean_kernels"]

Singles: TypeAlias = NDArray[np.float32]
Doubles: TypeAlias = NDArray[np.float64]
Found = TypeVar("Found")

_TILE = 1024
_MEDIAN_UP_TO = 5_000
_SAMPLED_PAIRS = 20_000
_FREQUENCIES = 256
_DRAWS_AT_ONCE = 50


def mean_kernels(first: Doubles, second: Doubles, bandwidth: float) -> tuple[float, float, float]:
    """Means of ``exp(-|x - y|² / (2 bandwidth²))``: within the first set, within the second, and across.

    Squared distances are products of matrices in single precision, a block at a time, summed in double precision; no
    sound is a pair with itself. Each mean is within 1e-6 of that in double precision.

    Args:
        first, second: Embeddings ``[sounds, dim]``, at least two sounds each.
        bandwidth: > 0.
    """
    centre = np.concatenate([first, second]).mean(axis=0)
    scaled = [(part - centre) / (np.sqrt(2) * bandwidth) for part in (first, second)]
    (left_a, right_a), (left_b, right_b) = map(_factors, scaled)
    n, m = len(first), len(second)
    within = [
        2 * sum(_in_threads(_sum_kernel, _tiles(left, right, above=True)))
        for left, right in ((left_a, right_a), (left_b, right_b))
    ]
    across = sum(_in_threads(_sum_kernel, _tiles(left_a, right_b)))
    return within[0] / (n * (n - 1)), within[1] / (m * (m - 1)), across / (n * m)


def large_median_distance(embeddings: Doubles, generator: np.random.Generator) -> float:
    """Median Euclidean distance of two different sounds, exact up to 5,000 sounds; of more, that of 5,000 drawn.

    A sample of the pairs brackets the median; all pairs are counted, and only those in the bracket are sorted.

    Args:
        embeddings: ``[sounds, dim]``.
        generator: Draws the sample, and the sounds.
    """
    if len(embeddings) > _MEDIAN_UP_TO:
        embeddings = embeddings[np.sort(generator.choice(len(embeddings), _MEDIAN_UP_TO, replace=False))]
    centred = embeddings - embeddings.mean(axis=0)
    scale = float(np.sqrt(np.square(centred).sum(axis=1).mean())) or 1.0
    scaled = centred / scale
    one, other = generator.integers(len(scaled), size=(2, _SAMPLED_PAIRS))
    sampled = np.square(scaled[one[one != other]] - scaled[other[one != other]]).sum(axis=1)
    low, high = np.quantile(sampled, [0.47, 0.53])
    left, right = _factors(scaled)
    num_pairs = len(scaled) * (len(scaled) - 1) // 2
    for bounds in ((low, high), (0.0, np.inf)):  # a bracket that misses the median, once in a blue moon, is opened
        parts = _in_threads(_between, [(*tile, *bounds) for tile in _tiles(left, right, above=True)])
        below, inside = sum(count for count, _ in parts), np.concatenate([kept for _, kept in parts])
        ranks = [(num_pairs - 1) // 2 - below, num_pairs // 2 - below]
        if ranks[0] >= 0 and ranks[1] < len(inside):
            break
    return scale * float(np.sqrt(np.partition(inside, ranks)[ranks]).mean())


def large_resamples(
    first: Doubles, second: Doubles, bandwidth: float, *, resamples: int, generator: np.random.Generator
) -> tuple[float, Doubles, Doubles]:
    """Unbiased squared discrepancies with 256 random frequencies in place of the kernel.

    ``k(x, y)`` is the mean of ``cos(w (x - y))`` over ``w ~ N(0, 1 / bandwidth²)``: with some of these the discrepancy
    is a distance of means, and each resample costs one product of matrices.

    Args:
        first, second: Embeddings ``[sounds, dim]``.
        bandwidth: > 0.
        resamples: Number of bootstrap draws, and of random splits.
        generator: Draws all of them, and the frequencies.

    Returns:
        Of the sets themselves; of bootstrap draws ``[resamples]``; of random splits of both together ``[resamples]``.

    Source:
        Rahimi and Recht 2007 (random features); Zhao and Meng 2015, arXiv:1405.2664 (for this discrepancy).
    """
    frequencies = generator.standard_normal((first.shape[1], _FREQUENCIES)) / bandwidth
    a, b = _features(first, frequencies), _features(second, frequencies)
    ones = np.ones(1)
    sizes = [(len(part) * ones, len(part) * ones) for part in (a, b)]
    value = float(_discrepancies(a.sum(axis=0)[None], b.sum(axis=0)[None], *sizes)[0])
    drawn = [min(_DRAWS_AT_ONCE, resamples - start) for start in range(0, resamples, _DRAWS_AT_ONCE)]
    found = _in_threads(
        _resample, [(a, b, num, own) for num, own in zip(drawn, generator.spawn(len(drawn)), strict=True)]
    )
    return value, np.concatenate([boot for boot, _ in found]), np.concatenate([split for _, split in found])


def _resample(a: Singles, b: Singles, num: int, generator: np.random.Generator) -> tuple[Doubles, Doubles]:
    """Discrepancies of ``num`` bootstrap draws and of as many random splits."""
    counts = [_counts(generator, len(part), num) for part in (a, b)]
    sizes = [(np.full(num, float(len(c[0]))), np.square(c).sum(axis=1, dtype=np.float64)) for c in counts]
    boot = _discrepancies(counts[0] @ a, counts[1] @ b, *sizes)
    chosen = np.zeros((num, len(a) + len(b)), np.float32)
    for row in chosen:
        row[generator.choice(len(row), len(a), replace=False, shuffle=False)] = 1.0
    to_first = chosen[:, : len(a)] @ a + chosen[:, len(a) :] @ b
    rest = a.sum(axis=0) + b.sum(axis=0) - to_first
    return boot, _discrepancies(to_first, rest, *((np.full(1, len(p)), np.full(1, len(p))) for p in (a, b)))


def _discrepancies(a: Singles, b: Singles, size_a: tuple[Doubles, Doubles], size_b: tuple[Doubles, Doubles]) -> Doubles:
    """For summed features ``[draws, features]``, and the sum and the sum of squares of how often each sound counts."""
    first, second = a.astype(np.float64), b.astype(np.float64)
    within = [
        (np.square(part).sum(axis=1) - squares) / (size**2 - squares)  # a feature vector has length 1
        for part, (size, squares) in ((first, size_a), (second, size_b))
    ]
    return np.asarray(within[0] + within[1] - 2 * (first * second).sum(axis=1) / (size_a[0] * size_b[0]))


def _features(embeddings: Doubles, frequencies: Doubles) -> Singles:
    phases = embeddings.astype(np.float32) @ frequencies.astype(np.float32)
    length = np.float32(np.sqrt(frequencies.shape[1]))
    return np.concatenate([np.cos(phases), np.sin(phases)], axis=1, dtype=np.float32) / length


def _counts(generator: np.random.Generator, size: int, num: int) -> Singles:
    """How often each sound stands in each of ``num`` bootstrap draws, ``[num, size]``."""
    drawn = generator.integers(size, size=(num, size)) + size * np.arange(num)[:, None]
    return np.bincount(drawn.ravel(), minlength=num * size).reshape(num, size).astype(np.float32)


def _factors(scaled: Doubles) -> tuple[Singles, Singles]:
    """Matrices whose product holds minus the squared distances: ``2 x y - |x|² - |y|²``."""
    squares, ones = np.square(scaled).sum(axis=1)[:, None], np.ones((len(scaled), 1))
    left = np.concatenate([2 * scaled, -squares, -ones], axis=1, dtype=np.float32)
    return left, np.concatenate([scaled, ones, squares], axis=1, dtype=np.float32)


def _sum_kernel(left: Singles, right: Singles, is_diagonal: bool) -> float:
    """Sum of a tile of the kernel; of the pairs above its diagonal if it lies on that of the whole."""
    product = left @ right.T
    kernel = np.exp(product, out=product)
    total = float(kernel.sum(axis=1).sum(dtype=np.float64))
    return (total - float(np.trace(kernel, dtype=np.float64))) / 2 if is_diagonal else total


def _between(left: Singles, right: Singles, is_diagonal: bool, low: float, high: float) -> tuple[int, Singles]:
    """How many squared distances of a tile are below the bounds, and those within them."""
    product = left @ right.T
    squared = np.maximum(np.negative(product, out=product), np.float32(0.0), out=product)
    if is_diagonal:
        squared = squared[np.triu_indices(len(squared), 1)]
    inside = squared[(squared >= np.float32(low)) & (squared <= np.float32(high))]
    return int(np.count_nonzero(squared < np.float32(low))), inside


def _tiles(left: Singles, right: Singles, *, above: bool = False) -> Iterator[tuple[Singles, Singles, bool]]:
    """Rows of both factors, and whether they are the same; with ``above`` only tiles on or above the diagonal."""
    for start in range(0, len(left), _TILE):
        for beside in range(start if above else 0, len(right), _TILE):
            yield left[start : start + _TILE], right[beside : beside + _TILE], above and start == beside


def _in_threads(function: Callable[..., Found], jobs: Iterable[tuple[Any, ...]]) -> list[Found]:
    """Results in the order of the jobs. Threads work side by side, each multiplying matrices by itself."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # comes with scikit-learn

    with threadpool_limits(limits=1), ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        return list(pool.map(lambda job: function(*job), jobs))
