"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from menura import files
from menura.errors import RunError


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "run.json"
    files.write_text(target, "old")

    def fail(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        files.write_text(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "permission"), (errno.EDQUOT, "quota")],
)
def test_a_disk_that_refuses_is_one_clear_line_with_the_way_on(number: int, words: str) -> None:
    expected = f"runs/a cannot be written: .*{words}.*run the same command again"
    with pytest.raises(RunError, match=expected), files.disk_errors("runs/a"):
        raise OSError(number, os.strerror(number))


def test_other_errors_of_the_system_pass_unchanged() -> None:
    with pytest.raises(IsADirectoryError), files.disk_errors("runs/a"):
        raise IsADirectoryError(errno.EISDIR, "Is a directory")


def test_a_folder_that_another_worker_finished_first_stays(tmp_path: Path) -> None:
    for name in ("mine", "000001"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    files.move_into_place(tmp_path / "mine", tmp_path / "000001")
    assert (tmp_path / "000001" / "file").read_text() == "000001"
    assert not (tmp_path / "mine").exists()


def test_leftovers_are_removed_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".tmp-000001-99").mkdir()
    (tmp_path / ".tmp-000001-99" / "a.flac").write_text("half")
    (tmp_path / ".tmp-plan.parquet-99").write_text("half")
    (tmp_path / "000000").mkdir()
    assert files.remove_leftovers(tmp_path) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["000000"]


def test_a_copy_takes_the_place_of_a_link_where_links_do_not_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a").write_text("sound")

    def no_links(source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_links)
    files.link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "sound"


def test_leftovers_go_from_all_folders_below(tmp_path: Path) -> None:
    from menura.files import remove_leftovers_below

    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in (".tmp-x-1", "a/.tmp-y-1", "a/b/.tmp-z-1", "a/b/kept"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert remove_leftovers_below(tmp_path) == 3
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["kept"]
    assert remove_leftovers_below(tmp_path / "nowhere") == 0


def test_only_what_the_dead_left_goes_where_others_are_at_work(tmp_path: Path) -> None:
    mine = files.temporary_beside(tmp_path / "x")
    token = mine.name.rpartition("-")[2]
    dead = f"-{2**22 + 1}-{token}"  # beyond the largest number of a process
    elsewhere = f"-{2**22 + 1}-{'0' * 8}{token[8:]}"
    mine.write_text("at work")
    (tmp_path / f".tmp-x{elsewhere}").write_text("on another machine, perhaps at work")
    (tmp_path / ".tmp-x-of-nobody").write_text("not to be told")
    (tmp_path / f".tmp-x{dead}").mkdir()
    (tmp_path / f".tmp-x{dead}" / "half").write_text("")
    (tmp_path / f".tmp-other{dead}").write_text("")
    assert files.remove_leftovers_of_the_dead(tmp_path, "x") == 1
    assert (tmp_path / f".tmp-other{dead}").exists()
    assert files.remove_leftovers_of_the_dead(tmp_path) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [mine.name, f".tmp-x{elsewhere}", ".tmp-x-of-nobody"]
    )
    assert files.remove_leftovers_of_the_dead(tmp_path / "nowhere") == 0


def test_a_killed_process_is_known_by_what_it_left(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, sys; from menura.files import temporary_beside;"
        "temporary_beside(pathlib.Path(sys.argv[1])).write_text('half'); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a")], check=False)
    assert len(list(tmp_path.iterdir())) == 1
    assert files.remove_leftovers_of_the_dead(tmp_path, "a") == 1
    assert not list(tmp_path.iterdir())
