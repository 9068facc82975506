"""Language models for tests: one that answers from the grammar, one that says what it is told to say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pytest
from pydantic import BaseModel, ValidationError

from menura.backends.base import LanguageModel, Question
from menura.captions.cards import LabelCard, prepare_cards
from menura.config import Domain
from menura.errors import BackendError
from menura.seeding import item_generator

AnswerT = TypeVar("AnswerT", bound=BaseModel)

ESC50 = (
    "dog rooster pig cow frog cat hen insects sheep crow rain sea_waves crackling_fire crickets chirping_birds "
    "water_drops wind pouring_water toilet_flush thunderstorm crying_baby sneezing clapping breathing coughing "
    "footsteps laughing brushing_teeth snoring drinking_sipping door_wood_knock mouse_click keyboard_typing "
    "door_wood_creaks can_opening washing_machine vacuum_cleaner clock_alarm clock_tick glass_breaking helicopter "
    "chainsaw siren car_horn engine train church_bells airplane fireworks hand_saw"
)
URBAN = (
    "air_conditioner car_horn children_playing dog_bark drilling engine_idling gun_shot jackhammer siren street_music"
)


class Offline:
    """Answers from phrases; counts the questions."""

    name = "offline"
    fingerprint = "offline-1"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def answer(self, question: Question[AnswerT], *, seed: int) -> AnswerT:
        self.asked.append(question.name)
        texts = [message.text for message in question.messages]
        made = question.offline(item_generator(seed, question.name, *texts))
        return question.answer.model_validate_json(made.model_dump_json())


class Scripted:
    """Answers with the next of the given objects; a wrong one is an error, as it is after the last repair."""

    name = "scripted"
    fingerprint = "scripted-1"

    def __init__(self, *answers: dict[str, Any]) -> None:
        self._answers = list(answers)
        self.instructions: list[str] = []

    def answer(self, question: Question[AnswerT], *, seed: int) -> AnswerT:
        self.instructions.append("\n".join(message.text for message in question.messages))
        try:
            return question.answer.model_validate(self._answers.pop(0))
        except ValidationError as error:
            raise BackendError(str(error)) from error


@pytest.fixture
def offline() -> Offline:
    return Offline()


@pytest.fixture(scope="session")
def new_offline() -> Callable[[], Offline]:
    return Offline


@pytest.fixture
def scripted() -> Callable[..., Scripted]:
    return Scripted


@pytest.fixture(scope="session")
def esc50() -> tuple[str, ...]:
    return tuple(ESC50.split())


@pytest.fixture(scope="session")
def urban() -> tuple[str, ...]:
    return tuple(URBAN.split())


@pytest.fixture(scope="session")
def cards_of() -> Callable[..., dict[str, LabelCard]]:
    def made(labels: Sequence[str], domain: Domain = "environment", **options: Any) -> dict[str, LabelCard]:
        model: LanguageModel = Offline()
        return prepare_cards(labels, model=model, domain=domain, seed=0, **options)

    return made
