"""What every command prints the same way."""

from __future__ import annotations

import pytest

from menura.cli.output import speed_text


@pytest.mark.parametrize(
    ("per_second", "text"),
    [(None, ""), (0.0, ""), (12.345, "12.3/s"), (1.0, "1/s"), (0.5, "30/min"), (1 / 120, "30/h"), (1e-5, "0.036/h")],
)
def test_a_speed_is_told_in_the_first_unit_that_makes_it_one_or_more(per_second: float | None, text: str) -> None:
    assert speed_text(per_second) == text
