from __future__ import annotations

import threading

import pytest
from fake_server import question
from hypothesis import given
from hypothesis import strategies as st

from menura.backends.base import Message, Question
from menura.backends.language.asking import Dialect, body, conversation, repair, repair_bound, upper_bound
from menura.backends.language.budget import Budget, Usage, price
from menura.backends.language.costs import describe_costs
from menura.backends.language.faults import NoFurtherAnswersError
from menura.config import LanguageModelSettings

CALLS = st.lists(st.tuples(st.integers(1, 400), st.integers(1, 400), st.floats(0, 1)), max_size=30)


def settings(**fields: object) -> LanguageModelSettings:
    return LanguageModelSettings.model_validate({"url": "http://localhost:1/v1", "model": "tiny"} | fields)


@given(calls=CALLS, budget=st.integers(0, 3000))
def test_what_is_spent_never_passes_the_budget(calls: list[tuple[int, int, float]], budget: int) -> None:
    account = Budget(settings(token_budget=budget, money_budget=1.0, price_prompt=500.0, price_completion=1000.0))
    for prompt, completion, share in calls:
        bound = Usage(prompt, completion)
        try:
            account.hold(bound)
        except NoFurtherAnswersError:
            continue
        account.settle(bound, Usage(round(prompt * share), round(completion * share)))
        assert account.spent.usage.tokens <= budget
        assert account.spent.money is not None
        assert account.spent.money <= 1.0 + 1e-9


def test_a_call_that_fits_exactly_is_let_through_and_one_token_more_is_not() -> None:
    account = Budget(settings(token_budget=100))
    account.hold(Usage(60, 40))
    account.settle(Usage(60, 40), Usage(60, 40))
    with pytest.raises(
        NoFurtherAnswersError, match=r"budget of 100 tokens .* up to 1 tokens; spent so far: 100 tokens"
    ):
        account.hold(Usage(1, 0))


def test_a_call_waits_for_what_others_may_give_back() -> None:
    account = Budget(settings(token_budget=100))
    account.hold(Usage(80, 0))
    entered = threading.Event()

    def second() -> None:
        account.hold(Usage(80, 0))
        entered.set()

    thread = threading.Thread(target=second, daemon=True)
    thread.start()
    assert not entered.wait(0.05)
    account.settle(Usage(80, 0), Usage(10, 5))
    assert entered.wait(10)


def test_money_follows_the_prices_of_a_million() -> None:
    prices = settings(price_prompt=2.5, price_completion=10)
    assert price(Usage(1_000_000, 100_000), prices) == pytest.approx(3.5)
    assert price(Usage(5, 5), settings()) is None


@given(text=st.text(max_size=60))
def test_the_upper_bound_counts_a_token_for_every_byte_and_more(text: str) -> None:
    fields = body((Message("user", text),), question().answer, settings(max_tokens=7), Dialect(schema=False), seed=0)
    bound = upper_bound(fields, settings(max_tokens=7))
    assert bound.prompt >= len(text.encode()) + 16
    assert bound.completion == 7


@given(said=st.text(max_size=9000), problem=st.text(max_size=9000))
def test_no_repair_adds_more_than_its_bound(said: str, problem: str) -> None:
    plain = conversation(question())
    longer = repair(plain, said, problem)
    bounds = [
        upper_bound(body(messages, question().answer, settings(), Dialect(), seed=0), settings()).prompt
        for messages in (plain, longer)
    ]
    assert bounds[1] - bounds[0] <= repair_bound().prompt


def test_a_question_that_does_not_end_with_the_user_gets_the_schema_as_a_message_of_its_own() -> None:
    asked = question()
    odd = Question("words", (asked.messages[0],), asked.answer, asked.offline)
    assert [message.role for message in conversation(odd)] == ["system", "user"]


def test_costs_are_known_before_anything_is_asked_and_need_no_key(tmp_path: object) -> None:
    plain = settings(cache=str(tmp_path), price_prompt=1, price_completion=2, token_budget=10_000, repairs=1)
    costs = describe_costs([question(), question(), question("wind")], plain, seed=0)
    assert (costs.questions, costs.cached, costs.calls, costs.most_calls) == (2, 0, 2, 4)
    assert costs.usage.completion == 2 * 2048
    assert costs.money == price(costs.usage, plain)
    assert costs.most_usage.tokens > 2 * costs.usage.tokens
    assert costs.within_budget is False
    assert "2 calls to the language model (0 of 2 questions are answered already): at most" in str(costs)


@pytest.mark.parametrize("phrases", [LanguageModelSettings(), settings(backend="grammar")])
def test_phrases_cost_nothing(phrases: LanguageModelSettings) -> None:
    costs = describe_costs([question()], phrases, seed=0)
    assert (costs.questions, costs.calls, costs.usage.tokens, costs.money) == (1, 0, 0, None)
    assert costs.within_budget is None
