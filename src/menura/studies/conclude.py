"""The result of an evaluation whose cells are all there."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from menura import __version__
from menura.classify.results import EvaluationResult
from menura.datasets.dataset import Dataset
from menura.datasets.index import num_cores
from menura.errors import RunError
from menura.metrics.classification import DECISION_THRESHOLD, headline_metric
from menura.seeding import content_hash
from menura.studies.advice import Facts, advice_for
from menura.studies.cells import read_json, unit_path
from menura.studies.nearness import nearness_finding
from menura.studies.policy_findings import policies_of, policy_findings
from menura.studies.power import power_record
from menura.studies.retrieval_pool import RetrievalPool
from menura.studies.retrieved import read_accounts, retrieval_findings
from menura.studies.splits import Split
from menura.studies.study import Study
from menura.studies.summary import Table
from menura.studies.untrained import few_shot_findings, untrained_findings
from menura.studies.vanilla import vanilla_findings
from menura.studies.verdict import outcome_of, verdict_text
from menura.studies.zero_shot import ZeroShot
from menura.types import Finding

__all__ = ["conclude", "decisive_metric", "keep_rates_of", "library_versions", "statistics_of", "test_fingerprint"]

LIBRARIES = ("numpy", "scipy", "torch", "scikit-learn", "soundfile", "soxr", "audiomentations")


def conclude(study: Study) -> EvaluationResult:
    """Everything that follows from the cells: means, intervals, verdict, advice.

    Raises:
        RunError: A cell was removed meanwhile.
    """
    units = [_unit(study, split.name, seed) for split, seed in study.units]
    metric = decisive_metric(study.dataset, study.settings.metric)
    table = Table(
        {arm: [[study.cell_at(split.name, seed, arm) for seed in range(study.settings.seeds)] for split in study.splits]
         for arm in study.arms},
        study.splits, study.labels, metric, study.dataset.is_multilabel,
    )  # fmt: skip
    rates = _keep_rates(units)
    differences = table.differences()
    labels = table.label_gains({label: rate["rate"] for label, rate in rates.items()})
    doses = _doses(study, table)
    baseline = table.mean(table.best_baseline)
    outcome = outcome_of(differences[0])
    power = power_record(table)
    facts = Facts(
        outcome, differences[0], labels, baseline, study.settings,
        smallest_label=min((count for unit in units for count in unit["real"].values()), default=0),
        metric=metric, num_folds=len(study.splits), own_run=study.run is not None, doses=doses,
        power=power,
    )  # fmt: skip
    return EvaluationResult(
        dataset=study.dataset.name,
        labels=tuple(study.labels),
        metric=metric,
        arms=table.arm_results(),
        differences=differences,
        labels_gained=labels,
        outcome=outcome,
        verdict=verdict_text(
            differences, labels, metric=metric, baseline_mean=baseline, power=power.get("sentence", "")
        ),
        advice=advice_for(facts),
        protocol=_protocol(study, table, rates, units),
        cells=tuple(cell.summary() for rows in table.cells.values() for row in rows for cell in row),
        dose=doses,
        by_classifier=table.by_classifier(),
        power=power,
        findings=tuple(asdict(finding) for finding in _findings(study, table, units, rates)),
        versions=library_versions(),
    )


def decisive_metric(dataset: Dataset, asked: str | None) -> str:
    """The metric that decides: as asked, or by the labels that training and test clips have in the whole dataset."""
    if asked is not None:
        return asked
    counts = np.array(list(dataset.counts().values()), dtype=np.int64)
    return headline_metric(counts, multilabel=dataset.is_multilabel)


def _unit(study: Study, fold: str, seed: int) -> dict[str, Any]:
    path = unit_path(study.folder, fold, seed)
    values = read_json(path)
    if values is None:
        raise RunError(f"{path} is missing or damaged; delete the folder {path.parent} and run the command again")
    return values


def keep_rates_of(study: Study) -> dict[str, dict[str, Any]]:
    """Label to what became of its candidates over all runs: target, made, passed, kept, rate.

    Raises:
        RunError: A fold and seed was removed meanwhile.
    """
    return _keep_rates([_unit(study, split.name, seed) for split, seed in study.units])


def _keep_rates(units: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Label to its counts over all runs, with the share of candidates that the judges passed."""
    totals: dict[str, Counter[str]] = {}
    for unit in units:
        for label, counts in unit["keep_rates"].items():
            totals.setdefault(label, Counter()).update(counts)
    return {
        label: {**counts, "rate": counts["passed"] / counts["made"] if counts["made"] else None}
        for label, counts in sorted(totals.items())
    }


def _doses(study: Study, table: Table) -> tuple[dict[str, object], ...]:
    if not study.settings.doses:
        return ()
    return table.dose_records(study.settings.doses, whole=study.whole_dose, arm=study.settings.dose_arm)


def _findings(
    study: Study, table: Table, units: Sequence[Mapping[str, Any]], rates: Mapping[str, Mapping[str, Any]]
) -> list[Finding]:
    found = [
        *study.findings,
        *_unlearned(study, units),
        *untrained_findings(table, fine_tuned_on=study.zero_shot.num_learned if study.zero_shot else 0),
        *few_shot_findings(table),
        *vanilla_findings(study.settings.run, study.settings.arms),
        *_of_pool(study),
    ]
    if study.run is None:
        found += [finding for label, rate in rates.items() if (finding := _shortage(label, rate, len(units)))]
    distinct = units[:1] if study.run is not None else units
    found += policy_findings(units)
    near = nearness_finding([unit["nearness"] for unit in distinct])
    order = {"error": 0, "warning": 1, "note": 2}
    return sorted(found + ([near] if near else []), key=lambda finding: order[finding.severity])


def _unlearned(study: Study, units: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Labels that are tested where no real training clip has them: no arm that learns from real clips can be right."""
    tested = {split.name: {label for clip in split.test for label in clip.labels} for split in study.splits}
    lacking: dict[str, set[str]] = {}
    for unit in units:
        for label in tested[unit["fold"]] - unit["real"].keys():
            lacking.setdefault(label, set()).add(unit["fold"])
    return [
        Finding(
            kind="label_not_learned",
            severity="warning",
            message=f"{label!r} is tested in fold {', '.join(sorted(folds))}, where no real training clip has it: no "
            "arm that learns from clips can be right there, which lowers them all alike",
            remedy="give the label clips on both sides, or leave it out",
            details={"label": label, "folds": [*sorted(folds)]},
        )
        for label, folds in sorted(lacking.items())
    ]


def _of_pool(study: Study) -> list[Finding]:
    pool = study.pool
    if pool is None:
        return []
    accounts = read_accounts(study.folder, [(split.name, seed) for split, seed in study.units], pool.key)
    left_out = pool.left_out(study.splits, study.shared or study.folder)
    return [*pool.findings, *retrieval_findings(left_out, accounts, num_clips=len(pool.clips))]


def _shortage(label: str, rate: Mapping[str, Any], runs: int) -> Finding | None:
    kept, target = rate["kept"], rate["target"]
    if kept >= target:
        return None
    return Finding(
        kind="label_kept_nothing" if kept == 0 else "label_short",
        severity="error" if kept == 0 else "warning",
        message=f"{kept} of {target} synthetic clips of {label!r} were kept, over {runs} runs",
        remedy="try a smaller --delta or --preserve; the reasons are in the runs",
        details={"label": label, "kept": kept, "target": target},
    )


def _protocol(
    study: Study, table: Table, rates: Mapping[str, Any], units: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    settings = study.settings
    return {
        "folds": [split.name for split in study.splits],
        "folds_from": study.how,
        "seeds": settings.seeds,
        "arms": list(settings.arms),
        "baseline": table.best_baseline,
        "classifier": settings.classifier,
        "steps": settings.steps,
        "threshold": DECISION_THRESHOLD if study.dataset.is_multilabel else None,
        "real_per_label": settings.real_per_label,
        "training_clips": float(np.mean([sum(unit["real"].values()) for unit in units])),
        "test_clips": sum(len(split.test) for split in study.splits),
        "test_fingerprint": test_fingerprint(study.splits),
        "working_rate_hz": study.spec.working_rate,
        "doses": list(settings.doses),
        **policies_of(units),
        **({} if study.zero_shot is None else {"zero_shot": _zero_shot(study.zero_shot, settings.text_model)}),
        **({} if study.pool is None else {"retrieval": _retrieval(study, study.pool)}),
        "keep_rates": rates,
        **statistics_of(table),
        "run_settings": settings.run.model_dump(mode="json"),
        "run": None if study.run is None else study.run.address,
    }  # fmt: skip


def _retrieval(study: Study, pool: RetrievalPool) -> dict[str, object]:
    return pool.record(pool.left_out(study.splits, study.shared or study.folder))


def _zero_shot(arm: ZeroShot, model: str | None) -> dict[str, Any]:
    texts = dict(zip(arm.labels, arm.texts, strict=True))
    return {
        "model": model,
        "fingerprint": arm.scorer.fingerprint,
        "fine_tuned_on": arm.num_learned,
        "texts": texts,
    }


def statistics_of(table: Table) -> dict[str, str]:
    """How intervals and p-values of a table come about, in words."""
    drawn = "test sources and seeds" if table.by_source else "folds, seeds and test sources"
    return {
        "interval": f"95 % hierarchical bootstrap over {drawn}",
        "test": "paired permutation test that swaps the arms for whole sources; a t-test where they are few",
        "labels_corrected": "Holm over all labels that were tested",
    }


def test_fingerprint(splits: Sequence[Split]) -> str:
    """Equal for evaluations that test the same clips in the same folds."""
    return content_hash({split.name: sorted(clip.id for clip in split.test) for split in splits})


def library_versions() -> dict[str, str]:
    """Versions of Menura, Python and the libraries that decide numbers, and the kind of machine."""
    found = {"menura": __version__, "python": platform.python_version(), "machine": _machine()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _machine() -> str:
    return f"{platform.system()} {platform.machine()}, {num_cores()} cores"
