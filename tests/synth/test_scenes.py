"""One source at a time, everything else off."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from menura.synth import Sounds, Synthesizer, draw_sounds, voice_named
from menura.synth.scenes import one_source
from menura.types import JsonValue

RATE = 8000
MADE = Synthesizer(voice_named("scene"), duration_s=1.0, sample_rate=RATE)
SILENT: dict[str, JsonValue] = {
    "levels.voice": 0.0, "levels.impact": 0.0, "levels.texture": 0.0, "room.level": 0.0, "hiss.level": 0.0,
    "impact.strike": 0.0, "impact.brightness": -18.0, "impact.stretch": 1.0, "impact.damping": 0.0,
    "impact_rhythm.onset": 0.0, "impact_rhythm.strokes": 1.0, "impact_rhythm.unsteadiness": 0.0,
}  # fmt: skip


def heard(**changes: JsonValue) -> np.ndarray:
    patch = SILENT | {name.replace("__", "."): value for name, value in changes.items()}
    return MADE.render(Sounds(MADE.space.from_patch(patch)[None], torch.tensor([3])))[0].double().numpy()


def level(waveform: np.ndarray, start_s: float, stop_s: float) -> float:
    return float(np.sqrt(np.mean(waveform[round(start_s * RATE) : round(stop_s * RATE)] ** 2)))


def test_a_scene_without_a_source_is_silent() -> None:
    assert np.abs(heard()).max() < 1e-3


def test_an_impact_loses_60_db_in_its_decay_and_sounds_at_its_pitch() -> None:
    waveform = heard(levels__impact=1.0, impact__pitch=81.0, impact__decay=0.5)
    assert np.argmax(np.abs(np.fft.rfft(waveform))) == pytest.approx(880, abs=3)
    fall_db = 20 * np.log10(level(waveform, 0.05, 0.1) / level(waveform, 0.3, 0.35))
    assert fall_db == pytest.approx(30, abs=1)


def test_strokes_stand_a_period_apart() -> None:
    waveform = heard(
        levels__impact=1.0, impact__pitch=90.0, impact__decay=0.02,
        impact_rhythm__onset=0.1, impact_rhythm__period=0.25, impact_rhythm__strokes=3.0,
    )  # fmt: skip
    loud = [level(waveform, at, at + 0.01) for at in (0.1, 0.35, 0.6)]
    assert min(loud) > 0.5 * max(loud)
    assert level(waveform, 0.0, 0.095) < 1e-3
    assert level(waveform, 0.85, 0.95) < 1e-3


def test_a_part_of_a_stroke_is_a_softer_one() -> None:
    waveform = heard(
        levels__impact=1.0, impact__pitch=90.0, impact__decay=0.02,
        impact_rhythm__period=0.5, impact_rhythm__strokes=1.5,
    )  # fmt: skip
    assert level(waveform, 0.5, 0.51) / level(waveform, 0.0, 0.01) == pytest.approx(0.5, abs=0.02)


def test_a_room_goes_on_after_the_sound() -> None:
    dry = heard(levels__impact=1.0, impact__pitch=80.0, impact__decay=0.02)
    wet = heard(levels__impact=1.0, impact__pitch=80.0, impact__decay=0.02, room__level=0.5, room__decay=1.0)
    assert level(wet, 0.2, 0.3) > 100 * level(dry, 0.2, 0.3)


def test_the_colour_of_a_texture_is_its_spectrum() -> None:
    low = {f"texture__colour_{i + 1}": 0.0 if i < 3 else -48.0 for i in range(8)}
    power = np.abs(np.fft.rfft(heard(levels__texture=1.0, texture__sharpness=0.05, **low))) ** 2
    assert power[50:200].mean() > 1000 * power[1500:].mean()


def test_sharp_grains_crackle_and_dull_ones_are_steady() -> None:
    def peakedness(sharpness: float) -> float:
        waveform = heard(levels__texture=1.0, texture__rate=20.0, texture__sharpness=sharpness)
        blocks = np.square(waveform).reshape(100, -1).mean(1)
        return float(blocks.max() / np.median(blocks))

    assert peakedness(20.0) > 50 * peakedness(0.05)


def test_hiss_lies_under_everything_with_its_tilt() -> None:
    power = np.abs(np.fft.rfft(heard(hiss__level=0.5, hiss__tilt=-9.0))) ** 2
    assert power[200:400].mean() > 5 * power[1600:3200].mean()


def test_one_source_is_a_scene_without_the_others() -> None:
    drawn = draw_sounds(MADE.space, seed=0, keys=range(4))
    before = drawn.parameters.clone()
    for source in ("voice", "impact", "texture"):
        alone = one_source(drawn.parameters, source)  # type: ignore[arg-type]
        assert torch.equal(drawn.parameters, before)
        patch = MADE.space.as_patch(alone[2])
        levels = {name: patch[f"levels.{name}"] for name in ("voice", "impact", "texture")}
        assert levels == {name: float(name == source) for name in levels}
        assert patch["hiss.level"] == 0
        for waveform in MADE.render(Sounds(alone, drawn.noise_seeds)).numpy():
            assert level(waveform, 0, 0.2) > 1e-3
