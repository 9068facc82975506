"""What ``import menura`` promises."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import menura
from menura.errors import DatasetError, RunError


def test_no_folder_hides_a_function_of_the_package() -> None:
    """A folder becomes an attribute when anything imports it, and would then stand in the place of the function."""
    folders = {module.name for module in pkgutil.iter_modules(menura.__path__)}
    assert not folders & {"augment", "evaluate"}
    assert {"audio", "datasets"} <= folders


def test_the_functions_are_found_whatever_was_imported_before() -> None:
    code = (
        "import menura.studies.evaluate, menura.classify.cnn, menura.recipes.augment, menura; "
        "print(callable(menura.augment), callable(menura.evaluate))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "True True\n"


def test_what_is_no_dataset_and_no_run_is_refused_with_what_makes_one(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.ones(100) * 0.1, 8000)
    (tmp_path / "manifest.csv").write_text("path,label\na.wav,dog\n")
    dataset = menura.datasets.load(tmp_path)
    with pytest.raises(DatasetError, match=r"augment was given a str, expected a training part: .*load\(PATH\)\.train"):
        menura.augment("my_sounds/", out=tmp_path / "run")  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="evaluate was given a TrainingPart, expected a whole dataset"):
        menura.evaluate(dataset.train, out=tmp_path / "out")  # type: ignore[arg-type]
    with pytest.raises(RunError, match=r"evaluate was given the path runs/first, expected a run: .*Run\.open"):
        menura.evaluate(dataset, "runs/first")  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="score was given a str, expected a dataset, a training part or a run"):
        menura.score(dataset, "runs/first")  # type: ignore[arg-type]
    with pytest.raises(DatasetError, match="has no clips to compare"):
        menura.score(dataset, dataset.with_clips(()))
    with pytest.raises(DatasetError, match="the dataset has an empty name"):
        menura.datasets.load("")
    assert not (tmp_path / "run").exists()


def test_the_map_for_contributors_names_every_folder() -> None:
    root = Path(__file__).resolve().parents[1]
    table = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    folders = {path.parent.name for path in (root / "src" / "menura").glob("*/__init__.py")}
    assert {name for name in folders if f"`{name}`" not in table} == set()
