"""``menura study ablation`` and ``menura study delta``: one setting changed at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from menura.config import GeneratorSettings, RunSettings
from menura.errors import ConfigError
from menura.studies.bench.ablation import CHANGES, ablation, parse_changes
from menura.studies.bench.delta import delta
from menura.studies.settings import EvaluationSettings


def test_each_change_stands_against_the_full_method(study: Callable[..., dict[str, Any]]) -> None:
    found = study(
        "ablation", "--change", "no-judge:judge.enabled=false,rounds=0", "--times", "1", "--real-per-label", "2",
        "--arms", "real,synthetic",
    )  # fmt: skip
    assert [(row["point"], row["arm"]) for row in found["rows"]] == [
        ("full", "real"), ("full", "synthetic"), ("no-judge", "synthetic"),
    ]  # fmt: skip
    values = {row["point"]: row["value"] for row in found["rows"] if row["arm"] == "synthetic"}
    (part,) = found["parts"]
    assert (part["name"], part["than"]) == ("no-judge", "full")
    assert part["gain"] == pytest.approx(values["no-judge"] - values["full"])
    assert found["conditions"]["no-judge"]["run"]["judge"]["enabled"] is False
    assert {"ablation.svg", "ablation.csv", "ablation-parts.csv"} <= found["files"]


def test_all_built_in_changes_are_possible_and_change_something() -> None:
    for recipe, changes in CHANGES.items():
        base = EvaluationSettings(run=RunSettings(recipe=recipe))
        conditions = ablation(base)
        assert [one.point for one in conditions] == ["full", *changes]
        assert len({one.settings.run.fingerprint for one in conditions}) == 1 + len(changes)


def test_a_change_is_read_as_settings() -> None:
    assert parse_changes(['a:prompts.slots=["place","weather"],rounds=0', "b:prompts.style=scene"]) == {
        "a": {"prompts.slots": ["place", "weather"], "rounds": 0},
        "b": {"prompts.style": "scene"},
    }
    for broken in ("rounds=0", "a:", "a:rounds", ":rounds=0", "a"):
        with pytest.raises(ConfigError, match="expected NAME:key=value"):
            parse_changes([broken])
    with pytest.raises(ConfigError, match="two changes are called 'a'"):
        parse_changes(["a:rounds=0", "a:rounds=2"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rounds": 1}, "changes nothing"),
        ({"roundz": 1}, "change 'x': roundz"),
        ({"rounds.more": 1}, "rounds has no parts"),
        ({"amount.times": 3}, "must be equal for a comparison"),
        ({"judge.encoder": "scenes"}, "must be equal for a comparison"),
    ],
)
def test_a_change_that_is_none_or_too_much_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ablation(EvaluationSettings(), {"x": change})


def test_other_recipes_need_their_changes_named() -> None:
    with pytest.raises(ConfigError, match="no changes are built in for the recipe mix"):
        ablation(EvaluationSettings(run=RunSettings(recipe="mix")))
    with pytest.raises(ConfigError, match="cannot be called full"):
        ablation(EvaluationSettings(), {"full": {"rounds": 0}})


def test_the_strength_is_swept_and_says_what_the_judges_let_pass(study: Callable[..., dict[str, Any]]) -> None:
    found = study("delta", "--deltas", "0,0.5", "--times", "1", "--real-per-label", "4", "--arms", "real,synthetic")
    assert [row["point"] for row in found["rows"] if row["arm"] == "synthetic"] == ["0", "0.5"]
    copies, changed = found["clips"]
    assert copies["asked"] == changed["asked"] == 12
    assert copies["kept"] == copies["passed"] == 0, "the judges keep no copies"
    assert copies["kad"] is None
    assert 0 < changed["kept"] <= 12
    assert 0 < changed["passed"] <= 1
    assert changed["kad"] is not None
    assert any("chosen on test clips" in note for note in found["notes"])


def test_strengths_rise_within_their_range() -> None:
    found = delta(EvaluationSettings(), (0.0, 0.5))
    assert [one.settings.run.generator.delta for one in found] == [0.0, 0.5]
    for wrong in ((0.5, 0.1), (0.5, 1.5), ()):
        with pytest.raises(ConfigError, match=r"rising numbers in \[0, 1\]"):
            delta(EvaluationSettings(), wrong)
    run = RunSettings(generator=GeneratorSettings(delta=0.3))
    with pytest.raises(ConfigError, match="leave out --delta"):
        delta(EvaluationSettings(run=run), (0.0, 0.5))
