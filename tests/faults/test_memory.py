"""Too little memory or disk says something of the machine and nothing of a request: no request is given up for it."""

from __future__ import annotations

import errno

import pytest

from menura.backends.base import Parents
from menura.cli.output import fail
from menura.errors import BackendError, RunError
from menura.generate.batches import generate_alone, generate_batch
from menura.types import Candidate, Request

NO_ROOM = (
    MemoryError(),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    RuntimeError("can't start new thread"),
    RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes"),
)


class Greedy:
    """A generator that finds no room."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def generate(self, requests: list[Request], parents: Parents) -> list[Candidate]:
        raise self.error


@pytest.mark.parametrize("error", NO_ROOM)
def test_no_request_is_rejected_for_want_of_memory(error: Exception) -> None:
    request = Request(labels=("rain",), generator="greedy")
    with pytest.raises(MemoryError):
        generate_alone(Greedy(error), request, lambda name: None)
    with pytest.raises(MemoryError):
        generate_batch(Greedy(error), [request], lambda name: None)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        BackendError("the program failed: OSError: [Errno 28] No space left on device: 'clip.wav'"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
    ],
)
def test_no_request_is_rejected_for_a_full_disk(error: Exception) -> None:
    request = Request(labels=("rain",), generator="greedy")
    with pytest.raises(RunError, match="the disk is full"):
        generate_alone(Greedy(error), request, lambda name: None)
    with pytest.raises(RunError, match="the disk is full"):
        generate_batch(Greedy(error), [request], lambda name: None)


@pytest.mark.parametrize("error", NO_ROOM)
def test_out_of_memory_is_one_line_and_status_2(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert fail(error) == 2
    assert "run the same command again" in capsys.readouterr().err
