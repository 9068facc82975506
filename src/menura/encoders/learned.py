"""An encoder that was trained on synthetic sound, read from its file."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.nn.functional import pad

from menura.audio import resample
from menura.encoders.checks import require_sound
from menura.encoders.front_end import front_end_from
from menura.encoders.network import NetworkShape, new_network
from menura.encoders.readout import Readout, statistics
from menura.encoders.stages import StagedNetwork
from menura.errors import BackendError
from menura.formats import ENCODER
from menura.records import parse_json
from menura.types import Recording

__all__ = ["LearnedEncoder"]

_BLOCK_FRAMES = 4096
"""Frames that go through the network at once, so that a long recording costs little memory."""

_LEAST_FRAMES = 32
"""Shorter clips are followed by silence up to this."""


class LearnedEncoder:
    """Embeds a clip as statistics of the maps of the network's early stages, see :mod:`menura.encoders.readout`.

    Clips of any rate and length; level leaves no trace.

    Args:
        path: File that :func:`menura.pretrain.train.pretrain` wrote.

    Raises:
        BackendError: The file is missing, damaged, or no encoder.
    """

    name = "learned"

    def __init__(self, path: str | Path) -> None:
        try:
            with safe_open(path, framework="pt") as stored:
                about = ENCODER.brought_up(parse_json(stored.metadata()["menura"]), source=path)
                weights = {name: stored.get_tensor(name).float() for name in stored.keys()}  # noqa: SIM118
            self.front_end = front_end_from(about["front_end"])
            self.shape = NetworkShape(**about["shape"] | {"widths": tuple(about["shape"]["widths"])})
            self.readout = Readout(**about["readout"] | {"stages": tuple(about["readout"]["stages"])})
            self._network = new_network(self.shape)
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
        self.sample_rate = self.front_end.sample_rate
        self.dim = self.readout.dim(self.shape.widths) if self.readout.stages else self.shape.dim

    def with_random_weights(self, *, seed: int = 0) -> LearnedEncoder:
        """The same front-end, network and readout, never trained: what the architecture alone is worth.

        Weights are drawn after He et al. 2015 (arXiv:1502.01852), so that levels neither die nor explode on the way.

        Args:
            seed: Of the weights.
        """
        encoder = copy.copy(self)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            encoder._network = self.new_network(random_weights=True).eval()
            for weight in encoder._network.parameters():
                if weight.ndim > 1:
                    torch.nn.init.kaiming_normal_(weight, nonlinearity="relu")
        encoder._fingerprint = hashlib.sha256(f"random {seed} {self._fingerprint}".encode()).hexdigest()[:16]
        return encoder

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
        return np.stack([self.embed_levels(self.levels(recording)).numpy() for recording in recordings])

    def levels(self, recording: Recording) -> Tensor:
        """What the network hears: levels ``[mels, frames]`` of the mean over channels.

        Raises:
            AudioError: The waveform is empty or not finite.
        """
        require_sound(recording)
        mono = recording.waveform.mean(axis=0, keepdims=True, dtype=np.float32)
        waveform = resample(mono, recording.sample_rate, self.sample_rate)
        return self.front_end.levels(torch.from_numpy(np.ascontiguousarray(waveform)))[0]

    def new_network(self, *, random_weights: bool = False) -> StagedNetwork:
        """A network to train on, with the weights of this encoder or with random ones, by torch's random state."""
        network = new_network(self.shape)
        if not random_weights:
            network.load_state_dict(self._network.state_dict())
        return network

    def embed_levels(self, levels: Tensor) -> Tensor:
        """Embedding ``[dim]`` of what :meth:`levels` gives."""
        with torch.inference_mode():
            if not self.readout.stages:
                mean: Tensor = self._network(self._windows(levels)).mean(0)
                return mean
            levels = pad(levels, (0, max(0, _LEAST_FRAMES - levels.shape[1])), value=self.front_end.floor)
            heard = self.readout.heard(levels, self.front_end.unit_db)
            return torch.cat([statistics(channels, heard) for channels in self._channels(levels)])

    def _channels(self, levels: Tensor) -> list[Tensor]:
        """Of each stage that is read, its channels in each band over the whole clip, ``[channels * bands, frames]``."""
        found: list[list[Tensor]] = [[] for _ in self.readout.stages]
        for block in torch.split(levels, _BLOCK_FRAMES, dim=1):
            maps = self._network.maps(block[None], 1 + max(self.readout.stages))
            for parts, stage in zip(found, self.readout.stages, strict=True):
                parts.append(self.readout.banded(maps[stage][0]))
        return [torch.cat(parts, dim=1) for parts in found]

    def _windows(self, levels: Tensor) -> Tensor:
        """Windows ``[windows, mels, frames]`` side by side; the last one is filled up with silence."""
        length = self.front_end.num_frames
        filled = pad(levels, (0, -levels.shape[1] % length), value=self.front_end.floor)
        return filled.unfold(1, length, length).transpose(0, 1)
