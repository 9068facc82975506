"""Too little memory says something of the machine and nothing of a request: no request is given up for it."""

from __future__ import annotations

import pytest

from menura.backends.base import Parents
from menura.cli.output import fail
from menura.generate.batches import generate_alone, generate_batch
from menura.types import Candidate, Request


class Greedy:
    """A generator that finds no room."""

    def generate(self, requests: list[Request], parents: Parents) -> list[Candidate]:
        raise MemoryError


def test_no_request_is_rejected_for_want_of_memory() -> None:
    request = Request(labels=("rain",), generator="greedy")
    with pytest.raises(MemoryError):
        generate_alone(Greedy(), request, lambda name: None)
    with pytest.raises(MemoryError):
        generate_batch(Greedy(), [request], lambda name: None)


def test_out_of_memory_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail(MemoryError()) == 2
    assert "run the same command again" in capsys.readouterr().err
