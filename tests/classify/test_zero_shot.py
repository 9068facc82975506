from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from menura.classify.zero_shot import zero_shot
from menura.errors import ConfigError
from menura.types import Recording

COSINES = {"low": [0.3, 0.1], "high": [0.1, 0.2]}


class Known:
    """Knows two recordings by their level, and two texts."""

    name, fingerprint, scale = "known", "known-1", 10.0

    def similarity(self, recordings: Sequence[Recording], texts: Sequence[str]) -> NDArray[np.float32]:
        kinds = ["high" if one.waveform.max() > 0.5 else "low" for one in recordings]
        order = ["a humming", "a whistling"]
        return np.array([[COSINES[kind][order.index(text)] for text in texts] for kind in kinds], np.float32)


CLIPS = [Recording(np.full((1, 10), level, np.float32), 8000) for level in (0.1, 0.9, 0.1)]


def test_the_label_whose_text_fits_best_wins() -> None:
    found = zero_shot(Known(), iter(CLIPS), ["hum", "whistle"], text_of=lambda label: f"a {label}".rstrip("e") + (
        "ming" if label == "hum" else "ing"))  # fmt: skip
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    np.testing.assert_array_equal(found.argmax(axis=1), [0, 1, 0])
    np.testing.assert_allclose(found[0], np.exp([3, 1]) / np.exp([3, 1]).sum(), rtol=1e-5)


def test_several_labels_are_scored_each_by_itself_and_keep_the_order_of_the_cosines() -> None:
    texts = {"hum": "a humming", "whistle": "a whistling"}
    found = zero_shot(Known(), CLIPS[:1], ["whistle", "hum"], text_of=texts.__getitem__, multilabel=True)
    np.testing.assert_allclose(found, [[0.55, 0.65]], rtol=1e-5)


def test_no_recordings_give_no_rows_and_equal_texts_are_refused() -> None:
    texts = {"hum": "a humming", "whistle": "a whistling"}
    assert zero_shot(Known(), [], ["hum", "whistle"], text_of=texts.__getitem__).shape == (0, 2)
    with pytest.raises(ConfigError, match="several labels have the text 'a sound'"):
        zero_shot(Known(), CLIPS, ["hum", "whistle"], text_of=lambda label: "a sound")
