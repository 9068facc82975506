"""What the review reads: its own file of decisions, exports of Label Studio, and whatever comes to its port."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from tests.faults.fuzzing import Reader, in_file

from menura.errors import MenuraError
from menura.pipeline.run import Run
from menura.review.agreement import disputed
from menura.review.application import ReviewApplication
from menura.review.catalogue import Catalogue, catalogue_of
from menura.review.desk import Desk, read_ledger
from menura.review.label_studio import read_annotations, write_tasks
from menura.review.server import ReviewServer

__all__ = ["review_readers"]


def review_readers(folder: Path, run: Path) -> list[Reader]:
    """The readers, working under ``folder``, for a finished run."""
    catalogue = catalogue_of(Run.open(run))
    lines = _lines(catalogue)
    catalogue.decisions_path.unlink()

    def decisions_of(path: Path) -> object:
        ledger, _ = read_ledger(path)
        for request in ledger.requests:
            ledger.consensus(request)
            ledger.latest(request)
        return disputed(ledger), ledger.last_of("ada"), ledger.next_n

    ledger, _ = read_ledger(_written(folder / "decided.jsonl", lines))
    tasks, _ = write_tasks(catalogue, ledger, folder / "tasks.json")
    return [
        Reader("decisions", [lines], in_file(folder / "decisions.jsonl", decisions_of), is_json=True),
        Reader("label-studio", [tasks.read_bytes()],
               in_file(folder / "annotated.json", lambda path: read_annotations(catalogue, path, ledger)),
               is_json=True),
        _port(catalogue),
    ]  # fmt: skip


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _lines(catalogue: Catalogue) -> bytes:
    desk = Desk(catalogue)
    first, second, third = (item.id for item in catalogue.items[:3])
    desk.decide("ada", first, "accept")
    desk.decide("bob", first, "reject")
    desk.decide("ada", second, "flag", note="noisy", source="label-studio:1:2026-01-01")
    other = next(label for label in catalogue.labels if label not in catalogue.by_id[third].labels)
    desk.decide("ada", third, "relabel", labels=[other])
    desk.undo("ada")
    return catalogue.decisions_path.read_bytes()


def _port(catalogue: Catalogue) -> Reader:
    """Bytes as they come from the net, with a cookie that is known and the right host."""
    with ReviewServer(ReviewApplication(Desk(catalogue))) as server:
        host = urlsplit(server.link("ada")).netloc
        cookie = str(server.sessions.exchange(server.sessions.invite("ada"))).split(";")[0]
        handler: Callable[..., object] = type(
            "Handler",
            (server.RequestHandlerClass,),
            {"disable_nagle_algorithm": False},  # a pair of sockets has none
        )
    head = f"Host: {host}\r\nOrigin: http://{host}\r\nSec-Fetch-Site: same-origin\r\nCookie: {cookie}\r\n"
    item = catalogue.items[0].id

    def get(path: str) -> bytes:
        return f"GET {path} HTTP/1.1\r\n{head}Connection: close\r\n\r\n".encode()

    def post(path: str, said: dict[str, object]) -> bytes:
        body = json.dumps(said)
        kind = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        return f"POST {path} HTTP/1.1\r\n{head}{kind}{body}".encode()

    def answer(data: bytes) -> object:
        near, far = socket.socketpair()
        with near, far:
            far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            near.sendall(data[: 1 << 16])
            near.shutdown(socket.SHUT_WR)
            handler(far, ("127.0.0.1", 1), server)
            far.close()
            near.settimeout(5)
            told = near.recv(1 << 16)
        assert b" 500 " not in told.split(b"\r\n", 1)[0], told
        return told

    asked = [
        get("/api/query?label=rain&state=&sort=agreement&least=0.1&text=x"), get("/api/rows?query=1&offset=0&limit=9"),
        get(f"/api/clip?id={item}"), get("/api/agreement"), get("/?token=abc"),
        post("/api/decide", {"id": item, "action": "relabel", "labels": ["rain"], "note": "", "settles": True}),
        post("/api/undo", {}), post("/api/invite", {"reviewer": "bob"}),
    ]  # fmt: skip
    return Reader("review-port", asked, answer, (MenuraError, ConnectionError))
