"""Text from elsewhere shows itself on a terminal, and does nothing there."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.cli.output import console, emit_json, fail
from menura.cli.terminal import console_class, visible, visible_json
from menura.errors import AudioError

HOSTILE = "rain\x1b]0;title\x07\x1b[2J\x9b31m\u202egpj.\r\udcff"
OBEYED = set("\x1b\x07\x9b\u202e\r\udcff")


def shown(*things: object, **options: object) -> str:
    """What a terminal of eighty columns with colours would be sent."""
    sink = io.StringIO()
    there = console_class()(file=sink, force_terminal=True, width=80, markup=False, emoji=False, highlight=False)
    there.print(*things, **options)  # type: ignore[arg-type]
    return sink.getvalue()


@given(st.text())
def test_visible_text_holds_no_character_that_a_terminal_obeys(text: str) -> None:
    told = visible(text)
    assert all(sign in "\n\t" or sign.isprintable() or not (ord(sign) < 160 or sign in OBEYED) for sign in told)
    told.encode("utf-8")


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Zl", "Zp"))))
def test_ordinary_text_of_any_script_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@given(st.dictionaries(st.text(), st.text() | st.floats(allow_nan=False)))
def test_visible_json_is_the_same_value(value: dict[str, object]) -> None:
    text = visible_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(text) == value
    assert not OBEYED & set(text)


def test_a_console_writes_control_characters_out_wherever_they_stand() -> None:
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    table = Table(HOSTILE, title=HOSTILE, caption=HOSTILE, box=None)
    table.add_row(HOSTILE)
    table.add_row(Text(HOSTILE))
    for thing in (HOSTILE, Text.assemble("a ", (HOSTILE, "bold")), table, Panel(HOSTILE)):
        told = shown(thing)
        assert r"\x1b[2J" in told
        assert "\x1b[2J" not in told
        assert not {"\x07", "\x9b", "\u202e", "\udcff"} & set(told)


def test_a_console_keeps_its_own_colours() -> None:
    assert shown("well", style="red") == "\x1b[31mwell\x1b[0m\n"


@pytest.mark.parametrize("label", ["[/foo] siren", "[bold]rain[/bold]", ":dog:", "[link=https://example.org]x[/link]"])
def test_markup_in_a_label_is_shown_and_not_obeyed(label: str, capsys: pytest.CaptureFixture[str]) -> None:
    from rich.table import Table

    table = Table("label", box=None)
    table.add_row(label)
    console().print(label)
    console().print(table)
    assert capsys.readouterr().out.count(label) == 2


@pytest.mark.parametrize(
    "error", [AudioError(HOSTILE), OSError(2, "no", HOSTILE), KeyError("x", HOSTILE), ValueError(HOSTILE)]
)
def test_an_error_that_quotes_a_file_name_does_nothing_to_the_terminal(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fail(error) in (1, 2)
    told = capsys.readouterr().err
    assert r"\x1b" in told
    assert not OBEYED & set(told)


def test_printed_json_is_safe_to_look_at_and_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    emit_json({HOSTILE: [HOSTILE]})
    told = capsys.readouterr().out
    assert json.loads(told) == {HOSTILE: [HOSTILE]}
    assert not OBEYED & set(told)
