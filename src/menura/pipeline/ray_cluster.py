"""A Ray cluster to work on: one that is there already, or one on this machine for as long as it is needed."""

from __future__ import annotations

import logging
import math
import os
import secrets
import signal
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from menura.datasets.index import num_cores
from menura.errors import BackendError
from menura.offline import VARIABLE, is_offline

if TYPE_CHECKING:
    from menura.pipeline.engine import EngineSettings

__all__ = ["has_graphics_cards", "import_ray", "joined", "most_workers", "room"]

_OBJECT_STORE_BYTES = 100 << 20
"""Only the numbers of shards and the times that they took travel through it."""
_MOST_STARTS = 3
_FAREWELL_S = "10"
"""How long processes of a Ray that was started here look for its centre once that is gone; Ray's own minute is for
clusters whose centre comes back."""
_ANSWER_PATIENCE_S = 10.0
"""How long a cluster that is being started may take to listen."""
_AUTHENTICATION = ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH")


def import_ray() -> Any:
    """The library, without its telemetry.

    Raises:
        BackendError: It is not installed.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")  # no card for a worker that asked for none
    try:
        import ray
    except ImportError as error:
        raise BackendError(
            "the engine ray needs the library Ray, which is not installed: pip install 'menura[ray]', or leave out "
            "--engine to work on this machine alone"
        ) from error
    return ray


@contextmanager
def joined(address: str | None, *, cpus: float = 1.0, workers: int | None = None) -> Iterator[Any]:
    """The library, joined to a cluster; leaves it at the end, unless the program was in it before.

    Args:
        address: ``HOST:PORT`` or ``auto``; None starts Ray on this machine alone: on loopback, without dashboard.
        cpus: Cores of each worker.
        workers: Workers that were asked for; a Ray that is started has at least the cores for them.

    Raises:
        BackendError: Ray is not installed, or the cluster cannot be reached, or is not to be: ``MENURA_OFFLINE``.
    """
    if address is not None:
        _refuse_offline(address)
    ray = import_ray()
    if ray.is_initialized():
        yield ray
        return
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        cores = max(num_cores(), math.ceil((workers or 1) * cpus))
        options |= {"num_cpus": cores, "include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
    with ExitStack() as stack:
        # Ray would tell of every worker that dies on standard output, which belongs to the result.
        stack.enter_context(_replaced(ray._private.worker, "print_to_stdstream", lambda *data, **options: None))
        if address is None:
            os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", _FAREWELL_S)
            stack.enter_context(_own_token(ray))
        _join(ray, address, options)
        try:
            yield ray
        finally:
            ray.shutdown()


@contextmanager
def _own_token(ray: Any) -> Iterator[None]:
    """A token for the Ray that is started here, unless somebody has chosen one; Ray would write it into a file that
    others may read."""
    if any(name in os.environ for name in _AUTHENTICATION):
        yield
        return
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    _read_token_again(ray)
    try:
        yield
    finally:
        for name in _AUTHENTICATION:
            os.environ.pop(name, None)
        _read_token_again(ray)


def _read_token_again(ray: Any) -> None:
    ray._raylet.Config.initialize("")
    ray._raylet.AuthenticationTokenLoader.instance().reset_cache()


def _join(ray: Any, address: str | None, options: Mapping[str, Any]) -> None:
    tries = _MOST_STARTS if address is None else 1  # on a busy machine the half minute that Ray gives itself may pass
    for left in reversed(range(tries)):
        try:
            with ExitStack() as stack:
                if address is None or _is_here(address):
                    constants = ray._private.ray_constants  # without clusters it keeps to loopback
                    stack.enter_context(_replaced(constants, "ENABLE_RAY_CLUSTER", False))
                if address is not None:
                    _wait_for_an_answer(ray, address)
                stack.enter_context(_ended_as_before())
                ray.init(address=address or "local", **options)
            return
        except Exception as error:  # Ray raises bare ones
            ray.shutdown()
            if not left:
                where = "started on this machine" if address is None else f"reached at {address}"
                raise BackendError(f"Ray cannot be {where}: {_reason(error)}") from error


@contextmanager
def _ended_as_before() -> Iterator[None]:
    """Let a request to end this process (SIGTERM, as of SLURM) do what it did before: Ray would abort, with a trace."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if before is not None:
            with suppress(ValueError):  # not in the main thread
                signal.signal(signal.SIGTERM, before)


def _wait_for_an_answer(ray: Any, address: str) -> None:
    """Raises within a minute what is wrong with an address; Ray by itself asks for a quarter of an hour, and then does
    not say."""
    place = str(ray._private.services.canonicalize_bootstrap_address(address))
    host, _, port = place.rpartition(":")
    it = place if address == "auto" else "it"
    until = time.monotonic() + _ANSWER_PATIENCE_S
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_PATIENCE_S).close()
            break
        except OSError as error:
            if isinstance(error, socket.gaierror) or time.monotonic() > until:
                raise BackendError(
                    f"{it} does not answer ({error.strerror or error}). Give the HOST:PORT that `ray start --head` "
                    "has printed, or leave out --address to start Ray here"
                ) from error
            time.sleep(1.0)
    try:
        ray._raylet.GcsClient(address=place)
    except ray.exceptions.AuthenticationError as error:
        raise BackendError(
            f"{it} asks for another token. Set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to what the cluster was "
            "started with"
        ) from error
    except Exception as error:
        raise BackendError(f"{it} is not the head of a Ray cluster ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    """The first line of a message, or all of them where the first only announces the others."""
    lines = str(error).splitlines() or [repr(error)]
    return " ".join(" ".join(lines).split()) if lines[0].endswith(":") else lines[0]


def _refuse_offline(address: str) -> None:
    """Ray connects in C++, where the guard of :mod:`menura.offline` sees nothing; ``auto`` may be any cluster."""
    if is_offline() and not _is_here(address):
        raise BackendError(
            f"{VARIABLE} is set, so the Ray at {address} is not joined: it may be on other machines; unset it, or "
            "leave out --address to start Ray on this machine alone"
        )


def _is_here(address: str) -> bool:
    """Whether it is an address on loopback, which Ray would otherwise take for another one of this machine."""
    return address.rpartition(":")[0] in ("127.0.0.1", "localhost", "[::1]")


@contextmanager
def _replaced(module: Any, name: str, value: Any) -> Iterator[None]:
    """Another value for a name that Ray has no setting for."""
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def room(ray: Any, *, cpus: float, gpus: float) -> int:
    """Workers that the machines of the cluster have room for at present, whoever else uses them."""
    return sum(_fitting(node["Resources"], cpus, gpus) for node in ray.nodes() if node["Alive"])


def most_workers(ray: Any, settings: EngineSettings, *, gpus: float, asked: int | None) -> int:
    """Workers that there may be at most: so many as were asked for, or as there is room for.

    Args:
        ray: The library, joined to a cluster.
        settings: Address, and the cores of each worker.
        gpus: Graphics cards of each.
        asked: How many were asked for, if anybody did.

    Raises:
        BackendError: No machine has room for one, and no autoscaler may add any.
    """
    fitting = room(ray, cpus=settings.cpus, gpus=gpus)
    may_grow = settings.address is not None and asked is not None
    if fitting == 0 and not may_grow:
        have = ray.cluster_resources()
        raise BackendError(
            f"no machine of the Ray cluster has room for a worker of {settings.cpus:g} cores and {gpus:g} "
            f"graphics cards; all together have {have.get('CPU', 0):g} cores and {have.get('GPU', 0):g} graphics "
            "cards. Ask for less, or give --address and --workers where an autoscaler adds machines"
        )
    return asked or fitting


def _fitting(resources: Mapping[str, float], cpus: float, gpus: float) -> int:
    asked = [(resources.get(name, 0.0), number) for name, number in (("CPU", cpus), ("GPU", gpus)) if number]
    return min(int(there / number + 1e-9) for there, number in asked)


def has_graphics_cards(ray: Any) -> bool:
    """Whether any machine of the cluster has a graphics card."""
    return bool(ray.cluster_resources().get("GPU", 0.0) > 0)
