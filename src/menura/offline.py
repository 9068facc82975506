"""Whether the person forbids connections to other machines, and the guard that keeps the promise."""

from __future__ import annotations

import ipaddress
import os
import sys
from functools import cache

from menura.errors import BackendError

__all__ = ["VARIABLE", "forbid_connections", "is_offline", "is_this_machine"]

VARIABLE = "MENURA_OFFLINE"

_ASKING = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")


def is_offline() -> bool:
    """Whether ``MENURA_OFFLINE`` is set to anything but nothing or 0."""
    return os.environ.get(VARIABLE, "") not in ("", "0")


@cache
def forbid_connections() -> None:
    """From now on, nothing in this process reaches another machine while :func:`is_offline`, whatever library tries.

    A last line: each place that would connect looks at :func:`is_offline` and says what it would have done. This guard
    stands under all of them, at the calls of Python's socket module. A library that brings its own network code in C
    is not seen, nor is the look-up of a name by ``socket.connect`` itself, which is refused a moment later. This
    machine itself may be reached, as a language model may run here.
    """
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if not event.startswith("socket."):
        return
    if event in _ASKING:
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a name in this machine's file system
    else:
        return
    if host is not None and not is_this_machine(host) and is_offline():
        raise BackendError(f"{VARIABLE} is set, so nothing connects to {host!s:.100}; unset it, or leave out what asks")


def is_this_machine(host: object) -> bool:
    """Whether a host is this machine itself, by loopback."""
    name = host.decode(errors="replace") if isinstance(host, bytes) else str(host)
    if name in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(name.partition("%")[0]).is_loopback
    except ValueError:
        return False
