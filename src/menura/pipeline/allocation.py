"""Rounds in which a learner says which labels the next clips go to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from menura.allocate.assess import assessment_of
from menura.allocate.learner import learn
from menura.allocate.prompts import choose_by_prompt, prompt_weights
from menura.allocate.record import Assessment, Ending, RoundRecord
from menura.allocate.steps import Tally, first_round, next_step
from menura.allocate.uncertainty import uncertainty
from menura.backends.base import Encoder, Generator, Parents
from menura.classify.base import TrainingExamples
from menura.classify.weights import example_weights, target_matrix
from menura.config import RunSettings
from menura.datasets.dataset import TrainingPart
from menura.pipeline.allocation_files import read_records, write_step
from menura.pipeline.decide import Choose, decide_label, label_outcomes, label_rows, round_folder, shards_by_label
from menura.pipeline.plan import lead_labels, read_requests
from menura.pipeline.threads import one_thread
from menura.types import Clip, Request

__all__ = ["Allocator", "Grow", "Growth"]

_UNTRIED = ""
"""Name of the weight of prompts that have not been tried; no prompt is empty."""

_POOL = 2
"""Requests to choose from for each that is wanted, where prompts are weighed."""

Grow = Callable[[Generator, Mapping[str, int]], Iterable[Request]]
"""The requests of the first pass, from the generator and the number of candidates of each label; more of them begin
with the same seed keys."""


@dataclass(frozen=True)
class Growth:
    """What a round adds: the requests that no earlier round has.

    Attributes:
        path: Folder of the run.
        record: Of the round.
        grow: Gives the requests of so many candidates.
        lead: Gives the label that a request counts for.
        even_share: Share of prompts that is given out evenly.
    """

    path: Path
    record: RoundRecord
    grow: Grow
    lead: Callable[[Sequence[str]], str]
    even_share: float

    def __call__(self, generator: Generator) -> Iterator[Request]:
        """The requests, label after label."""
        seen = {
            request.seed_key
            for earlier in range(self.record.round)
            for request in read_requests(round_folder(self.path, earlier) / "plan.parquet")
        }
        wanted = {label: count for label, count in self.record.requests.items() if count}
        if not wanted:
            return
        pool = {
            label: self.record.planned.get(label, 0) + count * (_POOL if label in self.record.prompts else 1)
            for label, count in wanted.items()
        }
        fresh: dict[str, list[Request]] = defaultdict(list)
        for request in self.grow(generator, pool):
            if request.seed_key not in seen:
                fresh[self.lead(request.labels)].append(request)
        for label in sorted(fresh):
            yield from self._chosen(label, fresh[label], wanted[label])

    def _chosen(self, label: str, fresh: list[Request], wanted: int) -> Sequence[Request]:
        weights = self.record.prompts.get(label)
        if weights is None:
            return fresh[:wanted]
        items = [(request.prompt or _UNTRIED, request) for request in fresh]
        return choose_by_prompt(items, wanted, weights, weights[_UNTRIED], even_share=self.even_share)


@dataclass(frozen=True)
class _Made:
    """A candidate that passed the judges."""

    request: Request
    embedding: NDArray[np.float32]
    kept: bool


@dataclass(frozen=True)
class Allocator:
    """Says what each round is given, and when it is enough.

    Everything it looks at is the training part and what was made from it: test clips are not in its reach.

    Attributes:
        path: Folder of the run.
        settings: Of the run.
        training: The real clips.
        even: Clips that an even run keeps of each label.
        encoder: Gives the embeddings of the real clips; those of candidates are in the shards.
        parents: Gives recordings of the real clips.
        choose: Selects among the candidates of a label; asked for after the judges are calibrated.
    """

    path: Path
    settings: RunSettings
    training: TrainingPart
    even: Mapping[str, int]
    encoder: Encoder
    parents: Parents
    choose: Callable[[], Choose]

    def next(self) -> RoundRecord | Ending:
        """What follows the rounds that are on disk, which must all have been made; written before it is returned."""
        with one_thread():
            step = self._next()
        write_step(self.path, step)
        return step

    def growth(self, record: RoundRecord, grow: Grow) -> Growth:
        """The plan of a round."""
        return Growth(self.path, record, grow, lead_labels(self.training.counts()), self.settings.allocation.even_share)

    def _next(self) -> RoundRecord | Ending:
        records = read_records(self.path)
        own, surplus = self.settings.allocation, self.settings.judge.surplus
        if not records:
            return first_round(self.even, self._assess([])[0], own, surplus=surplus)
        made, tally = self._look(records)
        kept = [one for one in made if one.kept]
        assessment, unsure = self._assess(kept, first=records[0].assessment)
        return next_step(
            self.even, records, tally, assessment, own, surplus=surplus, clips_of=self.training.counts(),
            prompts=self._prompts(made, kept, unsure),
        )  # fmt: skip

    def _look(self, records: Sequence[RoundRecord]) -> tuple[list[_Made], Tally]:
        """Candidates that passed, and what has become of all."""
        shards = shards_by_label(self.path, rounds=len(records), shard_size=self.settings.shard_size)
        made: list[_Made] = []
        choose = self.choose()
        counts: dict[str, tuple[int, int, int]] = {}
        for label, folders in shards.items():
            outcomes = label_outcomes(folders, label)
            decision = decide_label(outcomes, label, records[-1].targets.get(label, 0), choose)
            counts[label] = (decision.rate.kept, decision.rate.passed, decision.rate.planned)
            rejected = set(decision.rejected)
            requests = (row.request for _, row in label_rows(folders, label))
            for outcome, judgement, request in zip(outcomes, decision.judgements, requests, strict=True):
                if outcome.request_id not in rejected and outcome.embedding is not None:
                    made.append(_Made(request, outcome.embedding, judgement.accepted))
        kept, passed, planned = ({label: count[i] for label, count in counts.items()} for i in range(3))
        return made, Tally(kept, passed, planned)

    def _assess(
        self, made: Sequence[_Made], *, first: Assessment | None = None
    ) -> tuple[Assessment, NDArray[np.float64]]:
        """What the learner knows, and how unsure that of the real clips alone is of each made one ``[made]``."""
        clips, labels = self._clips, self.training.labels
        targets = target_matrix([clip.labels for clip in clips] + [one.request.labels for one in made], labels)
        is_real = np.arange(len(targets)) < len(clips)
        multilabel = any(len(clip.labels) != 1 for clip in clips)
        examples = TrainingExamples(
            features=[*self._embeddings, *(one.embedding for one in made)],
            targets=targets,
            weights=example_weights(targets, is_real, balanced=True),
            augment=False,
            groups=[*((_source(clip),) for clip in clips), *(self._sources(one.request) for one in made)],
            is_real=is_real,
            multilabel=multilabel,
        )
        learned = learn(examples, seed=self.settings.seed, hear_made=True)
        measure = self.settings.allocation.measure
        assessment = assessment_of(
            learned, targets[is_real], labels, measure=measure, multilabel=multilabel, first=first
        )
        unsure = uncertainty(
            learned.made, targets[~is_real], measure="margin" if measure == "margin" else "entropy",
            multilabel=multilabel,
        )  # fmt: skip
        return assessment, unsure.mean(axis=1) if len(unsure) else np.zeros(0)

    def _prompts(
        self, made: Sequence[_Made], kept: Sequence[_Made], unsure: NDArray[np.float64]
    ) -> dict[str, dict[str, float]]:
        """Label to weights of its prompts; labels none of whose prompts came twice are left out.

        A candidate that passed and is not kept says nothing: its label had enough.
        """
        lead = lead_labels(self.training.counts())
        worth = {one.request.id: float(value) for one, value in zip(kept, unsure, strict=True)}
        spare = {one.request.id for one in made if not one.kept}
        tried: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for index in range(len(read_records(self.path))):
            for request in read_requests(round_folder(self.path, index) / "plan.parquet"):
                if request.prompt and request.id not in spare:
                    tried[lead(request.labels)].append((request.prompt, worth.get(request.id, 0.0)))
        found = {}
        for label, values in sorted(tried.items()):
            weights, untried = prompt_weights(values)
            if len(weights) < len(values):
                found[label] = {_UNTRIED: round(untried, 6)} | {name: round(one, 6) for name, one in weights.items()}
        return found

    @cached_property
    def _clips(self) -> tuple[Clip, ...]:
        return tuple(sorted(self.training.by_id.values(), key=lambda clip: clip.id))

    @cached_property
    def _embeddings(self) -> list[NDArray[np.float32]]:
        """Of the real clips, once per process."""
        return [np.asarray(self.encoder.embed([self.parents(clip.id)])[0], np.float32) for clip in self._clips]

    def _sources(self, request: Request) -> tuple[str, ...]:
        """Of all parents; a clip made from none is a source of its own."""
        by_id = self.training.by_id
        found = sorted({_source(by_id[parent]) for parent in request.parents if parent in by_id})
        return tuple(found) or (f"synthetic {request.id}",)


def _source(clip: Clip) -> str:
    return f"group {clip.group}" if clip.group is not None else f"clip {clip.id}"
