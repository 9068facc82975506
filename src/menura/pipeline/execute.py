"""From an identity to a finished run: plan, calibrate, make, decide, revise, export. Does only what is missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from pathlib import Path

from menura.allocate.record import RoundRecord
from menura.backends.base import Encoder, Generator
from menura.backends.several import is_heavy
from menura.datasets.dataset import TrainingPart
from menura.errors import RunError
from menura.files import disk_errors, flush_all, flush_folder
from menura.generate.parents import ParentCache
from menura.pipeline.allocation import Allocator, Grow
from menura.pipeline.allocation_files import read_ending, read_records
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
from menura.pipeline.engine import Engine, EngineSettings, open_engine
from menura.pipeline.identity import Identity
from menura.pipeline.log import RunLog
from menura.pipeline.mirror import Mirror
from menura.pipeline.plan import count_requests, lead_labels, write_plan
from menura.pipeline.pool import Tasks
from menura.pipeline.run import Run
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
        grow: Gives the requests of the first round for any number of candidates of each label; needed where a learner
            allocates.
        gives_up: Whether a label is left alone once a round of revision has added nothing to it.
        rehearse: Asks the language model of a dry run what later rounds would ask at most, given the first requests.
    """

    plan: Callable[[Generator], Iterable[Request]]
    revise: Callable[[Generator, Sequence[Shortfall], int], Iterable[Request]]
    text_of: Callable[[str], str] | None = None
    grow: Grow | None = None
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
    engine: EngineSettings | None = None,
    mirror: Mirror | None = None,
    progress: Progress | None = None,
) -> Run:
    """Bring the run in ``path`` to its end; the caller holds its lock and has written its identity.

    What is finished goes to the mirror at once.

    Raises:
        RunError: A parent is missing, the disk cannot be written, a worker died too often.
        BackendError: The generator or the encoder cannot be loaded.
    """
    quiet = progress or (lambda *unused: None)
    mirror = mirror or Mirror()
    work = _Work(path, identity, training, method, encoder, workers, engine or EngineSettings(), quiet, mirror)
    with ExitStack() as stack, disk_errors(str(path)):
        stack.enter_context(work.log)
        stack.enter_context(work.engine)
        work.all_rounds()
    mirror.push()  # the end of the log
    return Run(path, identity)


@dataclass
class _Work:
    path: Path
    identity: Identity
    training: TrainingPart
    method: Method
    encoder: Encoder
    workers: int | None
    made_by: EngineSettings
    progress: Progress
    mirror: Mirror
    remade: int = field(default=0)
    first_rounds: int = field(default=1)
    """Rounds before any revision: one, or those of an allocation."""

    @cached_property
    def log(self) -> RunLog:
        return RunLog(self.path)

    @cached_property
    def engine(self) -> Engine:
        return open_engine(
            self.made_by, self.path, workers=self.workers, context=lambda: self.context, address=self.mirror.address
        )

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
        before, round_index = dict[str, int](), self.before_revision()
        while True:
            self.make_round(round_index)
            if not self.remade and self._was_finished():
                return
            draft, shortfalls, kept = self.decide(round_index + 1)
            revision = round_index - self.first_rounds + 1
            if revision and sum(kept.values()) <= sum(before.values()):
                break
            if revision and self.method.gives_up:
                shortfalls = [one for one in shortfalls if kept[one.label] > before[one.label]]
            if revision == self.identity.settings.rounds or not shortfalls:
                break
            before, round_index = kept, round_index + 1
            self.plan_round(round_index, partial(self._revise, shortfalls, revision + 1), revision=revision + 1)
        self.finish(draft)
        total = sum(kept.values())
        self.log.write("finished", rounds=round_index + 1, kept=total, wall_s=time.perf_counter() - started)

    def _revise(self, shortfalls: list[Shortfall], revision: int, generator: Generator) -> Iterable[Request]:
        return self.method.revise(generator, shortfalls, revision)

    def before_revision(self) -> int:
        """Plan what comes before any revision, and make it, the last round perhaps not; returns the number of that."""
        if self.identity.settings.allocation.by == "even":
            self.plan_round(0, self.method.plan)
            return 0
        if self.method.grow is None:
            raise RunError("this method cannot grow label by label, which an allocation by a learner needs")
        records, made = read_records(self.path), 0
        while True:
            if made == len(records):
                step = read_ending(self.path) or self._asked()
                if not isinstance(step, RoundRecord):
                    return made - 1
                records.append(step)
            self.first_rounds = made + 1
            self.plan_round(made, self.allocator.growth(records[made], self.method.grow))
            self.make_round(made)
            made += 1

    def _asked(self) -> object:
        """The next round of the allocation, or its end."""
        started = time.perf_counter()
        self.progress("asking the learner", 0, 1)
        step = self.allocator.next()
        self.mirror.push()
        self.progress("asking the learner", 1, 1)
        self.log.write("allocated", wall_s=time.perf_counter() - started)
        return step

    @cached_property
    def allocator(self) -> Allocator:
        return Allocator(
            self.path, self.identity.settings, self.training, self.identity.targets, self.encoder, self.parents,
            choose=lambda: judge_selection(self.context.panel),
        )  # fmt: skip

    def _was_finished(self) -> bool:
        run = Run(self.path, self.identity)
        for later in range(1, run.rounds):
            self.make_round(later)
        return not self.remade and (self.path / JUDGEMENTS_NAME).is_file() and self.mirror.dataset_is_whole(run)

    def plan_round(
        self, round_index: int, plan: Callable[[Generator], Iterable[Request]], *, revision: int = 0
    ) -> None:
        target = round_folder(self.path, round_index) / "plan.parquet"
        if target.is_file():
            self.mirror.push()
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
        count = write_plan(target, plan(self.generator_of(revision)), lead_labels(self.training.counts()))
        self.mirror.push()
        self.log.write("planned", round=round_index, requests=count, wall_s=time.perf_counter() - started)

    def make_round(self, round_index: int) -> None:
        size = self.identity.settings.shard_size
        folder = round_folder(self.path, round_index)
        total = count_requests(folder / "plan.parquet")
        missing, damaged = self.mirror.missing_shards(folder, num_requests=total, shard_size=size)
        for shard, problem in damaged:
            self.log.write("damaged", shard=shard.name, round=round_index, problem=problem)
        self.remade += len(missing)
        if not missing:
            return
        stage = self._stage(round_index)
        plan = (folder / "plan.parquet").relative_to(self.path).as_posix()
        tasks = Tasks(plan, missing, num_requests=total, shard_size=size)
        self._make(tasks, stage=stage, total=total)

    def _stage(self, round_index: int) -> str:
        if round_index >= self.first_rounds:
            return f"revising, round {round_index - self.first_rounds + 1}"
        return "making clips" if round_index == 0 else f"making clips, round {round_index + 1}"

    def _make(self, tasks: Tasks, *, stage: str, total: int) -> None:
        to_make = tasks.num_requests
        done = total - to_make
        mean_s = sum(clip.duration_s for clip in self.training.clips) / len(self.training.clips)
        self.engine.prepare(num_shards=len(tasks), audio_s=to_make * mean_s, heavy=is_heavy(self.generator_of(0)))
        self._calibrate()
        self.progress(stage, done, total)
        results = self.engine.make(tasks, on_request=lambda more: self.progress(stage, done + more, total))
        with closing(results):  # what is under way ends with an error of ours
            for result in results:
                self.mirror.shard_made(result.task.target)
                done += result.requests
                self.log.write("shard", target=result.task.target, requests=result.requests, **asdict(result.timings))
                self.progress(stage, done, total)
        self.mirror.round_made()

    def _calibrate(self) -> None:
        if (self.path / "judge").is_dir():
            self.mirror.push()
            return
        started = time.perf_counter()
        self.progress("calibrating the judges", 0, 1)
        with one_thread():
            calibrate(
                self.path, self.identity, self.training,
                encoder=self.encoder, parents=self.parents, text_of=self.method.text_of,
            )  # fmt: skip
        self.mirror.push()
        self.progress("calibrating the judges", 1, 1)
        self.log.write("calibrated", wall_s=time.perf_counter() - started)

    def decisions(self, shards: Mapping[str, Sequence[Path]]) -> Iterator[LabelDecision]:
        choose, targets = judge_selection(self.context.panel), Run(self.path, self.identity).targets
        for label, folders in shards.items():
            target = targets.get(label, 0)
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
                    shortfalls.append(shortfall_of(decision, shards[decision.label], self.context.panel))
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
        self.mirror.export(Run(self.path, self.identity))
        self.log.write("exported", wall_s=time.perf_counter() - started)
