from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from menura.backends.base import AudioTextScorer, Encoder
from menura.backends.clap import ClapScorer
from menura.backends.registry import load_encoder, load_scorer
from menura.errors import AudioError, BackendError
from menura.types import Recording

TEXTS = ["Sound of a dog", "Sound of rain", "Sound of a very distant, old and rusty church bell that nobody rings"]


@pytest.fixture(scope="module")
def scorer(clap_folder: Path) -> ClapScorer:
    return ClapScorer(str(clap_folder))


def test_a_scorer_keeps_the_protocol_and_tells_sounds_and_texts_apart(scorer: ClapScorer, tiny: ModuleType) -> None:
    as_protocol: AudioTextScorer = scorer
    cosine = as_protocol.similarity([tiny.noise(0), tiny.tone(440)], TEXTS)
    assert cosine.shape == (2, 3)
    assert cosine.dtype == np.float32
    assert np.abs(cosine).max() <= 1
    assert cosine.std(axis=0).min() > 0.01
    assert cosine.std(axis=1).min() > 0.01
    assert scorer.scale == pytest.approx(1 / 0.07, rel=1e-5)  # what the model was saved with
    assert as_protocol.similarity([], TEXTS).shape == (0, 3)
    assert as_protocol.similarity([tiny.noise(0)], []).shape == (1, 0)


def test_the_cosines_are_those_of_the_model_itself(scorer: ClapScorer, clap_folder: Path, tiny: ModuleType) -> None:
    """Known answer: the library's own forward pass on a clip that fits into ten seconds and needs no resampling."""
    torch, transformers = tiny.torch, tiny.transformers
    model = transformers.ClapModel.from_pretrained(clap_folder).eval()
    processor = transformers.ClapProcessor.from_pretrained(clap_folder)
    clip = tiny.tone(700)
    given = processor(text=TEXTS[:2], audio=clip.waveform[0], sampling_rate=48_000, return_tensors="pt", padding=True)
    with torch.no_grad():
        logits = model(**given).logits_per_audio.numpy()
    np.testing.assert_allclose(scorer.similarity([clip], TEXTS[:2]) * scorer.scale, logits, atol=1e-4)


def test_a_score_is_the_same_alone_in_any_order_and_whatever_numpy_drew_before(
    scorer: ClapScorer, tiny: ModuleType
) -> None:
    """The long clip is the trap: the library would crop it somewhere else at each call."""
    clips = [tiny.noise(0), tiny.noise(1, duration_s=13.0, rate=8000), tiny.tone(440, duration_s=2.0)]
    together = scorer.similarity(clips, TEXTS)
    np.random.seed(5)  # noqa: NPY002
    backwards = scorer.similarity(clips[::-1], TEXTS[::-1])[::-1, ::-1]
    alone = np.concatenate([scorer.similarity([clip], TEXTS) for clip in clips])
    np.testing.assert_array_equal(together, backwards)
    np.testing.assert_array_equal(together, alone)


def test_windows_in_batches_move_a_cosine_by_less_than_a_millionth(
    scorer: ClapScorer, clap_folder: Path, tiny: ModuleType
) -> None:
    clips = [tiny.noise(0), tiny.noise(1, duration_s=13.0, rate=8000), tiny.tone(440, duration_s=2.0)]
    batched = ClapScorer(str(clap_folder), batch=3)
    assert np.abs(batched.similarity(clips, TEXTS) - scorer.similarity(clips, TEXTS)).max() < 1e-6
    assert batched.fingerprint != scorer.fingerprint


def test_a_model_with_fusion_hears_a_clip_alike_alone_and_beside_others(tmp_path: Path, tiny: ModuleType) -> None:
    """The library marks one random clip of a call as long; whoever is marked is heard otherwise."""
    folder = str(tiny.save_clap(tmp_path / "fused", fusion=True))
    clips = [tiny.noise(0), tiny.tone(440)]
    together = ClapScorer(folder, batch=2).embed_audio(clips)
    alone = ClapScorer(folder).embed_audio(clips)
    assert np.abs(together - alone).max() < 1e-6


def test_the_end_of_a_long_clip_is_heard(scorer: ClapScorer, tiny: ModuleType) -> None:
    silence = np.zeros((1, 12 * 8000), np.float32)
    ending = silence.copy()
    ending[0, -8000:] = tiny.noise(0, rate=8000, duration_s=1.0).waveform[0]
    one, other = scorer.embed_audio([Recording(silence, 8000), Recording(ending, 8000)])
    assert np.linalg.norm(one - other) > 0.05


def test_the_encoder_is_asked_for_by_its_path_alone_or_beside_others(clap_folder: Path, tiny: ModuleType) -> None:
    encoder = load_encoder(f"clap:{clap_folder}")
    assert isinstance(encoder, Encoder)
    assert (encoder.dim, encoder.sample_rate, encoder.name) == (16, 48_000, f"clap:{clap_folder}")
    embedded = encoder.embed([tiny.noise(0, rate=8000, channels=2), tiny.tone(440)])
    assert embedded.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embedded, axis=1), 1.0, rtol=1e-5)
    assert encoder.embed([]).shape == (0, 16)
    assert load_encoder(f"acoustic+clap:{clap_folder}").dim == load_encoder("acoustic").dim + 16


@pytest.mark.parametrize("duration_s", [1 / 48_000, 0.01, 10.0])
@pytest.mark.parametrize("level", [0.0, 30.0])
def test_any_length_and_level_gives_finite_numbers(
    scorer: ClapScorer, duration_s: float, level: float, tiny: ModuleType
) -> None:
    clip = tiny.noise(0, duration_s=duration_s, channels=2)
    assert np.isfinite(scorer.embed_audio([Recording(level * clip.waveform, clip.sample_rate)])).all()


def test_what_is_no_sound_is_refused(scorer: ClapScorer) -> None:
    with pytest.raises(AudioError, match="NaN or infinite"):
        scorer.embed_audio([Recording(np.full((1, 100), np.nan, np.float32), 48_000)])


def test_the_fingerprint_is_of_the_content_not_of_the_place(
    scorer: ClapScorer, clap_folder: Path, tmp_path: Path, tiny: ModuleType
) -> None:
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for path in clap_folder.iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    assert load_scorer(f"clap:{moved}").fingerprint == scorer.fingerprint
    other = tiny.save_clap(tmp_path / "other", seed=1)
    assert load_scorer(str(other)).fingerprint != scorer.fingerprint


def test_weights_that_are_missing_are_refused_and_not_filled_at_random(
    clap_folder: Path, tmp_path: Path, tiny: ModuleType
) -> None:
    broken = tiny.without_weight(clap_folder, tmp_path / "broken", "text_projection")
    with pytest.raises(BackendError, match=r"lacks 4 weights of ClapModel \(text_projection.*would be random"):
        ClapScorer(str(broken))


def test_tables_that_are_counted_out_anew_may_be_missing(
    scorer: ClapScorer, clap_folder: Path, tmp_path: Path, tiny: ModuleType
) -> None:
    older = tiny.without_weight(clap_folder, tmp_path / "one", "text_model.embeddings.position_ids")
    older = tiny.without_weight(older, tmp_path / "two", "text_model.embeddings.token_type_ids")
    # Not to the bit: in another file the weights lie elsewhere in memory, and products are summed in another order.
    np.testing.assert_allclose(ClapScorer(str(older)).embed_texts(TEXTS), scorer.embed_texts(TEXTS), atol=1e-6)


def test_a_pickle_is_refused_with_the_conversion(clap_folder: Path, tmp_path: Path, tiny: ModuleType) -> None:
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    for path in clap_folder.iterdir():
        if path.suffix != ".safetensors":
            (pickled / path.name).write_bytes(path.read_bytes())
    tiny.torch.save({}, pickled / "pytorch_model.bin")
    with pytest.raises(BackendError, match=r"pickled weights \(pytorch_model.bin\).*menura models convert"):
        ClapScorer(str(pickled))


@pytest.mark.parametrize(
    ("path", "said"),
    [("/no/such/place", "expected a folder, or a name on the Hub"), ("nobody/nothing", "cannot be fetched")],
)
def test_a_model_that_is_not_there_says_what_to_do(path: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(BackendError, match=said):
        load_encoder(f"clap:{path}")


def test_a_model_of_another_kind_is_refused(tmp_path: Path, tiny: ModuleType) -> None:
    with pytest.raises(BackendError, match="kind 'audio-spectrogram-transformer', expected 'clap'"):
        ClapScorer(str(tiny.save_ast(tmp_path / "ast")))


def test_importing_the_module_imports_no_model_library() -> None:
    code = (
        "import sys, menura.backends.clap, menura.backends.audio_models, menura.backends.registry; "
        "print(sorted({'torch', 'transformers', 'huggingface_hub'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
