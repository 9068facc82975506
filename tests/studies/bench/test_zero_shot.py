"""``menura study zero-shot``: synthetic clips alone, several generators."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from menura.config import GeneratorSettings, JudgeSettings, ModelSettings, PromptSettings, RunSettings
from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.studies.bench.condition import Condition, measure
from menura.studies.bench.generators import is_unaided, with_generators
from menura.studies.bench.zero_shot import zero_shot, zero_shot_report
from menura.studies.settings import EvaluationSettings


def test_the_command_learns_from_synthetic_clips_alone(study: Callable[..., dict[str, Any]]) -> None:
    found = study("zero-shot", "--amounts", "0.25,0.5")
    rows = {(row["point"], row["arm"]): row for row in found["rows"]}
    assert rows["0", "real"]["clips"] == 54
    assert 5 < rows["0.25", "synthetic-only"]["clips"] < rows["0.5", "synthetic-only"]["clips"] <= 27
    assert rows["0.25", "synthetic-only"]["baseline"] == "real (0)"
    assert any("not learning without them" in note for note in found["notes"])


def test_generators_are_series_and_are_compared_with_the_first(
    tones: Dataset, helpful_runs: Callable[..., object], harmful_runs: Callable[..., object], tmp_path: Path
) -> None:
    run = RunSettings(judge=JudgeSettings(encoder="acoustic"))
    settings = zero_shot(EvaluationSettings(seeds=1, real_per_label=3, run=run), (3, 6))[0].settings
    conditions = [
        Condition("doses", settings, series=name, make_run=make)
        for name, make in (("good", helpful_runs), ("bad", harmful_runs))
    ]
    report = zero_shot_report(tones, measure(tones, conditions, tmp_path, workers=1, test_folds=("1",)), (3, 6))
    good, bad = (next(row for row in report.rows if (row.series, row.point) == (name, "6")) for name in ("good", "bad"))
    assert good.value > bad.value
    assert good.clips == bad.clips == 6 * 9
    against = report.more["generators"]
    assert [(one.name, one.than) for one in against] == [("bad 3", "good 3"), ("bad 6", "good 6")]  # type: ignore[attr-defined]
    assert against[1].gain == pytest.approx(bad.value - good.value)  # type: ignore[attr-defined]


def test_a_generator_may_bring_its_recipe() -> None:
    found = with_generators(RunSettings(), ("resynth", "label_guided=menura-mini:some/folder"))
    assert {name: (run.recipe, run.generator.name) for name, run in found.items()} == {
        "resynth": ("resynth", "resynth"),
        "label_guided=menura-mini": ("label_guided", "menura-mini:some/folder"),
    }
    with pytest.raises(ConfigError, match="two generators are called resynth"):
        with_generators(RunSettings(), ("resynth", "resynth"))
    with pytest.raises(ConfigError, match="no recipe 'label_guide'"):
        with_generators(RunSettings(), ("label_guide=audioldm2",))


def test_what_hears_real_clips_is_not_unaided() -> None:
    guided = RunSettings(recipe="label_guided")
    assert is_unaided(guided)
    assert not is_unaided(RunSettings())
    started = GeneratorSettings(model=ModelSettings(strength=0.5))
    assert not is_unaided(guided.model_copy(update={"generator": started}))
    assert not is_unaided(guided.model_copy(update={"prompts": PromptSettings(style="mixcap")}))
