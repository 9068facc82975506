"""A small fuzzer: valid files damaged by a seeded hand, given to a reader, and whatever the reader may not do counted.

A reader may return, or raise an error of Menura. Anything else is a finding: another exception, a crash of the process
(the native decoders of audio, Parquet and safetensors are part of this), more than ``HANG_S`` of work for one input,
or more memory than ``MEMORY_BYTES`` on top of what it had. Each batch of inputs is read in a fork of this process, so
that a crash costs one input and names it.
"""

from __future__ import annotations

import faulthandler
import json
import mmap
import os
import resource
import signal
import struct
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from menura.errors import MenuraError
from menura.seeding import item_generator

__all__ = ["Outcome", "Reader", "in_file", "input_of", "run_reader"]

HANG_S = 20.0
MEMORY_BYTES = 1 << 30
BATCH = 2000

_NUMBERS = tuple(
    value.to_bytes(size, order)
    for size, order in ((4, "little"), (4, "big"), (8, "little"), (2, "little"))
    for value in (0, 1, 1 << (8 * size - 1), (1 << (8 * size)) - 1, (1 << (8 * size - 1)) - 1)
) + tuple(struct.pack("<d", value) for value in (float("nan"), float("inf"), 1e308))
_WORDS = tuple(
    word.encode("utf-8", errors="surrogatepass")
    for word in (
        "../", "[" * 20_000, "/etc/passwd", "NaN", "Infinity", "-1e999", "1e400", "null", "true", "[]", "{}",
        "\x00", '""', "[[[[", "\ud800", '"\\ud800"', "9" * 400, "-1", "0", "2147483648", "18446744073709551616",
        "= ", "\x1b[31m", "\u202e", "é", "\r\n", "\n\n", ",,,,", '"', "'", "\\", "]]", "}}", "</think>", "```json\n",
    )
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 2**64, -(2**70), 10**400, 0.5, -1.5, 1e308, float("nan"),
    float("inf"), "", "x", "..", "../../x", "/etc/passwd", "\x00", "\ud800", "a" * 5000,
    [], {}, [[]], [None], {"": None},
    [1, "a"], {"type": 1}, [[[[[[[[]]]]]]]], "0", "NaN", "2026-01-01",
)  # fmt: skip


@dataclass(frozen=True)
class Reader:
    """Something of Menura that reads what others wrote.

    Attributes:
        name: For the table.
        seeds: Valid inputs.
        read: Reads one input; may raise what ``allowed`` names.
        allowed: Errors that are an answer.
        is_json: Inputs are one JSON value a line, or one in all, so that values can be exchanged as well as bytes.
    """

    name: str
    seeds: Sequence[bytes]
    read: Callable[[bytes], object]
    allowed: tuple[type[BaseException], ...] = (MenuraError,)
    is_json: bool = False


def in_file(path: Path, read: Callable[[Path], object]) -> Callable[[bytes], object]:
    """A reader of files as a reader of bytes, which are written to that path."""
    path.parent.mkdir(parents=True, exist_ok=True)

    def reader(data: bytes) -> object:
        path.write_bytes(data)
        return read(path)

    return reader


@dataclass
class Outcome:
    """What came of the inputs of one reader: how many were read, refused, and what should not have happened."""

    inputs: int = 0
    read: int = 0
    refused: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    examples: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Finding to the number of its first input and the traceback."""


def input_of(reader: Reader, seed: int, index: int) -> bytes:
    """Input number ``index``: the same for the same seed, whatever was tried before."""
    generator = item_generator(seed, "fuzz", reader.name, index)
    data = reader.seeds[int(generator.integers(len(reader.seeds)))]
    if reader.is_json and generator.random() < 0.6:
        return _json_changed(data, generator)
    for _ in range(int(generator.geometric(0.55))):
        other = reader.seeds[int(generator.integers(len(reader.seeds)))]
        data = _damaged(data, other, generator)
    return data


def _damaged(data: bytes, other: bytes, generator: np.random.Generator) -> bytes:
    how, size = int(generator.integers(9)), len(data)
    # headers say most, and stand at the beginning
    limit = min(size, 128) if generator.random() < 0.5 else size
    place = int(generator.integers(limit + 1)) if size else 0
    length = int(generator.integers(1, 17))
    if how == 0 and size:
        return _put(data, place, bytes([data[min(place, size - 1)] ^ (1 << int(generator.integers(8)))]))
    if how == 1:
        return _put(data, place, generator.bytes(length))
    if how == 2:
        return _put(data, place, _NUMBERS[int(generator.integers(len(_NUMBERS)))])
    if how == 3:
        return data[:place] + _WORDS[int(generator.integers(len(_WORDS)))] + data[place:]
    if how == 4:
        return data[:place] + data[place + length :]
    if how == 5:
        return data[:place]
    if how == 6:
        return data[:place] + data[max(0, place - 4 * length) : place] * int(generator.integers(1, 40)) + data[place:]
    if how == 7:
        start = int(generator.integers(len(other) + 1))
        return data[:place] + other[start : start + 8 * length] + data[place:]
    return _put(data, place, _WORDS[int(generator.integers(len(_WORDS)))])


def _put(data: bytes, place: int, piece: bytes) -> bytes:
    return data[:place] + piece + data[place + len(piece) :]


def _json_changed(data: bytes, generator: np.random.Generator) -> bytes:
    lines = data.split(b"\n")
    full = [number for number, line in enumerate(lines) if line.strip()]
    try:
        whole = json.loads(data)
        return _dumped(_changed(whole, generator))
    except ValueError:
        number = full[int(generator.integers(len(full)))]
    try:
        lines[number] = _dumped(_changed(json.loads(lines[number]), generator))
    except ValueError:
        return data
    return b"\n".join(lines)


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=True).encode()


def _changed(value: Any, generator: np.random.Generator) -> Any:
    """The value with one value somewhere inside exchanged, left out or put in."""
    inside = isinstance(value, dict | list) and len(value) > 0
    if not inside or generator.random() < 0.15:
        return _VALUES[int(generator.integers(len(_VALUES)))]
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = keys[int(generator.integers(len(keys)))]
    copy = dict(value) if isinstance(value, dict) else list(value)
    chance = generator.random()
    if chance < 0.1:
        del copy[key]
    elif chance < 0.15 and isinstance(copy, dict):
        copy["unknown" if chance < 0.12 else str(key) + "\x00"] = value[key]
    else:
        copy[key] = _changed(value[key], generator)
    return copy


class _HungError(BaseException):
    pass


def run_reader(reader: Reader, *, inputs: int, seed: int = 0) -> Outcome:
    """Give a reader so many inputs, and count what it does with them."""
    outcome = Outcome()
    start = 0
    while start < inputs:
        start = _batch(reader, seed, start, min(inputs, start + BATCH), outcome)
    return outcome


def _batch(reader: Reader, seed: int, start: int, stop: int, outcome: Outcome) -> int:
    """Read inputs in a child until ``stop`` or a crash; returns the number of the next input."""
    at = mmap.mmap(-1, 8)  # which input the child is at
    source, sink = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(source)
        status = 1
        try:
            _in_child(reader, seed, start, stop, at, sink)
            status = 0
        finally:
            os._exit(status)
    os.close(sink)
    with os.fdopen(source, "rb") as lines:
        told = [json.loads(line) for line in lines.read().splitlines()]
    status = os.waitpid(child, 0)[1]
    last = struct.unpack("q", at[:])[0]
    for kind, index, words in told:
        if kind in ("read", "refused"):
            setattr(outcome, kind, getattr(outcome, kind) + index)
        else:
            outcome.findings[kind] += 1
            outcome.examples.setdefault(kind, (index, words))
    if status == 0:
        outcome.inputs += stop - start
        return stop
    how = f"crash: {signal.Signals(os.WTERMSIG(status)).name}" if os.WIFSIGNALED(status) else f"exit {status >> 8}"
    outcome.findings[how] += 1
    outcome.examples.setdefault(how, (last, ""))
    outcome.inputs += last + 1 - start
    return int(last) + 1


def _in_child(reader: Reader, seed: int, start: int, stop: int, at: mmap.mmap, sink: int) -> None:
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    faulthandler.disable()  # a crash is an outcome here
    signal.signal(signal.SIGALRM, _hang)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, resource.RLIM_INFINITY))
    counts = Counter[str]()

    def tell(*said: object) -> None:
        os.write(sink, json.dumps(said).encode() + b"\n")

    for index in range(start, stop):
        at[:] = struct.pack("q", index)
        data = input_of(reader, seed, index)
        signal.setitimer(signal.ITIMER_REAL, HANG_S)
        try:
            reader.read(data)
            counts["read"] += 1
        except reader.allowed:
            counts["refused"] += 1
        except BaseException as error:
            signal.setitimer(signal.ITIMER_REAL, 0)
            where = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in where if "menura" in frame.filename and "tests" not in frame.filename]
            place = f"{Path(own[-1].filename).name}:{own[-1].name}" if own else "?"
            tell(f"{type(error).__name__} in {place}", index, "".join(traceback.format_exception(error))[-3000:])
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    for kind, count in counts.items():
        tell(kind, count, "")


def _hang(*unused: object) -> None:
    raise _HungError
