"""The arms ``vanilla`` and ``vanilla-captions``: what a text-to-audio model gives as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.backends.conftest import tiny
from tests.studies.conftest import fake_runs, tone

from menura.classify.results import EvaluationResult
from menura.config import (
    AmountSettings,
    GeneratorSettings,
    JudgeSettings,
    ModelSettings,
    PromptSettings,
    RunSettings,
    SynthioSettings,
)
from menura.datasets.dataset import Dataset, TrainingPart
from menura.errors import ConfigError
from menura.pipeline.run import Run
from menura.studies.evaluate import evaluate
from menura.studies.job import MakeRun, RunLike, augment_run
from menura.studies.vanilla import vanilla_run

__all__ = ["tiny"]

ARMS = ("real", "synthetic", "vanilla", "vanilla-captions")
Tiny = Callable[[str], Path]


def settings_for(name: str, **model: Any) -> RunSettings:
    return RunSettings(
        amount=AmountSettings(times=2),
        judge=JudgeSettings(encoder="acoustic"),
        generator=GeneratorSettings(name=name, model=ModelSettings(num_inference_steps=1, **model)),
    )


def proof(tones: Dataset, out: Path, make_run: MakeRun, settings: RunSettings, **options: Any) -> EvaluationResult:
    asked = {"real_per_label": 2, "seeds": 1, "arms": ARMS, "workers": 1} | options
    three = replace(tones, clips=tuple(clip for clip in tones.clips if clip.fold != "4"))
    return evaluate(three, out=out, make_run=make_run, settings=settings, **asked)


def test_their_runs_have_neither_adapter_nor_parents_nor_judges_and_as_many_clips() -> None:
    base = settings_for("stable-audio:model", adapter="adapter", strength=0.5).model_copy(
        update={
            "recipe": "synthio", "synthio": SynthioSettings(align="sft"), "rounds": 7,
            "prompts": PromptSettings(style="mixcap", cards="cards.toml"),
        }
    )  # fmt: skip
    made = vanilla_run(base, "vanilla", {"low": 3, "mid": 0, "high": 2})
    assert (made.recipe, made.prompts.style, made.prompts.cards) == ("label_guided", "sound_of", "cards.toml")
    assert made.amount == AmountSettings(by_label={"high": 2, "low": 3})
    assert (made.judge.enabled, made.judge.surplus, made.rounds) == (False, 1.0, 1)
    model = made.generator.model
    assert (model.adapter, model.strength, model.num_inference_steps) == (None, None, 1)
    assert not made.makes_adapter
    captions = vanilla_run(base, "vanilla-captions", {"low": 3})
    assert (captions.recipe, captions.prompts.style) == ("llm_assisted", "plain")
    assert RunSettings.model_validate(made.model_dump()) == made


def test_they_are_compared_with_the_method_and_no_verdict_is_about_them(
    tones: Dataset, copying_runs: MakeRun, tiny: Tiny, tmp_path: Path
) -> None:
    """The clips of ``vanilla`` are good here and those of the method copies: the verdict stays with the method."""
    settings = settings_for(f"stable-audio:{tiny('stable_audio')}")
    helpful_runs = fake_runs(lambda parent, generator: tone(parent.labels[0], generator), times=3)

    def make_run(training: TrainingPart, out: Path, asked: RunSettings) -> RunLike:
        return (helpful_runs if "vanilla" in out.name else copying_runs)(training, out, asked)

    before = proof(tones, tmp_path, make_run, settings, arms=ARMS[:2])
    found = proof(tones, tmp_path, make_run, settings)
    assert found.arms[:2] == before.arms
    assert (found.outcome, found.labels_gained, found.differences[0]) == (
        before.outcome, before.labels_gained, before.differences[0],
    )  # fmt: skip
    assert found.verdict == before.verdict
    pairs = [(item.arm, item.baseline, item.p_corrected) for item in found.differences[len(before.differences) :]]
    assert pairs == [
        ("synthetic", "vanilla", None), ("synthetic", "vanilla-captions", None),
        ("vanilla", "real", None), ("vanilla-captions", "real", None),
    ]  # fmt: skip
    means = {arm.name: arm.accuracy for arm in found.arms}
    assert found.differences[-2].gain == pytest.approx(means["vanilla"] - means["real"])
    assert means["vanilla"] > means["synthetic"]
    assert "captions_by_grammar" in {finding["kind"] for finding in found.findings}


def test_a_tiny_model_makes_as_many_clips_of_each_label_from_plain_prompts(
    tones: Dataset, copying_runs: MakeRun, tiny: Tiny, tmp_path: Path
) -> None:
    def make_run(training: TrainingPart, out: Path, asked: RunSettings) -> RunLike:
        return (augment_run if "vanilla" in out.name else copying_runs)(training, out, asked)

    few = Dataset("tones", tuple(clip for clip in tones.clips if clip.fold in ("1", "2") and clip.labels != ("mid",)))
    settings = settings_for(f"stable-audio:{tiny('stable_audio')}")
    found = proof(few, tmp_path, make_run, settings, real_per_label=1)
    assert {arm.name for arm in found.arms} == set(ARMS)
    plain = Run.open(tmp_path / "runs" / "fold-1-seed-0-vanilla")
    assert {(record.request.labels, record.request.prompt) for record in plain.records()} == {
        (("low",), "Sound of a low"), (("high",), "Sound of a high"),
    }  # fmt: skip
    assert {label: rate.target for label, rate in plain.keep_rates().items()} == {"low": 6, "high": 6}
    written = Run.open(tmp_path / "runs" / "fold-1-seed-0-vanilla-captions")
    prompts = {record.request.prompt for record in written.records()}
    assert len(prompts) > 2
    assert not any(prompt and prompt.startswith("Sound of") for prompt in prompts)


def test_a_generator_that_works_from_recordings_is_refused(
    tones: Dataset, copying_runs: MakeRun, tiny: Tiny, tmp_path: Path
) -> None:
    for name in ("resynth", f"resynth+stable-audio:{tiny('stable_audio')}"):
        with pytest.raises(ConfigError, match=r"vanilla and vanilla-captions ask a text-to-audio model.*resynth works"):
            proof(tones, tmp_path / "proof", copying_runs, settings_for(name))
    assert not (tmp_path / "proof").exists()


def test_a_run_has_no_such_arm(tones: Dataset) -> None:
    with pytest.raises(ConfigError, match="the arm vanilla makes runs of its own"):
        evaluate(tones, object(), arms=ARMS)  # type: ignore[arg-type]
