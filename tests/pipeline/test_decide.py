"""Decisions over a whole label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.errors import RunError
from menura.pipeline.decide import decide_label, draft_judgements, read_judgements, read_rates, shards_by_label
from menura.pipeline.plan import write_plan
from menura.pipeline.shards import Outcome
from menura.types import Judgement, Request


def loudest(outcomes: Sequence[Outcome], label: str, target: int) -> Mapping[str, Judgement]:
    """Keeps the candidates with the largest embedding."""
    order = sorted(outcomes, key=lambda one: (-float(one.embedding[0]), one.request_id))  # type: ignore[index]
    return {
        one.request_id: Judgement(one.request_id, one.scores, rank < target, "" if rank < target else "surplus: enough")
        for rank, one in enumerate(order)
    }


def outcomes_of(values: Sequence[float | None], *, replaces: Sequence[str] = ()) -> list[Outcome]:
    """An outcome for each value; None failed, below 0 was rejected."""
    found = []
    for index, value in enumerate(values):
        name, replaced = f"{len(replaces)}-{index}", replaces[index] if replaces else None
        if value is None:
            found.append(Outcome(name, "generator failed: no", replaces=replaced))
        else:
            embedding = np.array([value], np.float32)
            reason = "too quiet" if value < 0 else ""
            found.append(Outcome(name, reason, {"level": value}, embedding, made=True, replaces=replaced))
    return found


def test_everything_is_counted_once() -> None:
    decision = decide_label(outcomes_of([5, None, 3, -1, 4]), "a", 2, loudest)
    assert [item.accepted for item in decision.judgements] == [True, False, False, False, True]
    assert [item.reason for item in decision.judgements] == [
        "", "generator failed: no", "surplus: enough", "too quiet", "",
    ]  # fmt: skip
    rate = decision.rate
    assert (rate.target, rate.planned, rate.made, rate.passed, rate.kept) == (2, 5, 4, 3, 2)
    assert rate.rate == 0.75


def test_what_was_rejected_may_be_replaced_but_not_twice() -> None:
    first = outcomes_of([1, -1, -2, None])
    rejected = decide_label(first, "a", 9, loudest).rejected
    assert rejected == ("0-1", "0-2", "0-3")
    second = outcomes_of([-3], replaces=["0-1"])
    again = decide_label([*first, *second], "a", 9, loudest).rejected
    assert again == ("0-2", "0-3", "1-0")


@given(st.lists(st.none() | st.floats(-5, 5, width=32), min_size=1, max_size=12), st.integers(0, 6), st.randoms())
def test_decisions_do_not_depend_on_the_order_of_arrival(
    values: list[float | None], target: int, random: object
) -> None:
    outcomes = outcomes_of(values)
    decided = {item.request_id: item for item in decide_label(outcomes, "a", target, loudest).judgements}
    random.shuffle(outcomes)  # type: ignore[attr-defined]
    assert {item.request_id: item for item in decide_label(outcomes, "a", target, loudest).judgements} == decided


def test_a_label_that_made_nothing_has_no_rate() -> None:
    assert decide_label(outcomes_of([None, None]), "a", 2, loudest).rate.rate is None


def test_judgements_and_rates_survive_the_file(tmp_path: Path) -> None:
    decision = decide_label(outcomes_of([5, None, 3, -1, 4]), "a", 2, loudest)
    draft_judgements(tmp_path, [decision]).rename(tmp_path / "judgements.parquet")
    assert list(read_judgements(tmp_path)) == [("a", list(decision.judgements))]
    assert read_rates(tmp_path, {"a": 2}) == {"a": decision.rate}


def test_damaged_judgements_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "judgements.parquet").write_bytes(b"PAR1")
    with pytest.raises(RunError, match="delete it and run `menura augment` again"):
        list(read_judgements(tmp_path))


@given(
    labels=st.lists(st.sampled_from("abc"), max_size=40),
    size=st.integers(1, 5),
    second=st.lists(st.just("a"), max_size=9),
)
def test_the_shards_of_a_label_are_those_that_hold_one_of_its_requests(
    labels: list[str], size: int, second: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = tmp_path_factory.mktemp("run")
    for folder, of_round in ((run, labels), (run / "rounds" / "1", second)):
        folder.mkdir(parents=True, exist_ok=True)
        requests = (Request(labels=(one,), generator="g", seed_key=(number,)) for number, one in enumerate(of_round))
        write_plan(folder / "plan.parquet", requests, lambda names: names[0])
    found = shards_by_label(run, rounds=2, shard_size=size)
    expected = {
        label: [
            folder / "shards" / f"{shard:06d}"
            for folder, of_round in ((run, labels), (run / "rounds" / "1", second))
            for shard in range(-(-len(of_round) // size))
            if label in of_round[shard * size : (shard + 1) * size]
        ]
        for label in sorted({*labels, *second})
    }
    assert {label: list(shards) for label, shards in found.items()} == expected
    assert {label: [shards[at] for at in range(len(shards))] for label, shards in found.items()} == expected
    assert {label: shards[1:-1] for label, shards in found.items()} == {
        label: tuple(shards[1:-1]) for label, shards in expected.items()
    }
    assert list(found) == list(expected)
