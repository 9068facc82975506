"""From an identity to a finished run: plan, calibrate, make, decide, revise, export. Does only what is missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from pathlib import Path

from menura.backends.base import Encoder, Generator
from menura.backends.several import is_heavy
from menura.datasets.dataset import TrainingPart
from menura.files import disk_errors, flush_all, flush_folder
from menura.generate.parents import ParentCache
from menura.pipeline.context import Context, calibrate, generators, load_context
from menura.pipeline.decide import (
    JUDGEMENTS_NAME,
    LabelDecision,
    decide_label,
    draft_judgements,
    judge_selection,
    label_outcomes,
    round_folder,
    shards_by_label,
)
from menura.pipeline.engine import LocalEngine, choose_workers
from menura.pipeline.export import dataset_is_whole, export_dataset
from menura.pipeline.identity import Identity
from menura.pipeline.log import RunLog
from menura.pipeline.plan import count_requests, lead_labels, write_plan
from menura.pipeline.pool import Task
from menura.pipeline.run import Run
from menura.pipeline.shards import missing_shards, shard_path
from menura.pipeline.shortfall import Shortfall, shortfall_of
from menura.pipeline.threads import one_thread
from menura.types import Progress, Request

__all__ = ["Method", "Shortfall", "execute"]


@dataclass(frozen=True)
class Method:
    """What a recipe contributes to a run.

    Attributes:
        plan: Gives the requests of the first round from the generator.
        revise: Gives the requests of a later round from its generator, the shortfalls, and the number of the round.
        text_of: What judges that read compare with a clip of a label; None leaves it to the label's name. Asked only
            while they are calibrated: the texts are part of the calibrated panel.
        gives_up: Whether a label is left alone once a round of revision has added nothing to it.
        rehearse: Asks the language model of a dry run what later rounds would ask at most, given the first requests.
    """

    plan: Callable[[Generator], Iterable[Request]]
    revise: Callable[[Generator, Sequence[Shortfall], int], Iterable[Request]]
    text_of: Callable[[str], str] | None = None
    gives_up: bool = False
    rehearse: Callable[[Iterable[Request]], None] | None = None


def execute(
    path: Path,
    identity: Identity,
    training: TrainingPart,
    method: Method,
    *,
    encoder: Encoder,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Run:
    """Bring the run in ``path`` to its end; the caller holds its lock and has written its identity.

    Raises:
        RunError: A parent is missing, the disk cannot be written, a worker died too often.
        BackendError: The generator or the encoder cannot be loaded.
    """
    work = _Work(path, identity, training, method, encoder, workers, progress or (lambda *unused: None))
    with ExitStack() as stack, disk_errors(str(path)):
        stack.enter_context(work.log)
        work.all_rounds()
    return Run(path, identity)


@dataclass
class _Work:
    path: Path
    identity: Identity
    training: TrainingPart
    method: Method
    encoder: Encoder
    workers: int | None
    progress: Progress
    remade: int = field(default=0)

    @cached_property
    def log(self) -> RunLog:
        return RunLog(self.path)

    @cached_property
    def generator_of(self) -> Callable[[int], Generator]:
        return generators(self.identity.settings.generator, self.identity.sample_rate)

    @cached_property
    def parents(self) -> ParentCache:
        return ParentCache(self.training.by_id, sample_rate=self.identity.sample_rate)

    @cached_property
    def context(self) -> Context:
        return load_context(
            self.path,
            self.identity,
            generator_of=self.generator_of,
            encoder=self.encoder,
            parents=self.parents,
        )

    def all_rounds(self) -> None:
        started = time.perf_counter()
        round_index, before = 0, dict[str, int]()
        self.plan_round(0, self.method.plan)
        while True:
            self.make_round(round_index)
            if not self.remade and self._was_finished():
                return
            draft, shortfalls, kept = self.decide(round_index + 1)
            if round_index and sum(kept.values()) <= sum(before.values()):
                break
            if round_index and self.method.gives_up:
                shortfalls = [one for one in shortfalls if kept[one.label] > before[one.label]]
            if round_index == self.identity.settings.rounds or not shortfalls:
                break
            before, round_index = kept, round_index + 1
            self.plan_round(round_index, partial(self._revise, shortfalls, round_index))
        self.finish(draft)
        total = sum(kept.values())
        self.log.write("finished", rounds=round_index + 1, kept=total, wall_s=time.perf_counter() - started)

    def _revise(self, shortfalls: list[Shortfall], round_index: int, generator: Generator) -> Iterable[Request]:
        return self.method.revise(generator, shortfalls, round_index)

    def _was_finished(self) -> bool:
        run = Run(self.path, self.identity)
        for later in range(1, run.rounds):
            self.make_round(later)
        return not self.remade and (self.path / JUDGEMENTS_NAME).is_file() and dataset_is_whole(run)

    def plan_round(self, round_index: int, plan: Callable[[Generator], Iterable[Request]]) -> None:
        target = round_folder(self.path, round_index) / "plan.parquet"
        if target.is_file():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        count = write_plan(target, plan(self.generator_of(round_index)), lead_labels(self.training.counts()))
        self.log.write("planned", round=round_index, requests=count, wall_s=time.perf_counter() - started)

    def make_round(self, round_index: int) -> None:
        size = self.identity.settings.shard_size
        folder = round_folder(self.path, round_index)
        total = count_requests(folder / "plan.parquet")
        missing, damaged = missing_shards(folder, num_requests=total, shard_size=size)
        for shard, problem in damaged:
            self.log.write("damaged", shard=shard.name, round=round_index, problem=problem)
        self.remade += len(missing)
        if not missing:
            return
        stage = "making clips" if round_index == 0 else f"revising, round {round_index}"
        tasks = [_task(self.path, folder, index, total=total, size=size) for index in missing]
        self._make(tasks, stage=stage, total=total)

    def _make(self, tasks: list[Task], *, stage: str, total: int) -> None:
        to_make = sum(task.stop - task.start for task in tasks)
        done = total - to_make
        mean_s = sum(clip.duration_s for clip in self.training.clips) / len(self.training.clips)
        asked = 1 if is_heavy(self.generator_of(0)) else self.workers
        workers = choose_workers(asked, num_shards=len(tasks), audio_s=to_make * mean_s)
        with LocalEngine(self.path, workers=workers, context=lambda: self.context) as engine:
            self._calibrate()
            self.progress(stage, done, total)
            results = engine.make(tasks, on_request=lambda more: self.progress(stage, done + more, total))
            for result in results:
                done += result.requests
                self.log.write("shard", target=result.task.target, requests=result.requests, **asdict(result.timings))
                self.progress(stage, done, total)

    def _calibrate(self) -> None:
        if (self.path / "judge").is_dir():
            return
        started = time.perf_counter()
        self.progress("calibrating the judges", 0, 1)
        with one_thread():
            calibrate(
                self.path, self.identity, self.training,
                encoder=self.encoder, parents=self.parents, text_of=self.method.text_of,
            )  # fmt: skip
        self.progress("calibrating the judges", 1, 1)
        self.log.write("calibrated", wall_s=time.perf_counter() - started)

    def decisions(self, shards: Mapping[str, Sequence[Path]]) -> Iterator[LabelDecision]:
        choose = judge_selection(self.context.panel)
        for label, folders in shards.items():
            target = self.identity.targets.get(label, 0)
            yield decide_label(label_outcomes(folders, label), label, target, choose)  # one label in memory at a time

    def decide(self, rounds: int) -> tuple[Path, list[Shortfall], dict[str, int]]:
        """A draft of the judgements, what is missing, and how many clips of each label are kept."""
        shortfalls: list[Shortfall] = []
        shards = shards_by_label(self.path, rounds=rounds, shard_size=self.identity.settings.shard_size)
        kept: dict[str, int] = {}

        def watched() -> Iterator[LabelDecision]:
            for decision in self.decisions(shards):
                kept[decision.label] = decision.rate.kept
                if decision.rate.kept < decision.rate.target and decision.rejected:
                    shortfalls.append(shortfall_of(decision, tuple(shards[decision.label]), self.context.panel))
                yield decision

        started = time.perf_counter()
        with one_thread():
            draft = draft_judgements(self.path, watched())
        total = sum(kept.values())
        self.log.write("selected", rounds=rounds, kept=total, wall_s=time.perf_counter() - started)
        return draft, shortfalls, kept

    def finish(self, draft: Path) -> None:
        started = time.perf_counter()
        flush_all()
        draft.replace(self.path / JUDGEMENTS_NAME)
        flush_folder(self.path)
        export_dataset(Run(self.path, self.identity))
        self.log.write("exported", wall_s=time.perf_counter() - started)


def _task(run: Path, folder: Path, index: int, *, total: int, size: int) -> Task:
    return Task(
        plan=(folder / "plan.parquet").relative_to(run).as_posix(),
        start=index * size,
        stop=min(total, (index + 1) * size),
        target=shard_path(folder, index).relative_to(run).as_posix(),
    )
