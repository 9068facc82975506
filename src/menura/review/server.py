"""The server of the review page: the standard library's, on loopback, for people with a one-time link."""

from __future__ import annotations

import json
import socket
import sys
import traceback
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from menura.errors import ConfigError, MenuraError, RunError
from menura.offline import is_offline
from menura.records import HALF_CHARACTER, holds_half_character
from menura.review.application import Application, Reply, json_reply
from menura.review.guard import HEADERS, Hosts, Sessions, cross_site, host_is_known, is_loopback, same_origin

__all__ = ["ReviewServer"]

_LARGEST_BODY = 1 << 16
_LONGEST_NAME = 60
_NO_LINK = (
    "Open the link that `menura review` printed: it lets one browser in, once. Start the command again for a new one.\n"
)


class ReviewServer(ThreadingHTTPServer):
    """Serves one application to those who were invited.

    Args:
        application: The page.
        host: Address to listen on.
        port: Port; 0 takes a free one.

    Raises:
        ConfigError: The address cannot be used, or lets other machines in while ``MENURA_OFFLINE`` is set.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, application: Application, *, host: str = "127.0.0.1", port: int = 0) -> None:
        if not is_loopback(host) and is_offline():
            raise ConfigError(
                f"MENURA_OFFLINE is set and --host {host} can be reached from other machines; leave --host out"
            )
        self.application = application
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise ConfigError(
                f"{host}:{port} cannot be listened on ({error}); choose another --host or --port, or leave both out"
            ) from error
        bound = int(self.server_address[1])
        self.hosts = Hosts(host, bound)
        self.sessions = Sessions(f"menura_review_{bound}")

    def server_bind(self) -> None:
        """Bind without asking a name server for the name of the machine."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def link(self, reviewer: str, *, seen_as: str | None = None) -> str:
        """An address with a one-time token for a reviewer.

        Args:
            reviewer: Who it is for.
            seen_as: ``HOST:PORT`` in the address; None takes the address that the server listens on.
        """
        host = f"[{self.hosts.bound}]" if ":" in self.hosts.bound else self.hosts.bound
        return f"http://{seen_as or f'{host}:{self.hosts.port}'}/?token={quote(self.sessions.invite(reviewer))}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no error."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Menura"
    sys_version = ""
    timeout = 60
    disable_nagle_algorithm = True
    server: ReviewServer

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged: the address of the first request holds the token."""

    def do_GET(self) -> None:
        """A read."""
        if not host_is_known(self.server.hosts, self._given().get("Host")):
            return self._refuse(403, "this server does not answer to that host name")
        try:
            address = urlsplit(self.path)
            asked = dict(parse_qsl(address.query, keep_blank_values=True, max_num_fields=20))
        except ValueError:
            return self._refuse(400, "no such address")
        if address.path == "/" and "token" in asked:
            return self._let_in(asked["token"])
        if cross_site(self._given()) and address.path != "/":
            return self._refuse(403, "another site asked for this")
        reviewer = self._reviewer()
        if reviewer is None:
            return self._send(Reply(_NO_LINK.encode(), "text/plain; charset=utf-8", status=403))
        return self._answer(lambda: self.server.application.get(address.path, asked, reviewer))

    def do_POST(self) -> None:
        """A write."""
        if not same_origin(self.server.hosts, self._given()):
            return self._refuse(403, "a decision must come from the page of this server")
        reviewer = self._reviewer()
        if reviewer is None:
            return self._refuse(403, "no session; open the link that `menura review` printed")
        if self.headers.get("Content-Type", "").split(";")[0].strip() != "application/json":
            return self._refuse(415, "expected application/json")
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit()) or len(length) > 9 or int(length) > _LARGEST_BODY:
            return self._refuse(413, f"expected a body of at most {_LARGEST_BODY} bytes")
        try:
            said = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            return self._refuse(400, "expected a JSON object")
        if holds_half_character(said):
            return self._refuse(400, f"a text {HALF_CHARACTER}; take its last sign out")
        path = self.path
        if path == "/api/invite":
            return self._answer(lambda: self._invite(said, reviewer))
        return self._answer(lambda: self.server.application.post(path, said, reviewer))

    def _invite(self, said: Mapping[str, Any], reviewer: str) -> Reply:
        name = " ".join(str(said.get("reviewer") or reviewer).split())
        if not name or len(name) > _LONGEST_NAME:
            raise ConfigError(f"a reviewer's name has 1 to {_LONGEST_NAME} characters")
        return json_reply({"link": self.server.link(name, seen_as=self.headers["Host"]), "reviewer": name})

    def _let_in(self, token: str) -> None:
        cookie = self.server.sessions.exchange(token)
        if cookie is None:
            if self._reviewer() is not None:  # the same link, opened again by the browser that has used it
                return self._send(Reply(b"", "text/plain", {"Location": "/"}, 303))
            return self._send(Reply(_NO_LINK.encode(), "text/plain; charset=utf-8", status=403))
        return self._send(Reply(b"", "text/plain", {"Location": "/", "Set-Cookie": cookie}, 303))

    def _given(self) -> dict[str, str]:
        """The headers that decide; one that comes twice is none that anything equals."""
        names = ("Host", "Origin", "Sec-Fetch-Site")
        return {name: ", ".join(self.headers.get_all(name, [])) for name in names if name in self.headers}

    def _reviewer(self) -> str | None:
        return self.server.sessions.reviewer(self.headers.get("Cookie"))

    def _answer(self, ask: Any) -> None:
        try:
            reply = ask()
        except RunError as error:
            return self._send(json_reply({"error": str(error)}, 507))
        except MenuraError as error:
            return self._send(json_reply({"error": str(error)}, 400))
        except Exception:
            traceback.print_exc()
            return self._send(json_reply({"error": "a fault of Menura; the terminal says more"}, 500))
        return self._send(reply or json_reply({"error": "no such address"}, 404))

    def _refuse(self, status: int, why: str) -> None:
        self.close_connection = True  # its body has not been read
        self._send(json_reply({"error": why}, status))

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in {**HEADERS, **reply.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Type", reply.kind)
        self.send_header("Content-Length", str(len(reply.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.body)
