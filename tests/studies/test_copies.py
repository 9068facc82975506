"""How many classic copies there are, and of which clips."""

from __future__ import annotations

from collections import Counter

import numpy as np

from menura.augmentation.styles import CopyStyle
from menura.studies.arms import Example
from menura.studies.copies import CopyPlan, make_copies, plan_copies, plan_counted, turn_of
from menura.studies.doses import dose_of, dosed_arm, nested
from menura.types import Recording

REAL = [Example(f"{label}{i}", (label,), (f"{label}{i}",), "real") for label in "ab" for i in range(3)]


def children(label: str, count: int) -> list[Example]:
    return [Example(f"s{label}{i}", (label,), (f"{label}{i % 3}",), "synthetic") for i in range(count)]


def test_there_are_as_many_copies_as_synthetic_clips_of_each_label_spread_evenly() -> None:
    plans = plan_copies(REAL, [*children("a", 7), *children("b", 2)], "classic")
    assert Counter(plan.parent.labels[0] for plan in plans) == {"a": 7, "b": 2}
    assert sorted(Counter(plan.parent.id for plan in plans if plan.parent.labels == ("a",)).values()) == [2, 2, 3]
    assert len({plan.example.id for plan in plans}) == 9
    assert all(plan.example.sources == plan.parent.sources for plan in plans)


def test_a_label_without_synthetic_clips_gets_no_copies() -> None:
    assert plan_copies(REAL, [], "classic") == []


def test_the_copies_of_a_clip_go_through_a_fixed_set_from_a_place_of_its_own() -> None:
    plans = plan_counted(REAL, {"a": 24, "b": 24}, "stretch")
    turns = {example.id: [turn_of(p, seed=0, key="1") for p in plans if p.parent == example] for example in REAL}
    for found in turns.values():
        assert sorted(turn % 4 for turn in found) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert len({found[0] % 4 for found in turns.values()}) > 1


def test_copies_do_not_depend_on_the_order_in_which_they_are_made() -> None:
    style = CopyStyle("noise", lambda x, rate, turn, generator: x + generator.random(), needs_library=False)
    plans = plan_counted(REAL, {"a": 5, "b": 4}, "noise")
    recording = Recording(np.zeros((1, 10), np.float32), 8000)

    def made(ordered: list[CopyPlan], seed: int = 0) -> dict[str, float]:
        copies = make_copies(ordered, lambda _: recording, style, seed=seed, key="1")
        return {plan.example.id: float(copy.waveform[0, 0]) for plan, copy in copies}

    assert made(plans) == made(plans[::-1]) == {**made(plans[:3]), **made(plans[3:])}
    assert len(set(made(plans).values())) == 9
    assert made(plans).keys() == made(plans, seed=1).keys()
    assert made(plans) != made(plans, seed=1)


def test_a_smaller_dose_is_part_of_a_larger_one_and_takes_turns_among_parents() -> None:
    synthetic = [*children("a", 12), *children("b", 5)]
    doses = [nested(synthetic, REAL, dose) for dose in (1, 2, 4)]
    assert [len(dose) for dose in doses] == [6, 6 + 5, 12 + 5]
    ids = [{example.id for example in dose} for dose in doses]
    assert ids[0] < ids[1] < ids[2]
    assert Counter(example.sources for example in doses[0]) == {(f"{label}{i}",): 1 for label in "ab" for i in range(3)}


def test_the_name_of_a_dose_can_be_read_back() -> None:
    assert dosed_arm("synthetic", 3.0) == "synthetic@3"
    assert dose_of("synthetic@0.5") == ("synthetic", 0.5)
    assert dose_of("synthetic+classic") == ("synthetic+classic", None)
