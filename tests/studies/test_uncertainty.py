from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from menura.audio import encode
from menura.datasets.dataset import Dataset
from menura.encoders.acoustic import AcousticStatistics
from menura.errors import DatasetError
from menura.studies.sound_sets import SoundSet, SoundSettings
from menura.studies.uncertainty import causal_uncertainty, entropy_bits
from menura.types import Clip, Recording

RATE = 8000
FEW = SoundSettings(count=20, duration_s=0.2, sample_rate=RATE)
ENCODER = AcousticStatistics(RATE)


def bright(seed: int, smooth: int) -> Recording:
    """A noise, the duller the more samples are averaged."""
    white = np.random.default_rng(seed).normal(0, 0.1, RATE // 2)
    return Recording(np.convolve(white, np.ones(smooth) / smooth, "same")[None].astype(np.float32), RATE)


@pytest.fixture
def dataset(tmp_path: Path) -> Callable[[Callable[[int], str]], Dataset]:
    def make(label_of: Callable[[int], str]) -> Dataset:
        clips = []
        for number in range(40):
            path = tmp_path / f"{number}.wav"
            encode(bright(number, 1 if number % 2 else 6), path, container="WAV")
            clips.append(Clip(f"{number:04d}", str(path), (label_of(number),), 0.5, RATE))
        return Dataset("noises", tuple(clips))

    return make


def test_entropy_is_the_number_of_questions_that_are_left() -> None:
    rows = np.array([[0.25] * 4, [1.0, 0, 0, 0], [0.5, 0.5, 0, 0], [2.0, 2.0, 2.0, 2.0]])
    assert entropy_bits(rows).tolist() == [2.0, 0.0, 1.0, 2.0]


def test_a_tagger_is_sure_of_what_it_learned_and_unsure_of_what_lies_between(
    dataset: Callable[[Callable[[int], str]], Dataset],
) -> None:
    data = dataset(lambda number: "hiss" if number % 2 else "rumble")
    sets = [
        SoundSet("known", tuple(bright(seed, 1) for seed in range(100, 120))),
        SoundSet("between", tuple(bright(seed, 3) for seed in range(200, 220))),
    ]
    found = causal_uncertainty(data, ENCODER, FEW, sets)
    assert [row.name for row in found.rows] == ["real", "real, dense", "known", "between"]
    assert [row.sounds for row in found.rows] == [40, 40, 20, 20]
    assert found.accuracy == 1.0
    real, _, known, between = found.rows
    assert real.bits < 0.2
    assert known.bits < 0.2
    assert between.bits > known.bits + 0.2
    assert real.share == pytest.approx(real.bits)  # of the one bit of two labels
    assert between.bits == pytest.approx(found.bits["between"].mean())
    assert between.interval[0] < between.bits < between.interval[1]


def test_labels_that_cannot_be_learned_leave_all_questions_open(
    dataset: Callable[[Callable[[int], str]], Dataset],
) -> None:
    data = dataset(lambda number: "left" if number // 2 % 2 else "right")
    found = causal_uncertainty(data, ENCODER, FEW, [])
    assert found.rows[0].share > 0.85
    assert found.rows[0].confidence < 0.7


def test_published_folds_are_kept_and_the_same_seed_gives_the_same_numbers(
    dataset: Callable[[Callable[[int], str]], Dataset],
) -> None:
    data = dataset(lambda number: "hiss" if number % 2 else "rumble")
    data = data.with_clips([replace(clip, fold=str(k // 2 % 2 + 1)) for k, clip in enumerate(data.clips)])
    found, again = (causal_uncertainty(data, ENCODER, FEW, []) for _ in range(2))
    assert found.folds == 2
    assert found.rows == again.rows


def test_clips_with_several_labels_share_one_whole_among_them(
    dataset: Callable[[Callable[[int], str]], Dataset],
) -> None:
    data = dataset(lambda number: "hiss" if number % 2 else "rumble")
    data = data.with_clips([replace(clip, labels=(*clip.labels, "noise")) for clip in data.clips])
    real = causal_uncertainty(data, ENCODER, FEW, []).rows[0]
    assert real.bits == pytest.approx(1.0, abs=0.1)  # one of two labels, and as likely the other
    assert real.confidence == pytest.approx(0.5, abs=0.1)


def test_one_label_leaves_nothing_to_be_unsure_about(
    dataset: Callable[[Callable[[int], str]], Dataset],
) -> None:
    with pytest.raises(DatasetError, match="has the label hiss alone"):
        causal_uncertainty(dataset(lambda number: "hiss"), ENCODER, FEW, [])
