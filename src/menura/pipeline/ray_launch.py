"""One training by several workers of a Ray cluster, each with its own cores and graphics card."""

from __future__ import annotations

import os
import socket
import tempfile
import time
import uuid
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from menura.errors import BackendError, ConfigError
from menura.pipeline.engine import EngineSettings
from menura.pipeline.launch import GRACE_S
from menura.pipeline.ray_cluster import has_graphics_cards, import_ray, joined, room
from menura.pipeline.ray_pool import last_line
from menura.pipeline.training_group import Failure, Seat, Training, raise_worst, take_part
from menura.types import Progress

__all__ = ["launch_on_ray"]

ResultT = TypeVar("ResultT")
_PLACE_PATIENCE_S = 600.0
_LOOK_EVERY_S = 0.5


class _Member:
    """What runs in the process of an actor: the training in one thread, answers in another."""

    def __init__(self) -> None:
        self._said: deque[tuple[str, int, int]] = deque(maxlen=1000)

    def place(self) -> tuple[str, str, int]:
        """Id and address of the machine, and a port of it that is free; other machines may reach the address."""
        ray = import_ray()
        address = str(ray.util.get_node_ip_address())
        with socket.socket() as probe:
            probe.bind((address, 0))
            return str(ray.get_runtime_context().get_node_id()), address, probe.getsockname()[1]

    def said(self) -> list[tuple[str, int, int]]:
        """What there is to report since it was asked last."""
        return [self._said.popleft() for _ in range(len(self._said))]

    def train(self, training: Training[Any], seat: Seat) -> Any:
        """The result, or what went wrong."""

        def report(*progress: Any) -> None:
            self._said.append(progress)

        try:
            return take_part(training, seat, report if seat.rank == 0 else None)
        except BaseException as error:
            return Failure.of(error)


def launch_on_ray(
    training: Training[ResultT],
    *,
    processes: int,
    engine: EngineSettings,
    progress: Progress | None = None,
    kept: str = "what was saved last is kept",
) -> ResultT:
    """As :func:`menura.pipeline.launch.launch`, on the cluster of the engine.

    All machines must see data and results under the same paths. Workers are placed near each other and all at once;
    the first failure or death ends them all, and nothing is tried again by itself.
    """
    with joined(engine.address, cpus=engine.cpus, workers=processes) as ray:
        gpus = engine.gpus
        if gpus is None:
            gpus = 1.0 if has_graphics_cards(ray) else 0.0
        if gpus not in (0.0, 1.0):
            raise ConfigError(f"gpus for each worker is {gpus:g}; a process of a training takes a whole one, or none")
        with _members(ray, processes, engine, gpus) as members:
            places = _places(ray, members)
            with _meeting(places) as (meeting, is_here):
                seats = _seats(places, meeting, engine, gpus, is_here=is_here)
                calls = [member.train.remote(training, seat) for member, seat in zip(members, seats, strict=True)]
                told: Any = _result(ray, members[0], calls, progress or (lambda *unused: None), kept)
                return told  # type: ignore[no-any-return]


@contextmanager
def _members(ray: Any, processes: int, engine: EngineSettings, gpus: float) -> Iterator[list[Any]]:
    """Actors that have their place; takes them away at the end."""
    from ray.util.placement_group import placement_group, remove_placement_group
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    bundle = {name: number for name, number in (("CPU", engine.cpus), ("GPU", gpus)) if number}
    group = placement_group([bundle] * processes, strategy="PACK")
    actors: list[Any] = []
    try:
        fits = room(ray, cpus=engine.cpus, gpus=gpus) >= processes
        if not group.wait(timeout_seconds=_PLACE_PATIENCE_S if fits or engine.address is not None else 0.1):
            have = ray.cluster_resources()
            raise BackendError(
                f"Ray has no room for {processes} workers of {engine.cpus:g} cores and {gpus:g} graphics cards at "
                f"once; all together have {have.get('CPU', 0):g} cores and {have.get('GPU', 0):g} graphics cards. Ask "
                "for fewer processes, or add machines"
            )
        kind = ray.remote(_Member)
        for number in range(processes):
            options = kind.options(
                num_cpus=engine.cpus, num_gpus=gpus, max_restarts=0, max_task_retries=0, max_concurrency=2,
                scheduling_strategy=PlacementGroupSchedulingStrategy(group, number),
            )  # fmt: skip
            actors.append(options.remote())
        yield actors
    finally:
        with suppress(Exception):  # dead already, or the cluster is gone
            for actor in actors:
                ray.kill(actor, no_restart=True)
            remove_placement_group(group)


@contextmanager
def _meeting(places: Sequence[tuple[str, str, int]]) -> Iterator[tuple[str, bool]]:
    """Where the workers meet, and whether all are on one machine: then it is a file, and no port that others find."""
    if len({node for node, _, _ in places}) > 1:
        _, host, port = places[0]
        yield f"tcp://{host}:{port}", False
        return
    file = Path(tempfile.gettempdir()) / f"menura-{uuid.uuid4().hex}"
    try:
        yield file.as_uri(), True
    finally:
        file.unlink(missing_ok=True)  # as after a death, if it is this machine


def _places(ray: Any, members: Sequence[Any]) -> list[tuple[str, str, int]]:
    try:
        return ray.get([member.place.remote() for member in members])  # type: ignore[no-any-return]
    except ray.exceptions.RayError as error:
        raise BackendError(
            f"a worker of Ray does not start: {last_line(error)}. Every machine of the cluster needs the same version "
            "of Menura and of Python"
        ) from error


def _seats(
    places: Sequence[tuple[str, str, int]], meeting: str, engine: EngineSettings, gpus: float, *, is_here: bool
) -> list[Seat]:
    nodes = [node for node, _, _ in places]
    seats = []
    for rank, (node, address, _) in enumerate(places):
        alone = gpus > 0  # Ray shows a worker no graphics card but its own
        seats.append(
            Seat(
                rank, len(places), meeting, 0 if alone else nodes[:rank].count(node),
                1 if alone else nodes.count(node), max(1, int(engine.cpus)), os.getcwd(),
                "127.0.0.1" if is_here else address,
            )
        )  # fmt: skip
    return seats


def _result(ray: Any, first: Any, calls: Sequence[Any], progress: Progress, kept: str) -> Any:
    """What the first worker gives, when all have come to their end."""
    waiting, failures, until = list(calls), dict[int, Failure](), float("inf")
    result: Any = None
    while waiting and time.monotonic() < until:
        ready, waiting = ray.wait(waiting, num_returns=1, timeout=_LOOK_EVERY_S)
        for call in ready:
            rank = calls.index(call)
            try:
                answer = ray.get(call)
            except ray.exceptions.RayError as error:
                answer = Failure("", last_line(error))
            if isinstance(answer, Failure):
                failures[rank] = answer
                until = min(until, time.monotonic() + GRACE_S)
            elif rank == 0:
                result = answer
        with suppress(ray.exceptions.RayError):  # its death comes out above
            for one in ray.get(first.said.remote()):
                progress(*one)
    if failures:
        raise_worst(failures, processes=len(calls), kept=kept)
    return result
