"""What each of several processes of one training does: it meets the others, trains, and says how that went."""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol, TypeVar

from menura.errors import MenuraError, RunError, ran_out_of_memory
from menura.pipeline.pool import raise_again
from menura.pretrain.place import PATIENCE, Place, accelerated
from menura.types import Progress

__all__ = ["Failure", "Seat", "Training", "raise_worst", "take_part"]

ResultT = TypeVar("ResultT", covariant=True)


class Training(Protocol[ResultT]):
    """A training in several processes; can be pickled. Every process gives the same result."""

    def __call__(self, *, place: Place, progress: Progress | None) -> ResultT: ...


@dataclass(frozen=True, slots=True)
class Seat:
    """One process of a training.

    Attributes:
        rank: Its number, from 0.
        processes: How many there are.
        meeting: Where they meet: ``file://…``, or ``tcp://HOST:PORT`` of the first one.
        local_rank: Its number among those that see the same graphics cards.
        local_processes: How many these are.
        threads: Of its arithmetic, unless ``OMP_NUM_THREADS`` says another number.
        folder: Where it works: relative paths in settings are meant from there.
        address: Of this machine, by which the others reach it.
    """

    rank: int
    processes: int
    meeting: str
    local_rank: int
    local_processes: int
    threads: int
    folder: str
    address: str = "127.0.0.1"

    def environment(self) -> dict[str, str]:
        """What Accelerate and torch look for, unless somebody has said otherwise."""
        found = {
            "RANK": str(self.rank), "WORLD_SIZE": str(self.processes), "LOCAL_RANK": str(self.local_rank),
            "LOCAL_WORLD_SIZE": str(self.local_processes),
        }  # fmt: skip
        if self.meeting.startswith("tcp://"):
            found["MASTER_ADDR"], _, found["MASTER_PORT"] = self.meeting.removeprefix("tcp://").rpartition(":")
        usual = {"OMP_NUM_THREADS": str(self.threads)}
        if (interface := _interface_of(self.address)) is not None:  # and not the one that the host's name leads to
            usual |= {"GLOO_SOCKET_IFNAME": interface, "NCCL_SOCKET_IFNAME": interface}
        return found | {name: value for name, value in usual.items() if name not in os.environ}


@dataclass(frozen=True, slots=True)
class Failure:
    """How a process of a training ended that did not come to its end: errors travel as text, whatever they hold.

    Attributes:
        name, message, trace: Class, message and traceback of its error; no name where it died.
    """

    name: str
    message: str
    trace: str = ""

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """What is told of an error."""
        name = "MemoryError" if ran_out_of_memory(error) else type(error).__name__
        return cls(name, str(error), traceback.format_exc())

    @property
    def weight(self) -> int:
        """How much it says of the cause: a process complains, too, when another one is gone."""
        if not self.name or self.name == "MemoryError":
            return 1
        from menura import errors

        kind = getattr(errors, self.name, None)
        return 2 if isinstance(kind, type) and issubclass(kind, MenuraError) else 0


def take_part(training: Training[ResultT], seat: Seat, progress: Progress | None) -> ResultT:
    """The result of a training, as the process of this seat; called once in the life of a process.

    Raises:
        MenuraError: What the training raises.
    """
    import torch
    from torch import distributed

    with suppress(OSError):
        os.chdir(seat.folder)
    os.environ.update(seat.environment())
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"].partition(",")[0]))
    distributed.init_process_group(
        "nccl" if torch.cuda.is_available() else "gloo",
        init_method=seat.meeting, rank=seat.rank, world_size=seat.processes, timeout=PATIENCE,
    )  # fmt: skip
    result = training(place=accelerated(), progress=progress)
    distributed.destroy_process_group()
    return result


def raise_worst(failures: Mapping[int, Failure], *, processes: int, kept: str) -> NoReturn:
    """Raise what says most of the cause.

    Args:
        failures: By number of the process.
        processes: How many there were.
        kept: What is kept, and where.
    """
    rank = max(failures, key=lambda number: (failures[number].weight, -number))
    failure = failures[rank]
    if failure.weight == 1:
        how = f"died ({failure.message})" if not failure.name else "had no more memory"
        raise RunError(
            f"process {rank + 1} of {processes} {how}, and the others were stopped; {kept}. Too little memory is the "
            "usual cause of a death. Run the same command again to go on"
        )
    raise_again(failure.name, failure.message, failure.trace, doing=f"process {rank + 1} of {processes}")


def _interface_of(address: str) -> str | None:
    """The network interface of an address of this machine."""
    import psutil  # type: ignore[import-untyped]  # comes with accelerate

    known: dict[str, list[Any]] = psutil.net_if_addrs()
    for name, addresses in known.items():
        if any(one.family == socket.AF_INET and one.address == address for one in addresses):
            return name
    return None
