"""Real commands, disturbed and started again: nothing lost, nothing twice, the bytes of an undisturbed run.

The short version of ``benchmarks/faults.py``: few strikes, each at a change on the disk that follows from the seed.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults import disturbances
from tests.faults.disturbances import DISTURBANCES
from tests.faults.harness import COMMANDS, Bench, digest

from menura.seeding import item_generator

SEED = 7


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A folder with sounds, and what undisturbed commands leave."""
    return Bench(tmp_path_factory.mktemp("bench"))


def moment(bench: Bench, command: str, fault: str) -> int:
    """One change on the disk, of all that the command makes."""
    return int(item_generator(SEED, command, fault).integers(1, bench.changes(command) + 1))


@pytest.mark.parametrize("command", ["augment", "augment-2", "evaluate", "pretrain", "worker"])
def test_a_killed_command_goes_on_to_the_same_bytes(bench: Bench, command: str) -> None:
    assert disturbances.kill(bench, COMMANDS[command], moment(bench, command, "kill -9")) == []


def test_killed_workers_cost_nothing(bench: Bench) -> None:
    assert disturbances.kill_worker(bench, COMMANDS["augment-2"], 4) == []


@pytest.mark.parametrize(
    "fault",
    ["torn write", "full disk", "read-only disk", "clock jumps", "Ctrl-C twice", "second process", "flipped bit"],
)
def test_a_disturbed_run_goes_on_to_the_same_bytes(bench: Bench, fault: str) -> None:
    assert DISTURBANCES[fault](bench, COMMANDS["augment"], moment(bench, "augment", fault)) == []


@pytest.mark.parametrize("strike", [disturbances.refused_memory, disturbances.memory])
def test_a_worker_without_memory_costs_nothing(bench: Bench, strike: disturbances.Disturb) -> None:
    assert strike(bench, COMMANDS["augment-2"], 3) == []


def test_the_comparison_sees_what_is_lost_there_besides_and_different(bench: Bench, tmp_path: Path) -> None:
    wanted = bench.reference("augment")
    assert len(wanted) > 20
    assert bench.losses(COMMANDS["augment"]) == sorted(wanted)
    (tmp_path / "a").write_text("1")
    before = digest(tmp_path)
    (tmp_path / "a").write_text("2")
    (tmp_path / ".tmp-b").write_text("1")
    after = digest(tmp_path)
    assert after.keys() - before.keys() == {".tmp-b"}
    assert after["a"] != before["a"]
