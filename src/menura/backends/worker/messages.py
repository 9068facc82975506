"""The lines that Menura and a worker exchange, and what becomes of a line that is none of them.

A message is one JSON object on one line with a ``type``. Fields that are not known here are ignored, and so is a
message of a type that is not known here: a newer worker may say more than an older Menura understands.
"""

from __future__ import annotations

import json
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, field_validator

__all__ = [
    "MAX_LINE_BYTES",
    "PROTOCOL",
    "Answer",
    "BrokenMessageError",
    "Bye",
    "Done",
    "Failed",
    "Generate",
    "Hello",
    "Message",
    "Other",
    "Parent",
    "Progress",
    "Ready",
    "parse",
    "to_line",
]

PROTOCOL = 1
"""Version of the protocol; rises when an old worker could no longer be understood."""

MAX_LINE_BYTES = 1 << 20
"""Longest line that is read; a worker that writes more without an end of line is stopped."""

_MAX_FACTS_BYTES = 4096

Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=200)]


class BrokenMessageError(Exception):
    """A line is meant for Menura and cannot be understood; the message says why."""


class Message(BaseModel):
    """Base of every message."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class Hello(Message):
    """First line to the worker. ``worker`` is what worker.toml says of it, ``settings`` what it shall load with."""

    type: Literal["hello"] = "hello"
    protocol: int = PROTOCOL
    scratch: str
    sample_rate: int | None
    worker: dict[str, JsonValue]
    settings: dict[str, JsonValue]


class Parent(Message):
    """A real clip in the scratch folder, 32-bit float WAV at the worker's own rate."""

    file: str
    sample_rate: int
    duration_s: float


class Generate(Message):
    """Asks for one clip. ``id`` is hexadecimal digits; the answer must carry it."""

    type: Literal["generate"] = "generate"
    id: str
    prompt: str | None
    negative_prompt: str | None
    duration_s: float | None
    seed: int
    strength: float | None
    parents: tuple[Parent, ...]
    params: dict[str, JsonValue]


class Bye(Message):
    """Last line to the worker."""

    type: Literal["bye"] = "bye"


class Ready(Message):
    """Answer to ``hello``, once everything is loaded."""

    type: Literal["ready"] = "ready"
    protocol: int
    name: Text
    version: Text
    revision: Text | None = None
    licence: Text | None = None
    sample_rate: int = Field(ge=1000, le=384_000)
    channels: int = Field(ge=1, le=8)
    takes: list[str]
    max_duration_s: float | None = Field(None, gt=0)


class Done(Message):
    """The clip is in the scratch folder, as WAV or FLAC. ``facts`` are stored with it: no clock times, no paths."""

    type: Literal["done"] = "done"
    id: str
    file: str
    facts: dict[str, JsonValue] = Field(default_factory=dict)

    @field_validator("facts")
    @classmethod
    def _small(cls, facts: dict[str, JsonValue]) -> dict[str, JsonValue]:
        size = len(json.dumps(facts))
        if size > _MAX_FACTS_BYTES:
            raise ValueError(f"{size} bytes, at most {_MAX_FACTS_BYTES} are stored with a clip")
        return facts


class Failed(Message):
    """This request cannot be made, or (``id`` null) the worker cannot work at all."""

    type: Literal["failed"] = "failed"
    id: str | None = None
    message: str


class Progress(Message):
    """The worker is busy; nothing depends on it."""

    type: Literal["progress"] = "progress"
    id: str | None = None
    done: float
    total: float


class Other(Message):
    """A message of a type that this Menura does not know, from a newer worker; nothing depends on it either."""

    type: str


Answer: TypeAlias = Ready | Done | Failed | Progress | Other

_ANSWERS: dict[str, type[Answer]] = {"ready": Ready, "done": Done, "failed": Failed, "progress": Progress}


def to_line(message: Message) -> bytes:
    """The message as one line."""
    return message.model_dump_json().encode() + b"\n"


def parse(line: bytes) -> Answer | None:
    """The message of a line; None for chatter, that is, anything that was not meant for Menura.

    Raises:
        BrokenMessageError: The line looks like a message and is cut off, no JSON, or lacks what a message needs.
    """
    text = line.decode(errors="replace").strip()
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        if '"type"' in text:
            raise BrokenMessageError(f"a line that is no JSON ({error}): {_shortened(text)}") from error
        return None
    if not isinstance(value.get("type"), str):
        return None
    kind = _ANSWERS.get(value["type"], Other)
    try:
        return kind.model_validate_json(json.dumps(value))
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise BrokenMessageError(f"a '{value['type']}' that is not valid ({problems})") from error


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _shortened(text: str, length: int = 120) -> str:
    return text if len(text) <= length else f"{text[:length]}…"
