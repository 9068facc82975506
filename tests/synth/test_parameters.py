import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from menura.errors import ConfigError
from menura.synth import VOICES, Synthesizer
from menura.synth.parameters import Parameter, ParameterSpace

DECLARED = sorted(
    {parameter for design in VOICES.values() for _, parameter in Synthesizer(design).space}, key=lambda p: repr(p)
)


@given(share=st.floats(0, 1), parameter=st.sampled_from(DECLARED))
def test_every_declared_range_comes_back_from_its_own_values(share: float, parameter: Parameter) -> None:
    value = parameter.value(torch.tensor(share, dtype=torch.float64))
    assert parameter.low - 1e-9 <= value <= parameter.high + 1e-9
    again = parameter.value(parameter.normalised(value))
    assert again == pytest.approx(float(value), abs=1e-9 * (parameter.high - parameter.low))


@given(share=st.floats(0.01, 1), parameter=st.sampled_from([p for p in DECLARED if not p.symmetric]))
def test_the_normalised_value_comes_back_too(share: float, parameter: Parameter) -> None:
    value = parameter.value(torch.tensor(share, dtype=torch.float64))
    assert parameter.normalised(value) == pytest.approx(share, abs=1e-9)


@pytest.mark.parametrize("parameter", DECLARED, ids=lambda p: f"{p.name} {p.low:g} to {p.high:g}")
def test_more_is_more_and_the_ends_are_the_ends(parameter: Parameter) -> None:
    values = parameter.value(torch.linspace(0, 1, 101, dtype=torch.float64))
    assert values[0] == pytest.approx(parameter.low)
    assert values[-1] == pytest.approx(parameter.high)
    assert (values.diff() >= 0).all()
    assert parameter.what


def test_a_curve_is_honoured_for_a_single_parameter_and_in_a_space() -> None:
    quiet = Parameter("noise", "", 0, 1, curve=0.025)
    space = ParameterSpace({"mixer": (Parameter("sine", "", 0, 1), quiet)})
    found = space.values(torch.tensor([0.5, 0.5], dtype=torch.float64))
    assert found.tolist() == pytest.approx([0.5, 0.5**40])


def test_a_symmetric_curve_leads_away_from_the_middle() -> None:
    depth = Parameter("depth", "st", -96, 96, curve=0.2, symmetric=True)
    values = depth.value(torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0], dtype=torch.float64))
    assert values.tolist() == pytest.approx([-96, -3, 0, 3, 96])


def test_a_patch_names_values_and_comes_back() -> None:
    space = ParameterSpace({"envelope": (Parameter("attack", "s", 0, 2, curve=0.5), Parameter("sustain", "", 0, 1))})
    patch = space.as_patch(torch.tensor([0.5, 0.3]))
    assert patch == pytest.approx({"envelope.attack": 0.5, "envelope.sustain": 0.3})
    assert space.from_patch(patch).tolist() == pytest.approx([0.5, 0.3])
    assert space.from_patch({}).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        ({"envelope.atack": 1.0}, "no such parameter: envelope.atack; known: envelope.attack"),
        ({"envelope.attack": 3.0}, r"envelope.attack is 3.0, expected a number in \[0, 2\]"),
        ({"envelope.attack": True}, "is True, expected a number"),
        ({"envelope.attack": "long"}, "is 'long', expected a number"),
        ({"envelope.attack": math.nan}, "is nan, expected a number"),
    ],
)
def test_a_patch_with_a_wrong_entry_is_refused(patch: dict[str, float], message: str) -> None:
    space = ParameterSpace({"envelope": (Parameter("attack", "s", 0, 2),)})
    with pytest.raises(ConfigError, match=message):
        space.from_patch(patch)


def test_an_empty_range_and_a_vector_of_another_size_are_refused() -> None:
    with pytest.raises(ConfigError, match="range 1 to 1"):
        Parameter("x", "", 1, 1)
    space = ParameterSpace({"envelope": (Parameter("attack", "s", 0, 2),)})
    with pytest.raises(ConfigError, match="a sound has 3 parameters, expected 1"):
        space.values(torch.zeros(2, 3))
