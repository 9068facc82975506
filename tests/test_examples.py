from __future__ import annotations

import csv
import importlib.util
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.audio import decode, encode
from menura.backends.base import Generator
from menura.config import GeneratorSettings
from menura.seeding import item_generator
from menura.types import Clip, Recording, Request

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def _example(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_example_generator_is_a_generator_and_plays_backwards() -> None:
    generator = _example("reversed_time").ReversedTime(GeneratorSettings())
    assert isinstance(generator, Generator)
    ramp = Recording(np.linspace(0, 0.5, 100, dtype=np.float32)[None], 8000)
    clip = Clip(id="a", path="a.wav", labels=("ramp",), duration_s=ramp.duration_s, sample_rate=8000)
    params = generator.draw([clip], item_generator(0, "ramp"))
    request = Request(("ramp",), generator.fingerprint, parents=("a",), params=params)
    (candidate,) = generator.generate([request], lambda _: ramp)
    level = 10 ** (params["gain_db"] / 20)
    assert -3 <= params["gain_db"] <= 0
    np.testing.assert_allclose(candidate.waveform, ramp.waveform[:, ::-1] * level, rtol=1e-5)


CUT = _example("cut_recordings")


@given(start_s=st.floats(0, 59), length_s=st.floats(0.05, 5), least_s=st.floats(0.5, 4))
def test_a_window_holds_its_call_and_stays_in_the_recording(start_s: float, length_s: float, least_s: float) -> None:
    end_s = min(60.0, start_s + length_s)
    first, last = CUT.window(start_s, end_s, least_s, 60.0)
    assert 0 <= first <= start_s + 1e-9
    assert end_s - 1e-9 <= last <= 60.0
    assert last - first == pytest.approx(max(least_s, end_s - start_s))


@given(calls_s=st.lists(st.floats(0, 58), max_size=12), wanted=st.integers(0, 40))
def test_a_background_window_touches_no_call_and_no_other_window(calls_s: list[float], wanted: int) -> None:
    busy = [(start_s, start_s + 2.0) for start_s in calls_s]
    free = CUT.empty_windows(busy, 2.0, 60.0, wanted, "night")
    assert len(free) <= wanted
    assert all(last <= start or first >= end for first, last in free for start, end in busy)
    assert all(one[1] <= other[0] for one, other in pairwise(free))
    assert len(CUT.empty_windows([], 2.0, 60.0, wanted, "night")) == min(wanted, 29)


def _cut(folder: Path, table: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Labels and paths of the clips that a table asks for, of ten-second recordings a/r.wav and b/r.wav."""
    for site in "ab":
        (folder / site).mkdir()
        encode(Recording(np.zeros((1, 80_000), np.float32), 8000), folder / site / "r.wav")
    (folder / "calls.csv").write_text(table, encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["cut.py", str(folder / "calls.csv"), "-o", str(folder / "o"), "--background=0"])
    CUT.main()
    with open(folder / "o" / "manifest.csv", encoding="utf-8", newline="") as file:
        return [f"{row['group']} {row['path']}" for row in csv.DictReader(file)]


def test_recorders_with_equal_file_names_do_not_overwrite_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = "\ufeffrecording;start_s;end_s;label\na/r.wav;0.1;0.5;x\na/r.wav;0.2;0.6;x\nb/r.wav;0.1;0.5;x\n"
    assert _cut(tmp_path, table, monkeypatch) == ["a-r x/a-r-0000.00.flac", "b-r x/b-r-0000.00.flac"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a/r.wav,70,71,x,", "x from 70 to 71 s is not inside its 10.00 s"),
        ("a/r.wav,3,2,x,", "x from 3 to 2 s is not inside"),
        ("a/r.wav,one,2,x,", "expected seconds, as in 12.5"),
        ("a/r.wav,1,2,,", "line 2 has no label; its columns are recording, start_s, end_s, label, split"),
        ("c/r.wav,1,2,x,", "recordings are named from"),
        ("a/r.wav,1,2,x,test\na/r.wav,3,4,x,train", "line 3 gives a/r.wav a second split"),
        ("", "lists no calls"),
    ],
)
def test_a_table_that_would_cut_something_else_is_refused(
    row: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit, match=said):
        _cut(tmp_path, f"recording,start_s,end_s,label,split\n{row}\n", monkeypatch)


def test_cut_clips_hold_what_the_table_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.zeros((1, 10 * 8000), np.float32)
    samples[:, 4 * 8000 : 5 * 8000] = 0.5
    encode(Recording(samples, 8000), tmp_path / "night.flac")
    (tmp_path / "calls.csv").write_text("recording,start_s,end_s,label\nnight.flac,4.0,5.0,frog\n", encoding="utf-8")
    asked = [str(tmp_path / "calls.csv"), "-o", str(tmp_path / "clips"), "--background", "2"]
    monkeypatch.setattr(sys, "argv", ["cut_recordings.py", *asked])
    CUT.main()
    with open(tmp_path / "clips" / "manifest.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows] == ["frog", "background", "background"]
    assert {row["group"] for row in rows} == {"night"}
    clips = [decode(tmp_path / "clips" / row["path"]) for row in rows]
    assert [clip.duration_s for clip in clips] == [2.0, 2.0, 2.0]
    assert [float(np.abs(clip.waveform).max()) for clip in clips] == pytest.approx([0.5, 0.0, 0.0], abs=1e-4)
