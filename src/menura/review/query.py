"""Which clips a reviewer asked to see, and in which order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from menura.decisions import Ledger
from menura.errors import ConfigError
from menura.review.catalogue import Catalogue, Item

__all__ = ["STATES", "Query", "query_from", "select", "state_of"]

STATES = ("undecided", "kept", "surplus", "rejected", "accepted", "refused", "relabelled", "flagged", "disputed")
"""``undecided`` to ``rejected`` are the judges' word, ``accepted`` and on the reviewers'."""

_FIELDS = ("label", "state", "reason", "sort", "order", "text", "least", "most")


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; empty fields ask for everything.

    Attributes:
        label: Made for this label, or relabelled to it.
        state: One of :data:`STATES`.
        reason: Kind of the judges' reason.
        text: Anywhere in id, prompt, reason or remark.
        sort: Name of a score, ``label``, or nothing for the order of the run.
        order: ``up`` or ``down``.
        least, most: Range of the score that is sorted by.
    """

    label: str = ""
    state: str = ""
    reason: str = ""
    text: str = ""
    sort: str = ""
    order: str = "up"
    least: float | None = None
    most: float | None = None


def query_from(cells: Mapping[str, str]) -> Query:
    """The query of the parameters of an address.

    Raises:
        ConfigError: A parameter is unknown, or no number where one is expected.
    """
    unknown = sorted(set(cells) - set(_FIELDS))
    if unknown:
        raise ConfigError(f"no filter {unknown[0]!r}. Known: {', '.join(_FIELDS)}")
    state, order = cells.get("state", ""), cells.get("order", "up")
    if state and state not in STATES:
        raise ConfigError(f"no state {state!r}. Known: {', '.join(STATES)}")
    if order not in ("up", "down"):
        raise ConfigError(f"order is {order!r}, expected up or down")
    if (cells.get("least") or cells.get("most")) and cells.get("sort", "") in ("", "label"):
        raise ConfigError("a range is of the score that is sorted by, and none is; choose a score to sort by")
    return Query(
        label=cells.get("label", ""), state=state, reason=cells.get("reason", ""), text=cells.get("text", ""),
        sort=cells.get("sort", ""), order=order, least=_number(cells, "least"), most=_number(cells, "most"),
    )  # fmt: skip


def select(catalogue: Catalogue, ledger: Ledger, query: Query, reviewer: str) -> list[Item]:
    """The clips asked for, in order; clips without the score that is sorted by come last."""
    found = [item for item in catalogue.items if _matches(item, ledger, query, reviewer)]
    if query.sort == "label":
        return sorted(found, key=lambda item: item.label, reverse=query.order == "down")
    if not query.sort:
        return found if query.order == "up" else found[::-1]
    sign = 1 if query.order == "up" else -1

    def place(item: Item) -> float:
        score = item.scores.get(query.sort, math.nan)
        return sign * score if math.isfinite(score) else math.inf

    return sorted(found, key=place)


def state_of(item: Item, ledger: Ledger, reviewer: str) -> str:
    """``accept``, ``reject`` or ``relabel`` as this reviewer says; empty while they have not decided."""
    own = ledger.opinion(item.id, reviewer)
    if own is None or own.accepted is None:
        return ""
    return "reject" if not own.accepted else "relabel" if own.relabelled else "accept"


def _matches(item: Item, ledger: Ledger, query: Query, reviewer: str) -> bool:
    if query.label and query.label not in item.labels:
        own = ledger.opinion(item.id, reviewer)
        if own is None or query.label not in own.labels:
            return False
    if query.reason and item.kind != query.reason:
        return False
    if query.state and not _in_state(item, ledger, query.state, reviewer):
        return False
    if query.least is not None or query.most is not None:
        score = item.scores.get(query.sort, math.nan)
        low, high = query.least, query.most
        if not (score >= (-math.inf if low is None else low) and score <= (math.inf if high is None else high)):
            return False
    if not query.text:
        return True
    own = ledger.opinion(item.id, reviewer)
    said = " ".join((item.id, item.prompt, item.reason, *item.labels, *(own.flags if own else ())))
    return query.text.casefold() in said.casefold()


def _in_state(item: Item, ledger: Ledger, state: str, reviewer: str) -> bool:
    if state in ("kept", "surplus", "rejected"):
        return item.verdict == state
    if state == "disputed":
        return ledger.consensus(item.id).disputed
    if state == "flagged":
        own = ledger.opinion(item.id, reviewer)
        return own is not None and bool(own.flags)
    said = state_of(item, ledger, reviewer)
    return said == {"undecided": "", "accepted": "accept", "refused": "reject", "relabelled": "relabel"}[state]


def _number(cells: Mapping[str, str], name: str) -> float | None:
    text = cells.get(name, "")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ConfigError(f"{name} is {text!r}, expected a number")
    return number
