"""The search for a policy: on real training clips alone, repeatable, and able to tell good copies from bad ones."""

from __future__ import annotations

import json

import numpy as np
import pytest

from menura.augmentation import policy as policies
from menura.augmentation.classic import classic_is_available
from menura.augmentation.policy import Operation, Policy
from menura.backends.registry import load_encoder
from menura.classify.base import TrainingExamples, get_classifier
from menura.classify.linear import inner_score
from menura.seeding import item_generator
from menura.studies import policy_search
from menura.studies.arms import Example
from menura.studies.policy_findings import policies_of, policy_findings
from menura.studies.policy_search import Search, search_policy
from menura.types import Recording

needs_extra = pytest.mark.skipif(not classic_is_available(), reason="audiomentations is not installed")

PITCH_HZ = {"low": 500.0, "high": 980.0}
REAL = [
    Example(f"{label}-{number}", (label,), (f"{label}-{number}",), "real") for label in PITCH_HZ for number in range(6)
]
JUDGE = get_classifier("linear", encoder=load_encoder("acoustic"), sample_rate=8000)


def hear(clip_id: str) -> Recording:
    generator = item_generator(0, clip_id)
    pitch = PITCH_HZ[clip_id.split("-")[0]] * np.exp(0.05 * generator.normal())
    wave = 0.3 * np.sin(2 * np.pi * pitch * np.arange(1600) / 8000) + generator.normal(0, 0.02, 1600)
    return Recording(wave[None].astype(np.float32), 8000)


def search(**more: int) -> Search:
    options = {"seed": 0, "candidates": 3, **more}
    return search_policy(REAL, tuple(PITCH_HZ), hear, JUDGE, multilabel=False, key="1", **options)


@needs_extra
def test_the_same_seed_finds_the_same_policy_and_another_one_tries_others() -> None:
    first = search()
    assert first == search()
    assert first.candidates != search(seed=1).candidates
    assert all(0 <= score <= 1 for score in (*first.scores, first.without))
    assert first.scores[first.candidates.index(first.best)] == max(first.scores)
    assert first.clips == len(REAL)
    values = json.loads(json.dumps(first.to_json()))
    assert tuple(Operation(**step) for step in values["found"]) == first.best
    assert len(values["tried"]) == 3


@needs_extra
def test_copies_that_sound_like_another_label_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy that swaps the labels comes first, so that a search that cannot tell would take it."""
    bad: Policy = (Operation("swap", 3, 1.0),)
    good: Policy = (Operation("noise", 1, 1.0),)

    def swapped(samples: np.ndarray, sample_rate: int) -> np.ndarray:
        crossings = int((np.diff(np.sign(samples[0])) != 0).sum())
        return hear(f"{'low' if crossings > 2 * 0.2 * 740 else 'high'}-{crossings}").waveform

    drawn = iter([bad, good])
    monkeypatch.setattr(policy_search, "draw_policy", lambda generator: next(drawn))
    swap = {"swap": lambda library, *unused: library.Lambda(transform=swapped, p=1.0)}
    monkeypatch.setattr(policies, "OPERATIONS", {**policies.OPERATIONS, **swap})
    found = search(candidates=2)
    assert found.best == good
    assert found.scores[0] < found.scores[1] == 1


@needs_extra
def test_no_more_clips_are_used_than_said_and_labels_and_sources_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    assert search(candidates=1, most_clips=8).clips == 8
    twins = [Example(f"low-{i}", ("low",), ("one",), "real") for i in range(9)] + REAL[4:]
    taken = policy_search._turns(twins, 6)
    assert [example.labels[0] for example in taken].count("low") == 3
    assert len({example.sources for example in taken if example.labels == ("low",)}) == 3


def test_the_score_is_of_real_examples_whose_copies_are_not_learned_from() -> None:
    """Embeddings that name the source, not the label: only somebody who looks at a held-out clip's copies is right."""
    count = 8
    features = [np.eye(count, dtype=np.float32)[i % count] for i in range(2 * count)]
    targets = np.eye(2, dtype=np.float32)[[i % count % 2 for i in range(2 * count)]]
    examples = TrainingExamples(
        features=features, targets=targets, weights=np.ones(2 * count), augment=False,
        groups=[f"g{i % count}" for i in range(2 * count)], is_real=np.arange(2 * count) < count,
    )  # fmt: skip
    assert inner_score(examples, folds=4, seed=0) < 0.7
    leaking = TrainingExamples(
        features=features, targets=targets, weights=np.ones(2 * count), augment=False,
        groups=[f"h{i}" for i in range(2 * count)], is_real=np.arange(2 * count) < count,
    )  # fmt: skip
    assert inner_score(leaking, folds=4, seed=0) == 1


def test_what_was_found_is_reported_for_each_fold_and_seed() -> None:
    steps = [{"name": "pitch", "strength": 2, "probability": 1.0}]
    unit = {"fold": "1", "seed": 0, "policy": {"found": steps, "score": 0.5, "score_without": 0.4, "tried": []}}
    assert policies_of([unit, {"fold": "2", "seed": 0}]) == {
        "policies": [{"fold": "1", "seed": 0, "found": steps, "score": 0.5, "score_without": 0.4}]
    }
    (finding,) = policy_findings([unit, unit])
    assert "2 searches have a score of 50.0 %" in finding.message
    assert "alone 40.0 %" in finding.message
    assert "pitch 2" in finding.message
    assert policies_of([{}]) == {}
    assert policy_findings([{}]) == []
