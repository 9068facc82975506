"""One prompt for one clip, in any style: prepare the material of a dataset once, then draw from it.

Asking a language model, reading files and captioning clips happen in :func:`prepare_prompts`, before the plan. Drawing,
in :func:`prompt_for`, is pure: the prompt of a clip depends on its own random state alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from menura.backends.base import LanguageModel
from menura.captions.cards import LabelCard, prepare_cards
from menura.captions.descriptors import draw_descriptors, prepare_descriptors
from menura.captions.grammar import capitalised
from menura.captions.lexicon import Kind
from menura.captions.mixcap import mix_captions
from menura.captions.plain import plain_captions, rewritten_captions
from menura.captions.rules import says_label
from menura.captions.scenes import draw_scenario
from menura.captions.templates import described, label_guided, negative_prompt, scene_text, sound_of
from menura.captions.words import count_words
from menura.config import Domain, PromptSettings
from menura.errors import ConfigError
from menura.types import JsonValue

__all__ = ["Prompt", "PromptMaterial", "captioned", "prepare_prompts", "prompt_for"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a text-to-audio model is asked for.

    Attributes:
        text: The prompt.
        negative: What the clip shall not contain; None for nothing.
        facts: Style and what was drawn, for the provenance of the clip.
    """

    text: str
    negative: str | None
    facts: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class PromptMaterial:
    """Everything that prompts of one label are made from.

    Attributes:
        card: Of the label.
        other_labels: The other labels of the dataset, which no scenario may name.
        descriptors: For the style ``descriptors``.
        captions: For the styles ``mixcap`` and ``caption``, in the order in which they are used up.
        facts: How they came about: number of captions, of components, of near-duplicates that were dropped.
    """

    card: LabelCard
    other_labels: tuple[str, ...] = ()
    descriptors: tuple[str, ...] = ()
    captions: tuple[str, ...] = ()
    facts: Mapping[str, JsonValue] = field(default_factory=dict)


def prepare_prompts(
    labels: Sequence[str],
    settings: PromptSettings,
    *,
    model: LanguageModel,
    domain: Domain,
    seed: int,
    captions: Mapping[str, Mapping[str, str]] | None = None,
    kinds: Mapping[str, Kind] | None = None,
    keep: bool = True,
    cards: Mapping[str, LabelCard] | None = None,
) -> dict[str, PromptMaterial]:
    """The material of every label, for the style of the settings.

    Args:
        labels: Of the training part, all of them.
        settings: Style and files.
        model: Language model, or the grammar.
        domain: Of the dataset.
        seed: Of the run.
        captions: Label to id and caption of its real training clips; for the styles ``mixcap`` and ``caption``.
        kinds: Kinds of labels that differ from that of the domain.
        keep: Whether drafted cards and descriptors are added to the files of the settings.
        cards: The card of every label, where they are prepared already.

    Raises:
        ConfigError: A file of cards or descriptors is wrong, or a label has no caption and the style needs one.
        BackendError: The language model failed.
    """
    if cards is None:
        cards = prepare_cards(
            labels, model=model, domain=domain, seed=seed, path=_path(settings.cards), kinds=kinds, keep=keep
        )
    others = {label: tuple(other for other in labels if other != label) for label in labels}
    if settings.style == "descriptors":
        lists = prepare_descriptors(
            cards, model=model, domain=domain, seed=seed, path=_path(settings.descriptor_lists), keep=keep
        )
        return {label: PromptMaterial(cards[label], others[label], descriptors=lists[label]) for label in labels}
    needs_captions = settings.style in ("mixcap", "caption", "rewrite")
    given = {label: (captions or {}).get(label, {}) for label in labels}
    without = [label for label in labels if not given[label]]
    if needs_captions and without:
        raise ConfigError(
            f"style {settings.style!r} needs a caption of a real clip of every label, {without[0]!r} has none. "
            "Caption its clips, or take the style 'scene'"
        )
    material: dict[str, PromptMaterial] = {}
    for label in labels:
        card, own, texts = cards[label], given[label], tuple[str, ...]()
        facts: dict[str, JsonValue] = {}
        if settings.style == "caption":
            texts = tuple(text for _, text in sorted(own.items()))
        elif settings.style == "plain":
            texts = plain_captions(card, model=model, domain=domain, settings=settings, seed=seed)
        elif settings.style == "rewrite":
            texts = rewritten_captions(card, own, model=model, domain=domain, settings=settings, seed=seed)
        elif settings.style == "mixcap":
            mixed = mix_captions(
                card, own, model=model, domain=domain, settings=settings, seed=seed, other_labels=others[label]
            )
            texts = mixed.in_turns()
            facts = {
                "events": len(mixed.pool.events), "scenes": len(mixed.pool.scenes), "near_duplicates": mixed.dropped,
            }  # fmt: skip
        material[label] = PromptMaterial(card, others[label], captions=texts, facts=facts)
    return material


def prompt_for(
    material: PromptMaterial,
    settings: PromptSettings,
    *,
    generator: np.random.Generator,
    place: int | None = None,
) -> Prompt:
    """The prompt of one clip.

    Args:
        material: Of its label, from :func:`prepare_prompts` with the same settings.
        settings: Style, negative prompt, numbers.
        generator: Random state of this item alone.
        place: Number of the clip among those of its label. With it, captions are used up in turn before one comes
            again; without, one is drawn.

    Raises:
        ConfigError: The material was prepared for another style.
    """
    text, facts = _TEXT_OF[settings.style or "scene"](material, settings, generator, place)
    negative = settings.negative
    if negative is True:
        negative = negative_prompt(material.card)
    return Prompt(text, negative or None, {"style": settings.style or "scene", **facts})


def captioned(card: LabelCard, caption: str) -> str:
    """A caption as a prompt: the label goes before one that does not name it."""
    return caption if says_label(caption, card) else f"{capitalised(card.phrase)}: {caption}"


_Drawn = tuple[str, dict[str, JsonValue]]


def _label(material: PromptMaterial, *_: object) -> _Drawn:
    return label_guided(material.card), {}


def _sound_of(material: PromptMaterial, *_: object) -> _Drawn:
    return sound_of(material.card), {}


def _descriptors(
    material: PromptMaterial, settings: PromptSettings, generator: np.random.Generator, _: int | None
) -> _Drawn:
    if not material.descriptors:
        raise _unprepared(settings)
    drawn = draw_descriptors(material.descriptors, settings.descriptors, generator)
    return described(material.card, drawn), {"descriptors": list(drawn)}


def _scene(material: PromptMaterial, settings: PromptSettings, generator: np.random.Generator, _: int | None) -> _Drawn:
    scenario = draw_scenario(material.card, generator, other_labels=material.other_labels, slots=settings.slots)
    facts: dict[str, JsonValue] = dict(scenario.facts())
    return scene_text(scenario, slots=settings.slots, max_words=settings.max_words), facts


def _caption(
    material: PromptMaterial, settings: PromptSettings, generator: np.random.Generator, place: int | None
) -> _Drawn:
    """A caption as it is; the label goes before one that does not name it."""
    count = len(material.captions)
    if not count:
        raise _unprepared(settings)
    drawn = int(generator.integers(count))
    turn = drawn if place is None else place % count
    text = material.captions[turn]
    told = captioned(material.card, text)
    kept = told if settings.style == "caption" or count_words(told) <= settings.max_words else text
    return kept, {"caption": turn}


_TEXT_OF: Mapping[str, Callable[[PromptMaterial, PromptSettings, np.random.Generator, int | None], _Drawn]] = {
    "label": _label,
    "sound_of": _sound_of,
    "scene": _scene,
    "descriptors": _descriptors,
    "mixcap": _caption,
    "plain": _caption,
    "rewrite": _caption,
    "caption": _caption,
}


def _unprepared(settings: PromptSettings) -> ConfigError:
    return ConfigError(
        f"there is nothing to draw from for the style {settings.style!r}; prepare the prompts with the same settings"
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None
