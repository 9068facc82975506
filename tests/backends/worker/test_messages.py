from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.backends.worker.lines import LineBuffer
from menura.backends.worker.messages import BrokenMessageError, Done, Failed, Generate, Other, Ready, parse, to_line

Pieces = st.lists(st.binary(max_size=30), max_size=8)


@given(pieces=Pieces, cut=st.integers(1, 7))
def test_lines_do_not_depend_on_how_the_bytes_arrive(pieces: list[bytes], cut: int) -> None:
    data = b"\n".join(pieces)
    whole, parts = LineBuffer(), LineBuffer()
    whole.feed(data)
    for start in range(0, len(data), cut):
        parts.feed(data[start : start + cut])
    assert list(iter(whole.next, None)) == list(iter(parts.next, None))
    assert whole.half == parts.half


@given(size=st.integers(1, 40))
def test_a_line_may_be_as_long_as_it_may_be_and_no_longer(size: int) -> None:
    buffer = LineBuffer(longest=20)
    if size <= 20:
        buffer.feed(b"x" * size)
        assert len(buffer.half) == size
    else:
        with pytest.raises(BrokenMessageError, match="a line of more than 20 bytes"):
            buffer.feed(b"x" * size)


@given(prompt=st.text(), seed=st.integers(0, 2**31 - 1))
def test_a_message_is_one_line_whatever_the_prompt(prompt: str, seed: int) -> None:
    sent = Generate(
        id="ab", prompt=prompt, negative_prompt=None, duration_s=1.5, seed=seed, strength=None, parents=(), params={}
    )
    line = to_line(sent)
    assert line.count(b"\n") == 1
    assert b"\r" not in line
    assert json.loads(line)["prompt"] == prompt


@given(line=st.binary(max_size=200))
def test_any_bytes_are_a_message_chatter_or_broken(line: bytes) -> None:
    with suppress(BrokenMessageError):
        parse(line)


def test_messages_are_told_from_chatter() -> None:
    assert isinstance(parse(READY), Ready)
    assert parse(b'{"type": "done", "id": "ab", "file": "a.wav", "new": 1}') == Done(id="ab", file="a.wav")
    assert parse(b'  {"type": "failed", "message": "no"}\r') == Failed(message="no")
    assert isinstance(parse(b'{"type": "heartbeat"}'), Other)
    for chatter in (b"Loading", b"{'type': 'done'}", b"[1]", b'{"a": 1}', b"{", b"3", b'{"type": 3}'):
        assert parse(chatter) is None


READY = (
    b'{"type": "ready", "protocol": 1, "name": "a", "version": "1", "sample_rate": 8000, "channels": 1, "takes": []}'
)


@pytest.mark.parametrize(
    "line",
    [
        b'{"type": "done", "id": 3, "file": "a.wav"}',
        b'{"type": "done", "id": "ab", "file": ["a.wav"]}',
        READY.replace(b'"protocol": 1', b'"protocol": true'),
        READY.replace(b"8000", b'"8000"'),
        READY.replace(b'"a"', b'""'),
        READY.replace(b'"takes": []', b'"takes": "prompt"'),
        b'{"type": "done", "id": "ab", "file": "a.wav", "facts": {"a": Infinity}}',
        b'{"type": "done", "id": "ab", "file": "a.wav"',
    ],
)
def test_a_message_that_is_nearly_right_is_not_taken_for_right(line: bytes) -> None:
    with pytest.raises(BrokenMessageError):
        parse(line)


def test_the_protocol_page_shows_real_messages() -> None:
    """Every example line of docs/extend/worker.md is what the code sends or understands."""
    page = Path(__file__).resolve().parents[3] / "docs" / "extend" / "worker.md"
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith('{"type"')]
    sent: dict[str, Callable[[str], object]] = _sent()
    kinds = set()
    for line in lines:
        kind = json.loads(line)["type"]
        kinds.add(kind)
        if kind in sent:
            sent[kind](line)
        else:
            assert not isinstance(parse(line.encode()), Other | None)
    assert kinds == {"hello", "ready", "generate", "progress", "done", "failed", "bye"}


def _sent() -> dict[str, Callable[[str], object]]:
    from menura.backends.worker.messages import Bye, Hello, Message

    def same(kind: type[Message]) -> Callable[[str], object]:
        def check(line: str) -> None:
            read = kind.model_validate_json(line)
            assert json.loads(line) == read.model_dump(mode="json"), line

        return check

    return {"hello": same(Hello), "generate": same(Generate), "bye": same(Bye)}
