"""``menura.evaluate``: do the synthetic clips help, on real recordings that nobody has learned from?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from menura.classify.results import EvaluationResult
from menura.config import AllocationSettings, AmountSettings, GeneratorSettings, RunSettings, settings_from
from menura.datasets.dataset import Dataset
from menura.errors import ConfigError, DatasetError, RunError
from menura.files import TEMPORARY_PREFIX, disk_errors
from menura.lock import locked
from menura.pipeline.reading import send_back
from menura.recipes.augment import resolve_settings
from menura.studies.arm_table import DEFAULT_ARMS, OWN_RUN_ARMS, RETRIEVAL
from menura.studies.cells import write_json
from menura.studies.conclude import conclude
from menura.studies.job import MakeRun, augment_run
from menura.studies.pool import num_workers
from menura.studies.settings import DEFAULT_STEPS, ZERO_SHOT, EvaluationSettings
from menura.studies.study import open_study
from menura.studies.work import fill_cells
from menura.types import Progress

if TYPE_CHECKING:
    from menura.pipeline.run import Run

__all__ = ["Progress", "evaluate"]

_PATIENCE_S = 60.0
"""How long to wait for another evaluation that writes its result into the same folder."""


def evaluate(
    dataset: Dataset,
    run: Run | None = None,
    *,
    out: str | Path | None = None,
    real_per_label: int | None = None,
    recipe: str = "resynth",
    classifier: str = "linear",
    seeds: int = 5,
    arms: Sequence[str] = DEFAULT_ARMS,
    times: float | None = None,
    per_label: int | None = None,
    balance: bool = False,
    generator: str | GeneratorSettings | None = None,
    settings: RunSettings | None = None,
    steps: int | None = None,
    metric: str | None = None,
    folds: str | int | None = None,
    doses: Sequence[float] = (),
    text_model: str | None = None,
    pool: str | Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
    make_run: MakeRun = augment_run,
) -> EvaluationResult:
    """Whether synthetic clips help, measured on real test clips against what real clips alone allow.

    With a ``run``, its own training part is learned from and the clips that the dataset holds out are tested; seeds
    vary the classifier and the classic copies. Without one, every fold is held out in turn, and every fold and seed
    draws training clips and gets a run of its own under ``out/runs``. Run it again to go on after a stop, or to add
    seeds, arms or doses.

    Args:
        dataset: Labelled real clips.
        run: A finished run; None makes runs.
        out: Folder of the evaluation; ``evaluation`` in the run when there is one.
        real_per_label: Real training clips of each label; None takes all.
        recipe: Recipe of the runs.
        classifier: A name that :func:`menura.classify.base.get_classifier` knows, or ``best``: ``linear`` and ``cnn``
            in every arm, picked on validation clips.
        seeds: Number of repetitions.
        arms: What to compare; at least one arm of real clips alone and one with synthetic clips.
        times: Synthetic clips for each real one; 3, or the largest dose, when no amount is given.
        per_label, balance: Other ways to say how many, see :func:`menura.augment`.
        generator: Name or settings of the generator (domain, preserve, delta).
        settings: All settings of the runs at once, instead of ``recipe``, the amount and ``generator``; their seed and
            sample rate are replaced by those of the evaluation.
        steps: Optimiser steps of every arm.
        metric: Metric that decides: ``accuracy``, ``macro_f1``, ``uar`` or ``mean_average_precision``. None takes
            accuracy, or macro-F1 when the largest label has more than three times the clips of the smallest, or
            mean average precision when clips have several labels.
        folds: ``official``, ``groups`` (leave one group out), or a number; None takes what the dataset offers.
        doses: Smaller amounts to try as well, in synthetic clips for each real one.
        text_model: CLAP model, by folder or name: adds the arm ``zero-shot``, which learns from no clip and takes no
            part in the verdict.
        pool: Recordings (folder, manifest or name of a dataset; labels are ignored): adds the arm ``retrieval``, which
            learns from as many of them as there are synthetic clips, the nearest to each label.
        workers: Processes, or Ray actors; None takes all cores there are.
        progress: Called with the stage, how much is done, and how much there is.
        make_run: Makes the run of a training part; for tests and other engines.

    Returns:
        The result, which is also in ``evaluation.json`` in the run or in ``out``.

    Raises:
        ConfigError: A setting is impossible.
        BackendError: The text model or a classifier cannot be loaded.
        DatasetError: The dataset has no such folds, holds nothing out, or has too few clips of a label; or there is no
            such pool.
        RunError: ``out`` holds an evaluation with other settings, or cannot be written.

    Example:
        >>> result = evaluate(dataset, run, seeds=5)                                     # doctest: +SKIP
        >>> result = evaluate(dataset, out="studies/esc10", real_per_label=5, seeds=5)  # doctest: +SKIP
        >>> print(result.verdict)                                                       # doctest: +SKIP
    """
    started = time.monotonic()
    if not isinstance(dataset, Dataset):
        raise DatasetError(
            f"evaluate was given a {type(dataset).__name__}, expected a whole dataset: menura.datasets.load(PATH)"
        )
    if isinstance(run, str | Path):
        raise RunError(f"evaluate was given the path {run}, expected a run: menura.pipeline.run.Run.open(PATH)")
    if workers is not None and workers < 1:
        raise ConfigError(f"workers is {workers}, expected 1 or more")
    if run is not None and (recipe, times, per_label, balance, generator, settings, real_per_label, folds) != (
        "resynth", None, None, False, None, None, None, None,
    ):  # fmt: skip
        raise ConfigError("a run has its own clips, amount and generator; give those settings to augment instead")
    own = [arm for arm in arms if arm in OWN_RUN_ARMS]
    if run is not None and own:
        raise ConfigError(
            f"the arm {own[0]} makes runs of its own, one per fold and seed: evaluate the dataset, not a run"
        )
    runs = run.settings if run is not None else resolve_settings(
        settings, recipe=recipe, times=times, per_label=per_label, balance=balance, generator=generator
    )  # fmt: skip
    if doses and runs.amount == AmountSettings():
        runs = runs.model_copy(update={"amount": AmountSettings(times=max(doses))})
    asked = {
        "arms": (*arms, *([ZERO_SHOT] if text_model is not None else []), *([RETRIEVAL] if pool is not None else [])),
        "classifier": classifier, "seeds": seeds, "real_per_label": real_per_label,
        "folds": folds, "steps": DEFAULT_STEPS if steps is None else steps, "metric": metric, "doses": tuple(doses),
        "text_model": text_model, "pool": None if pool is None else str(pool),
        "run": runs if run is None else runs.model_copy(update={"allocation": AllocationSettings()}),
    }  # fmt: skip
    study = open_study(dataset, run, settings_from(EvaluationSettings, asked, source="evaluate"), out)
    fill_cells(study, workers=num_workers(workers), progress=progress, make_run=make_run)
    result = replace(conclude(study), wall_s=round(time.monotonic() - started, 3))
    _write(result, study.result_path)
    if run is not None and out is None:
        send_back(run.path)
    return result


def _write(result: EvaluationResult, path: Path) -> None:
    """Under the lock of the folder, so that what a killed evaluation left can be told from what another one writes."""
    with locked(path.parent, patience_s=_PATIENCE_S), disk_errors(str(path)):
        for leftover in path.parent.glob(f"{TEMPORARY_PREFIX}{path.name}-*"):
            leftover.unlink(missing_ok=True)
        write_json(path, result.to_json())
