"""Nothing in a bug report that is nobody's business."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.doctor.privacy import HIDDEN, Curtain, environment, looks_secret

KEY = "sk-9f8e7d6c5b4a"
CURTAIN = Curtain("/home/ada", "ada", (KEY,))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/ada/runs/first", "~/runs/first"),
        ("/home/ada", "~"),
        ("/home/adam/runs", "/home/adam/runs"),
        ("/data/ada/x, by ada", "/data/~/x, by ~"),
        ("adamant and ada_2", "adamant and ada_2"),
        (f"refused {KEY}!", "refused (hidden)!"),
        ("http://ada:pw@host/v1", "http://(hidden)@host/v1"),
    ],
)
def test_home_name_and_keys_are_covered(text: str, shown: str) -> None:
    assert CURTAIN.text(text) == shown


@given(
    st.recursive(
        st.sampled_from([KEY, "/home/ada/x", "ok", 1, None, True]),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["a", KEY]), inner),
    )
)
def test_however_deep_a_key_lies_it_is_covered(value: object) -> None:
    shown = json.dumps(CURTAIN.over(value))  # type: ignore[arg-type]
    assert KEY not in shown
    assert "/home/ada" not in shown


def test_of_two_keys_the_longer_one_leaves_no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", KEY)
    monkeypatch.setenv("B_TOKEN", KEY + "-and-more")
    assert Curtain.here().text(f"{KEY}-and-more") == "(hidden)"


def test_variables_show_values_only_where_these_are_known_to_be_harmless() -> None:
    shown = environment(
        {
            "MENURA_CACHE": "/cache", "HF_TOKEN": KEY, "OPENAI_API_KEY": KEY, "MENURA_SOMETHING_NEW": KEY,
            "HTTPS_PROXY": f"http://ada:{KEY}@proxy.example:3128/?k={KEY}", "EDITOR": "vi", "OMP_NUM_THREADS": "1",
            "HF_ENDPOINT": "not an address", "MENURA_KEY": "x",
        }
    )  # fmt: skip
    assert shown == {
        "HF_ENDPOINT": HIDDEN, "HF_TOKEN": HIDDEN, "HTTPS_PROXY": "http://proxy.example:3128", "MENURA_CACHE": "/cache",
        "MENURA_KEY": HIDDEN, "MENURA_SOMETHING_NEW": HIDDEN, "OMP_NUM_THREADS": "1", "OPENAI_API_KEY": HIDDEN,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["HF_TOKEN", "aws_secret_access", "DB_PASSWORD", "GOOGLE_APPLICATION_CREDENTIALS"])
def test_names_that_may_hold_keys_are_known(name: str) -> None:
    assert looks_secret(name)
