"""Events over real backgrounds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menura.backends.registry import load_generator
from menura.config import GeneratorSettings
from menura.errors import BackendError, ConfigError
from menura.generate.mix import MixGenerator
from menura.generate.mixing import sounding_level
from menura.types import Candidate, Clip, Recording, Request

RATE = 8000
NOISE = np.random.default_rng(1).standard_normal((1, 2 * RATE)).astype(np.float32)


def recording(clip_id: str) -> Recording:
    """``e…`` is a beep in digital silence, ``b…`` steady noise, ``z…`` silence."""
    waveform = 0.02 * NOISE if clip_id.startswith("b") else np.zeros_like(NOISE)
    if clip_id.startswith("e"):
        at = np.arange(RATE // 4)
        waveform[0, RATE // 2 + at] = (0.5 * np.sin(2 * np.pi * 900 * at / RATE)).astype(np.float32)
    return Recording(waveform, RATE)


def clip(clip_id: str, label: str = "beep") -> Clip:
    return Clip(clip_id, f"{clip_id}.wav", (label,), 2.0, RATE)


def generator(name: str = "mix", **values: Any) -> MixGenerator:
    made = load_generator(GeneratorSettings(name=name, delta=0.0, **values), sample_rate=RATE)
    assert isinstance(made, MixGenerator)
    return made


def mixed(*parents: str, seed: int = 0, duration_s: float | None = None, **params: Any) -> Candidate:
    one = generator()
    clips = [clip(parent, "noise" if parent.startswith("b") else "beep") for parent in parents]
    drawn = one.draw(clips, np.random.default_rng(seed)) | params
    request = Request(("beep",), one.fingerprint, None, None, parents, duration_s, ("mix", seed), drawn)
    return one.generate([request], recording)[0]


@settings(deadline=None, max_examples=12)
@given(snr_db=st.floats(0, 30), at=st.floats(0, 1))
def test_the_event_stands_where_the_annotation_says_at_the_snr_that_was_asked(snr_db: float, at: float) -> None:
    made = mixed("e1", "b1", snr_db=snr_db, at=at)
    annotation: Any = made.facts["annotation"]
    start, stop = (round(annotation[name] * RATE) for name in ("onset_s", "offset_s"))
    outside = np.concatenate([made.waveform[:, :start], made.waveform[:, stop:]], axis=1)
    inside = made.waveform[:, start:stop]
    power = {"event": sounding_level(inside, RATE) ** 2, "behind": sounding_level(outside, RATE) ** 2}
    assert 10 * np.log10(power["event"] / power["behind"]) == pytest.approx(
        10 * np.log10(10 ** (snr_db / 10) + 1), abs=1.5
    )
    assert annotation["background"] == "b1"
    assert 0 <= start < stop <= made.waveform.shape[1]


def test_the_clip_is_as_long_as_asked_or_as_its_background() -> None:
    assert mixed("e1", "b1").waveform.shape == (1, 2 * RATE)
    assert mixed("e1", "b1", duration_s=0.7).waveform.shape == (1, round(0.7 * RATE))
    assert mixed("e1", "b1", duration_s=5.0).waveform.shape == (1, 5 * RATE)


def test_without_a_clip_of_another_label_the_background_is_its_own() -> None:
    made = mixed("e1")
    assert made.request.params["backgrounds"] == 0
    annotation: Any = made.facts["annotation"]
    assert annotation["background"] == "e1"


def test_an_event_before_silence_keeps_its_level() -> None:
    assert 0.1 < float(np.abs(mixed("e1", "z1").waveform).max()) <= 1.0


def test_a_silent_event_leaves_the_background() -> None:
    made = mixed("z1", "b1")
    assert sounding_level(made.waveform, RATE) == pytest.approx(0.02, rel=0.1)


def test_the_events_may_come_from_another_generator() -> None:
    fingerprints = {generator(name).fingerprint for name in ("mix", "mix:resynth", "mix:synth")}
    assert len(fingerprints) == 2
    assert generator("mix:synth").parents_needed == (1, 1)


def test_mix_of_mix_and_an_unknown_generator_are_refused() -> None:
    with pytest.raises(BackendError, match="mix cannot take its events from mix"):
        generator("mix:mix")
    with pytest.raises(BackendError, match="no generator 'resinth'"):
        generator("mix:resinth")


def test_a_parameter_that_is_impossible_is_refused() -> None:
    with pytest.raises(ConfigError, match="at: Input should be less than or equal to 1"):
        mixed("e1", "b1", at=1.5)
