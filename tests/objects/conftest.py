"""One S3 server for all tests of a process."""

from __future__ import annotations

from tests.objects.fixtures import s3, s3_server

__all__ = ["s3", "s3_server"]
