import numpy as np
import pytest

from menura.encoders.acoustic import AcousticStatistics
from menura.errors import DatasetError
from menura.studies.set_distance import set_distances
from menura.studies.sound_sets import SoundSet
from menura.types import Recording

RATE = 8000


def noises(name: str, start: int, count: int, *, smooth: int) -> SoundSet:
    made = []
    for seed in range(start, start + count):
        generator = np.random.default_rng(seed)
        white = generator.normal(0, 0.1, RATE // 4) * np.exp(-generator.uniform(0, 8) * np.linspace(0, 1, RATE // 4))
        made.append(Recording(np.convolve(white, np.ones(smooth) / smooth, "same")[None].astype(np.float32), RATE))
    return SoundSet(name, tuple(made))


def test_halves_of_one_set_are_near_and_another_kind_of_sound_is_far() -> None:
    sets = [
        noises("real", 0, 24, smooth=1),
        noises("real, other half", 100, 20, smooth=1),
        noises("dull", 200, 30, smooth=8),
    ]
    found = set_distances(AcousticStatistics(RATE), sets)
    half, dull = found.rows
    assert (found.reference, half.name, dull.name) == ("real", "real, other half", "dull")
    assert half.sounds == dull.sounds == 20
    assert dull.frechet > 3 * half.frechet
    assert dull.kernel_interval[0] > max(half.kernel, half.kernel_interval[1])
    assert half.p > 0.01 > dull.p
    assert "biased upwards" in found.notes[0]


def test_raw_distances_are_in_the_units_of_the_encoder() -> None:
    sets = [noises("real", 0, 12, smooth=1), noises("other", 50, 12, smooth=2)]
    raw = set_distances(AcousticStatistics(RATE), sets, standardise=False)
    assert raw.rows[0].frechet != pytest.approx(set_distances(AcousticStatistics(RATE), sets).rows[0].frechet)


def test_a_reference_alone_and_a_small_set_are_refused() -> None:
    with pytest.raises(DatasetError, match="expected the reference and at least one other"):
        set_distances(AcousticStatistics(RATE), [noises("real", 0, 8, smooth=1)])
    with pytest.raises(DatasetError, match="few: 5 sounds, expected at least 8"):
        set_distances(AcousticStatistics(RATE), [noises("real", 0, 8, smooth=1), noises("few", 9, 5, smooth=1)])
