import numpy as np
import pytest

from menura.encoders.acoustic import AcousticStatistics
from menura.errors import ConfigError
from menura.studies.pair_similarity import PairSimilarity, pair_similarity
from menura.studies.sound_sets import SoundSettings

FEW = SoundSettings(count=16, duration_s=0.3, sample_rate=8000)


@pytest.fixture(scope="module")
def found() -> PairSimilarity:
    return pair_similarity(AcousticStatistics(8000), FEW, voices=["voice", "scene"], deltas=[0.01, 0.5])


def test_pairs_grow_apart_with_delta_and_lie_closer_than_unrelated_sounds(found: PairSimilarity) -> None:
    assert [(row.voice, row.delta) for row in found.rows] == [
        ("voice", 0.01), ("voice", 0.5), ("scene", 0.01), ("scene", 0.5),
    ]  # fmt: skip
    for near, far in (found.rows[:2], found.rows[2:]):
        assert near.similarity > far.similarity + 0.2
        assert near.interval[0] > near.unrelated
        assert near.found > 0.5 > far.found


def test_each_row_is_the_mean_of_its_pairs(found: PairSimilarity) -> None:
    for row in found.rows:
        values = found.similarities[row.voice, row.delta]
        assert len(values) == row.pairs == FEW.count - row.left_out
        assert row.similarity == pytest.approx(values.mean())
        assert row.interval[0] < row.similarity < row.interval[1]


def test_the_plane_of_a_voice_is_one_for_all_strengths(found: PairSimilarity) -> None:
    for voice in ("voice", "scene"):
        positions = found.maps[voice].positions
        assert set(positions) == {0.01, 0.5}
        lengths = [np.linalg.norm(pairs[:, 0] - pairs[:, 1], axis=1).mean() for pairs in positions.values()]
        assert lengths[0] < lengths[1]
        every = np.concatenate([pairs.reshape(-1, 2) for pairs in positions.values()])
        assert every.mean(axis=0) == pytest.approx([0, 0], abs=1e-6)


def test_raw_embeddings_are_all_alike_and_standardised_ones_are_not(found: PairSimilarity) -> None:
    raw = pair_similarity(AcousticStatistics(8000), FEW, voices=["voice"], deltas=[0.01], standardise=False)
    assert raw.rows[0].unrelated > 0.5 > found.rows[0].unrelated


def test_the_same_seed_gives_the_same_numbers_and_progress_ends_at_all() -> None:
    steps: list[tuple[int, int]] = []
    once, again = (
        pair_similarity(
            AcousticStatistics(8000), FEW, voices=["voice"], deltas=[0.1],
            progress=lambda _, done, total: steps.append((done, total)),
        )
        for _ in range(2)
    )  # fmt: skip
    assert once.rows == again.rows
    assert steps == [(1, 2), (2, 2)] * 2


@pytest.mark.parametrize(("voices", "deltas"), [([], [0.1]), (["voice"], []), (["voice", "voice"], [0.1])])
def test_nothing_and_twice_the_same_are_refused(voices: list[str], deltas: list[float]) -> None:
    with pytest.raises(ConfigError, match="expected at least one of each, none twice"):
        pair_similarity(AcousticStatistics(8000), FEW, voices=voices, deltas=deltas)
