"""The loop: winners are learned, a stop leaves no trace, rounds are fresh, and no held-out clip comes near."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from menura.align import train
from menura.align.learner import AlignLearner
from menura.align.pairs import read_pairs
from menura.align.rounds import Work
from menura.align.train import Aligned, align_adapter
from menura.datasets.dataset import Dataset
from menura.errors import BackendError, RunError

pytest.importorskip("peft")
pytest.importorskip("diffusers")
Works = Callable[..., Work]


def files(out: Path) -> dict[str, bytes]:
    """All that a run leaves, but the adapters of single checks."""
    names = ["adapter_model.safetensors", "log.jsonl", "README.md", "curves.html", ".work/state.safetensors"]
    return {name: (out / name).read_bytes() for name in names}


@pytest.fixture(scope="module")
def finished(work_of: Works, tmp_path_factory: pytest.TempPathFactory) -> Aligned:
    return align_adapter(work_of(tmp_path_factory.mktemp("finished"), stop_early=False))


def test_generations_move_towards_the_winners(work_of: Works, tmp_path: Path) -> None:
    found = align_adapter(
        work_of(tmp_path, steps=150, check_every=50, beta=20.0, learning_rate=1e-2, rank=8, stop_early=False)
    )
    first, last = found.entries[0].check, found.entries[-1].check
    assert found.helped
    assert last.kad < 0.7 * first.kad
    assert last.errors.winner_change < 0 < (last.errors.margin or 0)
    assert (last.errors.accuracy or 0) > 0.9
    assert first.errors.accuracy == 0.5  # nothing is preferred before training


def test_plain_fine_tuning_learns_winners_without_generating_losers(work_of: Works, tmp_path: Path) -> None:
    found = align_adapter(work_of(tmp_path, objective="sft", steps=60, check_every=60, learning_rate=1e-2))
    assert not (tmp_path / "sounds" / "round-000").exists()
    assert all(pair.loser is None for pair in read_pairs(tmp_path / ".work" / "pairs-000.jsonl"))
    assert found.entries[-1].check.errors.winner_change < -0.01


@pytest.mark.parametrize("after", [1, 6])
def test_a_run_killed_at_any_step_goes_on_to_the_same_bytes(
    work_of: Works, finished: Aligned, tmp_path: Path, after: int
) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if stage == "training" and done == after:
            raise KeyboardInterrupt

    work = work_of(tmp_path, stop_early=False)
    with pytest.raises(KeyboardInterrupt):
        align_adapter(work, progress=stop)
    assert not (tmp_path / "README.md").exists()
    assert align_adapter(work).kept_step == finished.kept_step
    assert files(tmp_path) == files(finished.path)


def test_a_run_killed_between_its_log_and_its_state_says_nothing_twice(
    work_of: Works, finished: Aligned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = train.save_state

    def stop(learner: AlignLearner, path: Path) -> None:
        if learner.step_number == 8:
            raise KeyboardInterrupt
        kept(learner, path)

    monkeypatch.setattr(train, "save_state", stop)
    with pytest.raises(KeyboardInterrupt):
        align_adapter(work_of(tmp_path, stop_early=False))
    assert len((tmp_path / "log.jsonl").read_text().splitlines()) == 3
    monkeypatch.undo()
    align_adapter(work_of(tmp_path, stop_early=False))
    assert files(tmp_path) == files(finished.path)


def test_a_run_killed_while_it_generates_keeps_what_it_has(
    work_of: Works, finished: Aligned, tmp_path: Path, tiny_generator: type
) -> None:
    def stop(stage: str, done: int, total: int) -> None:
        if stage == "clips of round 1" and done == 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        align_adapter(work_of(tmp_path, stop_early=False), progress=stop)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "sounds" / "round-000").glob("*.flac")}
    assert len(kept) == 16
    align_adapter(work_of(tmp_path, stop_early=False))
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert files(tmp_path) == files(finished.path)


def test_a_finished_run_is_only_read(work_of: Works, finished: Aligned, tiny_generator: type) -> None:
    before = tiny_generator.calls
    assert align_adapter(work_of(finished.path, stop_early=False)) == finished
    assert tiny_generator.calls == before


def test_each_round_ranks_fresh_clips_of_what_was_learned(work_of: Works, tmp_path: Path) -> None:
    align_adapter(
        work_of(tmp_path, pairs="ranked", rounds=3, candidates=3, reward="kad", steps=12, check_every=8, patience=9)
    )
    rounds = [read_pairs(tmp_path / ".work" / f"pairs-{index:03d}.jsonl") for index in range(3)]
    ids = [{side.id for pair in pairs for side in (pair.winner, pair.loser) if side} for pairs in rounds]
    assert all(pairs for pairs in rounds)
    assert not ids[0] & ids[1]
    assert not ids[1] & ids[2]
    steps = [json.loads(line)["check"]["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert steps == [0, 4, 8, 12]  # and one check at the end of each round


def test_rounds_survive_a_stop_too(work_of: Works, tmp_path: Path) -> None:
    asked = {"pairs": "ranked", "rounds": 2, "candidates": 2, "steps": 6, "check_every": 9, "stop_early": False}

    def stop(stage: str, done: int, total: int) -> None:
        if stage == "clips of round 2" or (stage == "training" and done == 5):
            raise KeyboardInterrupt

    align_adapter(work_of(tmp_path / "whole", **asked))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            align_adapter(work_of(tmp_path / "parts", **asked), progress=stop)
    align_adapter(work_of(tmp_path / "parts", **asked))
    whole, parts = (load_file(tmp_path / name / "adapter_model.safetensors") for name in ("whole", "parts"))
    assert all(np.array_equal(whole[name], parts[name]) for name in whole)


def test_no_held_out_clip_reaches_a_pair(finished: Aligned, work_of: Works, dataset: Dataset) -> None:
    work = work_of(finished.path)
    test, validation = {clip.id for clip in dataset.test}, set(work.division.validation.by_id)
    learned = read_pairs(finished.path / ".work" / "pairs-000.jsonl")
    watched = read_pairs(finished.path / ".work" / "watched.jsonl")
    assert {pair.winner.id for pair in learned} == set(work.division.learned.by_id)
    assert {pair.winner.id for pair in watched} <= validation
    assert not {pair.winner.id for pair in (*learned, *watched)} & test
    assert all(pair.loser and pair.loser.origin == "synthetic" for pair in learned)


def test_the_adapter_is_said_to_be_what_it_is(finished: Aligned, tmp_path: Path) -> None:
    card = (finished.path / "README.md").read_text()
    assert "12 real clips of" in card
    assert "CC-BY-4.0 (12 clips)" in card
    assert "| 12 |" in card
    assert str(finished.path) not in card
    assert "/" not in json.loads((finished.path / "adapter_config.json").read_text())["base_model_name_or_path"]
    page = (finished.path / "curves.html").read_text()
    assert "<polyline" in page
    assert "http" not in page


def test_a_generator_that_cannot_be_trained_is_named(work_of: Works, tmp_path: Path, tiny_generator: type) -> None:
    bare = type("Bare", (), {name: getattr(tiny_generator, name) for name in ("name", "draw", "generate")})
    with pytest.raises(BackendError, match="cannot be trained; take a text-to-audio model"):
        align_adapter(replace(work_of(tmp_path), makes=lambda adapter: bare()))


def test_a_damaged_state_is_named(work_of: Works, tmp_path: Path) -> None:
    (tmp_path / ".work").mkdir()
    (tmp_path / ".work" / "state.safetensors").write_bytes(b"none of it")
    with pytest.raises(RunError, match="delete it to train from the start"):
        align_adapter(work_of(tmp_path))
