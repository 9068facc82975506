"""Every kind of file knows its number; older ones are brought up, newer ones refused by name."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.backends.registry import load_encoder
from menura.decisions import entry_of
from menura.encoders.scenes import WEIGHTS
from menura.errors import BackendError, MenuraError, RunError
from menura.formats import ENCODER, FORMATS, RUN, Format, judgement_cells, run_fingerprint
from menura.pretrain.state import claim as claim_training
from menura.studies.cells import claim_folder

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OLD_RUN: dict[str, Any] = {
    "settings": {"seed": 0}, "sample_rate": 8000, "generator": {}, "encoder": {}, "training": "t",
    "package_version": "0", "targets": {"a": 1}, "fingerprint": "f", "dataset": {"name": "x"},
}  # fmt: skip


def renamed(values: Any) -> dict[str, Any]:
    """A step that a test made up: ``name`` becomes ``title``."""
    return {**{key: value for key, value in values.items() if key != "name"}, "title": values["name"]}


TITLED = Format("book", current=3, steps=(renamed, lambda values: {**values, "pages": 1}), unnumbered=1)


def test_an_older_file_walks_every_step_from_its_own_number() -> None:
    assert TITLED.brought_up({"name": "a"}, source="b.json") == {"title": "a", "pages": 1, "format": 3}
    assert TITLED.brought_up({"format": 2, "title": "a"}, source="b.json") == {"title": "a", "pages": 1, "format": 3}
    assert TITLED.brought_up({"format": 3, "title": "a"}, source="b.json") == {"title": "a", "format": 3}


@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.what)
def test_a_newer_file_says_what_to_install(kind: Format) -> None:
    words = f"x.json was made by a newer Menura .*format {kind.current + 1}.*reads up to {kind.current}: pip install -U"
    with pytest.raises(kind.error, match=words):
        kind.number_of({"format": kind.current + 1}, source="x.json")


def test_a_file_older_than_every_step_says_what_to_do() -> None:
    with pytest.raises(RunError, match="book format 0, this version reads 1 to 3; make it again"):
        TITLED.number_of({"format": 0}, source="b.json")


@pytest.mark.parametrize("number", [None, "1", 1.0, True, -1, [1]])
def test_what_is_no_number_is_refused(number: object) -> None:
    with pytest.raises(RunError, match="expected a number up to 3"):
        TITLED.number_of({"format": number}, source="b.json")


def test_a_step_that_finds_something_else_than_promised_is_a_damaged_file() -> None:
    with pytest.raises(RunError, match=r"b\.json is damaged \(KeyError\('name'\)\)"):
        TITLED.brought_up({"format": 1}, source="b.json")


@given(values=st.dictionaries(st.sampled_from(["format", *OLD_RUN]), PLAIN))
def test_whatever_a_file_holds_it_is_brought_up_or_refused(values: dict[str, Any]) -> None:
    before = copy.deepcopy(values)
    for kind in FORMATS:
        try:
            assert kind.brought_up(values, source="x")["format"] == kind.current
        except MenuraError as error:
            assert isinstance(error, kind.error)  # noqa: PT017
    assert values == before


def test_a_run_without_a_number_gets_it_and_the_fingerprint_of_its_scheme() -> None:
    now = RUN.brought_up(OLD_RUN, source="run.json")
    assert (now["format"], now["fingerprint_scheme"]) == (1, 1)
    assert now["fingerprint"] == run_fingerprint(now) != run_fingerprint(OLD_RUN)
    assert {name: now[name] for name in OLD_RUN if name != "fingerprint"} == {
        name: value for name, value in OLD_RUN.items() if name != "fingerprint"
    }


@pytest.mark.parametrize(
    ("accepted", "reason", "scores", "surplus", "made"),
    [
        (True, "", '{"label":0.9}', False, True),
        (False, "surplus: 2 are enough", '{"label":0.8}', True, True),
        (False, "label: too unlike", '{"label":0.1}', False, True),
        (False, "the generator failed", "{}", False, False),
    ],
)
def test_an_old_judgement_says_surplus_and_made_by_reason_and_scores(
    accepted: bool, reason: str, scores: str, surplus: bool, made: bool
) -> None:
    cells = judgement_cells({"accepted": accepted, "reason": reason, "scores": scores})
    assert (cells["surplus"], cells["made"]) == (surplus, made)


def test_a_decision_of_a_newer_menura_is_not_guessed_at() -> None:
    line = {"n": 1, "reviewer": "ada", "action": "accept", "request": "0f"}
    assert entry_of(line, source="d.jsonl") == entry_of({**line, "format": 1}, source="d.jsonl")
    with pytest.raises(RunError, match=r"d\.jsonl was made by a newer Menura \(decision format 2\)"):
        entry_of({**line, "format": 2}, source="d.jsonl")


def test_an_encoder_of_a_newer_menura_is_refused_as_a_backend() -> None:
    with pytest.raises(BackendError, match="pip install -U menura"):
        ENCODER.number_of({"format": 2}, source="encoder.safetensors")


@pytest.mark.parametrize(
    ("claim", "name", "words"),
    [
        (lambda folder: claim_folder(folder, {"seeds": 1}), "evaluation-settings.json", "evaluation folder format 2"),
        (lambda folder: claim_training(folder / "training.json", {"steps": 1}), "training.json", "training format 2"),
    ],
)
def test_a_folder_from_before_its_number_goes_on_and_a_newer_one_does_not(
    claim: Callable[[Path], None], name: str, words: str, tmp_path: Path
) -> None:
    claim(tmp_path)
    path = tmp_path / name
    values = json.loads(path.read_text())
    assert values.pop("format") == 1
    path.write_text(json.dumps(values))
    claim(tmp_path)
    path.write_text(json.dumps({**values, "format": 2}))
    with pytest.raises(RunError, match=f"made by a newer Menura \\({words}\\)"):
        claim(tmp_path)


def test_the_encoder_that_comes_along_is_from_before_the_number_and_loads(tmp_path: Path) -> None:
    from safetensors import safe_open
    from safetensors.numpy import load_file, save_file

    with safe_open(WEIGHTS, framework="np") as stored:
        about = json.loads(stored.metadata()["menura"])
    assert "format" not in about
    newer = tmp_path / "newer.safetensors"
    save_file(load_file(WEIGHTS), newer, metadata={"menura": json.dumps({**about, "format": 2})})
    with pytest.raises(BackendError, match=r"newer\.safetensors was made by a newer Menura \(encoder format 2\)"):
        load_encoder(str(newer))
    save_file(load_file(WEIGHTS), newer, metadata={"menura": json.dumps({**about, "format": 1})})
    assert load_encoder(str(newer)).dim == load_encoder("scenes").dim
