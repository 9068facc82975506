"""The recipe ``resynth``: who becomes the parent of whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.backends.several import SeveralGenerators
from menura.config import AmountSettings, JudgeSettings, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.errors import ConfigError
from menura.pipeline.execute import Shortfall
from menura.recipes.resynth import plan, revise
from menura.types import Request

Of = Callable[..., TrainingPart]


def planned(training: TrainingPart, generator: Any, **settings: Any) -> list[Request]:
    """All requests of the first round."""
    return list(plan(training, RunSettings(**settings), generator))


@given(clips=st.integers(1, 9), wanted=st.integers(1, 40), surplus=st.floats(1, 2))
def test_every_clip_of_a_label_leads_equally_many_requests(
    training_of: Of, paper: Any, clips: int, wanted: int, surplus: float
) -> None:
    amount, judge = AmountSettings(per_label=wanted), JudgeSettings(surplus=surplus)
    requests = planned(training_of({("a",): clips}), paper, amount=amount, judge=judge)
    led = Counter(request.parents[0] for request in requests)
    assert len(requests) >= wanted
    assert max(led.values()) - min(led[f"a-{take}"] for take in range(clips)) <= 1


def test_requests_are_distinct_and_those_of_a_parent_stand_together(training_of: Of, paper: Any) -> None:
    requests = planned(training_of({("a",): 5, ("b",): 3}), paper, amount=AmountSettings(times=4))
    assert len({request.id for request in requests}) == len(requests) == 40
    leaders = [request.parents[0] for request in requests]
    changes = sum(one != other for one, other in pairwise(leaders))
    assert changes == 7
    assert [request.labels[0] for request in requests] == ["a"] * 25 + ["b"] * 15


def test_a_larger_run_contains_the_smaller_one(training_of: Of, paper: Any) -> None:
    training = training_of({("a",): 4, ("b",): 7}, groups=3)
    small = {request.id for request in planned(training, paper, amount=AmountSettings(times=2))}
    large = {request.id for request in planned(training, paper, amount=AmountSettings(times=6))}
    assert small < large


def test_the_plan_repeats_and_changes_with_the_seed(training_of: Of, paper: Any) -> None:
    training = training_of({("a",): 4})
    assert planned(training, paper) == planned(training, paper)
    first, second = planned(training, paper), planned(training, paper, seed=1)
    assert not {request.id for request in first} & {request.id for request in second}
    assert not {request.params["number"] for request in first} & {request.params["number"] for request in second}


def test_the_plan_does_not_depend_on_the_order_of_the_clips(training_of: Of, paper: Any) -> None:
    training = training_of({("a",): 4, ("b",): 3})
    turned = TrainingPart(training.name, training.clips[::-1])
    assert planned(training, paper) == planned(turned, paper)


def test_about_half_of_the_requests_have_a_second_parent_of_the_label(training_of: Of, paper: Any) -> None:
    requests = planned(training_of({("a",): 20, ("b",): 20}), paper, amount=AmountSettings(times=20))
    paired = [request for request in requests if len(request.parents) == 2]
    assert 0.45 < len(paired) / len(requests) < 0.55  # 1000 draws: three standard deviations are 0.047
    for request in paired:
        first, second = request.parents
        assert first != second
        assert second.startswith(f"{request.labels[0]}-")


def test_partners_come_from_other_recordings_where_there_are_any(training_of: Of, paper: Any) -> None:
    training = training_of({("a",): 12}, groups=3)
    requests = planned(training, paper, amount=AmountSettings(times=20))
    groups = {clip.id: clip.group for clip in training.clips}
    pairs = [request.parents for request in requests if len(request.parents) == 2]
    assert pairs
    assert all(groups[one] != groups[other] for one, other in pairs)


def test_partners_share_a_recording_when_there_is_only_one(training_of: Of, paper: Any) -> None:
    requests = planned(training_of({("a",): 4}, groups=1), paper, amount=AmountSettings(times=10))
    assert any(len(request.parents) == 2 for request in requests)


def test_a_lonely_clip_has_children_of_its_own(training_of: Of, paper: Any) -> None:
    requests = planned(training_of({("a",): 1, ("b",): 2}), paper, amount=AmountSettings(per_label=6))
    assert {request.parents for request in requests if request.labels == ("a",)} == {("a-0",)}


def test_partners_carry_exactly_the_same_labels(training_of: Of, paper: Any) -> None:
    training = training_of({("a",): 3, ("a", "b"): 3, ("b",): 3})
    for request in planned(training, paper, amount=AmountSettings(times=20)):
        assert {tuple(parent.rpartition("-")[0].split("+")) for parent in request.parents} == {request.labels}


def test_a_generator_of_one_parent_gets_one(training_of: Of, paper_of: Any) -> None:
    requests = planned(training_of({("a",): 5}), paper_of(parents_needed=(1, 1)), amount=AmountSettings(times=9))
    assert {len(request.parents) for request in requests} == {1}


def test_a_generator_that_takes_no_parents_is_refused(training_of: Of, paper_of: Any) -> None:
    with pytest.raises(ConfigError, match="takes one or two parents, paper takes 0 to 0"):
        planned(training_of({("a",): 5}), paper_of(parents_needed=(0, 0)))


def test_a_revision_replaces_rejected_requests_with_new_draws(training_of: Of, paper: Any) -> None:
    training = training_of({("a",): 5})
    settings = RunSettings(judge=JudgeSettings(surplus=1.5))
    rejected = tuple(planned(training, paper)[:8])
    shortfall = Shortfall("a", missing=2, pass_rate=0.5, rejected=rejected)
    revised = list(revise(training, settings, paper, [shortfall], 1))
    assert [request.replaces for request in revised] == [request.id for request in rejected[:6]]
    assert [request.parents for request in revised] == [request.parents for request in rejected[:6]]
    assert {request.round for request in revised} == {1}
    assert not {request.params["number"] for request in revised} & {request.params["number"] for request in rejected}
    again = list(revise(training, settings, paper, [shortfall], 2))
    assert not {request.params["number"] for request in revised} & {request.params["number"] for request in again}


def scenic(paper: Any, share: float) -> Any:
    """The generator of the tests, but it wants scenes."""
    return type("Scenic", (type(paper),), {"scene_share": share})()


def test_scenes_come_from_other_labels_as_often_as_the_generator_wants(training_of: Of, paper: Any) -> None:
    training = training_of({("a",): 20, ("b",): 20, ("c",): 2})
    requests = planned(training, scenic(paper, 0.7), amount=AmountSettings(times=20))
    lead = [(request.labels[0], request.parents[-1].split("-")[0]) for request in requests]
    others = [other for label, other in lead if other != label]
    assert 0.64 < len(others) / len(requests) < 0.76  # 840 draws: three standard deviations are 0.047
    counts = Counter(pair for pair in lead if pair[0] == "a")
    assert counts["a", "c"] / counts["a", "b"] == pytest.approx(1.0, abs=0.4)  # by label, not by clip
    for request in requests:
        assert len(set(request.parents)) == len(request.parents) <= 3


def test_there_are_no_scenes_without_another_label_or_with_several_labels_a_clip(training_of: Of, paper: Any) -> None:
    for labels in ({("a",): 6}, {("a",): 6, ("a", "b"): 6, ("c",): 6}):
        training = training_of(labels)
        wants, wants_not = planned(training, scenic(paper, 1.0)), planned(training, paper)
        assert [request.parents for request in wants] == [request.parents for request in wants_not]


def test_several_generators_share_the_requests_and_each_keeps_its_own_number_of_parents(
    training_of: Of, paper_of: Any
) -> None:
    pairs, singles = paper_of((1, 2), "pairs", "p"), paper_of((1, 1), "singles", "s")
    requests = planned(training_of({("a",): 6, ("b",): 6}), SeveralGenerators([pairs, singles]))
    by_part = Counter(request.generator for request in requests)
    assert min(by_part["p"], by_part["s"]) > 0.3 * len(requests)
    assert {len(request.parents) for request in requests if request.generator == "s"} == {1}
    assert {len(request.parents) for request in requests if request.generator == "p"} == {1, 2}


def test_a_revision_stays_with_the_generator_in_every_round(training_of: Of, paper_of: Any) -> None:
    both = SeveralGenerators([paper_of((1, 2), "pairs", "p"), paper_of((1, 1), "singles", "s")])
    training = training_of({("a",): 6})
    rejected = planned(training, both)[:20]
    for round_index in (1, 2, 3):
        shortfall = Shortfall("a", missing=20, pass_rate=1.0, rejected=rejected)
        revised = list(revise(training, RunSettings(), both, [shortfall], round_index))
        assert [request.generator for request in revised] == [request.generator for request in rejected]
        rejected = revised
