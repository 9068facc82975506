"""From a real run to its decisions, and from there to an export, to Label Studio and back: the command line."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from itertools import count
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from menura import datasets
from menura.cli.main import app
from menura.datasets.demo import make_demo_dataset
from menura.decisions import Ledger
from menura.errors import ConfigError, MenuraError, RunError
from menura.lock import locked
from menura.pipeline.run import Run
from menura.recipes.alignment import _decisions
from menura.recipes.augment import augment
from menura.review.catalogue import Catalogue, catalogue_of
from menura.review.desk import Desk
from menura.review.label_studio import label_config, read_annotations, tasks_of

from .conftest import EVIL, make_catalogue


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("reviewed")
    dataset = datasets.load(make_demo_dataset(folder / "sounds", clips_per_label=(3, 1), sample_rate=8000))
    two = [clip for clip in dataset.clips if clip.labels[0] in ("bell", "rain")]
    return augment(dataset.with_clips(two).train, times=2, out=folder / "run", workers=1)


@pytest.fixture
def run(made: Run) -> Iterator[Run]:
    yield made
    shutil.rmtree(made.path / "review", ignore_errors=True)


def told(*arguments: object) -> Any:
    found = CliRunner().invoke(app, [str(one) for one in arguments], catch_exceptions=False)
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def decided(run: Run) -> tuple[Catalogue, dict[str, str]]:
    """One kept clip rejected, one relabelled, one disputed; one that the judges left out accepted."""
    catalogue = catalogue_of(run)
    desk = Desk(catalogue)
    kept = [item for item in catalogue.items if item.verdict == "kept"]
    left = next(item for item in catalogue.items if item.verdict != "kept")
    bell = next(item for item in kept if item.label == "bell")
    others = [item for item in kept if item is not bell]
    desk.decide("ada", others[0].id, "reject")
    desk.decide("ada", bell.id, "relabel", labels=["rain"])
    desk.decide("ada", others[1].id, "accept")
    desk.decide("bob", others[1].id, "reject")
    desk.decide("ada", left.id, "accept")
    return catalogue, {"out": others[0].id, "moved": bell.id, "disputed": others[1].id, "in": left.id}


@pytest.mark.parametrize("form", ["audiofolder", "csv", "webdataset"])
def test_an_export_is_as_reviewers_left_the_run(run: Run, tmp_path: Path, form: str) -> None:
    _, ids = decided(run)
    before = told("export", run.path, "--to", form, "-o", tmp_path / "judged", "--json")["synthetic"]
    answer = told("export", run.path, "--to", form, "-o", tmp_path / "heard", "--reviewed", "--json")
    assert (answer["synthetic"], answer["disputed"]) == (before - 1, 1)
    if form == "webdataset":
        return
    table = tmp_path / "heard" / "metadata.csv" if form == "audiofolder" else tmp_path / "heard"
    rows = {row["request_id"]: row for row in csv.DictReader(table.read_text(encoding="utf-8").splitlines())}
    assert ids["out"] not in rows
    assert ids["disputed"] not in rows
    assert rows[ids["moved"]]["label"] == rows[ids["moved"]]["labels"] == "rain"
    assert ids["in"] in rows
    assert len(rows) == answer["synthetic"]
    if form == "audiofolder":
        for row in rows.values():
            assert (tmp_path / "heard" / row["file_name"]).is_file()
        assert rows[ids["moved"]]["file_name"].startswith("rain/")
        manifest = [json.loads(line) for line in (tmp_path / "heard" / "manifest.jsonl").read_text().splitlines()]
        moved = next(row for row in manifest if row["request_id"] == ids["moved"])
        assert moved["labels"] == ["rain"]
        assert moved["provenance"]["request"]["labels"] == ["bell"]
        assert "Reviewed by ear" in (tmp_path / "heard" / "README.md").read_text()
    else:
        assert all(Path(row["path"]).is_file() for row in rows.values())


def test_without_decisions_there_is_nothing_to_export_as_reviewed(run: Run, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no decision"):
        CliRunner().invoke(
            app, ["export", str(run.path), "-o", str(tmp_path / "x"), "--reviewed"], catch_exceptions=False
        )


def test_alignment_passes_over_decisions_about_children_of_held_out_clips(run: Run) -> None:
    catalogue, ids = decided(run)
    path = str(catalogue.decisions_path)
    assert {Path(one.path).stem for one in _decisions(path, ())} == {ids["out"], ids["moved"], ids["in"]}
    never = catalogue.by_id[ids["out"]].parents
    left = {Path(one.path).stem for one in _decisions(path, never)}
    assert ids["out"] not in left


def test_the_command_tells_agreement_and_what_is_missing_to_recalibrate(run: Run) -> None:
    _, ids = decided(run)
    answer = told("review", run.path, "--agreement", "--json")
    assert answer["agreements"][0]["clips"] == 1
    assert list(answer["disputed"]) == [ids["disputed"]]
    with pytest.raises(RunError, match="at least 5 of each are needed"):
        CliRunner().invoke(app, ["review", str(run.path), "--recalibrate"], catch_exceptions=False)


def through_label_studio(tasks: list[dict[str, Any]], path: Path) -> Path:
    """What Label Studio 1.23 exports of tasks that were imported: annotations of the importer, under new numbers."""
    numbers = count(900)
    for task in tasks:
        for one in task["annotations"]:
            assert "completed_by" not in one  # one that names no member makes it refuse the file
            one |= {
                "import_id": one["id"],
                "id": next(numbers),
                "completed_by": 1,
                "updated_at": "2026-01-31T12:00:00Z",
            }
    path.write_text(json.dumps(tasks), encoding="utf-8")
    return path


def test_decisions_that_went_to_label_studio_come_back_as_nothing_new(run: Run, tmp_path: Path) -> None:
    catalogue, ids = decided(run)
    Desk(catalogue).decide("ada", ids["in"], "flag", note="hum  of the mains")
    before = catalogue.decisions_path.read_bytes()
    answer = told("review", run.path, "--to-label-studio", tmp_path / "tasks.json", "--json")
    tasks = json.loads(Path(answer["tasks"]).read_text(encoding="utf-8"))
    assert len(tasks) == answer["clips"] == len(catalogue.items)
    for task in tasks:
        relative = task["data"]["audio"].removeprefix("/data/local-files/?d=")
        assert (run.path / relative).is_file()
    export = through_label_studio(tasks, tmp_path / "export.json")
    for _ in range(2):
        back = told("review", run.path, "--from-label-studio", export, "--json")
        assert back == {"taken": 0, "known": 5, "skipped": 0, "foreign": 0}
    assert catalogue.decisions_path.read_bytes() == before


def test_what_was_changed_in_label_studio_is_a_decision_of_whoever_changed_it(run: Run, tmp_path: Path) -> None:
    catalogue, ids = decided(run)
    answer = told("review", run.path, "--to-label-studio", tmp_path / "tasks.json", "--json")
    tasks = json.loads(Path(answer["tasks"]).read_text(encoding="utf-8"))
    moved = next(task for task in tasks if task["data"]["request"] == ids["moved"])
    moved["annotations"][0]["result"] = [
        {"from_name": "verdict", "to_name": "audio", "type": "choices", "value": {"choices": ["reject"]}}
    ]
    export = through_label_studio(tasks, tmp_path / "export.json")
    back = told("review", run.path, "--from-label-studio", export, "--json")
    assert (back["taken"], back["known"]) == (1, 4)
    again = told("review", run.path, "--from-label-studio", export, "--json")
    assert (again["taken"], again["known"]) == (0, 5)
    said = {one.reviewer: one.category for one in Desk(catalogue).ledger.opinions(ids["moved"])}
    assert said == {"ada": "relabel: rain", "label-studio-1": "reject"}


def test_two_modes_at_once_and_a_second_server_are_refused(run: Run) -> None:
    with pytest.raises(ConfigError, match="at a time"):
        CliRunner().invoke(app, ["review", str(run.path), "--blind", "--agreement"], catch_exceptions=False)
    with locked(run.path / "review"), pytest.raises(RunError, match="is in use"):
        CliRunner().invoke(app, ["review", str(run.path), "--no-browser"], catch_exceptions=False)


def test_the_command_serves_until_it_is_interrupted_and_decisions_survive_a_kill(run: Run) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    command = [sys.executable, "-m", "menura", "review", str(run.path), "--no-browser", "--reviewer", "ada"]
    item = catalogue_of(run).items[0].id
    for end, action in ((signal.SIGKILL, "accept"), (signal.SIGINT, "reject")):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as server:
            assert server.stdout is not None
            link = server.stdout.readline().decode().strip()
            base = link.partition("/?")[0]
            visitor = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
            assert b"<title>Menura review" in visitor.open(link).read()
            said = json.dumps({"id": item, "action": action}).encode()
            sent = urllib.request.Request(
                f"{base}/api/decide", said, {"Content-Type": "application/json", "Origin": base}
            )
            visitor.open(sent).read()
            server.send_signal(end)
            _, errors = server.communicate()
            assert server.returncode == (-9 if end == signal.SIGKILL else 0)
            assert "token" not in errors.decode()
    lines = [json.loads(line) for line in (run.path / "review" / "decisions.jsonl").read_text().splitlines()]
    assert [(line["n"], line["action"]) for line in lines] == [(1, "accept"), (2, "reject")]


def test_the_configuration_is_xml_whatever_the_labels_hold(tmp_path: Path) -> None:
    catalogue = make_catalogue(tmp_path / "run", many=True)
    root = ElementTree.fromstring(label_config(catalogue))
    choices = root.findall("Choices[@name='labels']/Choice")
    assert [one.get("value") for one in choices] == list(catalogue.labels)
    assert EVIL in catalogue.labels
    assert root.find("Choices[@name='labels']").get("choice") == "multiple"  # type: ignore[union-attr]


def annotation(**cells: object) -> dict[str, object]:
    result = [
        {"from_name": name, "to_name": "audio", "type": "choices", "value": {"choices": value}}
        for name, value in cells.items()
    ]
    return {"id": 7, "result": result, "was_cancelled": False, "completed_by": 3, "updated_at": "t"}


def exported(catalogue: Catalogue, path: Path, *annotations: object) -> Path:
    task = {**tasks_of(catalogue, Ledger())[0], "annotations": list(annotations)}
    path.write_text(json.dumps([task, {"data": {"request": "other"}, "annotations": []}, {"data": None}]))
    return path


def test_annotations_of_people_become_decisions(catalogue: Catalogue, tmp_path: Path) -> None:
    cancelled = {**annotation(verdict=["accept"]), "was_cancelled": True}
    path = exported(
        catalogue, tmp_path / "x.json", annotation(verdict=["relabel"], labels=[EVIL]), cancelled, annotation(), {}, 3
    )
    found = read_annotations(catalogue, path, Ledger())
    assert [(one["reviewer"], one["action"], one.get("labels")) for one in found.decisions] == [
        ("label-studio-3", "relabel", [EVIL])
    ]
    assert (found.skipped, found.foreign) == (4, 2)


@pytest.mark.parametrize("value", [{"choices": 5}, {"choices": True}, {"text": 7}, {"choices": {"a": 1}}, {}, [], None])
def test_a_choice_that_is_no_text_is_no_choice(catalogue: Catalogue, tmp_path: Path, value: object) -> None:
    odd = {"id": 1, "result": [{"from_name": "verdict", "value": value}]}
    found = read_annotations(catalogue, exported(catalogue, tmp_path / "x.json", odd), Ledger())
    assert (found.decisions, found.skipped) == ((), 1)


def test_half_a_character_in_an_export_is_no_fault(catalogue: Catalogue, tmp_path: Path) -> None:
    odd = {**annotation(verdict=["accept"], note=["hum \ud800"]), "completed_by": {"email": "ada\ud800"}}
    found = read_annotations(catalogue, exported(catalogue, tmp_path / "x.json", odd), Ledger())
    assert Desk(catalogue).take_in(found.decisions) == 2
    assert Desk(catalogue).ledger.opinions(catalogue.items[0].id)[0].flags == ("hum ?",)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "cannot be read"), ("{}", "no list of tasks"), ("[1]", "no list of tasks"), ("[]", "none of its 0 tasks"),
     ('[{"data": {"request": "x"}}]', "none of its 1 tasks"), ("[" * 100_000, "cannot be read")],
)  # fmt: skip
def test_a_file_that_is_no_export_of_this_run_is_named(
    catalogue: Catalogue, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(MenuraError, match=message):
        read_annotations(catalogue, tmp_path / "x.json", Ledger())


def test_a_relabel_without_another_label_is_named(catalogue: Catalogue, tmp_path: Path) -> None:
    path = exported(catalogue, tmp_path / "x.json", annotation(verdict=["relabel"], labels=["dog"]))
    with pytest.raises(ConfigError, match="choose another label there"):
        read_annotations(catalogue, path, Ledger())
    with pytest.raises(ConfigError, match="label-studio-root"):
        tasks_of(catalogue, Ledger(), root=tmp_path / "elsewhere")
