"""What training asks of a diffusion model, whatever its architecture: latents, conditions, and what it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from menura.backends.base import Generator
from menura.types import Recording

if TYPE_CHECKING:
    from torch import Tensor, nn

    from menura.diffusion.paths import NoisePath

__all__ = ["Conditions", "TrainableGenerator", "Trainee"]

Conditions: TypeAlias = "Mapping[str, Tensor]"
"""What a denoiser is told beside the noisy latents, ``[batch, …]`` by name. Rows of different calls can be stacked."""


class Trainee(Protocol):
    """A loaded diffusion model whose denoiser is to be trained; all else of it stays as it is.

    Attributes:
        sample_rate: In Hz, of the recordings that :meth:`latents` takes.
        channels: Of these.
        path: How it was trained: time runs from 0 (clean) to 1 (noise).
        denoiser: The network. Training puts an adapter around it, here.
        targets: Ends of the names of its linear layers that adapters go to, for ``peft``.
        part: Its name within the model, such as ``unet``.
    """

    sample_rate: int
    channels: int
    path: NoisePath
    denoiser: nn.Module
    targets: tuple[str, ...]
    part: str

    def latents(self, recordings: Sequence[Recording]) -> Tensor:
        """Clean latents ``[recordings, …]``, float32, on the processor; nothing is drawn.

        Args:
            recordings: Of one length, ``[channels, samples]`` at ``sample_rate``.
        """
        ...

    def conditions(self, prompts: Sequence[str], duration_s: float) -> Conditions:
        """What the denoiser is told for clips of that duration, float32, on the processor."""
        ...

    def unprompted(self, duration_s: float) -> Conditions:
        """The same without a prompt, one row: what guidance compares with, and what dropout puts in place."""
        ...

    def predict(self, noisy: Tensor, time: Tensor, conditions: Conditions) -> Tensor:
        """What the denoiser says, ``[batch, …]``, float32, on the device of ``noisy``; gradients flow.

        Args:
            noisy: Latents with noise, ``[batch, …]``.
            time: ``[batch]`` in [0, 1].
            conditions: ``[batch, …]`` each, on the same device.
        """
        ...


@runtime_checkable
class TrainableGenerator(Generator, Protocol):
    """A generator whose denoiser can be trained; its adapter is then named by ``model.adapter`` of its settings."""

    def trainee(self) -> Trainee:
        """The weights in memory, without any adapter, on the device of the settings.

        Raises:
            BackendError: They cannot be loaded.
        """
        ...
