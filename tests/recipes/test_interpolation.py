"""The recipe ``interpolation``: who is mixed with whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from menura.backends.base import Parents
from menura.config import AmountSettings, PromptSettings, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.errors import ConfigError
from menura.pipeline.execute import Shortfall
from menura.recipes.interpolation import plan, revise
from menura.types import Candidate, Clip, Params, Request

Of = Callable[..., TrainingPart]


@dataclass(frozen=True)
class Reader:
    """Makes nothing, and needs a prompt, or does not."""

    parents_needed: tuple[int, int] = (2, 2)
    needs_prompt: bool = True
    name: str = "reader"
    fingerprint: str = "reader-1"

    def draw(self, parents: Sequence[Clip], generator: np.random.Generator) -> Params:
        return {"alpha": float(generator.random())}

    def generate(self, requests: Sequence[Request], parents: Parents) -> list[Candidate]:
        raise NotImplementedError


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


def test_a_generator_that_needs_a_prompt_gets_that_of_the_label_and_no_other_gets_one(training_of: Of) -> None:
    training = training_of({("dog bark",): 4, ("rain",): 3}, groups=2)
    told, mute = (planned(training, Reader(needs_prompt=needs)) for needs in (True, False))
    assert {(request.labels[0], request.prompt) for request in told} == {
        ("dog bark", "Sound of a dog barking"), ("rain", "Sound of rain"),
    }  # fmt: skip
    assert all(request.negative_prompt for request in told)
    assert {(request.prompt, request.negative_prompt) for request in mute} == {(None, None)}
    for one, other in zip(told, mute, strict=True):
        assert (one.parents, one.params, one.seed_key) == (other.parents, other.params, other.seed_key)
    revised = revise(training, RunSettings(), Reader(), [Shortfall("rain", 2, 0.5, (told[-1], told[-2]))], 1)
    assert {request.prompt for request in revised} == {"Sound of rain"}
    scenes = planned(training, Reader(), prompts=PromptSettings(style="scene"))
    assert len({request.prompt for request in scenes}) > 10


def test_a_text_to_audio_model_without_the_setting_is_told_about_it(training_of: Of) -> None:
    with pytest.raises(ConfigError, match=r"reader takes 0 to 0; set model\.interpolate = true"):
        planned(training_of({("a",): 3}), Reader(parents_needed=(0, 0)))
