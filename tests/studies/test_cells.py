"""Cells on disk, and folders that belong to one evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from menura.errors import RunError
from menura.studies.cells import Cell, cell_path, claim_folder


def cell(*, multilabel: bool = False) -> Cell:
    truth = np.array([[1, 0, 0], [0, 1, 0]], dtype=bool)
    probabilities = np.array([[0.7, 0.2, 0.1], [0.5, 0.41234567, 0.1]])
    return Cell.scored(
        "fold/1", 0, "synthetic@3", clips={"real": 3}, chosen="linear", truth=truth, probabilities=probabilities,
        multilabel=multilabel, each={"linear": probabilities, "cnn": probabilities[::-1]},
    )  # fmt: skip


@pytest.mark.parametrize("multilabel", [False, True])
def test_a_cell_comes_back_as_it_was_written(tmp_path: Path, multilabel: bool) -> None:
    written = cell(multilabel=multilabel)
    written.write(tmp_path)
    assert Cell.read(tmp_path, "fold/1", 0, "synthetic@3") == written
    assert written.recall[2] is None
    assert written.each["cnn"][0] == written.predictions[1]
    assert (written.confusion is None) == multilabel


def test_a_damaged_cell_counts_as_missing(tmp_path: Path) -> None:
    cell().write(tmp_path)
    path = cell_path(tmp_path, "fold/1", 0, "synthetic@3")
    path.write_text(path.read_text()[:-20])
    assert Cell.read(tmp_path, "fold/1", 0, "synthetic@3") is None
    path.write_text("{}")
    assert Cell.read(tmp_path, "fold/1", 0, "synthetic@3") is None


def test_a_folder_belongs_to_one_identity(tmp_path: Path) -> None:
    claim_folder(tmp_path / "new", {"steps": 600, "run.recipe": "resynth"})
    claim_folder(tmp_path / "new", {"steps": 600, "run.recipe": "resynth"})
    with pytest.raises(RunError, match=r"\(recipe: resynth → mix; steps: 600 → 700\)"):
        claim_folder(tmp_path / "new", {"steps": 700, "run.recipe": "mix"})
