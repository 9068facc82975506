from __future__ import annotations

import pytest
from pydantic import ValidationError

from menura.config import AmountSettings, GeneratorSettings, JudgeSettings, RunSettings, settings_from
from menura.errors import ConfigError, MenuraError


def test_an_unknown_setting_is_refused_and_named() -> None:
    with pytest.raises(ConfigError, match=r"run\.toml: colour: there is no such setting"):
        settings_from(RunSettings, {"colour": "red"}, source="run.toml")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"amount": {"time": 3}}, "amount.time: there is no such setting; did you mean times?"),
        ({"judge": {"zzz": 3}}, "judge.zzz: there is no such setting; known: .*encoder"),
        ({"synthio": {"training": {"losser": 1}}}, "synthio.training.losser: .*did you mean losers?"),
    ],
)
def test_a_misspelt_setting_is_told_from_which_it_may_be(values: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("?", r"\?")):
        settings_from(RunSettings, values)


def test_an_impossible_value_names_the_nested_field() -> None:
    with pytest.raises(ConfigError, match=r"generator\.delta: Input should be less than or equal to 1"):
        settings_from(RunSettings, {"generator": {"delta": 1.5}})


def test_two_amounts_at_once_are_refused() -> None:
    with pytest.raises(ConfigError, match="give one of times, per_label and balance, not times and balance"):
        settings_from(AmountSettings, {"times": 3, "balance": True})


def test_settings_cannot_be_changed_after_they_are_made() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        RunSettings().seed = 1  # type: ignore[misc]


def test_the_fingerprint_changes_with_any_field() -> None:
    plain = RunSettings()
    others = [
        plain.model_copy(update={"seed": 1}),
        plain.model_copy(update={"generator": GeneratorSettings(delta=0.2)}),
        plain.model_copy(update={"amount": AmountSettings(per_label=3)}),
    ]
    assert len({item.fingerprint for item in [plain, *others]}) == 4
    assert plain.fingerprint == RunSettings().fingerprint


def test_a_settings_error_is_also_the_builtin_that_it_refines() -> None:
    assert issubclass(ConfigError, MenuraError)
    assert issubclass(ConfigError, ValueError)


def test_speech_is_heard_by_statistics_unless_another_encoder_is_named() -> None:
    speech = GeneratorSettings(domain="speech")
    assert RunSettings().judge.encoder == "acoustic+scenes"
    unset = RunSettings(generator=speech, judge=JudgeSettings(surplus=2.0))
    assert (unset.judge.encoder, unset.judge.surplus) == ("acoustic", 2.0)
    assert RunSettings(generator=speech, judge=JudgeSettings(encoder="acoustic+scenes")).judge.encoder == (
        "acoustic+scenes"
    )
    assert RunSettings.model_validate(unset.model_dump(mode="json")) == unset
