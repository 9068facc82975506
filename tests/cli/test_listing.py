from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from menura.cli.main import app


def listed(*arguments: str) -> dict[str, list[dict[str, object]]]:
    shown = CliRunner().invoke(app, ["list", *arguments, "--json"])
    assert shown.exit_code == 0, shown.output
    found: dict[str, list[dict[str, object]]] = json.loads(shown.stdout)
    return found


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("generators", "resynth"),
        ("encoders", "acoustic"),
        ("recipes", "resynth"),
        ("classifiers", "linear"),
        ("captioners", "acoustic"),
        ("language_models", "grammar"),
        ("arms", "oversample"),
    ],
)
def test_what_is_built_in_is_available(kind: str, name: str) -> None:
    found = listed(kind)
    assert list(found) == [kind]
    row = next(row for row in found[kind] if row["name"] == name)
    assert row["available"] is True
    assert row["reason"] == ""
    assert row["summary"]


def test_a_dataset_that_is_not_here_says_how_to_get_it() -> None:
    row = next(row for row in listed("datasets")["datasets"] if row["name"] == "gtzan")
    assert row["available"] is False
    assert row["reason"] == "no local copy: menura datasets get gtzan"


def test_everything_is_listed_by_default_and_for_people_too() -> None:
    kinds = ["generators", "encoders", "recipes", "datasets", "classifiers", "captioners", "language_models", "arms"]
    assert list(listed()) == kinds
    shown = CliRunner().invoke(app, ["list"])
    assert shown.exit_code == 0
    assert "acoustic" in shown.output
    assert "not available" in shown.output


def test_an_unknown_kind_is_refused() -> None:
    shown = CliRunner().invoke(app, ["list", "spoons"])
    assert shown.exit_code == 2
    assert "spoons" in shown.output


def test_published_weights_are_told_with_their_licence_and_size() -> None:
    row = next(row for row in listed("generators")["generators"] if row["name"] == "audioldm2")
    for fact in ("cvssp/audioldm2", "CC-BY-NC-SA-4.0", "16000 Hz", "M parameters"):
        assert fact in str(row["summary"])
