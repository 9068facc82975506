from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest
from fake_server import GOOD, Bench, FakeServer, failed, question, spoken

from menura.backends.chat import ChatModel
from menura.backends.language.faults import NoFurtherAnswersError
from menura.backends.language.grammar import PhraseGrammar
from menura.backends.language.many import answer_all, answer_each
from menura.errors import BackendError, ConfigError, RunError

MANY = [question(f"sound {number}") for number in range(400)]
QUESTIONS = MANY[:24]


def echoing(server: FakeServer) -> Callable[..., None]:
    """Answers with what it was asked about; the first ones wait for each other, so that order is not given."""

    def step(handler: Any, body: dict[str, Any]) -> None:
        about = body["messages"][1]["content"].split("?")[0].removeprefix("Words for ")
        if about == "sound 0":
            server.released.wait(0.1)
        spoken(GOOD.replace("bright", about))(handler, body)

    return step


def test_answers_come_in_the_order_of_the_questions(bench: Bench, server: FakeServer) -> None:
    server.otherwise = echoing(server)
    seen: list[tuple[str, int, int]] = []
    answers = answer_all(bench.model(), QUESTIONS, seed=0, progress=lambda *step: seen.append(step))
    assert [answer.words[0] for answer in answers] == [f"sound {number}" for number in range(24)]
    assert seen == [("ask", number, 24) for number in range(1, 25)]
    assert 1 < server.most_under_way <= 8


def test_equal_questions_are_asked_once_even_at_the_same_time(bench: Bench, server: FakeServer) -> None:
    answers = answer_all(bench.model(), [question()] * 12, seed=3)
    assert len(server.calls) == 1
    assert all(answer == answers[0] for answer in answers)


def test_seeds_may_be_given_one_by_one(bench: Bench, server: FakeServer) -> None:
    answer_all(bench.model(), [question()] * 3, seed=[1, 2, 1])
    assert sorted(call["seed"] for call in server.calls) == [1, 2]
    with pytest.raises(ConfigError, match="3 questions need as many seeds, not 2"):
        answer_all(bench.model(), [question()] * 3, seed=[1, 2])


def test_too_many_at_once_are_slowed_down_and_all_answered(bench: Bench, server: FakeServer) -> None:
    tickets, burst = itertools.count(), threading.Barrier(3)

    def at_most_two(handler: Any, body: dict[str, Any]) -> None:
        if next(tickets) < 3:
            burst.wait(20)
        busy = server.under_way > 2
        (failed(429) if busy else spoken(GOOD))(handler, body)

    server.otherwise = at_most_two
    model = bench.model(concurrency=16, retries=20)
    assert len(answer_all(model, QUESTIONS[:12], seed=0)) == 12
    assert any(wait for wait in bench.waits)
    assert model.pace < 8  # where it began; twelve good answers take it from 4 to less than 7


def test_one_question_without_an_answer_does_not_cost_the_others(bench: Bench, server: FakeServer) -> None:
    def picky(handler: Any, body: dict[str, Any]) -> None:
        bad = "sound 5?" in body["messages"][1]["content"]
        (spoken("no") if bad else spoken(GOOD))(handler, body)

    server.otherwise = picky
    with pytest.raises(BackendError, match=r"1 of 24 questions got no valid answer, the first because: .*'words'"):
        answer_all(bench.model(), QUESTIONS, seed=0)
    calls = len(server.calls)
    server.otherwise = spoken(GOOD)
    assert len(answer_all(bench.model(), QUESTIONS, seed=0)) == 24
    assert len(server.calls) == calls + 1


def test_each_outcome_stands_in_its_place(bench: Bench, server: FakeServer) -> None:
    server.otherwise = spoken("no")
    outcomes = answer_each(bench.model(repairs=0), QUESTIONS[:3], seed=0)
    assert [type(outcome) for outcome in outcomes] == [BackendError] * 3


def test_a_wrong_key_is_noticed_once_and_not_a_thousand_times(bench: Bench, server: FakeServer) -> None:
    server.otherwise = failed(401, "bad key")
    with pytest.raises(NoFurtherAnswersError, match=r"0 of 24 questions answered, then: .*bad key"):
        answer_all(bench.model(), QUESTIONS, seed=0)
    assert len(server.calls) <= 8


def test_a_model_that_never_answers_is_given_up_after_ten_in_a_row(bench: Bench, server: FakeServer) -> None:
    server.otherwise = spoken("la la la")
    with pytest.raises(NoFurtherAnswersError, match=r"10 failures in a row, the last because: .*la la la"):
        answer_all(bench.model(concurrency=1, repairs=0), MANY, seed=0)
    assert 10 <= len(server.calls) < len(MANY)


def test_the_budget_holds_for_many_at_once_and_the_rerun_pays_the_rest(bench: Bench, server: FakeServer) -> None:
    first = bench.model(max_tokens=100, token_budget=1500)
    with pytest.raises(NoFurtherAnswersError, match=r"of 24 questions answered, then: the budget of 1500 tokens"):
        answer_all(first, QUESTIONS, seed=0)
    paid = len(server.calls)
    assert 0 < paid < 24
    assert first.spent.usage.tokens == 50 * paid <= 1500
    second = bench.model()
    assert len(answer_all(second, QUESTIONS, seed=0)) == 24
    assert second.spent.calls == 24 - paid


def test_a_person_who_stops_it_keeps_every_answer(bench: Bench, server: FakeServer) -> None:
    def stop_at_five(stage: str, done: int, count: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    model = bench.model(concurrency=2)
    with pytest.raises(KeyboardInterrupt):
        answer_all(model, MANY, seed=0, progress=stop_at_five)
    asked = len(server.calls)
    assert 5 <= asked < len(MANY)
    assert len(list(bench.cache.rglob("*.json"))) == asked
    assert not [thread for thread in threading.enumerate() if "_work" in thread.name]
    answer_all(model, MANY, seed=0)  # a thread may have held an earlier question that it did not come to ask
    assert len(server.calls) == len(MANY)


def test_a_person_need_not_sit_through_a_wait(bench: Bench, server: FakeServer) -> None:
    def slow_for_one(handler: Any, body: dict[str, Any]) -> None:
        busy = "sound 0?" in body["messages"][1]["content"]
        (failed(429, Retry_After="250") if busy else spoken(GOOD))(handler, body)

    def stop_at_five(stage: str, done: int, count: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    server.otherwise = slow_for_one
    model = ChatModel(bench.settings(concurrency=4))  # which really waits
    with pytest.raises(KeyboardInterrupt):
        answer_all(model, QUESTIONS, seed=0, progress=stop_at_five)
    assert not [thread for thread in threading.enumerate() if "_work" in thread.name]
    model.close()


def test_a_full_disk_stops_everything_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: object, text: str) -> None:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("menura.backends.language.cache.write_text", full)
    with pytest.raises(RunError, match="the disk is full"):
        answer_all(bench.model(), QUESTIONS, seed=0)


def test_phrases_are_asked_in_the_same_way() -> None:
    model = PhraseGrammar()
    together = answer_all(model, QUESTIONS, seed=0)
    assert together == [model.answer(each, seed=0) for each in QUESTIONS]
    assert answer_all(model, [], seed=0) == []
