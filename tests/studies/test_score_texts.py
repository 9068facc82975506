"""CLAP scores and the variety of captions, with a scorer whose answers are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from menura.audio import encode
from menura.errors import DatasetError
from menura.metrics.audio_text import mean_text_score
from menura.studies.score_texts import caption_of, score_texts, text_variety
from menura.types import Clip, Recording

RATE = 8000


class LoudnessScorer:
    """Finds that loud recordings sound like long texts: the cosine is known for each pair."""

    name = "loudness"
    fingerprint = "loudness-1"
    scale = 10.0

    def similarity(self, recordings: Sequence[Recording], texts: Sequence[str]) -> NDArray[np.float32]:
        loud = np.array([np.abs(recording.waveform).max() for recording in recordings])
        return np.array([[level * len(text) / 100 for text in texts] for level in loud], np.float32)


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    made = []
    for number, label in enumerate(["dog", "dog", "rain", "rain"]):
        path = tmp_path / f"{number}.wav"
        encode(Recording(np.full((1, RATE // 4), 0.125 * (number + 1), np.float32), RATE), path, container="WAV")
        made.append(Clip(f"{number}", str(path), (label,), 0.25, RATE))
    return made


def test_the_score_is_the_mean_cosine_with_ones_own_text(clips: list[Clip]) -> None:
    captioned = [replace(clips[0], caption="x" * 40), *clips[1:]]
    found = score_texts(LoudnessScorer(), captioned, ["dog", "rain"], sample_rate=RATE)
    texts = {"dog": "Sound of a dog", "rain": "Sound of rain"}
    by_hand = [0.125 * (number + 1) * len(texts[clip.labels[0]]) / 100 for number, clip in enumerate(clips)]
    assert found.label_text.mean == pytest.approx(np.mean(by_hand), rel=1e-3)
    assert found.label_text.interval[0] < found.label_text.mean < found.label_text.interval[1]
    assert found.by_label["dog"].mean == pytest.approx(np.mean(by_hand[:2]), rel=1e-3)
    assert found.caption is not None
    assert (found.caption.mean, found.caption.clips) == (pytest.approx(0.125 * 0.4, rel=1e-3), 1)
    assert found.first == 0.5  # the longer text, that of the dog, wins for every clip


def test_without_captions_there_is_no_score_of_captions(clips: list[Clip]) -> None:
    assert score_texts(LoudnessScorer(), clips, ["dog", "rain"], sample_rate=RATE).caption is None
    assert [caption_of(clip) for clip in clips] == [None] * 4
    assert text_variety([clips, clips]) == [None, None]


def test_captions_of_both_sets_are_compared_in_equal_numbers(clips: list[Clip]) -> None:
    same = [replace(clips[0], caption="A dog barks in a park") for _ in range(10)]
    places = ["in a park", "on a street", "in a kitchen", "near a road"]
    varied = [replace(clips[0], caption=f"A dog barks {place}") for place in places]
    first, second = text_variety([same, varied])
    assert first is not None
    assert second is not None
    assert first.words.num_texts == second.words.num_texts == 4
    assert (first.scenes.effective_combinations, second.scenes.effective_combinations) == pytest.approx((1.0, 4.0))
    assert second.words.self_bleu < first.words.self_bleu == pytest.approx(1.0)


def test_a_set_without_clips_of_a_text_is_refused() -> None:
    with pytest.raises(DatasetError, match="no clip has a text"):
        mean_text_score(np.zeros(0))
