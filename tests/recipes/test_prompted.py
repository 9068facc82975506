"""The recipes that work with prompts."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from menura.backends.base import AnswerT, Question
from menura.backends.several import SeveralGenerators
from menura.cli.main import app
from menura.config import AmountSettings, GeneratorSettings, PromptSettings, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.errors import ConfigError
from menura.pipeline.execute import Shortfall
from menura.recipes.plan import Rehearsal
from menura.recipes.preview import draw_prompts, with_files
from menura.recipes.registry import get_recipe, recipe_names
from menura.types import Request

Of = Callable[..., TrainingPart]
PROMPTED = ("label_guided", "llm_assisted", "rare_labels", "mix")
COUNTS = {("dog",): 4, ("church_bells",): 2}


@pytest.fixture
def from_text(paper_of: Any) -> Any:
    """A generator that works from the prompt alone."""
    return paper_of((0, 0), "from text", "t")


class Broken:
    """A language model that must not be asked."""

    name = fingerprint = "broken"

    def answer(self, question: Question[AnswerT], *, seed: int) -> AnswerT:
        raise AssertionError(f"asked for {question.name}")


def planned(recipe: str, training: TrainingPart, generator: Any, **settings: Any) -> list[Request]:
    return list(get_recipe(recipe).method(training, RunSettings(recipe=recipe, **settings)).plan(generator))


@pytest.mark.parametrize("recipe", PROMPTED)
def test_every_request_has_a_prompt_that_names_its_label_and_the_duration_of_a_real_clip(
    training_of: Of, from_text: Any, recipe: str
) -> None:
    requests = planned(recipe, training_of(COUNTS), from_text)
    assert Counter(request.labels[0] for request in requests) == {"dog": 40, "church_bells": 20}
    for request in requests:
        words = request.labels[0].replace("_", " ")
        assert request.prompt is not None
        assert words.rstrip("s") in request.prompt.lower()
        assert request.negative_prompt
        assert words not in request.negative_prompt
        assert request.duration_s == 1.0
        assert not request.parents
    assert len({request.id for request in requests}) == len(requests)


@pytest.mark.parametrize("recipe", PROMPTED)
def test_a_plan_repeats_and_changes_with_the_seed(training_of: Of, from_text: Any, recipe: str) -> None:
    training = training_of(COUNTS)
    first = planned(recipe, training, from_text)
    assert planned(recipe, training, from_text) == first
    turned = TrainingPart(training.name, training.clips[::-1])
    assert planned(recipe, turned, from_text) == first
    assert not {request.id for request in planned(recipe, training, from_text, seed=1)} & {r.id for r in first}


def test_scenes_and_descriptors_differ_from_clip_to_clip_and_labels_alone_do_not(
    training_of: Of, from_text: Any
) -> None:
    def texts(recipe: str) -> int:
        requests = planned(recipe, training_of({("dog",): 4}), from_text)
        return len({request.prompt for request in requests}) * 100 // len(requests)

    assert texts("label_guided") < 5
    assert texts("llm_assisted") > 50
    assert texts("rare_labels") > 80


def test_a_generator_that_starts_from_recordings_gets_the_clip_as_its_parent(training_of: Of, paper_of: Any) -> None:
    training = training_of(COUNTS)
    requests = planned("label_guided", training, paper_of((1, 1)))
    led = Counter(request.parents for request in requests if request.labels == ("dog",))
    assert set(led) == {(f"dog-{take}",) for take in range(4)}
    assert max(led.values()) - min(led.values()) <= 1


def test_several_labels_stand_beside_each_other_in_the_prompt(training_of: Of, from_text: Any) -> None:
    requests = planned("label_guided", training_of({("dog", "rain"): 2, ("dog",): 3}), from_text)
    both = [request.prompt for request in requests if len(request.labels) == 2]
    assert both
    assert set(both) == {"rain sound, together with a dog"}


def test_a_revision_asks_again_with_another_prompt(training_of: Of, from_text: Any) -> None:
    method = get_recipe("rare_labels").method(training_of(COUNTS), RunSettings())
    rejected = list(method.plan(from_text))[:3]
    shortfall = Shortfall("church_bells", missing=2, pass_rate=0.5, rejected=rejected)
    revised = list(method.revise(from_text, [shortfall], 1))
    assert [request.replaces for request in revised] == [request.id for request in rejected]
    assert all(one.prompt != other.prompt for one, other in zip(revised, rejected, strict=True))
    assert {request.round for request in revised} == {1}


def test_a_label_that_keeps_nothing_is_left_to_the_generator_that_starts_from_recordings(
    training_of: Of, from_text: Any, paper_of: Any
) -> None:
    both = SeveralGenerators([from_text, paper_of((1, 2), "from clips", "c")])
    method = get_recipe("rare_labels").method(training_of(COUNTS), RunSettings())
    first = list(method.plan(both))
    assert {request.generator for request in first} == {"t"}

    def revised(pass_rate: float) -> set[str]:
        shortfall = Shortfall("dog", missing=10, pass_rate=pass_rate, rejected=first[-30:])
        return {request.generator for request in method.revise(both, [shortfall], 1)}

    assert revised(0.0) == {"c"}
    assert revised(0.5) == {"t", "c"}


def test_rare_labels_are_topped_up_with_resynthesis_at_hand() -> None:
    defaults = get_recipe("rare_labels").defaults
    found = defaults(RunSettings(generator=GeneratorSettings(name="audioldm2:my/model")))
    assert found.generator.name == "audioldm2:my/model+resynth"
    assert found.generator.domain == "animal"
    assert found.amount.balance
    assert defaults(found) == found
    kept = defaults(RunSettings(generator=GeneratorSettings(domain="machine"), amount=AmountSettings(times=2)))
    assert (kept.generator.name, kept.generator.domain, kept.amount.times) == ("resynth", "machine", 2)


def test_mix_stands_before_every_generator_once() -> None:
    defaults = get_recipe("mix").defaults
    found = defaults(RunSettings(generator=GeneratorSettings(name="resynth+worker:one")))
    assert found.generator.name == "mix:resynth+mix:worker:one"
    assert defaults(found) == found


def test_captions_of_real_clips_are_mixed_and_used_up_in_turn(training_of: Of, from_text: Any) -> None:
    training = training_of({("dog",): 4})
    training = replace(
        training,
        clips=tuple(replace(clip, caption=f"a dog barks {where}") for clip, where in zip(
            training.clips, ("in a park", "behind a fence", "while cars pass", "in heavy rain"), strict=True
        )),
    )  # fmt: skip
    prompts = PromptSettings(style="mixcap")
    requests = planned("llm_assisted", training, from_text, prompts=prompts, amount=AmountSettings(per_label=8))
    texts = [request.prompt for request in requests]
    assert len(set(texts)) == len(texts)
    assert all(text is not None and "dog" in text.lower() and len(text.split()) <= 25 for text in texts)


def test_a_dry_run_counts_questions_and_writes_no_file(training_of: Of, from_text: Any, tmp_path: Path) -> None:
    prompts = PromptSettings(cards=str(tmp_path / "cards.toml"), descriptor_lists=str(tmp_path / "words.toml"))
    settings = RunSettings(recipe="llm_assisted", prompts=prompts)
    rehearsal = Rehearsal()
    method = get_recipe("llm_assisted").method(training_of(COUNTS), settings, language_model=rehearsal)
    assert len(list(method.plan(from_text))) == 60
    assert rehearsal.costs(settings.language_model).questions == 4
    assert not list(tmp_path.iterdir())


def test_nothing_is_asked_before_there_is_a_plan(training_of: Of) -> None:
    for name in recipe_names():
        get_recipe(name).method(training_of(COUNTS), RunSettings(), language_model=Broken())


def test_the_preview_shows_what_the_run_will_ask_for(training_of: Of, from_text: Any) -> None:
    training, settings = training_of(COUNTS), RunSettings(recipe="llm_assisted")
    shown = draw_prompts(training, settings, count=5)
    asked = [r.prompt for r in planned("llm_assisted", training, from_text) if r.labels == ("dog",)]
    assert [prompt.text for prompt in shown.prompts["dog"]] == asked[:5]
    assert shown.style == "descriptors"
    assert 0 < shown.diversity["distinct_1"] <= 1


def test_cards_that_a_person_corrected_feed_the_prompts(training_of: Of, from_text: Any, tmp_path: Path) -> None:
    settings = with_files(RunSettings(recipe="label_guided"), tmp_path)
    training = training_of({("bat",): 2})
    draw_prompts(training, settings, count=1)
    cards = tmp_path / "cards.toml"
    text = cards.read_text()
    phrase = next(line for line in text.splitlines() if line.startswith("phrase"))
    cards.write_text(text.replace(phrase, 'phrase = "a pipistrelle"'))
    requests = planned("label_guided", training, from_text, prompts=settings.prompts)
    assert {request.prompt for request in requests} == {"sound of a pipistrelle"}
    assert 'recipe = "label_guided"' in (tmp_path / "run.toml").read_text()


def test_the_settings_file_beside_the_cards_asks_for_the_prompts_that_were_shown(tmp_path: Path) -> None:
    asked = RunSettings.model_validate(
        {
            "recipe": "rare_labels",
            "seed": 3,
            "prompts": {"slots": ["place"], "negative": 'no "music"', "max_words": 9},
            "language_model": {"url": "http://localhost:1/v1", "model": "m", "temperature": 0.2},
        }
    )
    settings = with_files(asked, tmp_path)
    written = RunSettings.model_validate(tomllib.loads((tmp_path / "run.toml").read_text()))
    assert (written.recipe, written.seed) == ("rare_labels", 3)
    assert written.prompts == settings.prompts
    assert written.language_model == asked.language_model


def test_the_command_shows_the_prompts_of_the_recipe_in_the_settings_file(tmp_path: Path) -> None:
    for label in ("dog", "rain"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(2):
            noise = np.random.default_rng([number, len(label)]).uniform(-0.5, 0.5, 4000)
            soundfile.write(tmp_path / "data" / label / f"{number}.wav", noise, 8000)
    (tmp_path / "run.toml").write_text('recipe = "rare_labels"\n')

    def style(*options: str) -> str:
        done = CliRunner().invoke(app, ["prompts", str(tmp_path / "data"), "--json", *options])
        assert done.exit_code == 0, done.output
        return str(json.loads(done.stdout)["style"])

    named = ("-c", str(tmp_path / "run.toml"))
    assert style() == style(*named, "--recipe", "label_guided") == "label"
    assert style(*named) == "scene"


def test_a_card_of_no_label_is_refused(training_of: Of, from_text: Any, tmp_path: Path) -> None:
    (tmp_path / "cards.toml").write_text('[dogg]\nphrase = "a dog"\n')
    prompts = PromptSettings(cards=str(tmp_path / "cards.toml"))
    with pytest.raises(ConfigError, match="Did you mean 'dog'"):
        planned("label_guided", training_of({("dog",): 2}), from_text, prompts=prompts)


def test_numbers_of_a_request_come_from_its_own_stream(training_of: Of, from_text: Any) -> None:
    drawn = [request.params["number"] for request in planned("label_guided", training_of(COUNTS), from_text)]
    assert len(set(drawn)) == len(drawn)
    assert np.isfinite(drawn).all()


class Hunter:
    """A language model to whom every label is a hound."""

    name = fingerprint = "hunter"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def answer(self, question: Question[AnswerT], *, seed: int) -> AnswerT:
        self.asked.append(question.name)
        drafted = question.offline(np.random.default_rng(seed))
        return drafted.model_copy(update={"phrase": "a hound"})


@pytest.mark.parametrize("recipe", PROMPTED)
def test_judges_that_read_compare_with_the_cards_that_the_prompts_come_from(training_of: Of, recipe: str) -> None:
    model, training = Hunter(), training_of({("dog",): 4})
    method = get_recipe(recipe).method(training, RunSettings(recipe=recipe), language_model=model)
    assert model.asked == []
    assert method.text_of is not None
    assert method.text_of("dog") == "Sound of a hound"
    assert model.asked == ["label_card"]


def test_recipes_without_prompts_leave_the_texts_to_the_names_of_the_labels(training_of: Of) -> None:
    for recipe in recipe_names().keys() - {*PROMPTED, "synthio"}:
        assert get_recipe(recipe).method(training_of(COUNTS), RunSettings(recipe=recipe)).text_of is None
