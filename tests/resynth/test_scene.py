"""A scene: the background of another clip under the sound."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from menura.resynth import ResynthParams, ResynthSettings, analyse, draw_params, render
from menura.resynth.draw import scene_share
from menura.resynth.sections import scene_of

SETTINGS = ResynthSettings()


def low_band_db(waveform: np.ndarray, rate: int) -> float:
    """Mean power below 1 kHz, in dB."""
    power = np.square(np.abs(np.fft.rfft(waveform[0])))
    return float(10 * np.log10(power[: round(len(power) * 2000 / rate)].mean() + 1e-12))


@pytest.fixture
def parts(sounds):  # type: ignore[no-untyped-def]
    tone = analyse(sounds.tone(2500.0), sounds.rate, SETTINGS)
    return tone, analyse(sounds.noise(seed=3), sounds.rate, SETTINGS).scene


def test_the_background_of_the_scene_is_heard_under_the_sound(parts, sounds) -> None:  # type: ignore[no-untyped-def]
    tone, scene = parts
    params = replace(ResynthParams(), scene_db=-6.0)
    without = render([tone], params, generator=np.random.default_rng(0))
    within = render([tone], params, generator=np.random.default_rng(0), scene=scene)
    assert low_band_db(within, sounds.rate) > low_band_db(without, sounds.rate) + 20
    assert sounds.peak_hz(within) == pytest.approx(2500.0, abs=3)


def test_its_level_follows_the_number(parts, sounds) -> None:  # type: ignore[no-untyped-def]
    tone, scene = parts

    def level(scene_db: float) -> float:
        params = replace(ResynthParams(), scene_db=scene_db)
        waveform = render([tone], params, generator=np.random.default_rng(0), scene=scene)
        return low_band_db(waveform / np.abs(waveform).max(), sounds.rate)

    assert level(-12.0) - level(-24.0) == pytest.approx(12.0, abs=1.5)


def test_no_number_no_scene(parts) -> None:  # type: ignore[no-untyped-def]
    tone, scene = parts
    plain = render([tone], ResynthParams(), generator=np.random.default_rng(0))
    same = render([tone], ResynthParams(), generator=np.random.default_rng(0), scene=scene)
    np.testing.assert_array_equal(plain, same)


def test_a_silent_scene_adds_nothing(parts, sounds) -> None:  # type: ignore[no-untyped-def]
    tone, _ = parts
    silence = scene_of(np.zeros((1, 4000), np.float32), sounds.rate, SETTINGS)
    params = replace(ResynthParams(), scene_db=6.0)
    plain = render([tone], params, generator=np.random.default_rng(0))
    np.testing.assert_array_equal(plain, render([tone], params, generator=np.random.default_rng(0), scene=silence))


def test_the_scene_of_a_long_clip_is_that_of_its_first_section(sounds) -> None:  # type: ignore[no-untyped-def]
    first, later = sounds.noise(30.0, level=0.05), sounds.noise(30.0, seed=1, level=0.4)
    scene = scene_of(np.concatenate([first, later], axis=1), sounds.rate, SETTINGS)
    alone = scene_of(first, sounds.rate, SETTINGS)
    assert scene.loud_db == pytest.approx(alone.loud_db, abs=1.0)


def test_only_a_clip_with_a_scene_gets_a_level_for_it() -> None:
    def draw(has_scene: bool) -> ResynthParams:
        return draw_params(SETTINGS, num_parents=1, generator=np.random.default_rng(4), has_scene=has_scene)

    with_scene, without = draw(True), draw(False)
    assert with_scene.scene_db > -120.0
    assert without == replace(with_scene, scene_db=-120.0)


def test_preserving_the_background_takes_no_scene() -> None:
    assert scene_share(SETTINGS) > 0.3
    assert scene_share(ResynthSettings(preserve=("background",))) == 0.0
    assert scene_share(ResynthSettings(delta=0.0)) == 0.0
