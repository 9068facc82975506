"""A real S3 server on loopback (moto), which counts what it is asked and fails when it is told to."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from typing import Any

import pytest

__all__ = ["KEY", "S3Server", "needs_s3"]

KEY = "AKIAKEYOFTHETESTS000"
SECRET = "a/secret+of/the/tests+0000000000000000000"
_NEEDED = ("s3fs", "moto", "flask_cors")
missing = [name for name in _NEEDED if find_spec(name) is None]
needs_s3 = pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}; pip install 'menura[dev]'")

Refusal = Callable[[str, str], str | None]


class S3Server:
    """The server with one bucket, ``bucket``; use it as a context manager.

    Attributes:
        asked: Method, or LIST or COPY, to number of requests.
        refuses: Given method and path, says the S3 error to answer with, or None.
    """

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        self._application = DomainDispatcherApplication(create_backend_app)
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        self._server.RequestHandlerClass.log_request = lambda *unused: None  # type: ignore[method-assign]
        self.asked: Counter[str] = Counter()
        self.refuses: Refusal = lambda method, path: None

    def __enter__(self) -> S3Server:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a user sets to reach it."""
        return {
            "AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1",
        }  # fmt: skip

    def reset(self) -> None:
        """An empty bucket, and no requests so far."""
        self._backend.reset()
        self._backend.create_bucket("bucket", "us-east-1")
        self.asked.clear()
        self.refuses = lambda method, path: None

    def put(self, key: str, data: bytes = b"") -> None:
        """An object, without a request."""
        self._backend.put_object("bucket", key, data)

    def delete(self, key: str) -> None:
        """Delete an object, without a request."""
        self._backend.delete_object("bucket", key)

    def objects(self, below: str = "") -> dict[str, bytes]:
        """Key below a prefix to bytes, without a request."""
        keys = self._backend.buckets["bucket"].keys
        return {
            key.removeprefix(below): keys[key].value for key in sorted(keys) if key.startswith(below)
        }  # fmt: skip

    @property
    def _backend(self) -> Any:
        from moto.core import DEFAULT_ACCOUNT_ID
        from moto.s3.models import s3_backends

        return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]

    def _answer(self, environment: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environment["REQUEST_METHOD"], environment["PATH_INFO"]
        listing = "list-type" in environment.get("QUERY_STRING", "")
        self.asked["LIST" if listing else "COPY" if "HTTP_X_AMZ_COPY_SOURCE" in environment else method] += 1
        code = self.refuses(method, path)
        if code is not None:
            status = {"AccessDenied": "403 Forbidden", "SlowDown": "503 Slow Down"}[code]
            start(status, [("Content-Type", "application/xml")])
            return [f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{code}</Message></Error>".encode()]
        return self._application(environment, start)
