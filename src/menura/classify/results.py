"""What an evaluation found: the record behind ``evaluation.json``, the table on screen and the report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from menura.errors import RunError
from menura.formats import EVALUATION
from menura.records import parse_json, record_from

__all__ = ["ArmResult", "Difference", "EvaluationResult", "LabelGain"]


@dataclass(frozen=True, slots=True)
class ArmResult:
    """One arm, averaged over folds and seeds. Rates are fractions in [0, 1].

    Attributes:
        name: ``real``, ``oversample``, ``classic``, ``synthetic``, ``synthetic+classic``, ….
        accuracy: Mean accuracy; for multi-label data the share of labels decided rightly.
        interval: 95 % bootstrap interval of the headline metric over folds, seeds and test sources.
        macro_f1: Mean F1 over labels.
        uar: Unweighted average recall (balanced accuracy).
        mean_average_precision: Only for multi-label data.
        per_label: Label to recall.
        confusion: Counts ``[true][predicted]`` over all folds and seeds, in the order of ``labels``; empty when
            multi-label.
        chosen: Classifier name to how often it was picked on validation (all cells for a fixed classifier).
        clips: Mean number of training clips, synthetic and augmented ones included.
    """

    name: str
    accuracy: float
    interval: tuple[float, float]
    macro_f1: float
    uar: float
    mean_average_precision: float | None = None
    per_label: Mapping[str, float] = field(default_factory=dict)
    confusion: tuple[tuple[int, ...], ...] = ()
    chosen: Mapping[str, int] = field(default_factory=dict)
    clips: float = 0.0


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference of two arms in the headline metric, over folds and seeds.

    Attributes:
        arm: The arm with synthetic clips.
        baseline: What it is compared with.
        gain: Mean of arm - baseline, as a fraction.
        interval: 95 % bootstrap interval of the gain over folds, seeds and test sources.
        p: Two-sided p-value of the paired permutation test that swaps the arms for whole test sources.
        p_corrected: The same after Holm's correction over the synthetic arms against this baseline; None where no
            verdict rests on it.
    """

    arm: str
    baseline: str
    gain: float
    interval: tuple[float, float]
    p: float
    p_corrected: float | None = None


@dataclass(frozen=True, slots=True)
class LabelGain:
    """What the synthetic clips did for one label: gain in recall against the best baseline, and its keep-rate.

    ``p_corrected`` pays for all labels that were looked at (Holm); None in evaluations of older versions.
    """

    label: str
    gain: float
    interval: tuple[float, float]
    keep_rate: float | None
    real: float
    synthetic: float
    p: float | None = None
    p_corrected: float | None = None


@dataclass(frozen=True, slots=True)
class EvaluationResult:
    """The proof. Everything that the printed table and the report need, and nothing that they must compute.

    Attributes:
        dataset: Name of the dataset.
        labels: Labels in the order of the confusion counts.
        metric: Headline metric: ``accuracy``, ``macro_f1``, ``uar`` or ``mean_average_precision``.
        arms: Results by arm.
        differences: Each synthetic arm against each baseline; the pair behind the verdict comes first.
        labels_gained: Per label, for the pair behind the verdict.
        outcome: ``helped``, ``hurt`` or ``undecided``.
        verdict: The outcome in words, with how much and for which labels.
        advice: What to try next, one sentence each.
        protocol: Folds, seeds, clips per label, optimiser steps, classifier, settings of the run.
        cells: One record per fold, seed and arm.
        dose: One record per amount, when several amounts were evaluated, smallest first: ``times`` (synthetic clips for
            each real one; 0 is the arm ``real``), ``arm``, ``clips``, ``value`` (headline metric), ``interval``, and
            ``gain`` with ``gain_interval`` over the best baseline.
        by_classifier: With a choice of classifiers, one record for each of them as if it were the only one:
            ``classifier``, ``means`` (arm to headline metric), and the :class:`Difference` behind its verdict.
        power: The gain that could have been seen, and how many more clips, seeds or folds would show another, see
            :func:`menura.studies.power.power_record`; empty in evaluations of older versions.
        findings: Warnings, e.g. synthetic clips that lie near test clips.
        versions: Package versions and the machine.
        wall_s: Wall time in seconds.
    """

    dataset: str
    labels: tuple[str, ...]
    metric: str
    arms: tuple[ArmResult, ...]
    differences: tuple[Difference, ...]
    labels_gained: tuple[LabelGain, ...]
    outcome: str
    verdict: str
    advice: tuple[str, ...] = ()
    protocol: Mapping[str, Any] = field(default_factory=dict)
    cells: tuple[Mapping[str, Any], ...] = ()
    dose: tuple[Mapping[str, Any], ...] = ()
    by_classifier: tuple[Mapping[str, Any], ...] = ()
    power: Mapping[str, Any] = field(default_factory=dict)
    findings: tuple[Mapping[str, Any], ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    wall_s: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"format": EVALUATION.current, **json.loads(json.dumps(asdict(self)))}

    @classmethod
    def read(cls, path: Path) -> EvaluationResult:
        """The result stored in an ``evaluation.json``.

        Raises:
            RunError: The file is missing, damaged, or of another format.
        """
        try:
            values = parse_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise RunError(f"{path} does not exist; `menura evaluate` writes it") from error
        except (OSError, ValueError) as error:
            raise RunError(f"{path} cannot be read ({error}); run `menura evaluate` again") from error
        values = EVALUATION.brought_up(values if isinstance(values, dict) else {}, source=path)
        try:
            return record_from(cls, values)
        except ValueError as error:
            raise RunError(f"{path} is damaged ({error}); run `menura evaluate` again") from error
