import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from menura.cli.main import app
from menura.encoders.learned import LearnedEncoder
from menura.errors import ConfigError
from menura.pretrain import train


def run(*args: str) -> str:
    found = CliRunner().invoke(app, ["pretrain", *args], catch_exceptions=False)
    assert found.exit_code == 0
    return found.stdout


def test_two_steps_leave_an_encoder_and_what_made_it(tmp_path: Path) -> None:
    asked = ["-o", str(tmp_path), "--voice", "scene", "--steps", "2", "--pairs", "2", "--workers", "0", "--json"]
    found = json.loads(run(*asked))
    assert found["settings"]["voice"] == "scene"
    assert LearnedEncoder(found["encoder"]).dim == 3584
    assert json.loads(run(*asked)) == found


@pytest.mark.parametrize(
    ("option", "message"), [("--voice", "no voice 'choir'; known voices: voice"), ("--objective", "nt_xent")]
)
def test_a_wrong_name_is_refused_before_anything_is_written(option: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        run("-o", str(tmp_path / "new"), option, "choir")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--engine", "rya"], "no engine 'rya'"),
        (["--address", "auto"], "add --engine ray"),
        (["--engine", "ray", "--accelerate"], "leave out one of them"),
    ],
)
def test_engines_that_cannot_be_are_refused_before_anything_is_written(
    options: list[str], message: str, tmp_path: Path
) -> None:
    pytest.importorskip("accelerate")
    with pytest.raises(ConfigError, match=message):
        run("-o", str(tmp_path / "new"), *options)
    assert not (tmp_path / "new").exists()


def test_a_stop_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*args: object, **named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "pretrain", stop)
    found = CliRunner().invoke(app, ["pretrain", "-o", str(tmp_path)])
    assert found.exit_code == 130
    assert "run the same command again to go on" in found.stderr
