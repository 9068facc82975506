from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from menura.backends.base import Encoder
from menura.backends.registry import load_encoder
from menura.errors import BackendError
from menura.types import Recording

SAVED: dict[str, Callable[[ModuleType, Path], Path]] = {
    "ast": lambda tiny, folder: tiny.save_ast(folder),
    "wav2vec2": lambda tiny, folder: tiny.save_wav2vec2(folder),
    "hubert": lambda tiny, folder: tiny.save_wav2vec2(folder, kind="Hubert"),
    "wavlm": lambda tiny, folder: tiny.save_wav2vec2(folder, kind="WavLM"),
    "whisper": lambda tiny, folder: tiny.save_whisper(folder),
}


@pytest.fixture(scope="module", params=sorted(SAVED))
def encoder(request: pytest.FixtureRequest, tiny: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    folder = SAVED[request.param](tiny, tmp_path_factory.mktemp("models") / request.param)
    return load_encoder(f"transformers:{folder}")


def test_an_encoder_keeps_the_protocol(encoder: Encoder, tiny: ModuleType) -> None:
    assert isinstance(encoder, Encoder)
    embedded = encoder.embed([tiny.noise(0), tiny.tone(440)])
    assert embedded.dtype == np.float32
    assert embedded.shape == (2, encoder.dim) == (2, 16)
    assert np.abs(embedded[0] - embedded[1]).max() > 1e-3
    assert encoder.embed([]).shape == (0, 16)
    assert load_encoder(encoder.name).fingerprint == encoder.fingerprint


def test_an_embedding_does_not_depend_on_its_batch_or_order(encoder: Encoder, tiny: ModuleType) -> None:
    clips = [tiny.noise(0, rate=8000), tiny.noise(1, rate=44_100, channels=2), tiny.tone(440, duration_s=3.0)]
    together = encoder.embed(clips)
    np.testing.assert_array_equal(together, encoder.embed(clips[::-1])[::-1])
    np.testing.assert_array_equal(together, np.concatenate([encoder.embed([clip]) for clip in clips]))


@pytest.mark.parametrize("num_samples", [1, 100, 16_000])
@pytest.mark.parametrize("level", [0.0, 30.0])
def test_any_length_and_level_gives_finite_numbers(encoder: Encoder, num_samples: int, level: float) -> None:
    waveform = level * np.random.default_rng(0).standard_normal((1, num_samples))
    assert np.isfinite(encoder.embed([Recording(waveform.astype(np.float32), 16_000)])).all()


def test_the_end_of_a_clip_longer_than_the_model_takes_is_heard(encoder: Encoder, tiny: ModuleType) -> None:
    """AST here takes 0.64 s, Whisper 2 s; both extractors cut without a word what is longer."""
    start = tiny.noise(0, rate=16_000, duration_s=2.5).waveform
    other = start.copy()
    other[0, -8000:] = tiny.tone(440, rate=16_000).waveform[0]
    one, two = encoder.embed([Recording(start, 16_000), Recording(other, 16_000)])
    assert np.abs(one - two).max() > 1e-3


def test_frames_of_padding_are_left_out_of_the_mean(tiny: ModuleType, tmp_path: Path) -> None:
    """Known answer: the mean over the frames of the first half second, worked out with the library alone."""
    torch, transformers = tiny.torch, tiny.transformers
    folder = tiny.save_whisper(tmp_path / "whisper")
    clip = tiny.noise(0, rate=16_000, duration_s=0.5)
    front_end = transformers.WhisperFeatureExtractor.from_pretrained(folder)
    model = transformers.WhisperModel.from_pretrained(folder).eval().get_encoder()
    features = front_end(clip.waveform[0], sampling_rate=16_000, return_tensors="pt").input_features
    with torch.no_grad():
        frames = model(features).last_hidden_state[0].numpy()
    assert len(frames) == 100  # of 20 ms; the clip fills a quarter of the 2 s
    found = load_encoder(f"transformers:{folder}").embed([clip])[0]
    np.testing.assert_allclose(found, frames[:25].mean(axis=0), atol=1e-6)
    assert np.abs(found - frames.mean(axis=0)).max() > 1e-2


def test_a_model_that_hears_no_sound_alone_is_refused(clap_folder: Path, tiny: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="write clap: instead of transformers:"):
        load_encoder(f"transformers:{clap_folder}")
    config = tiny.transformers.BertConfig(
        vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
    )
    tiny.transformers.BertModel(config).save_pretrained(tmp_path / "text")
    with pytest.raises(BackendError, match="cannot be loaded as AutoFeatureExtractor"):
        load_encoder(f"transformers:{tmp_path / 'text'}")


def test_weights_that_are_missing_are_refused(tiny: ModuleType, tmp_path: Path) -> None:
    whole = tiny.save_wav2vec2(tmp_path / "whole")
    with pytest.raises(BackendError, match="lacks 2 weights of Wav2Vec2Model"):
        load_encoder(f"transformers:{tiny.without_weight(whole, tmp_path / 'less', 'feature_projection.projection')}")
    unused = tiny.without_weight(whole, tmp_path / "unused", "masked_spec_embed")
    assert load_encoder(f"transformers:{unused}").dim == 16
