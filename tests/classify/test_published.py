from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from menura.audio.mel import stft_power
from menura.classify.published import PUBLISHED, PublishedClassifier, htk_filterbank
from menura.classify.published_networks import Crnn, SalamonNetwork, ThreeConvNetwork
from menura.errors import AudioError, BackendError
from menura.types import Recording

SMALL = {name: replace(setup.settings, batch_size=4) for name, setup in PUBLISHED.items()}


def _classifier(name):
    return PublishedClassifier(name, SMALL[name], device="cpu")


@pytest.fixture
def tones(examples):
    """Log-mel of low and high tones, as each front end gives it."""

    def make(classifier, per_label=4, seed=0):
        generator = np.random.default_rng(seed)
        features = []
        for frequency in (400, 3000):
            for _ in range(per_label):
                time = np.arange(8000) / 8000
                wave = 0.5 * np.sin(2 * np.pi * frequency * time) + 0.01 * generator.standard_normal(8000)
                features.append(classifier.features(Recording(wave[None].astype(np.float32), 8000)))
        return examples(features, np.repeat(np.eye(2, dtype=np.float32), per_label, axis=0))

    return make


@pytest.mark.parametrize(
    ("network", "num_weights", "num_frames"),
    [(ThreeConvNetwork, 1_094_410, 44), (SalamonNetwork, 186_138, 45), (Crnn, 1_109_850, 45)],
)
def test_the_networks_have_as_many_weights_as_the_papers_for_ten_labels(network, num_weights, num_frames):
    built = network(10).eval()
    assert sum(weight.numel() for weight in built.parameters()) == num_weights
    assert built(torch.randn(2, 64, num_frames)).shape == (2, 10)


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("rate", [8000, 22_050, 44_100])
def test_a_front_end_gives_the_same_frames_for_any_clip(name, rate):
    classifier = _classifier(name)
    frames = {"cnn-3conv": 44, "cnn-ronchini": 126, "crnn": 126}[name]
    for seconds in (0.2, 1.0, 6.0):
        noise = np.random.default_rng(0).standard_normal((2, int(seconds * rate))).astype(np.float32)
        assert classifier.features(Recording(noise, rate)).shape == (64, frames)


def test_one_classifier_hears_a_second_and_silence_and_the_others_repeat_a_short_clip():
    short = np.random.default_rng(0).standard_normal((1, 8000)).astype(np.float32)
    silent = _classifier("cnn-3conv").features(Recording(short, 16_000))
    assert silent[:, -5:].max() == pytest.approx(np.log(1e-10), abs=0.01)
    repeated = _classifier("crnn").features(Recording(np.tile(short, 8), 16_000))
    np.testing.assert_array_equal(_classifier("crnn").features(Recording(short, 16_000)), repeated)
    longer = np.concatenate([np.tile(short, 8), np.ones((1, 16_000), np.float32)], axis=1)
    np.testing.assert_array_equal(_classifier("crnn").features(Recording(longer, 16_000)), repeated)


def test_filters_are_triangles_of_height_one_that_cover_the_middle_of_the_spectrum_evenly():
    bank = htk_filterbank(22_050)
    assert bank.shape == (64, 513)
    assert 0.3 < bank.max() <= 1
    peak_hz = bank.argmax(axis=1) * 22_050 / 1024
    mels = 2595 * np.log10(1 + peak_hz / 700)
    expected = np.arange(1, 65) * 2595 * np.log10(1 + 11_025 / 700) / 65
    np.testing.assert_allclose(mels[8:], expected[8:], atol=20)  # half a bin is up to 15 mels down there
    middle = slice(int(peak_hz[20] * 1024 / 22_050) + 1, int(peak_hz[60] * 1024 / 22_050))
    np.testing.assert_allclose(bank.sum(axis=0)[middle], 1, atol=1e-5)


def test_what_the_first_network_sees_is_power_without_a_logarithm():
    noise = np.random.default_rng(0).standard_normal(22_050).astype(np.float32)
    seen = PUBLISHED["cnn-3conv"].prepare(_classifier("cnn-3conv").features(Recording(noise[None], 22_050)))
    expected = htk_filterbank(22_050) @ stft_power(torch.from_numpy(noise), n_fft=1024, hop=512).numpy()
    np.testing.assert_allclose(seen, expected, rtol=1e-4)


def test_loud_power_survives_storage_in_half_precision():
    loud = 2 * np.ones((1, 22_050), np.float32)
    features = _classifier("cnn-3conv").features(Recording(loud, 22_050))
    seen = PUBLISHED["cnn-3conv"].prepare(features.astype(np.float16))
    assert features.max() > np.log(65_504)
    np.testing.assert_allclose(seen.max(), np.exp(features.max()), rtol=0.01)


def test_the_second_network_sees_the_spectrogram_by_its_variance():
    clip = (3 + 2 * np.random.default_rng(0).standard_normal((64, 126))).astype(np.float32)
    seen = PUBLISHED["cnn-ronchini"].prepare(clip)
    assert seen.mean() == pytest.approx(0, abs=1e-4)
    assert seen.std() == pytest.approx(1 / clip.std(), rel=1e-3)
    assert np.isfinite(PUBLISHED["cnn-ronchini"].prepare(np.ones((64, 126), np.float32))).all()


@pytest.mark.parametrize(("name", "steps"), [("cnn-ronchini", 40), ("crnn", 25)])
def test_tones_are_told_apart(name, steps, tones):
    classifier = _classifier(name)
    fitted = classifier.fit(tones(classifier), validation=None, steps=steps, seed=0)
    test = tones(classifier, per_label=2, seed=1)
    predicted = fitted.predict(test.features)
    assert (predicted.argmax(axis=1) == test.targets.argmax(axis=1)).all()
    np.testing.assert_allclose(predicted.sum(axis=1), 1)
    alone = np.concatenate([fitted.predict([feature]) for feature in test.features])
    assert np.array_equal(alone, predicted)


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_weight_is_trained_with_several_labels_and_augmentation_and_a_seed_gives_the_same(name, tones):
    classifier = PublishedClassifier(name, replace(SMALL[name], batch_size=2), device="cpu")
    training = replace(tones(classifier, per_label=1), augment=True, multilabel=True)
    first, again, other = (
        classifier.fit(training, validation=None, steps=steps, seed=seed) for steps, seed in ((2, 0), (2, 0), (2, 1))
    )
    before = classifier.fit(training, validation=None, steps=1, seed=0).network.state_dict()
    after = first.network.state_dict()
    unchanged = [key for key in before if torch.equal(before[key], after[key])]
    assert unchanged == []
    assert all(torch.equal(after[key], value) for key, value in again.network.state_dict().items())
    assert not torch.equal(after["head.weight"], other.network.state_dict()["head.weight"])
    predicted = first.predict(training.features)
    assert not np.allclose(predicted.sum(axis=1), 1)


def test_a_recording_without_samples_and_an_unknown_network_are_refused():
    with pytest.raises(AudioError):
        _classifier("crnn").features(Recording(np.zeros((1, 0), np.float32), 8000))
    with pytest.raises(BackendError, match="cnn-3conv, cnn-ronchini, crnn"):
        PublishedClassifier("cnn-4conv")
