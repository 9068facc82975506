"""Prototypes, adapters and neighbours: known answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from menura.classify import adapter, knn
from menura.classify.adapter import AdapterClassifier, FittedAdapter, Memory, TrainedAdapterClassifier
from menura.classify.base import TrainingExamples
from menura.classify.knn import KnnClassifier
from menura.classify.linear import Scaling
from menura.classify.link import Link, choose_link
from menura.classify.logistic import log_loss
from menura.classify.mlp import MlpClassifier
from menura.classify.prototypes import PrototypeClassifier, Prototypes
from menura.errors import ConfigError
from menura.types import Recording


@dataclass(frozen=True)
class Told:
    """A model of sounds and texts that says what the first sample of a clip is."""

    name: str = "told"
    fingerprint: str = "told-1"
    scale: float = 20.0

    def similarity(self, recordings: Sequence[Recording], texts: Sequence[str]) -> NDArray[np.float32]:
        said = np.array([recording.waveform[0, 0] for recording in recordings])
        return np.where(said[:, None] == np.arange(len(texts)), 1.0, -1.0).astype(np.float32)


def test_probabilities_sum_to_the_labels_at_the_chosen_offset_and_no_other_scale_is_better() -> None:
    generator = np.random.default_rng(0)
    targets = (generator.random((200, 3)) < 0.3).astype(np.float32)
    scores = targets + generator.standard_normal((200, 3)) - 5
    link, loss = choose_link(scores, targets, (0.5, 1.0, 2.0, 4.0), multilabel=True)
    assert link.probabilities(scores).sum() == pytest.approx(targets.sum(), rel=1e-6)
    assert link.scale == 1.0  # a logistic law with unit variance on both sides has slope 1
    for scale in (0.5, 2.0, 4.0):
        assert choose_link(scores, targets, [scale], multilabel=True)[1] > loss
    moved = replace(link, offset=link.offset + 0.2)
    assert log_loss(moved.probabilities(scores), targets, multilabel=True) > loss


def test_a_softmax_has_no_offset_and_a_base_is_added_to_it() -> None:
    scores, base = np.array([[0.0, 1.0], [2.0, 0.0]]), np.array([[4.0, 0.0], [0.0, 0.0]])
    link, _ = choose_link(scores, np.eye(2, dtype=np.float32)[[1, 0]], (1.0, 3.0), multilabel=False)
    assert link == Link(3.0, 0.0, multilabel=False)
    found = link.probabilities(scores, base)
    np.testing.assert_allclose(np.log(found[:, 0] / found[:, 1]), [4 - 3, 6])


def test_a_prototype_is_the_weighted_mean_direction_of_its_clips(examples: Callable[..., TrainingExamples]) -> None:
    features = [np.array(values, np.float32) for values in ([1, 0], [0, 1], [-1, 0.2], [-1, -0.2])]
    targets = np.eye(3, dtype=np.float32)[[0, 0, 1, 1]]
    training = replace(examples(features, targets), weights=np.array([3.0, 1, 1, 1]))
    prototypes = Prototypes.of(training)
    directions = prototypes.scaling.apply(np.stack(features))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    mean = 3 * directions[0] + directions[1]
    np.testing.assert_allclose(prototypes.having[0], mean / np.linalg.norm(mean), rtol=1e-5)
    scores = prototypes.scores(features)
    np.testing.assert_allclose(scores[:, 0], directions @ prototypes.having[0], rtol=1e-5)
    np.testing.assert_array_equal(scores[:, 2], -1)  # a label without a clip
    assert prototypes.lacking is None


def test_with_several_labels_a_clip_between_both_prototypes_has_score_zero(
    examples: Callable[..., TrainingExamples],
) -> None:
    features = [np.array(values, np.float32) for values in ([1, 1], [1, -1], [0, 0])]
    training = replace(examples(features, np.array([[1], [0], [0]], np.float32)), multilabel=True)
    prototypes = replace(
        Prototypes.of(training), scaling=Scaling(np.zeros(2, np.float32), np.ones(2, np.float32)),
        having=np.array([[0.6, 0.8]], np.float32), lacking=np.array([[0.6, -0.8]], np.float32),
    )  # fmt: skip
    scores = prototypes.scores(features)[:, 0]
    assert scores[0] == pytest.approx(-scores[1])
    assert scores[0] > 1
    assert scores[2] == 0


def test_the_memory_is_the_formula_of_the_paper(points: Callable[..., TrainingExamples]) -> None:
    training, test = points(per_label=3), points(seed=1)
    memory = Memory.of(training)
    queries = memory.directions(test.features).astype(np.float64)
    expected = np.zeros((len(test), 3))
    for key, target in zip(memory.keys, training.targets, strict=True):
        expected += np.exp(-5.0 * (1 - queries @ key))[:, None] * target * (3 / 9)
    np.testing.assert_allclose(memory.scores(test.features, 5.0), expected, rtol=1e-5)
    twice = training.take(np.tile(np.arange(9), 2))
    np.testing.assert_allclose(Memory.of(twice).scores(test.features, 5.0), expected, rtol=1e-5)


def test_what_a_model_of_sounds_and_texts_says_is_added(points: Callable[..., TrainingExamples], encoder) -> None:
    texts = ("a", "b", "c")
    classifier = AdapterClassifier(encoder, scorer=Told(), texts=texts)
    recording = Recording(np.full((1, 80), 2.0, np.float32), 8000)
    np.testing.assert_array_equal(classifier.features(recording)[-3:], [-20, -20, 20])
    assert classifier.feature_fingerprint != AdapterClassifier(encoder).feature_fingerprint
    noise = points(spread=30.0, per_label=8)  # embeddings that tell nothing

    def told(examples: TrainingExamples) -> TrainingExamples:
        said = np.where(examples.targets > 0, 20.0, -20.0).astype(np.float32)
        both = [np.concatenate(parts) for parts in zip(examples.features, said, strict=True)]
        return replace(examples, features=both)

    test = points(spread=30.0, per_label=8, seed=1)
    for kind in (AdapterClassifier, TrainedAdapterClassifier):
        fitted = kind(encoder, scorer=Told(), texts=texts).fit(told(noise), validation=None, steps=20, seed=0)
        right = fitted.predict(told(test).features).argmax(axis=1) == test.targets.argmax(axis=1)
        assert right.all()
        without = kind(encoder).fit(noise, validation=None, steps=20, seed=0).predict(test.features)
        assert (without.argmax(axis=1) == test.targets.argmax(axis=1)).mean() < 0.7


def test_keys_are_trained_but_not_by_clips_of_their_own_source(
    points: Callable[..., TrainingExamples], encoder
) -> None:
    training = points(spread=1.5)
    plain = AdapterClassifier(encoder).fit(training, validation=None, steps=50, seed=0)
    trained = TrainedAdapterClassifier(encoder).fit(training, validation=None, steps=50, seed=0)
    assert (trained.sharpness, trained.link) == (plain.sharpness, plain.link)
    assert (np.abs(trained.memory.keys - plain.memory.keys).max(axis=1) > 1e-4).all()

    def loss(fitted: FittedAdapter) -> float:
        """Of each training clip, without its own key."""
        cosine = fitted.memory.directions(training.features) @ fitted.memory.keys.T
        affinity = np.exp(-fitted.sharpness * (1 - cosine)) * (1 - np.eye(len(training)))
        predicted = fitted.link.probabilities(affinity @ fitted.memory.values)
        return log_loss(predicted, training.targets, multilabel=False)

    assert loss(trained) < loss(plain)
    same = replace(training, groups=["one"] * len(training))
    unmoved = TrainedAdapterClassifier(encoder).fit(same, validation=None, steps=20, seed=0)
    shrunk = np.linalg.norm(unmoved.memory.keys, axis=1)
    np.testing.assert_allclose(unmoved.memory.keys / shrunk[:, None], plain.memory.keys, atol=1e-6)  # weight decay only


def test_the_best_sharpness_on_held_out_clips_is_taken(
    points: Callable[..., TrainingExamples], encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    scores = np.zeros((len(adapter.SHARPNESSES) + 1, 18, 3))
    scores[3, np.arange(18), np.repeat(np.arange(3), 6)] = 1.0
    monkeypatch.setattr(adapter, "held_out", lambda *_, **__: (scores, points().targets))
    fitted = AdapterClassifier(encoder).fit(points(), validation=None, steps=1, seed=0)
    assert fitted.sharpness == adapter.SHARPNESSES[3]
    assert fitted.link.scale >= 30  # the surer the better, until no loss is left


def test_the_number_of_neighbours_does_best_on_held_out_clips(
    points: Callable[..., TrainingExamples], encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    votes = np.full((len(knn.NEIGHBOURS), 18, 3), 1 / 3)
    votes[2, np.arange(18), np.repeat(np.arange(3), 6)] = 1.0
    monkeypatch.setattr(knn, "held_out", lambda *_, **__: (votes, points().targets))
    assert KnnClassifier(encoder).fit(points(), validation=None, steps=1, seed=0).count == knn.NEIGHBOURS[2]


def test_the_temperature_follows_how_sure_one_can_be(points: Callable[..., TrainingExamples], encoder) -> None:
    clear, blurred = (
        PrototypeClassifier(encoder).fit(points(per_label=12, spread=spread), validation=None, steps=1, seed=0)
        for spread in (0.2, 2.5)
    )
    assert clear.link.scale > blurred.link.scale


def test_the_way_to_train_that_does_best_is_taken(points: Callable[..., TrainingExamples], encoder) -> None:
    """At a rate of a hundred thousandth nothing is learned in forty steps."""
    useless, useful = (replace(MlpClassifier(encoder)._ways[0], learning_rate=rate) for rate in (1e-5, 1e-2))
    training = points(per_label=8)
    for validation in (None, points(seed=5)):
        fitted = MlpClassifier(encoder, (useless, useful)).fit(training, validation=validation, steps=40, seed=0)
        assert fitted.settings.learning_rate == 1e-2
        assert fitted.settings.steps == 40
    with pytest.raises(ConfigError, match="no way to train"):
        MlpClassifier(encoder, ())
