from __future__ import annotations

import json
import os
import string
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from menura.errors import DatasetError
from menura.manifest import (
    path_inside,
    provenance_from_dict,
    provenance_to_dict,
    read_manifest,
    read_rows,
    row_to_clip,
    write_manifest,
)
from menura.types import Clip, Provenance, Request

WORDS = (
    st.text(string.ascii_letters + string.digits + " _-äß犬,'\"", min_size=1, max_size=12).map(str.strip).filter(bool)
)
OPTIONAL = st.none() | WORDS.filter(lambda text: not text.isdigit())


@st.composite
def clips(draw: st.DrawFn) -> list[dict[str, object]]:
    names = draw(st.lists(WORDS, min_size=1, max_size=5, unique_by=str.lower))
    return [
        {
            "id": f"{number:016x}",
            "path": f"{name}.wav",
            "labels": tuple(draw(st.lists(WORDS, min_size=1, max_size=3, unique=True))),
            "duration_s": draw(st.floats(0.001, 3600)),
            "sample_rate": draw(st.sampled_from([8000, 44100])),
            "channels": draw(st.integers(1, 8)),
            "caption": draw(OPTIONAL),
            "group": draw(OPTIONAL),
            "fold": draw(OPTIONAL),
            "split": draw(st.sampled_from([None, "train", "test"])),
            "licence": draw(OPTIONAL),
            "origin": "synthetic",
            "provenance": draw(st.sampled_from([None, _provenance()])),
        }
        for number, name in enumerate(names)
    ]


def _provenance() -> Provenance:
    request = Request(
        ("dog", "rain"), "resynth-1", parents=("aa", "bb"), duration_s=1.5, seed_key=("dog", 3),
        params={"pitch": [0.5, -1], "room": None}, round=1, replaces="cc",
    )  # fmt: skip
    return Provenance(request, "resynth", package_version="0.1.0", parent_licences=("CC0", None))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(values=clips(), suffix=st.sampled_from([".csv", ".tsv", ".jsonl", ".parquet"]))
def test_a_written_manifest_is_read_as_the_same_clips(
    tmp_path: Path, values: list[dict[str, object]], suffix: str
) -> None:
    written = tuple(Clip(**{**one, "path": str(tmp_path / str(one["path"]))}) for one in values)
    manifest = tmp_path / f"manifest{suffix}"
    write_manifest(written, manifest)
    assert read_manifest(manifest) == written
    first = manifest.read_bytes()
    write_manifest(read_manifest(manifest), manifest)
    assert manifest.read_bytes() == first
    assert not [path for path in tmp_path.iterdir() if path.name.endswith(".tmp")]


def test_paths_are_written_relative_and_provenance_is_nested_in_json_lines(tmp_path: Path) -> None:
    clip = Clip("aa", str(tmp_path / "x" / "y.flac"), ("dog",), 1.0, 8000, origin="synthetic", provenance=_provenance())
    write_manifest([clip], tmp_path / "manifest.jsonl")
    row = json.loads((tmp_path / "manifest.jsonl").read_text())
    assert row["path"] == "x/y.flac"
    assert row["provenance"]["request"]["params"] == {"pitch": [0.5, -1], "room": None}
    assert provenance_from_dict(provenance_to_dict(_provenance())) == _provenance()


@pytest.mark.parametrize(
    ("header", "meaning"),
    [
        ("file_name,category", "labels"),
        ("filename,class", "labels"),
        ("audio,LABELS", "labels"),
        ("Path,Label", "labels"),
    ],
)
def test_usual_column_names_are_understood(tmp_path: Path, header: str, meaning: str) -> None:
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(f"{header},src_file,license,fold,partition\na.wav,dog,7,CC0,2,test\n")
    (row,) = read_rows(manifest)
    assert (row.labels, row.group, row.licence, row.fold, row.split) == (("dog",), "7", "CC0", "2", "test")
    assert row.path == str(tmp_path / "a.wav")
    assert row.line == 2


def test_several_labels_are_split_in_text_and_listed_in_json(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("path,labels\na.wav,dog; rain\nb.wav,dog|rain|dog\n")
    assert [row.labels for row in read_rows(tmp_path / "m.csv")] == [("dog", "rain"), ("dog", "rain")]
    (tmp_path / "m.jsonl").write_text('{"path":"a.wav","label":["dog","a;b"]}\n\n{"path":"b.wav","label":"x|y"}\n')
    assert [row.labels for row in read_rows(tmp_path / "m.jsonl")] == [("dog", "a;b"), ("x|y",)]


def test_a_table_that_has_turned_folds_into_floats_is_understood(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [{"path": "a.wav", "label": 3, "fold": 1.0}, {"path": "b.wav", "label": 4, "fold": None}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "m.parquet")
    assert [(row.labels, row.fold) for row in read_rows(tmp_path / "m.parquet")] == [(("3",), "1"), (("4",), None)]


@pytest.mark.parametrize(
    "text", ["﻿path,label\na.wav,dog\n", "path;label\r\na.wav;dog\r\n", "path\tlabel\na.wav\tdog\n"]
)
def test_spreadsheets_export_csv_in_many_ways(tmp_path: Path, text: str) -> None:
    (tmp_path / "m.csv").write_text(text, newline="")
    assert [row.labels for row in read_rows(tmp_path / "m.csv")] == [("dog",)]


def test_wrong_columns_are_listed_beside_those_that_were_expected(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("fname,labelled_as,fold\na.wav,dog,1\n")
    with pytest.raises(DatasetError, match=r"columns fname, labelled_as, fold; expected also path \(or file_name.*"):
        read_rows(tmp_path / "m.csv")
    with pytest.raises(DatasetError, match=r"Rename 'fname' to 'path'\?"):
        read_rows(tmp_path / "m.csv")


def test_bad_rows_are_named_by_their_lines(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_text(
        '{"path":"a.wav","label":"x"}\n{"path":"","label":"x"}\n{"path":7,"label":"x"}\n{"path":"a.wav","label":"y"}\n'
    )
    with pytest.raises(DatasetError, match=r"line 2: .* nothing.*; line 3: .* int.*; line 4: lists .*again.*line 1"):
        read_rows(tmp_path / "m.jsonl")


@pytest.mark.parametrize(
    ("text", "suffix", "message"),
    [
        ("path,label\na.wav,dog,more\n", ".csv", "line 2 has 3 cells, the header has 2"),
        ('path,label\n"a.wav,dog\n', ".csv", "is not CSV"),
        ("path,label\n", ".csv", "lists no clips"),
        ("", ".csv", "lists no clips"),
        ('{"path": "a.wav"\n', ".jsonl", "line 1: is not JSON"),
        ("[1]\n", ".jsonl", "line 1: holds a JSON list, expected an object"),
        ('{"path":"a.wav","label":{"x":1}}\n', ".jsonl", "line 1: a cell holds dict"),
        ('{"path":"a.wav","label":"x","origin":"fake"}\n', ".jsonl", "origin is 'fake'"),
        ('{"path":"a.wav","label":"x","provenance":{"request":{}}}\n', ".jsonl", "provenance cannot be read"),
        ('{"path":"a.wav","label":"dog\\ud83d"}\n', ".jsonl", "line 1: holds half a character"),
        ('path,label,provenance\na.wav,dog,"{""a"": ""\\ud83d""}"\n', ".csv", "line 2: holds half a character"),
        ("no parquet", ".parquet", "is not a Parquet file"),
        ("path,label\na.wav,dog\n", ".txt", "is no manifest, expected a file that ends in .csv"),
    ],
)
def test_a_broken_manifest_says_what_is_wrong(tmp_path: Path, text: str, suffix: str, message: str) -> None:
    manifest = tmp_path / f"m{suffix}"
    manifest.write_text(text)
    with pytest.raises(DatasetError, match=message):
        read_rows(manifest)


def test_text_that_is_not_utf8_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_bytes("path,label\na.wav,Bär\n".encode("latin-1"))
    with pytest.raises(DatasetError, match="is not UTF-8 text"):
        read_rows(tmp_path / "m.csv")
    with pytest.raises(DatasetError, match="cannot be read: No such file"):
        read_rows(tmp_path / "absent.csv")


@pytest.mark.parametrize("text", ["../x.wav", "a/../../x.wav", "/etc/hostname", "..", ".", "a\0b.wav", "..\\x.wav"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DatasetError, match=r"leaves the dataset's folder|is not a file name"):
        path_inside(tmp_path / "set", text)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "secret.wav").write_bytes(b"x")
    os.symlink(tmp_path / "secret.wav", tmp_path / "set" / "a.wav")
    with pytest.raises(DatasetError, match="leaves the dataset's folder"):
        path_inside(tmp_path / "set", "a.wav")


def test_paths_inside_are_allowed_in_any_spelling(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x y.wav").write_bytes(b"x")
    wanted = str(tmp_path / "a" / "x y.wav")
    for text in ("a/x y.wav", "./a/x y.wav", "a/../a/x y.wav", wanted, "a\\x y.wav"):
        assert path_inside(tmp_path, text) == wanted


@pytest.mark.skipif(sys.platform == "darwin", reason="there both spellings are one file")
@pytest.mark.parametrize("on_disk", ["NFC", "NFD"])
def test_a_name_with_an_umlaut_is_found_however_the_umlaut_is_written(tmp_path: Path, on_disk: str) -> None:
    there = tmp_path / unicodedata.normalize(on_disk, "Lüfter 1.wav")
    there.touch()
    for form in ("NFC", "NFD"):
        assert path_inside(tmp_path, unicodedata.normalize(form, "Lüfter 1.wav")) == str(there)
    assert path_inside(tmp_path, "fehlt ä.wav") == str(tmp_path / "fehlt ä.wav")
    with pytest.raises(DatasetError, match="leaves the dataset's folder"):
        path_inside(tmp_path, "../ä.wav")


def test_a_foreign_manifest_is_sent_to_load(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("path,label\na.wav,dog\n")
    with pytest.raises(DatasetError, match=r"line 2: lacks labels, id, duration_s, sample_rate; .*datasets.load"):
        read_manifest(tmp_path / "m.csv")


def test_what_a_manifest_cannot_say_is_refused(tmp_path: Path) -> None:
    clip = Clip("aa", str(tmp_path / "a.wav"), ("rock;roll",), 1.0, 8000)
    with pytest.raises(DatasetError, match=r"write the manifest as \.jsonl"):
        write_manifest([clip], tmp_path / "m.csv")
    with pytest.raises(DatasetError, match="leaves the dataset's folder"):
        write_manifest([clip], tmp_path / "inner" / "m.jsonl")
    assert not (tmp_path / "m.csv").exists()


@pytest.mark.parametrize("cells", [{"channels": float("inf")}, {"duration_s": float("nan")}, {"sample_rate": -1}])
def test_a_clip_of_impossible_size_is_refused(cells: dict[str, object]) -> None:
    whole = {"path": "a.wav", "labels": ["rain"], "id": "a", "duration_s": 1.0, "sample_rate": 8000, "channels": 1}
    assert row_to_clip(whole, "sounds").channels == 1
    with pytest.raises(DatasetError, match="duration_s, sample_rate"):
        row_to_clip(whole | cells, "sounds")
