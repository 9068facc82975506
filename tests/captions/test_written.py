from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from menura.audio import clip_id
from menura.backends.base import Captioner
from menura.captions.acoustic import AcousticCaptioner
from menura.captions.written import WrittenCaptions, caption_clips, read_captions
from menura.errors import DatasetError
from menura.types import Clip, Recording


def clip(name: str, folder: Path, caption: str | None = None) -> Clip:
    return Clip(f"id-{name}", str(folder / name), ("rain",), 1.0, 8000, caption=caption)


@pytest.fixture
def clips(tmp_path: Path) -> list[Clip]:
    return [
        clip("a.wav", tmp_path),
        clip("b.wav", tmp_path / "sub"),
        clip("c.wav", tmp_path),
        clip("c.wav", tmp_path / "x"),
    ]


def test_a_clip_is_named_by_id_path_or_file_name(tmp_path: Path, clips: list[Clip]) -> None:
    table = tmp_path / "captions.csv"
    table.write_text(
        f"File_Name,Caption\nid-a.wav,Rain  on tin\nsub/b.wav,Drops\n{clips[2].path},Hail\nx/c.wav,A gutter\n"
    )
    one, two, three, four = clips
    four = Clip("id-other", four.path, ("rain",), 1.0, 8000)
    found = read_captions(table, [one, two, three, four])
    assert found == {"id-a.wav": "Rain on tin", "id-b.wav": "Drops", "id-c.wav": "Hail", "id-other": "A gutter"}


def test_the_first_of_several_captions_counts_and_json_lines_are_read(tmp_path: Path, clips: list[Clip]) -> None:
    table = tmp_path / "captions.jsonl"
    rows = [{"path": "a.wav", "text": "first"}, {"path": "a.wav", "text": "second"}]
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_captions(table, clips) == {"id-a.wav": "first"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("name,caption\na.wav,rain\n", "no column for the clip .*the columns are name, caption"),
        ("path,words\na.wav,rain\n", r"no column for its text \(caption\)"),
        ("path,caption\na.wav,  \n", "line 2: the caption of 'a.wav' is empty"),
        ("path,caption\nd.wav,rain\n", "line 2: 'd.wav' is no clip of this dataset"),
        ("path,caption\na.wav,rain,more\n", "line 2 has 3 cells"),
    ],
)
def test_a_wrong_table_is_refused_with_the_line(tmp_path: Path, clips: list[Clip], text: str, problem: str) -> None:
    table = tmp_path / "captions.csv"
    table.write_text(text)
    with pytest.raises(DatasetError, match=problem):
        read_captions(table, clips)


def test_a_file_name_that_two_clips_share_names_neither(tmp_path: Path) -> None:
    table = tmp_path / "elsewhere" / "captions.csv"
    table.parent.mkdir()
    table.write_text("file_name,caption\nc.wav,rain\n")
    both = [clip("c.wav", tmp_path / "x"), Clip("other", str(tmp_path / "y" / "c.wav"), ("rain",), 1.0, 8000)]
    with pytest.raises(DatasetError, match="several clips share"):
        read_captions(table, both)


def test_what_people_wrote_goes_before_the_field_and_that_before_the_captioner(tmp_path: Path) -> None:
    decoded: list[str] = []

    def decode(one: Clip) -> Recording:
        decoded.append(one.id)
        return Recording(np.zeros((1, 800), np.float32), 8000)

    clips = [clip("a.wav", tmp_path, "field a"), clip("b.wav", tmp_path, "field b"), clip("c.wav", tmp_path, "  ")]
    found = caption_clips(clips, captioner=AcousticCaptioner(), recording_of=decode, written={"id-a.wav": "written a"})
    assert found == {"id-a.wav": "written a", "id-b.wav": "field b", "id-c.wav": "Silence"}
    assert decoded == ["id-c.wav"]


def test_written_captions_are_a_captioner_that_knows_clips_by_their_samples() -> None:
    known = Recording(np.linspace(0, 0.5, 100, dtype=np.float32)[None], 8000)
    strange = Recording(known.waveform * np.float32(0.5), 8000)
    written = WrittenCaptions({clip_id(known): "a ramp"})
    assert isinstance(written, Captioner)
    assert written.caption([known, known]) == ["a ramp", "a ramp"]
    assert written.fingerprint != WrittenCaptions({}).fingerprint
    with pytest.raises(DatasetError, match="1 of 2 recordings have no written caption"):
        written.caption([known, strange])


def test_rows_of_held_out_clips_are_passed_over_where_asked(tmp_path: Path, clips: list[Clip]) -> None:
    table = tmp_path / "captions.csv"
    table.write_text(f"id,caption\n{clips[0].id},a dog\nheld-out,a cat\n")
    assert read_captions(table, clips, strict=False) == {clips[0].id: "a dog"}
    table.write_text("id,caption\nheld-out,a cat\n")
    with pytest.raises(DatasetError, match="none of its 1 rows names a training clip, the first is 'held-out'"):
        read_captions(table, clips, strict=False)
