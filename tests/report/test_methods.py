"""The methods paragraph: it says what is stored, with the numbers that are stored, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.config import RunSettings
from menura.report.done import shown_path
from menura.report.methods import methods_of
from menura.report.references import all_references

STORED: dict[str, Any] = {
    "dataset": "esc50",
    "metric": "accuracy",
    "differences": [{"arm": "synthetic", "baseline": "real", "p_corrected": 0.04}],
    "protocol": {
        "folds": ["1", "2", "3"], "folds_from": "5 official folds", "test_clips": 1203, "training_clips": 797.5,
        "real_per_label": 17, "seeds": 4, "arms": ["real", "classic", "synthetic"], "baseline": "classic",
        "classifier": "cnn", "steps": 1700, "working_rate_hz": 22050, "doses": [0.5, 6.0],
        "interval": "95 % hierarchical bootstrap over folds and seeds", "test": "paired sign-flip permutation test",
        "keep_rates": {"dog": {"made": 31, "kept": 19}, "cat": {"made": 43, "kept": 23}},
        "run_settings": {
            "recipe": "label_guided", "amount": {"times": 6.0, "per_label": None, "balance": False}, "rounds": 2,
            "generator": {
                "name": "audioldm2:/home/somebody/models/tiny",
                "model": {"num_inference_steps": 137, "guidance_scale": 3.25, "strength": None, "revision": None},
            },
            "prompts": {"style": "sound_of"}, "language_model": {"model": None},
            "judge": {"enabled": True, "acceptance": 0.93, "encoder": "acoustic", "surplus": 1.3, "text_model": None},
        },
    },
    "versions": {"menura": "0.1.0", "torch": "2.13.0", "machine": "Linux x86_64, 8 cores"},
}  # fmt: skip

PARAGRAPH = (
    "Experiments used the dataset esc50. Test clips came from 5 official folds. 3 folds were held out in turn. In "
    "all, 1203 real clips were tested. In each fold, 797.5 real clips were learned from, on average. Training clips"
    " were limited to 17 of each label. Classifiers heard audio at 22050 Hz. Synthetic clips were made with the "
    "recipe label_guided and the generator audioldm2 (model tiny), 137 inference steps, guidance scale 3.25; test "
    "clips took no part in that. Prompts were of the style sound_of. For each real clip, 6 synthetic clips were "
    "asked for. Amounts of 0.5 and 6 synthetic clips for each real one were compared, smaller ones part of larger "
    "ones. Candidates were kept by thresholds in the embedding acoustic, each calibrated to let a share of 0.93 of "
    "the real training clips pass. There were 1.3 candidates for each clip to be kept. Rejected ones were tried "
    "again in at most 2 rounds. Of 74 candidates 42 were kept, over all runs. Compared were the arms real, classic "
    "and synthetic; gains were taken over classic, the best arm of real clips alone. Every arm was trained with the"
    " classifier cnn, for 1700 optimiser steps, with 4 seeds. The metric was accuracy. Intervals were 95 % "
    "hierarchical bootstrap over folds and seeds. P-values came from a paired sign-flip permutation test, corrected"
    " after Holm. Software was Menura 0.1.0 and PyTorch 2.13.0, on Linux x86_64, 8 cores."
)


def numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+(?:\.\d+)*", text))


def stored_numbers(value: Any) -> Iterator[str]:
    """Every number that a stored value allows: itself, and the length of a list."""
    if isinstance(value, dict):
        for one in value.values():
            yield from stored_numbers(one)
    elif isinstance(value, list):
        yield str(len(value))
        for one in value:
            yield from stored_numbers(one)
    elif isinstance(value, bool) or value is None:
        return
    else:
        yield from numbers(f"{value:g}" if isinstance(value, float) else str(value))


def test_the_paragraph_of_a_known_evaluation_is_known() -> None:
    assert methods_of(STORED).text == PARAGRAPH


def test_the_works_of_a_known_evaluation_are_known() -> None:
    assert list(methods_of(STORED).bibtex) == [
        "piczak2015esc", "feng2024synthetic", "liu2023audioldm2", "park2019specaugment", "zhang2017mixup",
        "davison1997bootstrap", "holm1979simple",
    ]  # fmt: skip


def without(stored: dict[str, Any], left_out: frozenset[str]) -> dict[str, Any]:
    kept = {name: value for name, value in stored.items() if name not in left_out}
    return {name: without(value, left_out) if isinstance(value, dict) else value for name, value in kept.items()}


NAMES = sorted(
    {*STORED, *STORED["protocol"], *STORED["protocol"]["run_settings"], "times", "acceptance", "name"} - {"protocol"}
)


@given(st.frozensets(st.sampled_from(NAMES)))
def test_every_number_is_a_stored_one_whatever_is_missing(left_out: frozenset[str]) -> None:
    stored = without(STORED, left_out)
    said = methods_of(stored).text
    counted = {"74", "42"} if "keep_rates" not in left_out else set()
    assert numbers(said) <= set(stored_numbers(stored)) | counted
    assert "None" not in said


def test_nothing_stored_says_nothing() -> None:
    assert methods_of({}).text == ""
    assert methods_of({}).bibtex == {}


@pytest.mark.parametrize(("left_out", "unsaid"), [
    ("steps", "optimiser"), ("judge", "Candidates were kept"), ("times", "asked for"), ("versions", "Software"),
    ("prompts", "Prompts"), ("differences", "Holm"), ("keep_rates", "over all runs"), ("rounds", "tried again"),
])  # fmt: skip
def test_a_missing_field_is_left_out_and_not_guessed(left_out: str, unsaid: str) -> None:
    assert unsaid in methods_of(STORED).text
    assert unsaid not in methods_of(without(STORED, frozenset([left_out]))).text


def test_of_what_was_not_done_nothing_is_said() -> None:
    plain = {"dataset": "mine", "protocol": {"classifier": "linear", "steps": 1000, "seeds": 1}}
    plain["protocol"]["run_settings"] = RunSettings(rounds=0).model_dump(mode="json")  # type: ignore[index]
    found = methods_of(plain)
    for word in ("steps", "prompt", "Prompts", "language model", "text", "CLAP", "again", "Holm", "revision", "model"):
        assert word not in found.text, word
    assert found.bibtex == {}


def test_a_text_model_is_named_with_its_work_and_no_folder_of_a_machine_is() -> None:
    judged = json.loads(json.dumps(STORED))
    judged["protocol"]["run_settings"]["judge"]["text_model"] = "/home/somebody/clap"
    found = methods_of(judged)
    assert "wu2023clap" in found.bibtex
    assert "by clap." in found.text
    assert "/home" not in found.text


def test_a_study_says_what_its_conditions_share_and_what_they_differ_in() -> None:
    study = {
        "study": "low-resource", "dataset": "esc50", "folds": ["1"], "seeds": 3, "classifier": "linear",
        "conditions": {
            str(size): {"real_total": size, "run": {"recipe": "resynth", "generator": {"name": "resynth"}}}
            for size in (50, 100)
        },
        "rows": [{"arm": "real", "p_corrected": None}, {"arm": "synthetic", "p_corrected": 0.1}],
        "published": [{"source": "Ghosh et al. 2025, arXiv:2410.02056, table 1"}],
    }  # fmt: skip
    found = methods_of(study)
    assert "recipe resynth and the generator resynth" in found.text
    assert "The conditions differed in real_total: 50 and 100." in found.text
    assert "arms real and synthetic." in found.text
    assert list(found.bibtex) == ["piczak2015esc", "ghosh2025synthio", "holm1979simple"]


def test_every_entry_is_whole_and_has_its_key() -> None:
    for key, entry in all_references().items():
        assert re.match(rf"@(article|book|inproceedings|misc){{{key},\n", entry)
        assert entry.count("{") == entry.count("}")
        assert {"title", "author", "year"} <= set(re.findall(r"^  (\w+) = {", entry, re.MULTILINE))


@pytest.mark.parametrize(("given_name", "shown"), [
    ("/home/somebody/models/tiny", "tiny"), ("C:\\models\\tiny", "tiny"), ("owner/name", "owner/name"),
    ("./tiny", "tiny"), ("resynth", "resynth"),
])  # fmt: skip
def test_of_a_folder_only_its_name_is_shown(given_name: str, shown: str) -> None:
    assert shown_path(given_name) == shown
