"""Fixtures of tests that need an S3 server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.objects.s3 import S3Server, missing

from menura.objects import store


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A server on loopback."""
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}; pip install 'menura[dev]'")
    with S3Server() as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    """The server with an empty bucket, reached by the environment as a user reaches one; nothing waits."""
    s3_server.reset()
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(store, "WAITS_S", (0.0, 0.0))
    return s3_server
