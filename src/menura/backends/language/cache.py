"""Answers on disk, named by what was asked: a question that was answered once costs nothing again.

One JSON file an answer, readable and, if need be, editable; written beside and renamed. What cannot be read, belongs to
another question, or no longer fits its class is as good as absent.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from menura.backends.base import Question
from menura.backends.language.answers import stored_answer
from menura.config import LanguageModelSettings
from menura.datasets.index import cache_folder
from menura.errors import ConfigError
from menura.files import disk_errors, remove_leftovers_of_the_dead, write_text
from menura.seeding import content_hash

__all__ = ["VERSION", "AnswerCache", "Asked"]

AnswerT = TypeVar("AnswerT", bound=BaseModel)

VERSION = 1
"""Of the client; rises when it asks the same question in other words."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked: all that an answer may depend on, as plain JSON values.

    Attributes:
        facts: Version of the client, model, temperature, seed, name, messages and schema of the question.
        key: Thirty-two hexadecimal digits that change with any of them.
    """

    facts: Mapping[str, Any]
    key: str

    @classmethod
    def of(cls, question: Question[Any], settings: LanguageModelSettings, *, seed: int) -> Asked:
        """What asking ``question`` with ``seed`` means under these settings."""
        facts = {
            "version": VERSION,
            "model": settings.model,
            "temperature": settings.temperature,
            "seed": seed,
            "question": question.name,
            "messages": [[message.role, message.text] for message in question.messages],
            "schema": question.answer.model_json_schema(),
        }
        return cls(facts, content_hash(facts, length=32))


class AnswerCache:
    """Folder of answers. Processes and threads may share it."""

    def __init__(self, folder: Path | None) -> None:
        """Use ``folder``; None remembers nothing."""
        self._folder = folder

    @classmethod
    def of(cls, settings: LanguageModelSettings) -> AnswerCache:
        """The folder that the settings name, or ``language`` in the user's cache."""
        if settings.cache is not None:
            return cls(Path(settings.cache).expanduser())
        shared = cache_folder()
        return cls(None if shared is None else shared / "language")

    def prepare(self) -> None:
        """Make the folder, before anything is paid for.

        Raises:
            ConfigError: It cannot be written.
        """
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for folder in self._folder.iterdir():
                remove_leftovers_of_the_dead(folder)
            is_writable = os.access(self._folder, os.W_OK)
        except OSError:
            is_writable = False
        if not is_writable:
            raise ConfigError(f"{self._folder} cannot be written; answers are kept there: set cache to another folder")

    def read(self, asked: Asked, kind: type[AnswerT]) -> AnswerT | None:
        """The answer that was given; None if there is none that counts."""
        path = self._path(asked)
        if path is None:
            return None
        try:
            entry = json.loads(path.read_text(encoding="utf-8"))
            is_same = Asked(entry["asked"], content_hash(entry["asked"], length=32)).key == asked.key
            return stored_answer(json.dumps(entry["answer"]), kind) if is_same else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def write(self, asked: Asked, text: str) -> None:
        """Keep an answer, given as JSON text.

        Raises:
            RunError: The disk refuses.
        """
        path = self._path(asked)
        if path is None:
            return
        entry = {"answer": json.loads(text), "asked": asked.facts}
        with disk_errors(str(path)):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, json.dumps(entry, ensure_ascii=False, indent=1) + "\n")

    def _path(self, asked: Asked) -> Path | None:
        return None if self._folder is None else self._folder / asked.key[:2] / f"{asked.key}.json"
