from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from menura.cli.main import app
from menura.errors import BackendError


@pytest.fixture
def pickled(tmp_path: Path) -> Path:
    """A model whose weights share memory, as tied ones do."""
    torch = pytest.importorskip("torch")
    folder = tmp_path / "old"
    folder.mkdir()
    tied = torch.arange(6.0).reshape(2, 3)
    torch.save({"first": tied, "second": tied, "third": tied + 1}, folder / "pytorch_model.bin")
    (folder / "config.json").write_text("{}")
    return folder


def test_a_pickled_folder_becomes_a_safe_one_of_the_same_tensors(pickled: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    shown = CliRunner().invoke(app, ["models", "convert", str(pickled), str(tmp_path / "new"), "--json"])
    assert shown.exit_code == 0, shown.output
    assert json.loads(shown.stdout)["written"] == [str(tmp_path / "new" / "model.safetensors")]
    found = load_file(tmp_path / "new" / "model.safetensors")
    assert set(found) == {"first", "third"}  # the library ties the second again
    assert found["third"].tolist() == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"config.json", "model.safetensors"}


def test_nothing_is_written_over_and_nothing_comes_of_nothing(pickled: Path, tmp_path: Path) -> None:
    for source, target, message in (
        (pickled, pickled, "exists already"),
        (tmp_path / "nowhere", tmp_path / "new", r"has none of pytorch_model\.bin"),
    ):
        shown = CliRunner().invoke(app, ["models", "convert", str(source), str(target)])
        assert isinstance(shown.exception, BackendError)
        with pytest.raises(BackendError, match=message):
            raise shown.exception
    assert not (tmp_path / "new").exists()
