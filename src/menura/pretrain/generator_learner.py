"""The small text-to-audio model in training: the flow loss, the optimiser, the averaged weights."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from menura.backends.mini.model import MiniModel
from menura.diffusion.paths import FlowPath, noised
from menura.pretrain.averaging import kept_share
from menura.pretrain.generator_settings import GeneratorTraining
from menura.pretrain.generator_sounds import CaptionedSounds
from menura.pretrain.state import optimiser_state, optimiser_tensors
from menura.schedules import cosine_decay
from menura.seeding import item_generator

__all__ = ["GeneratorLearner"]

_WITHIN = re.compile(r"transformer_blocks\.|text\.layers\.")

_MAX_GRADIENT = 1.0
_WARM = 0.03
_MATRICES = 2.0  # how much faster matrices learn than all else


class GeneratorLearner:
    """Words and frames learn together.

    Args:
        settings: What to train.
        model: Where it starts; trained in place.
        device: Where it computes.
    """

    def __init__(self, settings: GeneratorTraining, model: MiniModel, device: str = "cpu") -> None:
        self.step_number = 0
        self._settings, self._device, self._model = settings, device, model
        self._parts = nn.ModuleDict({"transformer": model.transformer, "text": model.text}).to(device).train()
        self._averaged = copy.deepcopy(self._parts).eval().requires_grad_(False)
        self._optimisers = _optimisers(self._parts, settings)

    @property
    def averaged(self) -> MiniModel:
        """The model with averaged weights."""
        parts: Any = self._averaged
        return MiniModel(parts["transformer"], parts["text"], self._model.mel, self._model.frames, self._model.head_dim)

    def step(self, sounds: CaptionedSounds) -> float:
        """One optimiser step; the loss before it.

        The mean squared error of the velocity, at a time drawn for each clip; a share of the texts is not told.

        Source:
            Liu et al. 2022, arXiv:2209.03003, equation 1; times: Esser et al. 2024, arXiv:2403.03206, section 3.1;
            untold texts: Ho and Salimans 2022, arXiv:2207.12598, algorithm 1.
        """
        settings, path = self._settings, FlowPath()
        for optimiser, factor in zip(self._optimisers, (_MATRICES, 1.0), strict=True):
            peak = factor * settings.learning_rate
            for group in optimiser.param_groups:
                group["lr"] = cosine_decay(self.step_number, settings.steps, peak=peak, warm_share=_WARM)
        random = item_generator(settings.seed, "noise", self.step_number)
        clean = self._model.to_groups(sounds.waveforms)
        noise = torch.from_numpy(random.standard_normal(tuple(clean.shape), dtype="float32"))
        time = torch.from_numpy(random.standard_normal(len(clean), dtype="float32")).sigmoid()
        untold = random.random(len(clean)) < settings.unprompted
        texts = ["" if silent else text for text, silent in zip(sounds.texts, untold, strict=True)]
        clean, noise, time = (tensor.to(self._device) for tensor in (clean, noise, time))
        self._parts.zero_grad(set_to_none=True)
        with torch.autocast(clean.device.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
            said = self._model.say(noised(path, clean, noise, time), time, self._model.read(texts))
        loss = (said - path.target(clean, noise, time)).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parts.parameters(), _MAX_GRADIENT)
        for optimiser in self._optimisers:
            optimiser.step()
        self.step_number += 1
        self._average()
        return float(loss.detach())

    def tensors(self) -> dict[str, Tensor]:
        """All that a step changes, by name."""
        named = {f"model.{name}": tensor for name, tensor in self._parts.state_dict().items()}
        named |= {f"averaged.{name}": tensor for name, tensor in self._averaged.state_dict().items()}
        for number, optimiser in enumerate(self._optimisers):
            named |= {f"optimiser_{number}.{name}": tensor for name, tensor in optimiser_tensors(optimiser).items()}
        return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in named.items()}

    def load(self, tensors: Mapping[str, Tensor], step_number: int) -> None:
        """Goes on from what :meth:`tensors` gave.

        Raises:
            RuntimeError, KeyError, ValueError: They are of another training, or damaged.
        """
        parts: dict[str, dict[str, Tensor]] = {name: {} for name in ("model", "averaged", "optimiser_0", "optimiser_1")}
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = tensor
        self._parts.load_state_dict(parts["model"])
        self._averaged.load_state_dict(parts["averaged"])
        for number, optimiser in enumerate(self._optimisers):
            optimiser.load_state_dict(optimiser_state(optimiser, parts[f"optimiser_{number}"]))
        self.step_number = step_number

    @torch.no_grad()
    def _average(self) -> None:
        """Towards the weights of this step."""
        keep = kept_share(self._settings.ema, self.step_number)
        for mean, now in zip(self._averaged.parameters(), self._parts.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)


def _optimisers(parts: nn.Module, settings: GeneratorTraining) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
    """Muon for the matrices within both transformers, AdamW for tables, norms, biases and the ends.

    Source:
        Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; steps brought to the size of
        AdamW's: Liu et al. 2025, arXiv:2502.16982, section 2.2.
    """
    within = {name: parameter for name, parameter in parts.named_parameters() if _WITHIN.search(name)}
    matrices = [parameter for parameter in within.values() if parameter.ndim == 2]
    chosen = {id(parameter) for parameter in matrices}
    rest = [parameter for parameter in parts.parameters() if id(parameter) not in chosen]
    decay = settings.weight_decay
    return (
        torch.optim.Muon(matrices, lr=settings.learning_rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=settings.learning_rate, weight_decay=decay, betas=(0.9, 0.99)),
    )
