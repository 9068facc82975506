"""Train, validation and test in each fold, by the rules of the benchmarks that encoders are compared on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from menura.datasets.dataset import Dataset
from menura.datasets.folds import grouped_folds
from menura.datasets.subsets import subset
from menura.errors import ConfigError, DatasetError
from menura.seeding import item_seed
from menura.studies.real_amount import RealAmount
from menura.studies.splits import Split, dataset_splits, draw_training, source_of
from menura.types import Clip, Finding

__all__ = ["RULES", "ProbeSplit", "Rule", "draw_clips", "probe_splits"]

Rule = Literal["next_fold", "fold_share", "next_group", "split"]
"""How the clips of each fold get their parts.

``next_fold``: each fold is tested once, the next one validates, the rest trains (HEAR). ``fold_share``: each fold is
tested once, a fifth of the rest validates (ARCH). ``next_group``: each group is tested once, the next one validates
(ARCH). ``split``: the published parts; without a published validation part a fifth of the training clips validates.
"""

RULES: tuple[Rule, ...] = get_args(Rule)
_SHARE = 5
_FEWEST_FOLDS = 3


@dataclass(frozen=True)
class ProbeSplit:
    """The parts of one fold. No content is in two of ``train``, ``validation`` and ``test``, and no source unless the
    published parts have it so.

    Attributes:
        name: Name of the fold.
        pool: All clips that are not tested, for what chooses its settings without validation clips of their own.
        train: Learned from.
        validation: Chosen on.
        test: Tested.
    """

    name: str
    pool: tuple[Clip, ...]
    train: tuple[Clip, ...]
    validation: tuple[Clip, ...]
    test: tuple[Clip, ...]


def probe_splits(
    dataset: Dataset, rule: Rule | None = None, *, num_folds: int | None = None
) -> tuple[tuple[ProbeSplit, ...], str, tuple[Finding, ...]]:
    """The folds of a dataset with their parts, how they were found in one line, and what is to be said about them.

    Args:
        dataset: Labelled clips.
        rule: How clips get their parts; None takes the published parts where there are no folds, else ``next_fold``.
        num_folds: Folds that there should be; a dataset without any is spread over so many, groups together.

    Raises:
        ConfigError: There is no such rule.
        DatasetError: The dataset has not what the rule needs.
    """
    if rule not in (None, *RULES):
        raise ConfigError(f"no rule {rule!r}; known rules: {', '.join(RULES)}")
    if rule == "split" or (rule is None and not dataset.folds and dataset.test):
        return _published(dataset)
    if rule == "next_group":
        splits, how, findings = dataset_splits(dataset, "groups")
    elif dataset.folds:
        splits, how, findings = dataset_splits(dataset, "official")
        if num_folds not in (None, len(dataset.folds)):
            findings = (*findings, _other_folds(dataset, len(dataset.folds), num_folds))
    else:
        splits, how, findings = dataset_splits(dataset, num_folds)
        if num_folds is not None:
            findings = (*findings, _made_folds(dataset, num_folds))
    if rule == "fold_share" or len(splits) < _FEWEST_FOLDS:
        return tuple(_with_share(split) for split in splits), f"{how}, a fifth of the rest validates", findings
    after = [*splits[1:], splits[0]]
    parts = tuple(_with_validation(split, other.test) for split, other in zip(splits, after, strict=True))
    return parts, f"{how}, the next one validates", findings


def draw_clips(
    split: ProbeSplit, *, name: str, needs_validation: bool, per_label: int | None, seed: int
) -> tuple[tuple[Clip, ...], tuple[Clip, ...]]:
    """What one seed learns from and validates on; the same clips for every encoder.

    With ``per_label`` the validation clips are as few as the training clips: a person with five clips of a label has no
    hundreds to choose on.

    Args:
        split: The fold.
        name: Name of the dataset.
        needs_validation: False draws from the whole pool and gives no validation clips.
        per_label: Clips of each label in either part; None takes all.
        seed: Which clips.

    Raises:
        DatasetError: A label has fewer training clips.
    """
    source = split.train if needs_validation else split.pool
    train = draw_training(Split(split.name, source, split.test), RealAmount(per_label), name=name, seed=seed).clips
    if not needs_validation:
        return train, ()
    if per_label is None:
        return train, split.validation
    labels = {label for clip in split.validation for label in clip.labels}
    fewest = min(sum(label in clip.labels for clip in split.validation) for label in labels)
    drawn = item_seed(seed, "validation clips", split.name) % 2**32
    return train, subset(split.validation, n_per_label=min(per_label, fewest), seed=drawn)


def _published(dataset: Dataset) -> tuple[tuple[ProbeSplit, ...], str, tuple[Finding, ...]]:
    """The parts as they were published, without the training clips that are test clips as well."""
    test = dataset.test
    if not test:
        raise DatasetError(
            f"{dataset.name} names no test clips; its manifest needs a column `split` with train, validation and test"
        )
    tested = {clip.id for clip in test}
    validation = tuple(clip for clip in dataset.validation if clip.id not in tested)
    chosen = {clip.id for clip in validation}
    train = tuple(clip for clip in dataset.train.clips if clip.id not in tested | chosen)
    findings = _same_content(dataset, len(dataset.train.clips) + len(dataset.validation) - len(train) - len(validation))
    shared = {source_of(clip) for clip in test} & {source_of(clip) for clip in (*train, *validation)}
    findings += _shared_sources(dataset, len(shared))
    if validation:
        split = ProbeSplit("test", (*train, *validation), train, validation, test)
        return (split,), "the published training, validation and test parts", findings
    rest = Split("test", train, test)
    return (
        (_with_share(rest, by_source=not shared),),
        "the published test part, a fifth of the rest validates",
        findings,
    )


def _with_validation(split: Split, validating: Sequence[Clip]) -> ProbeSplit:
    """The fold with these clips for validation, as far as they are in its pool."""
    ids = {clip.id for clip in validating}
    validation = tuple(clip for clip in split.pool if clip.id in ids)
    sources = {source_of(clip) for clip in validation}
    train = tuple(clip for clip in split.pool if clip.id not in ids and source_of(clip) not in sources)
    if not train or not validation:
        raise DatasetError(
            f"fold {split.name}: {len(train)} clips are left for training and {len(validation)} for validation, "
            "expected some in both"
        )
    return ProbeSplit(split.name, split.pool, train, validation, split.test)


def _with_share(split: Split, *, by_source: bool = True) -> ProbeSplit:
    """The fold with a fifth of its pool for validation, labels spread evenly, sources together unless told otherwise.

    ARCH draws clips at random; here takes of one recording do not stand on both sides.
    """
    clips = split.pool if by_source else [replace(clip, group=None) for clip in split.pool]
    parts = min(_SHARE, len({source_of(clip) for clip in clips}))
    if parts < 2:
        raise DatasetError(
            f"fold {split.name}: clips of {parts} source are left, expected two to train and validate on"
        )
    drawn = {clip.id for clip in grouped_folds(clips, num_folds=parts) if clip.fold == "1"}
    validation = tuple(clip for clip in split.pool if clip.id in drawn)
    train = tuple(clip for clip in split.pool if clip.id not in drawn)
    return ProbeSplit(split.name, split.pool, train, validation, split.test)


def _other_folds(dataset: Dataset, found: int, expected: int | None) -> Finding:
    return Finding(
        kind="other_folds",
        severity="warning",
        message=f"{dataset.name} has {found} folds where the published protocol has {expected}",
        remedy="numbers are not to be compared with published ones; take the folds of the publisher",
    )


def _made_folds(dataset: Dataset, num_folds: int) -> Finding:
    return Finding(
        kind="made_folds",
        severity="note",
        message=f"{dataset.name} names no folds: {num_folds} were made here, which are not the published ones",
        remedy="add a column `fold` with the published folds",
    )


def _same_content(dataset: Dataset, count: int) -> tuple[Finding, ...]:
    if not count:
        return ()
    message = (
        f"{count} training or validation clips of {dataset.name} were left out because they are test clips as well"
    )
    return (Finding("training_clip_left_out", "warning", message, "see `menura audit` for the files"),)


def _shared_sources(dataset: Dataset, count: int) -> tuple[Finding, ...]:
    if not count:
        return ()
    message = (
        f"{count} sources (speakers, recordings) of {dataset.name} are on both sides of its published split, which "
        "makes the task easier than new sources would be"
    )
    return (Finding("shared_sources", "note", message, "leave one group out to test on new sources"),)
