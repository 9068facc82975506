"""CLAP: recordings and texts in one space, by any ``ClapModel`` of ``transformers``.

The library's own front end crops what is longer than ten seconds at a place drawn from numpy's global random state, and
marks a random short clip as long for models with feature fusion. Neither happens here: we resample, cut windows that
cover the whole recording, and average them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from menura.backends.weights.check import model_type
from menura.backends.weights.device import choose_device
from menura.backends.weights.hub import fetch
from menura.backends.weights.loading import load_part, load_whole
from menura.backends.weights.names import find_weights
from menura.backends.windows import windows_of
from menura.errors import BackendError
from menura.metrics.audio_text import cosines
from menura.records import parse_json
from menura.seeding import content_hash
from menura.types import Recording

__all__ = ["LEARNED_NAME", "REQUIRES", "ClapEncoder", "ClapScorer"]

LEARNED_NAME = "learned-from.json"
"""Stands in the folder of a model that was fine-tuned here, and names the clips."""

REQUIRES = ("torch", "transformers")

_VERSION = 1
_TEXTS_KEPT = 4096


class ClapScorer:
    """Compares recordings with texts by a CLAP model, see Wu et al. 2023 (arXiv:2211.06687).

    Windows pass through the model one at a time unless ``batch`` says otherwise, so that a number is the same to the
    bit whatever else is scored. In batches the cosines move by less than 1e-6 in float32 (measured on small models).

    Args:
        path: Folder, or ``owner/name`` or ``owner/name@revision`` on the Hub.
        device: ``cpu``, ``cuda``, …; ``auto`` takes a graphics card where there is one.
        batch: Windows that pass through the model together.

    Raises:
        BackendError: The model is missing, incomplete, a pickle, or no CLAP.
    """

    name = "clap"

    def __init__(self, path: str, *, device: str = "auto", batch: int = 1) -> None:
        self.files = fetch(find_weights(path))
        kind = model_type(self.files.folder)
        if kind != "clap":
            raise BackendError(f"{path} is a model of the kind {kind!r}, expected 'clap' (ClapModel)")
        from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel

        self._device, self._batch = choose_device(device), max(1, batch)
        self.model: Any = load_whole(ClapModel, self.files.folder).to(self._device).float()
        self._front_end: Any = load_part(ClapFeatureExtractor, self.files.folder)
        self._tokenizer: Any = load_part(AutoTokenizer, self.files.folder)
        self.sample_rate = int(self._front_end.sampling_rate)
        self.dim = int(self.model.config.projection_dim)
        self.window_s = self._front_end.nb_max_samples / self.sample_rate
        self._weights = self.files.identity
        self._text = lru_cache(maxsize=_TEXTS_KEPT)(self._embed_text)

    @property
    def fingerprint(self) -> str:
        """Of the weights, and of how we cut and average."""
        return content_hash(["clap", _VERSION, self._weights, self._batch > 1])

    @cached_property
    def learned_from(self) -> frozenset[str]:
        """Ids of the clips that it was fine-tuned on here; a published model does not say.

        Raises:
            BackendError: The list is damaged.
        """
        path = self.files.folder / LEARNED_NAME
        if not path.is_file():
            return frozenset()
        try:
            return frozenset(map(str, parse_json(path.read_text(encoding="utf-8"))["clips"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BackendError(f"{path} cannot be read ({error!r}); fine-tune the model again") from error

    @property
    def scale(self) -> float:
        """``exp(logit_scale)``, the factor on a cosine of a recording with texts."""
        return float(self.model.logit_scale_a.detach().exp())

    def similarity(self, recordings: Sequence[Recording], texts: Sequence[str]) -> NDArray[np.float32]:
        """Cosine ``[len(recordings), len(texts)]``.

        Raises:
            AudioError: A waveform is empty or not finite.
        """
        return cosines(self.embed_audio(recordings), self.embed_texts(texts))

    def embed_audio(self, recordings: Sequence[Recording]) -> NDArray[np.float32]:
        """Embeddings of length 1, ``[len(recordings), dim]``: the mean over the windows of each recording.

        Raises:
            AudioError: A waveform is empty or not finite.
        """
        if not recordings:
            return np.zeros((0, self.dim), np.float32)
        cut = [windows_of(one, sample_rate=self.sample_rate, window_s=self.window_s) for one in recordings]
        flat = [window for windows in cut for window in windows]
        starts = range(0, len(flat), self._batch)
        heard = np.concatenate([self._hear(flat[start : start + self._batch]) for start in starts])
        ends = np.cumsum([len(windows) for windows in cut])[:-1]
        return np.stack([_unit(part.mean(axis=0)) for part in np.split(heard, ends)])

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeddings of length 1, ``[len(texts), dim]``, each worked out alone and only once."""
        if not texts:
            return np.zeros((0, self.dim), np.float32)
        return np.stack([self._text(text) for text in texts])

    def save(self, folder: Path) -> None:
        """Write the model as it is now, with tokenizer and front end, where :class:`ClapScorer` can load it."""
        for part in (self.model, self._tokenizer, self._front_end):
            part.save_pretrained(folder)

    def front_end(self, windows: Sequence[NDArray[np.float32]]) -> dict[str, Any]:
        """What the model hears of windows that are no longer than it can take: ``input_features`` and ``is_longer``."""
        import torch

        mels = self._front_end(list(windows), sampling_rate=self.sample_rate, return_tensors="pt")
        fits = torch.zeros((len(windows), 1), dtype=torch.bool)  # the library would mark one of them at random
        return {"input_features": mels["input_features"].float().to(self._device), "is_longer": fits.to(self._device)}

    def tokens(self, texts: Sequence[str]) -> dict[str, Any]:
        """Token ids and mask of texts, cut at the length that the model can take."""
        longest = self.model.config.text_config.max_position_embeddings - 2
        given = self._tokenizer(list(texts), padding=True, truncation=True, max_length=longest, return_tensors="pt")
        return {name: given[name].to(self._device) for name in ("input_ids", "attention_mask")}

    def _hear(self, windows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            heard = self.model.get_audio_features(**self.front_end(windows))
        return np.asarray(_tensor(heard).float().cpu().numpy(), dtype=np.float32)

    def _embed_text(self, text: str) -> NDArray[np.float32]:
        import torch

        with torch.inference_mode():
            read = self.model.get_text_features(**self.tokens([text]))
        return _unit(_tensor(read)[0].float().cpu().numpy())


class ClapEncoder:
    """The audio half of a CLAP model as an encoder, ``clap:PATH``.

    Args:
        path: Folder, or ``owner/name`` or ``owner/name@revision`` on the Hub.
        device: As for :class:`ClapScorer`.

    Raises:
        BackendError: The model is missing, incomplete, a pickle, or no CLAP.
    """

    def __init__(self, path: str, *, device: str = "auto") -> None:
        self._scorer = ClapScorer(path, device=device)
        self.name = f"clap:{path}"
        self.sample_rate = self._scorer.sample_rate
        self.dim = self._scorer.dim

    @property
    def fingerprint(self) -> str:
        """Of the weights, and of how we cut and average."""
        return self._scorer.fingerprint

    def embed(self, recordings: Sequence[Recording]) -> NDArray[np.float32]:
        """Embeddings of length 1, ``[len(recordings), dim]``.

        Raises:
            AudioError: A waveform is empty or not finite.
        """
        return self._scorer.embed_audio(recordings)


def _tensor(output: Any) -> Any:
    """The embedding: transformers 5 wraps it, 4 returned it bare."""
    return getattr(output, "pooler_output", output)


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), dtype=np.float32)
