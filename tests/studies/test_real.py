"""Real clips at the working rate, in a folder that several share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from menura.audio import decode, encode
from menura.datasets.dataset import Dataset
from menura.errors import RunError
from menura.studies.lab import LabSpec, load_lab
from menura.studies.real import prepare_real, real_features
from menura.types import Recording

SPEC = LabSpec("linear", "acoustic", 8000)


def test_others_find_their_clips_after_fewer_or_other_clips_were_described(tones: Dataset, tmp_path: Path) -> None:
    """Two evaluations of one study may be at work on one folder with training clips of their own."""
    first, second = tones.clips[:4], tones.clips[2:5]
    mine = prepare_real(first, SPEC, tmp_path, to_copy=(), workers=1)
    lab = load_lab(SPEC)
    before = real_features(mine.packs, lab, [clip.id for clip in first])
    prepare_real(second, SPEC, tmp_path, to_copy=(), workers=1)
    after = real_features(mine.packs, lab, [clip.id for clip in first])
    assert {name: {key: array.tolist() for key, array in found.items()} for name, found in after.items()} == {
        name: {key: array.tolist() for key, array in found.items()} for name, found in before.items()
    }
    pack = next(iter(mine.packs.values())).read_bytes()
    other = prepare_real(tones.clips[:5], SPEC, tmp_path / "at-once", to_copy=(), workers=1)
    assert next(iter(other.packs.values())).read_bytes() == pack


def test_a_damaged_list_of_copies_is_made_again_from_the_copies(tones: Dataset, tmp_path: Path) -> None:
    spec = replace(SPEC, working_rate=4000)
    first, second = tones.clips[:2], tones.clips[2:4]
    for clips in (first, second):
        prepare_real(clips, spec, tmp_path, to_copy=[clip.id for clip in clips], workers=1)
    path = tmp_path / "clips" / "index-4000.json"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    prepare_real(tones.clips[2:5], spec, tmp_path, to_copy=[clip.id for clip in second], workers=1)
    assert path.read_bytes() == whole


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_text("{")])
def test_a_list_of_copies_that_a_stop_has_spoilt_is_written_anew_though_nothing_else_is_to_do(
    tones: Dataset, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    prepare_real(tones.clips[:2], SPEC, tmp_path, to_copy=(), workers=1)
    path = tmp_path / "clips" / "index-8000.json"
    whole = path.read_bytes()
    damage(path)
    prepare_real(tones.clips[:2], SPEC, tmp_path, to_copy=(), workers=1)
    assert path.read_bytes() == whole


def test_a_file_that_was_replaced_since_it_was_listed_is_refused(tones: Dataset, tmp_path: Path) -> None:
    """Its name would let a recording that is tested into training."""
    heard = decode(tones.clips[0].path)
    path = tmp_path / "clip.wav"
    clip = replace(tones.clips[0], path=str(path))
    path.write_bytes(encode(heard, subtype="FLOAT", container="WAV"))
    prepare_real([clip], SPEC, tmp_path / "as-it-was", to_copy=(), workers=1)
    path.write_bytes(encode(Recording(heard.waveform / 2, heard.sample_rate), subtype="FLOAT", container="WAV"))
    with pytest.raises(RunError, match=f"has changed since it was listed .its samples were {clip.id}"):
        prepare_real([clip], SPEC, tmp_path / "now", to_copy=(), workers=1)
