from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from menura.classify import probes
from menura.classify.base import FitTask, TrainingExamples
from menura.classify.linear import LinearClassifier
from menura.classify.probes import (
    ARCH_HEAD,
    HEAR_GRID,
    PROBES,
    KnnProbe,
    LinearProbe,
    MlpProbe,
    Probe,
    fit_probes,
    get_probe,
)
from menura.errors import ConfigError

QUICK = tuple(replace(way, hidden_width=16, epochs=60) for way in HEAR_GRID)


def quick(name: str) -> Probe:
    """The probe, with heads that learn in a few steps."""
    if name == "mlp":
        return MlpProbe(grid=tuple(replace(way, learning_rate=10 * way.learning_rate) for way in QUICK), grid_points=4)
    return LinearProbe(replace(ARCH_HEAD, learning_rate=0.05)) if name == "linear" else get_probe(name)


@pytest.mark.parametrize("name", PROBES)
def test_every_probe_tells_corners_apart_and_repeats_by_seed(
    name: str, points: Callable[..., TrainingExamples]
) -> None:
    probe = quick(name)
    training, validation, test = points(seed=0), points(seed=1), points(seed=2)
    given = validation if probe.needs_validation else None
    fitted = probe.fit(training, validation=given, seed=0)
    found = fitted.predict(test.features)
    assert (found.argmax(axis=1) == test.targets.argmax(axis=1)).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(found, probe.fit(training, validation=given, seed=0).predict(test.features))
    other = probe.fit(training, validation=given, seed=1).predict(test.features)
    assert np.array_equal(found, other) != probe.is_drawn
    assert fitted.chosen
    assert fitted.predict([]).shape == (0, 3)


@pytest.mark.parametrize("name", PROBES)
def test_every_probe_ranks_several_labels_a_clip(name: str, examples: Callable[..., TrainingExamples]) -> None:
    generator = np.random.default_rng(0)
    targets = (generator.random((90, 3)) < 0.4).astype(np.float32)
    targets[:, 0] = np.maximum(targets[:, 0], targets.sum(axis=1) == 0)
    features = list((targets + 0.2 * generator.standard_normal((90, 3))).astype(np.float32))
    both = examples(features, targets)
    parts = [both.take(np.arange(start, start + 30)) for start in (0, 30, 60)]
    fitted = quick(name).fit(parts[0], validation=parts[1], seed=0)
    found = fitted.predict(parts[2].features)
    assert probes.probe_score(found, parts[2].targets, multilabel=True) > 0.9
    assert not np.allclose(found.sum(axis=1), 1)


@pytest.mark.parametrize("name", [name for name in PROBES if name != "logistic"])
def test_validation_clips_are_asked_for_where_something_is_chosen_on_them(
    name: str, points: Callable[..., TrainingExamples]
) -> None:
    with pytest.raises(ConfigError, match="`logistic` needs none"):
        get_probe(name).fit(points(), validation=None, seed=0)


def test_the_logistic_probe_is_the_linear_classifier(points: Callable[..., TrainingExamples], encoder) -> None:
    training, test = points(spread=2.0), points(spread=2.0, seed=1)
    one = get_probe("logistic").fit(training, validation=None, seed=3).predict(test.features)
    other = LinearClassifier(encoder).fit(training, validation=None, steps=1, seed=3).predict(test.features)
    np.testing.assert_array_equal(one, other)


def test_the_number_of_neighbours_is_chosen_on_validation(examples: Callable[..., TrainingExamples]) -> None:
    """A third of the training clips are labelled wrongly: one neighbour is not to be trusted, twenty are."""
    generator = np.random.default_rng(0)
    targets = np.eye(2, dtype=np.float32)[[0] * 40 + [1] * 40]
    corners = np.array([1.0, 0.0, 0.2]) * np.where(targets[:, :1] > 0, 1, -1)
    here, there = ((corners + 0.3 * generator.standard_normal((80, 3))).astype(np.float32) for _ in range(2))
    noisy = targets.copy()
    wrong = generator.permutation(80)[:26]
    noisy[wrong] = 1 - noisy[wrong]
    training = examples(list(here), noisy)
    validation = examples(list(there), targets)
    fitted = KnnProbe(standardise=False).fit(training, validation=validation, seed=0)
    assert fitted.chosen in ("k 10", "k 20", "k 50")
    alone = KnnProbe(counts=(1,), standardise=False).fit(training, validation=validation, seed=0)
    right, right_alone = (
        (found.predict(validation.features).argmax(axis=1) == targets.argmax(axis=1)).mean()
        for found in (fitted, alone)
    )
    assert right > right_alone + 0.05


def test_the_best_way_on_validation_is_kept_and_of_equal_ones_the_first(
    points: Callable[..., TrainingExamples], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[float] = []
    worth = {3.2e-3: 0.5, 1e-3: 0.9, 3.2e-4: 0.9, 1e-4: 0.1}
    original = probes.train_heads

    def train(tasks):
        rates = [task.settings.learning_rate for task in tasks]
        tried.extend(rates)
        return [replace(head, value=worth[rate]) for head, rate in zip(original(tasks), rates, strict=True)]

    monkeypatch.setattr(probes, "train_heads", train)
    grid = tuple(replace(way, epochs=3) for way in QUICK)
    chosen = MlpProbe(grid=grid, grid_points=16).fit(points(), validation=points(seed=1), seed=0).chosen
    assert tried == [way.learning_rate for way in HEAR_GRID]
    assert chosen.startswith("1 x 16, learning rate 0.001, xavier_uniform")
    tried.clear()
    MlpProbe(grid=grid).fit(points(), validation=points(seed=1), seed=0)
    assert len(tried) == 8


def test_grids_are_those_of_the_papers() -> None:
    assert len(set(HEAR_GRID)) == 16
    assert {way.hidden_layers for way in HEAR_GRID} == {1, 2}
    assert {way.learning_rate for way in HEAR_GRID} == {3.2e-3, 1e-3, 3.2e-4, 1e-4}
    assert {way.initialisation for way in HEAR_GRID} == {"xavier_uniform", "xavier_normal"}
    for way in HEAR_GRID:
        assert (way.hidden_width, way.dropout, way.batch_size, way.epochs) == (1024, 0.1, 1024, 500)
        assert (way.patience, way.check_every, way.optimiser) == (20, 3, "adam")
    assert (ARCH_HEAD.epochs, ARCH_HEAD.learning_rate, ARCH_HEAD.warm_share) == (200, 1e-3, 0.1)
    assert (ARCH_HEAD.optimiser, ARCH_HEAD.criterion, ARCH_HEAD.patience) == ("adamw", "loss", None)


def test_a_fingerprint_tells_settings_apart() -> None:
    prints = [get_probe(name, standardise=flag).fingerprint for name in PROBES for flag in (True, False)]
    assert len(set(prints)) == 7  # `logistic` has one way
    assert LinearProbe().fingerprint == LinearProbe().fingerprint
    assert MlpProbe(grid_points=4).fingerprint != MlpProbe().fingerprint


def test_an_unknown_probe_and_an_empty_grid_are_refused(points: Callable[..., TrainingExamples]) -> None:
    with pytest.raises(ConfigError, match="known probes: logistic, linear, mlp, knn"):
        get_probe("svm")
    with pytest.raises(ConfigError, match="0 ways"):
        MlpProbe(grid=()).fit(points(), validation=points(), seed=0)
    with pytest.raises(ConfigError, match="at least one above 0"):
        KnnProbe(counts=(0,)).fit(points(), validation=points(), seed=0)


@pytest.mark.parametrize("name", PROBES)
def test_probes_at_once_are_those_that_are_fitted_one_by_one(
    name: str, points: Callable[..., TrainingExamples]
) -> None:
    probe, test = quick(name), points(seed=9)
    tasks = [
        FitTask(points(seed=seed, spread=1.5), points(seed=seed + 4) if probe.needs_validation else None, seed)
        for seed in range(3)
    ]
    for task, fitted in zip(tasks, fit_probes(probe, tasks), strict=True):
        alone = probe.fit(task.training, validation=task.validation, seed=task.seed)
        assert fitted.chosen == alone.chosen
        np.testing.assert_allclose(fitted.predict(test.features), alone.predict(test.features), atol=1e-3)
