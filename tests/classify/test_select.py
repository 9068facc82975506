from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from menura.classify.select import candidates, choose, fit_best
from menura.errors import ConfigError


@dataclass(frozen=True)
class Fixed:
    """Knows the label of each clip, which is its feature, with a given confidence; notes what it was trained on."""

    name: str
    confidence: tuple[float, ...]
    seen: list
    feature_fingerprint: str = ""

    def features(self, recording):
        raise NotImplementedError

    def fit(self, training, *, validation, steps, seed):
        self.seen.append((steps, [int(feature[0]) for feature in training.features]))
        return self

    def predict(self, features):
        index = np.array([int(feature[0]) for feature in features])
        right = np.array(self.confidence)[index % len(self.confidence)]
        truth = index % 2
        return np.where(np.arange(2) == truth[:, None], right[:, None], 1 - right[:, None])


@pytest.fixture
def numbered(examples):
    """Eight real clips with their number as feature; even ones have the first label."""
    training = examples([np.array([i], np.float32) for i in range(8)], np.eye(2, dtype=np.float32)[np.arange(8) % 2])
    return {"good": training, "bad": training}


def test_the_better_classifier_wins(numbered):
    good, bad = Fixed("good", (0.6,), []), Fixed("bad", (0.2,), [])
    name, scores = choose([bad, good], numbered, steps=10, seed=0)
    assert name == "good"
    assert scores == {"bad+good": 0.0, "bad": 0.0, "good": 1.0}


def test_the_mean_wins_when_each_is_sure_where_the_other_errs(numbered):
    one, other = Fixed("good", (0.9, 0.9, 0.4, 0.4), []), Fixed("bad", (0.4, 0.4, 0.9, 0.9), [])
    name, best = fit_best([one, other], numbered, steps=10, seed=0)
    assert name == "good+bad"
    features = numbered["good"].features
    predicted = best.predict_each({"good": features, "bad": features})
    assert (best.join(predicted).argmax(axis=1) == np.arange(8) % 2).all()


def test_choosing_never_trains_on_children_of_clips_that_are_held_out(numbered):
    real = numbered["good"]
    training = replace(
        real,
        features=[*real.features, *real.features],
        targets=np.concatenate([real.targets] * 2),
        weights=np.ones(16),
        groups=[*real.groups, *[(group, "g0") for group in real.groups]],
        is_real=np.arange(16) < 8,
    )
    good, bad = Fixed("good", (0.6,), []), Fixed("bad", (0.2,), [])
    choose([good, bad], {"good": training, "bad": training}, steps=10, seed=0)
    assert good.seen
    for steps, numbers in good.seen:
        assert steps == 5
        counts = np.bincount(numbers, minlength=8)
        assert 0 < (counts == 0).sum() < 8
        if counts[0] == 0:
            assert counts.max() == 1, "every child has clip 0 as its second parent"


def test_the_choice_is_trained_on_everything_with_all_steps(numbered):
    good, bad = Fixed("good", (0.6,), []), Fixed("bad", (0.2,), [])
    name, best = fit_best({"good": good, "bad": bad}, numbered, steps=10, seed=0)
    assert name == "good"
    assert good.seen[-1] == bad.seen[-1] == (10, list(range(8)))
    features = numbered["good"].features
    predicted = best.predict_each({"good": features, "bad": features})
    assert set(predicted) == {"good", "bad"}
    assert best.members == ("good",)
    np.testing.assert_array_equal(best.join(predicted), predicted["good"])


def test_without_two_sources_the_mean_is_taken(numbered):
    single = {name: replace(training, groups=["same"] * 8) for name, training in numbered.items()}
    name, scores = choose([Fixed("good", (0.6,), []), Fixed("bad", (0.2,), [])], single, steps=4, seed=0)
    assert (name, scores) == ("good+bad", {})


def test_one_classifier_is_taken_without_a_trial(numbered):
    good = Fixed("good", (0.6,), [])
    name, _ = fit_best([good], numbered, steps=4, seed=0)
    assert name == "good"
    assert len(good.seen) == 1


def test_the_mean_comes_first_so_that_it_wins_ties():
    assert list(candidates(["linear", "cnn"])) == ["linear+cnn", "linear", "cnn"]
    assert list(candidates(["linear"])) == ["linear"]


def test_missing_examples_are_named(numbered):
    with pytest.raises(ConfigError, match="absent"):
        fit_best([Fixed("absent", (0.6,), [])], numbered, steps=4, seed=0)
