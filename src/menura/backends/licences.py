"""What licences ask for, by any of their spellings, and the licences of weights that people use.

The data stand in ``licences.toml`` beside this module, each line with its source and whether that was looked at.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, TypeAlias

from menura.backends.weights.card import NOT_STATED, stated_licence

__all__ = [
    "NOT_STATED",
    "UNKNOWN",
    "Commercial",
    "Terms",
    "WeightsLicence",
    "is_without_weights",
    "licence_of_weights",
    "normalise",
    "split_licences",
    "terms_of",
]

UNKNOWN = "unknown"
"""Stands in a record where weights were used whose licence nobody has stated."""

Commercial: TypeAlias = Literal["yes", "conditions", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a licence asks of whoever uses what stands under it.

    Attributes:
        name: In its usual spelling; ``not stated`` for none.
        commercial: Whether commercial use is allowed.
        attribution: Whether the author must be named.
        share_alike: Whether what is derived must stand under the same licence.
        derivatives: Whether what is derived may be passed on at all.
        note: What else it asks for.
    """

    name: str
    commercial: Commercial = "unknown"
    attribution: bool = False
    share_alike: bool = False
    derivatives: bool = True
    note: str = ""


@dataclass(frozen=True, slots=True)
class WeightsLicence:
    """The licence of published weights.

    Attributes:
        model: Name on the Hub, ``*`` for any ending.
        licence: None when its page states none.
        source: Where to read it.
        checked: ``card`` (read there, by a stored copy) or ``unverified``.
        note: What else is to be known.
    """

    model: str
    licence: str | None
    source: str
    checked: str
    note: str = ""


def terms_of(licence: str | None) -> Terms:
    """The terms of one licence; of an unknown one, that they are unknown.

    Example:
        >>> terms_of("Attribution Noncommercial").commercial, terms_of("creativecommons.org/licenses/by/4.0").name
        ('no', 'CC-BY-4.0')
    """
    if licence is None or not licence.strip():
        return Terms(NOT_STATED)
    name = normalise(licence)
    if name in _data().terms:
        return _data().terms[name]
    if not name.startswith("CC-BY"):
        return Terms(name)
    parts = name.split("-")
    return Terms(
        name,
        commercial="no" if "NC" in parts else "yes",
        attribution=True,
        share_alike="SA" in parts,
        derivatives="ND" not in parts,
    )


def normalise(licence: str) -> str:
    """The usual spelling of a licence; an unknown one as it was written.

    Example:
        >>> normalise("cc by-nc-sa 4.0"), normalise("Apache License, Version 2.0"), normalise("CC0")
        ('CC-BY-NC-SA-4.0', 'Apache-2.0', 'CC0-1.0')
    """
    text = licence.strip()
    key = _key(text)
    if key in _data().aliases:
        return _data().aliases[key]
    words = text.lower()
    for pattern, short in _LONG_FORMS:
        words = re.sub(pattern, f" {short} ", words)
    found = [word for word in re.findall(r"[a-z0-9.+]+", words) if word not in _FILLING]
    versions = [word.lstrip("v") for word in found if re.fullmatch(r"v?[1-4](\.[05])?", word)]
    parts = {word for word in found if not re.fullmatch(r"v?[1-4](\.[05])?", word)}
    if parts == {"cc0"}:
        return "CC0-1.0"
    if "by" not in parts or not parts <= {"by", "nc", "sa", "nd"} or len(versions) > 1:
        return text  # a word too many may turn its meaning around
    version = [one if "." in one else f"{one}.0" for one in versions]
    return "-".join(["CC-BY", *(part for part in ("NC", "SA", "ND") if part.lower() in parts), *version])


def split_licences(licences: str | None) -> tuple[str | None, ...]:
    """The single licences of a field that joins several with ``;``, as that of a clip with several parents does."""
    parts = tuple(part.strip() for part in (licences or "").split(";") if part.strip())
    return parts or (None,)


def licence_of_weights(model: str) -> WeightsLicence:
    """The licence of a model: of a folder what its ``README.md`` states, of a name on the Hub what is known here.

    A folder states its licence as a model card does: ``license: …`` between two lines ``---`` at the top.

    Args:
        model: Folder, ``owner/name``, or ``owner/name@revision``.
    """
    folder = Path(model).expanduser()
    if folder.is_dir():
        return WeightsLicence(model, stated_licence(folder), str(folder / "README.md"), "card")
    name = model.partition("@")[0].lower()
    for known in _data().weights:
        if fnmatchcase(name, known.model.lower()):
            return known
    published = re.fullmatch(r"[\w.-]+/[\w.-]+", name) is not None
    source = f"https://huggingface.co/{model.partition('@')[0]}" if published else "`license: …` in its README.md"
    return WeightsLicence(model, None, source, "unverified")


def is_without_weights(generator: str) -> bool:
    """Whether a generator of that name is known to render without any weights."""
    return generator in _data().without_weights


_LONG_FORMS = (
    (r"(publicdomain/|creative commons |\bcc )zero\b|\bcc-?0\b", "cc0"),
    (r"\battribution\b", "by"),
    (r"\bnon[ -]?commercial\b", "nc"),
    (r"\bshare[ -]?alike\b", "sa"),
    (r"\bno[ -]?deriv(ative|ativ)?e?s?\b", "nd"),
)
_FILLING = frozenset(
    {"cc", "creative", "commons", "creativecommons.org", "www.creativecommons.org", "http", "https", "licenses",
     "license", "licence", "public", "version", "international", "unported", "generic", "universal", "deed", "deed.en",
     "legalcode", "the", "us", "uk"}
)  # fmt: skip


@dataclass(frozen=True)
class _Data:
    terms: Mapping[str, Terms]
    aliases: Mapping[str, str]
    weights: tuple[WeightsLicence, ...]
    without_weights: frozenset[str]


@cache
def _data() -> _Data:
    stored: dict[str, Any] = tomllib.loads(files("menura.backends").joinpath("licences.toml").read_text("utf-8"))
    terms: dict[str, Terms] = {}
    aliases: dict[str, str] = {}
    for row in stored["licence"]:
        spellings = row.pop("aliases", [])
        terms[row["name"]] = Terms(**row)
        aliases |= {_key(spelling): row["name"] for spelling in [row["name"], *spellings]}
    weights = tuple(WeightsLicence(**{"licence": None, **row}) for row in stored["weights"])
    return _Data(terms, aliases, weights, frozenset(stored["without_weights"]))


def _key(text: str) -> str:
    """Letters and digits, without filling words."""
    words = re.findall(r"[a-z0-9+]+", text.lower())
    return "".join(word for word in words if word not in ("the", "license", "licence", "version"))
