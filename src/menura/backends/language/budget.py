"""Tokens and money: a call is let through only if its upper bound still fits, and pays afterwards what it used."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Condition

from menura.backends.language.faults import NoFurtherAnswersError
from menura.config import LanguageModelSettings

__all__ = ["Budget", "Spent", "Usage", "price"]

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call or of several.

    Attributes:
        prompt: Tokens that were sent.
        completion: Tokens that came back, those of thinking included.
    """

    prompt: int = 0
    completion: int = 0

    @property
    def tokens(self) -> int:
        """Both together."""
        return self.prompt + self.completion

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.prompt + other.prompt, self.completion + other.completion)

    def __sub__(self, other: Usage) -> Usage:
        return Usage(self.prompt - other.prompt, self.completion - other.completion)


@dataclass(frozen=True, slots=True)
class Spent:
    """What was spent so far.

    Attributes:
        calls: Calls that cost something.
        usage: Tokens of these.
        money: What they cost; None without prices.
        assumed_calls: Calls among them that no usage came back for; they count with their upper bound.
    """

    calls: int
    usage: Usage
    money: float | None
    assumed_calls: int

    def __str__(self) -> str:
        money = "" if self.money is None else f", {self.money:.4g} in money"
        assumed = f" ({self.assumed_calls} of them counted at their upper bound)" if self.assumed_calls else ""
        return f"{self.usage.tokens} tokens in {self.calls} calls{assumed}{money}"


def price(usage: Usage, settings: LanguageModelSettings) -> float | None:
    """What the tokens cost; None without prices."""
    if settings.price_prompt is None or settings.price_completion is None:
        return None
    return (usage.prompt * settings.price_prompt + usage.completion * settings.price_completion) / 1e6


class Budget:
    """Account of one client. What it spends stays within the budget as long as no call passes its upper bound."""

    def __init__(self, settings: LanguageModelSettings) -> None:
        self._settings = settings
        self._used, self._held = Usage(), Usage()
        self._calls = self._assumed = self._open = 0
        self._changed = Condition()

    @property
    def spent(self) -> Spent:
        """What was spent so far."""
        with self._changed:
            return Spent(self._calls, self._used, price(self._used, self._settings), self._assumed)

    def hold(self, bound: Usage) -> None:
        """Set the upper bound of a call aside. Waits while calls under way may give some of theirs back.

        Raises:
            NoFurtherAnswersError: It does not fit, and nothing will come back.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._fits(bound) or self._open == 0)
            fits = self._fits(bound)
            if fits:
                self._held += bound
                self._open += 1
        if not fits:
            raise NoFurtherAnswersError(self._refusal(bound))

    def settle(self, bound: Usage, used: Usage | None) -> None:
        """Pay for a call.

        Args:
            bound: What was set aside.
            used: What the server says it was; None if it does not say, then the bound is paid. Zero for a call that
                was turned away.
        """
        with self._changed:
            self._held -= bound
            self._open -= 1
            self._used += bound if used is None else used
            self._calls += used is None or used.tokens > 0
            self._assumed += used is None
            self._changed.notify_all()

    def _fits(self, bound: Usage) -> bool:
        most = self._used + self._held + bound
        tokens, money = self._settings.token_budget, self._settings.money_budget
        cost = price(most, self._settings)
        return (tokens is None or most.tokens <= tokens) and (
            money is None or cost is None or cost <= money * (1 + _ROUNDING)
        )

    def _refusal(self, bound: Usage) -> str:
        tokens, money = self._settings.token_budget, self._settings.money_budget
        limits = [f"{tokens} tokens"] if tokens is not None else []
        limits += [f"{money:g} in money"] if money is not None else []
        cost = price(bound, self._settings)
        most = f"{bound.tokens} tokens" + ("" if money is None or cost is None else f" or {cost:.4g} in money")
        return (
            f"the budget of {' and '.join(limits)} does not allow the next question, which may take up to {most}; "
            f"spent so far: {self.spent}. All answers so far are kept: raise token_budget or money_budget, or lower "
            "max_tokens, and run the same command again to go on"
        )
