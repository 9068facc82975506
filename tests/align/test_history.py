"""What a training keeps of itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from menura.align.history import save_adapter


class Adapter:
    """Two files."""

    def save(self, folder: Path, *, base_model: str, tensors: Mapping[str, object]) -> Path:
        folder.mkdir()
        (folder / "adapter_config.json").write_text(f'{{"base": "{base_model}"}}')
        (folder / "adapter_model.safetensors").write_bytes(bytes(len(tensors)))
        return folder


@pytest.mark.parametrize("damage", ["none", "torn", "gone"])
def test_a_damaged_adapter_is_written_again_and_a_whole_one_stays(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "000002"
    save_adapter(Adapter(), {"a": 1}, folder, base_model="mini")  # type: ignore[arg-type,dict-item]
    config = folder / "adapter_config.json"
    whole, place = config.read_bytes(), config.stat().st_ino
    if damage == "torn":
        config.write_bytes(whole[:5])
    elif damage == "gone":
        config.unlink()
    save_adapter(Adapter(), {"a": 1}, folder, base_model="mini")  # type: ignore[arg-type,dict-item]
    assert config.read_bytes() == whole
    assert damage != "none" or config.stat().st_ino == place
    assert [path.name for path in tmp_path.iterdir()] == ["000002"]
