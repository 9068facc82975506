"""Known answers on scenes built by hand, and what holds for every drawn one."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from menura.errors import ConfigError
from menura.synth import Synthesizer, draw_sounds, voice_named
from menura.synth.captions import caption, captions, num_strokes
from menura.synth.scenes import scene_space
from menura.types import JsonValue

SPACE = scene_space()
QUIET: dict[str, JsonValue] = {
    "levels.voice": 0.0, "levels.impact": 0.0, "levels.texture": 0.0, "hiss.level": 0.0, "room.level": 0.0,
    **{f"{source}_rhythm.onset": 0.0 for source in ("voice", "impact")},
    **{f"{source}_rhythm.period": 0.25 for source in ("voice", "impact")},
    **{f"{source}_rhythm.unsteadiness": 0.0 for source in ("voice", "impact")},
    **{f"voice.matrix.{kind}_{m}_to_{goal}": 0.0 for kind in ("envelope", "lfo") for m in (1, 2)
       for goal in ("source_1_pitch", "source_2_pitch", "noise_amplitude", "source_2_amplitude")},
}  # fmt: skip
KNOCKS = {
    "levels.impact": 1.0, "impact_rhythm.strokes": 3.0, "impact.pitch": 40.0, "impact.stretch": 1.8,
    "impact.decay": 0.08, "impact.damping": 0.5, "impact.brightness": -3.0, "impact.strike": 0.1,
}  # fmt: skip
TONE = {
    "levels.voice": 1.0, "voice_rhythm.strokes": 1.0, "voice.keyboard_1.pitch": 60.0, "voice.source_1.tuning": 0.0,
    "voice.keyboard_1.duration": 0.5, "voice.mixer.source_1": 1.0, "voice.mixer.source_2": 0.0,
    "voice.mixer.noise": 0.0, "voice.envelope_1.release": 0.0, "voice.envelope_1.sustain": 0.9,
    "voice.matrix.envelope_1_to_source_1_amplitude": 1.0, "voice.matrix.envelope_2_to_source_1_amplitude": 0.0,
    "voice.matrix.lfo_1_to_source_1_amplitude": 0.0, "voice.matrix.lfo_2_to_source_1_amplitude": 0.0,
}  # fmt: skip
HISS = {
    "levels.texture": 0.5, "texture.sharpness": 0.1, "texture.rate": 50.0,
    **{f"texture.colour_{i + 1}": 0.0 if i > 4 else -48.0 for i in range(8)},
}  # fmt: skip


def said(*parts: dict[str, float], duration_s: float = 2.0, **changes: float) -> str:
    patch = QUIET | {name: value for part in parts for name, value in part.items()}
    patch |= {name.replace("__", "."): value for name, value in changes.items()}
    return caption(SPACE.as_patch(SPACE.from_patch(patch)), duration_s=duration_s)


def test_a_scene_is_told_source_by_source() -> None:
    assert said(KNOCKS, HISS) == "three short low metallic impacts over steady hiss, dry"
    assert said(KNOCKS, HISS, TONE, levels__impact=0.7) == (
        "a tone and three short low metallic impacts over steady hiss, dry"
    )


def test_a_scene_without_a_source_is_silence_or_hiss() -> None:
    assert said() == "silence"
    assert said(hiss__level=0.2, hiss__tilt=0.0) == "hiss"
    assert said(KNOCKS, impact_rhythm__onset=0.5, duration_s=0.4) == "silence"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"impact.decay": 1.5}, "long low bell-like"),
        ({"impact.decay": 0.3}, "low metallic"),
        ({"impact.decay": 0.3, "impact.damping": 2.5}, "low woody"),
        ({"impact.decay": 0.03}, "short low woody"),
        ({"impact.decay": 0.03, "impact.strike": 0.8}, "short low clicking"),
        ({"impact.brightness": -16.0}, "short low dull"),
        ({"impact.decay": 0.6, "impact.stretch": 1.0}, "low string-like"),
        ({"impact.pitch": 90.0}, "short high metallic"),
        ({"impact_rhythm.unsteadiness": 0.4}, "uneven short low metallic"),
    ],
)
def test_an_impact_has_length_pitch_and_material(changes: dict[str, float], words: str) -> None:
    assert said(KNOCKS, changes) == f"three {words} impacts, dry"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "a tone"),
        ({"voice.keyboard_1.duration": 0.1, "voice.keyboard_1.pitch": 90.0}, "a short high tone"),
        ({"voice.keyboard_1.duration": 0.1, "voice.envelope_1.release": 4.0}, "a long tone"),
        ({"voice.mixer.source_2": 1.0, "voice.matrix.envelope_1_to_source_2_amplitude": 1.0}, "a buzzing tone"),
        ({"voice.mixer.noise": 0.5, "voice.matrix.envelope_1_to_noise_amplitude": 1.0}, "a breathy tone"),
        (
            {"voice.mixer.source_1": 0.3, "voice.mixer.noise": 0.9, "voice.matrix.envelope_1_to_noise_amplitude": 1.0,
             "voice_rhythm.strokes": 2.0, "voice.keyboard_1.duration": 0.1},
            "two short bursts of noise",
        ),
        ({"voice.source_1.depth": 12.0, "voice.matrix.envelope_1_to_source_1_pitch": 1.0}, "a gliding tone"),
        (
            {"voice.source_1.depth": 2.0, "voice.matrix.lfo_1_to_source_1_pitch": 1.0, "voice.lfo_1.frequency": 6.0},
            "a wavering tone",
        ),
    ],
)  # fmt: skip
def test_a_voice_has_length_pitch_and_timbre(changes: dict[str, float], words: str) -> None:
    assert said(TONE, {"voice.envelope_1.attack": 0.01, "voice.envelope_2.sustain": 0.9}, changes) == f"{words}, dry"


@pytest.mark.parametrize(
    ("rate", "sharpness", "words"),
    [
        (50.0, 0.1, "steady hiss"),
        (10.0, 15.0, "bright crackling"),
        (150.0, 15.0, "bright rain-like patter"),
        (2.0, 1.0, "surging bright noise"),
        (10.0, 1.0, "fluttering bright noise"),
    ],
)
def test_a_texture_is_told_by_its_grains(rate: float, sharpness: float, words: str) -> None:
    assert said(HISS, texture__rate=rate, texture__sharpness=sharpness) == f"{words}, dry"


def test_a_low_texture_rumbles() -> None:
    assert said(HISS, {f"texture.colour_{i + 1}": 0.0 if i < 2 else -48.0 for i in range(8)}) == "steady rumble, dry"


def test_soft_sources_are_background_and_very_soft_ones_are_left_out() -> None:
    assert said(KNOCKS, HISS, levels__texture=0.1) == (
        "three short low metallic impacts, steady hiss in the background, dry"
    )
    assert said(KNOCKS, HISS, levels__texture=0.04) == "three short low metallic impacts, dry"


def test_room_and_hiss_come_last() -> None:
    assert said(HISS, room__level=0.3, room__decay=0.3) == "steady hiss, in a small room"
    assert said(HISS, room__level=0.3, room__decay=1.5) == "steady hiss, in a large room"
    assert said(HISS, hiss__level=0.03, hiss__tilt=-8.0) == "steady hiss, with faint background rumble, dry"
    assert said(HISS, hiss__level=0.3, hiss__tilt=0.0) == "steady hiss, with background hiss, dry"


@settings(max_examples=25)
@given(strokes=st.integers(1, 6), period_s=st.sampled_from((0.1, 0.15, 0.3)), onset_s=st.sampled_from((0.0, 0.2, 0.45)))
def test_as_many_strokes_are_named_as_are_heard(strokes: int, period_s: float, onset_s: float) -> None:
    made = Synthesizer(voice_named("scene"), duration_s=0.8, sample_rate=8000)
    changes = {
        "impact_rhythm.strokes": float(strokes), "impact_rhythm.period": period_s, "impact_rhythm.onset": onset_s,
        "impact.decay": 0.02, "impact.pitch": 100.0,
    }  # fmt: skip
    sounds = draw_sounds(SPACE, seed=0, keys=[0])
    sounds.parameters[0] = SPACE.from_patch(QUIET | KNOCKS | changes)
    loud = made.render(sounds)[0].abs().unfold(0, 80, 80).amax(1) > 0.1
    heard = int((loud[1:] & ~loud[:-1]).sum() + loud[0])
    patch = SPACE.as_patch(sounds.parameters[0])
    assert num_strokes(patch, "impact", duration_s=0.8) == heard
    number = ("a", "two", "three", "four", "five", "six")[heard - 1]
    assert caption(patch, duration_s=0.8).split()[0] == number


@given(levels=st.lists(st.sampled_from((0.3, 0.5, 0.7, 1.0)), min_size=3, max_size=3, unique=True))
def test_the_louder_source_comes_first(levels: list[float]) -> None:
    changes = dict(zip(("levels__voice", "levels__impact", "levels__texture"), levels, strict=True))
    text = said(KNOCKS, HISS, TONE, **changes)
    places = [text.index(noun) for noun in ("tone", "impact", "hiss")]
    assert sorted(places) == [place for _, place in sorted(zip(levels, places, strict=True), reverse=True)]


def test_every_drawn_scene_has_a_phrase_and_always_the_same() -> None:
    sounds = draw_sounds(SPACE, seed=0, keys=range(300))
    for duration_s in (0.05, 0.6, 30.0):
        found = captions(sounds, duration_s=duration_s)
        assert all(text and text == text.strip() and "  " not in text for text in found)
        assert found == captions(sounds, duration_s=duration_s)
    assert len(set(found)) > 280


def test_the_ends_of_all_ranges_have_phrases() -> None:
    for normalised in (torch.zeros(len(SPACE)), torch.ones(len(SPACE))):
        assert caption(SPACE.as_patch(normalised), duration_s=1.0)


def test_other_voices_have_no_captions() -> None:
    space = Synthesizer(voice_named("voice")).space
    with pytest.raises(ConfigError, match="a sound has 78 parameters, expected 109"):
        captions(draw_sounds(space, seed=0, keys=[0]), duration_s=1.0)
