"""Which clips may be learned from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from menura.datasets.dataset import Dataset, TrainingPart
from menura.errors import DatasetError
from menura.studies.real_amount import RealAmount
from menura.studies.splits import dataset_splits, draw_training, real_part, run_findings, run_split
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
    some = [replace(clip, group=f"g{i // 4}") if i < 12 else clip for i, clip in enumerate(clips())]
    splits, _, (finding,) = dataset_splits(Dataset("d", tuple(some)))
    assert "no group for 8 of 20 clips" in finding.message
    assert all(not {c.group for c in split.pool} & {c.group for c in split.test} - {None} for split in splits)


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
    with pytest.raises(DatasetError, match="fold 0: every other clip shares its group"):
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


def test_a_test_split_that_shares_every_group_leaves_nothing_to_learn_from_and_is_refused() -> None:
    items = [replace(clip, split="test" if i < 6 else "train", group=f"g{i % 3}") for i, clip in enumerate(clips())]
    with pytest.raises(DatasetError, match="the test split: every other clip shares its group"):
        dataset_splits(Dataset("d", tuple(items)))


def of_a_run(items: list[Clip], learned: list[Clip]) -> tuple[Dataset, TrainingPart]:
    return Dataset("d", tuple(items)), TrainingPart("d", tuple(learned))


def with_split(items: list[Clip]) -> list[Clip]:
    return [replace(clip, split="test" if i < 6 else "train") for i, clip in enumerate(items)]


def test_training_clips_of_a_run_in_the_group_of_a_test_clip_are_counted() -> None:
    items = with_split([replace(clip, group=f"g{i // 4}") for i, clip in enumerate(clips())])
    dataset, training = of_a_run(items, items[6:])
    (finding,) = run_findings(dataset, run_split(dataset, training))
    assert (finding.kind, finding.severity, finding.details) == ("tested_source_learned", "warning", {"clips": 2})
    assert "g1" in finding.message
    apart = with_split(clips())
    dataset, training = of_a_run(apart, apart[6:])
    assert run_findings(dataset, run_split(dataset, training)) == ()


def test_training_clips_of_a_run_that_got_other_labels_are_counted() -> None:
    old = with_split(clips())
    new = [replace(clip, labels=("b",)) if clip.id == "c8" else clip for clip in old]
    dataset, training = of_a_run(new, old[6:])
    (finding,) = run_findings(dataset, run_split(dataset, training))
    assert (finding.kind, finding.details) == ("labels_changed", {"clips": 1})
    assert "/c8.wav" in finding.message
    twice = of_a_run([*old, replace(old[8], path="/again.wav", labels=("b",))], old[6:])
    assert run_findings(twice[0], run_split(*twice)) == ()


def test_a_run_with_a_label_that_the_dataset_no_longer_has_is_refused() -> None:
    old = with_split(clips())
    dataset, training = of_a_run([replace(clip, labels=("b",)) for clip in old], old[6:])
    with pytest.raises(DatasetError, match="no clip of d has now, the first is 'a'"):
        run_split(dataset, training)


def test_synthetic_clips_of_a_dataset_are_neither_learned_from_as_real_ones_nor_tested() -> None:
    items = [replace(clip, origin="synthetic") if i % 4 < 2 else clip for i, clip in enumerate(clips())]
    dataset, (finding,) = real_part(Dataset("d", tuple(items)))
    assert {clip.origin for clip in dataset.clips} == {"real"}
    assert (finding.kind, finding.severity, finding.details) == ("made_clips", "warning", {"clips": 10})
    whole = Dataset("d", tuple(clips()))
    assert real_part(whole) == (whole, ())
    with pytest.raises(DatasetError, match="all 20 clips of d are synthetic"):
        real_part(Dataset("d", tuple(clips(origin="synthetic"))))


def test_a_run_that_was_made_from_synthetic_clips_is_known() -> None:
    items = with_split(clips())
    learned = [replace(clip, origin="synthetic") if i < 5 else clip for i, clip in enumerate(items[6:])]
    dataset, training = of_a_run(items, learned)
    (finding,) = run_findings(dataset, run_split(dataset, training))
    assert (finding.kind, finding.details) == ("made_clips_learned", {"clips": 5})
