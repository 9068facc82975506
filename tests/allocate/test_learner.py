"""The learner: out of fold means out of fold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from menura.allocate.learner import learn
from menura.classify.base import TrainingExamples
from menura.errors import DatasetError


def clips(count: int = 12, *, apart: float = 6.0, groups: int | None = None, dim: int = 6) -> TrainingExamples:
    """Two labels, ``apart`` from each other in the first dimension."""
    generator = np.random.default_rng(3)
    truth = np.arange(count) % 2
    features = generator.normal(size=(count, dim)).astype(np.float32)
    features[:, 0] += apart * truth
    targets = np.eye(2, dtype=np.float32)[truth]
    names = [(f"source {number % groups if groups else number}",) for number in range(count)]
    return TrainingExamples(list(features), targets, np.ones(count), False, names, np.ones(count, bool), False)


def joined(real: TrainingExamples, made: list[np.ndarray], truth: list[int], groups: list[tuple[str, ...]]):
    return TrainingExamples(
        [*real.features, *made],
        np.concatenate([real.targets, np.eye(2, dtype=np.float32)[truth]]),
        np.ones(len(real) + len(made)), False, [*real.groups, *groups],
        np.arange(len(real) + len(made)) < len(real), False,
    )  # fmt: skip


def test_labels_that_lie_apart_are_known_out_of_fold() -> None:
    real = clips(apart=12.0)
    found = learn(real, seed=0)
    assert found.real.shape == (12, 2)
    np.testing.assert_allclose(found.real.sum(axis=1), 1, atol=1e-9)
    assert (found.real.argmax(axis=1) == real.targets.argmax(axis=1)).all()


def test_a_copy_under_the_same_source_betrays_nothing() -> None:
    """Copies of each clip, rightly labelled: labels that nothing tells apart stay unknown if the copies follow."""
    real = clips(24, apart=0.0, dim=60)
    truth = real.targets.argmax(axis=1)
    copies = [real.features[i] for i in range(24) for _ in range(3)]
    labels = [int(truth[i]) for i in range(24) for _ in range(3)]
    followed = joined(real, copies, labels, [real.groups[i] for i in range(24) for _ in range(3)])
    leaked = joined(real, copies, labels, [(f"nobody {i}",) for i in range(72)])
    known = learn(leaked, seed=0).real[np.arange(24), truth].mean()
    unknown = learn(followed, seed=0).real[np.arange(24), truth].mean()
    assert known > 0.8
    assert unknown < 0.6


def test_it_is_the_same_every_time_and_does_not_depend_on_the_order_of_made_clips() -> None:
    real = clips()
    made = [real.features[0] + 0.1, real.features[1] - 0.1]
    one = joined(real, made, [0, 1], [("source 0",), ("source 1",)])
    other = joined(real, made[::-1], [1, 0], [("source 1",), ("source 0",)])
    first = learn(one, seed=0, hear_made=True)
    np.testing.assert_array_equal(first.real, learn(one, seed=0, hear_made=True).real)
    np.testing.assert_allclose(first.real, learn(other, seed=0).real, atol=1e-4)
    assert first.made.shape == (2, 2)


def test_made_clips_are_heard_by_a_learner_of_real_clips_alone() -> None:
    """However wrong their own labels are."""
    real = clips()
    made = [real.features[1], real.features[0]]
    right = joined(real, made, [1, 0], [("source 1",), ("source 0",)])
    wrong = replace(right, targets=np.concatenate([real.targets, np.eye(2, dtype=np.float32)[[0, 1]]]))
    heard = learn(wrong, seed=0, hear_made=True).made
    assert heard.argmax(axis=1).tolist() == [1, 0]


def test_one_source_alone_is_refused() -> None:
    with pytest.raises(DatasetError, match="real clips of two sources or more"):
        learn(clips(groups=1), seed=0)
