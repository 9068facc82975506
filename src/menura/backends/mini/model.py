"""The small model: hashed text, a transformer of diffusers over groups of mel frames, made, saved, loaded and asked."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from menura.audio.mel_frames import MelFrames
from menura.backends.mini.text import HashedText
from menura.backends.weights.check import CONFIG, INDEX
from menura.backends.weights.content import read_json
from menura.backends.weights.loading import load_whole, quiet, told
from menura.errors import BackendError, ConfigError
from menura.files import disk_errors, write_text
from menura.formats import MINI_MODEL

__all__ = ["CLASS_NAME", "SIZES", "MiniModel", "MiniSize", "SizeName", "load_mini", "new_mini", "save_mini"]

CLASS_NAME = "MenuraMini"
"""What ``model_index.json`` names."""

SizeName = Literal["tiny", "small", "large"]

_HEAD = 32
_TEXT_WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True)
class MiniSize:
    """Shape of the networks.

    Attributes:
        heads: Of the attention, each 32 wide.
        layers: Of the transformer.
        text_width: Of the vectors of words.
        buckets: Rows of the table of words.
        frames: Mel frames in a group; the transformer sees one group as one token.
    """

    heads: int
    layers: int
    text_width: int
    buckets: int
    frames: int = 4


SIZES: dict[SizeName, MiniSize] = {
    "tiny": MiniSize(2, 2, 32, 512),
    "small": MiniSize(8, 6, 128, 8192),
    "large": MiniSize(24, 12, 512, 65_536, 2),
}
"""For tests, 0.4 million weights; for processors, 9 million; for a graphics card, 180 million."""


@dataclass
class MiniModel:
    """Networks in memory. Training may put an adapter around ``transformer``.

    Attributes:
        transformer: Says the velocity of noisy groups of frames.
        text: Reads prompts.
        mel: How sound becomes frames.
        frames: In a group.
        head_dim: Width of a head of the attention.
        facts: Of the training, for those who ask.
    """

    transformer: nn.Module
    text: HashedText
    mel: MelFrames
    frames: int
    head_dim: int
    facts: Mapping[str, Any] = field(default_factory=dict)

    def groups(self, duration_s: float) -> int:
        """Groups of frames that hold a clip of that duration."""
        return math.ceil(self.mel.count(duration_s) / self.frames)

    def to_groups(self, waveforms: Tensor) -> Tensor:
        """Groups ``[clips, mels * frames, groups]`` of waveforms ``[clips, samples]``, filled up with silence."""
        count = self.groups(waveforms.shape[1] / self.mel.sample_rate) * self.frames
        short = (count - 1) * self.mel.hop - waveforms.shape[1]
        frames = self.mel.encode(torch.nn.functional.pad(waveforms, (0, max(0, short))))[..., :count]
        clips, mels, _ = frames.shape
        return frames.reshape(clips, mels, -1, self.frames).transpose(2, 3).reshape(clips, mels * self.frames, -1)

    def from_groups(self, groups: Tensor) -> Tensor:
        """Mel frames ``[clips, mels, count]`` of groups ``[clips, mels * frames, groups]``."""
        clips, _, count = groups.shape
        frames = groups.reshape(clips, self.mel.mels, self.frames, count)
        return frames.transpose(2, 3).reshape(clips, self.mel.mels, -1)

    def read(self, prompts: Sequence[str]) -> dict[str, Tensor]:
        """What the transformer is told of prompts: a vector for each word, and their mean; zeros for an empty one."""
        words = self.text(prompts)
        count = (words.abs().sum(-1) > 0).sum(1).clamp_min(1)
        return {"words": words, "whole": (words.sum(1) / count[:, None])[:, None]}

    def say(self, noisy: Tensor, time: Tensor, conditions: Mapping[str, Tensor]) -> Tensor:
        """The velocity ``noise - clean`` of ``[clips, mels * frames, groups]``, float32; gradients flow."""
        from diffusers.models.embeddings import get_1d_rotary_pos_embed

        rotary = get_1d_rotary_pos_embed(
            self.head_dim // 2, noisy.shape[-1] + 1, use_real=True, repeat_interleave_real=False
        )
        with _attention(noisy):
            said: Tensor = self.transformer(
                noisy, time, encoder_hidden_states=conditions["words"], global_hidden_states=conditions["whole"],
                rotary_embedding=rotary, return_dict=False,
            )[0]  # fmt: skip
        return said.float()


def new_mini(size: MiniSize, mel: MelFrames) -> MiniModel:
    """A model with random weights, which follow torch's global random state."""
    from diffusers import StableAudioDiTModel

    tokens = mel.mels * size.frames
    make: Any = StableAudioDiTModel
    transformer: nn.Module = make(
        sample_size=512, in_channels=tokens, out_channels=tokens, num_layers=size.layers, attention_head_dim=_HEAD,
        num_attention_heads=size.heads, num_key_value_attention_heads=size.heads, cross_attention_dim=size.text_width,
        time_proj_dim=size.text_width, global_states_input_dim=size.text_width,
        cross_attention_input_dim=size.text_width,
    )  # fmt: skip
    return MiniModel(transformer, HashedText(size.text_width, buckets=size.buckets), mel, size.frames, _HEAD)


def _attention(noisy: Tensor) -> AbstractContextManager[object]:
    """Plain attention for half precision on a processor, where the fused one is slower; else what torch chooses."""
    half = noisy.dtype == torch.bfloat16 or torch.is_autocast_enabled("cpu")
    return sdpa_kernel(SDPBackend.MATH) if noisy.device.type == "cpu" and half else nullcontext()


def save_mini(folder: Path, model: MiniModel, *, card: str, half: bool = True) -> None:
    """Writes a model, the index last: a folder without it is none.

    Args:
        folder: Made if it is not there.
        model: The networks.
        card: ``README.md``.
        half: Weights in float16.

    Raises:
        RunError: The disk cannot be written.
    """
    kind = torch.float16 if half else torch.float32
    parts = {"transformer": ["diffusers", "StableAudioDiTModel"], "text": ["menura", "HashedText"]}
    about = {
        "format": MINI_MODEL.current,
        "mel": model.mel.to_config(),
        "frames": model.frames,
        "facts": dict(model.facts),
    }
    transformer: Any = model.transformer
    with disk_errors(str(folder)), quiet():
        (folder / "text").mkdir(parents=True, exist_ok=True)
        copy.deepcopy(transformer).to(kind).save_pretrained(folder / "transformer", safe_serialization=True)
        weights = {name: tensor.to(kind).cpu().contiguous() for name, tensor in model.text.state_dict().items()}
        save_file(weights, folder / "text" / _TEXT_WEIGHTS)
        write_text(folder / "text" / CONFIG, json.dumps(model.text.config, indent=2) + "\n")
        write_text(folder / "sound.json", json.dumps(about, indent=2, sort_keys=True) + "\n")
        write_text(folder / "README.md", card)
        write_text(folder / INDEX, json.dumps({"_class_name": CLASS_NAME, **parts}, indent=2) + "\n")


def load_mini(folder: Path, *, device: str = "cpu", dtype: torch.dtype = torch.float32) -> MiniModel:
    """The model in a folder, on a device.

    Raises:
        BackendError: It is no such model, or a part of it is missing or does not fit.
    """
    from diffusers import StableAudioDiTModel

    transformer = load_whole(StableAudioDiTModel, folder / "transformer", dtype=dtype).to(device)
    with told(f"{folder} cannot be loaded as {CLASS_NAME}"), torch.random.fork_rng(devices=[]):
        config = dict(read_json(folder / "text" / CONFIG))
        text = HashedText(config.pop("width"), **config)
        text.load_state_dict(load_file(folder / "text" / _TEXT_WEIGHTS))
        about = read_json(folder / "sound.json")
    about = MINI_MODEL.brought_up(about, source=folder / "sound.json")
    try:
        mel, frames = MelFrames.from_config(about["mel"]), int(about["frames"])
    except (ConfigError, KeyError, TypeError, ValueError) as error:
        raise BackendError(f"{folder}/sound.json cannot be used: {error}") from error
    if transformer.config.in_channels != mel.mels * frames:
        raise BackendError(
            f"{folder} groups {frames} frames of {mel.mels} bands and its transformer takes "
            f"{transformer.config.in_channels} numbers: sound.json and transformer/ do not belong together"
        )
    head_dim = transformer.config.attention_head_dim
    text = text.to(device, torch.float32).eval()
    return MiniModel(transformer, text, mel, frames, head_dim, about.get("facts", {}))
