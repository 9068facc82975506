"""``menura study dose``: nested amounts, and where the curve is called flat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from menura.config import AmountSettings, RunSettings
from menura.errors import ConfigError
from menura.studies.bench.compare import Comparison
from menura.studies.bench.dose import dose, flat_from
from menura.studies.bench.ronchini import ronchini_cells
from menura.studies.settings import EvaluationSettings


def test_the_command_puts_every_dose_beside_the_real_clips(study: Callable[..., dict[str, Any]]) -> None:
    found = study("dose", "--doses", "1,2", "--real-per-label", "2", "--arms", "real,oversample,synthetic")
    assert [(row["point"], row["arm"]) for row in found["rows"]] == [
        ("0", "real"), ("0", "oversample"), ("1", "synthetic"), ("2", "synthetic"),
    ]  # fmt: skip
    clips = [row["clips"] for row in found["rows"]]
    assert 6 == clips[0] == clips[1] < clips[2] < clips[3] <= 18
    assert len({row["baseline"].split()[0] for row in found["rows"]}) == 1
    (doubling,) = found["doublings"]
    values = {row["point"]: row["value"] for row in found["rows"] if row["arm"] == "synthetic"}
    assert doubling["gain"] == pytest.approx(values["2"] - values["1"])
    assert {"dose.csv", "dose-doublings.csv", "dose.json", "dose.svg", "dose-gain.svg"} <= found["files"]


def doubling(low: float, high: float) -> Comparison:
    return Comparison("2", "1", (low + high) / 2, (low, high), 0.5, 0.5)


def test_a_curve_is_flat_from_where_no_later_doubling_gains() -> None:
    rising, flat, falling = doubling(0.01, 0.05), doubling(-0.02, 0.03), doubling(-0.05, -0.01)
    assert flat_from([rising, flat, falling]) is flat
    assert flat_from([flat, rising]) is None, "a late gain takes the flatness back"
    assert flat_from([flat, rising, falling]) is falling
    assert flat_from([]) is None


def test_doses_are_the_amount_and_one_is_no_curve() -> None:
    (condition,) = dose(EvaluationSettings(), (1, 2.5))
    assert condition.settings.run.amount.times == 2.5
    assert condition.settings.doses == (1,)
    with pytest.raises(ConfigError, match="two or more"):
        dose(EvaluationSettings(), (1,))
    with pytest.raises(ConfigError, match="rising"):
        dose(EvaluationSettings(), (2, 1))
    with pytest.raises(ConfigError, match="leave out any other amount"):
        dose(EvaluationSettings(run=RunSettings(amount=AmountSettings(times=3))), (1, 2))


def test_the_published_cells_stand_at_the_same_amounts() -> None:
    cells = ronchini_cells("urbansound8k", "augmentation", lambda percent: f"{int(percent) / 100:g}")
    known = {(cell.method, cell.point): cell.value for cell in cells}
    assert known["CNN, AudioLDM2_gpt", "3"] == pytest.approx(0.7110)
    assert known["CRNN, real clips alone", "0"] == pytest.approx(0.6270)
    assert len(known) == 8 * 4 + 2
    assert ronchini_cells("esc50", "augmentation", str) == ()
