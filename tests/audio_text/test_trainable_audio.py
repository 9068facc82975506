"""Pretrained networks trained on with a head: real code of transformers, through the ``from_pretrained`` of a user."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from menura.backends.base import TrainableModel
from menura.backends.registry import load_trainable, paths_in, trainable_by_path
from menura.classify.base import (
    PRETRAINED_SETTINGS,
    Classifier,
    TrainingExamples,
    get_classifier,
    split_setting,
    unknown_classifier,
)
from menura.classify.pretrained import SETTINGS, PretrainedClassifier, PretrainedSettings
from menura.classify.training import TrainingSettings, scheduled_rate
from menura.errors import AudioError, BackendError
from menura.studies.lab import working_rate_for
from menura.types import Recording

SAVED: dict[str, Callable[[ModuleType, Path], Path]] = {
    "ast": lambda tiny, folder: tiny.save_ast(folder),
    "hubert": lambda tiny, folder: tiny.save_wav2vec2(folder, kind="Hubert"),
    "wav2vec2": lambda tiny, folder: tiny.save_wav2vec2(folder),
    "whisper": lambda tiny, folder: tiny.save_whisper(folder),
}
TRAINING = TrainingSettings(
    batch_size=4, peak_learning_rate=3e-3, weight_decay=0.0, label_smoothing=0.0, optimiser="adam", schedule="constant"
)
WITHOUT_GRADIENT = "key.bias"  # softmax over keys does not see a bias of the keys


@pytest.fixture(scope="module")
def folders(tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("trainable")
    return {kind: save(tiny, root / kind) for kind, save in SAVED.items()}


@pytest.fixture(params=sorted(SAVED))
def kind(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


def _classifier(folder: Path, *, trains_encoder: bool = True, **more: object) -> PretrainedClassifier:
    model = load_trainable(f"transformers:{folder}", trains_encoder=trains_encoder)
    training = replace(TRAINING, **more)  # type: ignore[arg-type]
    return PretrainedClassifier(model, PretrainedSettings(training, trains_encoder=trains_encoder), device="cpu")


def _examples(classifier: Classifier, tiny: ModuleType, *, duration_s: float = 0.5) -> TrainingExamples:
    """Four clips of noise and four tones, at another rate than the model's."""
    clips = [tiny.noise(seed, rate=22_050, duration_s=duration_s) for seed in range(4)]
    clips += [tiny.tone(300 + 10 * number, rate=22_050, duration_s=duration_s) for number in range(4)]
    return TrainingExamples(
        features=[classifier.features(clip) for clip in clips],
        targets=np.repeat(np.eye(2, dtype=np.float32), 4, axis=0),
        weights=np.ones(8),
        augment=False,
        groups=[str(i) for i in range(8)],
        is_real=np.ones(8, bool),
    )


def _loss(predicted: NDArray[np.float64], training: TrainingExamples) -> float:
    return float(-np.log((predicted * training.targets).sum(axis=1)).mean())


def test_the_loss_falls_and_what_shall_learn_does_and_nothing_else(
    kind: str, folders: dict[str, Path], tiny: ModuleType
) -> None:
    classifier = _classifier(folders[kind])
    training = _examples(classifier, tiny)
    short, long = (classifier.fit(training, validation=None, steps=steps, seed=0) for steps in (1, 25))
    assert _loss(long.predict(training.features), training) < 0.5 * _loss(short.predict(training.features), training)
    before, after = ({name: w.clone() for name, w in one.network.named_parameters()} for one in (short, long))
    frozen = {name for name, weight in long.network.named_parameters() if not weight.requires_grad}
    unchanged = {name for name in before if torch.equal(before[name], after[name])}
    assert {name for name in unchanged if not name.endswith(WITHOUT_GRADIENT)} == frozen
    expected = {"ast": (), "whisper": ("encoder.embed_positions",)}.get(kind, ("encoder.feature_extractor",))
    assert all(name.startswith((*expected, "encoder.masked_spec_embed")) for name in frozen)
    assert bool(frozen) == bool(expected)


def test_a_head_alone_leaves_the_encoder_as_it_was_published(
    kind: str, folders: dict[str, Path], tiny: ModuleType
) -> None:
    classifier = _classifier(folders[kind], trains_encoder=False)
    training = _examples(classifier, tiny)
    fitted = classifier.fit(training, validation=None, steps=3, seed=0)
    published = load_trainable(f"transformers:{folders[kind]}").new_network(2).state_dict()
    for name, weight in fitted.network.state_dict().items():
        if name.startswith("encoder."):
            assert torch.equal(weight, published[name]), name
    learns = {name for name, weight in fitted.network.named_parameters() if weight.requires_grad}
    head = {"norm.weight", "norm.bias", "head.weight", "head.bias"}
    assert learns == (head if kind == "ast" else head | {"layers"})


@pytest.mark.parametrize("augment", [False, True])
def test_the_same_seed_gives_the_same_bits_and_a_clip_is_predicted_alone_as_among_others(
    kind: str, augment: bool, folders: dict[str, Path], tiny: ModuleType
) -> None:
    classifier = _classifier(folders[kind])
    training = replace(_examples(classifier, tiny), augment=augment)
    first = classifier.fit(training, validation=None, steps=2, seed=0)
    state = torch.get_rng_state()
    np.random.seed(3)  # noqa: NPY002
    again = classifier.fit(training, validation=None, steps=2, seed=0)
    assert torch.equal(state, torch.get_rng_state())
    other = classifier.fit(training, validation=None, steps=2, seed=1)
    clips = [classifier.features(tiny.noise(7, rate=8000, duration_s=length)) for length in (0.01, 0.6, 4.0)]
    together = first.predict(clips)
    assert np.array_equal(together, again.predict(clips))
    assert np.array_equal(together, np.concatenate([first.predict([clip]) for clip in clips]))
    assert not np.array_equal(together, other.predict(clips))
    assert np.abs(together[1] - together[2]).max() > 1e-7
    np.testing.assert_allclose(together.sum(axis=1), 1)


def test_augmentation_reaches_the_network_of_each_kind(kind: str, folders: dict[str, Path], tiny: ModuleType) -> None:
    classifier = _classifier(folders[kind])
    training = _examples(classifier, tiny)
    plain, augmented = (
        classifier.fit(replace(training, augment=flag), validation=None, steps=2, seed=0) for flag in (False, True)
    )
    assert not np.array_equal(plain.predict(training.features), augmented.predict(training.features))


def test_several_labels_are_decided_one_by_one(folders: dict[str, Path], tiny: ModuleType) -> None:
    classifier = _classifier(folders["ast"])
    training = _examples(classifier, tiny)
    both = replace(training, targets=np.ones_like(training.targets), multilabel=True)
    fitted = classifier.fit(both, validation=None, steps=15, seed=0)
    assert (fitted.predict(training.features) > 0.5).all()


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_the_feature_extractor_gets_sound_at_its_own_rate(
    rate: int, folders: dict[str, Path], tiny: ModuleType
) -> None:
    """Released code of a paper resampled the sound and told the filters the old rate: other bands, other frames."""
    from transformers import ASTFeatureExtractor

    classifier = _classifier(folders["ast"])
    assert classifier.sample_rate == 16_000
    tone = tiny.tone(1000, rate=rate, duration_s=0.5)
    waveform = classifier.features(tone)
    assert len(waveform) == 8000
    given, _ = load_trainable(f"ast:{folders['ast']}").inputs([waveform])
    extractor = ASTFeatureExtractor.from_pretrained(folders["ast"])
    expected = extractor(tiny.tone(1000, rate=16_000, duration_s=0.5).waveform[0], sampling_rate=16_000)["input_values"]
    heard, wanted = given[0].T.numpy(), np.asarray(expected[0])
    assert heard.shape == wanted.shape == (64, 32)
    assert heard[10:40].mean(axis=0).argmax() == wanted[10:40].mean(axis=0).argmax()
    padding = wanted[-1]
    assert (heard == padding).all(axis=1).sum() == (wanted == padding).all(axis=1).sum() == 64 - 48
    with pytest.raises(ValueError, match="sampling rate"):  # the library itself would refuse another rate
        extractor(waveform, sampling_rate=44_100)


def test_ast_with_a_head_of_its_own_gets_a_new_one_and_keeps_all_else(tiny: ModuleType, tmp_path: Path) -> None:
    transformers, folder = tiny.transformers, tmp_path / "ast"
    tiny.save_ast(folder)
    config = transformers.ASTConfig.from_pretrained(folder, num_labels=7)
    torch.manual_seed(5)
    published = transformers.ASTForAudioClassification(config).eval()
    published.save_pretrained(folder)
    model = load_trainable(f"ast:{folder}")
    network = model.new_network(3).eval()
    given, heard = model.inputs([np.random.default_rng(0).standard_normal(8000).astype(np.float32)])
    with torch.no_grad():
        network.norm.load_state_dict(published.classifier.layernorm.state_dict())
        network.head = published.classifier.dense
        expected = published(input_values=given.transpose(1, 2)).logits
        torch.testing.assert_close(network(given, heard), expected)
    assert model.new_network(3)(given, heard).shape == (1, 3)


def test_mean_of_tokens_is_the_mean_of_tokens(folders: dict[str, Path]) -> None:
    own, mean = (load_trainable(f"ast:{folders['ast']}", mean_of_tokens=flag) for flag in (False, True))
    given, heard = mean.inputs([np.random.default_rng(0).standard_normal(8000).astype(np.float32)])
    networks = [model.new_network(2).eval() for model in (own, mean)]
    for network in networks:
        network.head.weight.data = torch.eye(2, 16)
    with torch.no_grad():
        frames = networks[1].encoder(input_values=given.transpose(1, 2)).last_hidden_state
        expected = networks[1].head(networks[1].norm(frames.mean(dim=1)))
        torch.testing.assert_close(networks[1](given, heard), expected)
        assert not torch.allclose(networks[0](given, heard), networks[1](given, heard))
    assert own.fingerprint != mean.fingerprint


def test_whisper_gives_the_learned_average_of_its_layers_over_what_is_sound(folders: dict[str, Path]) -> None:
    model = load_trainable(f"transformers:{folders['whisper']}")
    given, heard = model.inputs([np.random.default_rng(0).standard_normal(8000).astype(np.float32)])
    assert heard.tolist() == [0.25]  # half a second of the two that it takes
    network = model.new_network(2).eval()
    with torch.no_grad():
        network.layers.copy_(torch.tensor([0.0, np.log(3.0)]))
        states = network.encoder(input_features=given, output_hidden_states=True).hidden_states
        average = (0.25 * states[0] + 0.75 * states[1])[:, :25].mean(dim=1)
        torch.testing.assert_close(network(given, heard), network.head(network.norm(average)))


def test_a_whisper_that_was_saved_as_a_classifier_is_taken_too(tiny: ModuleType, tmp_path: Path) -> None:
    folder = tiny.save_whisper(tmp_path / "whisper")
    config = tiny.transformers.WhisperConfig.from_pretrained(folder)
    published = tiny.transformers.WhisperForAudioClassification(config)
    published.save_pretrained(folder)
    network = load_trainable(f"transformers:{folder}").new_network(2)
    theirs = published.encoder.state_dict()
    assert all(torch.equal(weight, theirs[name]) for name, weight in network.encoder.state_dict().items())


def test_names_lead_to_the_model_and_the_setting(folders: dict[str, Path]) -> None:
    encoder_stub: object = None
    assert tuple(SETTINGS) == PRETRAINED_SETTINGS
    assert split_setting("ast:owner/name@v2@synthio-b") == ("ast:owner/name@v2", "synthio-b")
    assert paths_in("ast:owner/name@v2") == ["owner/name@v2"]  # so that a download is announced
    found = get_classifier(f"ast:{folders['ast']}@synthio-b", encoder=encoder_stub, sample_rate=8000)  # type: ignore[arg-type]
    assert isinstance(found, Classifier)
    assert found.name == "ast"
    other = get_classifier(f"ast:{folders['ast']}", encoder=encoder_stub, sample_rate=8000)  # type: ignore[arg-type]
    assert found.feature_fingerprint != other.feature_fingerprint
    assert [known.name for known in trainable_by_path()] == ["ast:PATH", "transformers:PATH"]
    assert all(known.available for known in trainable_by_path())
    assert isinstance(load_trainable(f"ast:{folders['ast']}"), TrainableModel)
    assert unknown_classifier("ast:anything") is None
    assert "ast:PATH" in str(unknown_classifier("ast"))
    assert working_rate_for(f"ast:{folders['ast']}@head", "acoustic", [44_100]) == 16_000
    assert working_rate_for("crnn", "no encoder is loaded", [44_100, 8000]) == 16_000


def test_both_settings_of_synthio_are_what_the_paper_and_its_code_have() -> None:
    first, second = SETTINGS["synthio-a"].training, SETTINGS["synthio-b"].training
    assert (first.peak_learning_rate, first.batch_size) == (1e-5, 48)
    assert (second.peak_learning_rate, second.batch_size) == (1e-4, 24)
    for one in (first, second):
        assert (one.optimiser, one.betas, one.weight_decay, one.label_smoothing) == ("adam", (0.95, 0.999), 5e-7, 0.0)
    rates = [scheduled_rate(step, 500, peak=1.0, schedule=first.schedule) for step in range(500)]
    assert rates[:50] == [1.0] * 50  # five of fifty epochs
    np.testing.assert_allclose(rates[50:70], [0.85] * 10 + [0.85**2] * 10)
    assert rates[-1] == pytest.approx(0.85**45)


def test_what_cannot_be_trained_on_is_refused_with_a_reason(
    folders: dict[str, Path], tiny: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BackendError, match="write transformers: instead of ast:"):
        load_trainable(f"ast:{folders['whisper']}")
    with pytest.raises(BackendError, match=r"expected ast:PATH or transformers:PATH"):
        load_trainable("ast:")
    with pytest.raises(BackendError, match="HF_HUB_OFFLINE=1 forbids"):
        load_trainable("ast:nobody/nothing")
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    for name in ("config.json", "preprocessor_config.json"):
        (pickled / name).write_bytes((folders["ast"] / name).read_bytes())
    (pickled / "pytorch_model.bin").write_bytes(b"no")
    with pytest.raises(BackendError, match="only safetensors are read"):
        load_trainable(f"ast:{pickled}")
    torn = tiny.without_weight(folders["ast"], tmp_path / "torn", "layernorm")
    with pytest.raises(BackendError, match="lacks"):
        load_trainable(f"ast:{torn}").new_network(2)
    with pytest.raises(AudioError):
        _classifier(folders["ast"]).features(Recording(np.zeros((1, 0), np.float32), 8000))


def test_nothing_of_the_model_libraries_is_imported_before_a_model_is_asked_for() -> None:
    import subprocess

    code = (
        "import sys, menura.classify.pretrained, menura.backends.trainable_audio; print('transformers' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
