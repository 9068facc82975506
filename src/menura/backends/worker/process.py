"""One process of a worker: lines in, lines out, a log, and its end in every case."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from menura.backends.worker.description import Worker, environment
from menura.backends.worker.lines import LineBuffer
from menura.backends.worker.messages import Answer, BrokenMessageError, Bye, Message, Other, Progress, parse, to_line
from menura.errors import BackendError

__all__ = ["FaultError", "LateError", "WorkerProcess"]

_SLICE_S = 0.2
"""How often to look whether the process still lives while nothing comes: its children may hold the pipe open."""

_MAX_LOG_BYTES = 8 << 20
_TAIL_BYTES = 4000
_GUARD = Path(__file__).with_name("guard.py")


class FaultError(Exception):
    """The process cannot be used any more; the message says what it did, as a sentence about the worker."""


class LateError(FaultError):
    """It did not read or answer in time."""


class WorkerProcess:
    """A running worker and its guard. It has a process group of its own, so Ctrl-C does not reach it.

    Args:
        worker: What to start.
        scratch: Folder for audio files.

    Raises:
        BackendError: The program is not there, or may not be run.
    """

    def __init__(self, worker: Worker, scratch: Path) -> None:
        if os.name != "posix":
            raise BackendError("workers need Linux or macOS; on Windows use the Linux subsystem")
        self._worker = worker
        self._buffer = LineBuffer()
        self.chatter: list[str] = []
        """Lines on standard output that are no messages; the last hundred."""
        self.chatter_count = 0
        self._log = tempfile.TemporaryFile(mode="ab+", buffering=0)  # noqa: SIM115 (closed with the process)
        try:
            self._process = subprocess.Popen(
                worker.command,
                cwd=worker.folder,
                env=environment(worker.file, os.environ),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            self._log.close()
            raise BackendError(
                f"worker '{worker.file.worker.name}' cannot be started: {worker.command[0]}: "
                f"{error.strerror}{worker.setup_hint}"
            ) from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        os.set_blocking(self._input.fileno(), False)
        self._guard: subprocess.Popen[bytes] | None = None
        self._tail = ""
        try:
            self._guard = _start_guard(self._process.pid, worker.file.timeouts.stop_s, scratch)
        except BaseException:
            self.kill()
            raise

    def send(self, message: Message, deadline: float) -> None:
        """Write a message; ``deadline`` is a time of :func:`time.monotonic`.

        Raises:
            FaultError: The process has ended, or does not read.
        """
        data = to_line(message)
        poll = select.poll()
        poll.register(self._input, select.POLLOUT)
        while data:
            left = deadline - time.monotonic()
            if left <= 0:
                raise LateError("did not read its input")
            if poll.poll(1000 * min(left, _SLICE_S)):
                try:
                    data = data[os.write(self._input.fileno(), data) :]
                except BlockingIOError:
                    continue
                except BrokenPipeError:
                    raise FaultError(f"{self._how_it_ended()} before it was asked") from None
            elif self.has_ended():
                raise FaultError(f"{self._how_it_ended()} before it was asked")

    def receive(self, deadline: float) -> Answer:
        """The next message that matters.

        Raises:
            FaultError: None came in time, the process ended, or the message cannot be understood.
        """
        while True:
            line = self._buffer.next()
            if line is None:
                self._fill(deadline)
                continue
            try:
                answer = parse(line)
            except BrokenMessageError as error:
                raise FaultError(f"answered with {error}") from error
            if answer is None:
                self.chatter_count += 1
                self.chatter = [*self.chatter[-99:], line.decode(errors="replace").strip()[:200]]
            elif not isinstance(answer, Progress | Other):
                return answer

    def _fill(self, deadline: float) -> None:
        """Wait for more bytes and take them."""
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        ended = False
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                half = f" (half a line came: {self._half()})" if self._buffer.half else ""
                raise LateError(f"did not answer{half}")
            if poll.poll(0 if ended else 1000 * min(left, _SLICE_S)):
                break
            if ended:  # a child of it holds the pipe open
                raise FaultError(self._how_it_ended())
            ended = self.has_ended()
        data = os.read(self._output.fileno(), 1 << 16)
        if not data:
            raise FaultError(self._how_it_ended())
        try:
            self._buffer.feed(data)
        except BrokenMessageError as error:
            raise FaultError(f"wrote {error}") from error

    def _half(self) -> str:
        return self._buffer.half.decode(errors="replace")[:80]

    def has_ended(self) -> bool:
        """Whether the process is over. It is not reaped yet, so that its number still means its group."""
        if self._process.returncode is not None:
            return True
        if hasattr(os, "waitid"):
            return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        return self._process.poll() is not None

    def _how_it_ended(self) -> str:
        last = time.monotonic() + 1.0
        while not self.has_ended() and time.monotonic() < last:
            time.sleep(0.01)
        alive = not self.has_ended()
        self.kill()
        where = f" in the middle of a line ({self._half()})" if self._buffer.half else ""
        if alive:
            return f"closed its output{where}"
        status = self._process.returncode
        if status < 0:
            return f"was killed by signal {_signal_name(-status)}{where}"
        return f"ended with exit status {status}{where}"

    def log_tail(self, lines: int = 20) -> str:
        """The last lines that it wrote to standard error."""
        if self._log.closed:
            return self._tail if lines > 1 else self._tail.rpartition("\n")[2]
        size = os.fstat(self._log.fileno()).st_size
        text = os.pread(self._log.fileno(), _TAIL_BYTES, max(0, size - _TAIL_BYTES)).decode(errors="replace")
        return "\n".join(text.strip().splitlines()[-lines:])

    def shorten_log(self) -> None:
        """Empty the log when it has grown large: a worker may serve for days."""
        if os.fstat(self._log.fileno()).st_size > _MAX_LOG_BYTES:
            os.ftruncate(self._log.fileno(), 0)

    def stop(self) -> None:
        """Say goodbye, wait for the grace time, then kill what is left."""
        last = time.monotonic() + self._worker.file.timeouts.stop_s
        with suppress(FaultError, ValueError):
            self.send(Bye(), last)
        with suppress(OSError):
            self._input.close()
        while not self.has_ended() and time.monotonic() < last:
            self._drain()
        self.kill()

    def _drain(self) -> None:
        """Throw away what it still writes: a full pipe would keep it from leaving."""
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        if poll.poll(20) and not os.read(self._output.fileno(), 1 << 16):
            time.sleep(0.02)

    def kill(self) -> None:
        """End the process and all of its group, now. May be called again."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        if not self._log.closed:
            self._tail = self.log_tail()
            for stream in (self._input, self._output, self._log):
                with suppress(OSError):
                    stream.close()
        if self._guard is not None and self._guard.returncode is None:
            with suppress(OSError, ValueError):
                self._guard.communicate(b".")


def _start_guard(group: int, grace_s: float, scratch: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_GUARD), str(group), str(grace_s), str(scratch)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        start_new_session=True,
        env={},
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)
