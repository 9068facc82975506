"""Ray actors that do jobs: a bounded number of tries for each, and nothing that is tried for ever.

Plain actors, each restarted by this pool and not by Ray: with Ray's own means a job that kills its actor is tried
without end. A job is given to an actor only when it is free, so that as many are under way as actors can work on.
"""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from menura.errors import BackendError, RunError, ran_out_of_memory
from menura.pipeline.pool import MAX_ATTEMPTS, raise_again

__all__ = ["MAX_LOSSES", "ActorPool", "last_line"]

MAX_LOSSES = 20
"""How often one job may lose its actor together with the whole machine before the run stops."""

_MOST_SET_ASIDE = 8
"""When so many jobs have killed their actors too often, the rest will, too."""

_MOST_FAILED_STARTS = 3
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_START_PATIENCE_S = 600.0

Job = TypeVar("Job")
Result = TypeVar("Result")


@dataclass(slots=True)
class _Try(Generic[Job]):
    job: Job
    deaths: int = 0
    losses: int = 0


@dataclass(eq=False, slots=True)
class _Slot:
    """An actor, where it runs, and the calls that it works on."""

    actor: Any
    node: str | None = None
    calls: set[Any] = field(default_factory=set)


@dataclass(frozen=True)
class _Failure:
    name: str
    message: str
    trace: str


class _Worker:
    """What runs in the process of an actor."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        self._work = work

    def node(self) -> str:
        """Id of the machine, once the actor lives."""
        import ray

        with suppress(ValueError):  # not in the main thread, which Ctrl-C does not reach either
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the driver, which decides what becomes of us
        return str(ray.get_runtime_context().get_node_id())

    def do(self, job: Any) -> Any:
        """The result, or what went wrong: errors travel as text, whatever they hold."""
        try:
            return self._work(job)
        except Exception as error:
            if ran_out_of_memory(error):  # a fresh process may have room; after some the pool gives up
                os._exit(1)
            return _Failure(type(error).__name__, str(error), traceback.format_exc())


class ActorPool(Generic[Job, Result]):
    """Actors that do the same work; use it as a context manager.

    Args:
        ray: The library, joined to a cluster.
        work: Does a job; pickled, so a function at the top of a module or an object of a class there.
        cpus, gpus: What each takes.
        at_once: Jobs that an actor works on at the same time, in threads.
        name_of: Gives the name of a job, for messages.
    """

    def __init__(
        self,
        ray: Any,
        work: Callable[[Job], Result],
        *,
        cpus: float = 1.0,
        gpus: float = 0.0,
        at_once: int = 1,
        name_of: Callable[[Job], str] = str,
    ) -> None:
        self._ray, self._work, self._at_once, self._name_of = ray, work, at_once, name_of
        self._class = ray.remote(_Worker).options(
            num_cpus=cpus, num_gpus=gpus, max_restarts=0, max_task_retries=0, max_concurrency=at_once,
            scheduling_strategy="SPREAD", runtime_env={"env_vars": dict.fromkeys(_THREADS, "1")},
        )  # fmt: skip
        self._starting: dict[Any, _Slot] = {}
        self._slots: list[_Slot] = []
        self._calls: dict[Any, tuple[_Slot, _Try[Job]]] = {}
        self._again: deque[_Try[Job]] = deque()
        self._set_aside: dict[str, str] = {}
        self._failed_starts = 0
        self.lost = 0
        """Actors that died so far."""

    def __enter__(self) -> ActorPool[Job, Result]:
        return self

    def __exit__(self, *unused: object) -> None:
        for slot in (*self._slots, *self._starting.values()):
            self._kill(slot)

    def grow_to(self, workers: int) -> None:
        """Have at least so many actors. One that cannot be placed waits for a machine, as an autoscaler may add."""
        for _ in range(workers - len(self._slots) - len(self._starting)):
            self._start()

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result]]:
        """Do all jobs; gives each with its result as it is finished, in any order.

        A job that kills its actor :data:`~menura.pipeline.pool.MAX_ATTEMPTS` times is set aside; the others go on.

        Raises:
            MenuraError: What an actor raised.
            RunError: Jobs were set aside, or the machines were lost too often.
            BackendError: No actor starts, or Ray has ended on this machine.
        """
        waiting, patience = iter(jobs), time.monotonic() + _START_PATIENCE_S
        while True:
            self._hand_out(waiting)
            if self._slots:
                patience = time.monotonic() + _START_PATIENCE_S
                if not self._calls:
                    break
            elif self._is_cut_off():
                raise BackendError(
                    "Ray has lost this machine: its process here, the raylet, has ended and starts no worker any more. "
                    "What is finished is kept; start Ray here again if it was you who did, then run the same command "
                    "again to go on"
                )
            elif time.monotonic() > patience:
                raise BackendError(
                    f"Ray started no worker in {_START_PATIENCE_S / 60:.0f} minutes; the cluster has "
                    f"{_shown(self._ray.cluster_resources())}. Ask for fewer cores or graphics cards for each worker, "
                    "or add machines; what is finished is kept"
                )
            for reference in self._ready():
                yield from self._taken(reference)
        if self._set_aside:
            raise RunError(self._set_aside_message())

    def _is_cut_off(self) -> bool:
        """Whether the raylet of the leading machine is gone. Ray ends all its actors then, on other machines too."""
        own = self._ray.get_runtime_context().get_node_id()
        return not any(node["Alive"] and node["NodeID"] == own for node in self._ray.nodes())

    def _ready(self) -> list[Any]:
        """Calls that are answered; waits for the first."""
        asked = [*self._calls, *self._starting]
        first, rest = self._ray.wait(asked, num_returns=1, timeout=1.0)
        more = self._ray.wait(rest, num_returns=len(rest), timeout=0)[0] if first and rest else []
        return [*first, *more]

    def _hand_out(self, waiting: Iterator[Job]) -> None:
        """Give free actors something to do; what was under way when an actor died is done alone."""
        for slot in self._slots:
            while len(slot.calls) < self._at_once and not self._does_a_suspect(slot):
                if self._again:
                    if slot.calls:
                        break
                    attempt = self._again.popleft()
                else:
                    job = next(waiting, None)
                    if job is None:
                        return
                    attempt = _Try(job)
                reference = slot.actor.do.remote(attempt.job)
                slot.calls.add(reference)
                self._calls[reference] = slot, attempt

    def _does_a_suspect(self, slot: _Slot) -> bool:
        return any(self._calls[call][1].deaths for call in slot.calls)

    def _taken(self, reference: Any) -> Iterator[tuple[Job, Result]]:
        if reference in self._starting:
            self._started(reference)
        elif reference in self._calls:  # else its actor died, and another of its calls said so first
            slot, attempt = self._calls[reference]
            try:
                answer = self._ray.get(reference)
            except self._ray.exceptions.RayError as error:
                self._bury(slot, error)
                return
            del self._calls[reference]
            slot.calls.discard(reference)
            if isinstance(answer, _Failure):
                raise_again(answer.name, answer.message, answer.trace, doing=self._name_of(attempt.job))
            yield attempt.job, answer

    def _start(self) -> None:
        slot = _Slot(self._class.remote(self._work))
        self._starting[slot.actor.node.remote()] = slot

    def _started(self, reference: Any) -> None:
        slot = self._starting.pop(reference)
        try:
            slot.node = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self._failed_starts += 1
            if self._failed_starts >= _MOST_FAILED_STARTS and not self._slots:
                raise BackendError(
                    f"no worker of Ray starts: {last_line(error)}. Every machine of the cluster needs the same "
                    "version of Menura and of Python"
                ) from error
            self._start()
            return
        self._failed_starts = 0
        self._slots.append(slot)

    def _bury(self, slot: _Slot, error: Exception) -> None:
        """Take away an actor that is dead or cannot be reached, start another, and take up what it was doing."""
        self._slots.remove(slot)
        self._kill(slot)
        self.lost += 1
        own_fault = self._crashed(slot, error)
        for call in slot.calls:
            attempt = self._calls.pop(call)[1]
            attempt.deaths += own_fault
            attempt.losses += not own_fault
            if attempt.deaths >= MAX_ATTEMPTS or attempt.losses >= MAX_LOSSES:
                self._set_aside[self._name_of(attempt.job)] = last_line(error)
                if len(self._set_aside) >= _MOST_SET_ASIDE:
                    raise RunError(self._set_aside_message())
            else:
                self._again.append(attempt)
        self._start()

    def _crashed(self, slot: _Slot, error: Exception) -> bool:
        """Whether the process died by itself, rather than with its machine or out of reach."""
        if isinstance(error, self._ray.exceptions.ActorUnavailableError) or getattr(error, "preempted", False):
            return False
        return any(node["Alive"] and node["NodeID"] == slot.node for node in self._ray.nodes())

    def _kill(self, slot: _Slot) -> None:
        with suppress(Exception):  # dead already, or the cluster is gone
            self._ray.kill(slot.actor, no_restart=True)

    def _set_aside_message(self) -> str:
        names = ", ".join(list(self._set_aside)[:_MOST_SET_ASIDE])
        cause = next(iter(self._set_aside.values()))
        return (
            f"the worker died {MAX_ATTEMPTS} times while it made {names} ({cause}). Everything else that was begun is "
            "kept. Too little memory is the usual cause: use fewer workers for each machine or shorter clips, then run "
            "the same command again to go on"
        )


def last_line(error: Exception) -> str:
    """The line of a message of Ray that says why."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    told = [line for line in lines if line.startswith(("The actor is dead", "The actor died", "Worker exit"))]
    return (told or lines)[-1][:300]


def _shown(resources: dict[str, float]) -> str:
    return ", ".join(f"{resources.get(name, 0.0):g} {name}" for name in ("CPU", "GPU"))
