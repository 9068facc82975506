"""What every classifier on embeddings must do; what only one of them does is in its own file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from menura.classify.base import ON_EMBEDDINGS, Classifier, FitTask, TrainingExamples, fit_many, get_classifier
from menura.metrics.classification import DECISION_THRESHOLD, mean_average_precision
from menura.types import Recording

STEPS = 120


@pytest.fixture(params=ON_EMBEDDINGS)
def classifier(request, encoder) -> Classifier:
    return get_classifier(request.param, encoder=encoder, sample_rate=8000)


def fit(classifier: Classifier, training: TrainingExamples, *, validation=None, seed: int = 0):
    return classifier.fit(training, validation=validation, steps=STEPS, seed=seed)


def several(examples: Callable[..., TrainingExamples], count: int, seed: int, *, labels: int = 3) -> TrainingExamples:
    """Clips of none, one or several labels, which their embeddings tell."""
    targets = (np.random.default_rng(seed).random((count, labels)) < 0.4).astype(np.float32)
    noise = np.random.default_rng(seed + 100).standard_normal((count, labels + 1))
    features = np.hstack([2 * targets, np.ones((count, 1))]) + 0.3 * noise
    return replace(examples(list(features.astype(np.float32)), targets), multilabel=True)


def test_a_feature_is_the_embedding_and_all_of_them_share_it_on_disk(classifier, encoder) -> None:
    recording = Recording(np.linspace(-1, 1, 800, dtype=np.float32)[None], 8000)
    np.testing.assert_array_equal(classifier.features(recording), encoder.embed([recording])[0])
    assert classifier.feature_fingerprint == "linear:toy-1"


@pytest.mark.parametrize("given", [False, True], ids=["inner folds", "given clips"])
def test_clips_around_corners_are_told_apart_and_repeat_by_seed(classifier, points, given: bool) -> None:
    validation, test = points(seed=5) if given else None, points(seed=1)
    fitted = fit(classifier, points(), validation=validation)
    found = fitted.predict(test.features)
    assert (found.argmax(axis=1) == test.targets.argmax(axis=1)).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    alone = np.concatenate([fitted.predict([feature]) for feature in test.features])
    np.testing.assert_allclose(alone, found, atol=1e-5)  # float32 sums in another order
    again = fit(classifier, points(), validation=validation).predict(test.features)
    np.testing.assert_array_equal(again, found)
    assert fitted.predict([]).shape == (0, 3)


def test_several_labels_are_decided_at_the_stated_threshold(classifier, examples) -> None:
    test = several(examples, 60, 2)
    found = fit(classifier, several(examples, 60, 0)).predict(test.features)
    # the penalty of `linear` is chosen for its ranking, and the strongest that is good enough leaves it unsure
    right = ((found >= DECISION_THRESHOLD) == (test.targets > 0)).mean()
    assert right > (0.75 if classifier.name == "linear" else 0.9)
    assert mean_average_precision(test.targets > 0, found) > 0.93
    assert not np.allclose(found.sum(axis=1), 1)


@pytest.mark.parametrize("multilabel", [False, True])
def test_a_label_that_is_not_in_every_fold_or_in_none_is_no_obstacle(
    classifier, points, examples, multilabel: bool
) -> None:
    training = several(examples, 24, 0) if multilabel else points()
    targets = np.hstack([training.targets, np.zeros((len(training), 2), np.float32)])
    targets[0] = [0, 0, 0, 1, 0]  # in one clip alone, so that no other fold has it; the last one never occurs
    training = replace(training, targets=targets, multilabel=multilabel)
    found = fit(classifier, training).predict(training.features)
    assert np.isfinite(found).all()
    assert ((found >= 0) & (found <= 1)).all()
    assert (found[:, 4] < DECISION_THRESHOLD).all()


@pytest.mark.parametrize("groups", [["same"] * 18, [f"label {i // 6}" for i in range(18)]])
def test_sources_that_cannot_be_split_still_train(classifier, points, groups) -> None:
    fitted = fit(classifier, replace(points(), groups=groups))
    assert fitted.predict(points().features).argmax(axis=1).tolist() == [0] * 6 + [1] * 6 + [2] * 6


def test_one_label_and_one_clip_train(classifier, points) -> None:
    fitted = fit(classifier, points(num_labels=1, per_label=1))
    np.testing.assert_allclose(fitted.predict(points(num_labels=1).features), 1.0)


def test_wrongly_labelled_clips_of_little_weight_do_no_harm(classifier, points) -> None:
    """Three wrong clips for each right one: with equal weights they win, at next to nothing they do not."""
    real, wrong, test = points(per_label=4), points(per_label=12, seed=9), points(seed=1)

    def accuracy(weight: float) -> float:
        training = replace(
            real,
            features=[*real.features, *wrong.features],
            targets=np.concatenate([real.targets, np.roll(wrong.targets, 1, axis=1)]),
            weights=np.concatenate([np.ones(len(real)), np.full(len(wrong), weight)]),
            groups=[*real.groups, *[f"w{i}" for i in range(len(wrong))]],
            is_real=np.arange(len(real) + len(wrong)) < len(real),
        )
        found = fit(classifier, training).predict(test.features)
        return float((found.argmax(axis=1) == test.targets.argmax(axis=1)).mean())

    # the nearest of `knn` may all be wrong ones; weights decide among them, not who they are
    assert accuracy(1e-5) >= (0.85 if classifier.name == "knn" else 1)
    assert accuracy(1.0) < 0.7


def test_several_fits_at_once_are_those_of_one_after_the_other(classifier, points) -> None:
    tasks = [FitTask(points(seed=seed, per_label=3 + seed, spread=1.5), None, seed) for seed in range(3)]
    test = points(seed=9).features
    for task, fitted in zip(tasks, fit_many(classifier, tasks, steps=STEPS), strict=True):
        alone = fit(classifier, task.training, seed=task.seed)
        np.testing.assert_allclose(fitted.predict(test), alone.predict(test), atol=1e-3)
    assert fit_many(classifier, [], steps=STEPS) == []
