"""A miniature copy of every public dataset, in the layout and with the column names of the official one."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import soundfile

from menura.seeding import item_generator


class Copy:
    """Writes the files of a copy below its root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def sounds(self, *names: str) -> None:
        for name in names:
            path = self._place(name)
            noise = 0.1 * item_generator(0, name).standard_normal(800)
            soundfile.write(path, noise, 8000, format={".ogg": "OGG", ".mp3": "MP3"}.get(path.suffix, "WAV"))

    def table(self, name: str, rows: Sequence[Sequence[object]], *, delimiter: str = ",") -> None:
        with self._place(name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter=delimiter).writerows(rows)

    def text(self, name: str, *lines: str) -> None:
        self._place(name).write_text("\n".join(lines) + "\n", encoding="utf-8")

    def json(self, name: str, told: object) -> None:
        self._place(name).write_text(json.dumps(told), encoding="utf-8")

    def _place(self, name: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _esc(copy: Copy) -> None:
    columns = ("filename", "fold", "target", "category", "esc10", "src_file", "take")
    rows = [("1-10-A-0.wav", 1, 0, "dog", True, "10", "A"), ("2-11-A-1.wav", 2, 1, "frog", False, "11", "A")]
    copy.table("meta/esc50.csv", [columns, *rows])
    copy.sounds(*(f"audio/{row[0]}" for row in rows))


def _urbansound8k(copy: Copy) -> None:
    columns = ("slice_file_name", "fsID", "start", "end", "salience", "fold", "classID", "class")
    rows = [("7-1-0-0.wav", 7, 0, 4, 1, 3, 8, "siren"), ("8-1-0-0.wav", 8, 0, 4, 1, 4, 4, "drilling")]
    copy.table("metadata/UrbanSound8K.csv", [columns, *rows])
    copy.sounds(*(f"audio/fold{row[5]}/{row[0]}" for row in rows))


def _fsdd(copy: Copy) -> None:
    copy.sounds(*(f"recordings/{name}.wav" for name in ("0_jackson_0", "0_jackson_7", "1_theo_4")))


def _gtzan(copy: Copy) -> None:
    copy.sounds("genres/blues/blues.00000.wav", "genres/rock/rock.00000.wav")


def _gtzan_filtered(copy: Copy) -> None:
    copy.sounds(*(f"genres/blues/blues.0000{number}.wav" for number in range(3)), "genres/rock/rock.00000.wav")
    copy.text("train_filtered.txt", "blues/blues.00000.wav")
    copy.text("valid_filtered.txt", "rock/rock.00000.wav")
    copy.text("test_filtered.txt", "blues/blues.00002.wav")


def _speech_commands(copy: Copy) -> None:
    copy.sounds("yes/aa_nohash_0.wav", "yes/bb_nohash_0.wav", "no/cc_nohash_1.wav", "_background_noise_/hiss.wav")
    copy.text("testing_list.txt", "yes/bb_nohash_0.wav")
    copy.text("validation_list.txt", "no/cc_nohash_1.wav")


def _medley_solos(copy: Copy) -> None:
    rows = [("training", "flute", 3, 0, "aa"), ("validation", "piano", 4, 0, "bb"), ("test", "flute", 3, 0, "cc")]
    copy.table("Medley-solos-DB_metadata.csv", [("subset", "instrument", "instrument_id", "song_id", "uuid4"), *rows])
    copy.sounds(*(f"Medley-solos-DB/Medley-solos-DB_{row[0]}-{row[2]}_{row[4]}.wav" for row in rows))


def _tut_urban_2018(copy: Copy) -> None:
    rows = [
        ("audio/airport-lyon-1-1-a.wav", "airport", "lyon-1", "a"),
        ("audio/park-paris-2-2-a.wav", "park", "paris-2", "a"),
    ]
    copy.table("meta.csv", [("filename", "scene_label", "identifier", "source_label"), *rows], delimiter="\t")
    copy.text("evaluation_setup/fold1_train.txt", "audio/airport-lyon-1-1-a.wav\tairport")
    copy.text("evaluation_setup/fold1_evaluate.txt", "audio/park-paris-2-2-a.wav\tpark")
    copy.text("evaluation_setup/fold1_test.txt", "audio/park-paris-2-2-a.wav")
    copy.sounds(*(row[0] for row in rows))


def _nsynth(copy: Copy) -> None:
    for part, note in (("train", "bass_synthetic_033-022-050"), ("valid", "reed_acoustic_001-060-025")):
        instrument = note.rsplit("-", 2)[0]
        facts = {"note_str": note, "instrument_str": instrument, "pitch": int(note.split("-")[1])}
        told = {note: {**facts, "instrument_family_str": note.split("_")[0]}}
        copy.json(f"nsynth-{part}/examples.json", told)
        copy.sounds(f"nsynth-{part}/audio/{note}.wav")


def _hear(copy: Copy, task: str, parts: dict[str, dict[str, list[object]]]) -> None:
    copy.json("task_metadata.json", {"task_name": task, "embedding_type": "scene"})
    copy.text("labelvocabulary.csv", "idx,label")
    for part, labels in parts.items():
        copy.json(f"{part}.json", labels)
        copy.sounds(*(f"{rate}/{part}/{name}" for name in labels for rate in (16000, 48000)))


def _nsynth_pitch(copy: Copy) -> None:
    names = {"train": "bass_synthetic_033-022-050", "valid": "reed_acoustic_001-060-025", "test": "organ_a_02-061-127"}
    _hear(copy, "nsynth_pitch", {part: {f"{name}.wav": [int(name.split("-")[1])]} for part, name in names.items()})


def _vocalsound(copy: Copy) -> None:
    for stem, name in (("tr", "f0003_0_cough"), ("val", "m0004_0_sigh"), ("te", "f0005_0_throatclearing")):
        copy.json(f"datafiles/{stem}.json", {"data": [{"wav": f"/home/yuan/audio_16k/{name}.wav", "labels": "/m/0"}]})
        copy.sounds(f"audio_16k/{name}.wav")


def _musdb18(copy: Copy) -> None:
    for track in ("train/A Classic Education - NightOwl", "train/Meaxic - Take A Step", "test/AM Contra - Heart"):
        copy.sounds(f"{track}/vocals.wav", f"{track}/mixture.wav")


def _dcase2017_task4(copy: Copy) -> None:
    training = [
        ("-5DNCQg8_cs_30.000_40.000.wav", "0.000", "10.000", "Train horn"),
        ("-5DNCQg8_cs_30.000_40.000.wav", "0.000", "10.000", "Train"),
        ("gone_0.000_10.000.wav", "0.000", "10.000", "Bus"),
    ]
    testing = [("zzz_0.000_10.000.wav", "0.000", "10.000", "Air horn, truck horn")]
    for part, rows in (("training", training), ("testing", testing)):
        copy.table(f"groundtruth_weak_label_{part}_set.csv", rows, delimiter="\t")
    copy.sounds("training/Y-5DNCQg8_cs_30.000_40.000.wav", "testing/Yzzz_0.000_10.000.wav")


def _fsd50k(copy: Copy) -> None:
    dev = [("64760", "Guitar,Music", "/m/1,/m/2", "train"), ("16399", "Bark", "/m/3", "val")]
    copy.table("FSD50K.ground_truth/dev.csv", [("fname", "labels", "mids", "split"), *dev])
    copy.table("FSD50K.ground_truth/eval.csv", [("fname", "labels", "mids"), ("37199", "Music", "/m/2")])
    by, zero = "http://creativecommons.org/licenses/by/3.0/", "http://creativecommons.org/publicdomain/zero/1.0/"
    told = {"64760": ("ann", by), "16399": ("bob", zero), "37199": ("cy", by.replace("by/3.0", "sampling+/1.0"))}
    facts = {name: {"title": "x", "uploader": who, "license": what} for name, (who, what) in told.items()}
    for part, names in (("dev", ("64760", "16399")), ("eval", ("37199",))):
        copy.json(f"FSD50K.metadata/{part}_clips_info_FSD50K.json", {name: facts[name] for name in names})
        copy.sounds(*(f"FSD50K.{part}_audio/{name}.wav" for name in names))


def _sesa(copy: Copy) -> None:
    copy.sounds("train/casual_000.wav", "train/gunshot_004.wav", "test/siren_001.wav")


def _ucf101(copy: Copy, number: int = 1) -> None:
    train, test = ("Typing/v_Typing_g08_c01", "ApplyEyeMakeup/v_ApplyEyeMakeup_g09_c01"), ("Typing/v_Typing_g01_c04",)
    copy.text(f"ucfTrainTestlist/trainlist{number:02d}.txt", *(f"{name}.avi 7" for name in train))
    copy.text(f"ucfTrainTestlist/testlist{number:02d}.txt", *(f"{name}.avi" for name in test))
    copy.sounds(*(f"UCF-101/{name}.wav" for name in (*train, *test)))


def _activitynet(copy: Copy) -> None:
    labels = [{"label": "Ironing clothes", "segment": [0, 1]}, {"label": "Ironing clothes", "segment": [2, 3]}]
    told = {
        "aa": {"subset": "training", "annotations": labels},
        "bb": {"subset": "validation", "annotations": [{"label": "Surfing", "segment": [0, 9]}]},
        "cc": {"subset": "testing", "annotations": []},
    }
    copy.json("activity_net.v1-3.min.json", {"database": told})
    copy.sounds("audio/v_aa.wav", "audio/v_bb.wav")


def _iemocap(copy: Copy) -> None:
    for session, dialogue, turns in (
        (1, "Ses01F_impro01", (("F000", "neu"), ("M001", "exc"), ("M002", "xxx"))),
        (2, "Ses02M_script01_1b", (("M004", "hap"), ("F005", "fru"))),
    ):
        lines = [f"[6.2901 - 8.2357]\t{dialogue}_{turn}\t{label}\t[2.5, 2.5, 2.5]" for turn, label in turns]
        lines.insert(0, "% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]")
        copy.text(f"Session{session}/dialog/EmoEvaluation/{dialogue}.txt", *lines, "C-E2:\tNeutral;\t()")
        copy.sounds(*(f"Session{session}/sentences/wav/{dialogue}/{dialogue}_{turn}.wav" for turn, _ in turns))


def _vivae(copy: Copy) -> None:
    copy.sounds("full_set/S01_anger_low_01.wav", "full_set/S02_pain_peak_03.wav", "core_set/S01_anger_low_01.wav")


def _crema_d(copy: Copy) -> None:
    copy.sounds("AudioWAV/1001_DFA_ANG_XX.wav", "AudioWAV/1002_IEO_SAD_HI.wav")


def _vocal_imitation(copy: Copy) -> None:
    depths = [f"category_d{depth}" for depth in range(1, 7)]
    columns = ["imitation_id", "imitation_filename", "category_id", *depths, "included", "participant_id"]
    rows = [
        [1, "1.wav", "a", "Animal", "Dog", "Bark", "", "", "", "True", "p1"],
        [2, "2.wav", "b", "Animal", "Cat", "Purr", "", "", "", "True", "p2"],
        [3, "3.wav", "c", "Engines", "Car", "Purr", "", "", "", "True", "p1"],
        [4, "4.wav", "a", "Animal", "Dog", "Bark", "", "", "", "False", "p3"],
    ]
    copy.table("vocal_imitations.txt", [columns, *rows], delimiter="\t")
    copy.sounds(*(f"vocal_imitations/included/{number}.wav" for number in (1, 2, 3)))


def _libricount(copy: Copy) -> None:
    for name in ("0_4", "10_7"):
        copy.sounds(f"test/{name}.wav")
        copy.json(f"test/{name}.json", [{"sex": "F", "speaker_id": 61}])


def _vggsound(copy: Copy) -> None:
    rows = [("--0PQM4-hqg", 30, "waterfall burbling", "train"), ("aa_1", 1, "zebra braying", "test")]
    copy.table("vggsound.csv", [*rows, ("gone", 5, "playing, of course", "train")])
    copy.sounds("train/--0PQM4-hqg_000030.wav", "test/aa_1_1.wav")


def _birdclef(copy: Copy) -> None:
    columns = ("primary_label", "secondary_labels", "author", "license", "filename")
    rows = [
        ("afrsil1", "['houspa', 'comsan']", "Bram", "Creative Commons Attribution 3.0", "afrsil1/XC125458.ogg"),
        ("houspa", "[]", "", "", "houspa/XC2.ogg"),
    ]
    copy.table("train_metadata.csv", [columns, *rows])
    copy.sounds(*(f"train_audio/{row[4]}" for row in rows))


def _xeno_canto(copy: Copy) -> None:
    licence = "//creativecommons.org/licenses/by-nc-sa/4.0/"
    told = [
        {"id": "128013", "gen": "Menura", "sp": "alberti", "rec": "Marc", "lic": licence, "also": ["Pitta sp"]},
        {"id": "9", "gen": "Otis", "sp": "tarda", "rec": "Ann", "lic": licence},
    ]
    copy.json("metadata/Lyrebird/page1.json", {"numRecordings": "2", "recordings": told})
    copy.json("metadata/Again/page1.json", {"numRecordings": "1", "recordings": told[:1]})
    copy.sounds("audio/AlbertsLyrebird/XC128013.mp3")


MINIATURES: dict[str, Callable[[Copy], None]] = {
    "esc50": _esc,
    "esc10": _esc,
    "urbansound8k": _urbansound8k,
    "fsdd": _fsdd,
    "gtzan_filtered": _gtzan_filtered,
    "gtzan": _gtzan,
    "speech_commands": _speech_commands,
    "medley_solos": _medley_solos,
    "tut_urban_2018": _tut_urban_2018,
    "nsynth": _nsynth,
    "vocalsound": _vocalsound,
    "musdb18": _musdb18,
    "dcase2017_task4": _dcase2017_task4,
    "fsd50k": _fsd50k,
    "sesa": _sesa,
    "ucf101": _ucf101,
    "ucf101_split2": lambda copy: _ucf101(copy, 2),
    "ucf101_split3": lambda copy: _ucf101(copy, 3),
    "activitynet": _activitynet,
    "iemocap": _iemocap,
    "vivae": _vivae,
    "nsynth_pitch": _nsynth_pitch,
    "crema_d": _crema_d,
    "vocal_imitation": _vocal_imitation,
    "libricount": _libricount,
    "vggsound": _vggsound,
    "birdclef": _birdclef,
    "birdclef_multilabel": _birdclef,
    "xeno_canto": _xeno_canto,
}


@pytest.fixture
def miniature() -> Callable[[str, Path], Copy]:
    """Writes the miniature copy of a set into a folder."""

    def make(name: str, root: Path) -> Copy:
        copy = Copy(root)
        MINIATURES[name](copy)
        return copy

    return make


@pytest.fixture
def empty_copy() -> Callable[[Path], Copy]:
    """A copy without files, for layouts of a test's own."""
    return Copy
