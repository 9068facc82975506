"""Which clips are learned from, chosen on and tested, in each fold."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from menura.datasets.dataset import Dataset
from menura.errors import ConfigError, DatasetError
from menura.studies.protocols import RULES, ProbeSplit, draw_clips, probe_splits
from menura.studies.real_amount import RealAmount
from menura.studies.splits import Split, draw_training, source_of
from menura.types import Clip


def clips(num: int = 60, *, folds: int | None = None, groups: int | None = None) -> list[Clip]:
    """Two labels; fold and group by number, each group within one fold where ``groups`` is a multiple of ``folds``."""
    return [
        Clip(
            f"c{i:03d}", f"/c{i}.wav", ("ab"[i % 2],), 1.0, 8000,
            fold=None if folds is None else str(1 + i // 2 % folds),
            group=None if groups is None else f"g{i // 2 % groups:02d}",
        )
        for i in range(num)
    ]  # fmt: skip


def names(items: tuple[Clip, ...]) -> set[str]:
    return {clip.id for clip in items}


def assert_apart(split: ProbeSplit) -> None:
    parts = [split.train, split.validation, split.test]
    assert all(parts)
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not names(parts[one]) & names(parts[other])
        assert not {source_of(clip) for clip in parts[one]} & {source_of(clip) for clip in parts[other]}
    assert names(split.train) | names(split.validation) <= names(split.pool)
    assert not names(split.pool) & names(split.test)


def test_the_fold_after_the_tested_one_validates_and_the_rest_trains() -> None:
    dataset = Dataset("d", tuple(clips(folds=5, groups=10)))
    splits, how, findings = probe_splits(dataset, "next_fold", num_folds=5)
    folds = [[{clip.fold for clip in part} for part in (s.test, s.validation, s.train)] for s in splits]
    assert folds[0] == [{"1"}, {"2"}, {"3", "4", "5"}]
    assert folds[4] == [{"5"}, {"1"}, {"2", "3", "4"}]
    assert len(splits) == 5
    assert how == "5 official folds, the next one validates"
    assert findings == ()
    for split in splits:
        assert_apart(split)


def test_a_fifth_of_the_rest_validates_with_even_labels_and_sources_together() -> None:
    dataset = Dataset("d", tuple(clips(400, folds=10, groups=100)))
    splits, how, _ = probe_splits(dataset, "fold_share", num_folds=10)
    assert len(splits) == 10
    assert how.endswith("a fifth of the rest validates")
    for split in splits:
        assert_apart(split)
        assert len(split.validation) == 72
        assert Counter(clip.labels[0] for clip in split.validation) == {"a": 36, "b": 36}
        assert len(split.train) == 288


def test_each_speaker_is_tested_once_and_the_next_one_validates() -> None:
    dataset = Dataset("d", tuple(clips(66, groups=11)))
    splits, _, _ = probe_splits(dataset, "next_group")
    speakers = [[{clip.group for clip in part} for part in (s.test, s.validation)] for s in splits]
    assert speakers[0] == [{"g00"}, {"g01"}]
    assert speakers[10] == [{"g10"}, {"g00"}]
    assert len(splits) == 11
    for split in splits:
        assert_apart(split)
        assert len({clip.group for clip in split.train}) == 9


def test_published_parts_stay_as_they_are_but_for_clips_that_are_tested_as_well() -> None:
    parts = ["train"] * 30 + ["validation"] * 10 + ["test"] * 20
    items = [replace(clip, split=part) for clip, part in zip(clips(), parts, strict=True)]
    items[0] = replace(items[0], id=items[45].id)
    items[31] = replace(items[31], id=items[46].id)
    (split,), how, findings = probe_splits(Dataset("d", tuple(items)), "split")
    assert (len(split.train), len(split.validation), len(split.test)) == (29, 9, 20)
    assert len(split.pool) == 38
    assert how == "the published training, validation and test parts"
    assert "2 training or validation clips of d were left out" in findings[0].message
    assert_apart(split)


def test_a_published_test_part_that_shares_its_speakers_is_taken_and_said() -> None:
    """As in FSDD: a fifth of the training clips validates, by clip, so that no voice is lost for training."""
    items = [replace(clip, split="test" if i < 12 else "train") for i, clip in enumerate(clips(72, groups=3))]
    (split,), how, findings = probe_splits(Dataset("d", tuple(items)))
    assert {clip.group for clip in split.train} == {clip.group for clip in split.validation} == {"g00", "g01", "g02"}
    assert (len(split.train), len(split.validation), len(split.test)) == (48, 12, 12)
    assert not names(split.train) & names(split.validation)
    assert how.startswith("the published test part")
    assert [finding.kind for finding in findings] == ["shared_sources"]
    assert "3 sources" in findings[0].message


def test_folds_are_made_of_groups_where_none_are_published_and_that_is_said() -> None:
    splits, _, findings = probe_splits(Dataset("d", tuple(clips(groups=10))), "next_fold", num_folds=5)
    assert len(splits) == 5
    assert [finding.kind for finding in findings] == ["made_folds"]
    for split in splits:
        assert_apart(split)
    _, _, findings = probe_splits(Dataset("d", tuple(clips(folds=4))), "next_fold", num_folds=5)
    assert "4 folds where the published protocol has 5" in findings[0].message


def test_two_folds_leave_none_for_validation_so_that_a_share_validates() -> None:
    splits, how, _ = probe_splits(Dataset("d", tuple(clips(folds=2))))
    assert len(splits) == 2
    assert how.endswith("a fifth of the rest validates")
    for split in splits:
        assert_apart(split)


def test_training_clips_of_a_source_that_validates_are_left_out() -> None:
    items = clips(folds=5)
    items[2] = replace(items[2], group="same")  # fold 2
    items[4] = replace(items[4], group="same")  # fold 3
    splits, _, _ = probe_splits(Dataset("d", tuple(items)), "next_fold")
    assert items[4].id not in names(splits[0].train)
    assert items[4].id in names(splits[0].pool)
    for split in splits:
        assert_apart(split)


def test_few_clips_are_drawn_from_training_and_validation_alike() -> None:
    split = probe_splits(Dataset("d", tuple(clips(folds=5))), "next_fold")[0][0]
    for per_label in (1, 2, 3):
        train, validation = draw_clips(split, name="d", needs_validation=True, per_label=per_label, seed=0)
        for part, source in ((train, split.train), (validation, split.validation)):
            assert Counter(clip.labels[0] for clip in part) == {"a": per_label, "b": per_label}
            assert names(part) <= names(source)
    few = draw_clips(split, name="d", needs_validation=True, per_label=12, seed=0)
    assert Counter(clip.labels[0] for clip in few[1]) == {"a": 6, "b": 6}  # all that the fold has
    other = draw_clips(split, name="d", needs_validation=True, per_label=3, seed=1)
    assert names(other[0]) != names(train)
    assert names(other[1]) != names(validation)


def test_without_validation_the_same_clips_are_drawn_as_in_an_evaluation() -> None:
    split = probe_splits(Dataset("d", tuple(clips(folds=5))), "next_fold")[0][2]
    train, validation = draw_clips(split, name="d", needs_validation=False, per_label=4, seed=3)
    assert validation == ()
    assert train == draw_training(Split(split.name, split.pool, split.test), RealAmount(4), name="d", seed=3).clips
    everything = draw_clips(split, name="d", needs_validation=False, per_label=None, seed=0)[0]
    assert everything == split.pool


@pytest.mark.parametrize("rule", RULES)
def test_a_dataset_that_lacks_what_the_rule_needs_is_refused(rule: str) -> None:
    bare = Dataset("bare", tuple(clips(2)))
    message = {"next_group": "have no group", "split": "column `split`"}.get(rule, "folds")
    with pytest.raises(DatasetError, match=message):
        probe_splits(bare, rule, num_folds=5)
    with pytest.raises(ConfigError, match="known rules: next_fold"):
        probe_splits(bare, "random")
