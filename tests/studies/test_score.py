"""Two sets of clips compared: what differs is seen, what does not is not, and copies are found."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from menura.audio import encode
from menura.datasets import load
from menura.errors import ConfigError, DatasetError
from menura.recipes.augment import augment
from menura.studies.even_sets import even_sets, same_mix
from menura.studies.measured_clips import mel_picture
from menura.studies.score import ScoreResult, score
from menura.types import Clip, Recording

RATE = 8000


def sound(label: str, seed: int, smooth: int) -> NDArray[np.float32]:
    """Bursts of noise at random times; what label says where in the spectrum."""
    drawn = np.random.default_rng(seed)
    noise = np.convolve(drawn.normal(0, 0.2, RATE // 2), np.ones(smooth) / smooth, "same")
    if label == "low":
        noise = np.convolve(noise, np.ones(8) / 8, "same")
    steps = np.repeat(drawn.uniform(0.02, 1, 10), RATE // 20)
    return (noise * steps)[None].astype(np.float32)


def write(folder: Path, seeds: range, *, smooth: int = 1) -> Path:
    for seed in seeds:
        for label in ("high", "low"):
            path = folder / label / f"{seed}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            encode(Recording(sound(label, seed + (500 if label == "low" else 0), smooth), RATE), path, container="WAV")
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("sets")
    made = {
        "real": write(root / "real", range(20)),
        "more": write(root / "more", range(100, 116)),
        "dull": write(root / "dull", range(200, 216), smooth=6),
    }
    copied = write(root / "copied", range(300, 308))
    for number in range(6):
        shutil.copy(made["real"] / "high" / f"{number}.wav", copied / "high" / f"copy{number}.wav")
    shutil.copy(made["more"] / "low" / "100.wav", copied / "low" / "leak.wav")
    return made | {"copied": copied}


def compare(folders: dict[str, Path], other: str, **asked: Any) -> ScoreResult:
    return score(load(folders["real"]), load(folders[other]), workers=1, **asked)


def test_further_clips_of_one_kind_lie_at_the_floor(folders: dict[str, Path]) -> None:
    found = compare(folders, "more", measures=("kad", "fad", "overlap", "vendi", "descriptors", "copies"))
    kernel = found.row("KAD")
    assert kernel.p > 0.05
    assert found.row("FAD").value == pytest.approx(found.row("FAD").floor, rel=0.25)
    assert found.row("coverage").value > 0.6
    assert found.row("Vendi score").value == pytest.approx(found.row("Vendi score").floor, rel=0.2)
    assert not [row for row in found.descriptors if row.p < 0.05]
    (copies,) = found.copies
    assert copies.copies == 0
    assert any("five draws of 20 clips from each side" in note for note in found.notes)


def test_duller_clips_are_far_and_the_descriptors_say_why(folders: dict[str, Path]) -> None:
    found = compare(folders, "dull", measures=("kad", "fad", "overlap", "descriptors"), per_label=True)
    assert found.row("KAD").value > 5 * max(1.0, found.row("KAD").floor)
    assert found.row("KAD").p < 0.01
    assert found.row("FAD").value > 1.2 * found.row("FAD").floor
    assert found.row("coverage").value < found.row("coverage").floor
    overall = {row.descriptor: row for row in found.descriptors if not row.label}
    assert overall["centroid"].delta < -0.4
    assert overall["centroid"].effect in ("medium", "large")
    assert overall["onsets"].p > 0.05  # both come in the same bursts
    assert {row.label for row in found.descriptors} == {"", "high", "low"}
    assert found.row("KAD", label="high").p < 0.05
    assert not [row for row in found.rows if row.label and row.measure.startswith("FAD")]


def test_copies_are_found_and_the_nearest_clip_is_named(folders: dict[str, Path]) -> None:
    found = compare(folders, "copied", measures=("copies",), test=load(folders["more"]))
    reference, test = found.copies
    copied = {Path(row.path).name: row for row in reference.rows if row.is_copy}
    assert set(copied) == {f"copy{number}.wav" for number in range(6)}
    assert Path(copied["copy3.wav"].nearest) == folders["real"] / "high" / "3.wav"
    assert Path(copied["copy3.wav"].nearest_mel) == folders["real"] / "high" / "3.wav"
    assert (copied["copy3.wav"].distance, copied["copy3.wav"].mel_db) == pytest.approx((0, 0), abs=1e-4)
    assert reference.near_share >= 6 / 23
    assert reference.own_copies == 0
    assert [Path(row.path).name for row in test.rows if row.is_copy] == ["leak.wav"]
    assert "6 clips are in both sets, sample for sample" in found.notes


def test_the_same_seed_gives_the_same_numbers_and_they_are_json(folders: dict[str, Path]) -> None:
    first, again = (compare(folders, "more", measures=("kad", "overlap"), seed=3).to_json() for _ in range(2))
    assert first == again
    assert first["rows"][0]["measure"] == "KAD"
    assert first != compare(folders, "more", measures=("kad", "overlap"), seed=4).to_json()


def test_labels_that_one_set_lacks_are_left_out_and_said(folders: dict[str, Path]) -> None:
    more = load(folders["more"])
    renamed = [replace(clip, labels=("other",)) if clip.labels == ("low",) else clip for clip in more.clips]
    found = score(load(folders["real"]), more.with_clips(renamed), measures=("kad",), workers=1)
    assert found.labels == ("high",)
    assert (found.clips, found.other_clips) == (20, 16)
    assert "labels of real that more lacks, left out: low" in found.notes
    assert "labels of more that real lacks, left out: other" in found.notes


def test_what_cannot_be_compared_is_refused(folders: dict[str, Path]) -> None:
    real, more = load(folders["real"]), load(folders["more"])
    with pytest.raises(DatasetError, match=r"have no label in common .*high, low; x"):
        score(real, more.with_clips([replace(clip, labels=("x",)) for clip in more.clips]))
    with pytest.raises(DatasetError, match="more has 5 clips of the labels in common, expected at least 8"):
        score(real, more.with_clips(more.clips[:5]))
    with pytest.raises(ConfigError, match="measures are volume; expected some of kad"):
        score(real, more, measures=("volume",))
    with pytest.raises(ConfigError, match="real was given alone; give two sets of clips, or one run"):
        score(real)
    with pytest.raises(DatasetError, match="all 40 test clips are in the reference"):
        score(real, more, test=real)
    with pytest.raises(ConfigError, match="none twice"):
        score(real, more, encoders=("acoustic", "acoustic"))


def clips(counts: dict[str, int], *, sources: int = 0) -> list[Clip]:
    numbered = [label for label, count in counts.items() for _ in range(count)]
    return [
        Clip(f"{row:03d}", f"/nowhere/{row}.wav", (label,), 1.0, RATE, group=f"{row % sources}" if sources else None)
        for row, label in enumerate(numbered)
    ]


def test_even_sets_have_one_size_and_mix_and_halves_share_no_source() -> None:
    reference, other = clips({"a": 20, "b": 11}, sources=7), clips({"b": 3, "a": 50})
    drawn = [even_sets(reference, other, seed=0, number=number) for number in range(3)]
    for draw in drawn:
        mixes = [
            sorted(part[row].labels[0] for row in rows)
            for part, rows in ((reference, draw.half), (reference, draw.other_half), (other, draw.rows))
        ]
        assert mixes[0] == mixes[1] == mixes[2]
        assert mixes[0].count("b") == 3
        sources = [{reference[row].group for row in rows} for rows in (draw.half, draw.other_half)]
        assert not sources[0] & sources[1]
    assert drawn[0].rows.tolist() != drawn[1].rows.tolist()


def test_one_source_is_split_inside_itself() -> None:
    draw = even_sets(clips({"a": 12}, sources=1), clips({"a": 12}), seed=0, number=0)
    assert len(draw) == 6
    assert not set(draw.half.tolist()) & set(draw.other_half.tolist())


def test_the_same_mix_takes_as_many_as_there_can_be() -> None:
    other = clips({"a": 40, "b": 10, "c": 5})
    rows = same_mix(clips({"a": 10, "b": 10}), other, seed=0)
    taken = [other[row].labels[0] for row in rows]
    assert (taken.count("a"), taken.count("b"), taken.count("c")) == (10, 10, 0)


def test_a_mel_picture_knows_neither_level_nor_length_but_the_course() -> None:
    burst = Recording(sound("high", 1, 1), RATE)
    quiet = Recording(burst.waveform * np.float32(0.1), RATE)
    turned = Recording(np.ascontiguousarray(burst.waveform[:, ::-1]), RATE)
    assert np.abs(mel_picture(burst) - mel_picture(quiet)).max() < 1e-3
    assert mel_picture(Recording(burst.waveform[:, :400], RATE)).shape == mel_picture(burst).shape
    assert np.linalg.norm(mel_picture(burst) - mel_picture(turned)) > 3.0


def test_a_limit_takes_evenly_over_labels(folders: dict[str, Path]) -> None:
    found = compare(folders, "more", measures=("vendi",), limit=16)
    assert (found.clips, found.other_clips) == (16, 16)
    assert [clip.labels[0] for clip in found.measured[0].clips].count("high") == 8


def test_a_run_is_compared_with_what_it_was_made_from(folders: dict[str, Path], tmp_path: Path) -> None:
    run = augment(load(folders["real"]).train, per_label=8, out=tmp_path / "run")
    found = score(run, measures=("kad", "copies"), workers=1)
    assert found.reference == "real (training clips)"
    assert found.other == "run (kept clips)"
    assert (found.clips, found.other_clips) == (40, len(run.kept()))
    assert found.copies[0].copies == 0  # the judges turned copies away
