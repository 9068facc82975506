from __future__ import annotations

import pytest
from pydantic import ValidationError

from menura.config import LanguageModelSettings, settings_from
from menura.errors import ConfigError


def made(**fields: object) -> LanguageModelSettings:
    return settings_from(LanguageModelSettings, {"model": "m"} | fields)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("http://localhost:8000/v1", "http://localhost:8000/v1"),
        (" https://api.example/v1/ ", "https://api.example/v1"),
        ("http://[::1]:8080/v1/chat/completions", "http://[::1]:8080/v1"),
    ],
)
def test_an_address_is_kept_as_the_base_of_the_api(given: str, kept: str) -> None:
    assert made(url=given).url == kept


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("localhost:8000/v1", "begins with http:// or https://"),
        ("ftp://host/v1", "begins with http:// or https://"),
        ("http://", "begins with http:// or https://"),
        ("http://[::1/v1", "begins with http:// or https://"),
        ("http://host:99999999/v1", "begins with http:// or https://"),
        ("https://me:sk-secret@host/v1", "no name, password"),
        ("https://host/v1?key=sk-secret", "no name, password"),
        ("https://host/v1#sk-secret", "no name, password"),
    ],
)
def test_an_address_that_is_none_or_holds_a_secret_is_refused_without_repeating_it(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        made(url=url)
    with pytest.raises(ValidationError) as bare:
        LanguageModelSettings(url=url, model="m")
    assert "sk-secret" not in str(caught.value) + str(bare.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": "http://localhost/v1", "model": None}, "a url needs model="),
        ({"price_prompt": 1.0}, "give both price_prompt and price_completion"),
        ({"money_budget": 1.0}, "money_budget needs price_prompt and price_completion"),
        ({"key_variable": "sk-proj-123"}, "key_variable: String should match pattern"),
        ({"key": "sk-123"}, "key: there is no such setting"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        made(**fields)


def test_nothing_needs_to_be_set_for_phrases() -> None:
    assert LanguageModelSettings().url is None
