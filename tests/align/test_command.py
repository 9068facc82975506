"""The whole job on a tiny model of the real kind, as a person would start it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from menura.align.settings import AlignSettings
from menura.backends.registry import load_generator
from menura.backends.trainee import TrainableGenerator
from menura.cli.main import app
from menura.config import GeneratorSettings, ModelSettings
from menura.datasets import load
from menura.datasets.dataset import Dataset
from menura.errors import BackendError, ConfigError, DatasetError, RunError
from menura.recipes import alignment
from menura.types import Request

pytest.importorskip("peft")
pytest.importorskip("diffusers")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.backends import tiny_models

    with tiny_models.quietly():
        return tiny_models.stable_audio(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def asked(folder: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    config = tmp_path_factory.mktemp("config") / "align.json"
    values = {
        "generator": {"model": {"num_inference_steps": 2}}, "check_clips": 4, "check_pairs": 2, "longest_s": 0.2,
        "encoder": "acoustic", "rank": 2, "stop_early": False, "losers": 1,
    }  # fmt: skip
    config.write_text(json.dumps(values))
    return [
        "align", str(folder), "--generator", f"stable-audio:{model}", "--test-fold", "5", "--steps", "2",
        "--batch", "2", "--check-every", "2", "--learning-rate", "0.01", "-c", str(config), "--device", "cpu",
    ]  # fmt: skip


def test_two_processes_leave_one_adapter_and_another_number_is_refused(asked: list[str], tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    two = [*asked, "-o", str(tmp_path / "two"), "--no-estimate", "--json"]
    found = CliRunner().invoke(app, [*two, "--processes", "2"], catch_exceptions=False)
    assert found.exit_code == 0, found.stderr
    assert [entry["check"]["step"] for entry in json.loads(found.stdout)["checks"]] == [0, 2]
    other = CliRunner().invoke(app, two)
    assert isinstance(other.exception, RunError)
    assert "processes was 2, is 1" in str(other.exception)


def test_one_command_leaves_an_adapter_that_the_generator_takes(asked: list[str], model: Path, tmp_path: Path) -> None:
    out = tmp_path / "adapter"
    found = CliRunner().invoke(app, [*asked, "-o", str(out), "--no-estimate", "--json"], catch_exceptions=False)
    assert found.exit_code == 0, found.stderr
    told = json.loads(found.stdout)
    assert [entry["check"]["step"] for entry in told["checks"]] == [0, 2]
    assert told["kept_step"] == 2
    settings = GeneratorSettings(
        name="stable-audio", model=ModelSettings(path=str(model), num_inference_steps=2, device="cpu")
    )
    plain = load_generator(settings)
    adapted = load_generator(
        settings.model_copy(update={"model": settings.model.model_copy(update={"adapter": str(out)})})
    )
    assert isinstance(plain, TrainableGenerator)
    clips = [
        one.generate([Request(("low",), one.fingerprint, "Sound of low", duration_s=0.2, params={"seed": 1})], _none)[0]
        for one in (plain, adapted)
    ]
    assert (clips[0].waveform != clips[1].waveform).any()

    again = CliRunner().invoke(app, [*asked, "-o", str(out)], catch_exceptions=False)
    assert "ended: all 2 steps are done" in again.stdout
    with pytest.raises(RunError, match="seed was 0, is 3"):
        CliRunner().invoke(app, [*asked, "-o", str(out), "--seed", "3"], catch_exceptions=False)


def test_the_estimate_says_what_it_costs_and_writes_nothing(asked: list[str], tmp_path: Path) -> None:
    out = tmp_path / "adapter"
    found = CliRunner().invoke(app, [*asked, "-o", str(out), "--estimate", "--json"], catch_exceptions=False)
    told = json.loads(found.stdout)
    assert told["clips"] == 13 + 2 * 4  # a loser for each clip that is learned from, and two checks
    assert told["trained"] < told["parameters"]
    assert told["memory_bytes"] > 4 * told["parameters"]
    assert not out.exists()


def test_a_stop_says_how_to_go_on(asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*args: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(alignment, "align", stop)
    found = CliRunner().invoke(app, [*asked, "-o", str(tmp_path), "--no-estimate"])
    assert found.exit_code == 130
    assert "run the same command again to go on" in found.stderr


def test_mistakes_are_named_before_anything_is_written(folder: Path, tmp_path: Path) -> None:
    def run(*options: str) -> None:
        CliRunner().invoke(app, ["align", str(folder), "-o", str(tmp_path / "new"), *options], catch_exceptions=False)

    with pytest.raises(ConfigError, match="give --generator NAME:PATH"):
        run()
    with pytest.raises(ConfigError, match="decisions"):
        run("--generator", "stable-audio", "--pairs", "decided")
    with pytest.raises(BackendError, match="resynth cannot be trained"):
        run("--generator", "resynth", "--estimate")
    assert not (tmp_path / "new").exists()


def test_a_whole_dataset_is_refused(dataset: Dataset, settings_of: object, tmp_path: Path) -> None:
    settings = AlignSettings(generator=GeneratorSettings(name="stable-audio"))
    with pytest.raises(DatasetError, match=r"pass dataset\.train"):
        alignment.align(dataset, settings, out=tmp_path)  # type: ignore[arg-type]


def _none(name: str) -> None:
    raise AssertionError(name)


def test_a_pair_is_told_by_the_caption_of_its_own_winner(folder: Path, model: Path, tmp_path: Path) -> None:
    training = load(str(folder), test_fold="5").train
    clips = tuple(replace(clip, caption=f"take {number}") for number, clip in enumerate(training.clips))
    training = replace(training, clips=clips)
    generator = GeneratorSettings(name="stable-audio", model=ModelSettings(path=str(model), device="cpu"))
    settings = AlignSettings.model_validate(
        {"generator": generator, "prompts": {"style": "caption", "negative": False}}
    )
    work = alignment.work_of(training, settings, out=tmp_path)
    for number, clip in enumerate(work.division.learned.clips):
        assert work.asks(clip, number + 1, ("key",)).endswith(str(clip.caption))
