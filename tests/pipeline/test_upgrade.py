"""Runs as older versions left them: they open everywhere, are upgraded on request, and go on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import menura.recipes.augment as augment_module
from menura.cli.main import app
from menura.config import RunSettings
from menura.datasets import load
from menura.errors import ConfigError, RunError
from menura.formats import RUN, run_fingerprint
from menura.pipeline import upgrade as upgrade_module
from menura.pipeline.decide import JUDGEMENTS_NAME
from menura.pipeline.identity import Identity, stored_format
from menura.pipeline.render import render_again
from menura.pipeline.run import Run
from menura.pipeline.upgrade import KEPT_NAME, upgrade_run
from menura.recipes.augment import augment

FROZEN = Path(__file__).parents[1] / "data" / "frozen-runs"
OLD_COLUMNS = ["request_id", "label", "accepted", "reason", "scores"]


def thawed(name: str, folder: Path) -> Path:
    """A frozen run in a folder of its own, with its sounds beside."""
    run = folder / name
    shutil.copytree(FROZEN / name, run)
    if not (folder / "sounds").exists():
        shutil.copytree(FROZEN / "sounds", folder / "sounds")
    for file in (run / "run.json", run / "training.jsonl"):
        file.write_text(file.read_text().replace("@SOUNDS@", str(folder / "sounds")))
    return run


def aged(run: Path) -> Path:
    """The run as format 0 had it: no number, no scheme in the fingerprint, judgements with fewer columns."""
    path = run / "run.json"
    values = json.loads(path.read_text())
    for name in ("format", "fingerprint_scheme"):
        del values[name]
    path.write_text(json.dumps({**values, "fingerprint": run_fingerprint(values)}, indent=2))
    table = pq.read_table(run / JUDGEMENTS_NAME).select(OLD_COLUMNS)
    labels = table.column("label").to_pylist()
    with pq.ParquetWriter(run / JUDGEMENTS_NAME, table.schema, write_page_checksum=True) as writer:
        for label in dict.fromkeys(labels):
            start = labels.index(label)
            writer.write_table(table.slice(start, labels.count(label)))
    return run


MAKERS: dict[str, Callable[[Path], Path]] = {
    "today": lambda folder: thawed("format-1", folder),
    "first": lambda folder: thawed("format-1-first", folder),
    "format 0": lambda folder: aged(thawed("format-1", folder)),
}


@pytest.fixture(params=list(MAKERS))
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A run of each age."""
    return MAKERS[request.param](tmp_path)


def asked(*words: object) -> dict[str, Any]:
    """What a command says as JSON."""
    shown = CliRunner().invoke(app, [*map(str, words), "--json"], catch_exceptions=False)
    assert shown.exit_code == 0, shown.output
    said: dict[str, Any] = json.loads(shown.stdout)
    return said


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a folder but lock and log."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in (".lock", "log.jsonl")
    }


def test_a_run_of_any_age_opens_and_reading_changes_no_byte(run: Path, tmp_path: Path) -> None:
    before = tree(run)
    opened = Run.open(run)
    rates = opened.keep_rates()
    assert {label: (rate.target, rate.kept) for label, rate in rates.items()}.keys() == {"rain", "siren"}
    assert sum(rate.kept for rate in rates.values()) == len(opened.kept()) >= 1
    assert all(rate.made == rate.planned for rate in rates.values())
    assert sum(rate.planned for rate in rates.values()) == len(list(opened.records()))
    asked("export", run, "--to", "csv", "-o", tmp_path / "csv")
    page = tmp_path / "page.html"
    asked("report", run, "-o", page)
    assert "rain" in page.read_text()
    assert tree(run) == before


def test_a_run_of_any_age_can_be_reviewed(run: Path) -> None:
    from menura.review.catalogue import catalogue_of
    from menura.review.desk import Desk

    desk = Desk(catalogue_of(Run.open(run)), clock=lambda: "2026-01-01T00:00:00+00:00")
    first = desk.catalogue.items[0]
    desk.decide("ada", first.id, "reject")
    opinion = Desk(desk.catalogue).ledger.opinion(first.id, "ada")
    assert opinion is not None
    assert opinion.accepted is False


def test_an_old_run_gives_the_numbers_that_it_gave_when_it_was_new(tmp_path: Path) -> None:
    new = Run.open(thawed("format-1", tmp_path))
    rates, rounds = new.keep_rates(), new.round_rates()
    old = Run.open(aged(new.path))
    assert old.identity == new.identity
    assert (old.keep_rates(), old.round_rates()) == (rates, rounds)


def test_a_clip_of_today_is_rendered_again_from_the_frozen_record(tmp_path: Path) -> None:
    run = Run.open(aged(thawed("format-1", tmp_path)))
    record = next(record for record in run.records() if record.judgement.accepted)
    assert render_again(run, record.request.id).record.request == record.request


def test_an_upgrade_keeps_the_old_files_and_changes_nothing_that_is_heard(tmp_path: Path) -> None:
    run = aged(thawed("format-1", tmp_path))
    before = tree(run)
    done = upgrade_run(run)
    assert (done.was, done.now, done.files) == (0, RUN.current, (JUDGEMENTS_NAME, "run.json"))
    after = tree(run)
    assert {name for name in before if after[name] != before[name]} == set(done.files)
    assert {name: data for name, data in after.items() if name not in before} == {
        f"{KEPT_NAME}/format-0/{name}": before[name] for name in done.files
    }
    frozen = tree(thawed("format-1", tmp_path / "again"))
    assert json.loads(after["run.json"]) | {"dataset": 0} == json.loads(frozen["run.json"]) | {"dataset": 0}
    assert pq.read_table(run / JUDGEMENTS_NAME).equals(pq.read_table(FROZEN / "format-1" / JUDGEMENTS_NAME))


def test_an_upgrade_of_todays_format_does_nothing(tmp_path: Path) -> None:
    run = thawed("format-1", tmp_path)
    before = tree(run)
    assert upgrade_run(run).kept is None
    assert tree(run) == before


@pytest.mark.parametrize("place", ["redraft_judgements", "_keep", "flush_folder", "write_text"])
def test_an_upgrade_that_was_stopped_anywhere_is_finished_by_the_next_one(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = aged(thawed("format-1", tmp_path))
    before = tree(run)

    def stopped(*unused: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(upgrade_module, place, stopped)
        with pytest.raises(KeyboardInterrupt):
            upgrade_run(run)
    assert stored_format(run) == 0
    assert Run.open(run).kept()
    assert upgrade_run(run).now == RUN.current
    kept = {name: (run / KEPT_NAME / "format-0" / name).read_bytes() for name in (JUDGEMENTS_NAME, "run.json")}
    assert kept == {name: before[name] for name in kept}
    assert not list(run.rglob(".tmp-*"))


def settings_of(run: Path) -> RunSettings:
    return Identity.read(run).settings


def test_an_old_run_goes_on_after_its_upgrade_and_not_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = thawed("format-1", tmp_path)
    training = load(tmp_path / "sounds").train
    monkeypatch.setattr(augment_module, "__version__", Identity.read(run).package_version)
    whole = tree(augment(training, settings=settings_of(run), out=tmp_path / "whole", workers=1).path)
    shutil.rmtree(run)
    shutil.copytree(tmp_path / "whole", run)
    aged(run)
    for name in ("dataset", "rounds/1/shards/000000"):
        shutil.rmtree(run / name)
    (run / JUDGEMENTS_NAME).unlink()
    with pytest.raises(RunError, match=r"run format 0, which can be read .* `menura upgrade .*` brings it to format 1"):
        augment(training, settings=settings_of(run), out=run, workers=1)
    assert upgrade_run(run).files == ("run.json",)
    augment(training, settings=settings_of(run), out=run, workers=1)
    after = tree(run)
    assert {name: data for name, data in after.items() if not name.startswith(KEPT_NAME)} == whole


def test_a_finished_frozen_run_of_today_is_found_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = thawed("format-1", tmp_path)
    stored = Identity.read(run)
    monkeypatch.setattr(augment_module, "__version__", stored.package_version)
    before = tree(run)
    try:
        augment(load(tmp_path / "sounds").train, settings=stored.settings, out=run, workers=1)
    except RunError as error:  # a generator or an encoder that sounds different now
        assert "fingerprint" in str(error)  # noqa: PT017
    assert tree(run) == before


def test_a_run_of_another_version_says_how_to_go_on_with_it(tmp_path: Path) -> None:
    run = thawed("format-1-first", tmp_path)
    path = run / "run.json"
    values = json.loads(path.read_text()) | {"package_version": "0.0.7"}
    path.write_text(json.dumps(values | {"fingerprint": run_fingerprint(values)}))
    with pytest.raises(RunError, match=r"package_version: 0\.0\.7 → .*to go on with it, pip install menura==0\.0\.7"):
        augment(load(tmp_path / "sounds").train, settings=settings_of(run), out=run, workers=1)


def test_a_newer_run_is_refused_by_every_door(tmp_path: Path) -> None:
    run = thawed("format-1", tmp_path)
    path = run / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": RUN.current + 2}))
    for door in (Run.open, upgrade_run, stored_format):
        with pytest.raises(RunError, match=r"made by a newer Menura \(run format 3\); this one reads up to 1"):
            door(run)


def test_a_number_taken_out_does_not_hide_an_edit(tmp_path: Path) -> None:
    run = aged(thawed("format-1", tmp_path))
    values = json.loads((run / "run.json").read_text())
    values["settings"]["seed"] = 1
    (run / "run.json").write_text(json.dumps(values))
    with pytest.raises(RunError, match="was edited"):
        Run.open(run)


def test_the_command_says_what_it_wrote_and_where_the_old_files_are(tmp_path: Path) -> None:
    run = aged(thawed("format-1", tmp_path))
    said = asked("upgrade", run)
    assert (said["was"], said["now"]) == (0, RUN.current)
    assert Path(said["kept"]).is_dir()
    shown = CliRunner().invoke(app, ["upgrade", str(run)])
    assert "nothing was changed" in shown.output.replace("\n", " ")


def test_a_run_on_object_storage_is_refused_before_anything_is_read() -> None:
    shown = CliRunner().invoke(app, ["upgrade", "s3://bucket/first"])
    assert isinstance(shown.exception, ConfigError)
    assert "s3://bucket/first is on object storage, where no run is of an older format" in str(shown.exception)


def test_fresh_deletes_what_an_upgrade_kept(tmp_path: Path) -> None:
    run = aged(thawed("format-1", tmp_path))
    upgrade_run(run)
    augment(load(tmp_path / "sounds").train, settings=settings_of(run), out=run, workers=1, fresh=True)
    assert not (run / KEPT_NAME).exists()
