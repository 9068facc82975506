from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.datasets import long_tail_subset, percent_subset, subset
from menura.errors import DatasetError
from menura.types import Clip

SIZES = st.lists(st.integers(1, 12), min_size=1, max_size=6)


def _clips(sizes: Sequence[int]) -> tuple[Clip, ...]:
    return tuple(
        Clip(f"{label}-{k}", f"/x/{label}/{k}.wav", (f"label{label}",), 1.0, 8000)
        for label, size in enumerate(sizes)
        for k in range(size)
    )


def _ids(clips: Sequence[Clip]) -> set[str]:
    return {clip.id for clip in clips}


def _counts(clips: Sequence[Clip]) -> Counter[str]:
    return Counter(label for clip in clips for label in clip.labels)


@given(sizes=SIZES, seed=st.integers(0, 5), data=st.data())
def test_so_many_of_each_label_are_exact_and_nested(sizes: list[int], seed: int, data: st.DataObject) -> None:
    clips = _clips(sizes)
    small = data.draw(st.integers(1, min(sizes)))
    large = data.draw(st.integers(small, min(sizes)))
    few, many = (subset(clips, n_per_label=n, seed=seed) for n in (small, large))
    assert set(_counts(few).values()) == {small}
    assert set(_counts(many).values()) == {large}
    assert _ids(few) <= _ids(many)


@given(sizes=SIZES, seed=st.integers(0, 5), data=st.data())
def test_a_total_is_exact_nested_and_in_proportion(sizes: list[int], seed: int, data: st.DataObject) -> None:
    clips = _clips(sizes)
    small = data.draw(st.integers(1, len(clips)))
    large = data.draw(st.integers(small, len(clips)))
    few, many = (subset(clips, total=n, seed=seed) for n in (small, large))
    assert len(few) == small
    assert _ids(few) <= _ids(many)
    counts = _counts(few)
    assert len(counts) == min(small, len(sizes))
    for label, size in enumerate(sizes):
        # The first clip of each label goes before proportion, so that a share is off by the other labels at most.
        assert abs(counts[f"label{label}"] - small * size / len(clips)) <= 1 + len(sizes) / 2


@given(order=st.permutations(range(12)), seed=st.integers(0, 3))
def test_the_order_of_the_clips_does_not_matter(order: list[int], seed: int) -> None:
    clips = _clips([4, 5, 3])
    shuffled = [clips[i] for i in order]
    assert _ids(subset(clips, n_per_label=2, seed=seed)) == _ids(subset(shuffled, n_per_label=2, seed=seed))
    assert _ids(subset(clips, total=7, seed=seed)) == _ids(subset(shuffled, total=7, seed=seed))
    few = subset(shuffled, total=7, seed=seed)
    assert list(few) == [clip for clip in shuffled if clip in few]


def test_another_seed_draws_other_clips() -> None:
    clips = _clips([20, 20])
    assert len({frozenset(_ids(subset(clips, n_per_label=3, seed=seed))) for seed in range(8)}) == 8


@given(labels=st.lists(st.sets(st.sampled_from("abcd"), min_size=1), min_size=8, max_size=30), seed=st.integers(0, 3))
def test_clips_with_several_labels_give_at_least_so_many_of_each_and_stay_nested(
    labels: list[set[str]], seed: int
) -> None:
    clips = tuple(Clip(str(i), f"/{i}", tuple(sorted(one)), 1.0, 8000) for i, one in enumerate(labels))
    smallest = min(_counts(clips).values())
    draws = [subset(clips, n_per_label=n, seed=seed) for n in range(1, smallest + 1)]
    for n, drawn in enumerate(draws, start=1):
        assert min(_counts(drawn).values()) >= n
        assert _counts(drawn).keys() == _counts(clips).keys()
    totals = [_ids(subset(clips, total=n, seed=seed)) for n in range(1, len(clips) + 1)]
    for sets in ([_ids(drawn) for drawn in draws], totals):
        assert all(a <= b for a, b in pairwise(sets))
    assert [len(one) for one in totals] == list(range(1, len(clips) + 1))


def test_fifty_lie_in_a_hundred_and_those_in_two_hundred_of_fifty_labels() -> None:
    clips = _clips([32] * 50)
    drawn = [subset(clips, total=n, seed=1) for n in (50, 100, 200)]
    assert [set(_counts(one).values()) for one in drawn] == [{1}, {2}, {4}]
    assert _ids(drawn[0]) < _ids(drawn[1]) < _ids(drawn[2])
    assert drawn[2] == subset(clips, n_per_label=4, seed=1)


@given(
    sizes=SIZES,
    shares=st.lists(st.floats(0, 100), min_size=2, max_size=2).map(sorted),
    stratified=st.booleans(),
    seed=st.integers(0, 3),
)
def test_a_share_is_exact_and_nested(sizes: list[int], shares: list[float], stratified: bool, seed: int) -> None:
    clips = _clips(sizes)
    few, many = (percent_subset(clips, percent=share, stratified=stratified, seed=seed) for share in shares)
    assert [len(few), len(many)] == [round(len(clips) * share / 100) for share in shares]
    assert _ids(few) <= _ids(many)
    backwards = percent_subset(clips[::-1], percent=shares[0], stratified=stratified, seed=seed)
    assert _ids(backwards) == _ids(few)


def test_a_stratified_share_keeps_proportions_and_another_one_need_not() -> None:
    clips = _clips([60, 30, 10])
    for seed in range(4):
        drawn = percent_subset(clips, percent=50, seed=seed)
        assert sorted(_counts(drawn).values()) == [5, 15, 30]
    free = {
        tuple(sorted(_counts(percent_subset(clips, percent=50, stratified=False, seed=s)).values())) for s in range(8)
    }
    assert free != {(5, 15, 30)}


def test_no_share_and_the_whole_are_shares_too() -> None:
    clips = _clips([3, 1])
    assert percent_subset(clips, percent=0) == ()
    assert percent_subset(clips, percent=100) == clips
    assert percent_subset((), percent=50) == ()
    for share in (-1, 100.5, float("nan")):
        with pytest.raises(DatasetError, match=r"percent is .*, expected a number in \[0, 100\]"):
            percent_subset(clips, percent=share)


@given(largest=st.integers(2, 30), ratio=st.floats(1, 20), seed=st.integers(0, 3))
def test_a_long_tail_falls_from_the_largest_by_the_ratio(largest: int, ratio: float, seed: int) -> None:
    clips = _clips([30] * 5)
    counts = sorted(_counts(long_tail_subset(clips, largest=largest, ratio=ratio, seed=seed)).values(), reverse=True)
    assert counts == [max(1, round(largest * ratio ** (-k / 4))) for k in range(5)]
    smaller = long_tail_subset(clips, largest=largest - 1, ratio=ratio, seed=seed)
    assert _ids(smaller) <= _ids(long_tail_subset(clips, largest=largest, ratio=ratio, seed=seed))


def test_what_cannot_be_drawn_is_refused() -> None:
    clips = _clips([5, 2])
    with pytest.raises(DatasetError, match=r"3 clips of a label asked for, but 'label1' has 2; ask for fewer"):
        subset(clips, n_per_label=3)
    with pytest.raises(DatasetError, match="total is 8, expected 1 to 7"):
        subset(clips, total=8)
    with pytest.raises(DatasetError, match="either n_per_label or total"):
        subset(clips, n_per_label=1, total=1)
    with pytest.raises(DatasetError, match="either n_per_label or total"):
        subset(clips)
    with pytest.raises(DatasetError, match="0 clips per label asked for"):
        subset(clips, n_per_label=0)
    with pytest.raises(DatasetError, match="no clips to choose from"):
        subset((), n_per_label=1)
    with pytest.raises(DatasetError, match=r"ratio 0\.5, expected both to be 1 or more"):
        long_tail_subset(clips, largest=3, ratio=0.5)
