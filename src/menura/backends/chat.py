"""A language model behind any OpenAI-compatible URL: hosted, vLLM, llama.cpp, Ollama, ``transformers serve``.

Its parts are in :mod:`menura.backends.language`. An answer comes from the cache, or is asked for until it is valid:

    cache → pace → budget → call → (wait and call again) → read → (say what is wrong and ask again) → cache
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from pydantic import BaseModel

from menura.backends.base import Message, Question
from menura.backends.language.answers import Invalid, Valid, read_answer
from menura.backends.language.asking import Dialect, adapted, body, conversation, repair, upper_bound
from menura.backends.language.budget import Budget, Spent, Usage
from menura.backends.language.cache import VERSION, AnswerCache, Asked
from menura.backends.language.faults import Fault, NoFurtherAnswersError, remedy
from menura.backends.language.key import key_for
from menura.backends.language.pace import Pace
from menura.backends.language.reply import Reply
from menura.backends.language.texts import excerpt
from menura.backends.language.waiting import LONGEST_WAIT_S, wait_s
from menura.backends.language.wire import Wire
from menura.config import LanguageModelSettings
from menura.errors import BackendError, ConfigError
from menura.seeding import content_hash

__all__ = ["ChatModel"]

REQUIRES = ("httpx",)

AnswerT = TypeVar("AnswerT", bound=BaseModel)

_LOGGER = logging.getLogger(__name__)
_WORTH_SAYING_S = 5.0


class ChatModel:
    """Asks a server and keeps its answers. Safe to use from several threads; each command has a budget of its own."""

    def __init__(
        self,
        settings: LanguageModelSettings,
        *,
        sleep: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Opens no connection yet; makes the folder of the cache.

        Args:
            settings: ``url`` and ``model`` must be set.
            sleep: Waits so many seconds; for tests.
            clock: Seconds that pass; for tests.

        Raises:
            ConfigError: No URL; a key that would cross a network unencrypted; a cache that cannot be written.
        """
        if settings.url is None:
            raise ConfigError("a language model behind a server needs url and model; without them use 'grammar'")
        self.name = str(settings.model)
        self.concurrency = settings.concurrency
        self._settings, self._sleep = settings, sleep
        key = key_for(settings.url, settings.key_variable)
        self._has_key = key is not None
        self._cache = AnswerCache.of(settings)
        self._cache.prepare()
        self._budget, self._pace = Budget(settings), Pace(settings.concurrency)
        self._wire = Wire(
            settings.url, key=key, timeout_s=settings.timeout_s, connections=settings.concurrency, clock=clock
        )
        self._dialects: dict[str, Dialect] = {}
        self._locks: WeakValueDictionary[str, _Lock] = WeakValueDictionary()
        self._locks_lock = Lock()

    def __repr__(self) -> str:
        return f"ChatModel({self.name} at {self._settings.url})"

    @property
    def fingerprint(self) -> str:
        """Changes with the model's name, the temperature and the version of the client.

        Not with the URL: the same weights may move to another machine. A name that says which weights they are is the
        user's to give.
        """
        return content_hash(["chat", VERSION, self._settings.model, self._settings.temperature])

    @property
    def spent(self) -> Spent:
        """Tokens and money so far."""
        return self._budget.spent

    @property
    def pace(self) -> float:
        """Questions that may be under way at once, as the server has let it be known."""
        return self._pace.limit

    def close(self) -> None:
        """Give the connections back."""
        self._wire.close()

    def answer(self, question: Question[AnswerT], *, seed: int, stop: Event | None = None) -> AnswerT:
        """A validated answer, from the cache or from the server; another seed asks for another one.

        Args:
            question: What is asked.
            seed: Part of the identity of the answer; servers that sample by it get it too.
            stop: When set, no further call is made.

        Raises:
            BackendError: No valid answer after all repairs and retries.
            NoFurtherAnswersError: The same, and no other question would get one: budget, key, address.
            RunError: The answer cannot be written to the cache.
        """
        asked = Asked.of(question, self._settings, seed=seed)
        with self._alone(asked.key):
            known = self._cache.read(asked, question.answer)
            if known is not None:
                return known
            valid = self._valid_answer(question, asked, stop or Event())
            self._cache.write(asked, valid.text)
            return valid.answer

    def _valid_answer(self, question: Question[AnswerT], asked: Asked, stop: Event) -> Valid[AnswerT]:
        messages = asking = conversation(question)
        for _ in range(self._settings.repairs + 1):
            reply = self._reply(question.answer, asking, asked, stop)
            if reply.refusal:
                raise BackendError(f"{self._who(question)} refuses to answer: {reply.refusal}")
            outcome = read_answer(reply.text, question.answer)
            if isinstance(outcome, Valid):
                return outcome
            problem = self._problem(outcome, reply)
            asking = repair(messages, reply.text, problem)
        said = f"; it said: {excerpt(reply.text)}" if reply.text.strip() else ""
        raise BackendError(
            f"{self._who(question)} gave no valid answer in {self._settings.repairs + 1} tries. Wrong with the last "
            f"one: {problem}{said}. Take a model that follows instructions better, a lower temperature or more repairs"
        )

    def _problem(self, outcome: Invalid, reply: Reply) -> str:
        if not reply.is_cut_off:
            return outcome.problem
        return f"{outcome.problem}; it was cut off at the {self._settings.max_tokens} tokens of max_tokens, be brief"

    def _reply(self, kind: type[BaseModel], messages: tuple[Message, ...], asked: Asked, stop: Event) -> Reply:
        """One reply; waits and calls again while the fault is one that passes."""
        schema = content_hash(asked.facts["schema"])
        dialect, failures = self._dialects.get(schema, Dialect()), 0
        while True:
            fields = body(messages, kind, self._settings, dialect, seed=asked.facts["seed"])
            outcome = self._call(fields, stop)
            if isinstance(outcome, Reply):
                self._dialects[schema] = dialect
                return outcome
            other = adapted(dialect, outcome.message) if outcome.kind == "request" else None
            if other is not None:
                dialect = other
                continue
            if not outcome.is_temporary or failures >= self._settings.retries:
                raise self._error(outcome, failures)
            failures += 1
            pause_s = wait_s(failures, outcome.wait_s, key=asked.key)
            if pause_s > LONGEST_WAIT_S:
                raise NoFurtherAnswersError(
                    f"{self._settings.url} {outcome.message}. It asks to wait {pause_s:.0f} s, too long to sit "
                    "through. All answers so far are kept: run the same command again then"
                )
            self._wait(pause_s, outcome, failures, stop)

    def _call(self, fields: dict[str, Any], stop: Event) -> Reply | Fault:
        """One call within pace and budget."""
        bound = upper_bound(fields, self._settings)
        epoch = self._pace.enter()
        overloaded: bool | None = None
        try:
            if stop.is_set():
                raise NoFurtherAnswersError("stopped before the next call")
            self._budget.hold(bound)
            used: Usage | None = None
            try:
                outcome = self._wire.post(fields)
                used = outcome.usage if isinstance(outcome, Reply) else None if outcome.charged else Usage()
            finally:
                self._budget.settle(bound, used)
            overloaded = False if isinstance(outcome, Reply) else True if outcome.is_overload else None
            return outcome
        finally:
            self._pace.leave(epoch, overloaded=overloaded)

    def _wait(self, pause_s: float, fault: Fault, failures: int, stop: Event) -> None:
        level = logging.WARNING if pause_s >= _WORTH_SAYING_S else logging.DEBUG
        _LOGGER.log(
            level, "%s %s; try %d of %d in %.1f s", self._settings.url, fault.message, failures + 1,
            self._settings.retries + 1, pause_s,
        )  # fmt: skip
        if self._sleep is None:
            stop.wait(pause_s)
        else:
            self._sleep(pause_s)

    def _error(self, fault: Fault, failures: int) -> BackendError:
        tries = f", and did so in {failures + 1} tries" if failures else ""
        advice = remedy(fault, self._settings, has_key=self._has_key)
        kind = NoFurtherAnswersError if fault.is_for_all else BackendError
        return kind(f"{self._settings.url} {fault.message}{tries}; {advice}")

    def _who(self, question: Question[Any]) -> str:
        return f"question '{question.name}': model '{self.name}' at {self._settings.url}"

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Lets one thread ask a question while others that want its answer wait for it."""
        with self._locks_lock:
            lock = self._locks.setdefault(key, _Lock())
        with lock.lock:
            yield


class _Lock:
    """A lock that a weak reference can point to."""

    def __init__(self) -> None:
        self.lock = Lock()
