"""Recipe ``synthio`` from beginning to end, on a model with a known fault."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.recipes.cave import CaveModel, world

import menura
from menura.config import AmountSettings, JudgeSettings, RunSettings, SynthioSettings
from menura.datasets.dataset import TrainingPart
from menura.pipeline import execute
from menura.pipeline.decide import all_labels
from menura.pipeline.run import Run
from menura.recipes.reflection import Reflection
from menura.report.gather import gather_run
from menura.report.material import Material
from menura.report.page import render_page

SETTINGS = RunSettings(
    recipe="synthio",
    amount=AmountSettings(per_label=8),
    judge=JudgeSettings(encoder="acoustic"),
    synthio=SynthioSettings(align="none", self_reflection=3),
    shard_size=8,
)


@pytest.fixture(scope="module", autouse=True)
def _cave_model() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "menura.pipeline.context.load_generator",
            lambda settings, sample_rate: CaveModel(settings.model.adapter),
        )
        yield


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> TrainingPart:
    return world(tmp_path_factory.mktemp("world") / "sounds")


def made(training: TrainingPart, out: Path, **settings: Any) -> Run:
    return menura.augment(training, settings=SETTINGS.model_copy(update=settings), out=out, workers=1)


@pytest.fixture(scope="module")
def run(training: TrainingPart, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return made(training, tmp_path_factory.mktemp("run") / "run")


def digest(run: Path) -> dict[str, str]:
    """File to hash of everything that the promise of equal bytes covers."""
    return {
        path.relative_to(run).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in ("log.jsonl", ".lock")
    }


def test_what_fails_in_a_cave_comes_back_elsewhere_and_passes(run: Run) -> None:
    bells = [record for record in run.records() if record.label == "bell"]
    in_caves = [record for record in bells if "cave" in str(record.request.prompt)]
    assert in_caves
    assert {record.request.round for record in in_caves} == {0}
    assert all(record.judgement.reason.startswith("label:") for record in in_caves)
    first, second = run.round_rates()["bell"]
    assert first.rate is not None
    assert second.rate is not None
    assert second.rate > first.rate
    assert second.kept > 0
    assert run.keep_rates()["bell"].kept == 8


def test_the_loop_ends_when_nothing_can_be_gained(run: Run) -> None:
    """Three rounds are allowed. Bells are complete after one, horns gained nothing in it."""
    assert run.settings.rounds == 3
    assert run.rounds == 2
    assert [rate.kept for rate in run.round_rates()["horn"]] == [0, 0]
    assert [rate.round for rate in run.round_rates()["hiss"]] == [0]


def test_a_label_that_gained_nothing_is_left_alone_while_another_goes_on(
    training: TrainingPart, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("menura.pipeline.context.load_generator", lambda *_, **__: CaveModel(moody=True))
    rates = made(training, tmp_path / "run").round_rates()
    assert [rate.round for rate in rates["bell"]] == [0, 1, 2]
    assert [rate.round for rate in rates["horn"]] == [0, 1]


def test_a_horn_of_which_no_caption_worked_comes_back_unchanged_with_another_seed(run: Run) -> None:
    requests = {record.request.id: record.request for record in run.records() if record.label == "horn"}
    later = [request for request in requests.values() if request.replaces]
    assert later
    for request in later:
        assert request.replaces is not None
        assert request.prompt == requests[request.replaces].prompt
        assert request.seed_key != requests[request.replaces].seed_key


def test_the_rounds_add_up_to_the_whole(run: Run) -> None:
    whole = run.keep_rates()
    for label, rates in run.round_rates().items():
        for name in ("planned", "made", "passed", "kept"):
            assert sum(getattr(rate, name) for rate in rates) == getattr(whole[label], name)
    assert [rate.planned for rate in all_labels(run.round_rates())] == [
        len(list(run.requests(0))),
        len(list(run.requests(1))),
    ]


def test_every_clip_goes_back_to_its_first_caption(run: Run) -> None:
    records = {record.request.id: record for record in run.records()}
    later = [record for record in records.values() if record.request.round]
    assert later
    for record in later:
        chain = record.lineage
        assert chain[-1].request_id == record.request.replaces
        assert chain[0].round == 0
        for ancestor in chain:
            before = records[ancestor.request_id]
            assert (ancestor.prompt, ancestor.reason) == (before.request.prompt, before.judgement.reason)
            assert ancestor.reason
            assert ancestor.scores == before.judgement.scores
    assert not any(record.lineage for record in records.values() if record.request.round == 0)


def test_lineage_is_told_in_the_manifest_and_in_the_report(run: Run) -> None:
    lines = (run.path / "dataset" / "manifest.jsonl").read_text().splitlines()
    told = {row["request_id"]: row.get("lineage", []) for row in map(json.loads, lines)}
    kept = {record.request.id: record for record in run.records() if record.judgement.accepted}
    assert any(told.values())
    assert {name: [one["prompt"] for one in chain] for name, chain in told.items()} == {
        name: [one.prompt for one in record.lineage] for name, record in kept.items()
    }
    facts = gather_run(run)
    assert facts.rounds == all_labels(run.round_rates())
    assert all(child.prompt == kept[child.sound.clip_id].request.prompt for child in facts.children)
    assert all(child.lineage == kept[child.sound.clip_id].lineage for child in facts.children)
    page = render_page(Material(run=facts, source="run"))
    assert "Round by round" in page
    assert page.count("How it came about, in 2 rounds") >= sum(bool(child.lineage) for child in facts.children) > 0


def test_the_card_of_the_dataset_tells_each_round(run: Run) -> None:
    card = (run.path / "dataset" / "README.md").read_text()
    for rate in all_labels(run.round_rates()):
        assert f"| {rate.round or 'first'} | {rate.planned} | {rate.passed} ({rate.rate:.0%}) | {rate.kept} |" in card


@pytest.mark.parametrize("moment", ["before the reviser answers", "before the second round is made"])
def test_a_run_stopped_between_rounds_goes_on_to_the_same_bytes(
    training: TrainingPart, run: Run, tmp_path: Path, moment: str
) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    def make_first(work: Any, round_index: int) -> None:
        stop() if round_index else make_round(work, round_index)

    make_round = execute._Work.make_round
    with pytest.MonkeyPatch.context() as patch:
        if moment == "before the reviser answers":
            patch.setattr(Reflection, "revised", stop)
        else:
            patch.setattr(execute._Work, "make_round", make_first)
        with pytest.raises(KeyboardInterrupt):
            made(training, tmp_path / "run")
    assert (tmp_path / "run" / "shards").is_dir()
    assert not (tmp_path / "run" / "dataset").exists()
    assert not list((tmp_path / "run").glob("rounds/1/shards/*"))
    assert digest(made(training, tmp_path / "run").path) == digest(run.path)


def test_templates_come_back_as_they_were_and_no_filter_rejects_no_label(
    training: TrainingPart, tmp_path: Path
) -> None:
    parts = SynthioSettings(align="none", template_captions=True, self_reflection=1)
    template = made(training, tmp_path / "template", synthio=parts)
    assert {record.request.prompt for record in template.records()} == {
        "Sound of a bell", "Sound of a horn", "Sound of hiss",
    }  # fmt: skip
    assert any(record.request.round for record in template.records())
    everything = made(training, tmp_path / "everything", synthio=SynthioSettings(align="none", filter=False))
    assert {rate.kept for rate in everything.keep_rates().values()} == {8}
    assert {record.judgement.reason.partition(":")[0] for record in everything.records()} == {"", "surplus"}
