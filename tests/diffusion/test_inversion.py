"""Denoising, its inverse, and painting, on a model whose answers are known in closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from menura.diffusion.inversion import Denoiser, denoise, invert
from menura.diffusion.moves import add_noise, ddim_move, noise_of
from menura.diffusion.painting import paint
from menura.diffusion.schedules import NoiseSchedule

SCHEDULE = NoiseSchedule()
MEAN, SPREAD = 0.3, 0.5
BARS = SCHEDULE.alphas_bar().tolist()


def gaussian_noise(image: Tensor, time: int) -> Tensor:
    """The best possible denoiser when every pixel of an image is normal with MEAN and SPREAD."""
    bar = BARS[time]
    return math.sqrt(1 - bar) * (image - math.sqrt(bar) * MEAN) / (bar * SPREAD**2 + 1 - bar)


def wavy(image: Tensor, time: int) -> Tensor:
    """Some smooth denoiser that is not linear, and looks at the neighbours."""
    return 0.5 * torch.tanh(image + 0.7 * image.roll(1, -1)) * (1 + time / 1000)


def random_image(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_many_steps_reach_the_closed_form_of_a_gaussian() -> None:
    noise = random_image(0, 1, 1, 8, 8)
    last = BARS[-1]
    # Without randomness a sample keeps its place in the distribution: (x_T - mean_T) / spread_T is what it was.
    expected = MEAN + SPREAD * (noise - math.sqrt(last) * MEAN) / math.sqrt(last * SPREAD**2 + 1 - last)
    schedule = NoiseSchedule(spacing="trailing")
    errors = [
        float((denoise(noise, gaussian_noise, schedule, steps=steps) - expected).abs().max())
        for steps in (10, 50, 250, 1000)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.01  # of a spread of 0.5; the error falls as one over the number of steps
    assert errors[0] > 10 * errors[-1]


def test_every_step_of_a_gaussian_is_the_known_line() -> None:
    image = random_image(1, 1, 1, 4, 4)
    (time, here, less), *_ = SCHEDULE.levels(10)[4:]
    moved = ddim_move(image, gaussian_noise(image, time), from_bar=here, to_bar=less)
    gain = math.sqrt(1 - here) / (here * SPREAD**2 + 1 - here)  # of the noise, per unit of the image
    slope = math.sqrt(less / here) * (1 - math.sqrt(1 - here) * gain) + math.sqrt(1 - less) * gain
    offset = moved - slope * image
    torch.testing.assert_close(offset, offset.mean().expand_as(offset), rtol=0, atol=1e-12)


@pytest.mark.parametrize("denoiser", [gaussian_noise, wavy])
def test_a_refined_inversion_is_undone_exactly_and_the_source_one_nearly(denoiser: Denoiser) -> None:
    image = 0.5 * random_image(2, 2, 1, 8, 8)
    errors = []
    for refinements in (0, 2, 40):
        noise = invert(image, denoiser, SCHEDULE, steps=50, refinements=refinements)
        errors.append(float((denoise(noise, denoiser, SCHEDULE, steps=50) - image).abs().max()))
    assert errors[0] < (0.3 if denoiser is gaussian_noise else 1.0)  # spread of the images: 0.5
    assert errors[0] > 3 * errors[1] > 0
    assert errors[2] < 1e-9


def test_the_source_inversion_is_the_one_that_diffusers_codes() -> None:
    image = 0.5 * random_image(3, 1, 1, 4, 4)
    expected = image
    for time in range(0, 1000, 20):
        before = BARS[time - 20] if time >= 20 else 1.0
        said = wavy(expected, time)
        expected = (expected - (1 - before) ** 0.5 * said) * before**-0.5
        expected = expected * BARS[time] ** 0.5 + (1 - BARS[time]) ** 0.5 * said
    torch.testing.assert_close(invert(image, wavy, SCHEDULE, steps=50), expected, rtol=1e-12, atol=1e-12)


def test_denoising_is_that_of_diffusers() -> None:
    diffusers = pytest.importorskip("diffusers")
    for prediction in ("epsilon", "v_prediction", "sample"):
        scheduler = diffusers.DDIMScheduler(clip_sample=False, prediction_type=prediction)
        schedule = NoiseSchedule.from_config(dict(scheduler.config))
        scheduler.set_timesteps(12)
        expected = noise = random_image(4, 1, 1, 4, 4).float()
        for time in scheduler.timesteps:
            expected = scheduler.step(wavy(expected, int(time)), time, expected, eta=0.0).prev_sample
        torch.testing.assert_close(denoise(noise, wavy, schedule, steps=12), expected, rtol=1e-4, atol=1e-4)


def test_half_the_way_up_and_down_is_no_way_either() -> None:
    image = 0.5 * random_image(5, 1, 1, 4, 4)
    noise = invert(image, wavy, SCHEDULE, steps=20, first=8, refinements=40)
    torch.testing.assert_close(denoise(noise, wavy, SCHEDULE, steps=20, first=8), image, rtol=0, atol=1e-9)
    assert torch.equal(denoise(image, wavy, SCHEDULE, steps=20, first=0), image)


def test_noise_is_found_in_whatever_the_model_predicts() -> None:
    clean, noise, bar = random_image(6, 1, 1, 4, 4), random_image(7, 1, 1, 4, 4), 0.3
    image = add_noise(clean, noise, bar)
    velocity = math.sqrt(bar) * noise - math.sqrt(1 - bar) * clean
    torch.testing.assert_close(noise_of(noise, image, bar, "epsilon"), noise)
    torch.testing.assert_close(noise_of(velocity, image, bar, "v_prediction"), noise)
    torch.testing.assert_close(noise_of(clean, image, bar, "sample"), noise)


def test_what_is_kept_of_a_painting_is_the_known_image_and_the_rest_is_not() -> None:
    known, noise = 0.5 * random_image(8, 1, 1, 4, 8), random_image(9, 1, 1, 4, 8)
    keep = torch.zeros(1, 1, 4, 8, dtype=torch.bool)
    keep[..., :4] = True
    for first in (None, 6):
        painted = paint(known, keep, noise, wavy, SCHEDULE, steps=10, first=first)
        torch.testing.assert_close(painted[..., :4], known[..., :4], rtol=0, atol=1e-12)
        assert float((painted - known)[..., 4:].abs().min()) > 1e-6
        other = paint(known.where(keep, torch.zeros(())), keep, noise, wavy, SCHEDULE, steps=10, first=first)
        assert torch.equal(other, painted) == (first is None)  # only a start from the image may look at what is gone
    assert torch.equal(paint(known, keep, noise, wavy, SCHEDULE, steps=10, first=0), known)
