"""When the judges pass next to nothing, what they passed is in doubt, and that is said."""

from __future__ import annotations

import pytest

from menura.pipeline.decide import KeepRate
from menura.pipeline.run import few_passed


def rate(made: int, passed: int, kept: int) -> KeepRate:
    return KeepRate(target=50, planned=made, made=made, passed=passed, kept=kept)


def test_few_that_passed_are_a_warning_with_the_numbers_of_all_labels() -> None:
    finding = few_passed([rate(60, 5, 5), rate(40, 12, 10)])
    assert finding is not None
    assert finding.severity == "warning"
    assert "only 17 of 100 candidates" in finding.message
    assert finding.details == {"made": 100, "passed": 17, "kept": 15}


@pytest.mark.parametrize("rates", [[], [rate(30, 10, 10)], [rate(30, 0, 0)], [rate(10, 9, 9), rate(20, 2, 2)]])
def test_a_third_is_enough_and_nothing_kept_is_told_elsewhere(rates: list[KeepRate]) -> None:
    assert few_passed(rates) is None
