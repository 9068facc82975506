"""MixCap: new captions of a label from the events and scenes of all its real clips (Prompt 2), for each clip.

Captions of real clips are taken apart, the parts of a label are pooled, and for each clip a share of the pool is drawn
and put into new captions that name the label and add a little of their own.

Source:
    Ghosh et al. 2025, arXiv:2410.02056 (Synthio): 75 % of the pool, five captions of at most 25 words for each clip.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from menura.backends.base import LanguageModel, Message, Question
from menura.backends.language.many import answer_all
from menura.captions.cards import DOMAIN_TEXT, LabelCard
from menura.captions.components import (
    Components,
    component_question,
    draw_components,
    pool_components,
    without_label,
)
from menura.captions.grammar import write_captions
from menura.captions.rules import CaptionRules, NewCaptions, new_captions
from menura.captions.similarity import distinct_captions
from menura.captions.words import one_line
from menura.config import Domain, PromptSettings
from menura.seeding import item_generator, item_seed

__all__ = ["MixedCaptions", "mix_captions", "mixcap_question"]


@dataclass(frozen=True, slots=True)
class MixedCaptions:
    """New captions of one label.

    Attributes:
        pool: Events and scenes of all real captions of the label.
        by_clip: Id of each real clip to its new captions; near-duplicates are gone.
        dropped: How many near-duplicates went.
    """

    pool: Components
    by_clip: Mapping[str, tuple[str, ...]]
    dropped: int

    def in_turns(self) -> tuple[str, ...]:
        """All captions: the first of every clip, then the second of every clip, and so on."""
        longest = max(map(len, self.by_clip.values()), default=0)
        return tuple(
            captions[turn] for turn in range(longest) for captions in self.by_clip.values() if turn < len(captions)
        )


def mix_captions(
    card: LabelCard,
    captions: Mapping[str, str],
    *,
    model: LanguageModel,
    domain: Domain,
    settings: PromptSettings,
    seed: int,
    other_labels: Sequence[str] = (),
) -> MixedCaptions:
    """New captions for every real clip of a label. The order in which clips are given does not matter.

    Args:
        card: Of the label.
        captions: Id of each real training clip of the label to its caption.
        model: Takes captions apart and writes new ones.
        domain: Of the dataset.
        settings: Share of the pool, number and length of the captions, share of new components, near-duplicates.
        seed: Of the run.
        other_labels: The other labels of the dataset; new components shall not name them.

    Raises:
        BackendError: The language model failed.
    """
    ids = sorted(captions)
    taken_apart = answer_all(
        model, [component_question(captions[clip], card, domain=domain) for clip in ids], seed=seed
    )
    pool = pool_components([without_label(components, card) for components in taken_apart])
    drawn = [
        draw_components(pool, item_generator(seed, "mixcap", card.label, clip), share=settings.pool_share)
        for clip in ids
    ]
    answers = answer_all(
        model,
        [mixcap_question(card, some, domain=domain, settings=settings, other_labels=other_labels) for some in drawn],
        seed=[item_seed(seed, "mixcap", card.label, clip) % 2**31 for clip in ids],
    )
    kept: list[str] = []
    by_clip: dict[str, tuple[str, ...]] = {}
    dropped = 0
    for clip, answer in zip(ids, answers, strict=True):
        written = answer.captions
        places = distinct_captions(written, max_overlap=settings.max_similarity, before=kept)
        by_clip[clip] = tuple(written[place] for place in places)
        dropped += len(written) - len(places)
        kept += by_clip[clip]
    return MixedCaptions(pool, by_clip, dropped)


def mixcap_question(
    card: LabelCard,
    components: Components,
    *,
    domain: Domain,
    settings: PromptSettings,
    other_labels: Sequence[str] = (),
) -> Question[NewCaptions]:
    """Asks for captions that mix the given events and scenes and name the label (Prompt 2)."""
    count, most = settings.captions_per_clip, settings.max_words
    answer = new_captions(CaptionRules(card, most), count)
    system = (
        "You write captions for a text-to-audio model. Each one describes a recording of a few seconds: what is heard, "
        f"in which order, and where. The recordings are {DOMAIN_TEXT[domain]}. No moods, no stories, nothing that "
        "cannot be heard."
    )
    user = (
        f"Label: {card.phrase!r}: {card.what}. It is not {', not '.join(card.is_not) or 'anything else'}.\n"
        f"Events: {'; '.join(components.events) or 'none'}\nScenes: {'; '.join(components.scenes) or 'none'}\n"
        f"Write exactly {count} captions of at most {most} words. Each one holds the phrase {card.name!r} as what is "
        "heard most, mixes some of these events and scenes in a new way, and contradicts neither the label nor itself. "
        f"About {settings.novel_share:.0%} of the events and scenes may be new ones of your own."
        + (f" Do not use: {', '.join(card.avoid)}." if card.avoid else "")
        + (f" New events must not be any of: {', '.join(map(one_line, other_labels))}." if other_labels else "")
    )
    return Question(
        name="mixcap",
        messages=(Message("system", system), Message("user", user)),
        answer=answer,
        offline=lambda generator: answer(
            captions=write_captions(
                card,
                components,
                generator,
                count=count,
                max_words=most,
                novel_share=settings.novel_share,
                other_labels=other_labels,
            )
        ),
    )
