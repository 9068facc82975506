"""Noise paths: the ends, the middle, and that clean latents follow from the mixture and what a perfect model says."""

from __future__ import annotations

import pytest
import torch

from menura.diffusion.paths import CosinePath, FlowPath, NoisePath, StepPath, noised
from menura.diffusion.schedules import alphas_bar, betas

STEPS = alphas_bar(betas("linear", steps=1000))
PATHS = [CosinePath(), FlowPath(), *(StepPath(STEPS, kind) for kind in ("epsilon", "v_prediction", "sample"))]


@pytest.fixture
def drawn() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(4, 3, 5, generator=generator, dtype=torch.float64) for _ in range(2))


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_a_path_goes_from_the_clean_latents_to_noise(path: NoisePath, drawn: tuple[torch.Tensor, torch.Tensor]) -> None:
    clean, noise = drawn
    assert torch.allclose(noised(path, clean, noise, torch.zeros(4)), clean, atol=0.06)
    assert torch.allclose(noised(path, clean, noise, torch.ones(4)), noise, atol=0.06)


@pytest.mark.parametrize("path", [CosinePath(), FlowPath()], ids=str)
def test_a_velocity_is_the_change_of_the_mixture_with_time(
    path: NoisePath, drawn: tuple[torch.Tensor, torch.Tensor]
) -> None:
    clean, noise = drawn
    time = torch.tensor([0.1, 0.4, 0.6, 0.9], dtype=torch.float64)
    step = 1e-6
    change = (noised(path, clean, noise, time + step) - noised(path, clean, noise, time - step)) / (2 * step)
    speed = torch.pi / 2 if isinstance(path, CosinePath) else 1.0
    assert torch.allclose(change, speed * path.target(clean, noise, time), atol=1e-6)


def test_a_step_path_says_noise_velocity_or_clean_latents(drawn: tuple[torch.Tensor, torch.Tensor]) -> None:
    clean, noise = drawn
    time = torch.full((4,), 0.5)
    kept, added = (share[0] for share in StepPath(STEPS).shares(time))
    assert kept**2 + added**2 == pytest.approx(1)
    assert torch.equal(StepPath(STEPS, "epsilon").target(clean, noise, time), noise)
    assert torch.equal(StepPath(STEPS, "sample").target(clean, noise, time), clean)
    assert torch.allclose(StepPath(STEPS, "v_prediction").target(clean, noise, time), kept * noise - added * clean)


def test_times_fall_in_numbered_steps_from_first_to_last() -> None:
    assert StepPath(STEPS).steps(torch.tensor([0.0, 0.0005, 0.5, 0.9999, 1.0])).tolist() == [0, 0, 500, 999, 999]
