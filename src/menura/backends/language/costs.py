"""What questions will cost before any is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from menura.backends.base import Question
from menura.backends.language.asking import Dialect, body, conversation, repair_bound, upper_bound
from menura.backends.language.budget import Usage, price
from menura.backends.language.cache import AnswerCache, Asked
from menura.config import LanguageModelSettings

__all__ = ["LanguageCosts", "describe_costs"]


@dataclass(frozen=True, slots=True)
class LanguageCosts:
    """What a list of questions takes. Bounds, not guesses: a prompt of English takes about a quarter of its bound.

    Attributes:
        questions: Different ones, by content and seed.
        cached: Answered before, at no cost.
        calls: Calls to be made if every answer is valid at once.
        usage: Upper bound of the tokens of these calls.
        money: Upper bound of their price; None without prices.
        most_calls: Calls if every answer needs all repairs.
        most_usage: Upper bound of the tokens then.
        most_money: Upper bound of the price then; None without prices.
        within_budget: Whether even the most fits the budget; None without a budget.
        later: How many of the calls are made only if clips are rejected; the rest comes before the first clip.
    """

    questions: int
    cached: int
    calls: int
    usage: Usage
    money: float | None
    most_calls: int
    most_usage: Usage
    most_money: float | None
    within_budget: bool | None
    later: int = 0

    def __str__(self) -> str:
        money = "" if self.money is None else f", {self.money:.4g} in money"
        most = "" if self.most_money is None else f", {self.most_money:.4g} in money"
        return (
            f"{self.calls} calls to the language model ({self.cached} of {self.questions} questions are answered "
            f"already): at most {self.usage.tokens} tokens{money}; with every repair {self.most_usage.tokens} "
            f"tokens{most}"
            + (f"; {self.later} of the calls only if every clip is rejected in every round" if self.later else "")
        )


def describe_costs(
    questions: Sequence[Question[Any]], settings: LanguageModelSettings, *, seed: int | Sequence[int]
) -> LanguageCosts:
    """What it takes to answer the questions. Asks nobody, opens no connection, needs no key.

    Args:
        questions: What will be asked.
        settings: Only the backend ``chat`` costs anything.
        seed: For all questions, or one each, as for :func:`menura.backends.language.many.answer_all`.
    """
    seeds = [seed] * len(questions) if isinstance(seed, int) else list(seed)
    asked = {
        Asked.of(question, settings, seed=its).key: (question, its)
        for question, its in zip(questions, seeds, strict=True)
    }
    cache = AnswerCache.of(settings)
    is_paid = settings.backend_name == "chat"
    missing = [
        (question, its)
        for question, its in asked.values()
        if is_paid and cache.read(Asked.of(question, settings, seed=its), question.answer) is None
    ]
    usage, most = Usage(), Usage()
    for question, its in missing:
        first = upper_bound(body(conversation(question), question.answer, settings, Dialect(), seed=its), settings)
        usage += first
        most += first
        for _ in range(settings.repairs):
            most += first + repair_bound()
    money, most_money = price(usage, settings), price(most, settings)
    cached = len(asked) - len(missing) if is_paid else 0
    return LanguageCosts(
        len(asked), cached, len(missing), usage, money, len(missing) * (settings.repairs + 1), most, most_money,
        _fits(most, most_money, settings),
    )  # fmt: skip


def _fits(most: Usage, money: float | None, settings: LanguageModelSettings) -> bool | None:
    if settings.token_budget is None and settings.money_budget is None:
        return None
    return (settings.token_budget is None or most.tokens <= settings.token_budget) and (
        settings.money_budget is None or money is None or money <= settings.money_budget
    )
