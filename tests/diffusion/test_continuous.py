"""Sampling and inversion along the circle and the straight line, on a model whose answers are known in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from menura.diffusion.continuous import CosineSchedule, FlowSchedule
from menura.diffusion.inversion import Denoiser, denoise, invert
from menura.diffusion.moves import ddim_move, noise_of
from menura.diffusion.schedules import Schedule
from menura.errors import ConfigError

MEAN, SPREAD = 0.3, 0.5


@dataclass(frozen=True)
class Case:
    """A schedule of so many steps, and what it makes of a time that a model is told: the shares of clean and noise."""

    schedule_of: Callable[[int], Schedule]
    shares: Callable[[float], tuple[float, float]]


def angles(steps: int) -> CosineSchedule:
    turns = torch.linspace(0.999, 0.0, steps + 1, dtype=torch.float64).tolist()
    return CosineSchedule(tuple(math.tan(turn * math.pi / 2) for turn in turns))


def straight(steps: int) -> FlowSchedule:
    return FlowSchedule(tuple(torch.linspace(1.0, 0.0, steps + 1, dtype=torch.float64).tolist()), 1000.0)


CASES = {
    "cosine": Case(angles, lambda time: (math.cos(time * math.pi / 2), math.sin(time * math.pi / 2))),
    "flow": Case(straight, lambda time: (1 - time / 1000, time / 1000)),
}


@pytest.fixture(params=list(CASES))
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


def gaussian(case: Case) -> Denoiser:
    """The best possible velocity when every number of the clean latents is normal with MEAN and SPREAD."""

    def velocity(latents: Tensor, time: float) -> Tensor:
        clean_share, noise_share = case.shares(time)
        off = (latents - clean_share * MEAN) / (clean_share**2 * SPREAD**2 + noise_share**2)
        clean, noise = MEAN + clean_share * SPREAD**2 * off, noise_share * off
        return noise - clean if case is CASES["flow"] else clean_share * noise - noise_share * clean

    return velocity


def wavy(latents: Tensor, time: float) -> Tensor:
    """Some smooth model that is not linear, and looks at the neighbours."""
    return 0.5 * torch.tanh(latents + 0.7 * latents.roll(1, -1)) * math.cos(time)


def random_latents(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_many_steps_reach_the_closed_form_of_a_gaussian_both_ways(case: Case) -> None:
    noise = random_latents(0, 2, 3, 16)
    clean_share, noise_share = case.shares(case.schedule_of(2).levels(2)[-1][0])
    # Without randomness latents keep their place in the distribution: (x - mean) / spread stays what it was.
    spread = math.hypot(clean_share * SPREAD, noise_share)
    expected = MEAN + SPREAD * (noise - clean_share * MEAN) / spread
    errors = []
    for steps in (10, 50, 250, 1250):
        schedule = case.schedule_of(steps)
        down = denoise(noise, gaussian(case), schedule, steps=steps)
        up = invert(expected, gaussian(case), schedule, steps=steps)
        errors.append([float((down - expected).abs().max()), float((up - noise).abs().max())])
    for way in zip(*errors, strict=True):
        assert list(way) == sorted(way, reverse=True)
        assert way[-1] < 0.005  # of spreads of 0.5 and 1; the error falls as one over the number of steps
        assert way[0] > 20 * way[-1]


@pytest.mark.parametrize("denoiser", ["gaussian", "wavy"])
def test_a_refined_inversion_is_undone_exactly(case: Case, denoiser: str) -> None:
    latents, model = 0.5 * random_latents(1, 2, 3, 16), wavy if denoiser == "wavy" else gaussian(case)
    schedule, errors = case.schedule_of(40), []
    for refinements in (0, 2, 40):
        noise = invert(latents, model, schedule, steps=40, refinements=refinements)
        errors.append(float((denoise(noise, model, schedule, steps=40) - latents).abs().max()))
    assert errors[0] > 3 * errors[1] > 0
    assert errors[2] < 1e-9


def test_a_step_along_the_circle_is_one_of_ddim() -> None:
    schedule, image, velocity = angles(8), random_latents(2, 1, 2, 5), random_latents(6, 1, 2, 5)
    _, high, low = schedule.levels(8)[3]
    noise = noise_of(velocity, image, math.cos(high) ** 2, "v_prediction")
    expected = ddim_move(image, noise, from_bar=math.cos(high) ** 2, to_bar=math.cos(low) ** 2)
    moved = schedule.move(image, velocity, from_level=high, to_level=low)
    torch.testing.assert_close(moved, expected, rtol=0, atol=1e-12)
    back = schedule.move(moved, velocity, from_level=low, to_level=high)
    torch.testing.assert_close(back, image, rtol=0, atol=1e-12)


def test_times_inputs_and_clean_latents_are_those_of_the_published_scheduler() -> None:
    diffusers = pytest.importorskip("diffusers")
    pytest.importorskip("torchsde")
    scheduler = diffusers.CosineDPMSolverMultistepScheduler(
        sigma_min=0.3, sigma_max=500.0, sigma_data=1.0, sigma_schedule="exponential", prediction_type="v_prediction"
    )
    scheduler.set_timesteps(12)
    schedule = CosineSchedule(tuple(scheduler.sigmas.tolist()))
    clean, noise = random_latents(3, 1, 2, 5), random_latents(4, 1, 2, 5)
    levels = schedule.levels(12)[::-1]
    assert [time for time, _, _ in levels] == pytest.approx(scheduler.timesteps.tolist(), abs=1e-6)
    assert levels[-1][2] == 0.0
    for sigma, (_, angle, _) in zip(scheduler.sigmas.tolist(), levels, strict=False):
        theirs = clean + sigma * noise
        ours = scheduler.precondition_inputs(theirs, sigma)
        velocity = math.cos(angle) * noise - math.sin(angle) * clean
        torch.testing.assert_close(ours, math.cos(angle) * clean + math.sin(angle) * noise, rtol=1e-9, atol=1e-9)
        moved = schedule.move(ours, velocity, from_level=angle, to_level=0.0)
        torch.testing.assert_close(moved, clean, rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(scheduler.precondition_outputs(theirs, velocity, sigma), clean, rtol=0, atol=1e-6)


def test_a_flow_is_sampled_as_diffusers_does() -> None:
    diffusers = pytest.importorskip("diffusers")
    scheduler = diffusers.FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(sigmas=[1.0, 0.7, 0.3, 0.1])
    schedule = FlowSchedule(tuple(scheduler.sigmas.tolist()), 1000.0)
    expected = noise = random_latents(5, 1, 2, 5)
    for time in scheduler.timesteps:
        expected = scheduler.step(wavy(expected, float(time)), time, expected).prev_sample
    torch.testing.assert_close(denoise(noise, wavy, schedule, steps=4), expected, rtol=1e-5, atol=1e-5)


def test_levels_that_make_no_way_are_refused() -> None:
    for sigmas in ((), (1.0,), (1.0, 1.0), (0.5, 1.0), (1.0, -0.1)):
        for kind in (CosineSchedule, FlowSchedule):
            with pytest.raises(ConfigError, match="expected two or more that fall"):
                kind(sigmas)
    with pytest.raises(ConfigError, match="3 denoising steps, but the noise levels are those of 2"):
        angles(2).levels(3)
