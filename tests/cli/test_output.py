"""What every command prints the same way."""

from __future__ import annotations

import pytest

from menura.cli.output import cost_text, progress_bar, speed_text


@pytest.mark.parametrize(
    ("per_second", "text"),
    [(None, ""), (0.0, ""), (12.345, "12.3/s"), (1.0, "1/s"), (0.5, "30/min"), (1 / 120, "30/h"), (1e-5, "0.036/h")],
)
def test_a_speed_is_told_in_the_first_unit_that_makes_it_one_or_more(per_second: float | None, text: str) -> None:
    assert speed_text(per_second) == text


@pytest.mark.parametrize(
    ("elapsed_s", "left_s", "text"),
    [
        (3600.0, None, "7.20"),
        (1800.0, 1800.0, "3.60 of about 7.20"),
        (None, None, "0.00"),
        (5.0, 0.0, "0.01 of about 0.01"),
    ],
)
def test_a_cost_is_told_so_far_and_in_all(elapsed_s: float | None, left_s: float | None, text: str) -> None:
    assert cost_text(7.2, elapsed_s, left_s) == text


def test_the_last_line_says_what_everything_cost(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar(price=0.0) as progress:
        progress("making clips", 1, 2)
    assert capsys.readouterr().err.rstrip().endswith("cost about 0.00: 0.00 h at 0 an hour")
    with progress_bar() as progress:
        progress("making clips", 2, 2)
    assert "cost" not in capsys.readouterr().err
