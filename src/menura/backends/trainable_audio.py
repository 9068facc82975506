"""Audio models of ``transformers`` to be trained on: AST, Whisper's encoder, wav2vec 2.0, HuBERT, WavLM and others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from menura.backends.weights.check import described_class, model_type
from menura.backends.weights.hub import fetch
from menura.backends.weights.loading import load_part, load_whole
from menura.backends.weights.names import find_weights
from menura.errors import BackendError
from menura.seeding import content_hash

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["REQUIRES", "AstModel", "TransformersModel"]

REQUIRES = ("torch", "transformers")

_VERSION = 1
_AST = "audio-spectrogram-transformer"
_WHOLE_WHISPER = "WhisperForAudioClassification"
_WINDOW_S = 10.0
"""Longest stretch for a model that takes any; the cost of attention grows with its square."""


class TransformersModel:
    """An audio model with a new head, trained on for labels, ``transformers:PATH``.

    AST gives its own summary of a clip, other models the mean over a learned average of their layers. The convolutions
    with which wav2vec 2.0 and its kin begin stay as they are, as in their paper, and so do Whisper's sinusoids.

    Args:
        path: Folder, or ``owner/name`` or ``owner/name@revision`` on the Hub.
        mean_of_tokens: The head sees the mean of the last layer's frames, as SSAST has it, instead.
        trains_encoder: Whether more than the head (and the average of layers) learns.

    Raises:
        BackendError: The model is missing, incomplete, a pickle, or hears no sound.
    """

    kind = "transformers"

    def __init__(self, path: str, *, mean_of_tokens: bool = False, trains_encoder: bool = True) -> None:
        self.name = f"{self.kind}:{path}"
        self._files = fetch(find_weights(path))
        self._model_type = model_type(self._files.folder)
        self._mean_of_tokens, self._trains_encoder = mean_of_tokens, trains_encoder
        from transformers import AutoFeatureExtractor

        self._extractor: Any = load_part(AutoFeatureExtractor, self._files.folder)
        if not hasattr(self._extractor, "sampling_rate"):
            raise BackendError(f"{path} is a {type(self._extractor).__name__}, expected a model of sound")
        self.sample_rate = int(self._extractor.sampling_rate)
        self._mels_first = hasattr(self._extractor, "n_samples")  # Whisper
        self.window_s, self.pads = self._window()

    @property
    def fingerprint(self) -> str:
        """Of the weights and of what is trained."""
        return content_hash([self.kind, _VERSION, self._files.identity, self._mean_of_tokens, self._trains_encoder])

    def inputs(self, windows: Sequence[NDArray[np.float32]]) -> tuple[Tensor, Tensor]:
        """What the model is given for stretches of sound, by its own feature extractor.

        Args:
            windows: ``[samples]`` at :attr:`sample_rate`, each at most :attr:`window_s` long; equally long unless
                :attr:`pads`.

        Returns:
            ``[windows, mels, frames]`` or ``[windows, samples]``, and ``[windows]``: the share that is no padding.
        """
        import torch

        given = [self._extractor(window, sampling_rate=self.sample_rate, return_tensors="pt") for window in windows]
        name = self._extractor.model_input_names[0]
        batch = torch.cat([one[name].float() for one in given])
        if batch.ndim == 3 and not self._mels_first:
            batch = batch.transpose(1, 2).contiguous()
        full = self.window_s * self.sample_rate
        heard = [min(1.0, len(window) / full) if self.pads else 1.0 for window in windows]
        return batch, torch.tensor(heard, dtype=torch.float32)

    def new_network(self, num_labels: int) -> nn.Module:
        """Network from :meth:`inputs` to scores ``[windows, num_labels]``; encoder as published, head by torch's state.

        Raises:
            BackendError: A weight is missing, or it turns no sound alone into frames.
        """
        from menura.backends.audio_networks import EncoderWithHead

        encoder = self._encoder()
        _freeze_beginning(encoder)
        is_ast = self._model_type == _AST
        return EncoderWithHead(
            encoder,
            num_labels,
            summary=("tokens" if self._mean_of_tokens else "own") if is_ast else "layers",
            transposed=is_ast or (self.pads and not self._mels_first),
            trains_encoder=self._trains_encoder,
        )

    def _encoder(self) -> Any:
        """The part that hears, without two habits of its training.

        Masks of its own come from numpy's global random state; a layer that is left out at random is missing from the
        average of layers.
        """
        import transformers

        is_whisper_head = described_class(self._files.folder) == _WHOLE_WHISPER
        kind = transformers.WhisperForAudioClassification if is_whisper_head else transformers.AutoModel
        model: Any = load_whole(kind, self._files.folder).float()
        if is_whisper_head:
            encoder = model.encoder
        else:
            encoder = model.get_encoder() if model.config.is_encoder_decoder else model
        encoder.config.apply_spec_augment = False
        encoder.config.layerdrop = 0.0
        for part in encoder.modules():
            if hasattr(part, "layerdrop"):
                part.layerdrop = 0.0
        if not hasattr(encoder.config, "hidden_size") or not hasattr(encoder.config, "num_hidden_layers"):
            raise BackendError(f"{self.name}: {type(encoder).__name__} has no layers of one width to put a head on")
        return encoder

    def _window(self) -> tuple[float, bool]:
        """Longest stretch in seconds, and whether a shorter one is padded up to it."""
        extractor = self._extractor
        if self._mels_first:
            return float(extractor.n_samples / extractor.sampling_rate), True
        if hasattr(extractor, "max_length") and hasattr(extractor, "num_mel_bins"):  # AST: a frame each 10 ms
            return float(extractor.max_length) * 0.01, True
        return _WINDOW_S, False


def _freeze_beginning(encoder: Any) -> None:
    """Keep the convolutions on waveforms, the sinusoids of Whisper (constants), and the mask that is never used."""
    first: Any = getattr(encoder, "feature_extractor", None)
    if hasattr(first, "_freeze_parameters"):
        first._freeze_parameters()
    if encoder.config.model_type == "whisper":
        encoder.embed_positions.requires_grad_(False)
    if getattr(encoder, "masked_spec_embed", None) is not None:
        encoder.masked_spec_embed.requires_grad_(False)


class AstModel(TransformersModel):
    """The Audio Spectrogram Transformer with a new head, trained on for labels, ``ast:PATH``.

    Source:
        Gong, Chung and Glass 2021, arXiv:2104.01778.

    Raises:
        BackendError: The model is missing, incomplete, a pickle, or no AST.
    """

    kind = "ast"

    def __init__(self, path: str, *, mean_of_tokens: bool = False, trains_encoder: bool = True) -> None:
        super().__init__(path, mean_of_tokens=mean_of_tokens, trains_encoder=trains_encoder)
        if self._model_type != _AST:
            raise BackendError(
                f"{path} is a model of the kind {self._model_type!r}, expected {_AST!r}; write transformers: "
                "instead of ast: for another kind"
            )
