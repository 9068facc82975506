"""From a real run on disk to the material, and to the file."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from menura import datasets
from menura.cli.main import app
from menura.datasets.demo import make_demo_dataset
from menura.errors import RunError
from menura.pipeline.run import Run
from menura.recipes.augment import augment
from menura.report import write_report
from menura.report.gather import _sound_budget, gather, reason_kind
from menura.report.material import Material


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("gather")
    sounds = make_demo_dataset(folder / "sounds", clips_per_label=(3, 1), sample_rate=8000)
    dataset = datasets.load(sounds)
    three = [clip for clip in dataset.clips if clip.labels[0] in ("bell", "clock", "rain")]
    return augment(dataset.with_clips(three).train, times=2, out=folder / "run", workers=1)


def test_a_run_gives_its_counts_clips_and_parents(run: Run) -> None:
    facts = gather(run.path).run
    assert facts is not None
    kept = run.kept()
    assert facts.num_kept == len(kept) > 0
    assert [row.label for row in facts.keep_rows] == ["bell", "clock", "rain"]
    assert all(row.kept <= row.passed <= row.made <= row.planned for row in facts.keep_rows)
    real = {clip.id: clip.path for clip in run.training.clips}
    for child in facts.children:
        assert Path(child.sound.path).is_file()
        assert child.parents
        assert all(real[parent.clip_id] == parent.path for parent in child.parents)
        assert child.parents[0].label == child.sound.label
        assert all(parent.label == child.sound.label for parent in child.parents[:-1])
    rejected = sum(not record.judgement.accepted for record in run.records())
    assert sum(group.count for group in facts.rejects) + facts.num_surplus == rejected


def test_the_map_holds_every_clip_of_a_small_run(run: Run) -> None:
    facts = gather(run.path).run
    assert facts is not None
    assert facts.embedded is not None
    assert facts.embedded.left_out == 0
    assert len(facts.embedded.vectors) == len(facts.embedded.sounds) == len(run.training.clips) + facts.num_kept


def test_licences_and_identity_come_along_and_paths_of_the_machine_do_not(run: Run) -> None:
    facts = gather(run.path).run
    assert facts is not None
    assert facts.licences == {"CC0-1.0": 9}
    assert facts.facts["fingerprint"] == run.identity.fingerprint
    assert not [value for value in (*facts.facts.values(), *facts.settings.values()) if str(run.path.parent) in value]


def test_a_run_with_an_evaluation_shows_both(run: Run, material: Material) -> None:
    assert material.evaluation is not None
    path = run.path / "evaluation.json"
    path.write_text(json.dumps(replace(material.evaluation, dataset="ours").to_json()), encoding="utf-8")
    try:
        both = gather(run.path)
    finally:
        path.unlink()
    assert both.evaluation is not None
    assert both.run is not None
    assert both.evaluation.dataset == "ours"


def test_the_folder_of_an_evaluation_shows_the_first_of_its_runs(run: Run, material: Material, tmp_path: Path) -> None:
    assert material.evaluation is not None
    (tmp_path / "evaluation.json").write_text(json.dumps(material.evaluation.to_json()), encoding="utf-8")
    assert gather(tmp_path).run is None
    (tmp_path / "runs").mkdir()
    for name in ("fold-2", "fold-1"):
        (tmp_path / "runs" / name).symlink_to(run.path)
    facts = gather(tmp_path).run
    assert facts is not None
    assert facts.siblings == 2


def test_an_audit_beside_the_run_is_shown(run: Run) -> None:
    path = run.path / "audit.json"
    path.write_text('{"findings": [{"kind": "clipped", "severity": "warning", "message": "1 clip is clipped"}]}')
    try:
        assert "1 clip is clipped" in [finding.message for finding in gather(run.path).findings]
        path.write_text('{"findings": 3}')
        with pytest.raises(RunError, match="menura audit DATA --json"):
            gather(run.path)
    finally:
        path.unlink()


@pytest.mark.parametrize(("reason", "kind"), [
    ("label: its agreement with 'rain' is 0.07, at least 0.12 expected", "sounds more like another label"),
    ("copy: nearly the real clip 0123456789abcdef (correlation 0.99)", "nearly a copy of a real clip"),
    ("clipping: 3.0% of its samples are at full scale", "clipping"), ("", "no reason given"),
])  # fmt: skip
def test_reasons_are_counted_by_what_they_are_about(reason: str, kind: str) -> None:
    assert reason_kind(reason) == kind


def test_the_report_lies_in_the_run_unless_told_otherwise(run: Run, tmp_path: Path) -> None:
    path = write_report(run.path)
    assert path == run.path / "report.html"
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    other = write_report(run.path, tmp_path / "deep" / "page.html")
    assert other.read_bytes() == path.read_bytes()
    assert [item.name for item in other.parent.iterdir()] == ["page.html"]


def test_the_command_prints_the_path(run: Run, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    shown = CliRunner().invoke(app, ["report", str(run.path), "-o", str(tmp_path / "r.html"), "--json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout) == {
        "report": str(tmp_path / "r.html"),
        "bytes": (tmp_path / "r.html").stat().st_size,
    }


def test_a_folder_without_anything_to_report_is_a_clear_mistake(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"neither a run .* nor an evaluation"):
        write_report(tmp_path)
    with pytest.raises(RunError, match="does not exist"):
        write_report(tmp_path / "nowhere")


def test_a_file_that_cannot_be_written_is_a_clear_mistake(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="choose another file with -o"):
        write_report(run.path, tmp_path / "file" / "report.html")


@pytest.mark.parametrize(("labels", "players"), [(3, 96), (24, 96), (50, 200), (64, 256), (500, 256)])
def test_each_of_many_labels_can_be_heard_and_the_page_stays_small(labels: int, players: int) -> None:
    assert _sound_budget(labels) == players
