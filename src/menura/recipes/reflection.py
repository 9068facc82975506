"""Self-reflection: what the judges rejected gets another caption, from the evidence and from what they accepted.

Source:
    Ghosh et al. 2025, arXiv:2410.02056 (Synthio), Prompt 3. The reviser is told the score and its threshold, the
    nearest wrong label and what was heard; the paper tells it none of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from menura.audio import decode
from menura.backends.base import Captioner
from menura.backends.language.many import answer_all
from menura.backends.registry import load_captioner
from menura.captions import Prompt, RejectedClip, revision_question
from menura.captions.components import (
    Components,
    component_question,
    pool_components,
    without_label,
)
from menura.config import RunSettings
from menura.pipeline.shortfall import Rejection
from menura.recipes.prompts import Prompter
from menura.seeding import item_generator, item_seed
from menura.types import Request

__all__ = ["Reflection"]

_BATCH = 16
_MOST_PHRASES = 24
"""Most events, and most scenes, of accepted captions in one question; of more, some are drawn for each question."""

_LIKELY = RejectedClip("", 0.0, 1.0, "another label", " ".join(["word"] * 20), " ".join(["word"] * 30))
"""Evidence as long as it gets, for a dry run."""


@dataclass(frozen=True)
class Reflection:
    """Asks for the captions of revised requests.

    Attributes:
        settings: Of the run.
        prompts: Cards and the language model of the run.
    """

    settings: RunSettings
    prompts: Prompter

    def revised(
        self, label: str, rejections: Iterable[Rejection], passed: Iterable[Request], round_index: int
    ) -> list[tuple[Request, Prompt]]:
        """Each rejected request of a label with its next prompt; the same one where nothing should change.

        Args:
            label: Which label.
            rejections: What is to be replaced, with the evidence.
            passed: The requests of the label that the judges passed: their captions worked.
            round_index: Of the new requests.

        Raises:
            AudioError: A rejected clip cannot be read.
            BackendError: The language model or the captioner failed.
        """
        found = list(rejections)
        clips = self._clips(found)
        rejected = [(one.request, clip) for one, clip in zip(found, clips, strict=True)]
        captions = self._answers(label, rejected, [self._caption(request) for request in passed], round_index)
        return [
            (
                one.request,
                Prompt(f"{caption}{self.prompts.along(one.request.labels)}", one.request.negative_prompt, {}),
            )
            for one, caption in zip(found, captions, strict=True)
        ]

    def rehearse(self, requests: Iterable[Request]) -> None:
        """Ask what is asked if every request is rejected in every round, and every caption worked for another one."""
        by_label: dict[str, list[Request]] = {}
        for request in requests:
            by_label.setdefault(self.prompts.lead(request.labels), []).append(request)
        for label, found in by_label.items():
            captions = [self._caption(request) for request in found]
            rejected = [
                (request, replace(_LIKELY, caption=caption)) for request, caption in zip(found, captions, strict=True)
            ]
            for round_index in range(1, self.settings.rounds + 1):
                self._answers(label, rejected, captions, round_index)

    def _answers(
        self, label: str, rejected: Sequence[tuple[Request, RejectedClip]], worked: Iterable[str], round_index: int
    ) -> list[str]:
        """The caption of each revision; that of the rejected request where the answer is to leave it."""
        card, domain, seed = self.prompts.cards[label], self.settings.generator.domain, self.settings.seed
        pool = self._components(label, worked)
        questions = [
            revision_question(
                clip,
                card,
                _some(pool, seed, (*request.seed_key, "worked", round_index)),
                domain=domain,
                settings=self.prompts.settings,
            )
            for request, clip in rejected
        ]
        seeds = [item_seed(seed, "revision", *request.seed_key, round_index) % 2**31 for request, _ in rejected]
        answers = answer_all(self.prompts.language_model, questions, seed=seeds)
        return [answer.caption or clip.caption for answer, (_, clip) in zip(answers, rejected, strict=True)]

    def _components(self, label: str, captions: Iterable[str]) -> Components:
        """Events and scenes of captions that worked (Prompt 1), pooled."""
        card, domain = self.prompts.cards[label], self.settings.generator.domain
        questions = [component_question(caption, card, domain=domain) for caption in sorted(set(captions))]
        parts = answer_all(self.prompts.language_model, questions, seed=self.settings.seed)
        return pool_components([without_label(one, card) for one in parts])

    def _caption(self, request: Request) -> str:
        return (request.prompt or "").removesuffix(self.prompts.along(request.labels))

    def _clips(self, rejections: Sequence[Rejection]) -> list[RejectedClip]:
        heard: dict[str, str] = {}
        there = [(one.request.id, one.path) for one in rejections if one.path is not None]
        for start in range(0, len(there), _BATCH):
            batch = there[start : start + _BATCH]
            told = self._captioner.caption([decode(path) for _, path in batch])
            heard |= {request_id: text for (request_id, _), text in zip(batch, told, strict=True)}
        return [
            RejectedClip(
                caption=self._caption(one.request),
                score=one.evidence.score,
                threshold=one.evidence.threshold,
                wrong_label=self._in_words(one.evidence.wrong_label),
                heard=heard.get(one.request.id, ""),
                reason=one.evidence.reason,
            )
            for one in rejections
        ]

    def _in_words(self, label: str | None) -> str:
        return "" if label is None else self.prompts.cards[label].name

    @cached_property
    def _captioner(self) -> Captioner:
        return load_captioner(self.prompts.settings.captioner)


def _some(pool: Components, seed: int, key: tuple[str | int, ...]) -> Components:
    """The pool, or as much of it as one question holds."""

    def drawn(kind: str, phrases: tuple[str, ...]) -> tuple[str, ...]:
        if len(phrases) <= _MOST_PHRASES:
            return phrases
        order = item_generator(seed, kind, *key).permutation(len(phrases))
        return tuple(phrases[place] for place in sorted(order[:_MOST_PHRASES]))

    return Components(events=drawn("events", pool.events), scenes=drawn("scenes", pool.scenes))
