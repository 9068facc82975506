"""Who may talk to the review server. Pure functions of a request's headers, so that every rule has its test.

A page of another origin can make the reviewer's browser send requests here (CSRF), a name that is re-pointed to
127.0.0.1 can make them look like requests of the same origin (DNS rebinding), and other programs of the machine can
connect too. Hence: an exact list of hosts, a cookie that only a one-time token buys, the same origin on every write.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie

__all__ = ["HEADERS", "POLICY", "Hosts", "Sessions", "cross_site", "host_is_known", "is_loopback", "same_origin"]

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Hosts:
    """What a ``Host`` header may say.

    Attributes:
        bound: Address that the server listens on.
        port: Its port.
    """

    bound: str
    port: int

    def allows(self, header: str) -> bool:
        """Whether a request was meant for this server.

        Names other than ``localhost`` never are, unless the server was bound by that name: a name can be re-pointed, an
        address cannot. A server on all interfaces answers to every literal address.
        """
        name, port = _split(header)
        if port != str(self.port) or not name:
            return False
        if name == self.bound.strip("[]").lower():
            return True
        if is_loopback(self.bound):
            return name == "localhost" or (is_loopback(name) and _address(name) is not None)
        return _address(self.bound) is not None and _is_any(self.bound) and _address(name) is not None


def host_is_known(hosts: Hosts, header: str | None) -> bool:
    """Whether the ``Host`` header of a request is one of this server."""
    return header is not None and hosts.allows(header)


def same_origin(hosts: Hosts, headers: Mapping[str, str]) -> bool:
    """Whether a write comes from the server's own page: ``Origin`` must be there and name the ``Host``."""
    origin, host = headers.get("Origin", ""), headers.get("Host", "")
    return host_is_known(hosts, host) and origin == f"http://{host}" and not cross_site(headers)


def cross_site(headers: Mapping[str, str]) -> bool:
    """Whether the browser says that another site asks."""
    return headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin")


def is_loopback(host: str) -> bool:
    """Whether an address stays on this machine."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


@dataclass
class Sessions:
    """One-time tokens, and the cookies that they were exchanged for.

    Attributes:
        name: Of the cookie; holds the port, as browsers share the cookies of a host among its ports.
    """

    name: str
    _tokens: dict[str, str] = field(default_factory=dict)
    _cookies: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def invite(self, reviewer: str) -> str:
        """A new one-time token for a reviewer."""
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        with self._lock:
            self._tokens[token] = reviewer
        return token

    def exchange(self, token: str) -> str | None:
        """``Set-Cookie`` for a token that has not been used; None otherwise."""
        with self._lock:
            known = next((one for one in self._tokens if hmac.compare_digest(one.encode(), token.encode())), None)
            if known is None:
                return None
            cookie = secrets.token_urlsafe(_TOKEN_BYTES)
            self._cookies[cookie] = self._tokens.pop(known)
        return f"{self.name}={cookie}; Path=/; HttpOnly; SameSite=Strict"

    def reviewer(self, header: str | None) -> str | None:
        """Who a ``Cookie`` header belongs to; None of nobody."""
        try:
            given = SimpleCookie(header or "").get(self.name)
        except CookieError:
            return None
        if given is None:
            return None
        with self._lock:
            return next(
                (who for one, who in self._cookies.items() if hmac.compare_digest(one.encode(), given.value.encode())),
                None,
            )


def _split(header: str) -> tuple[str, str]:
    """Host without brackets in small letters, and port; port 80 where none is given."""
    name, colon, port = header.strip().lower().rpartition(":")
    if not colon or port.endswith("]"):
        return header.strip().lower().strip("[]"), "80"
    return name.strip("[]"), port


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _is_any(host: str) -> bool:
    address = _address(host)
    return address is not None and address.is_unspecified
