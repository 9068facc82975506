"""A run's state is told without touching it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from menura.doctor.run_state import run_state
from menura.formats import RUN
from menura.lock import locked

FROZEN = Path(__file__).parents[1] / "data" / "frozen-runs"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run."""
    shutil.copytree(FROZEN / "format-1", tmp_path / "first")
    return tmp_path / "first"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_finished_run_is_told_with_format_settings_and_counts(run: Path) -> None:
    before = tree(run)
    found = run_state(run)
    assert found.problems == ()
    assert found.facts["folder"] == "first"
    assert found.facts["format"] == RUN.current
    assert found.facts["settings"] == {"amount": {"per_label": 1}, "judge": {"encoder": "acoustic"}}
    assert found.facts["round 0"] == "4 requests, 1 of 1 shards whole, 0 damaged"
    assert found.facts["finished"] == "1 clips kept of 6"
    assert found.facts["in use"] == "no"
    assert '"event": "finished"' in str(found.facts["last lines of the log"])
    assert tree(run) == before


def test_a_damaged_shard_is_named_with_what_is_wrong_and_stays(run: Path) -> None:
    shard = run / "shards" / "000000"
    audio = next(shard.glob("*.flac"))
    audio.write_bytes(audio.read_bytes()[:-1] + b"?")
    before = tree(run)
    found = run_state(run)
    assert found.facts["round 0"] == "4 requests, 0 of 1 shards whole, 1 damaged"
    assert f"shard 000000 of round 0: the bytes of {audio.name} have changed" in found.problems
    assert any("makes damaged shards again" in problem for problem in found.problems)
    assert tree(run) == before


def test_an_unfinished_run_is_not_a_broken_one(run: Path) -> None:
    shutil.rmtree(run / "shards")
    shutil.rmtree(run / "dataset")
    (run / "judgements.parquet").unlink()
    found = run_state(run)
    assert found.problems == ()
    assert found.facts["finished"] is False
    assert found.facts["round 0"] == "4 requests, 0 of 1 shards whole, 0 damaged"


def test_a_dataset_that_lost_a_clip_is_a_problem(run: Path) -> None:
    next((run / "dataset").rglob("*.flac")).unlink()
    assert "dataset/ is not what was kept" in run_state(run).problems[0]


def test_other_files_that_are_damaged_are_problems_too(run: Path) -> None:
    (run / "evaluation.json").write_text("{")
    (run / "judgements.parquet").write_bytes(b"PAR1")
    (run / "review").mkdir()
    (run / "review" / "decisions.jsonl").write_text('{"n": 1}\n{"n"')
    found = run_state(run)
    assert len(found.problems) == 2
    assert found.facts["decisions of reviewers"] == "1 lines, 1 torn"


def test_a_run_that_is_being_worked_on_names_the_process_and_keeps_its_lock(run: Path) -> None:
    import os

    with locked(run):
        assert run_state(run).facts["in use"] == f"by process {os.getpid()}"
    assert run_state(run).facts["in use"] == "no"


@pytest.mark.parametrize(
    ("text", "words"), [(None, "is not a run"), ("{", "cannot be read"), ('{"format": 9}', "newer")]
)
def test_a_folder_that_is_no_run_or_a_broken_one_is_a_problem(text: str | None, words: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "run.json").write_text(text)
    assert words in run_state(tmp_path).problems[0]
