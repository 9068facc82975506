"""Bytes of a pipe to lines, without ever holding more than one line may be long."""

from __future__ import annotations

import re
from collections import deque

from menura.backends.worker.messages import MAX_LINE_BYTES, BrokenMessageError

__all__ = ["LineBuffer"]

_END = re.compile(rb"[\r\n]")  # a progress bar returns to the start of its line and never ends it


class LineBuffer:
    """Collects what a worker writes, and gives it line by line."""

    def __init__(self, longest: int = MAX_LINE_BYTES) -> None:
        self._longest = longest
        self._lines: deque[bytes] = deque()
        self._half = b""

    @property
    def half(self) -> bytes:
        """The beginning of a line whose end has not come yet."""
        return self._half

    def feed(self, data: bytes) -> None:
        """Take more bytes.

        Raises:
            BrokenMessageError: A line is longer than it may be.
        """
        *ended, self._half = _END.split(self._half + data)
        self._lines.extend(line for line in ended if line.strip())
        if any(len(line) > self._longest for line in (*ended, self._half)):
            raise BrokenMessageError(f"a line of more than {self._longest} bytes")

    def next(self) -> bytes | None:
        """The next whole line; None when there is none yet."""
        return self._lines.popleft() if self._lines else None
