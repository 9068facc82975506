"""Turns AudioGen as it was published (audiocraft's two pickles) into a folder of MusicGen's architecture.

    menura models convert-audiogen AUDIOGEN T5 NEW

AUDIOGEN holds ``state_dict.bin`` and ``compression_state_dict.bin`` of facebook/audiogen-medium, T5 is a folder of
google-t5/t5-large in safetensors: audiocraft reads the text encoder from there and its checkpoint has none. The pickles
are read by ``torch.load(weights_only=True)``, which takes tensors and plain values and runs nothing. Every tensor must
find its place, and every place its tensor: a mistake cannot go by unnoticed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from menura.backends.weights.check import check_folder, described_class
from menura.backends.weights.convert import load_plain
from menura.backends.weights.loading import load_part, load_whole
from menura.errors import BackendError

__all__ = ["codec_name", "convert_audiogen", "language_model_names"]

_SAMPLE_RATE = 16_000
_RATIOS = (8, 5, 4, 2)
_HEAD_WIDTH = 64

_LAYER = {
    "self_attn.out_proj": "self_attn.out_proj", "cross_attention.out_proj": "encoder_attn.out_proj",
    "norm1": "self_attn_layer_norm", "norm_cross": "encoder_attn_layer_norm", "norm2": "final_layer_norm",
    "linear1": "fc1", "linear2": "fc2",
}  # fmt: skip
"""Parts of a layer of audiocraft's transformer to those of MusicGen's."""


def convert_audiogen(source: Path, text_encoder: Path, target: Path, *, heads: int | None = None) -> None:
    """Write the folder that the generator ``audiogen`` loads.

    Args:
        source: Folder with ``state_dict.bin`` and ``compression_state_dict.bin``.
        text_encoder: Folder of the T5 encoder that the model was trained with.
        target: Folder to be made.
        heads: Of the attention; by default one for each 64 of the width, as in all published sizes.

    Raises:
        BackendError: A file is missing or holds more than tensors, a tensor has no place, or a place no tensor.
    """
    import torch
    from transformers import (
        AutoConfig,
        AutoTokenizer,
        EncodecFeatureExtractor,
        MusicgenConfig,
        MusicgenForConditionalGeneration,
        MusicgenProcessor,
        T5EncoderModel,
    )

    if target.exists():
        raise BackendError(f"{target} exists already: choose another folder, or remove it")
    language = _tensors(source / "state_dict.bin")
    codec = {codec_name(name): tensor for name, tensor in _tensors(source / "compression_state_dict.bin").items()}
    text_config = load_part(AutoConfig, text_encoder)
    decoder = _decoder_config(language, heads)
    config = MusicgenConfig(
        text_encoder=text_config.to_dict(), audio_encoder=_codec_config(codec, decoder.num_codebooks).to_dict(),
        decoder=decoder.to_dict(),
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        model = MusicgenForConditionalGeneration(config)
    encoder = _text_encoder(T5EncoderModel, text_encoder)
    model.text_encoder.load_state_dict(encoder.state_dict())
    renamed = {new: part for name, tensor in language.items() for new, part in language_model_names(name, tensor)}
    renamed |= {f"audio_encoder.{name}": tensor for name, tensor in codec.items()}
    _fill(model, renamed)
    for name in ("decoder_start_token_id", "pad_token_id", "bos_token_id"):
        setattr(model.generation_config, name, decoder.vocab_size)
    model.generation_config.do_sample = True
    model.generation_config.guidance_scale = 3.0
    model.generation_config.max_length = 500
    model.save_pretrained(target)
    tokenizer = load_part(AutoTokenizer, text_encoder)
    features = EncodecFeatureExtractor(sampling_rate=_SAMPLE_RATE)
    MusicgenProcessor(features, tokenizer).save_pretrained(target)  # type: ignore[no-untyped-call]


def language_model_names(name: str, tensor: Any) -> list[tuple[str, Any]]:
    """Where a tensor of audiocraft's language model belongs: its new names, each with its part of the tensor.

    The projections of query, key and value are one matrix there and three here.

    Raises:
        BackendError: The name is none of AudioGen's.
    """
    for pattern, new in (
        (r"emb\.(\d+)\.weight", "decoder.model.decoder.embed_tokens.{}.weight"),
        (r"linears\.(\d+)\.weight", "decoder.lm_heads.{}.weight"),
        (r"out_norm\.(weight|bias)", "decoder.model.decoder.layer_norm.{}"),
        (r"condition_provider\.conditioners\.description\.output_proj\.(weight|bias)", "enc_to_dec_proj.{}"),
    ):
        if found := re.fullmatch(pattern, name):
            return [(new.format(found[1]), tensor)]
    if found := re.fullmatch(r"transformer\.layers\.(\d+)\.(.+)", name):
        prefix, part = f"decoder.model.decoder.layers.{found[1]}", found[2]
        if part in ("self_attn.in_proj_weight", "cross_attention.in_proj_weight"):
            where = "self_attn" if part.startswith("self") else "encoder_attn"
            names = [f"{prefix}.{where}.{which}_proj.weight" for which in "qkv"]
            return list(zip(names, tensor.chunk(3), strict=True))
        stem, _, leaf = part.rpartition(".")
        if stem in _LAYER and leaf in ("weight", "bias"):
            return [(f"{prefix}.{_LAYER[stem]}.{leaf}", tensor)]
    raise BackendError(f"tensor {name} has no place in MusicGen's architecture: is this AudioGen's state_dict.bin?")


def codec_name(name: str) -> str:
    """Name in transformers' EnCodec of a tensor of audiocraft's; the layers are counted alike."""
    new = re.sub(r"^(encoder|decoder)\.model\.", r"\1.layers.", name)
    new = new.replace(".conv.conv.", ".conv.").replace(".convtr.convtr.", ".conv.")
    new = new.replace("quantizer.vq.layers.", "quantizer.layers.").replace("._codebook.", ".codebook.")
    new = new.replace(".conv.weight_g", ".conv.parametrizations.weight.original0")
    return new.replace(".conv.weight_v", ".conv.parametrizations.weight.original1")


def _tensors(file: Path) -> dict[str, Any]:
    if not file.is_file():
        raise BackendError(f"{file} is not there: expected the files of facebook/audiogen-medium")
    found = load_plain(file)
    state = found.get("best_state") if isinstance(found, Mapping) else None
    if not isinstance(state, Mapping):
        raise BackendError(f"{file} has no best_state: expected a checkpoint as audiocraft exports them")
    return dict(state)


def _decoder_config(language: Mapping[str, Any], heads: int | None) -> Any:
    """Sizes of the language model, read from its tensors."""
    from transformers import MusicgenDecoderConfig

    codebooks = _count(language, r"linears\.(\d+)\.weight")
    vocabulary, width = language["linears.0.weight"].shape if codebooks else (0, 0)
    if not codebooks:
        raise BackendError("state_dict.bin has no linears.0.weight: is this AudioGen's?")
    return MusicgenDecoderConfig(
        vocab_size=vocabulary, hidden_size=width, num_codebooks=codebooks, audio_channels=1,
        num_hidden_layers=_count(language, r"transformer\.layers\.(\d+)\.norm1\.weight"),
        ffn_dim=language["transformer.layers.0.linear1.weight"].shape[0],
        num_attention_heads=heads or max(1, width // _HEAD_WIDTH), dropout=0.0, activation_function="gelu",
        pad_token_id=vocabulary, bos_token_id=vocabulary, eos_token_id=None,
    )  # fmt: skip


def _codec_config(codec: Mapping[str, Any], codebooks: int) -> Any:
    """Sizes of EnCodec, read from its tensors; its steps are those of AudioGen, 50 frames a second at 16 kHz."""
    from transformers import EncodecConfig

    size, dim = codec["quantizer.layers.0.codebook.embed"].shape
    frame_rate = _SAMPLE_RATE // math.prod(_RATIOS)
    lstm = next(name for name in codec if name.endswith("lstm.weight_ih_l0")).removesuffix("weight_ih_l0")
    return EncodecConfig(
        sampling_rate=_SAMPLE_RATE, audio_channels=1, normalize=False, upsampling_ratios=list(_RATIOS),
        num_filters=codec["encoder.layers.0.conv.bias"].shape[0], hidden_size=dim, codebook_dim=dim, codebook_size=size,
        num_lstm_layers=_count(codec, re.escape(lstm) + r"weight_ih_l(\d+)"), use_causal_conv=False,
        norm_type="weight_norm", use_conv_shortcut=any(".shortcut." in name for name in codec),
        target_bandwidths=[codebooks * frame_rate * math.ceil(math.log2(size)) / 1000],
    )  # fmt: skip


def _count(names: Mapping[str, Any], pattern: str) -> int:
    return sum(1 for name in names if re.fullmatch(pattern, name))


def _text_encoder(kind: Any, folder: Path) -> Any:
    """The encoder, also out of a folder of the whole T5."""
    check_folder(folder)
    found = described_class(folder)
    if found not in (kind.__name__, "T5ForConditionalGeneration"):
        raise BackendError(f"{folder} holds {found}, expected T5")
    return load_whole(kind, folder)


def _fill(model: Any, tensors: Mapping[str, Any]) -> None:
    """Copy the tensors into the model; all of what is not the text encoder must be among them, in its shape."""
    state = model.state_dict()
    wanted = {name for name in state if not name.startswith("text_encoder.")}
    wanted -= {name for name in wanted if name.endswith("embed_positions.weights")}
    missing, strange = sorted(wanted - set(tensors)), sorted(set(tensors) - set(state))
    if missing or strange:
        raise BackendError(
            f"the checkpoint does not fit: {len(missing)} places without a tensor ({', '.join(missing[:3])}), "
            f"{len(strange)} tensors without a place ({', '.join(strange[:3])})"
        )
    wrong = [name for name in tensors if tensors[name].shape != state[name].shape]
    if wrong:
        raise BackendError(
            f"{wrong[0]} has shape {tuple(tensors[wrong[0]].shape)}, expected {tuple(state[wrong[0]].shape)}"
        )
    model.load_state_dict({name: tensor.float() for name, tensor in tensors.items()}, strict=False)
