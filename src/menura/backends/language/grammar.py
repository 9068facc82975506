"""The language model that needs no server: each question brings phrases of its own, drawn by its own random state."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel

from menura.backends.base import Question
from menura.config import LanguageModelSettings
from menura.seeding import content_hash, item_generator

__all__ = ["PhraseGrammar"]

AnswerT = TypeVar("AnswerT", bound=BaseModel)

_VERSION = 1


class PhraseGrammar:
    """Answers from phrases, offline, at once and at no cost; the same question and seed give the same answer."""

    name = "grammar"

    def __init__(self, settings: LanguageModelSettings | None = None) -> None:
        """Takes settings as every language model does; none of them applies."""

    @property
    def fingerprint(self) -> str:
        """Changes with the version of the method. The phrases belong to the questions and count with them."""
        return content_hash(["grammar", _VERSION])

    def answer(self, question: Question[AnswerT], *, seed: int) -> AnswerT:
        """The answer of the question's own phrases.

        Read back from its JSON, as an answer of a server is: what the validators refuse or change is not passed on.
        """
        asked = [question.name, [[message.role, message.text] for message in question.messages]]
        made = question.offline(item_generator(seed, "grammar", content_hash(asked, length=32)))
        return question.answer.model_validate_json(made.model_dump_json())
