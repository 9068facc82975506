"""Mixtures of real clips: who is mixed with whom, and that classifiers learn from shares of labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from menura.classify.base import TrainingExamples
from menura.classify.cnn import CnnClassifier
from menura.classify.linear import fit_logistic
from menura.classify.logistic import fit_path, probabilities
from menura.errors import AudioError
from menura.studies.arms import Example
from menura.studies.copies import plan_counted
from menura.studies.mixtures import make_mixtures, plan_mixtures, shares_of
from menura.types import Recording

REAL = [Example(f"{label}{i}", (label,), (f"{label}{i}",), "real") for label in "abc" for i in range(3)]


def test_any_other_real_clip_may_be_the_partner_and_both_sources_are_kept() -> None:
    plans = plan_counted(REAL, {"a": 60, "b": 60}, "mixup")
    mixtures = plan_mixtures(plans, REAL, seed=0, key="1")
    assert all(mixture.partner.id != mixture.plan.parent.id for mixture in mixtures)
    assert {mixture.partner.id for mixture in mixtures} == {example.id for example in REAL}
    for mixture in mixtures:
        example = mixture.example
        assert example.labels == mixture.plan.parent.labels
        assert set(example.sources) == {mixture.plan.parent.id, mixture.partner.id}
        assert sum(share for _, share in example.shares) == pytest.approx(1)
        assert dict(example.shares)[example.labels[0]] >= 0.5
    assert len({mixture.example.id for mixture in mixtures}) == 120
    assert mixtures[::-1] == plan_mixtures(plans[::-1], REAL, seed=0, key="1")
    assert mixtures != plan_mixtures(plans, REAL, seed=1, key="1")


def test_shares_of_clips_with_several_labels_add_up_label_by_label() -> None:
    assert shares_of(["a", "b"], ["b", "c"], 0.75) == (("a", 0.75), ("b", 1.0), ("c", 0.25))


def test_a_single_clip_is_mixed_with_itself_and_stays_what_it_is() -> None:
    mixtures = plan_mixtures(plan_counted(REAL[:1], {"a": 1}, "mixup"), REAL[:1], seed=0, key="1")
    recording = Recording(np.linspace(-0.5, 0.5, 50, dtype=np.float32)[None], 8000)
    ((name, made),) = make_mixtures(mixtures, lambda _: recording)
    assert name == mixtures[0].example.id
    np.testing.assert_allclose(made.waveform, recording.waveform, atol=1e-6)


def test_a_clip_without_samples_is_refused() -> None:
    mixtures = plan_mixtures(plan_counted(REAL[:1], {"a": 1}, "mixup"), REAL[:1], seed=0, key="1")
    with pytest.raises(AudioError, match="without samples"):
        list(make_mixtures(mixtures, lambda _: Recording(np.zeros((1, 0), np.float32), 8000)))


@pytest.mark.parametrize("multilabel", [False, True])
def test_logistic_regression_on_shares_equals_regression_on_clips_in_those_numbers(multilabel: bool) -> None:
    """A target of 3/4 and 1/4 is worth three clips of the one label and one of the other."""
    generator = np.random.default_rng(0)
    features = generator.standard_normal((12, 5)).astype(np.float32)
    share = generator.integers(0, 5, size=12) / 4
    soft = np.stack([share, 1 - share], axis=1).astype(np.float32)
    hard = np.eye(2, dtype=np.float32)[np.tile([0, 1], 12)]
    weights = np.stack([share, 1 - share], axis=1).ravel()
    used = weights > 0
    (by_shares,) = fit_path(features, soft, np.ones(12), [1.0], multilabel=multilabel, max_iterations=300)
    # Weights are scaled to a mean of 1, so as many clips as before must be equivalent: C is scaled by their number.
    (by_clips,) = fit_path(
        np.repeat(features, 2, axis=0)[used], hard[used], weights[used], [12 / used.sum()],
        multilabel=multilabel, max_iterations=300,
    )  # fmt: skip
    np.testing.assert_allclose(probabilities(features, by_shares), probabilities(features, by_clips), atol=2e-3)


def _mixed_examples(shares: np.ndarray, features: list[np.ndarray]) -> TrainingExamples:
    targets = np.concatenate([np.eye(2)[[0, 1, 0, 1]], np.stack([shares, 1 - shares], axis=1)]).astype(np.float32)
    count = len(targets)
    return TrainingExamples(
        features=features, targets=targets, weights=np.ones(count), augment=False,
        groups=[f"g{i}" for i in range(count)], is_real=np.arange(count) < 4,
    )  # fmt: skip


def test_shares_that_sum_to_one_but_for_rounding_are_of_labels_that_exclude_each_other() -> None:
    targets = np.random.default_rng(0).dirichlet(np.ones(7), size=40).astype(np.float32)
    assert (targets.sum(axis=1) != 1).any()
    examples = TrainingExamples(
        features=[np.zeros(2, np.float32)] * 40, targets=targets, weights=np.ones(40), augment=False,
        groups=[f"g{i}" for i in range(40)], is_real=np.zeros(40, bool),
    )  # fmt: skip
    assert not examples.is_multilabel
    assert replace(examples, targets=np.ones_like(targets)).is_multilabel


def test_linear_and_the_network_answer_with_the_shares_that_they_have_learned() -> None:
    """All mixtures sound alike and are a quarter of one label; a classifier that took the larger part would say 1."""
    generator = np.random.default_rng(0)

    def vector(value: float) -> np.ndarray:
        return np.array([value, 0, 0], np.float32) + generator.normal(0, 0.01, 3).astype(np.float32)

    mixed = np.full(12, 0.25, np.float32)
    vectors = [vector(v) for v in (1, -1, 1, -1)] + [vector(-0.5) for _ in mixed]
    fitted = fit_logistic(_mixed_examples(mixed, vectors), validation=None, seed=0)
    assert fitted.predict([vector(-0.5)])[0, 0] == pytest.approx(0.25, abs=0.12)

    def clip(kind: int) -> np.ndarray:
        level = generator.normal(0, 0.3, (40, 40)).astype(np.float32)
        level[10 * kind : 10 * kind + 10] += 4
        return level

    clips = [clip(kind) for kind in (0, 1, 0, 1)] + [clip(2) for _ in mixed]
    network = CnnClassifier(8000).fit(_mixed_examples(mixed, clips), validation=None, steps=60, seed=0)
    assert network.predict([clip(2)])[0, 0] == pytest.approx(0.25, abs=0.12)
