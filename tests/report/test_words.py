from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.report import words


@given(st.floats(-1, 1))
def test_points_say_the_direction_that_they_round_to(gain: float) -> None:
    text = words.points(gain)
    value = float(text.replace("−", "-").replace("±", ""))
    assert value == pytest.approx(100 * gain, abs=0.0501)
    assert text[0] == ("+" if value > 0 else "−" if value < 0 else "±")


@pytest.mark.parametrize(("seconds", "text"), [
    (0.0, "0.0 s"), (0.0001, "1 ms"), (0.04, "40 ms"), (0.0996, "0.1 s"), (9.94, "9.9 s"),
    (12.2, "12 s"), (59.6, "1 min 0 s"), (75.2, "1 min 15 s"), (3661, "1 h 1 min"),
])  # fmt: skip
def test_durations_read_as_people_say_them(seconds: float, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize("number", [0, 7, 999, 1600, 2_000_000])
def test_no_line_breaks_within_a_number(number: int) -> None:
    text = words.whole(number)
    assert text.replace("\u202f", "") == str(number)
    assert words.count(number, "clip") == f"{text} clips"
    assert not set(text) - set("0123456789\u202f")  # U+2009, a thin space, would let "1" end a line and "600" begin one


@pytest.mark.parametrize(("p", "text"), [(0.0, "< 0.001"), (0.0312, "0.031"), (0.5, "0.50"), (float("nan"), "–")])
def test_p_values_get_the_digits_that_they_deserve(p: float, text: str) -> None:
    assert words.probability(p) == text


def test_what_is_missing_is_a_dash_and_not_a_number() -> None:
    assert words.percent(None) == words.percent(float("nan")) == words.points(float("nan")) == "–"


def test_nested_settings_become_lines_and_empty_ones_disappear() -> None:
    values = {"amount": {"times": 3.0, "per_label": None, "balance": False}, "folds": ["1", "2"], "doses": []}
    assert words.flatten(values) == {"amount.times": "3", "amount.balance": "no", "folds": "1, 2"}
