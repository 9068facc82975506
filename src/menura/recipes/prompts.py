"""The prompts of a run: what a language model, captions and label cards give, prepared once, drawn from per clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from menura.audio import decode
from menura.backends.base import LanguageModel
from menura.backends.registry import load_captioner, load_language_model
from menura.captions import (
    LabelCard,
    Prompt,
    PromptMaterial,
    caption_clips,
    prepare_cards,
    prepare_prompts,
    prompt_for,
    read_captions,
    sound_of,
)
from menura.captions.prompts import captioned
from menura.config import PromptSettings, PromptStyle, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.recipes.amounts import leading_clips
from menura.seeding import item_generator
from menura.types import Clip

__all__ = ["Prompter"]


class Prompter:
    """Gives the prompt of each new clip. Nothing is asked, read or captioned before the first one.

    Args:
        training: The real clips; captions come from them alone.
        settings: Of the run.
        style: Of the prompts, where the settings leave it open.
        language_model: Instead of the one that the settings name; what it drafts is kept in no file.
    """

    def __init__(
        self,
        training: TrainingPart,
        settings: RunSettings,
        style: PromptStyle,
        language_model: LanguageModel | None = None,
    ) -> None:
        self._training, self._settings, self._given_model = training, settings, language_model
        self._prompts = settings.prompts.model_copy(update={"style": settings.prompts.style or style})

    @property
    def settings(self) -> PromptSettings:
        """Style and numbers of the prompts."""
        return self._prompts

    def __call__(self, clip: Clip, number: int | None, key: tuple[str | int, ...]) -> Prompt:
        """The prompt of a new clip with the labels of a real one; several labels stand beside each other in it.

        Args:
            clip: The real clip.
            number: Of the new clip among those of its label, so that captions are used up in turn; None draws one.
            key: Of its random stream.

        Raises:
            ConfigError: A file of cards, descriptors or captions is wrong.
            BackendError: The language model or the captioner failed.
        """
        lead = self.lead(clip.labels)
        prompt = prompt_for(
            self.material[lead], self._prompts, generator=item_generator(0, "prompt", *key), place=number
        )
        return Prompt(f"{prompt.text}{self.along(clip.labels)}", prompt.negative, prompt.facts)

    def along(self, labels: Sequence[str]) -> str:
        """What the prompt of a clip ends in where it has several labels: those beside the rarest one."""
        others = self._by_rarity(labels)[1:]
        return f", together with {' and '.join(self.cards[label].phrase for label in others)}" if others else ""

    def lead(self, labels: Sequence[str]) -> str:
        """The label that a prompt is about: the rarest one."""
        return self._by_rarity(labels)[0]

    def _by_rarity(self, labels: Sequence[str]) -> list[str]:
        return sorted(labels, key=lambda label: (self._counts[label], label))

    def text_of(self, label: str) -> str:
        """What judges that read compare with a clip of the label: its card in words, as in the prompts.

        Raises:
            ConfigError: A file of cards is wrong.
            BackendError: The language model failed.
        """
        return sound_of(self.cards[label])

    @cached_property
    def _counts(self) -> Mapping[str, int]:
        return self._training.counts()

    @cached_property
    def language_model(self) -> LanguageModel:
        """Who writes what prompts are drawn from."""
        return self._given_model or load_language_model(self._settings.language_model)

    @cached_property
    def cards(self) -> Mapping[str, LabelCard]:
        """What each label means: the person's card where there is one, else a draft."""
        settings, path = self._settings, self._prompts.cards
        return prepare_cards(
            self._training.labels,
            model=self.language_model,
            domain=settings.generator.domain,
            seed=settings.seed,
            path=Path(path) if path else None,
            keep=self._given_model is None,
        )

    @cached_property
    def material(self) -> Mapping[str, PromptMaterial]:
        """What prompts are drawn from, by label."""
        settings = self._settings
        return prepare_prompts(
            self._training.labels,
            self._prompts,
            model=self.language_model,
            domain=settings.generator.domain,
            seed=settings.seed,
            keep=self._given_model is None,
            captions=self.captions if self._prompts.style in ("mixcap", "rewrite", "caption") else None,
            cards=self.cards,
        )

    def caption_of(self, clip: Clip) -> str:
        """The prompt that a real clip's own caption is.

        Raises:
            ConfigError: A file of cards or captions is wrong.
            BackendError: The language model or the captioner failed.
        """
        lead = min(clip.labels, key=lambda label: (self._counts[label], label))
        return captioned(self.cards[lead], self.captions[lead][clip.id])

    @cached_property
    def captions(self) -> Mapping[str, Mapping[str, str]]:
        """Label to id and caption of its real clips: written ones first, the captioner's for the others."""
        clips = self._training.clips
        path = self._prompts.captions
        written = read_captions(Path(path), clips, strict=False) if path is not None else {}
        captioner = load_captioner(self._prompts.captioner)
        texts = caption_clips(clips, captioner=captioner, recording_of=lambda clip: decode(clip.path), written=written)
        return {
            label: {clip.id: texts[clip.id] for clip in own} for label, own in leading_clips(self._training).items()
        }
