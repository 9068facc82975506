"""What a server answered, read without trusting it: a reply, or a fault in words."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from menura.backends.language.budget import Usage
from menura.backends.language.faults import Fault, FaultKind
from menura.backends.language.texts import excerpt

__all__ = ["Reply", "read_reply"]

_STATUS_KINDS: dict[int, FaultKind] = {
    401: "key", 403: "key", 404: "place", 405: "place", 408: "timeout", 425: "busy", 429: "busy", 501: "request",
    504: "timeout",
}  # fmt: skip
_QUOTA_WORDS = ("insufficient_quota", "exceeded your current quota", "billing")
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)
_MOST_TOKENS = 10**9


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model said.

    Attributes:
        text: Its words; empty if there are none.
        is_cut_off: It reached the most tokens of one answer.
        refusal: Why it will not answer; empty if it did.
        usage: Tokens, if the server says how many.
    """

    text: str
    is_cut_off: bool = False
    refusal: str = ""
    usage: Usage | None = None


def read_reply(status: int, headers: Mapping[str, str], text: str) -> Reply | Fault:
    """The reply in an HTTP response of a chat-completions server.

    Args:
        status: Of HTTP.
        headers: Of HTTP, names in lower case.
        text: The body, decoded.
    """
    if 300 <= status < 400:
        return Fault("redirect", f"sends on to {excerpt(headers.get('location', 'nowhere'))}")
    content = _parsed(text)
    if not 200 <= status < 300:
        return _fault(status, headers, _words(content, text))
    if content is None:
        return _not_json(headers, text)
    if isinstance(content, dict) and content.get("error") and not content.get("choices"):
        return _fault(_status_within(content["error"]), headers, _words(content, text))
    choices = content.get("choices") if isinstance(content, dict) else None
    if isinstance(choices, list) and not choices:
        return Fault("garbled", "answers without any choice", charged=True)
    if not isinstance(choices, list) or not isinstance(choices[0], dict):
        return Fault("page", f"answers JSON without choices: {excerpt(text)}")
    return _reply(choices[0], _usage(content.get("usage")))


def _reply(choice: dict[str, Any], usage: Usage | None) -> Reply:
    message = choice.get("message")
    message = message if isinstance(message, dict) else {}
    reason = choice.get("finish_reason")
    refusal = excerpt(str(message.get("refusal") or ""))
    if reason == "content_filter":
        refusal = refusal or "its content filter stopped the answer"
    return Reply(_text(message.get("content")), reason in ("length", "max_tokens"), refusal, usage)


def _text(content: Any) -> str:
    """A text, or the texts of a list of parts, as some servers write it."""
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""


def _usage(usage: Any) -> Usage | None:
    if not isinstance(usage, dict):
        return None
    counts: list[Any] = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    if not all(type(count) is int and 0 <= count <= _MOST_TOKENS for count in counts):
        return None
    used = Usage(*counts)
    return used if used.tokens else None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _words(content: Any, text: str) -> str:
    """What the server says of a fault, wherever it puts it."""
    if isinstance(content, dict):
        error = content.get("error", content)
        inner = (
            [error.get(name) for name in ("message", "detail", "code", "type")] if isinstance(error, dict) else [error]
        )
        said = [item if isinstance(item, str) else json.dumps(item) for item in inner if item]
        return excerpt("; ".join(said), 400)
    if title := _TITLE.search(text):
        return f"a web page, '{excerpt(title.group(1), 80)}'"
    return excerpt(text, 200)


def _fault(status: int, headers: Mapping[str, str], words: str) -> Fault:
    kind: FaultKind = _STATUS_KINDS.get(status, "server" if status >= 500 else "request")
    if kind == "busy" and any(word in words.lower() for word in _QUOTA_WORDS):
        kind = "quota"
    return Fault(
        kind,
        f"answers {_name(status)}" + (f": {words}" if words else ""),
        wait_s=_asked_wait_s(headers),
        charged=status == HTTPStatus.GATEWAY_TIMEOUT,
    )


def _not_json(headers: Mapping[str, str], text: str) -> Fault:
    kind = headers.get("content-type", "").partition(";")[0].strip() or "no content type"
    if "html" in kind or text.lstrip()[:1] == "<":
        title = _TITLE.search(text)
        name = f" titled '{excerpt(title.group(1), 80)}'" if title else ""
        return Fault("page", f"answers a web page{name} instead of JSON")
    if not text.strip():
        return Fault("garbled", "answers nothing at all", charged=True)
    if "json" in kind:
        return Fault("garbled", f"answers half a JSON, which ends with: {excerpt(text[-60:])}", charged=True)
    return Fault("page", f"answers {kind} instead of JSON: {excerpt(text)}")


def _asked_wait_s(headers: Mapping[str, str]) -> float | None:
    """Seconds of ``Retry-After``: a number, or a date, which is compared with the server's own ``Date``."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    try:
        then, now = (parsedate_to_datetime(headers.get(name, "")) for name in ("retry-after", "date"))
        return max(0.0, (then - now).total_seconds())
    except (ValueError, TypeError):
        return None


def _status_within(error: Any) -> int:
    """The status that some servers write into the error while the status of HTTP says that all is well."""
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 400


def _name(status: int) -> str:
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)
