"""How far apart two sets of sounds are, by their embeddings: the Fréchet and the kernel audio distance.

Arrays in, numbers out. A distance has the unit of the encoder: it compares sets that one encoder heard, and says
nothing about a single sound. Where dimensions have different scales, standardise them by the reference first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from menura.errors import ConfigError, DatasetError
from menura.metrics.kernel_blocks import large_median_distance, large_resamples, mean_kernels
from menura.metrics.statistics import Interval
from menura.seeding import item_generator

__all__ = [
    "KernelDistance",
    "frechet_distance",
    "frechet_limit",
    "kernel_distance",
    "median_distance",
    "sample_size_note",
]

Floats = NDArray[np.float32] | NDArray[np.float64]

SCALE = 100.0
"""Kernel distances are this many times MMD², as the released toolkit of the paper prints them."""

_SOUNDS_A_DIMENSION = 10
_LIMIT_SIZES = 12
_SMALLEST_SHARE = 0.25
_CHUNK = 250
_WHOLE_KERNEL = 2_500
"""Sounds of both sets together up to which the whole kernel is held and resampled."""
_WIDE = 256
"""Dimensions up to which the exact route to the Fréchet distance takes no time worth saving."""
_TRUSTED = 1e-8
"""Error of the quick route, as a share of both traces, above which the exact one is taken."""


@dataclass(frozen=True, slots=True)
class KernelDistance:
    """A kernel audio distance and how sure it is.

    Attributes:
        value: Unbiased, so that it lies around 0, and also below it, for two draws of one distribution.
        interval: 95 % bootstrap interval.
        p: Share of random splits of both sets together that lie at least as far apart.
        chance: 95th percentile of the distances of those splits.
        bandwidth: Of the kernel, in the unit of the embeddings.
    """

    value: float
    interval: Interval
    p: float
    chance: float
    bandwidth: float


def frechet_distance(reference: Floats, other: Floats) -> float:
    """Fréchet distance of the Gaussians with the mean and the covariance of each set.

    ``|m1 - m2|² + tr(C1) + tr(C2) - 2 tr((C1 C2)^½)``. The last trace is the sum of the singular values of ``A B'``
    for any ``A' A = C1`` and ``B' B = C2``, for instance the centred embeddings themselves: no root of a matrix is
    taken, nothing is added to a diagonal, and fewer sounds than dimensions are no special case. With many dimensions
    and more sounds it is the sum of the roots of the eigenvalues of ``C1 C2``, which are found more quickly, unless
    so many of them are next to 0 that rounding could change the result by more than 1e-8 of the traces.

    Biased upwards, the more the fewer sounds there are for each dimension (:func:`sample_size_note`): compare sets of
    equal size only, or use :func:`frechet_limit` or :func:`kernel_distance`.

    Args:
        reference, other: Embeddings ``[sounds, dim]``, at least two sounds each.

    Returns:
        Squared distance, >= 0, in squared units of the embeddings.

    Raises:
        DatasetError: A set is too small, holds no finite numbers, or their dimensions differ.

    Source:
        Kilgour et al. 2019, arXiv:1812.08466, equation 1; Dowson and Landau 1982.
    """
    first, second = _sets(reference, other)
    means = first.mean(axis=0), second.mean(axis=0)
    between = float(np.square(means[0] - means[1]).sum())
    a, b = first - means[0], second - means[1]
    freedom = len(a) - 1, len(b) - 1
    spread = float(np.vdot(a, a)) / freedom[0] + float(np.vdot(b, b)) / freedom[1]
    dim = a.shape[1]
    scale = float(np.sqrt(freedom[0] * freedom[1]))
    shared = _shared_by_eigenvalues(a, b, spread * scale) if dim > _WIDE and min(len(a), len(b)) > dim else None
    if shared is None:
        shared = float(np.linalg.svd(_factor(a) @ _factor(b).T, compute_uv=False).sum())
    return max(0.0, between + spread - 2 * shared / scale)


def frechet_limit(reference: Floats, other: Floats, *, seed: int = 0) -> float:
    """Fréchet distance extrapolated to infinitely many sounds in ``other``.

    Fits ``FAD_N = FAD_inf + slope / N`` to random subsets of a quarter of the sounds to all of them. It takes off
    what the size of ``other`` adds, not what the size of the reference adds; with fewer sounds than dimensions the
    line is not straight and the limit is a rough one. It may be below 0.

    Args:
        reference: Embeddings ``[sounds, dim]``, used whole.
        other: Embeddings ``[sounds, dim]``, at least eight sounds.
        seed: Of the subsets.

    Raises:
        DatasetError: As :func:`frechet_distance`, or there are fewer than eight sounds in ``other``.

    Source:
        Gui et al. 2024, arXiv:2311.01616, section 3 (FAD-infinity).
    """
    _, second = _sets(reference, other)
    num = len(second)
    if num < 8:
        raise DatasetError(f"{num} sounds cannot be extrapolated from, expected at least eight")
    generator = item_generator(seed, "frechet limit")
    inverse = np.linspace(1 / num, 1 / max(4, num * _SMALLEST_SHARE), _LIMIT_SIZES)
    sizes = np.round(1 / inverse).astype(int)
    found = [frechet_distance(reference, second[generator.choice(num, size, replace=False)]) for size in sizes.tolist()]
    return float(np.polyfit(1 / sizes, found, 1)[1])


def sample_size_note(num_sounds: int, dim: int) -> str | None:
    """What a reader of a Fréchet distance must know of its bias; None with ten sounds for each dimension."""
    if num_sounds >= _SOUNDS_A_DIMENSION * dim:
        return None
    return (
        f"Fréchet distances of {num_sounds} sounds in {dim} dimensions are biased upwards: compare them with the "
        f"floor at the same size, never with published ones, and trust the kernel distance more "
        f"(unbiased would need about {_SOUNDS_A_DIMENSION * dim} sounds)"
    )


def median_distance(embeddings: Floats) -> float:
    """Median Euclidean distance of two different sounds of the set ``[sounds, dim]``; of 10,000 drawn ones of more.

    Raises:
        DatasetError: There are fewer than two sounds, or most of them are equal.
    """
    from scipy.spatial.distance import pdist

    if len(embeddings) < 2:
        raise DatasetError(f"{len(embeddings)} sounds have no distances, expected at least two")
    exact = np.asarray(embeddings, dtype=np.float64)
    if len(exact) > _WHOLE_KERNEL:
        median = large_median_distance(exact, item_generator(0, "median distance", len(exact)))
    else:
        median = float(np.median(pdist(exact)))
    if not median > 0:
        raise DatasetError("most sounds of the reference are equal, expected different ones: no bandwidth follows")
    return median


def kernel_distance(
    reference: Floats, other: Floats, *, bandwidth: float | None = None, resamples: int = 1000, seed: int = 0
) -> KernelDistance:
    """Kernel audio distance: 100 times the unbiased squared maximum mean discrepancy, with a Gaussian kernel.

    ``mean_{i≠j} k(x_i, x_j) + mean_{i≠j} k(y_i, y_j) - 2 mean k(x_i, y_j)`` with
    ``k(x, y) = exp(-|x - y|² / (2 bandwidth²))``. Its expectation does not depend on the number of sounds, and
    nothing is assumed of their distribution.

    The interval draws the sounds of each set with replacement; two copies of one sound do not count as a pair, or
    they would look like a set that is close to itself. Near 0 the interval is rough: the p-value decides there.

    Of more than 2,500 sounds together, kernels are worked out in single precision, which changes the value by less than
    2e-4; interval, p-value and chance come from 256 random frequencies in place of the kernel. Such a p-value is as
    valid as any (the test may measure whatever it likes), interval and chance are wrong by some hundredths of their
    width. Time grows with the square of the number of sounds, memory does not.

    Args:
        reference, other: Embeddings ``[sounds, dim]``, at least two sounds each.
        bandwidth: Of the kernel, > 0; None takes :func:`median_distance` of the reference.
        resamples: Draws of the bootstrap, and random splits for the p-value.
        seed: Of both.

    Raises:
        DatasetError: A set is too small, holds no finite numbers, their dimensions differ, or most sounds of the
            reference are equal and no bandwidth is given.
        ConfigError: The bandwidth is not positive, or there are no resamples.

    Source:
        Chung et al. 2025, arXiv:2502.15602 (KAD); Gretton et al. 2012, JMLR 13, lemma 6 and section 3.
    """
    first, second = _sets(reference, other)
    if resamples < 1 or (bandwidth is not None and not bandwidth > 0):
        raise ConfigError(f"bandwidth is {bandwidth}, resamples is {resamples}; expected positive numbers")
    width = median_distance(first) if bandwidth is None else bandwidth
    generator = item_generator(seed, "kernel distance", len(first), len(second))
    if len(first) + len(second) > _WHOLE_KERNEL:
        own, others, across = mean_kernels(first, second, width)
        found = large_resamples(first, second, width, resamples=resamples, generator=generator)
        return _summary(own + others - 2 * across, *found, width)
    kernel, size = _kernel(np.concatenate([first, second]), width), len(first)
    ones = np.ones((1, len(kernel)))
    value = float(_discrepancies(kernel, _only(ones, size, 0), _only(ones, size, 1))[0])
    drawn = np.concatenate(
        [_counts(generator, len(part), resamples) for part in (first, second)], axis=1, dtype=np.float64
    )
    boot = _discrepancies(kernel, _only(drawn, size, 0), _only(drawn, size, 1))
    is_first = np.argsort(generator.random((resamples, len(kernel))), axis=1) < size
    split = _discrepancies(kernel, is_first.astype(np.float64), (~is_first).astype(np.float64))
    return _summary(value, value, boot, split, width)


def _summary(
    value: float, resampled: float, boot: NDArray[np.float64], split: NDArray[np.float64], width: float
) -> KernelDistance:
    """Of the value, of the same as the resampling measures it, and of the values of bootstrap draws and splits."""
    known = boot[np.isfinite(boot)] + (value - resampled)
    low, high = np.quantile(known, [0.025, 0.975]) if known.size else (np.nan, np.nan)
    return KernelDistance(
        value=SCALE * value,
        interval=(SCALE * float(low), SCALE * float(high)),
        p=float((1 + np.count_nonzero(split >= resampled)) / (1 + len(split))),
        chance=SCALE * float(np.quantile(split, 0.95)),
        bandwidth=width,
    )


def _sets(reference: Floats, other: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, second = (np.asarray(part, dtype=np.float64) for part in (reference, other))
    shapes = f"{first.shape} and {second.shape}"
    if first.ndim != 2 or second.ndim != 2 or first.shape[1] != second.shape[1] or not first.shape[1]:
        raise DatasetError(f"embeddings have the shapes {shapes}, expected [sounds, dim] with one dim")
    if min(len(first), len(second)) < 2:
        raise DatasetError(f"embeddings have the shapes {shapes}, expected at least two sounds in each set")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise DatasetError("embeddings hold NaN or infinite numbers, expected finite ones")
    return first, second


def _factor(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """``A`` with the same ``A' A``, ``[min(sounds, dim), dim]``."""
    if len(centred) <= centred.shape[1]:
        return centred
    return np.asarray(np.linalg.qr(centred, mode="r"))


def _shared_by_eigenvalues(a: NDArray[np.float64], b: NDArray[np.float64], spread: float) -> float | None:
    """``tr((A' A B' B)^½)`` by the eigenvalues of ``L' A' A L``, ``L L' = B' B``; None where rounding would show."""
    from scipy.linalg import eigvalsh, lapack

    # transposed, as LAPACK wants its columns one after the other: a symmetric matrix is then taken without a copy
    lower, failed = lapack.dpotrf((b.T @ b).T, lower=1, overwrite_a=1)
    if failed:  # a covariance without full rank
        return None
    product, _ = lapack.dsygst((a.T @ a).T, lower, itype=2, lower=1, overwrite_a=1)
    values = eigvalsh(product, lower=True, overwrite_a=True, check_finite=False, driver="evd")
    rounding = 10 * float(np.finfo(np.float64).eps) * float(values[-1])
    error = float((rounding / (2 * np.sqrt(np.maximum(values, rounding)))).sum())
    return float(np.sqrt(np.maximum(values, 0.0)).sum()) if 2 * error <= _TRUSTED * spread else None


def _kernel(embeddings: NDArray[np.float64], bandwidth: float) -> NDArray[np.float64]:
    from scipy.spatial.distance import pdist, squareform

    kernel = np.exp(-squareform(pdist(embeddings, "sqeuclidean")) / (2 * bandwidth**2))
    np.fill_diagonal(kernel, 0.0)  # no sound is a pair with itself
    return np.asarray(kernel)


def _only(weights: NDArray[np.float64], size: int, which: int) -> NDArray[np.float64]:
    """The weights of the first ``size`` sounds, or of the others; zero for the rest."""
    kept = weights.copy()
    kept[:, slice(size, None) if which == 0 else slice(size)] = 0.0
    return kept


def _counts(generator: np.random.Generator, size: int, resamples: int) -> NDArray[np.int64]:
    return np.asarray(generator.multinomial(size, np.full(size, 1 / size), size=resamples))


def _discrepancies(
    kernel: NDArray[np.float64], first: NDArray[np.float64], second: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Unbiased MMD² ``[draws]`` for how often each sound stands in either set, ``[draws, sounds]``."""
    found = []
    for start in range(0, len(first), _CHUNK):
        a, b = first[start : start + _CHUNK], second[start : start + _CHUNK]
        towards_a, towards_b = a @ kernel, b @ kernel
        with np.errstate(invalid="ignore"):  # one sound drawn over and over has no pairs: NaN, left out of intervals
            within = [
                (weights * towards).sum(axis=1) / (weights.sum(axis=1) ** 2 - np.square(weights).sum(axis=1))
                for weights, towards in ((a, towards_a), (b, towards_b))
            ]
        across = (b * towards_a).sum(axis=1) / (a.sum(axis=1) * b.sum(axis=1))
        found.append(within[0] + within[1] - 2 * across)
    return np.concatenate(found)
