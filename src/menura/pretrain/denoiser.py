"""A diffusion model in training: the loss, the optimiser, the averaged weights, and all that a step changes."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import TypeAlias

import torch
from torch import Tensor, nn

from menura.diffusion.moves import add_noise
from menura.pretrain.averaging import kept_share
from menura.pretrain.denoiser_settings import DenoiserSettings
from menura.pretrain.state import optimiser_state, optimiser_tensors
from menura.schedules import cosine_decay
from menura.seeding import item_generator, item_seed

__all__ = ["DenoiserLearner", "Makes"]

Makes: TypeAlias = Callable[[], nn.Module]
"""Builds the network; its first weights follow torch's global random state."""

_MAX_GRADIENT = 1.0
_WARM = 0.05


class DenoiserLearner:
    """A network that learns to tell the noise in images.

    Args:
        settings: What to train; they decide the first weights.
        make: Builds the network, called as ``network(images, times).sample``.
        device: Where it computes.
    """

    def __init__(self, settings: DenoiserSettings, make: Makes, device: str = "cpu") -> None:
        self.step_number = 0
        self._settings, self._device = settings, device
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(item_seed(settings.seed, "weights") % 2**63)
            self._network = make().to(device).train()
        self.averaged = copy.deepcopy(self._network).eval().requires_grad_(False)
        self._optimiser = torch.optim.AdamW(
            self._network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self._bars = settings.noise.alphas_bar().float()

    def step(self, images: Tensor) -> float:
        """One optimiser step on images ``[batch, 1, mels, frames]`` in [-1, 1]; the loss before it.

        The mean squared error of the noise, at a time step drawn for each image.

        Source:
            Ho et al. 2020, arXiv:2006.11239, algorithm 1. Averaged weights: Song and Ermon 2020, arXiv:2006.09011.
        """
        settings = self._settings
        for group in self._optimiser.param_groups:
            group["lr"] = cosine_decay(self.step_number, settings.steps, peak=settings.learning_rate, warm_share=_WARM)
        noisy, noise, times = self._noised(images)
        self._optimiser.zero_grad(set_to_none=True)
        with torch.autocast(noisy.device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
            said: Tensor = self._network(noisy, times).sample
        loss = (said.float() - noise).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._network.parameters(), _MAX_GRADIENT)
        self._optimiser.step()
        self.step_number += 1
        self._average()
        return float(loss.detach())

    def tensors(self) -> dict[str, Tensor]:
        """All that a step changes, by name."""
        named = {f"network.{name}": tensor for name, tensor in self._network.state_dict().items()}
        named |= {f"averaged.{name}": tensor for name, tensor in self.averaged.state_dict().items()}
        named |= {f"optimiser.{name}": tensor for name, tensor in optimiser_tensors(self._optimiser).items()}
        return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in named.items()}

    def load(self, tensors: Mapping[str, Tensor], step_number: int) -> None:
        """Goes on from what :meth:`tensors` gave.

        Raises:
            RuntimeError, KeyError, ValueError: They are of another training, or damaged.
        """
        parts: dict[str, dict[str, Tensor]] = {"network": {}, "averaged": {}, "optimiser": {}}
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = tensor
        self._network.load_state_dict(parts["network"])
        self.averaged.load_state_dict(parts["averaged"])
        self._optimiser.load_state_dict(optimiser_state(self._optimiser, parts["optimiser"]))
        self.step_number = step_number

    def _noised(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Images with noise, the noise, and their time steps: drawn by the number of the step alone."""
        random = item_generator(self._settings.seed, "noise", self.step_number)
        times = torch.from_numpy(random.integers(len(self._bars), size=len(images)))
        noise = torch.from_numpy(random.standard_normal(tuple(images.shape), dtype="float32"))
        noisy = torch.stack(
            [
                add_noise(image, drawn, float(self._bars[time]))
                for image, drawn, time in zip(images, noise, times, strict=True)
            ]
        )
        return noisy.to(self._device), noise.to(self._device), times.to(self._device)

    @torch.no_grad()
    def _average(self) -> None:
        """Towards the weights of this step."""
        keep = kept_share(self._settings.ema, self.step_number)
        for mean, now in zip(self.averaged.parameters(), self._network.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)
        for kept, last in zip(self.averaged.buffers(), self._network.buffers(), strict=True):
            kept.copy_(last)
