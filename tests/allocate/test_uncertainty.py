"""How unsure a learner is: known answers of entropy, margin and score, and what few clips do to a label."""

from __future__ import annotations

import numpy as np
import pytest

from menura.allocate.flattening import gain_of, has_flattened
from menura.allocate.uncertainty import brier_scores, label_means, uncertainty

SURE, SPLIT, EVEN = [1.0, 0.0, 0.0], [0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]
PREDICTED = np.array([SURE, SPLIT, EVEN])
TRUTH = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]], dtype=np.float32)


def test_known_entropies_margins_and_errors() -> None:
    def of(measure: str) -> np.ndarray:
        found = uncertainty(PREDICTED, TRUTH, measure=measure, multilabel=False)  # type: ignore[arg-type]
        assert (found == found[:, :1]).all()
        return found[:, 0]

    np.testing.assert_allclose(of("entropy"), [0, np.log(2) / np.log(3), 1], atol=1e-9)
    np.testing.assert_allclose(of("margin"), [0, 1, 1], atol=1e-12)
    np.testing.assert_allclose(of("error"), [1, 0.25, 1 / 3], atol=1e-12)  # sure and wrong costs most


def test_with_several_labels_each_is_a_question_of_its_own() -> None:
    predicted = np.array([[0.5, 1.0], [0.25, 0.0]])
    truth = np.array([[1, 1], [0, 0]], dtype=np.float32)
    entropy = uncertainty(predicted, truth, measure="entropy", multilabel=True)
    np.testing.assert_allclose(entropy, [[1, 0], [0.811278, 0]], atol=1e-6)
    margin = uncertainty(predicted, truth, measure="margin", multilabel=True)
    np.testing.assert_allclose(margin, [[1, 0], [0.5, 0]])
    np.testing.assert_allclose(brier_scores(predicted, truth, multilabel=True), [[0.75, 1], [0.9375, 1]])


def test_the_score_is_proper() -> None:
    """Whoever says the true chances does best: that of a clip that is the first label three times out of four."""
    chances = np.linspace(0, 1, 101)
    said = np.stack([chances, 1 - chances], axis=1)
    first = brier_scores(said, np.tile([[1, 0]], (101, 1)).astype(np.float32), multilabel=False)
    other = brier_scores(said, np.tile([[0, 1]], (101, 1)).astype(np.float32), multilabel=False)
    assert chances[np.argmax(0.75 * first + 0.25 * other)] == pytest.approx(0.75)


def test_a_label_of_few_clips_is_drawn_to_the_mean_of_all() -> None:
    targets = np.array([[1, 0, 0]] * 1 + [[0, 1, 0]] * 98, dtype=np.float32)
    values = np.repeat(np.array([[1.0]] * 1 + [[0.0]] * 98), 3, axis=1)
    rare, common, absent = label_means(values, targets, shrinkage=2.0)
    assert rare == pytest.approx((1 + 2 * 0.5) / 3)
    assert common == pytest.approx(2 * 0.5 / 100)
    assert absent == 0.5


def test_only_what_is_surely_flat_has_flattened() -> None:
    generator = np.random.default_rng(0)
    clips = generator.uniform(0.2, 0.8, 400)
    rising = [clips + 0.01 * step for step in range(4)]
    assert not has_flattened(rising)
    assert has_flattened([clips, clips + 0.1, clips + 0.1, clips + 0.1])
    assert has_flattened([clips, clips - 0.1, clips - 0.2])
    assert not has_flattened([clips, clips])  # too early to say
    noisy = [clips[:8], clips[:8], clips[:8] + generator.normal(0, 0.2, 8)]
    assert not has_flattened(noisy)


def test_a_gain_is_paired_clip_by_clip() -> None:
    spread = np.linspace(0, 1, 50)
    gain, error = gain_of(spread, spread + 0.02)
    assert gain == pytest.approx(0.02)
    assert error == pytest.approx(0, abs=1e-12)
