"""The recipe ``interpolation``: who is mixed with whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from menura.config import AmountSettings, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.errors import ConfigError
from menura.pipeline.execute import Shortfall
from menura.recipes.interpolation import plan, revise
from menura.types import Request

Of = Callable[..., TrainingPart]


def planned(training: TrainingPart, generator: Any, **settings: Any) -> list[Request]:
    return list(plan(training, RunSettings(recipe="interpolation", **settings), generator))


def test_every_request_is_a_pair_of_one_label_and_different_recordings(training_of: Of, paper: Any) -> None:
    training = training_of({("a",): 12, ("a", "b"): 6}, groups=3)
    groups = {clip.id: clip.group for clip in training.clips}
    for request in planned(training, paper, amount=AmountSettings(times=8)):
        one, other = request.parents
        assert tuple(other.rpartition("-")[0].split("+")) == tuple(one.rpartition("-")[0].split("+")) == request.labels
        assert groups[one] != groups[other]


def test_no_pair_comes_twice_before_every_pair_has_come(training_of: Of, paper: Any) -> None:
    pairs = Counter(
        frozenset(request.parents)
        for request in planned(training_of({("a",): 9}), paper, amount=AmountSettings(per_label=28))
    )
    assert sum(pairs.values()) == 36 - 1  # 28 with the surplus of a quarter; 9 clips make 36 pairs
    assert max(pairs.values()) == 1


def test_every_clip_leads_equally_many_and_a_larger_run_contains_the_smaller(training_of: Of, paper: Any) -> None:
    training = training_of({("a",): 5, ("b",): 7}, groups=3)
    small, large = (planned(training, paper, amount=AmountSettings(times=times)) for times in (2, 6))
    led = Counter(request.parents[0] for request in large if request.labels == ("a",))
    assert max(led.values()) - min(led.values()) <= 1
    assert len(led) == 5
    assert {request.id for request in small} < {request.id for request in large}
    assert len({request.id for request in large}) == len(large)


def test_recordings_are_shared_when_there_is_only_one_and_a_lonely_clip_is_varied(training_of: Of, paper: Any) -> None:
    requests = planned(training_of({("a",): 3, ("b",): 1}, groups=1), paper, amount=AmountSettings(per_label=4))
    assert {len(request.parents) for request in requests if request.labels == ("a",)} == {2}
    assert {request.parents for request in requests if request.labels == ("b",)} == {("b-0",)}


def test_the_plan_repeats_and_changes_with_the_seed_alone(training_of: Of, paper: Any) -> None:
    training = training_of({("a",): 6})
    turned = TrainingPart(training.name, training.clips[::-1])
    assert planned(training, paper) == planned(turned, paper)
    one, other = planned(training, paper), planned(training, paper, seed=1)
    assert not {request.id for request in one} & {request.id for request in other}


def test_generators_that_cannot_take_two_parents_are_refused(training_of: Of, paper_of: Any) -> None:
    with pytest.raises(ConfigError, match="takes two parents, paper takes 1 to 1; try --generator spectrogram-diff"):
        planned(training_of({("a",): 3}), paper_of(parents_needed=(1, 1)))
    with pytest.raises(ConfigError, match="label b has one clip, and paper needs two"):
        planned(training_of({("a",): 3, ("b",): 1}), paper_of(parents_needed=(2, 2)))


def test_a_revision_keeps_the_leader_and_takes_another_partner(training_of: Of, paper: Any) -> None:
    training = training_of({("a",): 6, ("b",): 2}, groups=3)
    settings = RunSettings(recipe="interpolation")
    rejected = tuple(request for request in planned(training, paper) if request.labels == ("a",))[:8]
    revised = list(revise(training, settings, paper, [Shortfall("a", 4, 0.5, rejected)], 1))
    assert revised
    for before, after in zip(rejected, revised, strict=False):
        assert after.replaces == before.id
        assert after.round == 1
        assert after.parents[0] == before.parents[0]
        assert after.parents[1] not in before.parents
        assert after.params != before.params
