"""A worker that is kept running: started when it is first needed, started again after a fault, given up in time."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
import warnings
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import JsonValue

from menura.backends.worker.description import Worker
from menura.backends.worker.messages import PROTOCOL, Answer, Done, Failed, Generate, Hello, Message, Ready
from menura.backends.worker.process import FaultError, LateError, WorkerProcess
from menura.errors import BackendError, BackendLostError

__all__ = ["MAX_FAULTS", "WorkerSession", "session_of"]

MAX_FAULTS = 3
"""After so many faults in a row a worker is given up: what is wrong then is the worker, not the requests."""


@dataclass
class _Held:
    """What must be given back, apart from the session so that its finalizer can hold it."""

    owner: int = field(default_factory=os.getpid)
    process: WorkerProcess | None = None
    scratch: Path | None = None

    def close(self) -> None:
        """Stop the process and delete the folder, unless this is a fork of the program that owns them."""
        if self.owner != os.getpid():
            return
        if self.process is not None:
            self.process.stop()
            self.process = None
        self.drop_scratch()

    def drop_scratch(self) -> None:
        """Delete the folder: it never outlives the process, whose guard would delete it."""
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)
            self.scratch = None


class WorkerSession:
    """Asks one worker, one request at a time.

    Args:
        worker: Which worker.
        settings: What it shall load with.
        sample_rate: Rate that the run asks for, in Hz, for the worker's information.
    """

    def __init__(self, worker: Worker, settings: Mapping[str, JsonValue], sample_rate: int | None) -> None:
        self.worker = worker
        self.ready: Ready | None = None
        self.chatter: list[str] = []
        self.starts = 0
        self._settings, self._sample_rate = dict(settings), sample_rate
        self._faults = self._refusals = 0
        self.turn = threading.RLock()
        """Held for a whole request, files included; threads wait for each other."""
        self._held = _Held()
        self._finalizer = weakref.finalize(self, self._held.close)  # also when the program ends

    def close(self) -> None:
        """End the worker and delete its scratch folder. It starts again when it is asked again."""
        with self.turn:
            self._held.close()

    def scratch(self) -> Path:
        """The folder for audio files, empty at first."""
        if self._held.scratch is None:
            self._held.scratch = Path(tempfile.mkdtemp(prefix="menura-worker-"))
        return self._held.scratch

    def clear_scratch(self) -> None:
        """Delete everything in the scratch folder."""
        for path in [] if self._held.scratch is None else list(self._held.scratch.iterdir()):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def start(self) -> Ready:
        """What the worker says of itself; starts it if it is not running.

        Raises:
            BackendLostError: It cannot be started.
            BackendError: It could be started before, and now not, for the first or second time.
        """
        with self.turn:
            return self._started()

    def ask(self, request: Generate, timeout_s: float) -> Done:
        """The answer to one request.

        Raises:
            BackendError: The worker failed at it; the next request finds a fresh one.
            BackendLostError: It has failed too often in a row.
        """
        with self.turn:
            self._started()
            process = self._held.process
            assert process is not None
            hint = f". Try: menura worker check {self.worker.folder}"
            answer = self._exchange(process, request, timeout_s, hint)
            if isinstance(answer, Failed) and answer.id is None:
                raise self._failed(FaultError(f"says: {answer.message}"), hint)
            if not isinstance(answer, Done | Failed) or answer.id != request.id:
                raise self._failed(FaultError(f"answered {_named(answer)}, expected request {request.id}"), hint)
            self._faults = 0
            process.shorten_log()
            if isinstance(answer, Failed):
                self._count_refusal(process)
                raise BackendError(f"worker '{self._name}' says: {answer.message}")
            self._refusals = 0
            return answer

    def _count_refusal(self, process: WorkerProcess) -> None:
        """After several in a row the worker starts anew: a broken graphics context refuses whatever is asked."""
        self._refusals += 1
        if self._refusals % MAX_FAULTS == 0:
            process.stop()
            self._held.process = None
            self._held.drop_scratch()

    @property
    def _name(self) -> str:
        return self.worker.file.worker.name

    def _started(self) -> Ready:
        if self._held.process is not None and self._held.process.has_ended():
            self._held.process.kill()  # it went between two requests, which is nobody's fault
            self._held.process = None
        if self._held.process is not None and self.ready is not None:
            return self.ready
        scratch = self.scratch()
        try:
            process = self._held.process = WorkerProcess(self.worker, scratch)
        except BackendError as error:
            self._held.drop_scratch()
            raise BackendLostError(str(error)) from error
        self.starts += 1
        hello = Hello(
            scratch=str(scratch),
            sample_rate=self._sample_rate,
            worker=self.worker.file.worker.model_dump(mode="json", exclude={"command", "setup", "pass_environment"}),
            settings=self.worker.file.settings | self._settings,
        )
        answer = self._exchange(process, hello, self.worker.file.timeouts.ready_s, self.worker.setup_hint)
        if isinstance(answer, Failed):
            raise self._failed(FaultError(f"cannot start: {answer.message}"), self.worker.setup_hint)
        if not isinstance(answer, Ready):
            raise self._failed(FaultError(f"answered {_named(answer)}, expected 'ready'"), self.worker.setup_hint)
        wrong = self._misfit(answer)
        if wrong:
            raise self._failed(FaultError(wrong), "")
        self.ready = answer
        return answer

    def _misfit(self, ready: Ready) -> str:
        """Why this worker must not be asked, although it is ready; empty when it may."""
        if ready.protocol != PROTOCOL:
            return (
                f"speaks version {ready.protocol} of the worker protocol, this Menura speaks {PROTOCOL}: write its "
                "menura_worker.py again (menura worker new FOLDER), or install the Menura that it was written for"
            )
        different = self.worker.disagreements(ready)
        return "is not what its worker.toml promises: " + "; ".join(different) if different else ""

    def _exchange(self, process: WorkerProcess, message: Message, timeout_s: float, hint: str) -> Answer:
        deadline = time.monotonic() + timeout_s
        try:
            process.send(message, deadline)
            answer = process.receive(deadline)
        except LateError as late:
            words = f"{late} within {timeout_s:g} s; if it needs longer, raise [timeouts] in its worker.toml"
            raise self._failed(FaultError(words), hint) from None
        except FaultError as fault:
            raise self._failed(fault, hint) from None
        except BaseException:  # Ctrl-C: whatever it is still making would be taken for the answer to something else
            process.kill()
            self._held.process = None
            self._held.drop_scratch()
            raise
        self._show_chatter(process)
        return answer

    def _failed(self, fault: FaultError, hint: str) -> BackendError:
        """End the process, count the fault, and say it in words."""
        process = self._held.process
        assert process is not None
        process.kill()
        self._show_chatter(process)
        self._held.process = None
        self._held.drop_scratch()
        self._faults += 1
        last = process.log_tail(lines=1)
        words = f"worker '{self._name}' {fault}" + (f"; its last words: {last}" if last else "")
        never_ready = self.ready is None
        if not never_ready and self._faults < MAX_FAULTS:
            return BackendError(words)
        often = "" if never_ready else f" ({self._faults} faults in a row, {self.starts} starts)"
        self._faults = 0
        tail = process.log_tail()
        log = f"\nThe end of its log:\n{tail}" if tail else ""
        return BackendLostError(f"worker '{self._name}' {fault}{often}{hint}{log}")

    def _show_chatter(self, process: WorkerProcess) -> None:
        if process.chatter_count and not self.chatter:
            warnings.warn(
                f"worker '{self._name}' writes other things than messages to its standard output "
                f"({process.chatter[0]!r}); let it write them to standard error",
                stacklevel=2,
            )
        self.chatter = process.chatter or self.chatter


def _named(answer: Answer) -> str:
    identity = getattr(answer, "id", None)
    return f"'{answer.type}'" if identity is None else f"'{answer.type}' for request {identity}"


_LIVE: weakref.WeakValueDictionary[str, WorkerSession] = weakref.WeakValueDictionary()


def session_of(key: str, worker: Worker, settings: Mapping[str, JsonValue], sample_rate: int | None) -> WorkerSession:
    """The session of that key, shared by all generators of one program that would load the same model."""
    session = _LIVE.get(key)
    if session is None:
        session = _LIVE[key] = WorkerSession(worker, settings, sample_rate)
    return session
