"""A real HTTP server on loopback that fails in whatever way it is told to."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import BaseModel, ConfigDict, Field

from menura.backends.base import Message, Question
from menura.backends.chat import ChatModel
from menura.config import LanguageModelSettings, settings_from

KEY = "sk-Very5ecret-0123456789"
GOOD = '{"words": ["bright", "dry"]}'


class Words(BaseModel):
    """Words for a sound."""

    model_config = ConfigDict(extra="forbid")
    words: list[str] = Field(min_length=1, max_length=5)


def some_words(generator: np.random.Generator) -> Words:
    return Words(words=[f"word{generator.integers(1000)}"])


def question(about: str = "rain") -> Question[Words]:
    messages = (Message("system", "You describe sounds."), Message("user", f"Words for {about}?"))
    return Question("words", messages, Words, some_words)


Step = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


class FakeServer:
    """Does one step of its script for each call, then ``otherwise``."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.released = threading.Event()
        self.url = ""
        self._lock = threading.Lock()
        self._script: deque[Step] = deque()
        self.otherwise: Step = spoken(GOOD)
        self.under_way = self.most_under_way = 0

    def then(self, *steps: Step) -> FakeServer:
        self._script.extend(steps)
        return self

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        with self._lock:
            self.calls.append(body)
            self.headers.append({name.lower(): value for name, value in handler.headers.items()})
            self.paths.append(handler.path)
            self.under_way += 1
            self.most_under_way = max(self.most_under_way, self.under_way)
            step = self._script.popleft() if self._script else self.otherwise
        try:
            step(handler, body)
        finally:
            with self._lock:
                self.under_way -= 1


def raw(status: int, body: str, content_type: str = "application/json", **headers: str) -> Step:
    def step(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
        data = body.encode()
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return step


def spoken(
    text: str | None, finish: str = "stop", usage: tuple[int, int] | None = (40, 10), refusal: str | None = None
) -> Step:
    message = {"role": "assistant", "content": text, "refusal": refusal}
    reply: dict[str, Any] = {"choices": [{"index": 0, "message": message, "finish_reason": finish}]}
    if usage is not None:
        reply["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return raw(200, json.dumps(reply))


def failed(status: int, message: str = "no", **headers: str) -> Step:
    return raw(status, json.dumps({"error": {"message": message}}), **headers)


def hanging(server: FakeServer) -> Step:
    return lambda handler, _: (server.released.wait(30), setattr(handler, "close_connection", True))[1]


def trickling(server: FakeServer) -> Step:
    """Bytes come in time, the end never does."""

    def step(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", "application/json")
        handler.end_headers()
        handler.close_connection = True
        try:
            for _ in range(1000):
                if server.released.wait(0.01):
                    break
                handler.wfile.write(b" ")
                handler.wfile.flush()
        except OSError:
            pass  # the client has hung up, which is the point

    return step


def reset(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def cut(handler: BaseHTTPRequestHandler, _: dict[str, Any]) -> None:
    """Promises a thousand bytes and sends a few."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"choices": [')
    handler.close_connection = True


def without_field(field: str, complaint: str) -> Step:
    """Refuses calls with that field and answers others."""

    def step(handler: BaseHTTPRequestHandler, body: dict[str, Any]) -> None:
        (failed(400, complaint) if field in body else spoken(GOOD))(handler, body)

    return step


@pytest.fixture
def server() -> Iterator[FakeServer]:
    fake = FakeServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            fake.handle(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # connections that the tests break on purpose

    httpd = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{httpd.server_port}/v1"
    yield fake
    fake.released.set()
    httpd.shutdown()
    httpd.server_close()


class Bench:
    """Makes clients of the fake server that wait in no time and write down how long they would have waited."""

    def __init__(self, server: FakeServer, cache: Path) -> None:
        self.server, self.cache = server, cache
        self.waits: list[float] = []
        self._models: list[ChatModel] = []

    def settings(self, **changes: object) -> LanguageModelSettings:
        plain = {"url": self.server.url, "model": "tiny", "cache": str(self.cache), "timeout_s": 10, "retries": 3}
        return settings_from(LanguageModelSettings, plain | changes)

    def model(self, **changes: object) -> ChatModel:
        model = ChatModel(self.settings(**changes), sleep=self.waits.append)
        self._models.append(model)
        return model

    def close(self) -> None:
        for model in self._models:
            model.close()


@pytest.fixture
def bench(server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    made = Bench(server, tmp_path / "answers")
    yield made
    made.close()
