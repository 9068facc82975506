"""Which clips may be learned from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from menura.datasets.dataset import Dataset, TrainingPart
from menura.errors import DatasetError
from menura.studies.real_amount import RealAmount
from menura.studies.splits import dataset_splits, draw_training, run_split
from menura.types import Clip


def clips(num: int = 20, **more: object) -> list[Clip]:
    return [Clip(f"c{i}", f"/c{i}.wav", ("ab"[i % 2],), 1.0, 8000, **more) for i in range(num)]


def with_folds(items: list[Clip]) -> list[Clip]:
    return [replace(clip, fold=str(i // 2 % 4)) for i, clip in enumerate(items)]


def test_official_folds_come_first_and_every_clip_is_tested_once() -> None:
    splits, how, findings = dataset_splits(Dataset("d", tuple(with_folds(clips()))))
    assert how == "4 official folds"
    assert sorted(clip.id for split in splits for clip in split.test) == sorted(clip.id for clip in clips())
    assert all(not {c.id for c in split.pool} & {c.id for c in split.test} for split in splits)
    assert findings == ()


def test_a_test_split_is_one_fold() -> None:
    items = [replace(clip, split="test" if i < 6 else "train") for i, clip in enumerate(clips())]
    splits, how, _ = dataset_splits(Dataset("d", tuple(items)))
    assert [(len(split.pool), len(split.test)) for split in splits] == [(14, 6)]
    assert "test split" in how


def test_groups_stay_on_one_side() -> None:
    items = [replace(clip, group=f"g{i // 4}") for i, clip in enumerate(clips())]
    for folds in (None, "groups", 3):
        splits, _, findings = dataset_splits(Dataset("d", tuple(items)), folds)
        assert all(not {c.group for c in split.pool} & {c.group for c in split.test} for split in splits)
        assert findings == ()
    assert len(dataset_splits(Dataset("d", tuple(items)), "groups")[0]) == 5


def test_without_folds_or_groups_there_is_a_warning() -> None:
    splits, _, findings = dataset_splits(Dataset("d", tuple(clips())))
    assert len(splits) == 5
    assert [finding.kind for finding in findings] == ["no_groups"]
    assert all({clip.labels for clip in split.test} == {("a",), ("b",)} for split in splits)


def test_training_clips_that_share_a_source_or_content_with_a_test_clip_are_left_out_and_counted() -> None:
    items = with_folds(clips())
    items[0] = replace(items[0], group="same")
    items[2] = replace(items[2], group="same")
    items[5] = replace(items[5], id=items[1].id)
    splits, _, findings = dataset_splits(Dataset("d", tuple(items)))
    assert items[2].id not in {clip.id for clip in splits[0].pool}
    assert items[1].id not in {clip.id for clip in splits[0].pool}
    assert [finding.kind for finding in findings] == ["training_clip_left_out"]
    assert findings[0].details["clips"] == 4


def test_what_a_dataset_has_not_is_refused() -> None:
    with pytest.raises(DatasetError, match="no folds and no test split"):
        dataset_splits(Dataset("d", tuple(clips())), "official")
    with pytest.raises(DatasetError, match="have no group"):
        dataset_splits(Dataset("d", tuple(clips())), "groups")
    same = tuple(with_folds(clips(group="one")))
    with pytest.raises(DatasetError, match="shares a source with a test clip"):
        dataset_splits(Dataset("d", same))


def test_a_run_is_tested_on_clips_that_it_has_not_seen() -> None:
    items = with_folds(clips())
    dataset = Dataset("d", tuple(items)).with_test_fold("1")
    split = run_split(dataset, dataset.train)
    assert split.name == "1"
    assert {clip.fold for clip in split.test} == {"1"}
    with pytest.raises(DatasetError, match="were training clips of the run"):
        run_split(dataset, TrainingPart("d", tuple(items)))
    with pytest.raises(DatasetError, match="holds out no clips"):
        run_split(Dataset("d", tuple(items)), dataset.train)


def test_small_draws_are_part_of_large_ones_and_folds_draw_their_own() -> None:
    splits, _, _ = dataset_splits(Dataset("d", tuple(with_folds(clips(80)))))
    few, many = ({clip.id for clip in draw_training(splits[0], RealAmount(n), name="d", seed=1).clips} for n in (3, 6))
    assert few < many
    pools = {clip.id for clip in splits[0].pool} & {clip.id for clip in splits[1].pool}
    other = {clip.id for clip in draw_training(splits[1], RealAmount(6), name="d", seed=1).clips}
    assert other & pools != many & pools
