"""What can go wrong between a question and its answer, and what to do about each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from menura.config import LanguageModelSettings
from menura.errors import BackendError

__all__ = ["Fault", "FaultKind", "NoFurtherAnswersError", "remedy"]

FaultKind = Literal[
    "busy", "quota", "server", "timeout", "connection", "garbled", "key", "place", "request", "redirect", "page"
]

_TEMPORARY: frozenset[FaultKind] = frozenset({"busy", "server", "timeout", "connection", "garbled"})
_OVERLOAD: frozenset[FaultKind] = frozenset({"busy", "timeout"})
_FOR_ALL: frozenset[FaultKind] = frozenset({"quota", "key", "place", "redirect", "page", "connection"})


class NoFurtherAnswersError(BackendError):
    """Neither this question nor any other can be answered: the budget is used up, the key or the address is wrong."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A call without an answer.

    Attributes:
        kind: ``busy`` (429), ``quota`` (429 for good), ``server`` (5xx), ``timeout``, ``connection`` (refused or
            broken off), ``garbled`` (half an answer), ``key`` (401, 403), ``place`` (404), ``request`` (400, 422, …),
            ``redirect``, ``page`` (a web page instead of JSON).
        message: What happened, in words.
        wait_s: How long the server asks to wait, in seconds.
        charged: Whether the server may have written an answer, and so charges for it.
    """

    kind: FaultKind
    message: str
    wait_s: float | None = None
    charged: bool = False

    @property
    def is_temporary(self) -> bool:
        """Whether the same call may succeed later."""
        return self.kind in _TEMPORARY

    @property
    def is_overload(self) -> bool:
        """Whether fewer calls at once would help."""
        return self.kind in _OVERLOAD

    @property
    def is_for_all(self) -> bool:
        """Whether another question would fare no better."""
        return self.kind in _FOR_ALL


def remedy(fault: Fault, settings: LanguageModelSettings, *, has_key: bool) -> str:
    """What to do about a fault that did not pass."""
    variable = settings.key_variable
    remedies: dict[FaultKind, str] = {
        "busy": "run the same command again later, or with a lower concurrency",
        "quota": "the account's quota is used up: see to it, or take another server",
        "server": "look at the server's log; run the same command again when it is well",
        "timeout": "raise timeout_s, or lower max_tokens or concurrency",
        "connection": "is the server running, and is url its address?",
        "garbled": "look at the server's log; a proxy in between may cut answers off",
        "place": f"check url (it usually ends in /v1) and model ('{settings.model}')",
        "request": "the server does not take the question as it is; see its words",
        "redirect": "give the final address as url; the key is not sent on to another one",
        "page": "url is not the address of the API: it usually ends in /v1",
        "key": f"the key in {variable} does not open it"
        if has_key
        else f"it wants a key: set the environment variable {variable}"
        if variable
        else "it wants a key: name the environment variable that holds it with key_variable",
    }
    return remedies[fault.kind]
