"""What a new user does, by an installed Menura, in an empty folder, without the checkout: ``python smoke.py [--demo]``.

Run by the Python of the environment under test, not by pytest. Prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from typer.testing import CliRunner

import menura
from menura.cli.main import app


def said(*words: object) -> str:
    """What a command prints; an error ends everything."""
    shown = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert shown.exit_code == 0, f"menura {' '.join(map(str, words))}: {shown.output}"
    return shown.stdout


def whole_job(out: Path) -> None:
    """A run, its proof, its page, its export, and the page for reviewers."""
    from menura.datasets.demo import make_demo_dataset
    from menura.pipeline.run import Run
    from menura.review.application import ReviewApplication
    from menura.review.catalogue import catalogue_of
    from menura.review.desk import Desk

    sounds = make_demo_dataset(out / "sounds", clips_per_label=(3, 2), sample_rate=8000)
    run = out / "run"
    said("audit", sounds)
    said("augment", sounds, "-o", run, "--times", "1", "--rounds", "0", "--workers", "1")
    said("evaluate", run, "--seeds", "1", "--arms", "real,synthetic", "--workers", "1")
    said("report", run)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "<style>" in page
    assert "<audio" in page
    said("export", run, "--to", "csv", "-o", out / "table")
    page_of_review = ReviewApplication(Desk(catalogue_of(Run.open(run)))).get("/review.js", {}, "smoke")
    assert page_of_review is not None
    assert json.loads(said("doctor", "--json", "--quick", "--run", run))["problems"] == []


def parts() -> None:
    """Files that only some commands read."""
    from menura.backends.licences import licence_of_weights
    from menura.captions.lexicon import lexicon
    from menura.report.references import all_references
    from menura.studies.bench.tables import read_table

    assert licence_of_weights("cvssp/audioldm2").licence
    assert all_references()
    assert lexicon()
    for table in ("synthio-table-1", "ronchini", "interpolation"):
        assert read_table(table)
    for template in ("blank", "audiogen", "stable-audio-3", "tangoflux"):
        said("worker", "new", f"workers/{template}", "--template", template)


def main() -> None:
    """Everything, in the current folder."""
    here = Path.cwd()
    installed = Path(menura.__file__)
    assert "site-packages" in installed.parts, f"{installed} is not an installed package"
    assert not any((place / "pyproject.toml").exists() for place in (here, *map(Path, filter(None, sys.path))))
    health = json.loads(said("doctor", "--json"))
    assert health["problems"] == [], health["problems"]
    assert health["menura"]["from"] == "installed package"
    generators = json.loads(said("list", "generators", "--json"))["generators"]
    assert {one["name"] for one in generators if one["available"]} >= {"resynth", "synth", "mix"}
    parts()
    if "--demo" in sys.argv:
        verdict = json.loads(said("demo", "--json"))["verdict"]
    else:
        whole_job(here / "small")
        verdict = "not asked for"
    print(json.dumps({"version": menura.__version__, "verdict": verdict}))


if __name__ == "__main__":
    main()
