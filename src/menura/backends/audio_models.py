"""Encoders of ``transformers``: AST, wav2vec 2.0, HuBERT, WavLM, Whisper and any other audio model by its folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from menura.backends.weights.device import choose_device
from menura.backends.weights.hub import fetch
from menura.backends.weights.loading import load_part, load_whole
from menura.backends.weights.names import find_weights
from menura.backends.windows import windows_of
from menura.errors import BackendError
from menura.seeding import content_hash
from menura.types import Recording

__all__ = ["REQUIRES", "TransformersEncoder"]

REQUIRES = ("torch", "transformers")

_VERSION = 1
_WINDOW_S = 30.0
_LEAST_S = 0.1
"""A shorter clip is repeated up to this; the first convolutions of wav2vec 2.0 need 25 ms."""


class TransformersEncoder:
    """The mean over the frames of an audio model's last layer, ``transformers:PATH``.

    Clips longer than the model takes are cut into windows that cover them; frames that only stand for padding are left
    out of the mean. A model that has its own summary of a clip (AST) gives that. Windows pass through the model one at
    a time, so an embedding is the same to the bit in any batch.

    Args:
        path: Folder, or ``owner/name`` or ``owner/name@revision`` on the Hub.
        device: ``cpu``, ``cuda``, …; ``auto`` takes a graphics card where there is one.

    Raises:
        BackendError: The model is missing, incomplete, a pickle, or hears no sound.
    """

    def __init__(self, path: str, *, device: str = "auto") -> None:
        self.name = f"transformers:{path}"
        self.files = fetch(find_weights(path))
        from transformers import AutoFeatureExtractor, AutoModel

        self._device = choose_device(device)
        self._front_end: Any = load_part(AutoFeatureExtractor, self.files.folder)
        if not hasattr(self._front_end, "sampling_rate"):
            raise BackendError(f"{path} is a {type(self._front_end).__name__}, expected a model of sound")
        model: Any = load_whole(AutoModel, self.files.folder).to(self._device).float()
        self._model = model.get_encoder() if model.config.is_encoder_decoder else model
        self.sample_rate = int(self._front_end.sampling_rate)
        self._window_s = _window_s(self._front_end)
        self._weights = self.files.identity
        try:
            self.dim = len(self._hear(np.zeros(self.sample_rate, np.float32)))
        except (TypeError, ValueError, RuntimeError, AttributeError, KeyError) as error:
            kind = type(self._model).__name__
            raise BackendError(
                f"{path}: {kind} does not turn sound alone into frames ({type(error).__name__}: {error}); "
                "for a CLAP model write clap: instead of transformers:"
            ) from error

    @property
    def fingerprint(self) -> str:
        """Of the weights, and of how we cut and average."""
        return content_hash(["transformers", _VERSION, self._weights])

    def embed(self, recordings: Sequence[Recording]) -> NDArray[np.float32]:
        """Embeddings ``[len(recordings), dim]``: the mean over the windows of each recording.

        Raises:
            AudioError: A waveform is empty or not finite.
        """
        if not recordings:
            return np.zeros((0, self.dim), np.float32)
        return np.stack([self._embed_one(recording) for recording in recordings])

    def _embed_one(self, recording: Recording) -> NDArray[np.float32]:
        windows = windows_of(recording, sample_rate=self.sample_rate, window_s=self._window_s, least_s=_LEAST_S)
        heard: NDArray[np.float32] = np.mean([self._hear(window) for window in windows], axis=0, dtype=np.float32)
        return heard

    def _hear(self, window: NDArray[np.float32]) -> NDArray[np.float32]:
        import torch

        given = self._front_end(window, sampling_rate=self.sample_rate, return_attention_mask=True, return_tensors="pt")
        name = self._model.main_input_name
        if name not in given:
            raise BackendError(f"{self.name} wants {name}, its feature extractor gives {', '.join(given)}")
        with torch.inference_mode():
            output = self._model(**{name: given[name].float().to(self._device)})
        summary = getattr(output, "pooler_output", None)
        if summary is None:
            frames = output.last_hidden_state[0]
            summary = frames[: _heard_frames(given.get("attention_mask"), len(frames))].mean(dim=0)[None]
        return np.asarray(summary[0].float().cpu().numpy(), dtype=np.float32)


def _heard_frames(mask: Any, num_frames: int) -> int:
    """How many frames stand for sound: the share of the input that is no padding, rounded up."""
    if mask is None:
        return num_frames
    return max(1, int(np.ceil(num_frames * float(mask[0].float().mean()) - 1e-6)))


def _window_s(front_end: Any) -> float:
    """Longest window that the front end takes without cutting, in seconds."""
    rate = front_end.sampling_rate
    if hasattr(front_end, "n_samples"):  # Whisper
        return float(front_end.n_samples / rate)
    if hasattr(front_end, "max_length") and hasattr(front_end, "num_mel_bins"):  # AST: frames of 10 ms, of 25 ms each
        return float(front_end.max_length) * 0.01
    return _WINDOW_S
