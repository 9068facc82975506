from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.captions.editable import add_text, check_labels, read_toml, toml_entry
from menura.errors import ConfigError

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(key=TEXT, value=st.one_of(TEXT, st.lists(TEXT, max_size=4)))
def test_any_text_survives_the_way_to_a_file_and_back(key: str, value: str | list[str]) -> None:
    assert tomllib.loads(toml_entry(key, value)) == {key: value}


def test_what_a_person_wrote_stays_byte_for_byte(tmp_path: Path) -> None:
    path = tmp_path / "cards.toml"
    before = b'# mine\r\nrain   = ["wet"]   # a remark without a last line end'
    path.write_bytes(before)
    add_text(path, [toml_entry("wind", ["low"])], header="unused")
    assert path.read_bytes().startswith(before)
    assert read_toml(path) == {"rain": ["wet"], "wind": ["low"]}


def test_nothing_to_add_leaves_no_file(tmp_path: Path) -> None:
    add_text(tmp_path / "cards.toml", [], header="unused")
    assert not (tmp_path / "cards.toml").exists()
    assert read_toml(tmp_path / "cards.toml") == {}


def test_a_broken_file_is_refused_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "cards.toml"
    path.write_text('rain = ["wet"]\nwind = = 3\n')
    with pytest.raises(ConfigError, match=r"cards\.toml is not TOML.*line 2"):
        read_toml(path)
    path.write_bytes(b"rain = '\xff'")
    with pytest.raises(ConfigError, match="not UTF-8"):
        read_toml(path)


def test_an_unknown_label_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'car_horn'"):
        check_labels({"car_hron": {}}, ["car_horn", "rain"], path=Path("cards.toml"), what="a card")
