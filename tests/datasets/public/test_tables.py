"""The files that public datasets come with."""

from __future__ import annotations

from pathlib import Path

import pytest

from menura.datasets.public.tables import audio_by_stem, cc_name, listed_path, read_lines, read_table
from menura.errors import DatasetError


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("http://creativecommons.org/licenses/by/3.0/", "CC-BY-3.0"),
        ("//creativecommons.org/licenses/by-nc-sa/4.0/", "CC-BY-NC-SA-4.0"),
        ("http://creativecommons.org/licenses/sampling+/1.0/", "CC-Sampling+-1.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("all rights reserved", "all rights reserved"),
        (" ", None),
        (None, None),
    ],
)
def test_the_address_of_a_licence_becomes_its_name(address: str | None, name: str | None) -> None:
    assert cc_name(address) == name


def test_a_table_may_be_short_of_cells_have_a_byte_order_mark_and_empty_lines(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("\ufeffa,b\n1,2\n\n3\n4,5,6\n", encoding="utf-8")
    rows = list(read_table(tmp_path / "t.csv", tmp_path, columns=("a", "b")))
    assert rows == [(2, {"a": "1", "b": "2"}), (4, {"a": "3", "b": ""}), (5, {"a": "4", "b": "5"})]


def test_what_is_no_text_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_bytes(b"caf\xe9\n")
    with pytest.raises(DatasetError, match=r"list\.txt is not UTF-8 text .*at byte 3"):
        read_lines(tmp_path / "list.txt", tmp_path)


def test_a_name_that_climbs_never_finds_a_file_outside_of_the_copy(tmp_path: Path) -> None:
    root = tmp_path / "copy"
    root.mkdir()
    (tmp_path / "secret.wav").touch()
    assert listed_path(root, {}, "../secret") == str(root / "secret.wav")
    (root / "secret.wav").symlink_to(tmp_path / "secret.wav")
    with pytest.raises(DatasetError, match="leaves the dataset's folder"):
        listed_path(root, {}, "../secret")
    with pytest.raises(DatasetError, match="leaves the dataset's folder"):
        listed_path(root, audio_by_stem(root), "secret")


def test_the_first_known_name_counts_and_hidden_files_do_not(tmp_path: Path) -> None:
    for name in ("b/x.wav", "a/x.flac", "a/.y.wav", "__MACOSX/z.wav", "a/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    files = audio_by_stem(tmp_path)
    assert files == {"x": "a/x.flac"}
    assert listed_path(tmp_path, files, "gone", "x") == str(tmp_path / "a/x.flac")
    assert listed_path(tmp_path, files, "gone", "lost") == str(tmp_path / "gone.wav")
