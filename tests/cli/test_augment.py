"""``menura plan``, ``augment``, ``render`` and ``export``, as a person types them."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from menura.audio import encode
from menura.cli.main import main
from menura.datasets.sounds import render_sound
from menura.recipes import label_guided, llm_assisted
from menura.seeding import item_generator
from menura.types import Recording

RATE = 8000

Menura = Callable[..., tuple[int, str, str]]


@pytest.fixture
def menura(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Menura:
    """Runs a command; gives its exit status, standard output and standard error."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["menura", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", "300")
        with pytest.raises(SystemExit) as stopped:
            main()
        shown = capsys.readouterr()
        return int(stopped.value.code or 0), shown.out, shown.err

    return run


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two labels, two folds, and a file that is no sound."""
    folder = tmp_path_factory.mktemp("cli") / "sounds"
    folder.mkdir()
    rows = [["file_name", "label", "fold"]]
    for label in ("rain", "siren"):
        for take in range(4):
            waveform = render_sound(label, item_generator(5, label, take), duration_s=0.3, sample_rate=RATE)
            recording = Recording(0.3 * np.asarray(waveform, dtype=np.float32)[None], RATE)
            encode(recording, folder / f"{label}{take}.wav", container="WAV")
            rows.append([f"{label}{take}.wav", label, str(1 + take // 3)])
    (folder / "broken.wav").write_text("no sound")
    rows.append(["broken.wav", "rain", "1"])
    with (folder / "metadata.csv").open("w", newline="") as sink:
        csv.writer(sink).writerows(rows)
    return folder


@pytest.fixture(scope="module")
def finished(sounds: Path) -> Path:
    """Where the first test that asks for it makes a run."""
    return sounds.parent / "run"


def augmented(menura: Menura, sounds: Path, out: Path, *more: str) -> tuple[int, str, str]:
    return menura("augment", sounds, "-o", out, "--times", "1", "--test-fold", "2", "--workers", "1", *more)


def test_prompts_are_those_of_the_recipe_in_the_settings_file(menura: Menura, sounds: Path, tmp_path: Path) -> None:
    (tmp_path / "run.toml").write_text('recipe = "llm_assisted"\n')
    styles = [
        json.loads(menura("prompts", sounds, "-n", "1", "--json", *more)[1])["style"]
        for more in ((), ("-c", tmp_path / "run.toml"), ("--recipe", "label_guided", "-c", tmp_path / "run.toml"))
    ]
    assert styles == [label_guided.STYLE, llm_assisted.STYLE, label_guided.STYLE]
    assert label_guided.STYLE != llm_assisted.STYLE


def test_a_plan_counts_and_costs_and_writes_nothing(menura: Menura, sounds: Path) -> None:
    before = sorted(sounds.parent.rglob("*"))
    status, shown, _ = menura("plan", sounds, "--per-label", "8", "--test-fold", "2")
    assert status == 0
    assert ["rain", "3", "8", "10"] in [line.split()[:4] for line in shown.splitlines()]
    assert "time     about" in shown
    assert "disk     about" in shown
    status, shown, _ = menura("plan", sounds, "--balance", "--delta", "0.2", "--json")
    assert status == 2  # both labels have four readable clips
    assert sorted(sounds.parent.rglob("*")) == before


def test_a_plan_says_what_was_left_out(menura: Menura, tmp_path: Path, sounds: Path) -> None:
    part = shutil.copytree(sounds, tmp_path / "part")
    broken = next(path for path in sorted(part.rglob("*.wav")) if path.stat().st_size > 1000)
    broken.write_bytes(b"RIFF")
    _, shown, _ = menura("plan", part)
    assert f"{broken.name} is not audio" in shown.replace("\n", " ")
    _, shown, _ = menura("plan", part, "--json")
    assert "unreadable" in {finding["kind"] for finding in json.loads(shown)["findings"]}


def test_a_plan_is_one_json_object(menura: Menura, sounds: Path) -> None:
    status, shown, _ = menura("plan", sounds, "--json")
    found = json.loads(shown)
    assert status == 0
    assert [item["requests"] for item in found["labels"]] == [40, 40]
    assert found["requests"] == 80
    assert found["held_out"] == 0
    assert found["wall_s"] > 0
    assert found["bytes"] > 1000


def test_augment_ends_with_a_table_and_the_next_command(menura: Menura, sounds: Path, finished: Path) -> None:
    status, shown, _ = augmented(menura, sounds, finished)
    assert status == 0
    assert "keep-rate" in shown
    assert f"next: menura evaluate {finished}" in shown
    assert "broken.wav" in shown or "1 of 9" in shown or "cannot be read" in shown
    assert (finished / "dataset" / "metadata.csv").is_file()


def test_augment_again_is_quick_and_says_the_same_as_json(menura: Menura, sounds: Path, finished: Path) -> None:
    augmented(menura, sounds, finished)
    status, shown, _ = augmented(menura, sounds, finished, "--json")
    found = json.loads(shown)
    assert status == 0
    assert {item["label"]: item["real"] for item in found["labels"]} == {"rain": 3, "siren": 3}
    assert all(item["kept"] <= item["target"] == 3 for item in found["labels"])
    assert found["held_out"] == 2
    assert found["next"] == f"menura evaluate {finished}"
    assert any(finding["severity"] for finding in found["findings"])


def test_other_settings_for_the_same_run_are_one_line_and_status_2(
    menura: Menura, sounds: Path, finished: Path
) -> None:
    augmented(menura, sounds, finished)
    status, shown, error = augmented(menura, sounds, finished, "--seed", "3", "--preserve", "pitch, tempo")
    assert status == 2
    assert shown == ""
    assert "seed: 0 → 3" in error
    assert "generator.preserve: unset → ['pitch', 'tempo']" in error
    assert "Traceback" not in error


def test_settings_come_from_a_file_and_the_command_line_wins(menura: Menura, sounds: Path, tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text('seed = 7\nrounds = 0\n[amount]\nper_label = 2\n[generator]\ndelta = 0.4\ndomain = "machine"\n')
    status, _, _ = menura("augment", sounds, "-o", tmp_path / "run", "-c", config, "--seed", "8", "--delta", "0.3")
    settings = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]
    assert status == 0
    assert settings["seed"] == 8
    assert settings["rounds"] == 0
    assert settings["amount"] == {"times": None, "per_label": 2, "balance": False}
    assert settings["generator"]["delta"] == 0.3
    assert settings["generator"]["domain"] == "machine"


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("sed = 7", "a.toml", "sed: there is no such setting; did you mean seed?"),
        ("{", "a.json", "cannot be read"),
        ("seed: 7", "a.yaml", "expected .toml or .json"),
        ("[1]", "a.json", "no table of settings"),
        ('{"seed": 1, "seed": 2}', "a.json", "'seed' stands there more than once"),
    ],
)
def test_a_wrong_settings_file_is_refused(
    text: str, name: str, words: str, menura: Menura, sounds: Path, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    status, _, error = menura("plan", sounds, "-c", tmp_path / name)
    assert status == 2
    assert words in error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--times", "2", "--per-label", "3"], "give one of times, per_label and balance"),
        (["--delta", "2"], "delta"),
        (["--strength", "0.5"], "--strength does nothing with resynth, which is no text-to-audio model"),
        (["--prompts", "scene"], "--prompts does nothing with the recipe resynth, which writes no prompts"),
        (["--llm-model", "any"], "--llm-model does nothing with the recipe resynth"),
        (["--domain", "space"], "domain"),
        (["--recipe", "resinth"], "Did you mean 'resynth'"),
        (["--generator", "resinth"], "Did you mean 'resynth'"),
        (["--engine", "dask"], "no engine 'dask'. Known: local, ray"),
        (["--workers", "0"], "workers is 0, expected 1 or more"),
        (["--test-fold", "9"], "no fold '9'"),
    ],
)
def test_a_wrong_option_is_one_line_and_status_2(
    arguments: list[str], words: str, menura: Menura, sounds: Path, tmp_path: Path
) -> None:
    status, _, error = menura("augment", sounds, "-o", tmp_path / "run", *arguments)
    assert status == 2
    assert words in error
    assert "Traceback" not in error


def test_ctrl_c_says_how_to_go_on(
    menura: Menura, sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*unused: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("menura.pipeline.engine.make_shard", interrupted)
        status, _, error = augmented(menura, sounds, tmp_path / "run")
    assert status == 130
    assert "run the same command again to go on" in error
    assert augmented(menura, sounds, tmp_path / "run")[0] == 0


def test_render_compares_the_bytes(menura: Menura, sounds: Path, finished: Path) -> None:
    augmented(menura, sounds, finished)
    file = sorted(finished.rglob("dataset/*/*.flac"))[0]
    status, shown, _ = menura("render", finished, file.name)
    assert status == 0
    assert f"equal, all {file.stat().st_size} bytes" in shown
    found = json.loads(menura("render", finished, file.stem, "--json")[1])
    assert found["equal"] is True
    assert found["request_id"] == file.stem


def test_render_says_when_the_bytes_differ(menura: Menura, sounds: Path, tmp_path: Path) -> None:
    augmented(menura, sounds, tmp_path / "run")
    file = sorted((tmp_path / "run" / "shards").rglob("*.flac"))[0]
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    status, shown, _ = menura("render", tmp_path / "run", file.stem)
    assert status == 1
    assert "not equal: " in shown


def test_render_of_an_unknown_clip_is_a_mistake(menura: Menura, sounds: Path, finished: Path) -> None:
    augmented(menura, sounds, finished)
    status, _, error = menura("render", finished, "ffffnone")
    assert status == 2
    assert "no clip with an id that begins with 'ffffnone'" in error


def test_export_tells_what_it_wrote(menura: Menura, sounds: Path, finished: Path, tmp_path: Path) -> None:
    augmented(menura, sounds, finished)
    kept = len(list(finished.rglob("dataset/*/*.flac")))
    status, shown, _ = menura("export", finished, "--to", "webdataset", "-o", tmp_path / "tars", "--include-real")
    assert status == 0
    assert f"{kept} synthetic and 6 real clips in" in shown
    found = json.loads(menura("export", finished, "--to", "csv", "-o", tmp_path / "clips.csv", "--json")[1])
    assert found["synthetic"] == kept
    assert menura("export", finished, "--to", "csv", "-o", tmp_path / "clips.csv")[0] == 2


def test_export_of_no_run_is_a_mistake(menura: Menura, tmp_path: Path) -> None:
    status, _, error = menura("export", tmp_path, "-o", tmp_path / "out")
    assert status == 2
    assert "is not a run" in error


def test_synthio_is_one_command_and_tells_its_rounds(menura: Menura, sounds: Path, tmp_path: Path) -> None:
    asked = (
        "augment", sounds, "-o", tmp_path / "run", "--recipe", "synthio", "--generator", "resynth", "--per-label", "2",
        "--encoder", "acoustic", "--workers", "1",
    )  # fmt: skip
    status, _, error = menura(*asked, "--align", "dop")
    assert status == 2
    assert "synthio.align" in error
    status, shown, _ = menura(*asked, "--align", "none", "--rounds", "1", "--json")
    assert status == 0
    found = json.loads(shown)
    by_label = [item for label in found["labels"] for item in label["rounds"]]
    for item in found["rounds"]:
        mine = [one for one in by_label if one["round"] == item["round"]]
        for name in ("planned", "made", "passed", "kept"):
            assert item[name] == sum(one[name] for one in mine)
    assert sum(item["kept"] for item in found["rounds"]) == sum(label["kept"] for label in found["labels"])
    status, _, error = menura(*asked, "--align", "none", "--rounds", "1", "--no-mixcap")
    assert status == 2
    assert "synthio.mixcap: True → False" in error
