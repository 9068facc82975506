"""Points between two tensors."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from menura.diffusion.interpolation import lerp, slerp
from menura.errors import ConfigError

SHARE = st.floats(0, 1)


def noise(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape or (1, 8, 16), generator=torch.Generator().manual_seed(seed))


@given(seed=st.integers(0, 1000), alpha=SHARE)
def test_equal_norms_are_kept(seed: int, alpha: float) -> None:
    first, second = noise(seed), noise(seed + 5000)
    second = second * (first.norm() / second.norm())
    between = slerp(first, second, alpha)
    assert float(between.norm()) == pytest.approx(float(first.norm()), rel=1e-6)  # float32


@given(seed=st.integers(0, 1000), alpha=SHARE, gain=st.floats(0.01, 100))
def test_unequal_norms_are_interpolated(seed: int, alpha: float, gain: float) -> None:
    first, second = noise(seed), gain * noise(seed + 5000)
    expected = (1 - alpha) * float(first.norm()) + alpha * float(second.norm())
    assert float(slerp(first, second, alpha).norm()) == pytest.approx(expected, rel=1e-5)


@given(seed=st.integers(0, 1000), gain=st.sampled_from([-1.0, 0.0, 1e-30, 0.3, 1.0, 1 + 1e-7]))
def test_the_ends_are_the_parents_bit_for_bit(seed: int, gain: float) -> None:
    first = noise(seed)
    for second in (noise(seed + 5000), gain * first):
        for between in (lerp, slerp):
            assert torch.equal(between(first, second, 0.0), first)
            assert torch.equal(between(first, second, 1.0), second)


@given(seed=st.integers(0, 1000), alpha=SHARE)
def test_the_angle_grows_evenly(seed: int, alpha: float) -> None:
    first, second = noise(seed).double(), noise(seed + 5000).double()

    def angle(one: Tensor, other: Tensor) -> float:
        return math.acos(min(1.0, float((one * other).sum() / one.norm() / other.norm())))

    assert angle(first, slerp(first, second, alpha)) == pytest.approx(alpha * angle(first, second), abs=1e-6)


@given(seed=st.integers(0, 1000), alpha=SHARE)
def test_the_way_back_is_the_same_way(seed: int, alpha: float) -> None:
    first, second = noise(seed).double(), noise(seed + 5000).double()
    torch.testing.assert_close(slerp(first, second, alpha), slerp(second, first, 1 - alpha), rtol=1e-6, atol=1e-7)


def test_the_published_formula_for_equal_norms() -> None:
    first, second = noise(0).double(), noise(1).double()
    second = second * (first.norm() / second.norm())
    theta = math.acos(float((first * second).sum() / first.norm() / second.norm()))
    expected = (math.sin(0.7 * theta) * first + math.sin(0.3 * theta) * second) / math.sin(theta)
    torch.testing.assert_close(slerp(first, second, 0.3), expected)


def test_orthogonal_parents_meet_at_45_degrees() -> None:
    found = slerp(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]), 0.5)
    torch.testing.assert_close(found, torch.tensor([0.5**0.5, 0.5**0.5]))


@pytest.mark.parametrize("offset", [0.0, 1e-12, 1e-9, 1e-7, 1e-5])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_nearly_parallel_and_opposite_parents_are_on_the_sphere_too(offset: float, sign: float) -> None:
    first = noise(0).double()
    second = sign * first + offset * noise(1).double()
    for alpha in (0.1, 0.5, 0.9):
        found = slerp(first, second, alpha)
        norm = (1 - alpha) * float(first.norm()) + alpha * float(second.norm())
        assert float(found.norm()) == pytest.approx(norm, rel=1e-9)
        if sign > 0:
            torch.testing.assert_close(found, first, rtol=0, atol=1e-4)
    if sign < 0:
        half = slerp(first, second, 0.5)
        assert abs(float((half * first).sum())) < 1e-4 * float(first.norm()) ** 2


def test_a_zero_tensor_is_reached_on_a_line() -> None:
    first = noise(0)
    torch.testing.assert_close(slerp(first, torch.zeros_like(first), 0.25), 0.75 * first)


def test_the_average_of_noise_has_too_small_a_norm() -> None:
    first, second = noise(0, 100, 100), noise(1, 100, 100)
    assert float(lerp(first, second, 0.5).norm() / first.norm()) == pytest.approx(0.5**0.5, abs=0.02)
    torch.testing.assert_close(lerp(first, second, 0.5), (first + second) / 2)


@pytest.mark.parametrize("between", [lerp, slerp])
def test_wrong_arguments_are_refused(between: object) -> None:
    assert callable(between)
    with pytest.raises(ConfigError, match=r"alpha is 1.5, expected a number in \[0, 1\]"):
        between(noise(0), noise(1), 1.5)
    with pytest.raises(ConfigError, match="alpha is nan"):
        between(noise(0), noise(1), float("nan"))
    with pytest.raises(ConfigError, match=r"shapes \(2,\) and \(3,\)"):
        between(noise(0, 2), noise(1, 3), 0.5)
