"""Lines that survive a crash, undo that rewrites nothing, and what several reviewers together say."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.align.decisions import read_decisions
from menura.decisions import Consensus, Entry, JsonLines, Ledger, entry_of, read_lines
from menura.errors import ConfigError, RunError
from menura.review.catalogue import Catalogue
from menura.review.desk import Desk, read_ledger


def entry(n: int, action: str, *, who: str = "ada", request: str = "a", **more: object) -> Entry:
    return Entry(n, who, action, request, **more)  # type: ignore[arg-type]


def folded(*entries: Entry) -> Ledger:
    ledger = Ledger()
    for one in entries:
        ledger.add(one)
    return ledger


def test_a_line_is_read_as_it_was_written() -> None:
    one = entry(
        4, "relabel", labels=("dog", "<b>"), clip="../shards/0/a.flac", at="2026", note="x", settles=True, source="s",
        parents=("p",), prompt="a dog",
    )  # fmt: skip
    assert entry_of(json.loads(json.dumps(one.row)), source="here") == one
    assert one.row["accepted"] is True
    assert entry(1, "flag", note="hum").row["accepted"] is None


@given(cut=st.integers(1, 60))
def test_a_torn_line_costs_itself_alone(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("torn") / "decisions.jsonl"
    JsonLines(path).append([entry(1, "accept").row, entry(2, "reject", request="b").row])
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    JsonLines(path).append([entry(3, "accept", request="c").row])
    rows, torn = read_lines(path)
    lost = 0 if cut == 1 else 1
    assert [row["n"] for row in rows] == ([1, 2, 3] if not lost else [1, 3])
    assert torn == lost


def test_what_was_acknowledged_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    code = (
        "import sys\nfrom pathlib import Path\nfrom menura.decisions import Entry, JsonLines\n"
        "log = JsonLines(Path(sys.argv[1]))\n"
        "for n in range(1, 10**6):\n"
        "    log.append([Entry(n, 'ada', 'accept', str(n), note='x' * 200).row])\n    print(n, flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, env=environment) as writer:
        assert writer.stdout is not None
        for _ in range(40):
            writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        said = 40 + len(writer.stdout.read().splitlines())
    rows, torn = read_lines(path)
    assert [row["n"] for row in rows] == list(range(1, len(rows) + 1))
    assert said <= len(rows) + torn
    assert torn <= 1


def test_undo_gives_back_what_held_before() -> None:
    ledger = folded(entry(1, "accept"), entry(2, "reject"), entry(3, "undo", undoes=2))
    assert ledger.consensus("a").accepted is True
    ledger.add(entry(4, "undo", undoes=1))
    assert ledger.requests == []
    assert ledger.last_of("ada") is None
    assert ledger.next_n == 5


def test_nobody_undoes_the_decision_of_another() -> None:
    ledger = folded(entry(1, "reject"), entry(2, "undo", who="bob", undoes=1), entry(3, "undo", undoes=99))
    assert ledger.consensus("a").accepted is False


def test_an_undo_that_names_an_undo_takes_nothing_back() -> None:
    ledger = folded(entry(1, "accept"), entry(2, "undo", undoes=1), entry(3, "undo", undoes=2))
    assert ledger.consensus("a") == Consensus(None)


def test_files_of_two_people_may_stand_one_below_the_other() -> None:
    ada = [entry(1, "accept"), entry(2, "reject", request="b"), entry(3, "accept", request="c")]
    bob = [entry(1, "reject", who="bob"), entry(2, "accept", who="bob", request="b"),
           entry(3, "undo", who="bob", undoes=1), entry(4, "accept", who="bob", request="c")]  # fmt: skip
    ledger = folded(*ada, *bob)
    assert {request: len(ledger.opinions(request)) for request in "abc"} == {"a": 1, "b": 2, "c": 2}
    assert ledger.consensus("a") == Consensus(True)
    assert ledger.consensus("b").disputed
    assert ledger.next_n == 8
    ledger.add(entry(8, "reject", request="d"))
    ledger.add(entry(9, "undo", who="bob", undoes=7, request="c"))  # as a desk numbers it
    assert [opinion.reviewer for opinion in ledger.opinions("c")] == ["ada"]


def test_agreement_holds_a_dispute_does_not_and_settling_ends_it() -> None:
    ledger = folded(entry(1, "accept"), entry(2, "accept", who="bob"))
    assert ledger.consensus("a").accepted is True
    ledger.add(entry(3, "reject", who="bob"))
    assert ledger.consensus("a") == Consensus(None, disputed=True)
    ledger.add(entry(4, "relabel", who="cy", labels=("cat",), settles=True))
    assert ledger.consensus("a") == Consensus(True, ("cat",), relabelled=True)


def test_two_who_relabel_otherwise_disagree() -> None:
    ledger = folded(entry(1, "relabel", labels=("cat",)), entry(2, "relabel", who="bob", labels=("cow",)))
    assert ledger.consensus("a").disputed


def test_a_flag_decides_nothing() -> None:
    ledger = folded(entry(1, "flag", note="hum"), entry(2, "flag", note="hum"), entry(3, "flag", note="click"))
    assert ledger.consensus("a").accepted is None
    assert ledger.opinions("a")[0].flags == ("hum", "click")


@pytest.mark.parametrize("row", [{}, {"action": "eat"}, {"action": "accept", "n": "x", "reviewer": 1, "request": 2},
                                 {"action": "accept", "n": float("inf"), "reviewer": "a", "request": "b"}])  # fmt: skip
def test_a_line_that_is_no_decision_is_named(tmp_path: Path, row: dict[str, object]) -> None:
    (tmp_path / "decisions.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(RunError, match="no decision of a review"):
        read_ledger(tmp_path / "decisions.jsonl")


def test_a_desk_goes_on_where_the_last_one_stopped(catalogue: Catalogue) -> None:
    first, second = catalogue.items[:2]
    desk = Desk(catalogue)
    desk.decide("ada", first.id, "accept")
    desk.decide("ada", second.id, "reject")
    again = Desk(catalogue)
    undone = again.undo("ada")
    assert undone is not None
    assert undone.request == second.id
    assert Desk(catalogue).counts("ada") == {"accept": 1, "reject": 0, "relabel": 0, "undecided": 11}
    assert again.undo("bob") is None
    with pytest.raises(ConfigError, match="no clip"):
        again.decide("ada", "nothing", "accept")


def test_alignment_reads_the_decisions_as_they_hold(catalogue: Catalogue) -> None:
    a, b, c, d = catalogue.items[:4]
    desk = Desk(catalogue)
    desk.decide("ada", a.id, "accept")
    desk.decide("ada", b.id, "reject")
    desk.decide("ada", c.id, "relabel", labels=["rain & wind"])
    desk.decide("ada", d.id, "accept")
    desk.decide("bob", d.id, "reject")
    desk.decide("ada", a.id, "flag", note="hum")
    found = {Path(one.path).resolve(): one for one in read_decisions(catalogue.decisions_path)}
    assert set(found) == {Path(item.path).resolve() for item in (a, b, c)}
    assert found[Path(c.path).resolve()].labels == ("rain & wind",)
    assert [found[Path(item.path).resolve()].accepted for item in (a, b, c)] == [True, False, True]
    assert found[Path(a.path).resolve()].parents == a.parents
    assert found[Path(a.path).resolve()].prompt == a.prompt
