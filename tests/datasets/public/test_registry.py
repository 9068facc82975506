"""What holds for every public dataset, and how copies are told and found."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from menura.datasets import load
from menura.datasets.local import fetch, find_local, remember
from menura.datasets.public import PUBLIC_SETS, PublicSet, public_set, recognise
from menura.errors import DatasetError

Make = Callable[[str, Path], Any]
TAKEN_FOR = {"esc10": "esc50", "birdclef_multilabel": "birdclef"}
"""Sets that are read from the copy of another one, which a folder is taken for unless it is told otherwise."""


@pytest.mark.parametrize("public", PUBLIC_SETS.values(), ids=list(PUBLIC_SETS))
def test_every_set_says_all_that_a_user_needs(public: PublicSet) -> None:
    assert PUBLIC_SETS[public.name] is public
    assert re.fullmatch(r"[a-z][a-z0-9_]*", public.name)
    assert public.title
    assert public.licence
    assert public.split
    assert re.match(r"https?://", public.url)
    assert public.checksum is None or re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", public.checksum)
    assert public.layouts
    assert public.marker == public.layouts[0].marker
    assert not any(layout.marker.startswith(("/", ".")) or ".." in layout.marker for layout in public.layouts)
    assert public.name in public.how_to_get
    if not public.by_hand:
        archive = public.url.partition("?")[0]
        assert archive.endswith((".zip", ".tar.gz")), "an archive that `get` can unpack, or how to get it by hand"


@pytest.mark.parametrize("name", PUBLIC_SETS)
def test_a_copy_is_recognised_also_inside_the_folders_of_its_archive(
    tmp_path: Path, miniature: Make, name: str
) -> None:
    root = tmp_path / "deep" / "archive-1.0" / "data"
    miniature(name, root)
    found = recognise(root)
    assert found is not None
    assert (found[0].name, found[1]) == (TAKEN_FOR.get(name, name), root)
    assert recognise(tmp_path) == found
    assert PUBLIC_SETS[name].layout_in(root) is not None


@pytest.mark.parametrize("name", PUBLIC_SETS)
def test_no_label_is_empty_and_no_group_on_both_sides_unless_it_is_told(
    tmp_path: Path, miniature: Make, name: str
) -> None:
    miniature(name, tmp_path)
    public = PUBLIC_SETS[name]
    rows = tuple(public.rows(tmp_path))
    assert rows
    assert all(row.labels and all(label.strip() for label in row.labels) for row in rows)
    assert all(Path(row.path).is_relative_to(tmp_path) for row in rows)
    assert {row.split for row in rows} <= {"train", "validation", "test", None}
    assert len({row.path for row in rows}) == len(rows)
    sides = defaultdict(set)
    for row in rows:
        if row.group is not None:
            sides[row.group] |= {row.split, row.fold}
    shared = any(len(parts - {None}) > 1 for parts in sides.values())
    assert not shared or "both sides" in public.note


@pytest.mark.parametrize("name", PUBLIC_SETS)
def test_official_parts_become_roles_and_the_test_part_is_held_out(tmp_path: Path, miniature: Make, name: str) -> None:
    miniature(name, tmp_path)
    dataset = load(tmp_path, layout=name)
    roles = [dataset.role(clip) for clip in dataset.clips]
    assert roles == [clip.split or "train" for clip in dataset.clips]
    learned = {clip.path for clip in dataset.train.clips}
    assert not learned & {clip.path for clip in (*dataset.test, *dataset.validation)}
    for fold in dataset.folds:
        assert {clip.fold for clip in dataset.with_test_fold(fold).test} == {fold}


@pytest.mark.parametrize("name", PUBLIC_SETS)
def test_another_folder_is_not_taken_for_it(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes").mkdir()
    with pytest.raises(DatasetError, match=rf"does not hold {name}: ") as refused:
        remember(name, tmp_path)
    assert PUBLIC_SETS[name].marker in str(refused.value)
    with pytest.raises(DatasetError, match=rf"does not hold {name}: "):
        load(tmp_path, layout=name)


def test_a_folder_of_labels_is_read_as_such(tmp_path: Path, empty_copy: Callable[[Path], Any]) -> None:
    empty_copy(tmp_path).sounds("train/dog/a.wav", "train/cat/b.wav", "test/dog/10_3.wav", "test/cat/10_4.wav")
    assert recognise(tmp_path) is None
    assert load(tmp_path).labels == ("cat", "dog")


def test_markers_that_fit_other_folders_are_looked_at_more_closely(
    tmp_path: Path, empty_copy: Callable[[Path], Any]
) -> None:
    copy = empty_copy(tmp_path)
    copy.sounds("test/10_1.wav", "10_2.wav")
    copy.json("page1.json", {"title": "of something else"})
    copy.json("task_metadata.json", {"task_name": "beijing_opera"})
    copy.text("meta.csv", "filename,scene_label")
    copy.text("train_metadata.csv", "primary_label,filename")
    assert recognise(tmp_path) is None


@pytest.mark.parametrize("name", [name for name, public in PUBLIC_SETS.items() if public.by_hand])
def test_a_set_without_one_archive_is_not_fetched_but_says_how(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match=f"{name} cannot be fetched as one archive") as refused:
        fetch(name, tmp_path / "data")
    message = str(refused.value)
    assert PUBLIC_SETS[name].url in message
    assert f"menura datasets get {name} --local FOLDER" in message
    assert not (tmp_path / "data").exists()
    with pytest.raises(DatasetError, match=f"{name} is not on this machine; get it: .*--local FOLDER"):
        load(name)


def test_a_copy_that_was_pointed_at_is_found_by_name(tmp_path: Path, miniature: Make) -> None:
    miniature("fsdd", tmp_path / "here")
    assert find_local("fsdd") is None
    remember("fsdd", tmp_path / "here")
    assert len(load("fsdd").clips) == 3


def test_a_folder_of_datasets_can_be_named(tmp_path: Path, miniature: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    miniature("esc50", tmp_path / "esc50" / "ESC-50-master")
    monkeypatch.setenv("MENURA_DATASETS", str(tmp_path))
    assert len(load("esc50").clips) == 2


def test_a_set_that_is_not_here_says_how_to_get_it() -> None:
    with pytest.raises(DatasetError, match="menura datasets get gtzan"):
        load("gtzan")


def test_an_unknown_set_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(DatasetError, match="no public dataset 'esc51'; known: esc50, esc10"):
        public_set("esc51")


def test_the_table_is_read_without_a_library_of_sounds_or_models() -> None:
    code = "import sys, menura.datasets.public.registry as r; r.PUBLIC_SETS; print([m for m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'torch'" not in loaded
    assert "'transformers'" not in loaded


def test_the_docs_list_every_set() -> None:
    page = (Path(__file__).parents[3] / "docs" / "datasets.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    for name in PUBLIC_SETS:
        assert any(f"`{name}`" in line.split("|")[1] for line in rows), f"docs/datasets.md has no row of {name}"
