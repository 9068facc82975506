"""What a killed training leaves is cleared when it goes on."""

from __future__ import annotations

from pathlib import Path

from menura.pretrain.state import tidy


def test_a_step_that_was_told_before_its_state_is_told_once(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"step":1}\n{"step":2}\n{"step":3}\n{"st')
    tidy(tmp_path, log, 2)
    assert log.read_text() == '{"step":1}\n{"step":2}\n'
    tidy(tmp_path, log, 0)
    assert log.read_text() == ""


def test_temporary_files_of_a_killed_process_go(tmp_path: Path) -> None:
    (tmp_path / "text").mkdir()
    for name in (".tmp-state.safetensors-7", "text/.tmp-model.safetensors-7"):
        (tmp_path / name).write_bytes(b"half")
    tidy(tmp_path, tmp_path / "log.jsonl", 0)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == []
