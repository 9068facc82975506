"""What the recipes that work with prompts share: who gets which prompt, which parents, and what follows a rejection."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from menura.backends.base import Generator, LanguageModel
from menura.backends.several import SeveralGenerators, part_for, parts_of
from menura.captions import Prompt
from menura.config import PromptStyle, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.pipeline.execute import Method, Shortfall
from menura.recipes.amounts import candidates_for, leading_clips, targets, to_replace
from menura.recipes.parents import Scenes, partner_of, partners, shuffled
from menura.recipes.prompts import Prompter
from menura.seeding import item_generator
from menura.types import Clip, Request

__all__ = ["Prompted", "prompted", "reviser_of"]


def prompted(
    name: str,
    training: TrainingPart,
    settings: RunSettings,
    *,
    style: PromptStyle,
    language_model: LanguageModel | None,
    first: Callable[[Generator], Generator] = lambda generator: generator,
) -> Method:
    """The method of a recipe with prompts.

    Args:
        name: Of the recipe.
        training, settings: Of the run.
        style: Of the prompts, where the settings leave it open.
        language_model: Instead of the one that the settings name.
        first: Chooses, of several generators, those that make the first round.
    """
    prompts = Prompter(training, settings, style, language_model)
    recipe = Prompted(name, training, settings, prompts)
    return Method(plan=lambda generator: recipe.plan(first(generator)), revise=recipe.revise, text_of=prompts.text_of)


@dataclass(frozen=True)
class Prompted:
    """Requests with prompts, each beside a real clip of its label: as long as that, and made from it where that helps.

    The real clips of a label take turns. A generator that starts from recordings gets the clip as its parent; one that
    works from the prompt alone gets none, and nothing of the clip but its labels and its duration.

    Attributes:
        name: Of the recipe.
        training: The real clips.
        settings: Of the run.
        prompt: Gives the prompt of a new clip beside a real one, by its number in the label and its key.
    """

    name: str
    training: TrainingPart
    settings: RunSettings
    prompt: Callable[[Clip, int | None, tuple[str | int, ...]], Prompt]

    def plan(self, generator: Generator) -> Iterator[Request]:
        """The requests of the first round, label after label."""
        amounts = candidates_for(targets(self.training, self.settings.amount), self.settings.judge.surplus)
        scenes = Scenes(self.training)
        for label, clips in leading_clips(self.training).items():
            order = shuffled(clips, self.settings.seed)
            for number in range(amounts[label]):
                key = (self.name, self.settings.seed, label, number)
                yield self.request(order, number, key, generator, scenes)

    def revise(self, generator: Generator, shortfalls: Sequence[Shortfall], round_index: int) -> Iterator[Request]:
        """New requests in place of rejected ones: another prompt, another seed.

        Labels of which the judges passed nothing are left to the parts that start from recordings, if there are any:
        a model that does not know a label will not learn it by asking again.
        """
        order = {label: shuffled(clips, self.settings.seed) for label, clips in leading_clips(self.training).items()}
        scenes = Scenes(self.training)
        for shortfall in shortfalls:
            chosen = reviser_of(generator, shortfall)
            for number, rejected in enumerate(to_replace(shortfall, self.settings.judge.surplus)):
                key = (*rejected.seed_key, "round", round_index)
                yield self.request(
                    order[shortfall.label], number, key, chosen, scenes, round_index=round_index, replaces=rejected.id
                )

    def request(
        self,
        order: Sequence[Clip],
        number: int,
        key: tuple[str | int, ...],
        generator: Generator,
        scenes: Scenes,
        *,
        round_index: int = 0,
        replaces: str | None = None,
        prompt: Prompt | None = None,
    ) -> Request:
        """One request beside a real clip.

        Args:
            order: The real clips of its label.
            number: Of the request among those of its label; the clips take turns.
            key: Of its random streams.
            generator: One or several.
            scenes: Gives clips of other labels, where a generator wants them.
            round_index: Of its round.
            replaces: Id of the request that it revises.
            prompt: Its prompt; None draws one.
        """
        position = number % len(order)
        clip = order[position]
        part = part_for(generator, item_generator(0, "generator", *key))
        _, most = part.parents_needed
        voices = [clip, *(partner_of(partners(order, position), key, part) if most > 1 else [])][:most]
        parents = [*voices, *scenes(clip, key, part)]
        prompt = prompt or self.prompt(clip, number if round_index == 0 else None, key)
        return Request(
            labels=clip.labels,
            generator=part.fingerprint,
            prompt=prompt.text,
            negative_prompt=prompt.negative,
            parents=tuple(parent.id for parent in parents),
            duration_s=round(clip.duration_s, 3),
            seed_key=key,
            params=part.draw(parents, item_generator(0, "draw", *key)),
            round=round_index,
            replaces=replaces,
        )


def reviser_of(generator: Generator, shortfall: Shortfall) -> Generator:
    """Who revises a label: of one that kept nothing, the parts that start from recordings, where there are any."""
    nearer = _from_recordings(generator)
    return nearer if nearer is not None and shortfall.pass_rate == 0 else generator


def _from_recordings(generator: Generator) -> Generator | None:
    """The parts that start from recordings; None where there are none, or no others."""
    parts = parts_of(generator)
    nearer = [part for part in parts if part.parents_needed[0] >= 1]
    if not nearer or len(nearer) == len(parts):
        return None
    return nearer[0] if len(nearer) == 1 else SeveralGenerators(nearer)
