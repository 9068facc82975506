"""Recipe ``synthio``: its settings, its adapter, and what it asks the reviser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.recipes.cave import RATE, CaveModel, world

from menura.align.settings import AlignSettings
from menura.audio import encode
from menura.backends.base import AnswerT, Question
from menura.captions.revision import Revision
from menura.cli.run_options import run_settings
from menura.config import (
    AlignTraining,
    AmountSettings,
    GeneratorSettings,
    JudgeSettings,
    LanguageModelSettings,
    ModelSettings,
    PromptSettings,
    RunSettings,
    SynthioSettings,
    settings_from,
)
from menura.datasets.dataset import TrainingPart
from menura.errors import ConfigError, RunError
from menura.judge.evidence import Evidence
from menura.pipeline.identity import IDENTITY_NAME, Identity
from menura.pipeline.shortfall import Rejection, Shortfall
from menura.recipes.adapted import adapted
from menura.recipes.augment import augment
from menura.recipes.plan import plan_run
from menura.recipes.prompts import Prompter
from menura.recipes.reflection import Reflection
from menura.recipes.registry import get_recipe
from menura.types import Progress, Recording, Request

Of = Callable[..., TrainingPart]


def resolved(**parts: Any) -> RunSettings:
    return get_recipe("synthio").defaults(RunSettings(recipe="synthio", synthio=SynthioSettings(**parts)))


def flat(settings: RunSettings) -> dict[str, Any]:
    dumped = {name: value for name, value in settings.model_dump().items() if name != "synthio"}
    found = {}
    for name, value in dumped.items():
        found.update({f"{name}.{key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value})
    return found


@pytest.mark.parametrize(
    ("flag", "changes"),
    [
        ({"align": "none"}, {}),
        ({"align": "sft"}, {}),
        ({"template_captions": True}, {"prompts.style": "sound_of"}),
        ({"mixcap": False}, {"prompts.style": "rewrite"}),
        ({"self_reflection": 0}, {"rounds": 0}),
        ({"filter": False}, {"judge.enabled": False}),
    ],
)
def test_each_flag_changes_what_it_says_and_nothing_else(flag: dict[str, Any], changes: dict[str, Any]) -> None:
    before, after = flat(resolved()), flat(resolved(**flag))
    assert (before["prompts.style"], before["rounds"], before["judge.enabled"]) == ("mixcap", 2, True)
    assert {name: value for name, value in after.items() if before[name] != value} == changes
    assert resolved(**flag).synthio == SynthioSettings(**flag)
    assert resolved().makes_adapter
    assert resolved(**flag).makes_adapter == (flag.get("align") != "none")


@pytest.mark.parametrize("flag", [{}, {"template_captions": True}, {"self_reflection": 0}, {"filter": False}])
def test_settings_that_were_resolved_and_stored_resolve_to_themselves(flag: dict[str, Any]) -> None:
    once = resolved(**flag)
    stored = settings_from(RunSettings, once.model_dump(mode="json"))
    assert get_recipe("synthio").defaults(stored) == once


def test_rounds_and_self_reflection_are_one_number() -> None:
    settings = get_recipe("synthio").defaults(RunSettings(recipe="synthio", rounds=5))
    assert (settings.rounds, settings.synthio.self_reflection) == (5, 5)
    with pytest.raises(ConfigError, match=r"rounds is 1 and synthio\.self_reflection 3; give one of them"):
        get_recipe("synthio").defaults(
            RunSettings(recipe="synthio", rounds=1, synthio=SynthioSettings(self_reflection=3))
        )


def test_contradictions_are_refused() -> None:
    asked = RunSettings(
        recipe="synthio", prompts=PromptSettings(style="scene"), synthio=SynthioSettings(template_captions=True)
    )
    with pytest.raises(ConfigError, match=r"prompts\.style is scene, and synthio\.template_captions asks for sound_of"):
        get_recipe("synthio").defaults(asked)
    with pytest.raises(ConfigError, match="not both: a template has nothing to mix"):
        settings_from(SynthioSettings, {"template_captions": True, "mixcap": False})
    with pytest.raises(ConfigError, match="are for the recipe synthio, the recipe is resynth"):
        settings_from(RunSettings, {"synthio": {"mixcap": False}})


def test_the_training_of_the_adapter_can_be_set_and_is_that_of_menura_align_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, training_of: Of
) -> None:
    asked: list[AlignSettings] = []
    monkeypatch.setattr("menura.recipes.alignment.align", lambda _, settings, **__: asked.append(settings))
    config = tmp_path / "run.toml"
    config.write_text(
        '[synthio]\nalign_steps = 30\n[synthio.training]\nbatch = 2\nlearning_rate = 0.001\nprecision = "bfloat16"\n'
        "check_every = 10\ncheck_clips = 8\nstop_early = false\n",
        encoding="utf-8",
    )
    nothing = dict.fromkeys(["times", "per_label", "domain", "preserve", "delta", "encoder", "seed", "rounds"])
    given = run_settings(
        **nothing, balance=False, recipe="synthio", generator="menura-mini:nowhere", config=config
    )  # fmt: skip
    plain = RunSettings(recipe="synthio", generator=given.generator)
    for settings in (given, plain):
        adapted(training_of({("dog",): 2}), settings, tmp_path / "run")
    changed, usual = asked
    wanted = AlignTraining(
        batch=2, learning_rate=0.001, precision="bfloat16", check_every=10, check_clips=8, stop_early=False
    )
    assert {name: getattr(changed, name) for name in AlignTraining.model_fields} == wanted.model_dump()
    assert (changed.steps, changed.objective) == (30, "dpo")
    assert usual == AlignSettings(generator=usual.generator, prompts=usual.prompts)
    assert "training" not in SynthioSettings(align="sft").model_dump(mode="json")
    with pytest.raises(ConfigError, match=r"synthio\.training\.stepss"):
        settings_from(RunSettings, {"recipe": "synthio", "synthio": {"training": {"stepss": 3}}})
    with pytest.raises(ConfigError, match="decided needs decisions, which a recipe does not have"):
        settings_from(SynthioSettings, {"training": {"pairs": "decided"}})


def test_other_recipes_keep_the_fingerprint_that_they_had() -> None:
    assert "synthio" not in RunSettings().model_dump(mode="json")


def test_flags_of_the_command_line_become_settings() -> None:
    nothing = dict.fromkeys(
        ["config", "times", "per_label", "generator", "domain", "preserve", "delta", "encoder", "seed", "rounds"]
    )

    def parts(**flags: Any) -> SynthioSettings:
        return run_settings(**nothing, balance=False, recipe="synthio", **flags).synthio

    assert parts() == SynthioSettings()
    assert parts(align="sft", no_mixcap=True) == SynthioSettings(align="sft", mixcap=False)
    assert parts(template_captions=True, no_self_reflection=True, no_filter=True) == SynthioSettings(
        template_captions=True, self_reflection=0, filter=False
    )


class Scripted:
    """A language model that remembers what it was asked; it answers revisions with ``caption``, the rest by phrases."""

    name = fingerprint = "scripted"

    def __init__(self, caption: str | None) -> None:
        self.caption = caption
        self.asked: list[Question[Any]] = []

    def answer(self, question: Question[AnswerT], *, seed: int) -> AnswerT:
        self.asked.append(question)
        if issubclass(question.answer, Revision):
            return question.answer(caption=self.caption)
        return question.offline(np.random.default_rng(0))


def rejection(folder: Path, prompt: str) -> Rejection:
    """A clip that turned out as a tone of 440 Hz."""
    seconds = np.arange(RATE) / RATE
    path = folder / "tone.wav"
    encode(Recording(0.1 * np.sin(2 * np.pi * 440 * seconds, dtype=np.float32)[None], RATE), path, container="WAV")
    request = Request(("dog",), "paper", prompt=prompt, negative_prompt="music", seed_key=("synthio", 0, "dog", 1))
    evidence = Evidence("label", "label: its agreement with 'dog' is 0.12", 0.12, 0.34, "church_bells", 0.9)
    return Rejection(request, evidence, path)


@pytest.mark.parametrize("answer", ["A dog in a tunnel, with chains clinking", None])
def test_the_reviser_is_told_all_the_evidence_and_what_worked(
    training_of: Of, tmp_path: Path, answer: str | None
) -> None:
    model = Scripted(answer)
    training = training_of({("dog",): 3, ("church_bells",): 3})
    settings = RunSettings(recipe="synthio")
    reflection = Reflection(settings, Prompter(training, settings, "mixcap", model))
    rejected = rejection(tmp_path, "A dog in a park")
    worked = Request(
        ("dog",), "paper", prompt="A dog in a tunnel while chains clink", seed_key=("synthio", 0, "dog", 2)
    )
    ((request, prompt),) = reflection.revised("dog", [rejected], [worked, worked], 1)
    assert request is rejected.request
    assert prompt.text == answer or (answer is None and prompt.text == "A dog in a park")
    assert prompt.negative == "music"
    (asked,) = [question for question in model.asked if question.name == "revision"]
    for told in (
        "Rejected caption: 'A dog in a park'", "Score: 0.12, 0.34 expected.", "'church bells'",
        "'A steady tone of medium pitch, continuous throughout'", "Events that worked: chains clinking",
        "Scenes that worked: in a tunnel",
    ):  # fmt: skip
        assert told in asked.messages[1].text
    assert len([question for question in model.asked if question.name == "components"]) == 1


def test_several_labels_stay_in_a_revised_prompt(training_of: Of, tmp_path: Path) -> None:
    training = training_of({("dog", "rain"): 2, ("rain",): 3})
    settings = RunSettings(recipe="synthio")
    prompter = Prompter(training, settings, "mixcap", Scripted("A dog in a tunnel"))
    request = Request(
        ("dog", "rain"), "paper", prompt="A dog in a yard, together with rain", seed_key=("s", 0, "dog", 1)
    )
    rejected = Rejection(request, Evidence("label", "label: no"), None)
    ((_, prompt),) = Reflection(settings, prompter).revised("dog", [rejected], [], 1)
    assert prompt.text == "A dog in a tunnel, together with rain"


def test_a_revised_request_stands_beside_the_same_real_clip(training_of: Of, paper_of: Any, tmp_path: Path) -> None:
    training, paper = training_of({("dog",): 3, ("church_bells",): 2}), paper_of((1, 1))
    settings = get_recipe("synthio").defaults(
        RunSettings(recipe="synthio", prompts=PromptSettings(style="plain"), amount=AmountSettings(per_label=8))
    )
    method = get_recipe("synthio").method(training, settings, language_model=Scripted(None))
    first = [request for request in method.plan(paper) if request.labels == ("dog",)]
    explained = [Rejection(request, Evidence("label", "label: no"), None) for request in first[3:8]]
    shortfall = Shortfall("dog", 2, 0.5, [one.request for one in explained], explained, first[:3])
    revised = list(method.revise(paper, [shortfall], 1))
    assert len(revised) == 5  # 2 missing, 1.25 candidates each, half of which pass
    for request, rejected in zip(revised, first[3:], strict=False):
        assert (request.parents, request.duration_s) == (rejected.parents, rejected.duration_s)
        assert request.replaces == rejected.id
        assert request.prompt == rejected.prompt
        assert request.id != rejected.id


class Trainer:
    """Writes an adapter of the label counts, and remembers how often it trained."""

    def __init__(self) -> None:
        self.trained: list[str] = []

    def __call__(
        self, training: TrainingPart, settings: RunSettings, out: Path, progress: Progress | None = None
    ) -> None:
        if (out / "weights").is_file():
            return
        self.trained.append(settings.synthio.align)
        out.mkdir()
        (out / "weights").write_text(f"{settings.synthio.align} {training.counts()}")


@pytest.fixture
def trainer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Trainer]:
    found = Trainer()
    monkeypatch.setattr("menura.recipes.adapted._make_adapter", found)
    monkeypatch.setattr(
        "menura.pipeline.context.load_generator", lambda settings, sample_rate: CaveModel(settings.model.adapter)
    )
    return found


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> TrainingPart:
    return world(tmp_path_factory.mktemp("world") / "sounds", ["bell", "hiss"])


def settings_with(align: Any = "dpo", **more: Any) -> RunSettings:
    usual = {
        "amount": AmountSettings(per_label=2),
        "judge": JudgeSettings(encoder="acoustic"),
        "synthio": SynthioSettings(align=align, self_reflection=0),
    }
    return RunSettings(recipe="synthio", **usual | more)


def test_a_run_trains_its_adapter_once_and_uses_it(sounds: TrainingPart, trainer: Trainer, tmp_path: Path) -> None:
    out = tmp_path / "run"
    run = augment(sounds, settings=settings_with(), out=out, workers=1)
    weights = (out / "adapter" / "weights").read_bytes()
    assert run.identity.generator["fingerprint"] == CaveModel(str(out / "adapter")).fingerprint
    assert run.settings.generator.model.adapter == str(out / "adapter")
    augment(sounds, settings=settings_with(), out=out, workers=1)
    augment(sounds, settings=run.settings, out=out, workers=1)
    assert trainer.trained == ["dpo"]
    with pytest.raises(RunError, match=r"synthio\.align: dpo → sft"):
        augment(sounds, settings=settings_with("sft"), out=out, workers=1)
    with pytest.raises(RunError, match=r"amount\.per_label: 2 → 3"):
        augment(sounds, settings=settings_with(amount=AmountSettings(per_label=3)), out=out, workers=1)
    assert trainer.trained == ["dpo"]
    assert (out / "adapter" / "weights").read_bytes() == weights
    augment(sounds, settings=settings_with("sft"), out=out, workers=1, fresh=True)
    assert trainer.trained == ["dpo", "sft"]


def test_a_run_that_moves_takes_its_adapter_along_and_another_adapter_is_noticed(
    sounds: TrainingPart, trainer: Trainer, tmp_path: Path
) -> None:
    out, moved = tmp_path / "run", tmp_path / "elsewhere"
    before = augment(sounds, settings=settings_with(), out=out, workers=1).identity.fingerprint
    assert str(tmp_path) not in (out / IDENTITY_NAME).read_text().replace(sounds.root, "")
    out.rename(moved)
    identity = Identity.read(moved)
    assert identity.settings.generator.model.adapter == str(moved / "adapter")
    assert identity.fingerprint == before
    assert augment(sounds, settings=settings_with(), out=moved, workers=1).is_finished
    (moved / "adapter" / "weights").write_text("other")
    with pytest.raises(RunError, match=r"generator\.fingerprint"):
        augment(sounds, settings=settings_with(), out=moved, workers=1)


@pytest.mark.parametrize(
    ("generator", "message"),
    [
        (GeneratorSettings(name="resynth", model=ModelSettings(adapter="mine")), "to use yours"),
        (GeneratorSettings(name="resynth+synth"), "adapts one generator, resynth\\+synth names 2"),
    ],
)
def test_what_cannot_be_aligned_is_said_before_anything_is_made(
    sounds: TrainingPart, tmp_path: Path, generator: GeneratorSettings, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        augment(sounds, settings=settings_with(generator=generator), out=tmp_path / "run")
    assert not (tmp_path / "run" / IDENTITY_NAME).exists()


def test_a_plan_counts_the_questions_of_self_reflection_apart(sounds: TrainingPart, trainer: Trainer) -> None:
    paid = LanguageModelSettings(url="http://localhost:1/v1", model="any")

    def costs(rounds: int) -> Any:
        parts = SynthioSettings(align="none", self_reflection=rounds)
        asked = settings_with(language_model=paid, synthio=parts, amount=AmountSettings(per_label=4))
        return plan_run(sounds, asked, workers=1)[1]

    none, two = costs(0), costs(2)
    assert none.later == 0
    assert none.calls > 0
    requests = 2 * 5  # two labels, 4 clips of each at 1.25 candidates
    assert 2 * requests <= two.later <= 3 * requests
    assert two.calls == none.calls + two.later
    assert f"{two.later} of the calls only if every clip is rejected" in str(two)
    assert trainer.trained == []
