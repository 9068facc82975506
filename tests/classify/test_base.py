from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from menura.classify.base import CLASSIFIERS, Classifier, get_classifier
from menura.errors import BackendError, DatasetError
from menura.types import Recording

WITHOUT_NETWORK = [name for name in CLASSIFIERS if name != "finetune"]  # it needs a trained encoder


@pytest.mark.parametrize("name", WITHOUT_NETWORK)
def test_every_named_classifier_follows_the_protocol(name, encoder):
    classifier = get_classifier(name, encoder=encoder, sample_rate=8000)
    assert isinstance(classifier, Classifier)
    assert classifier.name == name


@pytest.mark.parametrize("name", WITHOUT_NETWORK)
@pytest.mark.parametrize(("channels", "samples", "rate"), [(1, 1, 8000), (2, 1600, 8000), (8, 300, 44100)])
def test_features_come_from_any_rate_length_and_number_of_channels(name, encoder, channels, samples, rate):
    waveform = np.random.default_rng(0).uniform(-1, 1, (channels, samples)).astype(np.float32)
    features = get_classifier(name, encoder=encoder, sample_rate=rate).features(Recording(waveform, rate))
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    assert features.size


def test_another_encoder_or_rate_changes_the_fingerprint_of_features(encoder):
    def fingerprint(name, encoder, rate):
        return get_classifier(name, encoder=encoder, sample_rate=rate).feature_fingerprint

    assert fingerprint("linear", encoder, 8000) != fingerprint("linear", replace(encoder, fingerprint="b"), 8000)
    assert fingerprint("cnn", encoder, 8000) != fingerprint("cnn", encoder, 16000)
    assert fingerprint("cnn", encoder, 22050) == fingerprint("cnn", encoder, 48000)


def test_an_unknown_classifier_is_refused_with_the_known_names(encoder):
    with pytest.raises(BackendError, match=", ".join(CLASSIFIERS)):
        get_classifier("forest", encoder=encoder, sample_rate=8000)


def test_examples_that_do_not_fit_together_are_refused(points):
    training = points()
    with pytest.raises(DatasetError, match="differ in number"):
        replace(training, groups=["one"])
    with pytest.raises(DatasetError, match="positive"):
        replace(training, weights=np.zeros(len(training)))


def test_labels_that_exclude_each_other_are_told_from_multi_label(points):
    training = points()
    both = training.targets.copy()
    both[0] = 1
    assert not training.is_multilabel
    assert replace(training, targets=both).is_multilabel
    assert replace(training, targets=both).take(np.array([5, 6])).is_multilabel
