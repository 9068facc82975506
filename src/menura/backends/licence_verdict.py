"""What synthetic clips, and a classifier trained on them, may be used for, by the licences of what they come from.

Cautious on purpose. What weights and recordings ask for is counted as if it reached what is made from them, though
courts have not settled that; a licence that is not known forbids until somebody reads it. It is no legal advice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from menura.backends.licences import Commercial, Terms, is_without_weights, licence_of_weights, split_licences, terms_of
from menura.errors import ConfigError

__all__ = [
    "LicenceVerdict",
    "Source",
    "clip_sources",
    "model_sources",
    "refuse_unless",
    "verdict_lines",
    "verdict_of",
    "weights_of",
]

_WORST: tuple[Commercial, ...] = ("no", "unknown", "conditions", "yes")
_USE = {
    "yes": "may be used commercially",
    "conditions": "may be used commercially under conditions",
    "no": "may be used for non-commercial purposes only",
    "unknown": "may be used for nothing but private study until the unknown licences below are known",
}


@dataclass(frozen=True, slots=True)
class Source:
    """Something that clips are made from.

    Attributes:
        role: ``weights``, ``adapter`` or ``recordings``.
        name: Which, in words: the name of the weights, or the number of clips.
        terms: Of its licence.
        note: What else is known of its licence.
    """

    role: Literal["weights", "adapter", "recordings"]
    name: str
    terms: Terms
    note: str = ""


@dataclass(frozen=True)
class LicenceVerdict:
    """What the clips of one generator may be used for.

    Attributes:
        generator: Its name.
        commercial: Whether commercial use is allowed: the worst of all sources.
        sources: What they are made from, the worst first.
    """

    generator: str
    commercial: Commercial
    sources: tuple[Source, ...]

    @property
    def attribution(self) -> tuple[Source, ...]:
        """Whom to name."""
        return tuple(source for source in self.sources if source.terms.attribution)

    @property
    def share_alike(self) -> tuple[Source, ...]:
        """Whose licence the clips must keep when they are passed on."""
        return tuple(source for source in self.sources if source.terms.share_alike)

    @property
    def unshareable(self) -> tuple[Source, ...]:
        """What forbids passing on anything that is derived from it."""
        return tuple(source for source in self.sources if not source.terms.derivatives)


def verdict_of(generator: str, sources: Iterable[Source]) -> LicenceVerdict:
    """The verdict on clips that come from these sources; from none at all they are the user's own."""
    ordered = sorted(set(sources), key=lambda one: (_WORST.index(one.terms.commercial), one.role, one.name))
    return LicenceVerdict(generator, ordered[0].terms.commercial if ordered else "yes", tuple(ordered))


def clip_sources(licences: Iterable[str | None]) -> list[Source]:
    """Recordings as sources: one for each licence, with the number of clips under it.

    Args:
        licences: Of each clip; several joined with ``;`` count each.
    """
    counts: dict[str, tuple[Terms, int]] = {}
    for licence in licences:
        for part in split_licences(licence):
            terms = terms_of(part)
            counts[terms.name] = (terms, counts.get(terms.name, (terms, 0))[1] + 1)
    return [
        Source("recordings", f"{count} real clip{'' if count == 1 else 's'}", terms) for terms, count in counts.values()
    ]


def model_sources(
    model: str | None, adapter: str | None = None, *, licence: str | None = None, adapter_licence: str | None = None
) -> list[Source]:
    """Weights and adapter as sources.

    Args:
        model: Folder or name of the weights; None when there are none.
        adapter: Folder or name of an adapter on top of them.
        licence, adapter_licence: Where they are known already; else looked up.
    """
    found: list[Source] = []
    for role, name, stated in (("weights", model, licence), ("adapter", adapter, adapter_licence)):
        if name is None:
            continue
        known = licence_of_weights(name)
        unchecked = "" if known.checked == "card" else f"unverified: read {known.source}"
        note = "; ".join(part for part in (known.note, "" if stated else unchecked) if part)
        terms = terms_of(stated or known.licence)
        found.append(Source("weights" if role == "weights" else "adapter", f"the {role} {name}", terms, note))
    return found


def weights_of(generator: object, name: str) -> str | None:
    """Which weights a generator uses: its attribute ``weights``, a text or something with a ``path``; None for those
    that are known to need none.

    A generator that does not say counts as one with weights of its own name, whose licence is then unknown.
    """
    stated = getattr(generator, "weights", None)
    stated = getattr(stated, "path", stated)
    if isinstance(stated, str):
        return stated
    return None if is_without_weights(name) else name


def refuse_unless(verdict: LicenceVerdict, use: Literal["any", "commercial"]) -> None:
    """Refuse, before anything is made, what could not be used as is asked for.

    Raises:
        ConfigError: Some source forbids it, or its licence is unknown; each is named.
    """
    if use == "any" or verdict.commercial in ("yes", "conditions"):
        return
    spoiling = [source for source in verdict.sources if source.terms.commercial in ("no", "unknown")]
    listed = "; ".join(_in_words(source) for source in spoiling)
    unstated = any(source.terms.name == "not stated" for source in spoiling)
    remedy = (
        "state the licence of each clip in a column `licence` (`own` for recordings of yours), " if unstated else ""
    )
    raise ConfigError(
        f"clips of {verdict.generator} could not be used commercially: {listed}. Nothing was made; {remedy}leave these "
        "sources out, or run without --licence commercial"
    )


def verdict_lines(verdict: LicenceVerdict) -> list[str]:
    """The verdict as sentences for a card, a report or a terminal."""
    made = f"Clips made by {verdict.generator} {_USE[verdict.commercial]}"
    lines = [f"{made}; so may a classifier trained on them, as far as these licences reach it."]
    limiting = [source for source in verdict.sources if source.terms.commercial != "yes"]
    lines += [f"Because of {_in_words(source)}." for source in limiting]
    lines += [_asks("Name the authors of", verdict.attribution)] if verdict.attribution else []
    if verdict.share_alike:
        lines.append(_asks("When the set is passed on, it must keep the licence of", verdict.share_alike))
    if verdict.unshareable:
        lines.append(_asks("The set must not be passed on, since no derivatives are allowed of", verdict.unshareable))
    notes = dict.fromkeys(source.terms.note for source in limiting if source.terms.note)
    lines += [f"{note[0].upper()}{note[1:]}." for note in notes]
    return [*lines, "Read off stated licences by Menura, on the cautious side; no legal advice."]


def _asks(what: str, sources: Sequence[Source]) -> str:
    return f"{what} {', '.join(f'{source.name} ({source.terms.name})' for source in sources)}."


def _in_words(source: Source) -> str:
    licence = "whose licence is not stated" if source.terms.name == "not stated" else f"under {source.terms.name}"
    unknown = (
        " (unknown to Menura)" if source.terms.commercial == "unknown" and source.terms.name != "not stated" else ""
    )
    return f"{source.name} {licence}{unknown}{f' ({source.note})' if source.note else ''}"
