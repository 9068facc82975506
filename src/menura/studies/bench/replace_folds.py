"""What is lost when real training folds are replaced by generated ones: r of k, the total as before.

Of ``k`` training folds ``r`` are left out, drawn by fold and seed, and ``r / (k - r)`` synthetic clips for each real
one that is left take their place. The arm ``real`` at the same point shows what those folds are worth with nothing in
their place. With all folds replaced there is no real clip to start from: only recipes whose generator hears none can do
that, and their judges then know all real clips.

Source:
    Ronchini et al. 2024, arXiv:2403.17864, r = 1 to 8 of 8 training folds. Their validation fold stays real; here
    choices are made within the training clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from menura.config import AmountSettings
from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.studies.arm_table import REAL_ARMS
from menura.studies.bench.condition import Condition, Measured
from menura.studies.bench.generators import UNAIDED_RECIPES, is_unaided
from menura.studies.bench.no_run import no_run
from menura.studies.bench.report import StudyReport, report_of
from menura.studies.bench.ronchini import ronchini_cells
from menura.studies.settings import EvaluationSettings
from menura.studies.splits import dataset_splits

__all__ = ["ARMS", "num_training_folds", "replace_folds", "replace_report"]

ARMS = ("real", "oversample", "synthetic")
_ALONE = "synthetic-only"


def replace_folds(
    base: EvaluationSettings, num_folds: int, replaced: Sequence[int] | None = None
) -> tuple[Condition, ...]:
    """A condition for each number of folds that are left, that with all of them first.

    Args:
        base: Arms, seeds and runs.
        num_folds: Training folds of each test fold, see :func:`num_training_folds`.
        replaced: How many are replaced; None takes all from 0 to ``num_folds``, as far as the recipe can. 0 is always
            among them.

    Raises:
        ConfigError: There are not so many folds, the recipe cannot do without real clips, or another amount is given.
    """
    unaided = is_unaided(base.run)
    wanted = sorted({0, *(range(num_folds + unaided) if replaced is None else replaced)})
    if wanted[0] < 0 or wanted[-1] > num_folds:
        raise ConfigError(
            f"folds replaced are {wanted}, expected 0 to {num_folds}: there are {num_folds} to learn from"
        )
    if num_folds in wanted and not unaided:
        raise ConfigError(
            f"all {num_folds} folds cannot be replaced: the recipe {base.run.recipe} starts from real clips; "
            f"leave {num_folds} out, or take {' or '.join(UNAIDED_RECIPES)} without strength and captions"
        )
    if base.run.amount != AmountSettings():
        raise ConfigError("synthetic clips are as many as the real ones that they replace; leave out --times")
    rest = [_condition(base, r, num_folds) for r in wanted if 0 < r < num_folds]
    return (_all_folds(base, to_the_end=num_folds in wanted), *rest)


def num_training_folds(dataset: Dataset, folds: str | int | None) -> int:
    """How many folds are learned from when one is tested.

    Raises:
        ConfigError: There are fewer than two, or not equally many for each test fold.
    """
    splits, how, _ = dataset_splits(dataset, folds)
    counts = {split.name: len({clip.fold for clip in split.pool if clip.fold is not None}) for split in splits}
    least = min(counts.values())
    if least < 2:
        raise ConfigError(f"{how} leave {least} training folds, expected 2 or more; give --folds 5, or more")
    if len(set(counts.values())) > 1:
        raise ConfigError(
            f"training folds differ in number ({', '.join(f'{n} for fold {name}' for name, n in counts.items())}): "
            "whole folds share their sources with test clips; give --folds 5, which keeps sources together"
        )
    return least


def replace_report(dataset: Dataset, measured: Sequence[Measured], num_folds: int) -> StudyReport:
    """Rows by folds replaced, all against the best of all real folds."""
    full, *rest = measured
    real = {arm: cells for arm, cells in full.table.cells.items() if arm in REAL_ARMS}
    parts = [replace(full, condition=replace(full.condition, point="0"), table=replace(full.table, cells=real)), *rest]
    notes = [f"{num_folds} training folds; folds differ in size, so that totals differ a little (column clips)"]
    if _ALONE in full.table.cells:
        alone = replace(full.table, cells={"synthetic": full.table.cells[_ALONE]})
        parts.append(replace(full, condition=replace(full.condition, point=str(num_folds)), table=alone))
        notes.append("with all folds replaced the judges still knew the real clips, unless judge.enabled = false")
    elif not is_unaided(full.condition.settings.run):
        notes.append(f"not possible: {num_folds} of {num_folds} replaced, for the generator starts from real clips")
    return report_of(
        "replace", parts, question="What is lost when real folds are replaced by generated ones?",
        axis="folds replaced", of=parts[0], notes=notes,
        published=ronchini_cells(dataset.name, "folds replaced", lambda folds: folds),
    )  # fmt: skip


def _all_folds(base: EvaluationSettings, *, to_the_end: bool) -> Condition:
    """Real clips alone; and, where all can be replaced, as many synthetic clips alone."""
    real = tuple(arm for arm in base.arms if arm in REAL_ARMS)
    if not to_the_end:
        return Condition("all", base.model_copy(update={"arms": real}), make_run=no_run)
    run = base.run.model_copy(update={"amount": AmountSettings(times=1)})
    return Condition("all", base.model_copy(update={"arms": (*real, _ALONE), "run": run}))


def _condition(base: EvaluationSettings, replaced: int, num_folds: int) -> Condition:
    left = num_folds - replaced
    run = base.run.model_copy(update={"amount": AmountSettings(times=replaced / left)})
    return Condition(str(replaced), base.model_copy(update={"run": run, "real_folds": left}))
