"""A run whose clips a learner gives out: the same clips as an even run, fewer here and more there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from menura.allocate.record import Assessment, LabelState, RoundRecord
from menura.audio import encode
from menura.cli.main import app
from menura.config import AllocationSettings, AmountSettings, JudgeSettings, PromptSettings, RunSettings, settings_from
from menura.datasets import load
from menura.datasets.dataset import Dataset, TrainingPart
from menura.datasets.sounds import render_sound
from menura.errors import ConfigError
from menura.pipeline.allocation import Growth
from menura.pipeline.allocation_files import read_records
from menura.pipeline.context import generators
from menura.pipeline.decide import round_folder
from menura.pipeline.plan import lead_labels, read_requests, write_plan
from menura.pipeline.run import Run
from menura.recipes.allocation import growing
from menura.recipes.amounts import targets
from menura.recipes.augment import augment
from menura.recipes.registry import get_recipe
from menura.report.build import write_report
from menura.seeding import item_generator
from menura.types import Recording

RATE = 8000
SETTINGS = RunSettings(
    amount=AmountSettings(times=3), allocation=AllocationSettings(by="learner", rounds=3, stop=False), shard_size=4
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two labels of four clips, and as many held out."""
    folder = tmp_path_factory.mktemp("sounds")
    rows = ["file_name,label,fold"]
    for label in ("rain", "siren"):
        for take in range(5):
            waveform = render_sound(label, item_generator(3, label, take), duration_s=0.4, sample_rate=RATE)
            recording = Recording(0.3 * np.asarray(waveform, dtype=np.float32)[None], RATE)
            encode(recording, folder / f"{label}{take}.wav", container="WAV")
            rows.append(f"{label}{take}.wav,{label},{1 if take < 4 else 2}")
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n")
    return load(folder, test_fold=2)


@pytest.fixture(scope="module")
def finished(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of it."""
    out = tmp_path_factory.mktemp("runs") / "learner"
    augment(dataset.train, settings=SETTINGS, out=out, workers=1)
    return out


def bytes_of(run: Path) -> dict[str, bytes]:
    names = ("run.json", "log.jsonl")
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in names and "lock" not in path.name
    }


def test_as_many_clips_are_kept_as_the_amount_says(finished: Path) -> None:
    run = Run.open(finished)
    assert sum(run.targets.values()) == sum(run.identity.targets.values()) == 24
    rates = run.keep_rates()
    assert {label: rate.target for label, rate in rates.items()} == run.targets
    assert sum(rate.kept for rate in rates.values()) == 24
    assert len(read_records(finished)) == 3
    assert all((round_folder(finished, number) / "plan.parquet").is_file() for number in range(3))


def test_its_requests_are_those_that_an_even_run_of_other_amounts_would_make(dataset: Dataset, finished: Path) -> None:
    run = Run.open(finished)
    first_pass = {request.id for number in range(3) for request in run.requests(number) if request.replaces is None}
    planned = dict.fromkeys(run.targets, 0)
    for record in read_records(finished):
        planned = {label: planned[label] + record.requests[label] for label in planned}
    grow = growing(get_recipe("resynth"), dataset.train, run.settings)
    generator = generators(run.settings.generator, run.identity.sample_rate)(0)
    assert {request.id for request in grow(generator, planned)} == first_pass


def test_no_held_out_clip_reaches_the_learner(dataset: Dataset, finished: Path) -> None:
    assert dataset.test
    written = "".join(path.read_text() for path in (finished / "allocation").iterdir())
    assert not any(clip.id in written for clip in dataset.test)
    assert len(read_records(finished)[0].assessment.scores) == len(dataset.train.clips)


@pytest.mark.parametrize("lost", ["allocation/1.json", "allocation/end.json"])
def test_a_run_stopped_at_any_round_goes_on_to_the_same_bytes(
    dataset: Dataset, finished: Path, tmp_path: Path, lost: str
) -> None:
    """What was written after that moment is not there yet."""
    out = tmp_path / "stopped"
    shutil.copytree(finished, out)
    for name in ("judgements.parquet", "allocation/end.json", lost):
        (out / name).unlink(missing_ok=True)
    shutil.rmtree(out / "dataset")
    if lost == "allocation/1.json":
        (out / "allocation" / "2.json").unlink()
        shutil.rmtree(out / "rounds")
        shutil.rmtree(next((out / "shards").iterdir()))
    augment(dataset.train, settings=SETTINGS, out=out, workers=1)
    assert bytes_of(out) == bytes_of(finished)


def test_a_finished_run_is_left_alone(dataset: Dataset, finished: Path) -> None:
    before = bytes_of(finished)
    assert augment(dataset.train, settings=SETTINGS, out=finished, workers=1).is_finished
    assert bytes_of(finished) == before


def test_card_report_and_rows_say_what_each_round_was_given(finished: Path) -> None:
    run = Run.open(finished)
    rows = run.allocation
    given_out = [sum(record.budget.values()) for record in read_records(finished)]
    assert [row["budget"] for row in rows] == [*given_out, 0]
    assert given_out[0] == 8
    assert run.allocation_ended == "the whole budget was given out"
    card = (finished / "dataset" / "README.md").read_text()
    assert "A learner gave the clips out in rounds" in card
    assert "| end |" in card
    page = write_report(finished, finished.parent / "report.html").read_text()
    assert "Which labels the clips went to" in page


def test_an_even_run_leaves_no_trace_of_it(dataset: Dataset, tmp_path: Path) -> None:
    run = augment(dataset.train, per_label=2, out=tmp_path / "even", workers=1)
    assert run.allocation == []
    assert "allocation" not in (run.path / "run.json").read_text()
    assert not (run.path / "allocation").exists()
    assert "learner" not in (run.path / "dataset" / "README.md").read_text()


def test_the_commands_say_it_before_and_after(dataset: Dataset, tmp_path: Path) -> None:
    arguments = [dataset.root, "--test-fold", "2", "--per-label", "4", "--allocate", "learner", "--json"]
    planned = CliRunner().invoke(app, ["plan", *arguments, "--allocation-rounds", "2"])
    assert planned.exit_code == 0, planned.output
    said = json.loads(planned.stdout)["allocation"]
    assert said == {
        "rounds": 2,
        "labels": [{"label": label, "first": 2, "most": 12} for label in ("rain", "siren")],
    }
    made = CliRunner().invoke(
        app, ["augment", *arguments, "--allocation-rounds", "2", "-o", str(tmp_path / "run"), "--workers", "1"]
    )
    assert made.exit_code == 0, made.output
    found = json.loads(made.stdout)["allocation"]
    assert found["rounds"][0]["budget"] == 4
    assert found["ended"]


def test_settings_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"rounds need by=learner"):
        settings_from(RunSettings, {"allocation": {"rounds": 3}})
    with pytest.raises(ConfigError, match=r"needs judge\.enabled"):
        settings_from(RunSettings, {"allocation": {"by": "learner"}, "judge": {"enabled": False}})
    assert JudgeSettings().enabled


def test_amounts_by_label_name_labels_that_there_are(training_of: Callable[..., TrainingPart]) -> None:
    training = training_of({("rain",): 2, ("siren",): 2})
    assert targets(training, AmountSettings(by_label={"siren": 3})) == {"rain": 0, "siren": 3}
    with pytest.raises(ConfigError, match="by_label names wind"):
        targets(training, AmountSettings(by_label={"wind": 3}))
    with pytest.raises(ConfigError, match="by_label names no clip"):
        targets(training, AmountSettings(by_label={"rain": 0}))


def test_prompts_that_taught_more_are_asked_for_again(
    training_of: Callable[..., TrainingPart], paper_of: Callable[..., object], tmp_path: Path
) -> None:
    """Two prompts of a label in turn; the one that is worth more gets more of the next round."""
    training = training_of({("bell",): 4, ("rain",): 4})
    settings = RunSettings(recipe="label_guided", prompts=PromptSettings(style="label"))
    grow_plain = growing(get_recipe("label_guided"), training, settings)

    def grow(generator: object, candidates: Mapping[str, int]):
        for request in grow_plain(generator, candidates):  # type: ignore[arg-type]
            number = int(request.seed_key[-1])
            yield replace(request, prompt=f"{request.labels[0]} {'near' if number % 2 else 'far'}")

    generator = paper_of(parents_needed=(0, 0))
    lead = lead_labels(training.counts())
    none, four = {"bell": 0, "rain": 0}, {"bell": 4, "rain": 4}
    known = Assessment(0, (0.5,), 0.5, 0.5, 1.0, dict.fromkeys(none, LabelState(0.5, 0.5)))
    first = RoundRecord(0, known, none, none, none, four, four)
    write_plan(tmp_path / "plan.parquet", Growth(tmp_path, first, grow, lead, 0.0)(generator), lead)  # type: ignore[arg-type]
    weights = {"bell": {"": 0.5, "bell near": 0.9, "bell far": 0.1}}
    second = RoundRecord(1, known, four, four, four, {"bell": 8, "rain": 8}, four, weights)
    added = list(Growth(tmp_path, second, grow, lead, 0.0)(generator))  # type: ignore[arg-type]
    assert [request.prompt for request in added if request.labels == ("bell",)] == ["bell near"] * 4
    assert [request.prompt for request in added if request.labels == ("rain",)] == ["rain far", "rain near"] * 2
    earlier = {request.seed_key for request in read_requests(tmp_path / "plan.parquet")}
    assert not earlier & {request.seed_key for request in added}
