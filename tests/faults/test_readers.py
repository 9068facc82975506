"""Readers against damaged input: Menura's own errors or an answer, never a crash, a hang or a flood of memory."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.faults.fuzzing import Reader, run_reader
from tests.faults.readers import all_readers

from menura.allocate.record import RoundRecord
from menura.backends.language.answers import Invalid, Valid, read_answer
from menura.backends.language.reply import read_reply
from menura.backends.weights.content import read_header
from menura.backends.worker.messages import BrokenMessageError, parse
from menura.captions.cards import CardDraft
from menura.cli.run_options import read_settings
from menura.config import RunSettings, settings_from
from menura.errors import BackendError, ConfigError, DatasetError, RunError
from menura.manifest import read_rows
from menura.pipeline.identity import Identity, read_training
from menura.pipeline.plan import read_labels, read_requests
from menura.pipeline.run import Run
from menura.pipeline.shards import shard_problem
from menura.studies.cells import Cell

INPUTS = 120
DEEP = "[" * 100_000

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def readers() -> Iterator[tuple[Path, list[Reader]]]:
    """All readers, and the folder that they work in; it holds a whole run."""
    place = "/dev/shm" if os.path.isdir("/dev/shm") else None  # a reader deletes damaged shards and waits for the disk
    with tempfile.TemporaryDirectory(dir=place) as folder:
        yield Path(folder), all_readers(Path(folder))


@pytest.fixture
def run(readers: tuple[Path, list[Reader]], tmp_path: Path) -> Path:
    """A copy of the run, to be damaged."""
    return Path(shutil.copytree(readers[0] / "run", tmp_path / "run"))


def test_no_reader_does_anything_but_answer_or_refuse(readers: tuple[Path, list[Reader]]) -> None:
    outcomes = {reader.name: run_reader(reader, inputs=INPUTS, seed=1) for reader in readers[1]}
    assert len(outcomes) >= 37
    assert {name: one.examples for name, one in outcomes.items() if one.findings} == {}
    assert all(one.inputs == INPUTS for one in outcomes.values())
    assert all(one.read > 0 for name, one in outcomes.items() if not name.endswith((".parquet", "flac", "ogg")))


@pytest.mark.parametrize(
    ("read", "finding"),
    [
        (lambda data: 1 / (len(data) % 1), "ZeroDivisionError"),
        (lambda data: __import__("os").abort(), "crash: SIGABRT"),
        (lambda data: bytearray(1 << 34), "MemoryError"),
    ],
)
def test_the_fuzzer_sees_errors_crashes_and_floods(read: Callable[[bytes], object], finding: str) -> None:
    outcome = run_reader(Reader("bad", [b"abc"], read), inputs=3)
    assert outcome.inputs == 3
    assert sum(outcome.findings.values()) == 3
    assert all(name.startswith(finding) for name in outcome.findings)


def change(path: Path, **values: Any) -> None:
    """Exchange entries of a JSON file."""
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    "values",
    [{"targets": [1]}, {"targets": 3}, {"generator": "resynth"}, {"sample_rate": [8000]}, {"training": "\ud800"},
     {"settings": []}, {"sample_rate": float("nan")}, {"versions": None}],
)  # fmt: skip
def test_a_damaged_identity_is_one_clear_line(run: Path, values: dict[str, Any]) -> None:
    change(run / "run.json", **values)
    with pytest.raises(RunError, match=r"run.json (is damaged .*|was edited: .*)make the run again"):
        Identity.read(run)


def test_an_identity_nested_too_deeply_is_one_clear_line(run: Path) -> None:
    (run / "run.json").write_text(DEEP)
    with pytest.raises(RunError, match="nested too deeply"):
        Identity.read(run)


@pytest.mark.parametrize("line", ['{"id": 1}', "[]", "null", DEEP, '{"id": "a", "path": "x", "labels": {"a": 1}}'])
def test_a_damaged_list_of_training_clips_is_one_clear_line(run: Path, line: str) -> None:
    with (run / "training.jsonl").open("a") as sink:
        sink.write(line + "\n")
    with pytest.raises(RunError, match=r"training.jsonl (cannot be read|was altered).*--fresh"):
        read_training(run, Identity.read(run))


def flip(path: Path, part: float) -> None:
    """Turn over eight bits of a file."""
    data = bytearray(path.read_bytes())
    data[int(len(data) * part)] ^= 255
    path.write_bytes(data)


@pytest.mark.parametrize("part", [0.0, 0.05, 0.3, 0.6, 0.9])
def test_a_flipped_bit_in_a_plan_is_found_or_harmless(run: Path, part: float) -> None:
    plan = run / "plan.parquet"
    whole = list(read_requests(plan)), list(read_labels(plan))
    flip(plan, part)
    try:
        found = list(read_requests(plan)), list(read_labels(plan))
    except RunError:
        return
    assert found == whole


def test_judgements_of_other_columns_are_one_clear_line(run: Path) -> None:
    pq.write_table(pa.table({"label": ["rain"]}), run / "judgements.parquet")
    with pytest.raises(RunError, match="delete it and run `menura augment` again"):
        Run.open(run).keep_rates()


@pytest.mark.parametrize("name", ["../../../run.json", "/etc/hostname", "..", ""])
def test_a_shard_that_names_a_file_elsewhere_is_made_again(run: Path, name: str) -> None:
    shard = run / "shards" / "000000"
    table = pq.read_table(shard / "shard.parquet")
    files = pa.array([name, *table.column("file").to_pylist()[1:]])
    pq.write_table(table.set_column(table.schema.get_field_index("file"), "file", files), shard / "shard.parquet")
    assert shard_problem(shard, table.num_rows) == "it names a file outside of its folder"


@pytest.mark.parametrize("values", [{"accuracy": "high"}, {"recall": 3}, {"each": [1]}, {"predictions": [[None]]}])
def test_a_damaged_cell_counts_as_missing(tmp_path: Path, values: dict[str, Any]) -> None:
    import numpy as np

    truth, made = np.eye(2, dtype=bool), np.array([[0.6, 0.4], [0.3, 0.7]])
    cell = Cell.scored("1", 0, "real", clips={"real": 4}, chosen="x", truth=truth, probabilities=made, multilabel=False)
    cell.write(tmp_path)
    assert Cell.read(tmp_path, "1", 0, "real") == cell
    change(next(tmp_path.rglob("real.json")), **values)
    assert Cell.read(tmp_path, "1", 0, "real") is None


@pytest.mark.parametrize("values", [{"kept": 3}, {"targets": {"rain": "many"}}, {"assessment": None}])
def test_a_damaged_round_of_allocation_is_refused(values: dict[str, Any]) -> None:
    whole = {
        "round": 0, "kept": {}, "passed": {}, "planned": {}, "targets": {"rain": 3}, "requests": {"rain": 3},
        "assessment": {"clips": 1, "scores": [], "score": 0.5, "recall": 0.5, "strength": 1.0, "labels": {}},
    }  # fmt: skip
    assert RoundRecord.from_json(whole).budget == {"rain": 3}
    with pytest.raises(ValueError, match=next(iter(values))):
        RoundRecord.from_json(whole | values)


@pytest.mark.parametrize(
    "header",
    [b"[]", b"{}}", b'{"a": {}}', b'{"a": []}', b'{"a": {"data_offsets": [8, 0]}}', b'{"a": {"data_offsets": ["", 1]}}',
     b'{"a": {"data_offsets": [-9, 2]}}', DEEP.encode()],
)  # fmt: skip
def test_a_damaged_table_of_tensors_is_one_clear_line(tmp_path: Path, header: bytes) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(len(header).to_bytes(8, "little") + header + bytes(64))
    with pytest.raises(BackendError, match="download it again"):
        read_header(file)


@pytest.mark.parametrize("text", ['generator = "x"\n', "judge = 3\n", "amount = []\n", "seed = " + DEEP])
def test_a_setting_in_place_of_a_table_is_one_clear_line(tmp_path: Path, text: str) -> None:
    from typer.testing import CliRunner

    from menura.cli.main import app

    (tmp_path / "a.toml").write_text(text)
    found = CliRunner().invoke(app, ["plan", str(tmp_path), "-c", str(tmp_path / "a.toml")])
    assert isinstance(found.exception, ConfigError | DatasetError)


def test_half_a_character_in_settings_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"recipe": "\\ud83d"}')
    with pytest.raises(ConfigError, match="half a character"):
        settings_from(RunSettings, read_settings(tmp_path / "a.json"))


@given(value=JSON)
@settings(max_examples=60)
def test_any_json_from_a_worker_is_a_message_chatter_or_refused(value: Any) -> None:
    for said in (value, {"type": value}, {"type": "done", "id": "a", "file": value}, {"type": "ready", "takes": value}):
        try:
            parse(json.dumps(said).encode(errors="replace"))
        except BrokenMessageError:
            continue


@given(value=JSON, before=st.text(max_size=20), after=st.text(max_size=20))
@settings(max_examples=60)
def test_any_answer_of_a_language_model_is_valid_or_invalid(value: Any, before: str, after: str) -> None:
    for said in (value, {"phrase": value, "kind": "sound"}):
        text = before + json.dumps(said, ensure_ascii=False) + after
        assert isinstance(read_answer(text, CardDraft), Valid | Invalid)
        for body in (text, json.dumps({"choices": [{"message": {"content": text}}], "usage": value})):
            read_reply(200, {}, body)
            read_reply(429, {"retry-after": after}, body)


@given(data=st.binary(max_size=200), suffix=st.sampled_from([".csv", ".jsonl", ".parquet", ".tsv"]))
@settings(max_examples=60)
def test_any_bytes_as_a_manifest_are_rows_inside_or_refused(
    data: bytes, suffix: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / f"manifest{suffix}"
    path.write_bytes(b"path,label\n" * (suffix == ".csv") + data)
    try:
        rows = read_rows(path)
    except DatasetError:
        return
    assert all(Path(row.path).is_relative_to(path.parent) for row in rows)
