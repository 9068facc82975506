"""``menura study prompts``, on a tiny text-to-audio model with random weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.backends.conftest import tiny
from typer.testing import CliRunner

from menura.cli.main import app
from menura.config import RunSettings
from menura.datasets.dataset import Dataset
from menura.errors import BackendError, ConfigError
from menura.studies.bench.prompts import prompts, ronchini_cells
from menura.studies.settings import EvaluationSettings

__all__ = ["tiny"]

BASE = EvaluationSettings(arms=("real", "synthetic"))


def test_the_command_measures_each_style_and_amount_and_tells_what_was_kept(
    tones: Dataset, tiny: Callable[[str], Path], tmp_path: Path
) -> None:
    model = tiny("stable_audio")
    config = tmp_path / "few-steps.toml"
    config.write_text("rounds = 0\n[judge]\nenabled = false\n[generator.model]\nnum_inference_steps = 1\n")
    out = tmp_path / "study"
    command = [
        "study", "prompts", str(tones.root), "-o", str(out), "--generators", f"stable-audio:{model}", "--styles",
        "label,descriptors", "--doses", "1,2", "--seeds", "1", "--folds", "2", "--test-folds", "1", "--arms",
        "real,synthetic", "-c", str(config), "--encoder", "acoustic", "--workers", "1", "--json",
    ]  # fmt: skip
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert [(row["series"], row["point"], row["arm"]) for row in found["rows"]] == [
        ("stable-audio", style, arm) for style in ("label", "descriptors")
        for arm in ("real", "synthetic", "synthetic@1")
    ]  # fmt: skip
    asked = {name: one["run"] for name, one in found["conditions"].items()}
    assert [(one["recipe"], one["prompts"]["style"], one["amount"]["times"]) for one in asked.values()] == [
        ("label_guided", "label", 2.0), ("llm_assisted", "descriptors", 2.0),
    ]  # fmt: skip
    kept = [note for note in found["notes"] if "candidates passed the judges" in note]
    assert [note.split(":")[0] for note in kept] == ["stable-audio label", "stable-audio descriptors"]
    page = (out / "prompts.html").read_text(encoding="utf-8")
    assert "Which prompts make clips that help" in page
    assert str(model.parent) not in page


def test_a_generator_that_reads_no_prompt_is_refused() -> None:
    with pytest.raises(ConfigError, match="resynth makes clips from recordings and reads no prompt"):
        prompts(BASE, ["resynth"], ["label"], [1])
    with pytest.raises(BackendError, match="audioldm3"):
        prompts(BASE, ["audioldm3"], ["label"], [1])


def test_an_unknown_style_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(ConfigError, match="no style shouting; known styles: label, sound_of"):
        prompts(BASE, ["stable-audio"], ["shouting"], [1])


def test_what_the_study_varies_cannot_be_fixed_by_the_shared_options() -> None:
    base = BASE.model_copy(update={"run": RunSettings(recipe="label_guided")})
    with pytest.raises(ConfigError, match="give --generators, --styles and --doses"):
        prompts(base, ["stable-audio"], ["label"], [1])


def test_amounts_must_rise() -> None:
    with pytest.raises(ConfigError, match="expected rising numbers above 0"):
        prompts(BASE, ["stable-audio"], ["label"], [3, 1])


def test_two_models_of_one_generator_have_names_of_their_own() -> None:
    found = prompts(BASE, ["audioldm2:cvssp/audioldm2", "audioldm2:cvssp/audioldm2-large", "musicgen"], ["label"], [1])
    assert [one.series for one in found] == ["audioldm2 audioldm2", "audioldm2 audioldm2-large", "musicgen"]
    assert len({one.folder for one in found}) == 3


def test_numbers_of_the_paper_stand_beside_the_nearest_generator_style_and_amount() -> None:
    cells = {(c.series, c.point, c.arm): c.value for c in ronchini_cells((1, 3)) if c.arm}
    assert cells["audiogen", "scene", "synthetic@1"] == pytest.approx(0.6842)
    assert cells["audioldm2", "plain", "synthetic"] == pytest.approx(0.7110)
    assert cells["audioldm2", "plain", "synthetic-only"] == pytest.approx(0.4148)
    assert [value for (_, _, arm), value in cells.items() if arm == "real"] == [pytest.approx(0.6468)] * 4
    every = ronchini_cells((1, 3))
    assert len([cell for cell in every if "CRNN" in cell.method]) == 32
    assert {cell.arm for cell in every if "CRNN" in cell.method} == {""}
