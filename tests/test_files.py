"""Files and folders that are there whole or not at all."""

from __future__ import annotations

import errno
import os
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
