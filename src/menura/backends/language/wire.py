"""One HTTP call: sends JSON, gives back a reply or a fault. Nothing of httpx is raised: no traceback holds a key."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from menura.backends.language.faults import Fault
from menura.backends.language.key import Key, is_loopback
from menura.backends.language.reply import Reply, read_reply
from menura.backends.language.texts import excerpt
from menura.errors import ConfigError
from menura.offline import is_offline

if TYPE_CHECKING:
    import httpx

__all__ = ["Wire"]

_MOST_BYTES = 32 << 20
_CONNECT_S = 10.0


class Wire:
    """Connection to one server. Safe to use from several threads."""

    def __init__(
        self,
        url: str,
        *,
        key: Key | None,
        timeout_s: float,
        connections: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Opens nothing yet.

        Proxies and certificates of the environment are used, except for this machine itself. Redirects are not
        followed, so the key goes to no other host.

        Raises:
            ConfigError: ``MENURA_OFFLINE`` is set and the server is another machine.
        """
        import httpx

        is_local = is_loopback(urlsplit(url).hostname or "")
        if not is_local and is_offline():
            raise ConfigError(f"MENURA_OFFLINE is set, so {url} is not asked; unset it, or leave url unset for phrases")
        if key is not None:  # at DEBUG it writes down what servers put into their headers, which may be what we sent
            logging.getLogger("httpcore").setLevel(logging.INFO)
        self._address = f"{url}/chat/completions"
        self._key, self._timeout_s, self._clock = key, timeout_s, clock
        self._client = httpx.Client(
            timeout=httpx.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s)),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            follow_redirects=False,
            trust_env=not is_local,
            headers={"User-Agent": "menura"},
        )

    def post(self, fields: dict[str, Any]) -> Reply | Fault:
        """The reply to one call, or what went wrong."""
        import httpx

        try:
            with self._client.stream("POST", self._address, json=fields, auth=self._sign) as response:
                body = self._body(response)
                status, headers = (
                    response.status_code,
                    {name.lower(): value for name, value in response.headers.items()},
                )
        except httpx.HTTPError as error:
            return self._fault(error)
        if isinstance(body, Fault):
            return body
        outcome = read_reply(status, {name: self._hidden(value) for name, value in headers.items()}, self._hidden(body))
        if isinstance(outcome, Reply):  # once more, for JSON may write a character in several ways
            return replace(outcome, text=self._hidden(outcome.text), refusal=self._hidden(outcome.refusal))
        return replace(outcome, message=self._hidden(outcome.message))

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()

    def _sign(self, request: httpx.Request) -> httpx.Request:
        if self._key is not None:
            request.headers.update(self._key.header())
        return request

    def _hidden(self, text: str) -> str:
        return text if self._key is None else self._key.hidden_in(text)

    def _body(self, response: httpx.Response) -> str | Fault:
        """The body as text. Each piece may come in time and the whole never end: the time is looked at here too."""
        end, pieces, size = self._clock() + self._timeout_s, list[bytes](), 0
        for piece in response.iter_bytes():
            pieces.append(piece)
            size += len(piece)
            if size > _MOST_BYTES:
                return Fault("page", f"answers more than {_MOST_BYTES >> 20} MiB", charged=True)
            if self._clock() > end:
                return self._late()
        return b"".join(pieces).decode("utf-8", errors="replace")

    def _late(self) -> Fault:
        return Fault("timeout", f"has not answered within {self._timeout_s:g} s", charged=True)

    def _fault(self, error: httpx.HTTPError) -> Fault:
        import httpx

        what = excerpt(self._hidden(str(error))) or type(error).__name__
        if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
            return Fault("timeout", f"cannot be reached within {min(_CONNECT_S, self._timeout_s):g} s")
        if isinstance(error, httpx.TimeoutException):
            return self._late()
        if isinstance(error, httpx.ConnectError | httpx.ProxyError | httpx.UnsupportedProtocol):
            return Fault("connection", f"cannot be reached ({what})")
        if isinstance(error, httpx.DecodingError):
            return Fault("garbled", f"answers what cannot be unpacked ({what})", charged=True)
        return Fault("connection", f"broke the connection off ({what})", charged=True)
