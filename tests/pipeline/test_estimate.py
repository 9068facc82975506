"""The dry run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from typing import Any

import numpy as np
import pytest

from menura.config import RunSettings
from menura.datasets.dataset import TrainingPart
from menura.pipeline.estimate import Estimate, estimate
from menura.types import Candidate, Recording, Request


class SilentEncoder:
    """Gives nothing, at once."""

    name, fingerprint, sample_rate, dim = "silent", "silent-1", 8000, 1

    def embed(self, recordings: Sequence[Recording]) -> np.ndarray:
        return np.zeros((len(recordings), 1), np.float32)


@pytest.fixture
def estimated(training: TrainingPart, generator: Any) -> Callable[..., Estimate]:
    """Estimates a plan of so many requests, with a clock that counts readings as tenths of a second."""

    def make(num_requests: int, **options: Any) -> Estimate:
        requests = [
            Request(("rain",), "half-1", parents=(training.with_label("rain")[index % 4].id,), seed_key=(index,),
                    params={"gain": 0.5})
            for index in range(num_requests)
        ]  # fmt: skip
        ticks = count()
        return estimate(
            training, RunSettings(), lambda: iter(requests), targets={"rain": 5, "siren": 0}, generator=generator,
            encoder=SilentEncoder(), sample_rate=8000, clock=lambda: next(ticks) / 10, **options,
        )  # fmt: skip

    return make


def test_the_plan_is_counted_label_by_label(estimated: Callable[..., Estimate]) -> None:
    found = estimated(10)
    assert found.requests == 10
    assert found.labels["rain"].requests == 10
    assert found.labels["rain"].target == 5
    assert found.labels["rain"].audio_s == pytest.approx(4.0)
    assert (found.labels["siren"].requests, found.labels["siren"].real) == (0, 4)
    assert found.licences == {None: 8}


def test_cost_grows_with_the_plan(estimated: Callable[..., Estimate]) -> None:
    small, large = estimated(10), estimated(1000)
    assert large.audio_s == pytest.approx(100 * small.audio_s)
    assert large.num_bytes == pytest.approx(100 * small.num_bytes, rel=0.2)
    assert large.wall_s > 20 * small.wall_s


def test_more_workers_take_less_time(estimated: Callable[..., Estimate]) -> None:
    assert estimated(1000, workers=2).wall_s < 0.6 * estimated(1000, workers=1).wall_s


def test_trials_stop_when_the_time_is_up(estimated: Callable[..., Estimate]) -> None:
    assert 2 <= estimated(1000).trials <= 8  # each trial reads the clock four times, 0.4 s of the 2.5 s


def test_one_request_can_be_estimated(estimated: Callable[..., Estimate]) -> None:
    assert estimated(1).wall_s > 0


class CountingScorer:
    """Reads texts that it only counts."""

    name, fingerprint, scale = "counting", "counting-1", 1.0

    def __init__(self) -> None:
        self.heard: list[tuple[str, ...]] = []

    def similarity(self, recordings: Sequence[Recording], texts: Sequence[str]) -> np.ndarray:
        self.heard += [tuple(texts) for _ in recordings]
        return np.zeros((len(recordings), len(texts)), np.float32)


def test_a_judge_that_reads_hears_every_trial_and_its_parent(estimated: Callable[..., Estimate]) -> None:
    scorer = CountingScorer()
    found = estimated(1000, scorer=scorer)
    assert scorer.heard == [("rain", "siren")] * (2 * found.trials)


def test_real_clips_are_heard_also_where_nothing_is_made_from_them(training: TrainingPart) -> None:
    class FromText:
        """Makes a clip from nothing but its duration."""

        name, fingerprint, parents_needed = "from text", "from text-1", (0, 0)

        def generate(self, requests: Sequence[Request], parents: Any) -> list[Candidate]:
            return [Candidate(one, np.full((1, 800), 0.1, np.float32), 8000) for one in requests]

    scorer, ticks = CountingScorer(), count()
    requests = [Request(("rain",), "from text-1", seed_key=(index,), duration_s=0.1) for index in range(50)]
    found = estimate(
        training, RunSettings(), lambda: iter(requests), targets={"rain": 5}, generator=FromText(),
        encoder=SilentEncoder(), scorer=scorer, sample_rate=8000, clock=lambda: next(ticks) / 10,
    )  # fmt: skip
    assert len(scorer.heard) == 2 * found.trials
