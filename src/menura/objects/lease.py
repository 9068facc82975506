"""One process at a time writes to a folder on object storage, as far as object storage can promise it.

The lease is a chain of numbered objects below ``.lease/``; the highest one names the owner. Whoever takes it makes the
next number under the condition that there is none, which the store grants to one alone. The owner writes a new beat
into its object again and again; another process that sees the same beat for long enough takes the lease. It measures
that with its own clock, so the clocks of the machines need not agree.

What this does not promise: an owner that stands still for longer than that (a laptop that sleeps) learns only at its
next beat that it has lost the lease, and may write until then. Shards are the same bytes whoever makes them, so that
costs time and no clip. A store that ignores the condition can let two in when both begin within one request; the first
beat of the loser stops it.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace

from menura.errors import MenuraError, RunError
from menura.objects.store import ObjectStore
from menura.records import parse_json, record_from

__all__ = ["LEASE_FOLDER", "Lease", "highest", "is_held", "leased"]

LEASE_FOLDER = ".lease"
BEAT_S = 15.0
DEAD_AFTER_S = 60.0
"""An owner whose beat does not change for so long is dead; it misses three beats before."""

_POLL_S = 3.0


@dataclass(frozen=True)
class _Owner:
    """The content of a lease object.

    Attributes:
        token: Of this holding, and no other.
        copy: Of the working copy, whose lock on this machine says whether the owner lives.
        host, process: For people.
        beat: Grows while the owner lives.
        released: Whether the owner is done.
    """

    token: str
    copy: str
    host: str
    process: int
    beat: int = 0
    released: bool = False

    def to_bytes(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    def __str__(self) -> str:
        host = "".join(sign for sign in self.host if sign.isprintable())[:60]
        return f"process {self.process} on {host}"


class Lease:
    """A lease that is held.

    Args:
        store: Of the folder.
        number: Of the object.
        owner: This process.
    """

    def __init__(self, store: ObjectStore, number: int, owner: _Owner) -> None:
        self._store, self._number, self._owner = store, number, owner
        self._stopped = threading.Event()
        self._trouble: MenuraError | None = None
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """See whether it is still held.

        Raises:
            RunError: Another process took it, or the store could not be reached at the last beat.
        """
        if self._trouble is not None:
            raise self._trouble

    def release(self) -> None:
        """Let others in."""
        self._stopped.set()
        self._thread.join()
        if self._trouble is None:
            with suppress(MenuraError):  # what went wrong before counts; others wait until it looks dead
                self._store.write(_name(self._number), replace(self._owner, released=True).to_bytes())

    def _beat(self) -> None:
        while not self._stopped.wait(BEAT_S):
            try:
                self.beat()
            except MenuraError as error:
                self._trouble = error
                return

    def beat(self) -> None:
        """Say that this process lives, and see that nobody else holds the lease."""
        number, owner = highest(self._store)
        if number != self._number or owner is None or owner.token != self._owner.token:
            told = str(owner or "another process")
            raise RunError(
                f"{self._store.address} was taken by {told} while this one stood still; what is finished is kept. "
                "Run the same command again when the other one is done"
            )
        self._owner = replace(self._owner, beat=self._owner.beat + 1)
        self._store.write(_name(self._number), self._owner.to_bytes())


@contextmanager
def leased(
    store: ObjectStore, *, copy: str, patience_s: float = 0.0, waiting: Callable[[str], None] | None = None
) -> Iterator[Lease]:
    """Hold the lease of a folder. The caller holds the lock of its own working copy.

    Args:
        store: Of the folder.
        copy: Name of the working copy on this machine: an owner with the same one is dead, as its lock is free.
        patience_s: How long to wait for a living owner, in seconds.
        waiting: Called with words about the owner while it is watched.

    Raises:
        RunError: Another living process holds it.
    """
    lease = _taken(store, copy, patience_s, waiting or (lambda words: None))
    try:
        yield lease
    finally:
        lease.release()


def _taken(store: ObjectStore, copy: str, patience_s: float, waiting: Callable[[str], None]) -> Lease:
    own = _Owner(secrets.token_hex(8), copy, socket.gethostname(), os.getpid())
    started = time.monotonic()
    seen: tuple[int, _Owner | None] | None = None
    since = started
    while True:
        number, owner = highest(store)
        now = time.monotonic()
        changed = seen is not None and seen != (number, owner)
        if seen is None or changed:
            seen, since = (number, owner), now
        free = number == 0 or (owner is not None and (owner.released or (owner.copy, owner.host) == (copy, own.host)))
        if free or now - since >= DEAD_AFTER_S:
            if store.create(_name(number + 1), own.to_bytes()) and highest(store)[1] == own:
                store.remove(name for name in store.find(LEASE_FOLDER) if _number(name) <= number)
                return Lease(store, number + 1, own)
            continue
        told = str(owner or "another process")
        if changed and now - started >= patience_s:
            raise RunError(
                f"{store.address} is in use by {told}; wait for it or stop it, then run the same command again"
            )
        waiting(told)
        time.sleep(_POLL_S)


def highest(store: ObjectStore) -> tuple[int, _Owner | None]:
    """Number and owner of the lease that counts: 0 where there is none, no owner where it says nothing that is one."""
    number = max(map(_number, store.find(LEASE_FOLDER)), default=0)
    if number == 0:
        return 0, None
    try:
        return number, record_from(_Owner, parse_json((store.read(_name(number)) or b"").decode()))
    except (ValueError, TypeError, KeyError):
        return number, None


def is_held(store: ObjectStore) -> bool:
    """Whether the last owner has not let go: it is at work, or was killed."""
    number, owner = highest(store)
    return number > 0 and not (owner is not None and owner.released)


def _name(number: int) -> str:
    return f"{LEASE_FOLDER}/{number:08d}.json"


def _number(name: str) -> int:
    digits = name.rpartition("/")[2].removesuffix(".json")
    return int(digits) if digits.isdecimal() else 0
