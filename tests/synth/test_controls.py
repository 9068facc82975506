import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from menura.synth.controls import ENVELOPE, envelope, lfo, upsample

RATE = 1000.0


def shape(attack: float, decay: float, sustain: float, release: float, alpha: float, held: float) -> torch.Tensor:
    values = torch.tensor([attack, decay, sustain, release, alpha])
    return envelope(values, torch.tensor(held), num_frames=2000, control_rate=RATE)


def test_an_envelope_rises_falls_to_the_sustained_level_and_dies_away() -> None:
    found = shape(0.2, 0.3, 0.4, 0.5, 1.0, 1.0)
    known = {0: 0.0, 100: 0.5, 200: 1.0, 350: 0.7, 500: 0.4, 900: 0.4, 1250: 0.2, 1500: 0.0, 1999: 0.0}
    assert [float(found[at]) for at in known] == pytest.approx(list(known.values()), abs=0.005)


def test_alpha_bends_the_ramps() -> None:
    assert float(shape(0.2, 0.0, 1.0, 0.5, 3.0, 1.0)[100]) == pytest.approx(0.125, abs=0.005)
    assert float(shape(0.2, 0.0, 1.0, 0.5, 0.5, 1.0)[100]) == pytest.approx(math.sqrt(0.5), abs=0.01)


def test_a_short_note_cuts_attack_and_decay() -> None:
    found = shape(2.0, 2.0, 0.1, 0.1, 1.0, 0.5)
    assert int(found.argmax()) == pytest.approx(500, abs=1)
    assert float(found[620:].max()) < 0.01


@given(shares=st.lists(st.floats(0, 1), min_size=6, max_size=6))
def test_an_envelope_stays_within_0_and_1_and_its_gradient_is_finite(shares: list[float]) -> None:
    values = torch.stack([p.value(torch.tensor(u)) for p, u in zip(ENVELOPE, shares, strict=False)]).requires_grad_()
    held = torch.tensor(0.01 + shares[5]).requires_grad_()
    found = envelope(values, held, num_frames=300, control_rate=200.0)
    assert 0 <= float(found.detach().min()) <= float(found.detach().max()) <= 1
    found.sum().backward()
    assert values.grad is not None
    assert held.grad is not None
    assert torch.isfinite(values.grad).all()
    assert torch.isfinite(held.grad).all()


@pytest.mark.parametrize(("index", "known"), [(3, [0, 0.5, 1, 0.5]), (4, [0, 0.5, 1, 0.5]), (5, [0, 0.25, 0.5, 0.75]),
                                              (6, [1, 0.75, 0.5, 0.25]), (7, [1, 1, 0, 0])])  # fmt: skip
def test_each_shape_of_an_lfo_has_its_course(index: int, known: list[float]) -> None:
    values = torch.zeros(8)
    values[0], values[index] = 5.0, 1.0
    found = lfo(values, torch.zeros(400), torch.ones(400), control_rate=RATE)
    assert found[[0, 50, 100, 150]].tolist() == pytest.approx(known, abs=0.02)
    assert found[200:].tolist() == pytest.approx(found[:200].tolist(), abs=0.02)


def test_the_rate_envelope_speeds_an_lfo_up_and_never_turns_it_round() -> None:
    values = torch.tensor([2.0, 3.0, 0, 0, 0, 1.0, 0, 0])
    rising = lfo(values, torch.ones(1000), torch.ones(1000), control_rate=RATE)
    assert int((rising.diff() < -0.5).sum()) in (4, 5)
    values[1] = -10.0
    assert float(lfo(values, torch.ones(1000), torch.ones(1000), control_rate=RATE).std()) < 1e-6


def test_upsampling_draws_straight_lines_and_keeps_the_frames() -> None:
    found = upsample(torch.tensor([[0.0, 1.0, -1.0]]), 4)
    assert found.tolist() == [[[0, 0.25, 0.5, 0.75], [1, 0.5, 0, -0.5]]]
