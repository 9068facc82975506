from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import chirp

from menura.backends.base import Captioner
from menura.captions.acoustic import AcousticCaptioner
from menura.captions.heard import listen
from menura.types import Recording

RATE = 16_000
TIME = np.arange(4 * RATE) / RATE


def recording(samples: NDArray[np.float64], rate: int = RATE) -> Recording:
    return Recording(np.atleast_2d(np.asarray(samples, dtype=np.float32)), rate)


def caption(samples: NDArray[np.float64], rate: int = RATE) -> str:
    return AcousticCaptioner().caption([recording(samples, rate)])[0]


def noise(seconds: float = 4.0, seed: int = 0) -> NDArray[np.float64]:
    return 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))


def strokes(at_s: list[float], *, seconds: float = 4.0, length_s: float = 0.005) -> NDArray[np.float64]:
    samples = np.zeros(round(seconds * RATE))
    for one in at_s:
        start = round(one * RATE)
        burst = 5 * np.diff(noise(length_s + 1 / RATE))
        samples[start : start + len(burst)] = burst
    return samples


def dying(fall_s: float, *, seconds: float = 3.0) -> NDArray[np.float64]:
    """A noise that begins at once after half a second and falls by 60 dB in ``fall_s``."""
    tail = noise(seconds) * 10 ** (-3 * TIME[: round(seconds * RATE)] / fall_s)
    return np.concatenate([np.zeros(RATE // 2), tail])


def test_it_keeps_the_protocol() -> None:
    assert isinstance(AcousticCaptioner(), Captioner)


KNOWN = {
    "tone": (0.1 * np.sin(2 * np.pi * 440 * TIME), "A steady tone of medium pitch, continuous throughout"),
    "whistle": (0.1 * np.sin(2 * np.pi * 3000 * TIME), "A steady tone of very high pitch, continuous throughout"),
    "low tone": (0.3 * np.sin(2 * np.pi * 70 * TIME), "A steady tone of very low pitch, continuous throughout"),
    "saw": (0.2 * (110 * TIME % 1 - 0.5), "A steady harmonic sound of low pitch, continuous throughout"),
    "clicks": (
        strokes([0.1 + k / 2 for k in range(8)]),
        "Eight bright clicks, regular and unhurried, about two a second, dry",
    ),
    "noise": (noise(), "A bright steady noise, continuous throughout"),
    "silence": (0 * TIME, "Silence"),
    "rising": (0.1 * chirp(TIME, 300, 4, 1200, "logarithmic"), "A rising tone of medium pitch, continuous throughout"),
    "falling": (0.1 * chirp(TIME, 1200, 4, 300, "log"), "A falling tone of medium pitch, continuous throughout"),
    "hall": (dying(1.5), "A bright impact, short, near the start, in a large hall"),
    "small room": (dying(0.4), "A bright impact, short, near the start, in a small room"),
    "late click": (strokes([3.5]), "A bright click, very short, near the end, dry"),
    "fading": (2 * noise() * 10 ** (-TIME / 4), "A bright noise, continuous throughout, fading"),
    "growing": (2 * noise() * 10 ** (TIME / 4 - 1), "A bright noise, continuous throughout, growing louder"),
    "quiet": (0.01 * noise(), "A very quiet, bright steady noise, continuous throughout"),
    "twice": (strokes([0.5, 2.5]), "Two bright clicks, 2.0 seconds apart, dry"),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_a_known_sound_is_told_as_it_is(name: str) -> None:
    samples, words = KNOWN[name]
    assert caption(samples) == words


def test_a_bell_rings_and_a_room_reverberates() -> None:
    bell = np.concatenate([np.zeros(RATE // 2), 0.4 * np.sin(2 * np.pi * 900 * TIME) * 10 ** (-3 * TIME / 2)])
    assert "ringing for about 2.0 seconds" in caption(bell)
    assert "hall" in caption(dying(2.0))


@pytest.mark.parametrize("fall_s", [0.3, 0.8, 1.5])
def test_the_decay_time_is_measured(fall_s: float) -> None:
    # The level of noise in windows of 20 ms scatters by about 0.5 dB on a line of 20 dB: 10 % is three times that.
    assert listen(recording(dying(fall_s))).decay_s == pytest.approx(fall_s, rel=0.1)


@pytest.mark.parametrize(("step_s", "words"), [(1.25, "slow"), (0.5, "unhurried"), (0.2, "rapid"), (0.08, "rattling")])
def test_the_pace_of_strokes_is_told(step_s: float, words: str) -> None:
    at_s = [0.1 + step_s * k for k in range(int(3.8 / step_s))]
    heard = listen(recording(strokes(at_s)))
    assert len(heard.onsets_s) == len(at_s)
    np.testing.assert_allclose(heard.onsets_s, at_s, atol=0.03)
    assert words in caption(strokes(at_s))


def test_uneven_strokes_are_irregular() -> None:
    assert "irregular" in caption(strokes([0.1, 0.3, 1.9, 2.0, 3.6]))


@pytest.mark.parametrize("name", ["tone", "clicks", "noise", "hall"])
def test_channels_and_silence_around_do_not_change_what_the_sound_is(name: str) -> None:
    samples = KNOWN[name][0]
    alone = listen(recording(samples))
    opposite = listen(recording(np.stack([samples, -samples])))
    assert opposite.onsets_s == alone.onsets_s
    assert opposite.centroid_hz == pytest.approx(alone.centroid_hz, rel=1e-3)
    assert opposite.tonality == pytest.approx(alone.tonality, abs=1e-3)


def test_a_caption_does_not_depend_on_the_others_of_the_call() -> None:
    recordings = [recording(samples) for samples, _ in KNOWN.values()]
    together = AcousticCaptioner().caption(recordings)
    assert together == [AcousticCaptioner().caption([one])[0] for one in recordings]
    assert together[::-1] == AcousticCaptioner().caption(recordings[::-1])


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_pitch_and_tempo_do_not_depend_on_the_rate(rate: int) -> None:
    time_s = np.arange(2 * rate) / rate
    heard = listen(recording(0.1 * np.sin(2 * np.pi * 500 * time_s), rate))
    # A bin is at most 22 Hz wide at these rates.
    assert heard.pitch_hz == pytest.approx(500, abs=22)
    assert heard.purity > 0.98


@pytest.mark.parametrize("num_samples", [0, 1, 2, 50, 700])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_clip_of_any_length_has_a_caption(num_samples: int, channels: int) -> None:
    clip = Recording(np.full((channels, num_samples), 0.5, np.float32), 8000)
    assert AcousticCaptioner().caption([clip])[0]


def test_a_long_clip_is_described_from_frames_all_over_it() -> None:
    samples = np.concatenate(
        [0.1 * np.sin(2 * np.pi * 400 * np.arange(30 * 8000) / 8000), 0.1 * noise(15.0)[: 30 * 8000]]
    )
    heard = listen(recording(samples, 8000))
    assert 0.3 < heard.tonality < 1.0
