"""How far may synthetic clips go from the recordings? The strength of the generator, swept.

Small strengths give copies, which teach nothing and which the judges reject; large ones give clips that the judges
reject too, or that are no longer what their label says. Beside the gain stand what the judges let pass, and how far the
kept clips lie from the held-out ones, which nothing has learned from. Choosing the best strength from this curve
chooses on test clips: take it to understand the generator, or to set the strength for other data.

Source:
    Cherep & Singh 2025 (doppelgangers), arXiv:2406.05923, the perturbation factor delta; their curves are of
    representation learning, no number compares.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.metrics.distance import kernel_distance
from menura.metrics.projection import Standard
from menura.studies.bench.condition import Condition, Measured
from menura.studies.bench.report import StudyReport, report_of
from menura.studies.cells import read_json, safe_name, unit_path
from menura.studies.lab import load_lab
from menura.studies.packs import read_pack
from menura.studies.settings import EvaluationSettings

__all__ = ["ARMS", "DELTAS", "DeltaRow", "delta", "delta_report"]

DELTAS = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0)
ARMS = ("real", "oversample", "classic", "synthetic")
_HEARD_BY = "linear"
"""The classifier whose features are embeddings."""


@dataclass(frozen=True, slots=True)
class DeltaRow:
    """What became of the clips at one strength, over all folds and seeds.

    Attributes:
        delta: The strength.
        asked, kept: Mean number of clips of a fold and seed.
        passed: Share of all candidates that the judges let pass; None without candidates.
        kad: Kernel audio distance of the kept clips to the held-out ones, mean; None where the classifier has no
            embeddings, or clips are too few.
    """

    delta: str
    asked: float
    kept: float
    passed: float | None
    kad: float | None

    def shown(self) -> dict[str, object]:
        """Column to what is printed."""
        return {
            "delta": self.delta, "asked": f"{self.asked:.0f}", "kept": f"{self.kept:.0f}",
            "passed": "" if self.passed is None else f"{100 * self.passed:.0f} %",
            "KAD": "" if self.kad is None else f"{self.kad:.3g}",
        }  # fmt: skip


def delta(base: EvaluationSettings, deltas: Sequence[float] = DELTAS) -> tuple[Condition, ...]:
    """A condition for each strength.

    Args:
        base: Arms, seeds and runs.
        deltas: Strengths in [0, 1], rising.

    Raises:
        ConfigError: They do not rise, or leave [0, 1].
    """
    if not deltas or list(deltas) != sorted(set(deltas)) or deltas[0] < 0 or deltas[-1] > 1:
        raise ConfigError(f"deltas are {[f'{d:g}' for d in deltas]}, expected rising numbers in [0, 1]")
    generator = base.run.generator
    if generator.delta is not None:
        raise ConfigError("the study sets the strength: leave out --delta and generator.delta, or name it in --deltas")
    found = []
    for strength in deltas:
        run = base.run.model_copy(update={"generator": generator.model_copy(update={"delta": strength})})
        found.append(Condition(f"{strength:g}", base.model_copy(update={"run": run})))
    return tuple(found)


def delta_report(dataset: Dataset, measured: Sequence[Measured]) -> StudyReport:
    """Rows by strength, and what became of the clips."""
    return report_of(
        "delta", measured, question="How far may synthetic clips go from the recordings?", axis="delta",
        notes=["the strength with the best number here was chosen on test clips: expect less of it elsewhere"],
        more={"clips": [delta_row(one) for one in measured]},
    )  # fmt: skip


def delta_row(one: Measured) -> DeltaRow:
    """Counts and distance of one condition, from the files of its units."""
    totals: Counter[str] = Counter()
    distances = []
    units = one.study.units
    for split, seed in units:
        unit = read_json(unit_path(one.study.folder, split.name, seed)) or {}
        for rate in unit.get("keep_rates", {}).values():
            totals.update(rate)
        distance = _distance(one, f"fold-{safe_name(split.name)}-seed-{seed}", [clip.id for clip in split.test])
        distances += [] if distance is None else [distance]
    return DeltaRow(
        one.condition.point,
        asked=totals["target"] / len(units),
        kept=totals["kept"] / len(units),
        passed=totals["passed"] / totals["made"] if totals["made"] else None,
        kad=float(np.mean(distances)) if distances else None,
    )


def _distance(one: Measured, unit: str, tested: Sequence[str]) -> float | None:
    """KAD of the kept clips of a fold and seed to its held-out clips, dimensions standardised by the latter."""
    study = one.study
    lab = load_lab(study.spec)
    ears = next((classifier for classifier in lab.classifiers if classifier.name == _HEARD_BY), None)
    if ears is None:
        return None
    print_of = lab.fingerprint(ears)
    made = read_pack(study.folder / "features" / f"{unit}-synthetic-{_HEARD_BY}.safetensors", print_of, None)
    folder = (study.shared or study.folder) / "features"
    real = read_pack(folder / f"real-{_HEARD_BY}.safetensors", print_of, tested)
    if made is None or real is None or min(len(made), len(real)) < 2:
        return None
    held_out = np.stack(list(real.values()))
    standard = Standard.of(held_out)
    return kernel_distance(standard.apply(held_out), standard.apply(np.stack(list(made.values()))), resamples=1).value
