"""Tiny models with random weights, saved to disk: what a user downloads, a thousand times smaller."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from menura.types import Recording

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()


def noise(seed: int, *, rate: int = 48_000, duration_s: float = 0.5, channels: int = 1) -> Recording:
    waveform = 0.1 * np.random.default_rng(seed).standard_normal((channels, max(1, round(duration_s * rate))))
    return Recording(waveform.astype(np.float32), rate)


def tone(hz: float, *, rate: int = 48_000, duration_s: float = 0.5) -> Recording:
    seconds = np.arange(round(duration_s * rate)) / rate
    return Recording((0.3 * np.sin(2 * np.pi * hz * seconds))[None].astype(np.float32), rate)


def save_clap(folder: Path, *, seed: int = 0, fusion: bool = False) -> Path:
    """A CLAP of 86,000 weights with the real front end: 64 mels, 48 kHz, 10 s."""
    torch.manual_seed(seed)
    text = {
        "vocab_size": 300, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16, "max_position_embeddings": 40, "projection_dim": 16, "initializer_factor": 30.0,
    }  # fmt: skip
    audio = {
        "spec_size": 256, "num_mel_bins": 64, "patch_size": 4, "patch_stride": [4, 4], "patch_embeds_hidden_size": 8,
        "hidden_size": 64, "depths": [1, 1, 1, 1], "num_attention_heads": [1, 2, 2, 4], "window_size": 8,
        "projection_dim": 16, "initializer_factor": 30.0, "num_hidden_layers": 4, "enable_fusion": fusion,
        "fusion_type": "aff_2d" if fusion else None, "aff_block_r": 2,
    }  # fmt: skip
    config = transformers.ClapConfig(text_config=text, audio_config=audio, projection_dim=16)
    transformers.ClapModel(config).save_pretrained(folder)
    letters = [*map(chr, range(33, 127)), *map(chr, range(161, 173)), *map(chr, range(174, 256))]
    letters += [chr(256 + extra) for extra in range(68)]
    vocabulary = {token: index for index, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", "<mask>", *letters])}
    transformers.RobertaTokenizer(vocab=vocabulary, merges=[]).save_pretrained(folder)
    cut = "fusion" if fusion else "rand_trunc"
    transformers.ClapFeatureExtractor(truncation=cut, padding="repeatpad").save_pretrained(folder)
    return folder


def save_ast(folder: Path) -> Path:
    torch.manual_seed(0)
    config = transformers.ASTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, max_length=64, num_mel_bins=32
    )
    transformers.ASTModel(config).save_pretrained(folder)
    transformers.ASTFeatureExtractor(max_length=64, num_mel_bins=32).save_pretrained(folder)
    return folder


def save_wav2vec2(folder: Path, *, kind: str = "Wav2Vec2") -> Path:
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, conv_dim=(8, 8),
        conv_kernel=(10, 8), conv_stride=(8, 8), num_conv_pos_embeddings=8, num_conv_pos_embedding_groups=2,
    )  # fmt: skip
    getattr(transformers, f"{kind}Model")(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


def save_whisper(folder: Path) -> Path:
    torch.manual_seed(0)
    config = transformers.WhisperConfig(
        vocab_size=20, num_mel_bins=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, d_model=16, encoder_ffn_dim=16, decoder_ffn_dim=16, max_source_positions=100,
        max_target_positions=8, pad_token_id=1, bos_token_id=2, eos_token_id=3, decoder_start_token_id=2,
    )  # fmt: skip
    transformers.WhisperModel(config).save_pretrained(folder)
    transformers.WhisperFeatureExtractor(feature_size=16, chunk_length=2).save_pretrained(folder)
    return folder


def without_weight(folder: Path, target: Path, beginning: str) -> Path:
    """A copy of a model whose file lacks the weights of that beginning."""
    from safetensors.torch import load_file, save_file

    target.mkdir()
    for path in folder.iterdir():
        if path.suffix != ".safetensors":
            (target / path.name).write_bytes(path.read_bytes())
    weights = load_file(folder / "model.safetensors")
    kept = {name: tensor for name, tensor in weights.items() if not name.startswith(beginning)}
    assert len(kept) < len(weights)
    save_file(kept, target / "model.safetensors", metadata={"format": "pt"})
    return target


def config_of(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / "config.json").read_text())
    return found


@pytest.fixture(scope="session")
def tiny() -> ModuleType:
    """The functions of this file, for the tests beside it."""
    return sys.modules[__name__]


@pytest.fixture(scope="session")
def clap_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clap(tmp_path_factory.mktemp("models") / "clap")


def _audio_processor(kind: str, audio_token: str, extra: list[str], template: str | None) -> object:
    letters = [*map(chr, range(33, 127)), *map(chr, range(161, 173)), *map(chr, range(174, 256))]
    letters += [chr(256 + more) for more in range(68)]
    vocabulary = {token: index for index, token in enumerate(["<|endoftext|>", *letters])}
    tokenizer = transformers.Qwen2Tokenizer(vocab=vocabulary, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": [audio_token, *extra]})
    hears = transformers.WhisperFeatureExtractor(feature_size=16, chunk_length=2)
    processor = getattr(transformers, f"{kind}Processor")
    more = {"chat_template": template} if template else {}
    return processor(feature_extractor=hears, tokenizer=tokenizer, audio_token=audio_token, **more)


_LANGUAGE = {
    "model_type": "qwen2", "vocab_size": 280, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 2, "intermediate_size": 16, "max_position_embeddings": 2048, "initializer_range": 1.0,
    "eos_token_id": 0, "bos_token_id": 0, "pad_token_id": 0,
}  # fmt: skip


def save_qwen2_audio(folder: Path) -> Path:
    torch.manual_seed(0)
    processor = _audio_processor(
        "Qwen2Audio", "<|AUDIO|>", ["<|audio_bos|>", "<|audio_eos|>", "<|im_start|>", "<|im_end|>"], None
    )
    audio = {
        "model_type": "qwen2_audio_encoder", "num_mel_bins": 16, "encoder_layers": 1, "encoder_attention_heads": 2,
        "encoder_ffn_dim": 16, "d_model": 16, "max_source_positions": 100, "initializer_range": 1.0,
    }  # fmt: skip
    config = transformers.Qwen2AudioConfig(
        audio_config=audio, text_config=_LANGUAGE,
        audio_token_index=processor.audio_token_id,  # type: ignore[attr-defined]
    )  # fmt: skip
    _save_captioner(transformers.Qwen2AudioForConditionalGeneration(config), processor, folder)
    return folder


def save_audio_flamingo(folder: Path) -> Path:
    torch.manual_seed(0)
    template = (
        "{% for message in messages %}{% for content in message['content'] %}"
        "{% if content['type'] == 'audio' %}<sound>{% else %}{{ content['text'] }}{% endif %}{% endfor %}{% endfor %}"
    )
    processor = _audio_processor("AudioFlamingo3", "<sound>", [], template)
    audio = {
        "model_type": "audioflamingo3_encoder", "num_mel_bins": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
        "intermediate_size": 16, "hidden_size": 16, "max_source_positions": 100, "initializer_range": 1.0,
    }  # fmt: skip
    config = transformers.AudioFlamingo3Config(
        audio_config=audio, text_config=_LANGUAGE,
        audio_token_id=processor.audio_token_id,  # type: ignore[attr-defined]
    )  # fmt: skip
    _save_captioner(transformers.AudioFlamingo3ForConditionalGeneration(config), processor, folder)
    return folder


def _save_captioner(model: object, processor: object, folder: Path) -> None:
    with torch.no_grad():
        for weight in model.parameters():  # type: ignore[attr-defined]
            if weight.ndim > 1:
                weight.normal_(0, 0.5)
    model.save_pretrained(folder)  # type: ignore[attr-defined]
    processor.save_pretrained(folder)  # type: ignore[attr-defined]
