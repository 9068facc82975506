"""An encoder that was trained on synthetic sound, read from its file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor

from menura.audio import resample
from menura.encoders.checks import require_sound
from menura.encoders.network import FrontEnd, NetworkShape, SoundNetwork
from menura.errors import BackendError
from menura.types import Recording

__all__ = ["LearnedEncoder"]

_QUIET = -0.5
"""Windows whose loudest frame lies this far below the loud frames of the clip, in units of the range, are left out."""


class LearnedEncoder:
    """Embeds a clip as mean and standard deviation of the embeddings of its windows.

    Windows of a second overlap by half; a shorter clip is repeated until it fills one. Level leaves no trace.

    Args:
        path: File that :func:`menura.pretrain.train.pretrain` wrote.

    Raises:
        BackendError: The file is missing, damaged, or no encoder.
    """

    name = "learned"

    def __init__(self, path: str | Path) -> None:
        try:
            with safe_open(path, framework="pt") as stored:
                about = json.loads(stored.metadata()["menura"])
                weights = {name: stored.get_tensor(name).float() for name in stored.keys()}  # noqa: SIM118
            self._front_end = FrontEnd(**about["front_end"])
            self._shape = NetworkShape(tuple(about["shape"]["widths"]), about["shape"]["layers"])
            self._network = SoundNetwork(self._shape)
            left_out = self._network.load_state_dict(weights, strict=False)
            missing = [name for name in left_out.missing_keys if not name.endswith("num_batches_tracked")]
            if missing or left_out.unexpected_keys:
                raise BackendError(f"encoder {path} does not fit its own description: {missing or left_out}")
            self._fingerprint = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
        except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError) as error:
            if isinstance(error, BackendError):
                raise
            raise BackendError(
                f"{path} cannot be read as an encoder ({error}); train one with `menura pretrain`"
            ) from error
        self._network.eval()
        self.sample_rate = self._front_end.sample_rate
        self.dim = 2 * self._shape.dim

    @property
    def fingerprint(self) -> str:
        """Hash of the file."""
        return self._fingerprint

    def embed(self, recordings: Sequence[Recording]) -> NDArray[np.float32]:
        """Embeddings ``[len(recordings), dim]``; one clip at a time, so that no clip looks at another.

        Raises:
            AudioError: A waveform is empty or not finite.
        """
        if not recordings:
            return np.zeros((0, self.dim), np.float32)
        return np.stack([self._embed(recording) for recording in recordings])

    def _embed(self, recording: Recording) -> NDArray[np.float32]:
        require_sound(recording)
        mono = recording.waveform.mean(axis=0, keepdims=True, dtype=np.float32)
        waveform = resample(mono, recording.sample_rate, self.sample_rate)
        least = round(self._front_end.window_s * self.sample_rate)
        if waveform.shape[1] < least:
            waveform = np.tile(waveform, -(-least // max(1, waveform.shape[1])))[:, :least]
        with torch.inference_mode():
            levels = self._front_end.levels(torch.from_numpy(np.ascontiguousarray(waveform)))[0]
            found = self._network(self._windows(levels))
            return torch.cat([found.mean(0), found.std(0, correction=0)]).numpy()

    def _windows(self, levels: Tensor) -> Tensor:
        """Windows ``[windows, mels, frames]`` in which something sounds."""
        length = self._front_end.num_frames
        windows = levels.unfold(1, min(length, levels.shape[1]), length // 2).transpose(0, 1)
        heard = windows.amax(dim=(1, 2)) > _QUIET
        return windows[heard] if heard.any() else windows
