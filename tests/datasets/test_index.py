from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from menura.audio import clip_id, decode
from menura.datasets import index
from menura.datasets.index import FileFacts, cache_folder, file_facts
from menura.errors import AudioError

WriteClip = Callable[..., Path]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were decoded, in the order of their names."""
    names: list[str] = []
    real = index.identify

    def spy(path: str) -> object:
        names.append(Path(path).name)
        return real(path)

    monkeypatch.setattr(index, "identify", spy)
    return names


def _cache_file() -> Path:
    folder = cache_folder()
    assert folder is not None
    return next((folder / "index").iterdir())


def test_a_file_is_decoded_once_and_again_when_it_changed(
    tmp_path: Path, write_clip: WriteClip, decoded: list[str]
) -> None:
    paths = [str(write_clip(name)) for name in ("a.wav", "b.wav")]
    first = file_facts(paths, root=str(tmp_path))
    assert file_facts(paths, root=str(tmp_path)) == first
    assert sorted(decoded) == ["a.wav", "b.wav"]
    write_clip("b.wav", duration_s=0.5)
    changed = file_facts(paths, root=str(tmp_path))
    assert sorted(decoded) == ["a.wav", "b.wav", "b.wav"]
    assert changed[paths[0]] == first[paths[0]]
    facts = changed[paths[1]]
    assert isinstance(facts, FileFacts)
    assert (facts.num_samples, facts.id) == (4000, clip_id(decode(paths[1])))


@pytest.mark.skipif(os.name == "nt", reason="there ctime is the time of creation")
def test_a_file_of_the_same_size_that_was_put_in_place_with_its_old_time_is_decoded_again(
    tmp_path: Path, write_clip: WriteClip
) -> None:
    """``cp -p`` over a file, or an archive whose files all have one time."""
    path, other = write_clip("a.wav"), write_clip("b.wav")
    before = path.stat()
    first = file_facts([str(path)], root=str(tmp_path))
    path.write_bytes(other.read_bytes())
    times = (before.st_atime_ns, before.st_mtime_ns)
    os.utime(path, ns=times)
    while path.stat().st_ctime_ns == before.st_ctime_ns:  # it ticks in milliseconds
        os.utime(path, ns=times)
    now = path.stat()
    assert (now.st_size, now.st_mtime_ns, now.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)
    facts = file_facts([str(path)], root=str(tmp_path))[str(path)]
    assert facts != first[str(path)]
    assert isinstance(facts, FileFacts)
    assert facts.id == clip_id(decode(path))


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.6, 0.9, 0.999])
def test_a_cache_that_was_torn_by_a_kill_is_read_as_far_as_it_goes(
    tmp_path: Path, write_clip: WriteClip, decoded: list[str], keep: float
) -> None:
    paths = [str(write_clip(f"{n}.wav")) for n in range(6)]
    first = file_facts(paths, root=str(tmp_path))
    data = _cache_file().read_bytes()
    _cache_file().write_bytes(data[: int(len(data) * keep)])
    assert file_facts(paths, root=str(tmp_path)) == first
    before = len(decoded)
    assert file_facts(paths, root=str(tmp_path)) == first
    assert len(decoded) == before


def test_garbage_in_the_cache_is_ignored(tmp_path: Path, write_clip: WriteClip) -> None:
    path = str(write_clip("a.wav"))
    first = file_facts([path], root=str(tmp_path))
    with open(_cache_file(), "ab") as file:
        file.write(
            b'\xff\x00\n[]\n{"path":"x"}\n{"path":"y","state":["a"],"facts":{}}\n{"path":"z","state":[1],"facts":{"q":1}}\n'
        )
    assert file_facts([path], root=str(tmp_path)) == first


def test_a_cache_that_cannot_be_written_costs_time_only(
    tmp_path: Path, write_clip: WriteClip, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("MENURA_CACHE", str(tmp_path / "file" / "cache"))
    path = str(write_clip("a.wav"))
    assert isinstance(file_facts([path], root=str(tmp_path))[path], FileFacts)
    monkeypatch.setattr(index, "cache_folder", lambda: None)
    assert isinstance(file_facts([path], root=str(tmp_path))[path], FileFacts)


def test_what_cannot_be_read_is_tried_again(tmp_path: Path, write_clip: WriteClip) -> None:
    path = str(tmp_path / "a.wav")
    assert isinstance(file_facts([path], root=str(tmp_path))[path], AudioError)
    write_clip("a.wav")
    assert isinstance(file_facts([path], root=str(tmp_path))[path], FileFacts)


def test_the_cache_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MENURA_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("MENURA_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "menura"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == Path(os.environ["HOME"]) / ".cache" / "menura"
