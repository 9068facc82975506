"""The table of tasks, and what is said when data are missing or other."""

from __future__ import annotations

from pathlib import Path

import pytest

from menura.datasets.dataset import Dataset
from menura.datasets.public import PUBLIC_SETS
from menura.errors import DatasetError
from menura.studies.downstream import TASKS, check_task, load_task_data, pitch_numbers, task_named
from menura.studies.protocols import RULES
from menura.types import Clip

PAPER = ("esc50", "urbansound8k", "vivae", "nsynth_pitch", "crema_d", "fsd50k", "vocal_imitation", "libricount")


def test_the_eight_tasks_of_the_paper_come_first_with_the_protocols_of_the_harnesses() -> None:
    assert tuple(TASKS)[:8] == PAPER
    rules = {name: (TASKS[name].harness, TASKS[name].rule, TASKS[name].num_folds) for name in PAPER}
    assert rules["esc50"] == rules["crema_d"] == rules["libricount"] == ("HEAR", "next_fold", 5)
    assert rules["vocal_imitation"] == ("HEAR", "next_fold", 3)
    assert rules["nsynth_pitch"] == rules["fsd50k"] == ("HEAR", "split", None)
    assert rules["urbansound8k"] == ("ARCH", "fold_share", 10)
    assert rules["vivae"] == ("ARCH", "next_group", None)
    assert {name for name in PAPER if TASKS[name].metric == "mean_average_precision"} == {"fsd50k", "vocal_imitation"}
    assert [task.name for task in TASKS.values() if task.is_pitch] == ["nsynth_pitch"]


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_every_task_says_all_that_is_needed(task) -> None:
    assert task.rule in RULES
    assert (task.num_folds is None) == (task.rule in ("split", "next_group"))
    assert task.url.startswith("https://")
    assert task.licence
    assert task.probe == {"HEAR": "mlp", "ARCH": "linear", "Menura": "logistic"}[task.harness]
    if task.is_public:
        assert task.licence == PUBLIC_SETS[task.name].licence


@pytest.mark.parametrize("name", ["vivae", "esc50", "fsd50k", "catmeows"])
def test_a_missing_dataset_is_said_with_where_to_get_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENURA_CACHE", str(tmp_path))
    monkeypatch.delenv("MENURA_DATASETS", raising=False)
    monkeypatch.chdir(tmp_path)
    where = {
        "vivae": "menura datasets get vivae --to data/",
        "esc50": "menura datasets get esc50",
        "catmeows": "4008297, write a manifest.csv with the columns path, label, fold, group",
        "fsd50k": "FSD50K.metadata.zip beside them (the page is https://zenodo.org/records/4060432)",
    }[name]
    with pytest.raises(DatasetError, match="is not on this machine") as refused:
        load_task_data(name)
    assert where in str(refused.value)
    assert TASKS[name].licence in str(refused.value)


def test_an_unknown_task_gets_a_guess() -> None:
    with pytest.raises(DatasetError, match="Did you mean 'crema_d'"):
        task_named("cremad")
    assert task_named("esc10").num_labels == 10


def test_other_labels_or_clips_than_the_published_ones_are_said() -> None:
    few = Dataset("mine", tuple(Clip(f"c{i}", f"/{i}.wav", (f"l{i % 10}",), 5.0, 44_100) for i in range(400)))
    assert check_task(few, TASKS["esc10"]) == ()
    (finding,) = check_task(few, TASKS["esc50"])
    assert "10 labels instead of 50 and 400 clips instead of 2,000" in finding.message


def test_pitch_labels_are_note_numbers() -> None:
    assert pitch_numbers(["60", "pitch_021"]) == (60, 21)
    keys = Dataset("keys", (Clip("c", "/c.wav", ("A4 (bright)",), 4.0, 16_000),))
    with pytest.raises(DatasetError, match="expected labels such as 60"):
        check_task(keys, TASKS["nsynth_pitch"])
