from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.schedules import cosine_decay, linear_decay


@given(steps=st.integers(1, 300), warm_share=st.floats(0, 1))
def test_the_rate_rises_to_its_peak_falls_and_never_reaches_zero(steps: int, warm_share: float) -> None:
    rates = [linear_decay(step, steps, peak=0.5, warm_share=warm_share) for step in range(steps)]
    top = rates.index(max(rates))
    assert max(rates) == pytest.approx(0.5)
    assert min(rates) > 0
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)


def test_a_tenth_of_the_steps_is_the_rise() -> None:
    rates = [linear_decay(step, 100, peak=1.0, warm_share=0.1) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == 1.0
    assert rates[55] == pytest.approx(0.5)


def test_a_cosine_rises_straight_and_falls_slowly_at_both_ends() -> None:
    rates = [cosine_decay(step, 100, peak=2.0, warm_share=0.05) for step in range(101)]
    assert rates[:5] == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0])
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[5] - rates[6] < rates[52] - rates[53] > rates[98] - rates[99]
    assert rates[100] == pytest.approx(0)
