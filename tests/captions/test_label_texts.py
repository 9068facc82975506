from __future__ import annotations

from pathlib import Path

import pytest

from menura.captions import label_texts
from menura.errors import ConfigError

LABELS = ["dog", "Owl", "church_bells", "crying-baby", "rain", "hour_chime", "door_wood_knock"]


def test_the_texts_are_english() -> None:
    assert list(label_texts(LABELS).values()) == [
        "Sound of a dog", "Sound of an owl", "Sound of church bells", "Sound of a crying-baby", "Sound of rain",
        "Sound of an hour chime", "Sound of a knock on a wooden door",
    ]  # fmt: skip
    assert label_texts(["yes"], domain="speech") == {"yes": 'Sound of a person saying "yes"'}


def test_the_card_that_a_person_wrote_goes_before_the_rule_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "cards.toml"
    path.write_text('[dog]\nphrase = "a barking hound"\n')
    assert label_texts(["rain", "dog"], cards=path) == {"rain": "Sound of rain", "dog": "Sound of a barking hound"}
    assert path.read_text() == '[dog]\nphrase = "a barking hound"\n'
    with pytest.raises(ConfigError, match="dog"):
        label_texts(["rain"], cards=path)
    with pytest.raises(ConfigError, match="has no word; rename it"):
        label_texts(["?"])
