"""Each part of an examination says what is broken, and what to do."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest
from packaging.requirements import Requirement

from menura.doctor.machine import cache, machine, torch_and_devices
from menura.doctor.parts import plug_ins, sound_formats, weights
from menura.doctor.selftest import self_test
from menura.doctor.software import commit_of, packages, requirement_problem
from menura.encoders import scenes


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("numpy>=2", ""),
        ("numpy<1", r"numpy is \d.*, needed is <1: pip install 'numpy<1'"),
        ("no-such-package-of-anyone>=3", "no-such-package-of-anyone is missing, needed is .*>=3: install menura again"),
    ],
)
def test_a_package_is_right_wrong_or_missing(asked: str, words: str) -> None:
    import re

    said = requirement_problem(Requirement(asked))
    assert re.fullmatch(words, said), said


def test_an_extra_may_be_missing_but_not_of_the_wrong_version() -> None:
    found = packages(["numpy>=2", 'nobody-has-this; extra == "x"', 'numpy<1; extra == "y"', 'pytest<1; extra == "dev"'])
    assert found.facts["needed"].keys() == {"numpy"}  # type: ignore[union-attr]
    assert found.facts["extra x"] == {"nobody-has-this": "missing", "to install it": "pip install 'menura[x]'"}
    assert "extra dev" not in found.facts
    assert len(found.problems) == 1
    assert "needed is <1" in found.problems[0]


def test_a_plug_in_that_breaks_while_it_loads_is_named_with_its_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_part.py").write_text("raise RuntimeError('the strings broke\\nand more')\n")
    (tmp_path / "leaving_part.py").write_text("raise SystemExit(3)\n")
    (tmp_path / "good_part.py").write_text("Maker = dict\n")
    monkeypatch.syspath_prepend(tmp_path)
    points = [
        EntryPoint("broken", "broken_part:Maker", "menura.generators"),
        EntryPoint("leaving", "leaving_part:Maker", "menura.generators"),
        EntryPoint("good", "good_part:Maker", "menura.generators"),
        EntryPoint("own", "menura.nowhere:Maker", "menura.generators"),
    ]
    found = plug_ins(lambda group: points if group == "menura.generators" else [])
    assert found.facts["generator good"] == "loads"
    assert found.facts["generator broken"] == "cannot be loaded: RuntimeError: the strings broke"
    assert "own" not in str(found.facts)
    assert len(found.problems) == 2
    assert "update it or uninstall it" in found.problems[0]


def test_the_weights_are_those_of_the_release_or_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights().problems == ()
    altered = tmp_path / "scenes.safetensors"
    altered.write_bytes(scenes.WEIGHTS.read_bytes()[:-1] + b"?")
    monkeypatch.setattr(scenes, "WEIGHTS", altered)
    assert "expected c5276e2f604d…: install menura again" in weights().problems[0]
    monkeypatch.setattr(scenes, "WEIGHTS", tmp_path / "gone")
    assert "cannot be read" in weights().problems[0]


def test_every_step_of_the_self_test_works_here_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = self_test()
    assert found.problems == ()
    assert len(found.facts) == 5
    assert list(tmp_path.iterdir()) == []


def test_a_step_that_fails_is_a_problem_and_the_others_go_on(tmp_path: Path) -> None:
    def broken(folder: Path) -> str:
        raise OSError("no room")

    found = self_test({"first": broken, "second": lambda folder: "works"})
    assert found.facts == {"first": "failed: OSError: no room", "second": "works"}
    assert found.problems == ("self-test 'first' failed (OSError: no room)",)


def test_a_full_disk_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    from collections import namedtuple

    usage = namedtuple("usage", ["total", "used", "free"])
    monkeypatch.setattr("shutil.disk_usage", lambda place: usage(2**40, 2**40, 2**20))
    assert "only 0.00 GiB are free (here): free some space" in machine().problems[0]


def test_graphics_cards_are_told_by_name_memory_and_capability(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    card = SimpleNamespace(name="Card X", total_memory=24 * 2**30, major=9, minor=0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: card)
    assert torch_and_devices().facts["graphics cards"] == ["Card X, 24.0 GiB, capability 9.0"] * 2


def test_a_torch_that_breaks_while_it_is_asked_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def broken() -> int:
        raise RuntimeError("the driver is too old\nand more")

    monkeypatch.setattr(torch.cuda, "device_count", broken)
    assert torch_and_devices().problems == (
        "torch cannot be used (RuntimeError: the driver is too old): install it again",
    )


def test_a_cache_that_cannot_be_written_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("MENURA_CACHE", str(tmp_path / "file" / "cache"))
    found = cache()
    assert found.facts["writable"] is False
    assert "set MENURA_CACHE" in found.problems[0]


def test_a_cache_tells_its_size(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "index").write_bytes(bytes(2**20))
    monkeypatch.setenv("MENURA_CACHE", str(tmp_path / "cache"))
    assert (cache().facts["files"], cache().facts["MiB"]) == (1, 1.0)


def test_flac_and_wav_can_be_read_here() -> None:
    found = sound_formats()
    assert found.problems == ()
    assert "FLAC" in str(found.facts["formats"])


def test_a_checkout_tells_its_commit_and_whether_files_differ(tmp_path: Path) -> None:
    package = tmp_path / "src" / "menura"
    package.mkdir(parents=True)
    (package / "file.py").write_text("")
    assert commit_of(package) is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run([*git, *words], check=True)
    commit = commit_of(package)
    assert commit is not None
    assert len(commit) == 12
    (package / "file.py").write_text("changed")
    assert commit_of(package) == f"{commit} with changes"


def test_looking_does_not_import_what_the_first_help_must_not() -> None:
    code = "import sys, menura.cli.main; sys.exit('torch' in sys.modules or 'menura.doctor' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
