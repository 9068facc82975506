"""The next round of an allocation, from what is known alone."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from menura.allocate.record import Assessment, Ending, LabelState, RoundRecord, table_rows
from menura.allocate.steps import Tally, beforehand, first_round, next_step
from menura.config import AllocationSettings

EVEN = {"bell": 12, "rain": 12, "siren": 12}
SETTINGS = AllocationSettings(by="learner", rounds=4, even_share=0.0)


def knows(unsure: dict[str, float], score: float = 0.5, clips: int = 0) -> Assessment:
    noise = np.random.default_rng(1).normal(0, 0.05, 30)
    states = {label: LabelState(value, score) for label, value in unsure.items()}
    return Assessment(clips, tuple(float(score + one) for one in noise), score, 0.5, 1.0, states)


ALIKE = knows(dict.fromkeys(EVEN, 0.5))


def all_kept(record: RoundRecord) -> Tally:
    planned = {label: record.planned[label] + record.requests[label] for label in EVEN}
    return Tally(dict(record.targets), planned, planned)


def test_the_first_round_is_even_and_known_beforehand() -> None:
    first = first_round(EVEN, ALIKE, SETTINGS, surplus=1.25)
    assert first.targets == {"bell": 3, "rain": 3, "siren": 3}
    assert first.requests == {"bell": 4, "rain": 4, "siren": 4}
    assert beforehand(EVEN, SETTINGS) == dict.fromkeys(EVEN, (3, 36))


def test_the_next_clips_go_where_the_learner_is_unsure() -> None:
    first = first_round(EVEN, ALIKE, SETTINGS, surplus=1.0)
    unsure = knows({"bell": 0.1, "rain": 0.2, "siren": 0.6}, clips=9)
    step = next_step(EVEN, [first], all_kept(first), unsure, SETTINGS, surplus=1.0, clips_of=dict.fromkeys(EVEN, 10))
    assert isinstance(step, RoundRecord)
    assert step.budget == {"bell": 1, "rain": 2, "siren": 6}
    assert step.requests == step.budget


def test_all_rounds_together_keep_as_many_clips_as_an_even_run() -> None:
    unsure = knows({"bell": 0.1, "rain": 0.2, "siren": 0.6})
    records = [first_round(EVEN, ALIKE, SETTINGS, surplus=1.25)]
    settings = SETTINGS.model_copy(update={"stop": False})
    while True:
        step = next_step(
            EVEN, records, all_kept(records[-1]), unsure, settings, surplus=1.25, clips_of=dict.fromkeys(EVEN, 10)
        )
        if isinstance(step, Ending):
            break
        records.append(step)
    assert len(records) == 4
    assert not step.stopped_early
    assert sum(records[-1].targets.values()) == sum(EVEN.values())
    assert sum(sum(record.budget.values()) for record in records) == sum(EVEN.values())


def test_what_a_label_cannot_fill_comes_back_and_one_that_passes_nothing_gets_no_more() -> None:
    first = first_round(EVEN, ALIKE, SETTINGS, surplus=2.0)
    tally = Tally({"bell": 3, "rain": 3, "siren": 0}, {"bell": 6, "rain": 6, "siren": 0}, first.requests)
    step = next_step(EVEN, [first], tally, ALIKE, SETTINGS, surplus=2.0, clips_of=dict.fromkeys(EVEN, 10))
    assert isinstance(step, RoundRecord)
    assert step.budget == {"bell": 6, "rain": 6, "siren": 0}


def test_no_label_gets_more_than_its_cap() -> None:
    settings = SETTINGS.model_copy(update={"most": 1.0, "stop": False})
    first = first_round(EVEN, ALIKE, settings, surplus=1.0)
    tally = Tally({"bell": 3, "rain": 3, "siren": 11}, {"bell": 3, "rain": 3, "siren": 11}, dict.fromkeys(EVEN, 11))
    unsure = knows({"bell": 0.1, "rain": 0.1, "siren": 0.9})
    step = next_step(EVEN, [first, first], tally, unsure, settings, surplus=1.0, clips_of=dict.fromkeys(EVEN, 10))
    assert isinstance(step, RoundRecord)
    assert step.targets["siren"] == 12


def test_a_low_pass_rate_is_made_up_for() -> None:
    first = first_round(EVEN, ALIKE, SETTINGS, surplus=1.0)
    tally = Tally({"bell": 3, "rain": 3, "siren": 3}, {"bell": 3, "rain": 3, "siren": 3}, dict.fromkeys(EVEN, 6))
    step = next_step(EVEN, [first], tally, ALIKE, SETTINGS, surplus=1.0, clips_of=dict.fromkeys(EVEN, 10))
    assert isinstance(step, RoundRecord)
    assert step.budget == dict.fromkeys(EVEN, 3)
    assert step.requests == dict.fromkeys(EVEN, 6)


def test_it_stops_when_more_clips_no_longer_help_unless_told_not_to() -> None:
    first = first_round(EVEN, ALIKE, SETTINGS, surplus=1.0)
    second = replace(first, round=1)
    arguments = (EVEN, [first, second], all_kept(first), ALIKE)
    step = next_step(*arguments, SETTINGS, surplus=1.0, clips_of=dict.fromkeys(EVEN, 10))
    assert isinstance(step, Ending)
    assert step.stopped_early
    assert "surely less than 0.005" in step.reason
    going_on = SETTINGS.model_copy(update={"stop": False})
    assert isinstance(next_step(*arguments, going_on, surplus=1.0, clips_of=dict.fromkeys(EVEN, 10)), RoundRecord)


def test_records_survive_the_disk_and_give_one_row_a_round() -> None:
    first = first_round(EVEN, ALIKE, SETTINGS, surplus=1.0)
    ending = Ending("enough", True, first.targets, knows(dict.fromkeys(EVEN, 0.3), 0.6, clips=9))
    assert RoundRecord.from_json(json.loads(json.dumps(first.to_json()))) == first
    assert Ending.from_json(json.loads(json.dumps(ending.to_json()))) == ending
    rows = table_rows([first], ending)
    assert [(row["round"], row["clips"], row["budget"], row["gain"]) for row in rows] == [
        (0, 0, 9, 0.0),
        (1, 9, 0, 0.1),
    ]
    assert rows[0]["labels"]["bell"]["budget"] == 3
