"""A model in training by preference: the loss, the optimiser, the averaged adapter, and all that a step changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from menura.align.batches import Batch, draws_of
from menura.align.checks import Errors
from menura.align.settings import AlignSettings
from menura.backends.adapters import Adapter, attach_lora, attach_prefix, checkpoint_gradients
from menura.backends.trainee import Trainee
from menura.diffusion.pairs import Draws, errors, pair_errors
from menura.diffusion.preference import (
    PairErrors,
    anchored_loss,
    dpo_loss,
    fine_tuning_loss,
    implicit_accuracy,
    implicit_margin,
    measured,
)
from menura.pretrain.averaging import kept_share
from menura.pretrain.place import HERE, Place
from menura.pretrain.state import optimiser_state, optimiser_tensors
from menura.seeding import item_seed

__all__ = ["AlignLearner", "StepNumbers", "attach", "learning_rate"]

_DRAWS_EACH = 4


@dataclass(frozen=True, slots=True)
class StepNumbers:
    """What training steps measured, averaged.

    Attributes:
        loss: What was minimised.
        winner, loser: Errors of the model.
        accuracy, margin: Implicit ones; None without losers.
    """

    loss: float
    winner: float
    loser: float | None = None
    accuracy: float | None = None
    margin: float | None = None

    @classmethod
    def mean(cls, steps: Sequence[StepNumbers]) -> StepNumbers:
        """Of several steps of one kind."""

        def mean(values: Sequence[float | None]) -> float | None:
            numbers = [value for value in values if value is not None]
            return sum(numbers) / len(numbers) if numbers else None

        return cls(
            loss=mean([step.loss for step in steps]) or 0.0,
            winner=mean([step.winner for step in steps]) or 0.0,
            loser=mean([step.loser for step in steps]),
            accuracy=mean([step.accuracy for step in steps]),
            margin=mean([step.margin for step in steps]),
        )


def attach(trainee: Trainee, settings: AlignSettings) -> Adapter:
    """Puts the adapter of the settings around the denoiser.

    Raises:
        BackendError: It does not fit, or the denoiser cannot save memory as asked.
    """
    seed = item_seed(settings.seed, "adapter") % 2**63
    if settings.adapter == "prefix":
        adapter = attach_prefix(trainee, tokens=settings.rank, seed=seed)
    else:
        adapter = attach_lora(trainee, rank=settings.rank, seed=seed)
    if settings.checkpointing:
        checkpoint_gradients(trainee)
    trainee.denoiser.eval()  # no dropout: model and reference are compared on equal terms
    return adapter


class AlignLearner:
    """A denoiser whose adapter learns which of two sounds to prefer.

    Args:
        settings: What to train.
        trainee: Its denoiser has the adapter already.
        adapter: What learns; all else stays.
        place: Which of several processes this is.
    """

    def __init__(self, settings: AlignSettings, trainee: Trainee, adapter: Adapter, place: Place = HERE) -> None:
        self.step_number = 0
        self._settings, self._trainee, self._adapter, self._place = settings, trainee, adapter, place
        self._weights = adapter.parameters()
        self._averaged = {name: weight.detach().clone() for name, weight in adapter.weights.items()}
        self._device = self._weights[0].device
        self._optimiser = torch.optim.AdamW(
            self._weights, lr=settings.learning_rate, weight_decay=settings.weight_decay
        )

    @property
    def averaged(self) -> dict[str, Tensor]:
        """The averaged weights of the adapter, by their names in its file."""
        return {name: tensor.cpu().clone() for name, tensor in self._averaged.items()}

    def step(self, batches: Sequence[Batch]) -> StepNumbers:
        """One optimiser step on batches whose gradients are averaged; what was measured before it."""
        for group in self._optimiser.param_groups:
            group["lr"] = learning_rate(self.step_number, self._settings)
        self._optimiser.zero_grad(set_to_none=True)
        found = []
        for number, batch in enumerate(batches):
            draws = draws_of(batch, self._settings, "draws", self.step_number, number, self._place.number)
            loss, numbers = self._loss(batch, draws.to(self._device))
            (loss / len(batches)).backward()  # type: ignore[no-untyped-call]
            found.append(numbers)
        self._place.average(self._weights)
        nn.utils.clip_grad_norm_(self._weights, self._settings.max_gradient)
        self._optimiser.step()
        self.step_number += 1
        self._average()
        return StepNumbers.mean(found)

    def errors_on(self, batches: Sequence[Batch]) -> Errors:
        """Errors of the averaged weights and of the reference on pairs, at draws that never change.

        Each pair is heard four times over, at times spread evenly, and never without its prompt.
        """
        fixed = self._settings.model_copy(update={"dropout": 0.0, "times": "stratified"})
        models: list[PairErrors] = []
        references: list[PairErrors] = []
        with self._averaged_in_place(), torch.no_grad():
            for number, batch in enumerate(batches):
                repeated = _repeated(batch, _DRAWS_EACH)
                draws = draws_of(repeated, fixed, "check", number).to(self._device)
                models.append(self._errors(repeated, draws))
                with self._adapter.reference():
                    references.append(self._errors(repeated, draws))
        model, reference = _joined(models), _joined(references)
        winners = float(model.winner.mean()), float(reference.winner.mean())
        if batches[0].loser is None:
            return Errors(*winners)
        margins = implicit_margin(model.winner, model.loser, reference.winner, reference.loser)
        losers = float(model.loser.mean()), float(reference.loser.mean())
        return Errors(*winners, *losers, accuracy=float(implicit_accuracy(margins)))

    def tensors(self) -> dict[str, Tensor]:
        """All that a step changes, by name."""
        named = {f"adapter.{name}": tensor for name, tensor in self._adapter.tensors().items()}
        named |= {f"averaged.{name}": tensor for name, tensor in self._averaged.items()}
        named |= {f"optimiser.{name}": tensor for name, tensor in optimiser_tensors(self._optimiser).items()}
        return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in named.items()}

    def load(self, tensors: Mapping[str, Tensor], step_number: int) -> None:
        """Goes on from what :meth:`tensors` gave.

        Raises:
            BackendError, RuntimeError, KeyError, ValueError: They are of another training, or damaged.
        """
        parts: dict[str, dict[str, Tensor]] = {"adapter": {}, "averaged": {}, "optimiser": {}}
        for name, tensor in tensors.items():
            part, _, rest = name.partition(".")
            parts[part][rest] = tensor
        self._adapter.restore(parts["adapter"])
        self._averaged = {name: parts["averaged"][name].to(self._device) for name in self._averaged}
        self._optimiser.load_state_dict(optimiser_state(self._optimiser, parts["optimiser"]))
        self.step_number = step_number

    def _loss(self, batch: Batch, draws: Draws) -> tuple[Tensor, StepNumbers]:
        settings = self._settings
        if settings.objective == "sft" or batch.loser is None:
            winner = self._winner_errors(batch, draws)
            loss = fine_tuning_loss(winner).mean()
            return loss, StepNumbers(float(loss.detach()), float(winner.detach().mean()))
        model = self._errors(batch, draws)
        with self._adapter.reference():
            reference = self._errors(batch, draws)
        preference = dpo_loss(model.winner, model.loser, reference.winner, reference.loser, beta=settings.beta)
        losses = anchored_loss(preference, model.winner, anchor=settings.anchor)
        found = measured(losses, model, reference)
        return losses.mean(), StepNumbers(found.loss, found.winner, found.loser, found.accuracy, found.margin)

    def _errors(self, batch: Batch, draws: Draws) -> PairErrors:
        """On both sides; without losers the winner's stands in both places."""
        if batch.loser is None:
            winner = self._winner_errors(batch, draws)
            return PairErrors(winner, winner)
        winners, losers = batch.winner.to(self._device), batch.loser.to(self._device)
        with self._precision():
            return pair_errors(self._trainee.predict, self._trainee.path, winner=winners, loser=losers, draws=draws)

    def _winner_errors(self, batch: Batch, draws: Draws) -> Tensor:
        with self._precision():
            return errors(self._trainee.predict, self._trainee.path, batch.winner.to(self._device), draws)

    def _precision(self) -> torch.autocast:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._settings.precision == "bfloat16")

    @contextmanager
    def _averaged_in_place(self) -> Iterator[None]:
        own = self._adapter.tensors()
        self._adapter.restore(self._averaged)
        try:
            yield
        finally:
            self._adapter.restore(own)

    def _average(self) -> None:
        """Towards the weights of this step."""
        keep = kept_share(self._settings.ema, self.step_number)
        for name, weight in self._adapter.weights.items():
            self._averaged[name].lerp_(weight.detach(), 1 - keep)


def learning_rate(step: int, settings: AlignSettings) -> float:
    """Of a step: up in even steps while it warms up, then as the settings say."""
    return settings.learning_rate * min(1.0, (step + 1) / max(1, settings.warm_up))


def _repeated(batch: Batch, times: int) -> Batch:
    """Each pair so many times on end."""

    def again(tensor: Tensor) -> Tensor:
        return tensor.repeat_interleave(times, dim=0)

    return Batch(
        again(batch.winner),
        None if batch.loser is None else again(batch.loser),
        {name: again(told) for name, told in batch.conditions.items()},
        {name: again(told) for name, told in batch.unprompted.items()},
    )


def _joined(found: Sequence[PairErrors]) -> PairErrors:
    return PairErrors(torch.cat([one.winner for one in found]), torch.cat([one.loser for one in found]))
