"""What the review page can ask for. A request that comes here has passed the guard; ids are looked up, never opened."""

from __future__ import annotations

import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from importlib.resources import files
from itertools import count
from typing import Any, Protocol

from menura.errors import ConfigError
from menura.review.agreement import agreements, disputed
from menura.review.blind import BlindTest
from menura.review.desk import FLAGS, Desk
from menura.review.query import STATES, query_from
from menura.review.sound import Heard, common_lufs, listener

__all__ = ["Application", "BlindApplication", "Reply", "ReviewApplication", "json_reply"]

_TYPES = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_HELD_QUERIES = 16
_MOST_ROWS = 500


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back."""

    body: bytes
    kind: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


class Application(Protocol):
    """A page with its questions."""

    def get(self, path: str, asked: Mapping[str, str], reviewer: str) -> Reply | None:
        """The answer to a read; None when there is no such address."""

    def post(self, path: str, said: Mapping[str, Any], reviewer: str) -> Reply | None:
        """The answer to a write; None when there is no such address."""


def json_reply(value: object, status: int = 200) -> Reply:
    """A value as JSON."""
    return Reply(json.dumps(value, ensure_ascii=False, allow_nan=False).encode(), status=status)


class ReviewApplication:
    """The review page.

    Args:
        desk: Takes the decisions.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._pages = _page_files("review.html", "review.js", "list.js", "player.js", "page.css")
        self._listen = listener()
        self._queries: OrderedDict[int, list[str]] = OrderedDict()
        self._numbers = count(1)
        self._lock = threading.Lock()

    def get(self, path: str, asked: Mapping[str, str], reviewer: str) -> Reply | None:
        """See :class:`Application`."""
        if path in self._pages:
            return self._pages[path]
        answers: dict[str, Callable[[], Reply]] = {
            "/sound": lambda: sound_reply(self._heard(asked)),
            "/picture": lambda: Reply(self._heard(asked).picture, "image/png"),
            "/api/facts": lambda: json_reply(self._facts(reviewer)),
            "/api/query": lambda: json_reply(self._query(asked, reviewer)),
            "/api/rows": lambda: json_reply(self._rows(asked, reviewer)),
            "/api/clip": lambda: json_reply(self.desk.detail(self._item(asked), reviewer)),
            "/api/agreement": lambda: json_reply(self._agreement()),
        }
        return answers[path]() if path in answers else None

    def post(self, path: str, said: Mapping[str, Any], reviewer: str) -> Reply | None:
        """See :class:`Application`."""
        if path == "/api/decide":
            return json_reply(self._decide(said, reviewer))
        if path == "/api/undo":
            undone = self.desk.undo(reviewer)
            item = self.desk.catalogue.by_id.get(undone.request) if undone else None  # None after --fresh
            told = {
                "row": self.desk.row(item, reviewer) if item else None,
                "index": self._place(said.get("query"), item.id) if item else None,
                "action": undone.action if undone else None,
            }
            return json_reply({**told, **self._counts(reviewer)})
        return None

    def _decide(self, said: Mapping[str, Any], reviewer: str) -> dict[str, Any]:
        labels = said.get("labels", [])
        if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
            raise ConfigError("labels must be a list of texts")
        entry = self.desk.decide(
            reviewer, _text(said, "id"), _text(said, "action"),  # type: ignore[arg-type]
            labels=labels, note=_text(said, "note"), settles=said.get("settles") is True,
        )  # fmt: skip
        return {"row": self.desk.row(self.desk.catalogue.by_id[entry.request], reviewer), **self._counts(reviewer)}

    def _counts(self, reviewer: str) -> dict[str, Any]:
        return {"counts": self.desk.counts(reviewer)}

    def _facts(self, reviewer: str) -> dict[str, Any]:
        catalogue = self.desk.catalogue
        kinds = Counter(item.kind for item in catalogue.items if item.kind)
        return {
            "run": catalogue.name, "reviewer": reviewer, "labels": catalogue.labels, "states": STATES, "flags": FLAGS,
            "reasons": [name for name, _ in kinds.most_common()], "scores": catalogue.score_names,
            "is_multilabel": catalogue.is_multilabel, "total": len(catalogue.items), "torn": self.desk.torn,
            **self._counts(reviewer),
        }  # fmt: skip

    def _query(self, asked: Mapping[str, str], reviewer: str) -> dict[str, Any]:
        found = [item.id for item in self.desk.select(query_from(asked), reviewer)]
        with self._lock:
            number = next(self._numbers)
            self._queries[number] = found
            while len(self._queries) > _HELD_QUERIES:
                self._queries.popitem(last=False)
        return {"query": number, "total": len(found), **self._counts(reviewer)}

    def _rows(self, asked: Mapping[str, str], reviewer: str) -> dict[str, Any]:
        number, offset, limit = (_whole(asked, name) for name in ("query", "offset", "limit"))
        with self._lock:
            found = self._queries.get(number)
        if found is None:
            raise ConfigError("this list is no longer held; ask again")
        chosen = found[offset : offset + min(limit, _MOST_ROWS)]
        return {"rows": [self.desk.row(self.desk.catalogue.by_id[one], reviewer) for one in chosen]}

    def _place(self, number: object, request: str) -> int | None:
        """Where a clip stands in a list; None where it does not."""
        with self._lock:
            found = self._queries.get(number, []) if isinstance(number, int) else []
        return found.index(request) if request in found else None

    def _agreement(self) -> dict[str, Any]:
        """Not what was said: a third reviewer has not decided yet."""
        return {
            "agreements": [asdict(one) for one in agreements(self.desk.ledger)],
            "disputed": list(disputed(self.desk.ledger)),
        }

    def _item(self, asked: Mapping[str, str]) -> Any:
        item = self.desk.catalogue.by_id.get(asked.get("id", ""))
        if item is None:
            raise ConfigError("no such clip")
        return item

    def _heard(self, asked: Mapping[str, str]) -> Heard:
        path = self.desk.catalogue.path_of(asked.get("id", ""))
        if path is None:
            raise ConfigError("no such clip")
        return self._listen(path)


class BlindApplication:
    """The page of a blind test: says no more of a clip than its label, and plays all of them alike.

    Args:
        test: The test.

    Raises:
        AudioError: One of its clips cannot be read.
    """

    def __init__(self, test: BlindTest) -> None:
        self.test = test
        self._pages = _page_files("blind.html", "blind.js", "player.js", "page.css")
        self._listen = listener(alike_lufs=common_lufs(trial.path for trial in test.trials))

    def get(self, path: str, asked: Mapping[str, str], reviewer: str) -> Reply | None:
        """See :class:`Application`."""
        if path in self._pages:
            return self._pages[path]
        if path == "/sound":
            trial = self.test.by_id.get(asked.get("id", ""))
            if trial is None:
                raise ConfigError("no such clip")
            return sound_reply(self._listen(trial.path))
        if path == "/api/blind":
            answered = set(self.test.answered(reviewer))
            trials = [{"id": one.id, "label": one.label, "answered": one.id in answered} for one in self.test.trials]
            return json_reply({"run": self.test.catalogue.name, "reviewer": reviewer, "trials": trials})
        return json_reply(self.test.result(reviewer)) if path == "/api/result" else None

    def post(self, path: str, said: Mapping[str, Any], reviewer: str) -> Reply | None:
        """See :class:`Application`."""
        if path != "/api/answer":
            return None
        self.test.answer(reviewer, _text(said, "id"), _text(said, "answer"))
        return json_reply({"left": len(self.test.trials) - len(self.test.answered(reviewer))})


def sound_reply(heard: Heard) -> Reply:
    """WAV with what a player has to know beside it."""
    facts = {"X-Gain-dB": f"{heard.gain_db:.2f}", "X-Top-Hz": f"{heard.top_hz:.0f}"}
    return Reply(heard.wav, "audio/wav", facts)


def _page_files(first: str, *others: str) -> dict[str, Reply]:
    """The files of a page by their addresses, read once."""
    folder = files("menura.review") / "page"
    replies = {f"/{name}": Reply((folder / name).read_bytes(), _TYPES[name.rpartition(".")[2]]) for name in others}
    return {"/": Reply((folder / first).read_bytes(), _TYPES["html"]), **replies}


def _text(said: Mapping[str, Any], name: str) -> str:
    value = said.get(name, "")
    if not isinstance(value, str):
        raise ConfigError(f"{name} must be a text")
    return value


def _whole(asked: Mapping[str, str], name: str) -> int:
    text = asked.get(name, "")
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise ConfigError(f"{name} is {text[:20]!r}, expected a whole number")
    return int(text)
