"""Training on from an encoder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from menura.classify.base import TrainingExamples, get_classifier
from menura.classify.finetune import FinetuneClassifier, FinetuneNetwork, FittedFinetune, trained_part
from menura.classify.linear import Scaling, fit_logistic
from menura.classify.training import TrainingSettings
from menura.encoders.joined import JoinedEncoder
from menura.encoders.learned import LearnedEncoder
from menura.errors import AudioError, BackendError
from menura.pretrain.settings import PretrainSettings
from menura.pretrain.train import pretrain
from menura.types import Recording

RATE = 8000


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> LearnedEncoder:
    settings = PretrainSettings(voice="voice", steps=1, pairs=4, widths=(8, 8, 16), layers=1, sample_rate=RATE)
    return LearnedEncoder(pretrain(settings, tmp_path_factory.mktemp("learned")))


def tones(classifier: FinetuneClassifier, count: int, *, seed: int) -> TrainingExamples:
    """Low and high tones in noise, half of each."""
    generator = np.random.default_rng(seed)
    time = np.arange(RATE // 2) / RATE
    features, targets = [], np.zeros((count, 2), np.float32)
    for i in range(count):
        hz = generator.uniform(300, 500) if i % 2 else generator.uniform(1500, 2500)
        wave = np.sin(2 * np.pi * hz * time) + 0.1 * generator.standard_normal(len(time))
        features.append(classifier.features(Recording(wave[None].astype(np.float32), RATE)))
        targets[i, i % 2] = 1
    return TrainingExamples(
        features, targets, np.ones(count), False, [str(i) for i in range(count)], np.ones(count, bool)
    )


def test_it_learns_what_tells_the_labels_apart(learned: LearnedEncoder) -> None:
    classifier = FinetuneClassifier(learned, TrainingSettings(batch_size=16, peak_learning_rate=1e-2))
    fitted = classifier.fit(tones(classifier, 16, seed=0), validation=None, steps=60, seed=0)
    held_out = tones(classifier, 20, seed=1)
    found = fitted.predict(held_out.features)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found.argmax(axis=1) == held_out.targets.argmax(axis=1)).mean() > 0.9


def test_the_same_seed_gives_the_same_probabilities(learned: LearnedEncoder) -> None:
    classifier = FinetuneClassifier(learned)
    training = tones(classifier, 4, seed=0)
    first, again, other = (
        classifier.fit(training, validation=None, steps=2, seed=seed).predict(training.features) for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0


def test_training_starts_where_logistic_regression_ended_and_leaves_the_encoder_alone(learned: LearnedEncoder) -> None:
    classifier = FinetuneClassifier(learned)
    training = tones(classifier, 8, seed=0)
    embedded = replace(
        training, features=[learned.embed_levels(torch.from_numpy(f)).numpy() for f in training.features]
    )
    head = fit_logistic(embedded, validation=None, seed=0)
    network = FinetuneNetwork(learned, head.weights, 2, scaling=head.scaling, dropout=0.5).eval()
    with torch.no_grad():
        levels = torch.from_numpy(np.stack(training.features)) - learned.front_end.floor
        scores = torch.softmax(network(levels), 1)
    np.testing.assert_allclose(scores.numpy(), head.predict(embedded.features), atol=1e-4)
    before = learned.new_network().state_dict()
    classifier.fit(training, validation=None, steps=2, seed=0)
    after = learned.new_network().state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_gradients_reach_every_weight_and_are_finite(learned: LearnedEncoder) -> None:
    scaling = Scaling(np.zeros(learned.dim, np.float32), np.ones(learned.dim, np.float32))
    network = FinetuneNetwork(learned, None, 2, scaling=scaling, dropout=0.0).train()
    levels = torch.zeros(3, 64, 50)
    levels[:2, 20:30, 10:40] = torch.rand(2, 10, 30)
    network(levels).square().sum().backward()
    gradients = {name: weight.grad for name, weight in network.named_parameters()}
    assert all(grad is not None and bool(grad.isfinite().all()) for grad in gradients.values())


def test_the_network_is_found_among_several_encoders(learned: LearnedEncoder, encoder: object) -> None:
    assert trained_part(JoinedEncoder([encoder, learned])) is learned  # type: ignore[list-item]
    with pytest.raises(BackendError, match="finetune needs an encoder with a network, toy has none"):
        get_classifier("finetune", encoder=encoder, sample_rate=RATE)  # type: ignore[arg-type]


def test_a_recording_without_samples_is_refused(learned: LearnedEncoder) -> None:
    with pytest.raises(AudioError, match="cannot be embedded"):
        FinetuneClassifier(learned).features(Recording(np.zeros((1, 0), np.float32), RATE))


def test_it_says_what_the_network_and_its_start_agree_on(learned: LearnedEncoder) -> None:
    classifier = FinetuneClassifier(learned)
    training = tones(classifier, 6, seed=0)
    fitted = classifier.fit(training, validation=None, steps=3, seed=0)
    assert isinstance(fitted, FittedFinetune)
    assert fitted.start is not None
    alone, start = replace(fitted, start=None).predict(training.features), fitted.start(training.features)
    both = np.sqrt(alone * start)
    np.testing.assert_allclose(fitted.predict(training.features), both / both.sum(axis=1, keepdims=True))
    assert np.abs(alone - start).max() > 1e-3


def test_two_sure_of_opposite_labels_leave_the_question_open() -> None:
    sure = np.array([[0.9, 0.2]])
    fitted = FittedFinetune(torch.nn.Identity(), 1, 0.0, True, 2, start=lambda clips: 1 - sure)
    object.__setattr__(fitted, "_of_network", lambda clips: sure)
    np.testing.assert_allclose(fitted.predict([np.zeros((1, 1), np.float32)]), 0.5)
