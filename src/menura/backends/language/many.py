"""Many questions at once: in order, with progress, without losing the answers when one fails or a person stops it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Protocol, TypeVar, runtime_checkable

from pydantic import BaseModel

from menura.backends.base import LanguageModel, Question
from menura.backends.language.faults import NoFurtherAnswersError
from menura.errors import BackendError, ConfigError
from menura.types import Progress

__all__ = ["ConcurrentModel", "answer_all", "answer_each"]

AnswerT = TypeVar("AnswerT", bound=BaseModel)

_FAILURES_IN_A_ROW = 10
_GRACE_S = 5.0


@runtime_checkable
class ConcurrentModel(Protocol):
    """A language model that likes to be asked from several threads, and can be told to stop."""

    concurrency: int

    def answer(self, question: Question[AnswerT], *, seed: int, stop: Event | None = None) -> AnswerT:
        """As :meth:`menura.backends.base.LanguageModel.answer`; makes no further call once ``stop`` is set."""
        ...


def answer_all(
    model: LanguageModel,
    questions: Sequence[Question[AnswerT]],
    *,
    seed: int | Sequence[int],
    progress: Progress | None = None,
) -> list[AnswerT]:
    """The answers, in the order of the questions.

    Args:
        model: Who is asked.
        questions: Equal ones with equal seeds are asked once.
        seed: For all questions, or one each.
        progress: Called with ``ask``, answers so far, and how many there will be.

    Raises:
        BackendError: A question got no valid answer. The others are asked first; with a cache, their answers are kept.
        KeyboardInterrupt: Of the person, after calls under way had five seconds to end.
    """
    outcomes = answer_each(model, questions, seed=seed, progress=progress)
    failures = [outcome for outcome in outcomes if isinstance(outcome, BackendError)]
    if not failures:
        return [outcome for outcome in outcomes if not isinstance(outcome, BackendError)]
    final = next((failure for failure in failures if isinstance(failure, NoFurtherAnswersError)), None)
    done = len(outcomes) - len(failures)
    if final is not None:
        raise NoFurtherAnswersError(f"{done} of {len(outcomes)} questions answered, then: {final}") from final
    raise BackendError(
        f"{len(failures)} of {len(outcomes)} questions got no valid answer, the first because: {failures[0]}. "
        "The other answers are kept: run the same command again to ask only these"
    ) from failures[0]


def answer_each(
    model: LanguageModel,
    questions: Sequence[Question[AnswerT]],
    *,
    seed: int | Sequence[int],
    progress: Progress | None = None,
) -> list[AnswerT | BackendError]:
    """The same, but an error stands in the place of an answer that could not be had.

    After :class:`NoFurtherAnswersError`, or ten failures in a row, nothing more is asked; what is left gets that error.
    """
    seeds = [seed] * len(questions) if isinstance(seed, int) else list(seed)
    if len(seeds) != len(questions):
        raise ConfigError(f"{len(questions)} questions need as many seeds, not {len(seeds)}")
    stop = Event()

    def ask(place: int) -> AnswerT:
        question, its_seed = questions[place], seeds[place]
        if isinstance(model, ConcurrentModel):
            return model.answer(question, seed=its_seed, stop=stop)
        return model.answer(question, seed=its_seed)

    workers = model.concurrency if isinstance(model, ConcurrentModel) else 1
    return _gathered(ask, len(questions), min(workers, len(questions)), stop, progress)


def _gathered(
    ask: Callable[[int], AnswerT], count: int, workers: int, stop: Event, progress: Progress | None
) -> list[AnswerT | BackendError]:
    """What ``ask`` gives for each place. Threads are daemons: a call that hangs does not keep a program from ending."""
    places, finished = SimpleQueue[int](), SimpleQueue[tuple[int, AnswerT | BaseException]]()
    for place in range(count):
        places.put(place)
    threads = [Thread(target=_work, args=(ask, places, finished, stop), daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    outcomes: dict[int, AnswerT | BackendError] = {}
    done, in_a_row = 0, 0
    final: NoFurtherAnswersError | None = None
    try:
        while any(thread.is_alive() for thread in threads) or not finished.empty():
            try:
                place, outcome = finished.get(timeout=0.05)
            except Empty:
                continue
            if isinstance(outcome, BaseException) and not isinstance(outcome, BackendError):
                raise outcome
            outcomes[place] = outcome
            if not isinstance(outcome, BackendError):
                done, in_a_row = done + 1, 0
                if progress is not None:
                    progress("ask", done, count)
                continue
            in_a_row += 1
            if final is None and isinstance(outcome, NoFurtherAnswersError):
                final = outcome
            if final is None and in_a_row >= _FAILURES_IN_A_ROW:
                final = NoFurtherAnswersError(f"{in_a_row} failures in a row, the last because: {outcome}")
            if final is not None:
                stop.set()
    except BaseException:
        stop.set()
        end = time.monotonic() + _GRACE_S
        for thread in threads:
            thread.join(max(0.0, end - time.monotonic()))
        raise
    last = final or NoFurtherAnswersError("stopped")
    given = [outcomes.get(place, last) for place in range(count)]
    return [last if isinstance(outcome, NoFurtherAnswersError) else outcome for outcome in given]


def _work(
    ask: Callable[[int], AnswerT],
    places: SimpleQueue[int],
    finished: SimpleQueue[tuple[int, AnswerT | BaseException]],
    stop: Event,
) -> None:
    while not stop.is_set():
        try:
            place = places.get_nowait()
        except Empty:
            return
        try:
            finished.put((place, ask(place)))
        except BaseException as error:
            finished.put((place, error))
            if isinstance(error, NoFurtherAnswersError):
                stop.set()  # here, so that no thread makes more than one call in vain; the reason is in the queue first
