from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.backends.licence_verdict import (
    clip_sources,
    model_sources,
    refuse_unless,
    verdict_lines,
    verdict_of,
    weights_of,
)
from menura.backends.licences import licence_of_weights, normalise, split_licences, terms_of
from menura.errors import ConfigError


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("CC-BY-NC-3.0", "CC-BY-NC-3.0"), ("cc by-nc 4.0", "CC-BY-NC-4.0"), ("by-nc-nd", "CC-BY-NC-ND"),
        ("http://creativecommons.org/licenses/by-nc/3.0/", "CC-BY-NC-3.0"), ("CC BY 4", "CC-BY-4.0"),
        ("https://creativecommons.org/licenses/by-sa/4.0/deed.en", "CC-BY-SA-4.0"), ("CC BY 3.0 US", "CC-BY-3.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"), ("CC0", "CC0-1.0"), ("cc0-1.0", "CC0-1.0"),
        ("Creative Commons 0", "CC0-1.0"), ("CC0 1.0 Universal", "CC0-1.0"), ("Attribution", "CC-BY"),
        ("Attribution NonCommercial ShareAlike 4.0", "CC-BY-NC-SA-4.0"), ("Public Domain Mark 1.0", "public-domain"),
        ("Creative Commons Attribution-NoDerivs 2.5 Generic", "CC-BY-ND-2.5"), ("MIT License", "MIT"),
        ("Apache License, Version 2.0", "Apache-2.0"), ("apache-2.0", "Apache-2.0"), ("own", "own"),
        ("creativeml-openrail-m", "OpenRAIL"), ("stable-audio-community", "Stability-AI-Community"),
    ],
)  # fmt: skip
def test_every_spelling_means_the_same_licence(written: str, name: str) -> None:
    assert normalise(written) == name
    assert normalise(name) == name
    assert terms_of(written).commercial != "unknown"


@pytest.mark.parametrize(
    "written",
    [
        "Made by the department",
        "not CC0",
        "CC BY after 2030",
        "Sampling+",
        "unknown",
        "ask me",
        "zero",
        "4.0",
        "see cc by",
    ],
)
def test_what_only_looks_like_a_licence_is_unknown(written: str) -> None:
    assert terms_of(written).commercial == "unknown"
    assert normalise(written) == written


@given(st.text(max_size=40))
def test_any_text_is_read_without_a_fault_and_twice_the_same(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)
    assert terms_of(text).commercial in ("yes", "conditions", "no", "unknown")


def test_terms_follow_from_the_parts_of_a_creative_commons_licence() -> None:
    strictest = terms_of("CC-BY-NC-SA-4.0")
    assert (strictest.commercial, strictest.attribution, strictest.share_alike) == ("no", True, True)
    assert not terms_of("CC-BY-ND-4.0").derivatives
    assert not terms_of("CC0-1.0").attribution
    assert terms_of(None).name == terms_of("  ").name == "not stated"


@pytest.mark.parametrize(
    ("model", "licence", "checked"),
    [
        ("cvssp/audioldm2-large", "CC-BY-NC-SA-4.0", "card"), ("facebook/audiogen-medium", "CC-BY-NC-4.0", "card"),
        ("StabilityAI/stable-audio-open-1.0@main", "Stability-AI-Community", "card"),
        ("declare-lab/TangoFlux", "research-only", "card"), ("teticio/audio-diffusion-ddim-256", None, "card"),
        ("somebody/something", None, "unverified"), ("nvidia/audio-flamingo-3", "NVIDIA-NonCommercial", "unverified"),
    ],
)  # fmt: skip
def test_known_weights_have_their_licence_and_say_whether_it_was_looked_up(
    model: str, licence: str | None, checked: str
) -> None:
    found = licence_of_weights(model)
    assert (found.licence, found.checked) == (licence, checked)
    assert found.source


def test_a_folder_states_its_licence_in_its_readme(tmp_path: Path) -> None:
    assert licence_of_weights(str(tmp_path)).licence is None
    (tmp_path / "README.md").write_text("---\ntags:\n- audio\nlicense: cc-by-4.0\n---\n# Mine\nlicense: mit\n")
    assert licence_of_weights(str(tmp_path)).licence == "cc-by-4.0"
    (tmp_path / "README.md").write_text("---\nlicense: other\nlicense_name: stable-audio-community\n---\n")
    assert licence_of_weights(str(tmp_path)).licence == "stable-audio-community"
    (tmp_path / "README.md").write_text("license: mit\n")
    assert licence_of_weights(str(tmp_path)).licence is None


def test_a_verdict_is_as_strict_as_its_strictest_source() -> None:
    free = [*model_sources("laion/clap-htsat-unfused"), *clip_sources(["CC0", "CC-BY-4.0"])]
    assert verdict_of("g", free).commercial == "yes"
    assert verdict_of("g", [*free, *model_sources("stabilityai/stable-audio-open-1.0")]).commercial == "conditions"
    assert verdict_of("g", [*free, *clip_sources([None])]).commercial == "unknown"
    assert verdict_of("g", [*free, *clip_sources([None, "CC-BY-NC-3.0"])]).commercial == "no"
    assert verdict_of("synth", []).commercial == "yes"


def test_a_verdict_is_said_in_sentences_with_counts() -> None:
    sources = [*model_sources("cvssp/audioldm2"), *clip_sources(["CC-BY-3.0"] * 3 + ["CC-BY-SA-4.0; CC0-1.0"])]
    lines = verdict_lines(verdict_of("audioldm2", sources))
    assert lines[0].startswith("Clips made by audioldm2 may be used for non-commercial purposes only;")
    assert "Because of the weights cvssp/audioldm2 under CC-BY-NC-SA-4.0." in lines
    assert any("3 real clips (CC-BY-3.0)" in line for line in lines if line.startswith("Name the authors"))
    assert any("1 real clip (CC-BY-SA-4.0)" in line for line in lines if "must keep the licence" in line)
    assert lines[-1].endswith("no legal advice.")
    stable = verdict_lines(verdict_of("s", model_sources("stabilityai/stable-audio-open-1.0")))
    assert any("1,000,000 US dollars" in line for line in stable)
    kept = verdict_lines(verdict_of("s", clip_sources(["CC-BY-ND-4.0"])))
    assert any(line.startswith("The set must not be passed on") for line in kept)


def test_commercial_use_is_refused_with_everything_that_spoils_it() -> None:
    sources = [*model_sources("facebook/audiogen-medium"), *clip_sources(["CC-BY-NC-3.0", None, None, "CC0"])]
    verdict = verdict_of("audiogen", sources)
    refuse_unless(verdict, "any")
    with pytest.raises(ConfigError) as refused:
        refuse_unless(verdict, "commercial")
    said = str(refused.value)
    assert "the weights facebook/audiogen-medium under CC-BY-NC-4.0" in said
    assert "1 real clip under CC-BY-NC-3.0" in said
    assert "2 real clips whose licence is not stated" in said
    assert "CC0" not in said
    assert "column `licence`" in said
    refuse_unless(verdict_of("g", clip_sources(["own", "CC-BY-SA-4.0"])), "commercial")


def test_an_adapter_is_a_source_of_its_own(tmp_path: Path) -> None:
    sources = model_sources("laion/clap-htsat-unfused", str(tmp_path))
    assert [(one.role, one.terms.commercial) for one in sources] == [("weights", "yes"), ("adapter", "unknown")]


def test_a_generator_that_does_not_say_its_weights_is_not_taken_for_free() -> None:
    class Foreign:
        pass

    class Telling:
        weights = "cvssp/audioldm2"

    assert weights_of(Foreign(), "resynth") is None
    assert weights_of(Foreign(), "somebodys") == "somebodys"
    assert weights_of(Telling(), "audioldm2") == "cvssp/audioldm2"
    assert verdict_of("somebodys", model_sources("somebodys")).commercial == "unknown"


def test_joined_licences_are_counted_singly() -> None:
    assert split_licences("CC0; CC-BY-4.0") == ("CC0", "CC-BY-4.0")
    assert split_licences(None) == (None,)
