"""The network, what stands between it and the loss, and the optimiser: one step, and all that a step changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor, nn

from menura.encoders.network import decay_groups, new_network
from menura.pretrain.losses import pair_loss
from menura.pretrain.masked import PatchHead, masked_loss, patch_mask
from menura.pretrain.place import HERE, Place
from menura.pretrain.settings import PretrainSettings
from menura.pretrain.state import optimiser_state, optimiser_tensors
from menura.schedules import cosine_decay
from menura.seeding import item_generator, item_seed

__all__ = ["Learner", "learning_rate"]

_MAX_GRADIENT = 5.0
_MILESTONES = (0.775, 0.85, 0.925)


class Learner:
    """An encoder in training.

    Args:
        settings: What to train; they decide the first weights.
        place: Where this process computes.
    """

    def __init__(self, settings: PretrainSettings, place: Place = HERE) -> None:
        self.step_number = 0
        self._settings, self._place = settings, place
        self._parts = nn.ModuleDict()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(item_seed(settings.seed, "weights") % 2**63)
            self.network = new_network(settings.shape)
            self._projection = _projection(settings)
            self._patches = _patches(settings)
        self._parts["network"], self._parts["projection"] = self.network, self._projection
        if self._patches is not None:
            self._parts["patches"] = self._patches
        self._parts.to(place.device).train()
        groups = decay_groups(self._parts.parameters(), settings.weight_decay)
        kind = torch.optim.SGD if settings.optimiser == "sgd" else torch.optim.AdamW
        self._optimiser: torch.optim.Optimizer = kind(groups, lr=settings.learning_rate)

    def step(self, views: Iterator[Tensor]) -> float:
        """One optimiser step on the next batches of views; returns the loss before it, of this process."""
        settings = self._settings
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(self.step_number, settings)
        self._optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for _ in range(settings.accumulate):
            loss = self._loss(next(views).to(self._place.device)) / settings.accumulate
            loss.backward()  # type: ignore[no-untyped-call]
            total += float(loss.detach())
        self._place.average(self._parts.parameters())
        nn.utils.clip_grad_norm_(self._parts.parameters(), _MAX_GRADIENT)
        self._optimiser.step()
        self.step_number += 1
        return total

    def tensors(self) -> dict[str, Tensor]:
        """All that a step changes, by name."""
        named = dict(self._parts.state_dict())
        named |= {f"optimiser.{name}": tensor for name, tensor in optimiser_tensors(self._optimiser).items()}
        return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in named.items()}

    def load(self, tensors: Mapping[str, Tensor], step_number: int) -> None:
        """Goes on from what :meth:`tensors` gave.

        Raises:
            RuntimeError, KeyError, ValueError: They are of another training, or damaged.
        """
        self._parts.load_state_dict({name: t for name, t in tensors.items() if not name.startswith("optimiser.")})
        self._optimiser.load_state_dict(optimiser_state(self._optimiser, dict(_with_prefix(tensors, "optimiser."))))
        self.step_number = step_number

    def _loss(self, levels: Tensor) -> Tensor:
        """Of the views of one batch, by the objective."""
        settings = self._settings
        loss = levels.new_zeros(())
        half = torch.autocast(levels.device.type, torch.bfloat16, enabled=settings.precision == "bfloat16")
        if settings.objective != "masked":
            with half:
                seen = self.network(levels)
            projected = self._projection(seen.float())
            loss = loss + pair_loss(settings.objective, projected[: settings.pairs], projected[settings.pairs :])
        if self._patches is not None:
            generator = item_generator(settings.seed, "hidden", self.step_number)
            hidden = patch_mask(*levels.shape, stride=self._patches.stride, generator=generator).to(levels.device)
            with half:
                maps = self.network.maps(levels.masked_fill(hidden, settings.ears.floor))[-1]
            told = self._patches(maps.float(), *levels.shape[1:])
            loss = loss + masked_loss(told, levels, hidden, unit_db=settings.ears.unit_db)
        return loss


def learning_rate(step: int, settings: PretrainSettings) -> float:
    """Of a step: a tenth of the steps up, then half a cosine down to zero; or a tenth at each milestone.

    Source:
        Milestones: Cherep and Singh 2024, arXiv:2406.05923, epochs 155, 170 and 185 of 200.
    """
    if settings.schedule == "milestones":
        passed = sum(step >= share * settings.steps for share in _MILESTONES)
        return settings.learning_rate * 0.1**passed
    return cosine_decay(step, settings.steps, peak=settings.learning_rate, warm_share=0.1)


def _projection(settings: PretrainSettings) -> nn.Module:
    """What stands between the network and the loss over pairs."""
    dim = settings.shape.dim
    if not settings.projection:
        return nn.Identity()
    return nn.Sequential(
        nn.Linear(dim, dim, bias=False), nn.BatchNorm1d(dim), nn.ReLU(), nn.Linear(dim, settings.projection)
    )


def _patches(settings: PretrainSettings) -> PatchHead | None:
    """What tells hidden patches, where that is asked for."""
    if "masked" not in settings.objective:
        return None
    return PatchHead(settings.shape.widths[-1], settings.shape.stride)


def _with_prefix(tensors: Mapping[str, Tensor], prefix: str) -> Iterable[tuple[str, Tensor]]:
    return ((name.removeprefix(prefix), tensor) for name, tensor in tensors.items() if name.startswith(prefix))
