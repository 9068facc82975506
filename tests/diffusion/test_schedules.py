"""Noise schedules."""

from __future__ import annotations

import math

import pytest
import torch

from menura.diffusion.schedules import NoiseSchedule, alphas_bar, betas
from menura.errors import ConfigError


@pytest.mark.parametrize("curve", ["linear", "scaled_linear", "squaredcos_cap_v2"])
def test_noise_only_grows_and_ends_near_pure_noise(curve: str) -> None:
    kept = alphas_bar(betas(curve, steps=1000))
    assert bool((kept.diff() < 0).all())
    assert 0.99 < float(kept[0]) < 1
    assert float(kept[-1]) < 0.005


def test_the_linear_schedule_has_its_published_end() -> None:
    kept = NoiseSchedule().alphas_bar()
    # The log of the product of (1 - beta) is close to -sum(beta + beta^2 / 2); 1000 betas of mean 0.01005.
    beta = betas("linear", steps=1000)
    assert math.log(float(kept[-1])) == pytest.approx(-float((beta + beta**2 / 2 + beta**3 / 3).sum()), abs=1e-4)
    assert float(kept[-1]) == pytest.approx(4.04e-5, rel=0.01)


def test_the_cosine_schedule_follows_its_cosine() -> None:
    kept = alphas_bar(betas("squaredcos_cap_v2", steps=1000))
    half = (math.cos((0.5 + 0.008) / 1.008 * math.pi / 2) / math.cos(0.008 / 1.008 * math.pi / 2)) ** 2
    assert float(kept[499]) == pytest.approx(half, rel=1e-9)


@pytest.mark.parametrize(
    ("curve", "name"), [("linear", "linear"), ("squaredcos_cap_v2", "squaredcos_cap_v2"), ("scaled_linear",) * 2]
)
@pytest.mark.parametrize("spacing", ["leading", "trailing", "linspace"])
def test_levels_and_time_steps_are_those_of_diffusers(curve: str, name: str, spacing: str) -> None:
    diffusers = pytest.importorskip("diffusers")
    theirs = diffusers.DDIMScheduler(beta_schedule=name, timestep_spacing=spacing)
    ours = NoiseSchedule.from_config(dict(theirs.config))
    for steps in (1, 7, 50):
        if spacing == "linspace" and steps == 1:
            continue  # theirs starts at the noisy end for one step
        theirs.set_timesteps(steps)
        assert [time for time, _, _ in ours.levels(steps)] == theirs.timesteps.flip(0).tolist()
    torch.testing.assert_close(ours.alphas_bar().float(), theirs.alphas_cumprod, rtol=1e-4, atol=1e-7)


def test_the_way_starts_at_the_image_itself() -> None:
    levels = NoiseSchedule().levels(50)
    assert levels[0][2] == 1.0
    assert [before for _, _, before in levels[1:]] == [here for _, here, _ in levels[:-1]]
    assert NoiseSchedule(ends_clean=False).levels(50)[0][2] == float(NoiseSchedule().alphas_bar()[0])


def test_what_would_be_sampled_wrongly_is_refused() -> None:
    with pytest.raises(ConfigError, match="sets rescale_betas_zero_snr"):
        NoiseSchedule.from_config({"rescale_betas_zero_snr": True})
    with pytest.raises(ConfigError, match="'sigmoid' is not known, expected one of linear"):
        NoiseSchedule.from_config({"beta_schedule": "sigmoid"})
    with pytest.raises(ConfigError, match="prediction_type of the model is 'flow'"):
        NoiseSchedule.from_config({"prediction_type": "flow"})
    with pytest.raises(ConfigError, match="2000 denoising steps, expected 1 to 1000"):
        NoiseSchedule().timesteps(2000)
