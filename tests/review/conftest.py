"""A catalogue without a run: a few sounds in a folder, with names that try to break out; and a server for it."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from menura.audio import encode
from menura.review.application import Application, ReviewApplication
from menura.review.catalogue import Catalogue, Item, Real
from menura.review.desk import Desk
from menura.review.server import ReviewServer
from menura.types import Recording

RATE = 8000
EVIL = '<img src=x onerror="document.title=1">'
LABELS = ("dog", "rain & wind", EVIL)


def tone(path: Path, frequency_hz: float, *, level: float = 0.3, duration_s: float = 0.4) -> str:
    """A tone in a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = level * np.sin(2 * np.pi * frequency_hz * np.arange(round(duration_s * RATE)) / RATE)
    encode(Recording(wave[None].astype(np.float32), RATE), path)
    return str(path)


def make_catalogue(
    folder: Path, *, per_label: int = 4, labels: tuple[str, ...] = LABELS, many: bool = False
) -> Catalogue:
    """Clips of each label: kept, rejected, surplus and kept in turn; two real ones of each label."""
    items, reals = [], {}
    for k, label in enumerate(labels):
        for take in range(2):
            clip = f"{0xA0 + 16 * k + take:016x}"
            path = tone(folder / "real" / f"{clip}.flac", 300 + 50 * k + 7 * take)
            reals[clip] = Real(clip, path, (label,), f"group g{take}")
        for take in range(per_label):
            request = f"{0x1000 * (k + 1) + take:016x}"
            verdict = ("kept", "rejected", "surplus", "kept")[take % 4]
            reason = {"rejected": f"label: more like {EVIL}", "surplus": "surplus: enough"}.get(verdict, "")
            scores = {"agreement": 0.1 * take + 0.01 * k, "distance": 1.0 - 0.1 * take, "margin": -0.1}
            if take == 3:
                scores["agreement"] = float("nan")
            path = tone(
                folder / "shards" / "000000" / f"{request}.flac", 200 + 90 * take + 31 * k, level=0.05 * (take + 1)
            )
            items.append(
                Item(request, path, label, (label,), verdict, reason, scores, 0.4, (list(reals)[-1],), f"{EVIL} {take}")  # type: ignore[arg-type]
            )
    return Catalogue(folder, f"run {EVIL}", labels, tuple(items), reals, many)


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return make_catalogue(tmp_path / "run")


@pytest.fixture
def desk(catalogue: Catalogue) -> Desk:
    return Desk(catalogue, clock=lambda: "2026-01-31T12:00:00+00:00")


@dataclass
class Visitor:
    """A client that sends exactly the headers it is told to."""

    server: ReviewServer
    cookie: str = ""
    port: int = field(init=False)

    def __post_init__(self) -> None:
        self.port = self.server.hosts.port

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ask(
        self, path: str, *, method: str = "GET", body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            sent = {"Host": self.host, **({"Cookie": self.cookie} if self.cookie else {}), **(headers or {})}
            if body is not None:
                sent.setdefault("Content-Length", str(len(body)))
            for name, value in sent.items():
                if value:
                    connection.putheader(name, value)
            connection.endheaders(body)
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()
        finally:
            connection.close()

    def get(self, path: str) -> Any:
        status, _, body = self.ask(path)
        assert status == 200, (status, body)
        return json.loads(body)

    def post(self, path: str, said: object, **headers: str) -> tuple[int, Any]:
        given = {"Origin": f"http://{self.host}", "Content-Type": "application/json", **headers}
        status, _, body = self.ask(path, method="POST", body=json.dumps(said).encode(), headers=given)
        return status, json.loads(body)

    def enter(self, link: str) -> None:
        status, headers, _ = self.ask("/" + link.partition("/?")[2].join(("?", "")))
        assert status == 303, status
        self.cookie = headers["Set-Cookie"].split(";")[0]


@pytest.fixture
def serve() -> Iterator[Callable[[Application], ReviewServer]]:
    """Starts servers, and ends them."""
    servers = []

    def start(application: Application) -> ReviewServer:
        server = ReviewServer(application)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def visitor(serve: Callable[[Application], ReviewServer], desk: Desk) -> Visitor:
    """Somebody who has opened the link."""
    server = serve(ReviewApplication(desk))
    found = Visitor(server)
    found.enter(server.link("ada"))
    return found
