from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from menura.captions.prompts import PromptMaterial, prepare_prompts, prompt_for
from menura.captions.rules import says_label
from menura.captions.words import count_words
from menura.config import Domain, PromptSettings, PromptStyle, settings_from
from menura.errors import ConfigError
from menura.seeding import item_generator

LABELS = ("dog", "rain", "car_horn")
CAPTIONS = {
    "dog": {"b": "Barking in a yard, chains clink", "a": "A dog growls beside a fence while a gate rattles"},
    "rain": {"c": "Rain drips from a roof in a garden, a door slams"},
    "car_horn": {"d": "A car horn blares at a crossing, brakes squeal"},
}


def material(settings: PromptSettings, model: Any) -> dict[str, PromptMaterial]:
    return prepare_prompts(LABELS, settings, model=model, domain="environment", seed=0, captions=CAPTIONS)


@pytest.mark.parametrize("style", get_args(PromptStyle))
def test_every_style_names_the_label_and_repeats_from_its_random_state(style: PromptStyle, offline: Any) -> None:
    settings = PromptSettings(style=style)
    prepared = material(settings, offline)
    for label in LABELS:
        for number in range(6):
            made = prompt_for(prepared[label], settings, generator=item_generator(0, label, number))
            again = prompt_for(prepared[label], settings, generator=item_generator(0, label, number))
            assert made == again
            assert says_label(made.text, prepared[label].card)
            assert made.facts["style"] == style
            assert json.loads(json.dumps(made.facts)) == made.facts
            assert made.negative
            if style in ("scene", "mixcap"):
                assert count_words(made.text) <= 25


@pytest.mark.parametrize("style", ["scene", "descriptors", "mixcap", "plain"])
def test_clips_of_a_label_get_different_prompts(style: PromptStyle, offline: Any) -> None:
    settings = PromptSettings(style=style)
    prepared = material(settings, offline)["dog"]
    texts = {prompt_for(prepared, settings, generator=item_generator(0, n), place=n).text for n in range(8)}
    assert len(texts) == 8


def test_captions_are_used_up_before_one_comes_again(offline: Any) -> None:
    settings = PromptSettings(style="mixcap")
    prepared = material(settings, offline)["dog"]
    count = len(prepared.captions)
    assert count >= 8
    texts = [prompt_for(prepared, settings, generator=item_generator(0, n), place=n).text for n in range(2 * count)]
    assert texts[:count] == list(prepared.captions)
    assert texts[count:] == texts[:count]


def test_a_caption_that_does_not_name_the_label_gets_it_in_front(offline: Any) -> None:
    settings = PromptSettings(style="caption")
    prepared = material(settings, offline)["dog"]
    made = [prompt_for(prepared, settings, generator=item_generator(0), place=n).text for n in range(2)]
    assert made == ["A dog growls beside a fence while a gate rattles", "A dog: Barking in a yard, chains clink"]


@pytest.mark.parametrize(("negative", "expected"), [(False, None), ("hum", "hum"), ("", None)])
def test_the_negative_prompt_can_be_another_or_none(negative: bool | str, expected: str | None, offline: Any) -> None:
    settings = PromptSettings(style="label", negative=negative)
    assert prompt_for(material(settings, offline)["dog"], settings, generator=item_generator(0)).negative == expected


def test_the_number_of_descriptors_is_kept(offline: Any) -> None:
    settings = PromptSettings(style="descriptors", descriptors=5)
    made = prompt_for(material(settings, offline)["rain"], settings, generator=item_generator(0))
    assert made.text.startswith("rain sound, ")
    assert made.text.count(",") == 5


def test_a_label_without_a_caption_is_refused_where_one_is_needed(offline: Any) -> None:
    settings = PromptSettings(style="mixcap")
    with pytest.raises(ConfigError, match="'rain' has none"):
        prepare_prompts(
            ("dog", "rain"), settings, model=offline, domain="environment", seed=0, captions={"dog": {"a": "x"}}
        )


@pytest.mark.parametrize("style", ["descriptors", "mixcap", "caption"])
def test_material_of_another_style_is_refused(style: PromptStyle, offline: Any) -> None:
    prepared = material(PromptSettings(style="label"), offline)["dog"]
    with pytest.raises(ConfigError, match="prepare the prompts with the same settings"):
        prompt_for(prepared, PromptSettings(style=style), generator=item_generator(0))


def test_files_to_edit_are_started_where_the_settings_say(tmp_path: Path, offline: Any) -> None:
    settings = PromptSettings(
        style="descriptors", cards=str(tmp_path / "cards.toml"), descriptor_lists=str(tmp_path / "words.toml")
    )
    first = material(settings, offline)
    asked = len(offline.asked)
    assert material(settings, offline) == first
    assert len(offline.asked) == asked
    assert (tmp_path / "cards.toml").read_text().startswith("# Label cards")
    assert (tmp_path / "words.toml").read_text().startswith("# Words for how each label sounds")


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match="style: Input should be 'label'"):
        settings_from(PromptSettings, {"style": "poem"})
    with pytest.raises(ConfigError, match="pool_share"):
        settings_from(PromptSettings, {"pool_share": 0})


ODD = {
    "environment": ("flurble", "no", "日本", "a", "class 7", "Chink_and_clink", "Bathtub_(filling_or_washing)"),
    "speech": ("yes", "no", "up", "off", "anger", "marvin", "LAUGHTER"),
    "animal": ("Homo sapiens", "bat sp.", "Rana temporaria_Common Frog", "owl"),
    "music": ("hiphop", "synth_lead", "rock", "Hammond organ"),
    "machine": ("fan_normal", "pump abnormal", "valve id_00"),
}


@pytest.mark.parametrize("domain", ODD)
@pytest.mark.parametrize("style", get_args(PromptStyle))
@pytest.mark.parametrize("max_words", [8, 25])
def test_odd_labels_of_every_domain_have_prompts_in_every_style(
    domain: Domain, style: PromptStyle, max_words: int, offline: Any
) -> None:
    settings = PromptSettings(style=style, max_words=max_words)
    labels = ODD[domain]
    captions = {label: {"x": "something hums in a hall"} for label in labels}
    prepared = prepare_prompts(labels, settings, model=offline, domain=domain, seed=0, captions=captions)
    for label in labels:
        made = prompt_for(prepared[label], settings, generator=item_generator(0, label))
        assert says_label(made.text, prepared[label].card), made.text
