from __future__ import annotations

import numpy as np
import pytest

from menura.generate.mixing import at_level, faded, fitted, rendered, shifted, sounding_level
from menura.synth import Sounds, draw_sounds
from menura.synth.scenes import one_source, scene_space

RATE = 1000
NOISE = np.random.default_rng(0).standard_normal((2, 4000)).astype(np.float32)


def test_silence_around_a_sound_does_not_count_as_its_level() -> None:
    padded = np.pad(NOISE, ((0, 0), (3000, 5000)))
    assert sounding_level(padded, RATE) == pytest.approx(sounding_level(NOISE, RATE), rel=1e-6)
    assert sounding_level(np.full((1, 7), 0.5, np.float32), RATE) == pytest.approx(0.5)
    assert sounding_level(np.zeros((1, 1), np.float32), RATE) == pytest.approx(0, abs=1e-9)


def test_a_sound_is_brought_to_a_level_beside_another() -> None:
    softer = at_level(NOISE[:, :1500], RATE, beside=0.01 * NOISE, level_db=-20.0)
    assert sounding_level(softer, RATE) == pytest.approx(0.001 * sounding_level(NOISE[:, :1500], RATE), rel=0.05)
    assert not at_level(NOISE, RATE, beside=np.zeros((1, 10), np.float32), level_db=0.0).any()
    assert not at_level(np.zeros((1, 10), np.float32), RATE, beside=NOISE, level_db=0.0).any()


def test_a_rising_and_a_falling_slope_add_up_to_one() -> None:
    ones = np.ones((1, 100), np.float32)
    both = faded(ones, RATE, rise_s=0.02, fall_s=0.0)[:, :20] + faded(ones, RATE, rise_s=0.0, fall_s=0.02)[:, -20:]
    np.testing.assert_allclose(both, 1, atol=1e-6)
    np.testing.assert_array_equal(faded(ones, RATE, rise_s=0.0, fall_s=0.0), ones)


def test_what_is_too_short_starts_over_and_what_is_too_long_is_cut() -> None:
    np.testing.assert_array_equal(fitted(NOISE, RATE, num_samples=900), NOISE[:, :900])
    longer = fitted(NOISE, RATE, num_samples=9000)
    np.testing.assert_array_equal(longer[:, 4010:7990], longer[:, 10:3990])
    np.testing.assert_array_equal(longer[:, 10:3990], NOISE[:, 10:3990])
    assert longer.shape == (2, 9000)


def test_a_shift_of_nothing_is_no_change() -> None:
    np.testing.assert_array_equal(shifted(NOISE, RATE, share=0.0), NOISE)
    np.testing.assert_array_equal(shifted(NOISE, RATE, share=-0.5)[:, 2010:3990], NOISE[:, 10:1990])


def test_a_long_scene_goes_on_in_every_section_with_other_noise() -> None:
    drawn = draw_sounds(scene_space(), seed=0, keys=[0])
    impacts = Sounds(one_source(drawn.parameters, "impact"), drawn.noise_seeds)
    long = rendered(impacts, 30_000, RATE)
    for start in (0, 10_000, 20_000):
        assert sounding_level(long[:, start : start + 9000], RATE) > 0.01
    texture = rendered(Sounds(one_source(drawn.parameters, "texture"), drawn.noise_seeds), 30_000, RATE)[0]
    alike = np.corrcoef(texture[1000:9000], texture[11_000:19_000])[0, 1]
    assert abs(alike) < 0.5  # 1 without fresh noise; few grains may agree a little by chance


def test_a_scene_shorter_than_a_section_is_rendered_as_one() -> None:
    drawn = draw_sounds(scene_space(), seed=0, keys=[1])
    assert rendered(drawn, 10_000, RATE).shape == (1, 10_000)
    assert rendered(drawn, 1, RATE).shape == (1, 1)
