"""Where a training runs: one process on a processor or a graphics card, or several processes through Accelerate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from menura.errors import BackendError

__all__ = ["HERE", "PATIENCE", "Place", "accelerated", "check_accelerate", "device_named"]

PATIENCE = timedelta(days=7)
"""How long processes wait for the first one, which alone generates and checks: hours. One that dies ends the others."""


@dataclass(frozen=True)
class Place:
    """One of the processes of a training. Each renders sounds of its own, and gradients are averaged over all.

    Attributes:
        device: Where it computes.
        number: Of this process, from 0; only the first one writes.
        processes: How many there are.
        accelerator: Averages over the processes; None when there is one.
    """

    device: str = "cpu"
    number: int = 0
    processes: int = 1
    accelerator: Any = None

    @property
    def writes(self) -> bool:
        """Whether this process keeps state, log and encoder."""
        return self.number == 0

    def average(self, weights: Iterable[nn.Parameter]) -> None:
        """Replaces the gradients by their mean over the processes."""
        if self.processes == 1:
            return
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        flat: Tensor = self.accelerator.reduce(nn.utils.parameters_to_vector(gradients), reduction="mean")
        nn.utils.vector_to_parameters(flat, gradients)

    def wait(self) -> None:
        """Until all processes are here."""
        if self.processes > 1:
            self.accelerator.wait_for_everyone()


HERE = Place()
"""One process on the processor."""


def device_named(name: str) -> Place:
    """One process on the device of that name, such as ``cpu`` or ``cuda``.

    Raises:
        BackendError: There is no such device.
    """
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise BackendError(f"device {name!r} cannot be used ({str(error).splitlines()[0]}); try cpu") from error
    return Place(name)


def check_accelerate() -> None:
    """Nothing, if several processes can train together.

    Raises:
        BackendError: Accelerate is not installed.
    """
    if find_spec("accelerate") is None:
        raise BackendError("several processes need accelerate, which is not installed: pip install 'menura[gpus]'")


def accelerated() -> Place:
    """The place that ``accelerate launch`` or ``torchrun`` gave to this process.

    Raises:
        BackendError: Accelerate is not installed.
    """
    check_accelerate()
    from accelerate import Accelerator
    from accelerate.utils import InitProcessGroupKwargs

    patient = InitProcessGroupKwargs(timeout=PATIENCE)
    accelerator = Accelerator(cpu=not torch.cuda.is_available(), kwargs_handlers=[patient])
    device = "cpu" if accelerator.device.type == "cpu" else str(accelerator.device)
    return Place(device, accelerator.process_index, accelerator.num_processes, accelerator)
