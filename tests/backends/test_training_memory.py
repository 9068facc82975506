"""The estimate of memory: near what autograd keeps, less with checkpoints, more with more pairs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.backends.test_trainees import SECONDS, trainee_of

from menura.backends.adapters import Adapter, attach_lora, attach_prefix, checkpoint_gradients
from menura.backends.trainee import Trainee
from menura.backends.training_memory import TrainingEstimate, estimate_training, measured_speed, saved_bytes
from menura.errors import BackendError, ConfigError

Tiny = Callable[[str], Path]
NAMES = pytest.mark.parametrize("name", ["stable-audio", "audioldm2"])
SHAPES = {"stable-audio": (8, 64), "audioldm2": (4, 8, 16)}


def lora(trainee: Trainee) -> Adapter:
    pytest.importorskip("peft")
    return attach_lora(trainee, rank=4)


def given(trainee: Trainee, name: str, rows: int) -> tuple[Any, ...]:
    import torch

    told = trainee.conditions(["a dog barks far away"] * rows, SECONDS[name])
    return torch.zeros(rows, *SHAPES[name]), torch.full((rows,), 0.5), told


def estimate(
    trainee: Trainee, name: str, attach: Callable[[Trainee], Adapter] = lora, **options: Any
) -> TrainingEstimate:
    latents, _, told = given(trainee, name, 1)
    return estimate_training(trainee, attach, latents=latents, conditions=told, **{"pairs": 2} | options)


@NAMES
@pytest.mark.parametrize("attach", [lora, lambda trainee: attach_prefix(trainee, tokens=4)], ids=["lora", "prefix"])
def test_the_estimate_is_near_what_autograd_keeps(tiny: Tiny, name: str, attach: Callable[[Trainee], Adapter]) -> None:
    trainee = trainee_of(tiny, name)
    found = estimate(trainee, name, attach)
    weights = sum(weight.numel() * 4 for weight in trainee.denoiser.parameters())
    assert all(not weight.is_meta for weight in trainee.denoiser.parameters())
    adapter = attach(trainee)
    with saved_bytes(trainee.denoiser) as kept:
        said = trainee.predict(*given(trainee, name, 4))
    size = sum(weight.numel() * 4 for weight in adapter.parameters())
    assert (found.weights, found.adapter, found.gradients, found.optimiser) == (weights, size, size, 2 * size)
    assert found.average == size
    # Attention on this processor keeps a table that is not counted where it has a mask, and rounds sizes up.
    assert kept() / 1.25 < found.activations < kept() * 1.25
    assert said.requires_grad


@NAMES
def test_checkpoints_keep_less_and_the_estimate_says_how_much(tiny: Tiny, name: str) -> None:
    trainee = trainee_of(tiny, name)
    plain, checkpointed = (estimate(trainee, name, checkpointing=on) for on in (False, True))
    assert checkpointed.activations < plain.activations
    assert checkpointed.operations == pytest.approx(plain.operations * 4 / 3)
    assert checkpointed.total - checkpointed.activations == plain.total - plain.activations
    lora(trainee)
    checkpoint_gradients(trainee)
    with saved_bytes(trainee.denoiser) as kept:
        said = trainee.predict(*given(trainee, name, 4))
    assert said.requires_grad
    assert kept() / 1.25 < checkpointed.activations < plain.activations  # and the largest block on the way back


def test_activations_grow_with_the_pairs_and_weights_do_not(tiny: Tiny) -> None:
    trainee = trainee_of(tiny, "stable-audio")
    one, four = (estimate(trainee, "stable-audio", pairs=pairs, average=False) for pairs in (1, 4))
    assert four.activations == pytest.approx(4 * one.activations, rel=0.05)
    assert four.operations == pytest.approx(4 * one.operations, rel=0.05)
    assert four.weights == one.weights
    assert (four.average, four.seconds_per_step(four.operations)) == (0, 1.0)
    assert measured_speed("cpu", width=32) > 0
    with pytest.raises(ConfigError, match="0 pairs in a step"):
        estimate(trainee, "stable-audio", pairs=0)


def test_operations_are_those_of_the_products_of_matrices(tiny: Tiny) -> None:
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    trainee = trainee_of(tiny, "stable-audio")
    found = estimate(trainee, "stable-audio").operations
    lora(trainee)
    asked = given(trainee, "stable-audio", 4)
    with torch.no_grad(), FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        trainee.predict(*asked)
    assert found == 3 * counter.get_total_flops()


def test_a_denoiser_without_blocks_to_check_is_refused_with_checkpoints(tiny: Tiny) -> None:
    from torch import nn

    class Plain:
        part = "net"
        targets = ("linear",)

        def __init__(self) -> None:
            self.denoiser = nn.Sequential()
            self.denoiser.add_module("linear", nn.Linear(4, 4))

        def predict(self, noisy: Any, time: Any, conditions: Any) -> Any:
            return self.denoiser(noisy)

    import torch

    trainee: Any = Plain()
    with pytest.raises(BackendError, match="the net of this model has no gradient checkpointing"):
        estimate_training(trainee, lora, latents=torch.zeros(1, 4), conditions={}, pairs=1, checkpointing=True)
    with pytest.raises(BackendError, match="the net of this model has no gradient checkpointing"):
        checkpoint_gradients(trainee)
    found = estimate_training(trainee, lora, latents=torch.zeros(1, 4), conditions={}, pairs=3)
    assert found.weights == 4 * (16 + 4)
    assert found.activations == 4 * (6 * 4 + 6 * 4)  # what the two small matrices multiply: 4 wide, rank 4
    assert np.isclose(found.operations, 3 * 6 * 2 * (16 + 32))
