"""A small search for an augmentation policy, on the real training clips of one fold and seed alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from menura.augmentation.policy import Operation, Policy, draw_policy
from menura.augmentation.styles import policy_style
from menura.classify.base import Classifier, get_classifier
from menura.classify.linear import inner_score
from menura.seeding import content_hash, item_generator
from menura.studies.arms import Example, training_examples
from menura.studies.cells import read_json, write_json
from menura.studies.copies import make_copies, plan_counted
from menura.studies.job import UnitJob
from menura.studies.lab import Lab, hear
from menura.types import Recording

__all__ = ["Search", "found_policy", "policy_path", "search_policy"]

CANDIDATES = 8
"""Random policies that are tried."""
MOST_CLIPS = 128
"""Real clips that are copied, once by each candidate; more would make the search cost more than the evaluation."""
_FOLDS = 4


@dataclass(frozen=True)
class Search:
    """What was tried, and how it did on held-out real training clips.

    Attributes:
        candidates: The policies.
        scores: Of each; mean recall over labels (several labels: average precision of a clip).
        without: The same with the real clips alone.
        clips: Real clips that were copied and validated on.
    """

    candidates: tuple[Policy, ...]
    scores: tuple[float, ...]
    without: float
    clips: int

    @property
    def best(self) -> Policy:
        """The policy with the highest score; of equal ones, the first."""
        return self.candidates[int(np.argmax(self.scores))]

    def to_json(self) -> dict[str, Any]:
        """As it is written to disk."""
        return {
            "found": [asdict(step) for step in self.best],
            "score": max(self.scores),
            "score_without": self.without,
            "clips": self.clips,
            "tried": [
                {"policy": [asdict(step) for step in policy], "score": score}
                for policy, score in zip(self.candidates, self.scores, strict=True)
            ],
        }


def search_policy(
    real: Sequence[Example],
    labels: Sequence[str],
    hear_clip: Callable[[str], Recording],
    judge: Classifier,
    *,
    multilabel: bool,
    seed: int,
    key: str,
    candidates: int = CANDIDATES,
    most_clips: int = MOST_CLIPS,
) -> Search:
    """Random search: each policy makes one copy of each real clip, and is scored by grouped cross-validation.

    Logistic regression learns from clips and copies and is validated on real clips whose sources it has not seen,
    copies of which it has not seen either. Test clips take no part.

    Args:
        real: Real training clips.
        labels: All labels, in the order of the columns.
        hear_clip: Gives a real clip by id.
        judge: ``linear`` on some encoder; embeds the clips.
        multilabel: Whether clips may have several labels.
        seed: Seed of the cell.
        key: Name of the fold.
        candidates: Policies to try.
        most_clips: Of real clips to use; sources and labels take turns.

    Raises:
        BackendError: audiomentations is not installed.

    Source:
        Synthio, arXiv:2410.02056, baseline "Audiomentations": a combination found by search. Its space is not given;
        random search is what Cubuk et al. 2020, arXiv:1909.13719, find to do as well as learned policies.
    """
    used = _turns(real, most_clips)
    heard = {example.id: hear_clip(example.id) for example in used}
    features = {name: judge.features(recording) for name, recording in heard.items()}
    policies = tuple(draw_policy(item_generator(seed, "policy", key, number)) for number in range(candidates))

    def score(made: Mapping[str, NDArray[np.float32]], members: Sequence[Example]) -> float:
        learned = training_examples(
            [*used, *members], {**features, **made}, labels, balanced=True, augment=False, multilabel=multilabel
        )
        return round(inner_score(learned, folds=_FOLDS, seed=seed), 6)

    def score_of(policy: Policy) -> float:
        counts = {label: sum(example.labels[0] == label for example in used) for label in labels}
        plans = plan_counted(used, counts, f"try-{content_hash(policy)}")
        copies = make_copies(plans, heard.__getitem__, policy_style(policy), seed=seed, key=key)
        made = {plan.example.id: judge.features(copy) for plan, copy in copies}
        return score(made, [plan.example for plan in plans])

    return Search(policies, tuple(map(score_of, policies)), score({}, []), len(used))


def found_policy(job: UnitJob, lab: Lab, real: Sequence[Example]) -> Policy:
    """The policy of a fold and seed, from disk or searched for and written there.

    Raises:
        MenuraError: A clip cannot be read, or the disk cannot be written.
    """
    path = policy_path(job)
    stored = (read_json(path) or {}).get("found")
    if stored is not None:
        return tuple(Operation(**step) for step in stored)
    search = search_policy(
        real, job.labels, lambda name: hear(job.working[name], job.lab.working_rate), _judge(lab),
        multilabel=job.multilabel, seed=job.seed, key=job.fold,
    )  # fmt: skip
    write_json(path, search.to_json())
    return search.best


def policy_path(job: UnitJob) -> Path:
    """File of the search of a fold and seed."""
    return job.folder / "policies" / f"{job.key}.json"


def _judge(lab: Lab) -> Classifier:
    """``linear``, whatever the classifiers of the evaluation."""
    for classifier in lab.classifiers:
        if classifier.name == "linear":
            return classifier
    from menura.backends.registry import load_encoder

    return get_classifier("linear", encoder=load_encoder(lab.spec.encoder), sample_rate=lab.spec.working_rate)


def _turns(real: Sequence[Example], most: int) -> list[Example]:
    """Up to ``most`` clips: labels take turns, and within them sources."""
    seen: dict[tuple[str, ...], int] = {}

    def turn(*key: str) -> int:
        seen[key] = seen.get(key, -1) + 1
        return seen[key]

    by_source = sorted(real, key=lambda example: turn("source", example.labels[0], *example.sources))
    ranked = sorted(by_source, key=lambda example: turn("label", example.labels[0]))
    return ranked[:most]
