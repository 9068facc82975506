from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from menura.backends.licence_verdict import clip_sources, model_sources, verdict_of
from menura.backends.registry import load_generator
from menura.cli.main import app
from menura.config import AmountSettings, GeneratorSettings, JudgeSettings, ModelSettings, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.errors import ConfigError
from menura.pipeline.run import _joined_licence, _weights_licence
from menura.pipeline.use import _models, planned_verdicts, run_verdicts, use_lines
from menura.recipes.augment import augment
from menura.types import Params, Provenance, Request

QUICK = RunSettings(
    amount=AmountSettings(per_label=1), judge=JudgeSettings(enabled=False), rounds=0
)  # fmt: skip


def licensed(training: TrainingPart, *licences: str | None) -> TrainingPart:
    """The same clips; the licences go round."""
    clips = [replace(clip, licence=licences[at % len(licences)]) for at, clip in enumerate(training.clips)]
    return replace(training, clips=tuple(clips))


def test_a_run_over_non_commercial_parents_is_refused_before_anything_is_made(
    training: TrainingPart, tmp_path: Path
) -> None:
    asked = QUICK.model_copy(update={"licence": "commercial"})
    with pytest.raises(ConfigError, match=r"resynth could not be used commercially: 4 real clips under CC-BY-NC-3.0"):
        augment(licensed(training, "CC-BY-3.0", "CC-BY-NC-3.0"), settings=asked, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match=r"8 real clips whose licence is not stated.*column `licence`"):
        augment(training, settings=asked, out=tmp_path / "run")


def test_a_run_over_free_parents_is_made_and_its_card_says_what_it_may_be_used_for(
    training: TrainingPart, tmp_path: Path
) -> None:
    asked = QUICK.model_copy(update={"licence": "commercial"})
    run = augment(licensed(training, "CC-BY-4.0"), settings=asked, out=tmp_path / "run", workers=1)
    card = (run.path / "dataset" / "README.md").read_text()
    assert "## What the synthetic clips may be used for" in card
    assert "- Clips made by resynth may be used commercially;" in card
    assert "(CC-BY-4.0)" in card
    assert json.loads((run.path / "run.json").read_text())["settings"]["licence"] == "commercial"


def test_the_verdict_of_a_run_is_on_the_parents_that_were_really_used(training: TrainingPart, tmp_path: Path) -> None:
    mixed = licensed(training, "CC0", "CC-BY-NC-3.0")
    run = augment(mixed, settings=QUICK, out=tmp_path / "run", workers=1)
    used = {parent for clip in run.kept() if clip.provenance for parent in clip.provenance.request.parents}
    unfree = [parent for parent in used if mixed.by_id[parent].licence != "CC0"]
    [verdict] = run_verdicts(run)
    assert verdict.generator == "resynth"
    assert verdict.commercial == ("no" if unfree else "yes")
    assert sum(int(source.name.split()[0]) for source in verdict.sources) == len(used)


def test_settings_without_the_option_stay_as_they_were() -> None:
    assert "licence" not in RunSettings().model_dump()
    assert RunSettings().fingerprint != RunSettings(licence="commercial").fingerprint


def test_weights_and_adapters_count_too(training: TrainingPart) -> None:
    free = licensed(training, "CC0")

    def use(**settings: Any) -> list[str]:
        asked = GeneratorSettings(**settings)
        found = planned_verdicts(free, load_generator(asked, sample_rate=8000), asked)
        return [verdict.commercial for verdict in found]

    assert use() == ["yes"]
    assert use(model=ModelSettings(path="cvssp/audioldm2")) == ["no"]
    assert use(model=ModelSettings(adapter="somebody/lora")) == ["unknown"]
    assert use(name="resynth+audioldm2:cvssp/audioldm2-large") == ["yes", "no"]
    assert use(name="mix+mix:audioldm2:cvssp/audioldm2-large") == ["yes", "no"]


def test_a_generator_that_takes_no_parents_is_not_bound_by_their_licences(training: TrainingPart) -> None:
    generator: Any = SimpleNamespace(name="text", parents_needed=(0, 0), weights="laion/clap-htsat-unfused")
    assert [one.commercial for one in planned_verdicts(training, generator, GeneratorSettings())] == ["yes"]
    generator.parents_needed = (0, 1)
    assert [one.commercial for one in planned_verdicts(training, generator, GeneratorSettings())] == ["unknown"]


def test_what_a_generator_tells_of_its_model_becomes_the_licence_of_the_clip() -> None:
    facts = {"model": "facebook/audiogen-medium"}
    assert _weights_licence(facts) == "CC-BY-NC-4.0"
    assert _weights_licence({"model": "somebody/something"}) == "unknown"
    assert _weights_licence({"model": "x/y", "weights_licence": "MIT"}) == "MIT"
    assert _weights_licence({}) is None
    made = Provenance(Request(("rain",), "g"), "g", weights_licence="CC-BY-NC-4.0", parent_licences=("CC0", None))
    assert _joined_licence(made) == "CC0; not stated; CC-BY-NC-4.0"


@pytest.mark.parametrize(
    ("parents", "joined"),
    [
        (("CC0", "CC BY 4.0", "CC0"), "CC0; CC BY 4.0"),
        ((None, "CC0", None), "not stated; CC0"),
        ((None, None), None),
        ((), None),
    ],
)
def test_a_parent_without_a_licence_does_not_vanish_beside_one_that_has_one(
    parents: tuple[str | None, ...], joined: str | None
) -> None:
    licence = _joined_licence(Provenance(Request(("rain",), "g"), "g", parent_licences=parents))
    assert licence == joined
    verdict = verdict_of("g", clip_sources([licence]))
    assert (verdict.commercial == "yes") == (None not in parents and parents != ())


def test_what_an_adapter_was_made_from_stands_in_the_licence_of_the_clip_and_in_the_verdict(
    training: TrainingPart, tmp_path: Path
) -> None:
    run = augment(licensed(training, "CC0"), settings=QUICK, out=tmp_path / "run", workers=1)
    record = next(record for record in run.records() if record.judgement.accepted)

    def licence(**facts: str) -> str | None:
        provenance = replace(record.provenance, weights_licence="MIT", parent_licences=(), adapter="mine@1")
        return run.clip_of(replace(record, provenance=provenance, facts=facts)).licence

    assert licence(adapter_licence="CC-BY-NC-4.0") == "MIT; CC-BY-NC-4.0"
    assert licence() == "MIT; not stated"
    run.training = licensed(training, "CC-BY-NC-3.0", None)
    run.identity = replace(run.identity, settings=run.settings.model_copy(update={"recipe": "synthio"}))
    assert run.settings.makes_adapter
    assert licence() == "MIT; not stated; CC-BY-NC-3.0"


def test_the_licence_that_the_card_of_an_adapter_states_is_that_of_the_verdict() -> None:
    made = Provenance(Request(("rain",), "g"), "stable-audio", weights_licence="MIT", adapter="mine@1")
    facts: Params = {"model": "sao", "adapter_licence": "CC-BY-NC-4.0"}
    terms = {source.role: source.terms.name for source in _models([(made, facts)], bare=False)}
    assert terms == {"weights": "MIT", "adapter": "CC-BY-NC-4.0"}
    [adapter] = [source for source in _models([(made, {"model": "sao"})], bare=False) if source.role == "adapter"]
    assert adapter.terms.commercial == "unknown"


def test_two_generators_of_one_run_are_told_apart() -> None:
    verdicts = [verdict_of("resynth", []), verdict_of("audiogen", model_sources("facebook/audiogen-medium"))]
    lines = use_lines(verdicts)
    assert lines[0].startswith("Clips made by resynth may be used commercially")
    assert lines[1].startswith("Clips made by audiogen may be used for non-commercial purposes only")
    assert sum("legal advice" in line for line in lines) == 1
    assert lines[-1].endswith("no legal advice.")
    assert use_lines([]) == []


@pytest.mark.parametrize("command", [["plan"], ["augment", "-o", "RUN"]])
def test_the_command_line_refuses_too(command: list[str], tiny_dataset: Path, tmp_path: Path) -> None:
    words = [str(tmp_path / "run") if word == "RUN" else word for word in command]
    shown = CliRunner().invoke(app, [words[0], str(tiny_dataset), *words[1:], "--licence", "commercial"])
    assert isinstance(shown.exception, ConfigError) or shown.exit_code == 2
    assert "licence is not stated" in (shown.output + str(shown.exception))
    assert not (tmp_path / "run").exists()
