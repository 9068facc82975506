from __future__ import annotations

import pickle

import pytest
from fake_server import KEY

from menura.backends.language.key import Key, key_for
from menura.errors import ConfigError


def test_a_key_does_not_travel_with_what_is_pickled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    packed = pickle.dumps(Key("MY_KEY"))
    assert KEY.encode() not in packed
    assert pickle.loads(packed).header() == {"Authorization": f"Bearer {KEY}"}  # noqa: S301


@pytest.mark.parametrize("broken", ["sk-one\nsk-two", "sk one two", "sk-ünïcode", "sk-\x1b[31m"])
def test_what_is_no_key_is_refused_without_showing_it(monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    monkeypatch.setenv("MY_KEY", broken)
    with pytest.raises(ConfigError, match="MY_KEY") as caught:
        key_for("https://host/v1", "MY_KEY")
    assert broken not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "is_sent"),
    [
        ("https://models.example/v1", True),
        ("http://localhost:8000/v1", True),
        ("http://127.3.2.1/v1", True),
        ("http://[::1]:8000/v1", True),
        ("http://10.0.0.7/v1", False),
        ("http://0.0.0.0/v1", False),
        ("http://localhost.example/v1", False),
        ("http://127.0.0.1.example/v1", False),
    ],
)
def test_a_key_is_sent_encrypted_or_to_this_machine(monkeypatch: pytest.MonkeyPatch, url: str, is_sent: bool) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    if is_sent:
        assert key_for(url, "MY_KEY")
        return
    with pytest.raises(ConfigError, match="is not encrypted"):
        key_for(url, "MY_KEY")


def test_no_variable_or_an_empty_one_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", " ")
    assert key_for("http://10.0.0.7/v1", "MY_KEY") is None
    assert key_for("http://10.0.0.7/v1", None) is None
    assert Key("MY_KEY").hidden_in("text") == "text"


def test_a_placeholder_for_servers_without_keys_is_not_cut_out_of_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "none")
    key = Key("MY_KEY")
    assert key.header() == {"Authorization": "Bearer none"}
    assert key.hidden_in("none of these") == "none of these"
