"""What training an adapter will take: bytes and operations of one step, counted on shapes before anything is computed.

The denoiser is copied without its numbers and told shapes only (the ``meta`` device), so that counting needs neither
memory nor a graphics card. What is kept for the way back is counted as autograd asks for it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from menura.backends.adapters import Adapter
from menura.backends.trainee import Trainee
from menura.errors import BackendError, ConfigError

__all__ = ["TrainingEstimate", "estimate_training", "measured_speed", "saved_bytes"]

_ADAM_STATES = 2
"""Averages of the gradient and of its square, float32 as the adapter is."""


@dataclass(frozen=True, slots=True)
class TrainingEstimate:
    """What a step takes, in bytes and operations.

    Attributes:
        weights: Of the denoiser, in the precision that they were loaded with.
        adapter: Its parameters.
        gradients: Of these.
        optimiser: States of Adam.
        average: Of a running average of the adapter; 0 without.
        activations: What is kept for the way back, for winners and losers at once.
        operations: Floating-point operations of a step: model, reference, and the way back.
    """

    weights: int
    adapter: int
    gradients: int
    optimiser: int
    average: int
    activations: int
    operations: float

    @property
    def total(self) -> int:
        """All of it. What layers hold only while they compute is not in it, nor what a graphics card needs to run."""
        return self.weights + self.adapter + self.gradients + self.optimiser + self.average + self.activations

    def seconds_per_step(self, operations_per_s: float) -> float:
        """Least time of a step; half as fast as a plain product of matrices is common."""
        return self.operations / operations_per_s


def estimate_training(
    trainee: Trainee,
    attach: Callable[[Trainee], Adapter],
    *,
    latents: Tensor,
    conditions: Mapping[str, Tensor],
    pairs: int,
    checkpointing: bool = False,
    average: bool = True,
) -> TrainingEstimate:
    """Bytes and operations of a step of preference training.

    Args:
        trainee: Without an adapter. It is left as it is.
        attach: Puts the adapter on, as in ``lambda trainee: attach_lora(trainee, rank=16)``.
        latents: Of one sound or more, ``[sounds, …]``; only the shape of one is looked at.
        conditions: The same, by name.
        pairs: In one step, before accumulation.
        checkpointing: Whether blocks compute anew on the way back what they did not keep.
        average: Whether a running average of the adapter is kept.

    Raises:
        ConfigError: There is no pair.
        BackendError: The denoiser cannot be counted, or has no gradient checkpointing.
    """
    if pairs < 1:
        raise ConfigError(f"{pairs} pairs in a step, expected 1 or more")
    hollow = _hollow(trainee)
    adapter = attach(hollow)
    own = {id(weight) for weight in adapter.parameters()}
    weights = _bytes(weight for weight in hollow.denoiser.parameters() if id(weight) not in own)
    size = _bytes(adapter.parameters())
    batch = 2 * pairs
    given = (
        torch.empty((batch, *latents.shape[1:]), device="meta"), torch.empty(batch, device="meta"),
        {name: torch.empty((batch, *told.shape[1:]), device="meta") for name, told in conditions.items()},
    )  # fmt: skip
    try:
        plain, checkpointed, operations = _counted(hollow, given)
    except (RuntimeError, NotImplementedError) as error:
        raise BackendError(f"the memory of training {trainee.part} cannot be counted: {error}") from error
    if checkpointing and checkpointed is None:
        raise BackendError(f"the {trainee.part} of this model has no gradient checkpointing: switch it off")
    kept = checkpointed if checkpointing and checkpointed is not None else plain
    passes = 3 + checkpointing  # model, reference, way back through frozen weights; with checkpoints, the model again
    return TrainingEstimate(
        weights, size, size, _ADAM_STATES * size, size if average else 0, kept, float(passes * operations)
    )


def measured_speed(device: str, precision: str = "float32", *, width: int = 2048, repeats: int = 4) -> float:
    """Operations a second of a plain product of matrices on a device: a few of them are timed.

    Args:
        device: As torch names it.
        precision: Of the weights.
        width: Of the matrices; less on a slow processor.
        repeats: How many products.
    """
    import time

    matrix = torch.ones(width, width, device=device, dtype=getattr(torch, precision))
    product = matrix @ matrix
    wait: Callable[[], object] = torch.cuda.synchronize if matrix.is_cuda else lambda: None
    wait()
    started = time.perf_counter()
    for _ in range(repeats):
        product = matrix @ matrix
    wait()
    del product
    return repeats * 2 * width**3 / max(time.perf_counter() - started, 1e-9)


@contextmanager
def saved_bytes(ignored: nn.Module) -> Iterator[Callable[[], int]]:
    """Context that counts what autograd keeps for the way back, each storage once, without the weights of a module."""
    kept = _Kept({_key(tensor) for tensor in (*ignored.parameters(), *ignored.buffers())})
    with kept.counting():
        yield kept.total


class _Kept:
    """Storages that were kept. They are held on to, so that none is counted under the name of one that is gone."""

    def __init__(self, ignored: set[int]) -> None:
        self._ignored = ignored
        self._storages: dict[int, Any] = {}

    def add(self, tensor: Tensor) -> Tensor:
        key = _key(tensor)
        if key not in self._ignored:
            self._storages[key] = tensor.untyped_storage()
        return tensor

    def total(self) -> int:
        return sum(storage.nbytes() for storage in self._storages.values())

    def counting(self) -> Any:
        return torch.autograd.graph.saved_tensors_hooks(self.add, lambda tensor: tensor)


class _Attention(torch.autograd.Function):
    """Stands for the attention of a graphics card, which keeps what went in and came out but no table of weights."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        said = query.new_empty((*query.shape[:-1], value.shape[-1]))
        sums = query.new_empty(query.shape[:-1], dtype=torch.float32)
        ctx.save_for_backward(query, key, value, said, sums)
        return said


class _AttentionMode(TorchFunctionMode):
    """Puts that attention in place of torch's, which on shapes alone keeps the table, and counts its operations."""

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is not functional.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        query, key, value = args[:3]
        self.operations += 2 * query.numel() * key.shape[-2] + 2 * query[..., 0].numel() * value[0, 0].numel()
        return _Attention.apply(query, key, value)  # type: ignore[no-untyped-call]


def _counted(trainee: Trainee, given: tuple[Any, ...]) -> tuple[int, int | None, int]:
    """Bytes kept by one pass, those kept with checkpoints (None: it has none), and operations of the pass.

    With checkpoints a block keeps what goes into it, and while it is gone back through, all that it kept without.
    """
    ignored = {_key(tensor) for tensor in (*trainee.denoiser.parameters(), *trainee.denoiser.buffers())}
    outside, blocks = _Kept(ignored), list[_Kept]()
    everything = _Kept(ignored)

    def block(function: Any, *inputs: Any) -> Any:
        inside = _Kept(ignored)
        blocks.append(inside)
        for value in inputs:
            if isinstance(value, Tensor) and value.is_floating_point():
                outside.add(value)
        both = torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: everything.add(inside.add(tensor)), lambda tensor: tensor
        )
        with both:
            return function(*inputs)

    switch = getattr(trainee.denoiser, "enable_gradient_checkpointing", None)
    if switch is not None:
        switch(gradient_checkpointing_func=block)
    attention = _AttentionMode()
    with torch.enable_grad(), FlopCounterMode(display=False) as counter, attention:
        hooks = torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: everything.add(outside.add(tensor)), lambda tensor: tensor
        )
        with hooks:
            said = trainee.predict(*given)
    del said
    checkpointed = outside.total() + max(part.total() for part in blocks) if blocks else None
    return everything.total(), checkpointed, counter.get_total_flops() + attention.operations


def _hollow(trainee: Trainee) -> Trainee:
    """The trainee with a copy of its denoiser that has shapes but no numbers."""
    weights = [*trainee.denoiser.parameters(), *trainee.denoiser.buffers()]
    memo: dict[int, Any] = {}
    for weight in weights:
        empty = torch.empty_like(weight, device="meta")
        memo[id(weight)] = nn.Parameter(empty, requires_grad=False) if isinstance(weight, nn.Parameter) else empty
    hollow = copy.copy(trainee)
    hollow.denoiser = copy.deepcopy(trainee.denoiser, memo)
    return hollow


def _bytes(tensors: Any) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _key(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)
