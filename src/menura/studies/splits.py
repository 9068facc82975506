"""Which clips are tested and which may be learned from, fold by fold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from menura.datasets.dataset import Dataset, TrainingPart
from menura.datasets.folds import grouped_folds, leave_one_group_out
from menura.errors import DatasetError
from menura.seeding import item_seed
from menura.studies.real_amount import RealAmount
from menura.types import Clip, Finding

__all__ = ["Split", "dataset_splits", "draw_training", "real_part", "run_findings", "run_split", "source_of"]

MAX_FOLDS = 5
_NAMED = 4


@dataclass(frozen=True)
class Split:
    """One fold: the whole held-out part, and the real clips that training may draw from.

    Attributes:
        name: Name of the fold.
        pool: Real clips outside of the fold that share neither source nor content with a test clip.
        test: Real clips of the fold.
    """

    name: str
    pool: tuple[Clip, ...]
    test: tuple[Clip, ...]


def source_of(clip: Clip) -> str:
    """What a clip was taken from: its group, or itself when it has none."""
    return f"group {clip.group}" if clip.group is not None else f"clip {clip.id}"


def real_part(dataset: Dataset) -> tuple[Dataset, tuple[Finding, ...]]:
    """The recordings of a dataset, without clips whose ``origin`` says that somebody made them; and what was left out.

    A grown dataset holds children of its recordings. Learned from as real clips they would be in the arm that they are
    compared with, and a right answer on one that is tested proves nothing.

    Raises:
        DatasetError: There is no recording in it.
    """
    real = tuple(clip for clip in dataset.clips if clip.origin == "real")
    made = len(dataset.clips) - len(real)
    if not made:
        return dataset, ()
    if not real:
        raise DatasetError(
            f"all {made} clips of {dataset.name} are synthetic (their origin says so), expected recordings to test on; "
            "evaluate the run that made them, or the recordings that they were made from"
        )
    finding = Finding(
        kind="made_clips",
        severity="warning",
        message=f"{made} of {len(dataset.clips)} clips of {dataset.name} are synthetic (their origin says so) and were "
        "left out: only recordings are learned from as real clips, and tested",
        remedy="evaluate the run that made them, or the recordings that they were made from",
        details={"clips": made},
    )
    return dataset.with_clips(real), (finding,)


def dataset_splits(
    dataset: Dataset, folds: str | int | None = None
) -> tuple[tuple[Split, ...], str, tuple[Finding, ...]]:
    """The folds of a dataset, how they were found in one line, and what is to be said about them.

    Args:
        dataset: Labelled clips.
        folds: ``official`` folds; ``groups`` holds out one group at a time; a number makes so many folds that keep
            groups together; None takes the official folds, else the test split, else groups, else strata.

    Raises:
        DatasetError: The dataset has not what was asked for.
    """
    if folds in (None, "official"):
        if dataset.folds:
            return _by_fold(dataset.clips, f"{len(dataset.folds)} official folds", ())
        if dataset.test:
            pool = (*dataset.train.clips, *dataset.validation)
            split, findings = _clean(Split("test", pool, dataset.test))
            if not split.pool:
                raise DatasetError(_nothing_left("the test split"))
            return (split,), "the test split of the dataset", findings
        if folds == "official":
            raise DatasetError(f"{dataset.name} has no folds and no test split; leave --folds out, or give a number")
    if folds == "groups":
        return _by_fold(leave_one_group_out(dataset.clips), "leave one group out", ())
    wanted = folds if isinstance(folds, int) else MAX_FOLDS
    bare = sum(clip.group is None for clip in dataset.clips)
    available = len({source_of(clip) for clip in dataset.clips})
    if folds is None:
        wanted = min(wanted, available)
    made = grouped_folds(dataset.clips, num_folds=wanted)
    if not bare:
        return _by_fold(made, f"{wanted} folds that keep groups together", ())
    named, spread = "no folds, split or groups", "clips"
    if bare < len(dataset.clips):
        named, spread = f"no folds or split, and no group for {bare} of {len(dataset.clips)} clips", "these"
    warning = Finding(
        kind="no_groups",
        severity="warning",
        message=f"{dataset.name} names {named}: {spread} were spread over {wanted} folds by label alone, so recordings "
        "of one source may stand on both sides, and every number may be too high",
        remedy="add a column `group` (recordist, speaker, session, animal) or `fold` to the manifest",
    )
    return _by_fold(made, f"{wanted} folds by label", (warning,))


def run_split(dataset: Dataset, training: TrainingPart) -> Split:
    """The split that a run belongs to: its own training clips, and the held-out clips of the dataset.

    Raises:
        DatasetError: The dataset holds nothing out, a held-out clip was in the training part of the run, or the run
            has a label that the dataset no longer has.
    """
    test = dataset.test
    if not test:
        raise DatasetError(
            f"{dataset.name} holds out no clips to test on; make the run with --test-fold, or evaluate the dataset "
            "itself (menura evaluate DATA -o DIR), which holds out one fold after the other"
        )
    learned = {clip.id for clip in training.clips}
    seen = [clip for clip in test if clip.id in learned]
    if seen:
        raise DatasetError(
            f"{len(seen)} of {len(test)} test clips were training clips of the run, the first is {seen[0].path}; "
            "load the dataset with the test fold that the run was made with"
        )
    gone = sorted(set(training.labels) - set(dataset.labels))
    if gone:
        raise DatasetError(
            f"the run learned {_many(len(gone), 'label')} that no clip of {dataset.name} has now, the first is "
            f"{gone[0]!r}; its labels are {', '.join(map(repr, dataset.labels))}. Label the clips as they were, or "
            "make a new run from the data as it is now"
        )
    return Split(dataset.test_fold or "test", training.clips, test)


def run_findings(dataset: Dataset, split: Split) -> tuple[Finding, ...]:
    """What is to be said about the split of a run, whose training clips cannot be left out any more.

    Args:
        dataset: As it is now.
        split: The :func:`run_split` of it.
    """
    groups = {clip.group for clip in split.test} - {None}
    shared = [clip for clip in split.pool if clip.group in groups]
    labels_now: dict[str, list[set[str]]] = {}
    for clip in dataset.clips:
        labels_now.setdefault(clip.id, []).append(set(clip.labels))
    relabelled = [clip for clip in split.pool if set(clip.labels) not in labels_now.get(clip.id, [set(clip.labels)])]
    made = sum(clip.origin != "real" for clip in split.pool)
    found = []
    if made:
        found.append(
            Finding(
                kind="made_clips_learned",
                severity="warning",
                message=f"{made} of {len(split.pool)} training clips of the run are synthetic themselves (their origin "
                "says so): every arm learned from them as from real ones, so that no number says what real clips "
                "alone allow",
                remedy="make a new run from the recordings alone",
                details={"clips": made},
            )
        )
    if shared:
        found.append(
            Finding(
                kind="tested_source_learned",
                severity="warning",
                message=f"{len(shared)} of {len(split.pool)} training clips of the run have the group of a test clip "
                f"({_some({str(clip.group) for clip in shared})}): what is tested was learned from in part, and every "
                "number may be too high",
                remedy="hold out whole groups: give them one fold or split and make the run again, or evaluate the "
                "dataset (menura evaluate DATA -o DIR --folds groups)",
                details={"clips": len(shared)},
            )
        )
    if relabelled:
        found.append(
            Finding(
                kind="labels_changed",
                severity="warning",
                message=f"{len(relabelled)} of {len(split.pool)} training clips of the run have other labels in "
                f"{dataset.name} now, the first is {relabelled[0].path}: what was learned by the old labels is tested "
                "by the new ones",
                remedy="make a new run from the data as it is now",
                details={"clips": len(relabelled)},
            )
        )
    return tuple(found)


def draw_training(split: Split, amount: RealAmount, *, name: str, seed: int) -> TrainingPart:
    """The real training clips of one fold and seed; each fold draws its own.

    Raises:
        DatasetError: There are not so many.
    """
    drawn = item_seed(seed, "training clips", split.name) % 2**32
    return TrainingPart(name=name, clips=amount.draw(split.pool, seed=drawn))


def _by_fold(
    clips: Sequence[Clip], how: str, findings: tuple[Finding, ...]
) -> tuple[tuple[Split, ...], str, tuple[Finding, ...]]:
    names = sorted({str(clip.fold) for clip in clips}, key=lambda name: (len(name), name))
    splits = []
    left_out: Counter[str] = Counter()
    for name in names:
        test = tuple(clip for clip in clips if str(clip.fold) == name)
        split, found = _clean(Split(name, tuple(clip for clip in clips if str(clip.fold) != name), test))
        left_out[name] += sum(int(str(item.details["clips"])) for item in found)
        if not split.pool:
            raise DatasetError(_nothing_left(f"fold {name}"))
        splits.append(split)
    if left_out.total():
        findings = (*findings, _leak(sum(left_out.values()), ", ".join(f"fold {name}" for name in +left_out)))
    return tuple(splits), how, findings


def _clean(split: Split) -> tuple[Split, tuple[Finding, ...]]:
    """The split without training clips that share their source or their content with a test clip."""
    held_out = {source_of(clip) for clip in split.test} | {clip.id for clip in split.test}
    pool = tuple(clip for clip in split.pool if source_of(clip) not in held_out and clip.id not in held_out)
    lost = len(split.pool) - len(pool)
    if not lost:
        return split, ()
    return Split(split.name, pool, split.test), (_leak(lost, split.name),)


def _some(names: set[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:_NAMED]) + (", …" if len(shown) > _NAMED else "")


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _nothing_left(where: str) -> str:
    return (
        f"{where}: every other clip shares its group or its samples with a test clip, so that nothing is left to learn "
        "from; give clips of one group one side, or take --folds groups or a number"
    )


def _leak(count: int, where: str) -> Finding:
    return Finding(
        kind="training_clip_left_out",
        severity="warning",
        message=f"{count} clips were left out of training because a test clip has the same source or content ({where})",
        remedy="see `menura audit` for the files; give clips of one source one fold",
        details={"clips": count},
    )
