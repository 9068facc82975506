"""What the reader of each public dataset makes of a miniature copy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from menura.datasets import load
from menura.errors import DatasetError

Make = Callable[[str, Path], Any]
Row = tuple[tuple[str, ...], str | None, str | None, str | None, str | None]
"""Labels, fold, group, split, licence."""

BY, BY_SA, BY_NC_SA = "CC-BY-4.0", "CC-BY-SA-4.0", "CC-BY-NC-SA-4.0"
_UCF: list[Row] = [
    (("Typing",), None, "Typing_g08", "train", None),
    (("Typing",), None, "Typing_g01", "test", None),
]
_TUT, _MUSDB, _IEMOCAP = "TUT academic, non-commercial", "academic use only", "research, by signed agreement"
EXPECTED: dict[str, list[Row]] = {
    "esc50": [(("dog",), "1", "10", None, "CC-BY-3.0"), (("frog",), "2", "11", None, "CC-BY-NC-3.0")],
    "esc10": [(("dog",), "1", "10", None, "CC-BY-3.0")],
    "urbansound8k": [
        (("siren",), "3", "7", None, "CC-BY-NC-4.0"),
        (("drilling",), "4", "8", None, "CC-BY-NC-4.0"),
    ],
    "fsdd": [
        (("0",), None, "jackson", "test", BY_SA),
        (("0",), None, "jackson", "train", BY_SA),
        (("1",), None, "theo", "test", BY_SA),
    ],
    "gtzan_filtered": [
        (("blues",), None, None, "train", None),
        (("rock",), None, None, "validation", None),
        (("blues",), None, None, "test", None),
    ],
    "gtzan": [(("blues",), None, None, None, None), (("rock",), None, None, None, None)],
    "speech_commands": [
        (("no",), None, "cc", "validation", BY),
        (("yes",), None, "aa", "train", BY),
        (("yes",), None, "bb", "test", BY),
    ],
    "medley_solos": [
        (("flute",), None, "training-0", "train", BY),
        (("piano",), None, "validation-0", "validation", BY),
        (("flute",), None, "test-0", "test", BY),
    ],
    "tut_urban_2018": [
        (("airport",), None, "lyon-1", "train", _TUT),
        (("park",), None, "paris-2", "test", _TUT),
    ],
    "nsynth": [
        (("bass",), None, "bass_synthetic_033", "train", BY),
        (("reed",), None, "reed_acoustic_001", "validation", BY),
    ],
    "vocalsound": [
        (("cough",), None, "f0003", "train", BY_SA),
        (("sigh",), None, "m0004", "validation", BY_SA),
        (("throatclearing",), None, "f0005", "test", BY_SA),
    ],
    "musdb18": [
        (("mixture",), None, "A Classic Education - NightOwl", "train", _MUSDB),
        (("vocals",), None, "A Classic Education - NightOwl", "train", _MUSDB),
        (("mixture",), None, "Meaxic - Take A Step", "validation", _MUSDB),
        (("vocals",), None, "Meaxic - Take A Step", "validation", _MUSDB),
        (("mixture",), None, "AM Contra - Heart", "test", _MUSDB),
        (("vocals",), None, "AM Contra - Heart", "test", _MUSDB),
    ],
    "dcase2017_task4": [
        (("Train horn", "Train"), None, "-5DNCQg8_cs", "train", None),
        (("Air horn, truck horn",), None, "zzz", "test", None),
    ],
    "fsd50k": [
        (("Guitar", "Music"), None, "ann", "train", "CC-BY-3.0"),
        (("Bark",), None, "bob", "validation", "CC0-1.0"),
        (("Music",), None, "cy", "test", "CC-Sampling+-1.0"),
    ],
    "sesa": [
        (("casual",), None, None, "train", BY),
        (("gunshot",), None, None, "train", BY),
        (("siren",), None, None, "test", BY),
    ],
    "ucf101": _UCF,
    "ucf101_split2": _UCF,
    "ucf101_split3": _UCF,
    "activitynet": [
        (("Ironing clothes",), None, "aa", "train", None),
        (("Surfing",), None, "bb", "test", None),
    ],
    "iemocap": [
        (("neutral",), "1", "Ses01_F", None, _IEMOCAP),
        (("happy",), "1", "Ses01_M", None, _IEMOCAP),
        (("happy",), "2", "Ses02_M", None, _IEMOCAP),
    ],
    "vivae": [(("anger",), "S01", "S01", None, BY_NC_SA), (("pain",), "S02", "S02", None, BY_NC_SA)],
    "nsynth_pitch": [
        (("22",), None, "bass_synthetic_033", "train", BY),
        (("60",), None, "reed_acoustic_001", "validation", BY),
        (("61",), None, "organ_a_02", "test", BY),
    ],
    "crema_d": [(("anger",), None, "1001", None, "ODbL-1.0"), (("sad",), None, "1002", None, "ODbL-1.0")],
    "vocal_imitation": [
        (("Bark",), None, "p1", None, BY),
        (("Purr, Cat",), None, "p2", None, BY),
        (("Purr, Car",), None, "p1", None, BY),
    ],
    "libricount": [(("0",), None, None, None, BY), (("10",), None, None, None, BY)],
    "vggsound": [
        (("waterfall burbling",), None, "--0PQM4-hqg", "train", None),
        (("zebra braying",), None, "aa_1", "test", None),
    ],
    "birdclef": [
        (("afrsil1",), None, "Bram", None, "Creative Commons Attribution 3.0"),
        (("houspa",), None, None, None, None),
    ],
    "birdclef_multilabel": [
        (("afrsil1", "houspa", "comsan"), None, "Bram", None, "Creative Commons Attribution 3.0"),
        (("houspa",), None, None, None, None),
    ],
    "xeno_canto": [(("Menura alberti",), None, "Marc", None, "CC-BY-NC-SA-4.0")],
}


def _rows(source: Path, layout: str | None = None) -> list[Row]:
    clips = load(source, layout=layout).clips
    return [(clip.labels, clip.fold, clip.group, clip.split, clip.licence) for clip in clips]


@pytest.mark.parametrize("name", EXPECTED)
def test_a_copy_in_the_official_layout_keeps_labels_folds_groups_splits_and_licences(
    tmp_path: Path, miniature: Make, name: str
) -> None:
    miniature(name, tmp_path)
    assert _rows(tmp_path, name) == EXPECTED[name]
    assert f"public dataset {name}: {len(EXPECTED[name])} clips" in load(tmp_path, layout=name).layout


@pytest.mark.parametrize(
    ("name", "moved"),
    [
        ("gtzan", {"genres": "genres_original"}),
        ("gtzan", {"genres/blues": "blues", "genres/rock": "rock"}),
        ("gtzan_filtered", {"genres": "genres_original"}),
        ("gtzan_filtered", {"genres/blues": "blues", "genres/rock": "rock"}),
        ("medley_solos", {"Medley-solos-DB": "audio", "Medley-solos-DB_metadata.csv": "annotation/m.csv"}),
        ("vocalsound", {"audio_16k": "data_44k"}),
        ("ucf101", {f"ucfTrainTestlist/{part}list01.txt": f"{part}list01.txt" for part in ("train", "test")}),
        ("libricount", {"test/0_4.wav": "0_4.wav", "test/10_7.wav": "10_7.wav", "test/10_7.json": "10_7.json"}),
        ("vivae", {"core_set": "elsewhere/core_set", "full_set/S01_anger_low_01.wav": "S01_anger_low_01.wav",
                   "full_set/S02_pain_peak_03.wav": "S02_pain_peak_03.wav"}),
        ("birdclef", {"train_audio": "train_short_audio"}),
        ("xeno_canto", {"metadata": "queries"}),
        ("dcase2017_task4", {f"groundtruth_weak_label_{part}_set.csv": f"metadata/groundtruth_weak_label_{part}_set.csv"
                             for part in ("training", "testing")}),
        ("fsd50k", {"FSD50K.ground_truth": "labels", "FSD50K.dev_audio": "clips/dev", "FSD50K.eval_audio": "clips/eval",
                    "FSD50K.metadata": "metadata"}),
    ],
)  # fmt: skip
def test_a_copy_in_another_common_layout_gives_the_same(
    tmp_path: Path, miniature: Make, name: str, moved: dict[str, str]
) -> None:
    miniature(name, tmp_path)
    for old, new in moved.items():
        new = new.replace("m.csv", "Medley-solos-DB_metadata.csv")
        (tmp_path / new).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / old).rename(tmp_path / new)
    assert _rows(tmp_path, name) == EXPECTED[name]


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("urbansound8k", "metadata/UrbanSound8K.csv"),
        ("speech_commands", "validation_list.txt"),
        ("gtzan_filtered", "valid_filtered.txt"),
        ("tut_urban_2018", "evaluation_setup/fold1_evaluate.txt"),
        ("nsynth", "nsynth-train/examples.json"),
        ("nsynth_pitch", "valid.json"),
        ("vocalsound", "datafiles/val.json"),
        ("dcase2017_task4", "groundtruth_weak_label_testing_set.csv"),
        ("fsd50k", "FSD50K.metadata/eval_clips_info_FSD50K.json"),
        ("fsd50k", "FSD50K.ground_truth/dev.csv"),
        ("ucf101", "ucfTrainTestlist/testlist01.txt"),
        ("vggsound", "vggsound.csv"),
    ],
)
def test_a_missing_file_is_named(tmp_path: Path, miniature: Make, name: str, file: str) -> None:
    miniature(name, tmp_path)
    (tmp_path / file).unlink()
    with pytest.raises(DatasetError, match=r"lacks|does not hold") as refused:
        load(tmp_path, layout=name)
    assert file in str(refused.value)


@pytest.mark.parametrize(
    ("name", "file", "columns"),
    [
        ("esc50", "meta/esc50.csv", "src_file"),
        ("medley_solos", "Medley-solos-DB_metadata.csv", "song_id"),
        ("tut_urban_2018", "meta.csv", "identifier"),
        ("fsd50k", "FSD50K.ground_truth/eval.csv", "labels"),
        ("vocal_imitation", "vocal_imitations.txt", "participant_id"),
        ("birdclef", "train_metadata.csv", "primary_label"),
    ],
)
def test_a_missing_column_is_named(tmp_path: Path, miniature: Make, name: str, file: str, columns: str) -> None:
    miniature(name, tmp_path)
    table = tmp_path / file
    table.write_text(table.read_text().replace(columns, "other", 1))
    with pytest.raises(DatasetError, match=rf"expected also {columns}"):
        load(tmp_path, layout=name)


@pytest.mark.parametrize(
    ("name", "file", "old"),
    [
        ("esc50", "meta/esc50.csv", "1-10-A-0"),
        ("tut_urban_2018", "meta.csv", "audio/airport"),
        ("fsd50k", "FSD50K.ground_truth/eval.csv", "37199"),
        ("medley_solos", "Medley-solos-DB_metadata.csv", "aa"),
        ("birdclef", "train_metadata.csv", "afrsil1/XC"),
        ("nsynth", "nsynth-train/examples.json", '{"bass'),
        ("nsynth_pitch", "train.json", '{"bass'),
        ("vocal_imitation", "vocal_imitations.txt", "1.wav"),
    ],
)
def test_a_path_that_leaves_the_copy_is_refused(
    tmp_path: Path, miniature: Make, name: str, file: str, old: str
) -> None:
    root = tmp_path / "copy"
    miniature(name, root)
    table = root / file
    climb = "/../../../../../" if "nsynth" not in name else '{"../../../../../x'
    table.write_text(table.read_text().replace(old, climb + old.removeprefix('{"'), 1))
    facts = root / "FSD50K.metadata/eval_clips_info_FSD50K.json"
    if facts.exists():
        facts.write_text(facts.read_text().replace(old, climb + old))
    with pytest.raises(DatasetError, match="leaves the dataset's folder"):
        load(root, layout=name)


@pytest.mark.parametrize(
    ("name", "file"),
    [("fsdd", "recordings/9_eve_9.wav"), ("sesa", "train/siren_9.wav"), ("vggsound", "gone_000005.wav")],
)
def test_a_link_that_leads_out_of_the_copy_is_refused(tmp_path: Path, miniature: Make, name: str, file: str) -> None:
    root = tmp_path / "copy"
    copy = miniature(name, root)
    copy.sounds("../secret.wav")
    (root / file).symlink_to(tmp_path / "secret.wav")
    with pytest.raises(DatasetError, match="leaves the dataset's folder"):
        load(root, layout=name)


def test_a_clip_without_a_label_is_left_out_with_a_finding(tmp_path: Path, miniature: Make) -> None:
    miniature("birdclef", tmp_path)
    table = tmp_path / "train_metadata.csv"
    table.write_text(table.read_text().replace("\nhouspa", "\n", 1))
    dataset = load(tmp_path)
    assert [clip.labels for clip in dataset.clips] == [("afrsil1",)]
    assert any(finding.kind == "unlabelled" for finding in dataset.findings)


@pytest.mark.parametrize(
    ("name", "kept", "listed"), [("vggsound", 2, 3), ("dcase2017_task4", 2, 3), ("xeno_canto", 1, 2)]
)
def test_clips_that_vanished_are_counted_and_no_error(
    tmp_path: Path, miniature: Make, name: str, kept: int, listed: int
) -> None:
    miniature(name, tmp_path)
    dataset = load(tmp_path)
    (finding,) = [finding for finding in dataset.findings if finding.kind == "not_in_copy"]
    assert (len(dataset.clips), finding.details) == (kept, {"count": listed - kept, "listed": listed})
    assert not any(finding.severity == "error" for finding in dataset.findings if finding.kind == "unreadable")


def test_lists_without_any_sound_say_how_to_get_it(tmp_path: Path, miniature: Make) -> None:
    miniature("ucf101", tmp_path)
    for path in tmp_path.rglob("*.wav"):
        path.rename(path.with_suffix(".avi"))
    with pytest.raises(DatasetError, match=r"holds none of them: unpack UCF101\.rar .*ffmpeg -i"):
        load(tmp_path)


def test_stem_files_are_refused_with_what_to_do(tmp_path: Path, empty_copy: Callable[[Path], Any]) -> None:
    empty_copy(tmp_path).text("train/A - B.stem.mp4", "not decoded here")
    with pytest.raises(DatasetError, match=r"holds MUSDB18 as \.stem\.mp4 files.*MUSDB18-HQ"):
        load(tmp_path)


@pytest.mark.parametrize("name", ["crema_d", "vocal_imitation", "libricount"])
def test_a_copy_of_hear_brings_its_folds_and_no_groups(
    tmp_path: Path, empty_copy: Callable[[Path], Any], name: str
) -> None:
    copy = empty_copy(tmp_path / "hear-2021.0.6" / "tasks" / f"{name}-full")
    task = f"tfds_{name}" if name == "crema_d" else name
    copy.json("task_metadata.json", {"task_name": task})
    for fold in range(2):
        copy.json(f"fold0{fold}.json", {f"1001_{fold}.wav": [f"label{fold}"]})
        copy.sounds(f"48000/fold0{fold}/1001_{fold}.wav")
    dataset = load(tmp_path)
    assert f"public dataset {name}" in dataset.layout
    assert [(clip.labels, clip.fold, clip.group) for clip in dataset.clips] == [
        (("label0",), "0", None),
        (("label1",), "1", None),
    ]


def test_the_evaluation_part_of_dcase_tests_and_the_testing_part_then_validates(
    tmp_path: Path, miniature: Make
) -> None:
    copy = miniature("dcase2017_task4", tmp_path)
    copy.table("groundtruth_weak_label_evaluation_set.csv", [("ev_0.000_10.000.wav", 0, 10, "Bus")], delimiter="\t")
    copy.sounds("evaluation/Yev_0.000_10.000.wav")
    dataset = load(tmp_path)
    assert [(clip.group, dataset.role(clip)) for clip in dataset.clips] == [
        ("-5DNCQg8_cs", "train"), ("zzz", "validation"), ("ev", "test"),
    ]  # fmt: skip


def test_a_name_without_its_folder_is_looked_for_below_its_species(tmp_path: Path, miniature: Make) -> None:
    miniature("birdclef", tmp_path)
    table = tmp_path / "train_metadata.csv"
    table.write_text(table.read_text().replace("afrsil1/XC", "XC"))
    (tmp_path / "train_audio").rename(tmp_path / "train_short_audio")
    assert _rows(tmp_path) == EXPECTED["birdclef"]


@pytest.mark.parametrize("cell", ["__import__('os').getcwd()", "[1, 2]", "['a'", "{'a': 1}"])
def test_secondary_labels_are_read_and_never_run(tmp_path: Path, miniature: Make, cell: str) -> None:
    miniature("birdclef_multilabel", tmp_path)
    table = tmp_path / "train_metadata.csv"
    quoted = '"' + cell + '"'
    table.write_text(table.read_text().replace("[]", quoted, 1))
    with pytest.raises(DatasetError, match=r"line 3: secondary_labels is .*expected a list such as"):
        load(tmp_path, layout="birdclef_multilabel")
    assert len(load(tmp_path, layout="birdclef").clips) == 2


@pytest.mark.parametrize(
    ("name", "file", "bad", "message"),
    [
        ("fsd50k", "FSD50K.metadata/dev_clips_info_FSD50K.json", "{", "is no JSON"),
        ("fsd50k", "FSD50K.metadata/dev_clips_info_FSD50K.json", "{}", "says nothing of clip 64760"),
        ("vocalsound", "datafiles/tr.json", "[]", "holds list, expected an object"),
        ("vocalsound", "datafiles/tr.json", '{"data": [{}]}', "an entry without 'wav'"),
        ("vggsound", "vggsound.csv", "id,1\n", "line 1 has 2 cells, expected YouTube id"),
        ("vggsound", "vggsound.csv", "id,start,label,split\n", "line 1 has not YouTube id"),
        ("ucf101", "ucfTrainTestlist/trainlist01.txt", "Typing/a.avi 1\n", "expected Action/v_Action_g01_c01"),
    ],
)
def test_a_foreign_file_is_refused_by_name(
    tmp_path: Path, miniature: Make, name: str, file: str, bad: str, message: str
) -> None:
    miniature(name, tmp_path)
    (tmp_path / file).write_text(bad)
    with pytest.raises(DatasetError, match=message) as refused:
        load(tmp_path, layout=name)
    assert Path(file).name in str(refused.value)
