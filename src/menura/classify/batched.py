"""Many small heads trained at once: seeds, ways to train and folds side by side, each as if it were alone.

A head draws its first weights, its order and what drops out from its own generator, exactly as
:func:`menura.classify.heads.train_head` does, and learns from its own clips at its own rate. It stops when its own
patience is over, and leaves the others to go on. So a head is the same alone, among others and in any order, up to the
order in which float32 sums are added.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.adam import adam

from menura.classify.base import TrainingExamples
from menura.classify.heads import (
    FittedHead,
    HeadSettings,
    check_task,
    course,
    loss_weights,
    new_head,
    num_steps,
    rate_of,
    validation_value,
)  # fmt: skip
from menura.classify.linear import Scaling, stacked
from menura.classify.stack import Batch, HeadStack, load_row
from menura.classify.training import single_thread

__all__ = ["HeadTask", "train_heads"]

_STACK_NUMBERS = 1_000_000
"""Trained numbers of one stack, at most: larger heads have nothing to gain side by side, and fall out of the cache."""


@dataclass(frozen=True)
class HeadTask:
    """One head to be trained.

    Attributes:
        training: What is learned from.
        validation: What is looked at to keep weights and to stop; None keeps those of the last step.
        settings: How to train.
        generator: Decides first weights, order and dropout.
        scaling: What embeddings go through first; None leaves them as they are.
    """

    training: TrainingExamples
    validation: TrainingExamples | None
    settings: HeadSettings
    generator: np.random.Generator
    scaling: Scaling | None


def train_heads(tasks: Sequence[HeadTask]) -> list[FittedHead]:
    """The heads of all tasks, in their order, as :func:`menura.classify.heads.train_head` would train each.

    Heads of one shape share their products; others are trained one after the other. Examples and scalings that are the
    same object are held in memory once.

    Raises:
        ConfigError: A task has fewer than two training clips, or no clip to validate on.
    """
    for task in tasks:
        check_task(len(task.training), None if task.validation is None else len(task.validation), task.settings)
    shapes: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for number, task in enumerate(tasks):
        shapes[_shape(task)].append(number)
    fitted: dict[int, FittedHead] = {}
    with single_thread(), torch.no_grad():
        for numbers in shapes.values():
            at_once = max(1, _STACK_NUMBERS // _size(tasks[numbers[0]]))
            for start in range(0, len(numbers), at_once):
                # equal rates side by side: the optimiser takes them in one go
                part = sorted(numbers[start : start + at_once], key=lambda n: _rates(tasks[n]))
                fitted.update(zip(part, _train_stack([tasks[n] for n in part]), strict=True))
    return [fitted[number] for number in range(len(tasks))]


def _shape(task: HeadTask) -> tuple[object, ...]:
    """What heads of one stack have in common."""
    own = task.settings
    hidden = (own.hidden_layers, own.hidden_width, own.dropout) if own.hidden_layers else (0,)
    return (_dim(task), task.training.num_labels, task.training.is_multilabel, own.optimiser, *hidden)


def _rates(task: HeadTask) -> tuple[float, ...]:
    """Heads with the same of these have the same learning rate at every step."""
    own = task.settings
    rise = (-1.0,) if own.warm_share is None else (own.warm_share, float(num_steps(len(task.training), own)))
    return (own.learning_rate, own.weight_decay, *rise)


def _dim(task: HeadTask) -> int:
    return len(task.training.features[0])


def _size(task: HeadTask) -> int:
    """About as many numbers as are trained."""
    width, hidden = task.settings.hidden_width, task.settings.hidden_layers
    labels = task.training.num_labels
    return (_dim(task) + labels) * width + (hidden - 1) * width**2 if hidden else (_dim(task) + 1) * labels


@dataclass
class _Head:
    """One head under way: what it draws from, where its clips begin in the pool, and what was best."""

    task: HeadTask
    number: int
    course: Iterator[tuple[NDArray[np.int64], int | None]]
    dropout: np.random.Generator
    first: int
    looks: int = 0
    value: float = float("nan")
    unit: int = 0
    row: tuple[Tensor, ...] | None = None

    def noted(self, value: float, unit: int, stack: HeadStack, place: int) -> bool:
        """Keeps the weights if they are the best so far; returns whether patience is over."""
        self.looks += 1
        if self.row is None or value > self.value:
            self.value, self.unit, self.row, self.looks = value, unit, stack.row(place), 0
        patience = self.task.settings.patience
        return patience is not None and self.looks >= patience


def _train_stack(tasks: Sequence[HeadTask]) -> list[FittedHead]:
    """Heads of one shape, those of equal rates side by side."""
    pool, firsts = _Pool.of(tasks)
    checked = _checked(tasks)
    networks: list[nn.Module] = []
    heads: list[_Head] = []
    for number, (task, first) in enumerate(zip(tasks, firsts, strict=True)):
        networks.append(new_head(_dim(task), task.training.num_labels, task.settings, task.generator))
        dropout = task.generator.spawn(1)[0]
        heads.append(_Head(task, number, course(task.training.weights, task.settings, task.generator), dropout, first))
    own = tasks[0].settings
    stack = HeadStack.of(networks, dropout=own.dropout, multilabel=tasks[0].training.is_multilabel)
    optimiser = _Adam(stack, heads)
    active, step = heads, 0
    while active:
        drawn = [next(head.course) for head in active]
        stack.learn(pool.batch([clips + head.first for head, (clips, _) in zip(active, drawn, strict=True)]),
                    [head.dropout for head in active])  # fmt: skip
        optimiser.step(step)
        step += 1
        over = _look(active, [unit for _, unit in drawn], stack, checked, step)
        if any(over):
            left = torch.tensor([place for place, is_over in enumerate(over) if not is_over], dtype=torch.int64)
            active = [active[place] for place in left.tolist()]
            stack = stack.keep(left)
            if active:
                optimiser = optimiser.kept(left, stack, active)
    return [_fitted(head, network) for head, network in zip(heads, networks, strict=True)]


def _look(
    active: Sequence[_Head], units: Sequence[int | None], stack: HeadStack, checked: Tensor | None, step: int
) -> list[bool]:
    """Looks at the validation clips of the heads whose course says so; returns which heads are done."""
    places = [place for place, unit in enumerate(units) if unit is not None]
    over = [step >= num_steps(len(head.task.training), head.task.settings) for head in active]
    seen = [place for place in places if active[place].task.validation is not None]
    found: dict[int, float] = {}
    if seen and checked is not None:
        numbers = torch.tensor([active[place].number for place in seen])
        inputs = checked if len(checked) == 1 else checked[numbers]
        scores = stack.scores(inputs.expand(len(seen), -1, -1), torch.tensor(seen))
        for place, of_head in zip(seen, scores, strict=True):
            task = active[place].task
            assert task.validation is not None
            targets = task.validation.targets
            found[place] = validation_value(
                of_head[: len(targets)], targets, task.settings, multilabel=stack.multilabel
            )
    for place in places:
        unit = units[place]
        assert unit is not None
        if place in found:
            over[place] |= active[place].noted(found[place], unit, stack, place)
        elif over[place]:
            active[place].noted(float("nan"), unit, stack, place)
    return over


def _fitted(head: _Head, network: nn.Module) -> FittedHead:
    assert head.row is not None  # the last step is always noted
    load_row(network, head.row)
    task = head.task
    return FittedHead(task.scaling, network.eval(), task.training.is_multilabel, task.settings, head.unit, head.value)


def _scaled(examples: TrainingExamples, scaling: Scaling | None) -> Tensor:
    embeddings = stacked(examples.features)
    return torch.from_numpy(embeddings if scaling is None else scaling.apply(embeddings))


def _checked(tasks: Sequence[HeadTask]) -> Tensor | None:
    """Validation embeddings ``[heads, clips, dim]``, filled up; ``[1, clips, dim]`` where all heads have the same."""
    parts = {(id(task.validation), id(task.scaling)): task for task in tasks if task.validation is not None}
    if not parts:
        return None
    scaled = {key: _scaled(task.validation, task.scaling) for key, task in parts.items() if task.validation is not None}
    if len(parts) == 1:
        return next(iter(scaled.values()))[None]
    found = torch.zeros(len(tasks), max(map(len, scaled.values())), _dim(tasks[0]))
    for place, task in zip(found, tasks, strict=True):
        if task.validation is not None:
            part = scaled[id(task.validation), id(task.scaling)]
            place[: len(part)] = part
    return found


@dataclass(frozen=True)
class _Pool:
    """All clips that any head learns from, each set once: ``[clips, dim]``, ``[clips, labels]`` and ``[clips]``."""

    inputs: Tensor
    targets: Tensor
    weights: Tensor

    @classmethod
    def of(cls, tasks: Sequence[HeadTask]) -> tuple[_Pool, list[int]]:
        """The pool, and where the clips of each task begin in it."""
        first: dict[tuple[object, ...], int] = {}
        parts: list[tuple[Tensor, Tensor, Tensor]] = []
        firsts, total = [], 0
        for task in tasks:
            key = (id(task.training), id(task.scaling), task.settings.steps is None)
            if key not in first:
                first[key] = total
                total += len(task.training)
                weights = torch.from_numpy(loss_weights(task.training, task.settings))
                parts.append((_scaled(task.training, task.scaling), torch.from_numpy(task.training.targets), weights))
            firsts.append(first[key])
        inputs, targets, weights = (torch.cat(part) for part in zip(*parts, strict=True))
        return cls(inputs, targets, weights), firsts

    def batch(self, chosen: Sequence[NDArray[np.int64]]) -> Batch:
        """The chosen clips of each head."""
        sizes = tuple(map(len, chosen))
        places = np.zeros((len(chosen), max(sizes)), np.int64)
        for row, clips in zip(places, chosen, strict=True):
            row[: len(clips)] = clips
        flat = torch.from_numpy(places).flatten()
        weights = self.weights.index_select(0, flat).view(places.shape) / torch.tensor(sizes)[:, None]
        if min(sizes) < places.shape[1]:
            weights *= torch.arange(max(sizes)) < torch.tensor(sizes)[:, None]
        shape = (*places.shape, -1)
        return Batch(
            self.inputs.index_select(0, flat).view(shape),
            self.targets.index_select(0, flat).view(shape),
            weights,
            sizes,
        )


class _Adam:
    """Adam over a stack, each run of heads with equal rates in one go; the arithmetic is that of ``torch.optim``."""

    def __init__(self, stack: HeadStack, heads: Sequence[_Head], moments: Sequence[Tensor] = ()) -> None:
        self._moments = tuple(moments) or tuple(torch.zeros_like(part) for part in (*stack.trained, *stack.trained))
        num = len(stack.trained)
        self._runs = []
        for _, members in groupby(range(len(heads)), key=lambda place: _rates(heads[place].task)):
            places = list(members)
            rows = slice(places[0], places[-1] + 1)
            parts = (stack.trained, stack.gradients, self._moments[:num], self._moments[num:])
            self._runs.append((heads[places[0]].task, [[part[rows] for part in each] for each in parts]))

    def step(self, step: int) -> None:
        """One step, the given one counted from 0."""
        for task, (trained, gradients, means, squares) in self._runs:
            own = task.settings
            adam(
                trained, gradients, means, squares, [], [torch.tensor(float(step)) for _ in trained],
                fused=True, decoupled_weight_decay=own.optimiser == "adamw", amsgrad=False, maximize=False,
                beta1=0.9, beta2=0.999, eps=1e-8, lr=rate_of(step, num_steps(len(task.training), own), own),
                weight_decay=own.weight_decay if own.optimiser == "adamw" else 0.0,
            )  # fmt: skip

    def kept(self, heads: Tensor, stack: HeadStack, active: Sequence[_Head]) -> _Adam:
        """For the stack of the heads that are left, with their moments."""
        return _Adam(stack, active, [moment[heads] for moment in self._moments])
