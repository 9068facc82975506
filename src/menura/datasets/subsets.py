"""Reduced training sets: exact, stratified, and nested, so that 100 clips hold the 50 that were drawn before.

Each clip has a rank that hangs on the seed and its id alone. Every function below adds clips one by one in an order
that does not know how many are wanted, so a smaller subset is always part of a larger one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from menura.errors import DatasetError
from menura.seeding import item_seed
from menura.types import Clip

__all__ = ["long_tail_subset", "percent_subset", "subset"]


def subset(
    clips: Sequence[Clip], *, n_per_label: int | None = None, total: int | None = None, seed: int = 0
) -> tuple[Clip, ...]:
    """So many clips of each label, or in total with the labels in the proportion that they have among ``clips``.

    Exact for clips with one label. When clips have several, ``n_per_label`` gives at least so many of each, because
    a clip that is drawn for one label brings its others along. Does not depend on the order of ``clips``; the
    result stands in their order.

    Args:
        clips: Clips to choose from, usually those of a training part.
        n_per_label: Clips of each label.
        total: Clips in all; each label gets one before any gets a second.
        seed: Chooses which clips.

    Raises:
        DatasetError: Neither or both amounts are given, or there are not enough clips.

    Example:
        >>> few = subset(dataset.train.clips, n_per_label=4, seed=0)           # doctest: +SKIP
        >>> set(few) <= set(subset(dataset.train.clips, n_per_label=5, seed=0)) # doctest: +SKIP
        True
    """
    if (n_per_label is None) == (total is None):
        raise DatasetError("give either n_per_label or total")
    available = Counter(label for clip in clips for label in clip.labels)
    if n_per_label is not None:
        _check_amounts(dict.fromkeys(available, n_per_label), available)
        return _draw(clips, dict.fromkeys(available, n_per_label), seed)
    if total is None or not 1 <= total <= len(clips):
        raise DatasetError(f"total is {total}, expected 1 to {len(clips)} (all clips)")
    return _draw_total(clips, available, total, seed)


def percent_subset(
    clips: Sequence[Clip], *, percent: float, stratified: bool = True, seed: int = 0
) -> tuple[Clip, ...]:
    """A share of the clips, for sweeps over how much real data there is: 0 gives none, 100 all.

    Exact: the nearest whole number of clips, halves to the even one. Nested: 10 % lie in 20 %. Does not depend on the
    order of ``clips``; the result stands in their order.

    Args:
        clips: Clips to choose from, usually those of a training part.
        percent: Share in percent, 0 to 100.
        stratified: Each label keeps its proportion, and has one clip before any has a second. False draws clips
            whatever their label, as SynthAudio does, which can lose a rare label.
        seed: Chooses which clips.

    Raises:
        DatasetError: The share is outside of 0 to 100.

    Source:
        Feng et al. 2024, arXiv:2406.08800, figure 3 (the percentages are not told; theirs are not stratified).
    """
    if not 0 <= percent <= 100:
        raise DatasetError(f"percent is {percent}, expected a number in [0, 100]")
    total = round(len(clips) * percent / 100)
    if total == len(clips):
        return tuple(clips)
    if not total:
        return ()
    if stratified:
        return subset(clips, total=total, seed=seed)
    return _in_order(clips, set(_by_rank(clips, seed)[:total]))


def long_tail_subset(clips: Sequence[Clip], *, largest: int, ratio: float, seed: int = 0) -> tuple[Clip, ...]:
    """An imbalanced subset: ``largest * ratio ** -(k / (labels - 1))`` clips of label ``k``, at least one.

    Which label is frequent hangs on the seed. Nested in ``largest`` for one ratio and seed.

    Args:
        clips: Clips with one label each.
        largest: Clips of the most frequent label.
        ratio: Size of the largest label over that of the smallest, at least 1.
        seed: Chooses the order of the labels and the clips.

    Raises:
        DatasetError: The ratio is below 1, or a label has too few clips.

    Source:
        The exponential profile of Cui et al. 2019, arXiv:1901.05555, section 5.1.
    """
    if ratio < 1 or largest < 1:
        raise DatasetError(f"largest is {largest} and ratio {ratio}, expected both to be 1 or more")
    available = Counter(label for clip in clips for label in clip.labels)
    order = sorted(available, key=lambda label: item_seed(seed, "long_tail", label))
    steps = max(1, len(order) - 1)
    wanted = {label: max(1, round(largest * ratio ** (-k / steps))) for k, label in enumerate(order)}
    _check_amounts(wanted, available)
    return _draw(clips, wanted, seed)


def _check_amounts(wanted: Mapping[str, int], available: Mapping[str, int]) -> None:
    if not wanted:
        raise DatasetError("there are no clips to choose from")
    if min(wanted.values()) < 1:
        raise DatasetError(f"{min(wanted.values())} clips per label asked for, expected 1 or more")
    short = [f"{label!r} has {available[label]}" for label in sorted(wanted) if available[label] < wanted[label]]
    if short:
        raise DatasetError(
            f"{max(wanted.values())} clips of a label asked for, but {', '.join(short[:5])}"
            f"{f' and {len(short) - 5} more labels have too few' if len(short) > 5 else ''}; ask for fewer"
        )


def _draw(clips: Sequence[Clip], wanted: Mapping[str, int], seed: int) -> tuple[Clip, ...]:
    """Level by level: the k-th clip of every label before the (k + 1)-th of any."""
    next_clip = _queues(clips, seed)
    counts: Counter[str] = Counter()
    chosen: set[int] = set()
    for level in range(1, max(wanted.values()) + 1):
        for label in sorted(wanted):
            if level <= wanted[label] and counts[label] < level:
                _take(clips, next_clip(label, chosen), chosen, counts)
    return _in_order(clips, chosen)


def _draw_total(clips: Sequence[Clip], available: Mapping[str, int], total: int, seed: int) -> tuple[Clip, ...]:
    """Seat by seat, as Webster's method shares seats, which never takes one back when the total grows."""
    next_clip = _queues(clips, seed)
    counts: Counter[str] = Counter()
    chosen: set[int] = set()
    tie = {label: item_seed(seed, "subset", "label", label) for label in available}
    left = {label: count for label, count in available.items() if count}
    while len(chosen) < total:
        label = min(left, key=lambda name: (counts[name] > 0, -available[name] / (2 * counts[name] + 1), tie[name]))
        index = next_clip(label, chosen)
        if index is None:
            del left[label]
        else:
            _take(clips, index, chosen, counts)
        if not left:
            raise DatasetError(f"only {len(chosen)} of {total} clips carry a label")
    return _in_order(clips, chosen)


def _queues(clips: Sequence[Clip], seed: int) -> Callable[[str, set[int]], int | None]:
    """The best-ranked clip of a label that has not been chosen yet."""
    queues: dict[str, Iterator[int]] = {}
    of_label: dict[str, list[int]] = {}
    for i in _by_rank(clips, seed):
        for label in clips[i].labels:
            of_label.setdefault(label, []).append(i)
    for label, indices in of_label.items():
        queues[label] = iter(indices)

    def next_clip(label: str, chosen: set[int]) -> int | None:
        return next((i for i in queues[label] if i not in chosen), None)

    return next_clip


def _by_rank(clips: Sequence[Clip], seed: int) -> list[int]:
    return sorted(range(len(clips)), key=lambda i: (item_seed(seed, "subset", clips[i].id), clips[i].path))


def _take(clips: Sequence[Clip], index: int | None, chosen: set[int], counts: Counter[str]) -> None:
    if index is not None:
        chosen.add(index)
        counts.update(clips[index].labels)


def _in_order(clips: Sequence[Clip], chosen: set[int]) -> tuple[Clip, ...]:
    return tuple(clip for i, clip in enumerate(clips) if i in chosen)
