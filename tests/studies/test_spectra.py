import numpy as np
import pytest

from menura.audio.clip_descriptors import SPECTRAL_FEATURES, spectral_features
from menura.errors import DatasetError
from menura.studies.sound_sets import SoundSet
from menura.studies.spectra import spectra
from menura.types import Recording

RATE = 16_000
NAMES = [feature.name for feature in SPECTRAL_FEATURES]


def tone(*frequencies_hz: float) -> Recording:
    time = np.arange(RATE // 2) / RATE
    waveform = sum(np.sin(2 * np.pi * frequency_hz * time) for frequency_hz in frequencies_hz)
    return Recording(np.asarray(0.2 * waveform, dtype=np.float32)[None], RATE)


def hiss(seed: int) -> Recording:
    return Recording(np.random.default_rng(seed).normal(0, 0.1, (1, RATE // 2)).astype(np.float32), RATE)


def feature(recording: Recording, name: str) -> float:
    return float(spectral_features(recording)[NAMES.index(name)])


def test_features_tell_a_tone_from_a_chord_and_from_a_hiss() -> None:
    assert feature(tone(1000), "centroid") == pytest.approx(0.0, abs=0.1)
    assert feature(tone(1000), "zero crossings") == pytest.approx(2000, rel=0.02)
    assert feature(tone(1000), "complexity") == 1
    assert feature(tone(600, 1300, 2900), "complexity") == 3
    assert feature(hiss(0), "flux") > 5 * feature(tone(1000), "flux")
    assert feature(hiss(0), "flatness") > feature(tone(1000), "flatness") + 20
    assert feature(tone(400), "harmonicity") > 0.9 > 0.5 > feature(hiss(0), "harmonicity")


def test_padding_and_level_do_not_count() -> None:
    short = hiss(1)
    padded = Recording(np.pad(0.01 * short.waveform, ((0, 0), (0, RATE))), RATE)
    assert spectral_features(padded) == pytest.approx(spectral_features(short), rel=0.05)
    assert np.isfinite(spectral_features(Recording(np.zeros((1, 100), np.float32), RATE))).all()


def test_the_distance_is_the_shift_in_deviations_of_the_reference() -> None:
    pitches = np.geomspace(400, 1600, 9)
    sets = [
        SoundSet("real", tuple(tone(pitch) for pitch in pitches)),
        SoundSet("voice", tuple(tone(2 * pitch) for pitch in pitches), left_out=2, note="2 silent"),
    ]
    found = spectra(sets)
    assert found.reference == "real"
    assert found.notes == ("2 silent",)
    assert found.mean_distances["real"] == 0
    row = next(row for row in found.rows if (row.name, row.feature) == ("voice", "centroid"))
    deviation = found.values["real"][:, 0].std()
    assert row.distance * deviation == pytest.approx(1.0, abs=0.05)
    assert row.p5 < row.p25 < row.median < row.p75 < row.p95
    assert row.median == pytest.approx(0.68, abs=0.1)  # the middle pitch is 800 Hz, an octave up 1600 Hz


def test_sets_without_names_of_their_own_are_refused() -> None:
    with pytest.raises(DatasetError, match="each with a name of its own"):
        spectra([SoundSet("real", (hiss(0),)), SoundSet("real", (hiss(1),))])
