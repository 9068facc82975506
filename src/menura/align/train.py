"""The loop of training by preference: pairs, steps, checks, and an end when there is nothing more to gain.

It is killed and goes on as if nothing had happened: sounds, latents and pairs are kept as files, a step draws from its
own number, and the state is written at every check, whole or not at all.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from menura.align.batches import Batch, pairs_of, stacked
from menura.align.cache import LatentCache
from menura.align.card import card_text
from menura.align.checks import Check, in_words
from menura.align.curves import curves_page
from menura.align.ears import Ears
from menura.align.history import LOG, Entry, adapter_folder, keep_only, read_log, save_adapter, write_log
from menura.align.learner import AlignLearner, StepNumbers, attach
from menura.align.pairs import Pair, read_pairs, write_pairs
from menura.align.rounds import Work, check_pairs, check_sounds, pairs_of_round
from menura.align.stop import kept_of, verdict_of
from menura.audio import probe
from menura.backends.adapters import Adapter
from menura.backends.base import Generator
from menura.backends.registry import names
from menura.backends.trainee import TrainableGenerator
from menura.errors import BackendError
from menura.files import disk_errors, remove_leftovers_below, write_bytes, write_text
from menura.lock import locked
from menura.pretrain.place import HERE, Place
from menura.pretrain.state import load_state, save_state
from menura.types import Progress

__all__ = ["CARD", "CURVES", "Aligned", "align_adapter", "trainable"]

_TRAINABLE = ("audioldm2", "menura-mini", "stable-audio", "stable-audio-3")
STATE, CARD, CURVES = "state.safetensors", "README.md", "curves.html"


@dataclass(frozen=True, slots=True)
class Aligned:
    """An adapter that was trained by preference.

    Attributes:
        path: Its folder, for ``model.adapter`` of the generator.
        entries: The checks, in order.
        kept_step: Step of the weights that are in the folder.
        helped: Whether any check came nearer to the validation clips than the model was before.
        reason: Why it ended.
    """

    path: Path
    entries: tuple[Entry, ...]
    kept_step: int
    helped: bool
    reason: str


def trainable(generator: Generator) -> TrainableGenerator:
    """The generator, if its denoiser can be trained.

    Raises:
        BackendError: It cannot.
    """
    if isinstance(generator, TrainableGenerator):
        return generator
    known = [name for name in names("generators") if name in _TRAINABLE]
    raise BackendError(
        f"{generator.name} cannot be trained; take a text-to-audio model whose denoiser can: {', '.join(known)}"
    )


def align_adapter(work: Work, *, place: Place = HERE, progress: Progress | None = None) -> Aligned:
    """Trains an adapter by preference, or goes on where a run was stopped; a finished one is only read.

    Raises:
        BackendError: The generator cannot be loaded, cannot be trained, or failed.
        RunError: A file is damaged, or cannot be read or written.
        DatasetError: No pair comes out.
    """
    with locked(work.hidden) if place.writes else nullcontext():
        if place.writes:
            with disk_errors(str(work.out)):
                remove_leftovers_below(work.out)
        if not (work.out / CARD).is_file():
            _Training(work, place, progress).run()
            place.wait()
    return _result(work)


class _Training:
    """One run of the loop; all that must outlive it is on disk."""

    def __init__(self, work: Work, place: Place, progress: Progress | None) -> None:
        self._work, self._place, self._progress = work, place, progress
        self._known_pairs: dict[int, list[Pair]] = {}
        self._base = trainable(work.makes(None))
        if place.writes:  # before weights are changed in place, and with one copy of them in memory
            self._before = check_sounds(work, self._base, 0, progress)
            self._first = pairs_of_round(work, 0, lambda: self._base, lambda: self._ears, progress)
            self._watched()
        place.wait()
        self._trainee = self._base.trainee()
        self._adapter: Adapter = attach(self._trainee, work.settings)
        self._cache = LatentCache(
            work.hidden / "latents", self._trainee, target_dbfs=work.settings.generator.model.peak_dbfs
        )
        self._learner = AlignLearner(work.settings, self._trainee, self._adapter, place)
        load_state(self._learner, work.hidden / STATE)

    def run(self) -> None:
        """All steps that are left."""
        work, settings = self._work, self._work.settings
        if self._place.writes:
            self._cache.fill(
                [*self._watched(), *self._pairs(settings.round_of(self._learner.step_number))], self._progress
            )
        self._place.wait()
        if self._learner.step_number == 0 and not (work.hidden / STATE).exists():
            self._check(None)
        since: list[StepNumbers] = []
        stop = self._stops()
        while self._learner.step_number < settings.steps and not stop:
            step = self._learner.step_number
            index = settings.round_of(step)
            since.append(self._learner.step(self._batches(step, index)))
            done = step + 1
            if self._progress is not None and self._place.writes:
                self._progress("training", done, settings.steps)
            ends = done == settings.steps or settings.round_of(done) != index
            if ends or done % settings.check_every == 0:
                self._check(StepNumbers.mean(since))
                since, stop = [], self._stops()
        self._place.wait()
        if self._place.writes:
            self._finish()

    def _check(self, training: StepNumbers | None) -> None:
        """Measures, writes, makes the pairs of the next round where one begins, and saves the state last of all."""
        if self._place.writes:
            work, step = self._work, self._learner.step_number
            entries = read_log(work.out / LOG, until=step - 1) if step else []
            check = self._measured(step)
            before = entries[-1].check if entries else None
            entries.append(Entry(check, training, tuple(in_words(check, before))))
            write_log(work.out / LOG, entries)
            with disk_errors(str(work.out)):
                write_text(work.out / CURVES, curves_page(entries))
            self._cache.fill(self._pairs(work.settings.round_of(step)), self._progress)
            checks = [entry.check for entry in entries]
            best, kept = verdict_of(checks, patience=work.settings.patience).best, kept_of(checks)
            keep_only(work.hidden, {checks[best].step, checks[kept].step})
            save_state(self._learner, work.hidden / STATE)
        self._place.wait()

    def _measured(self, step: int) -> Check:
        work = self._work
        groups = self._before
        if step:
            folder = adapter_folder(work.hidden, step)
            model = work.settings.generator.model.path or work.settings.generator.name
            save_adapter(self._adapter, self._learner.averaged, folder, base_model=model)
            groups = check_sounds(work, work.makes(folder), step, self._progress)
        sounds = [sound for group in groups for sound in group.sounds]
        heard = self._ears.judge(sounds, [group.clip.labels for group in groups for _ in group.sounds])
        size = max(1, work.settings.batch // 4)
        watched = self._watched()
        pairs = [watched[start : start + size] for start in range(0, len(watched), size)]
        losers = all(pair.loser is not None for pair in watched)
        errors = self._learner.errors_on([stacked(some, self._cache, losers=losers) for some in pairs])
        return Check(step=step, errors=errors, **asdict(heard))

    def _stops(self) -> bool:
        settings = self._work.settings
        checks = [entry.check for entry in read_log(self._work.out / LOG, until=self._learner.step_number)]
        return settings.stop_early and verdict_of(checks, patience=settings.patience).stop

    def _batches(self, step: int, index: int) -> list[Batch]:
        settings = self._work.settings
        pairs = self._pairs(index)
        first = (step - settings.first_step(index)) * settings.accumulate
        return [
            stacked(
                pairs_of(pairs, first + number, settings, round_index=index, number=self._place.number),
                self._cache,
                losers=settings.objective == "dpo",
            )
            for number in range(settings.accumulate)
        ]

    def _pairs(self, index: int) -> list[Pair]:
        work = self._work
        if index not in self._known_pairs:

            def learned() -> Generator:
                return work.makes(adapter_folder(work.hidden, self._learner.step_number))

            self._known_pairs[index] = pairs_of_round(
                work, index, (lambda: self._base) if index == 0 else learned, lambda: self._ears, self._progress
            )
        return self._known_pairs[index]

    def _watched(self) -> list[Pair]:
        """The pairs whose errors are followed, from their file."""
        path = self._work.hidden / "watched.jsonl"
        if not path.is_file():
            write_pairs(path, check_pairs(self._work, self._before, self._first))
        return read_pairs(path)

    @cached_property
    def _ears(self) -> Ears:
        settings = self._work.settings
        return Ears.of(
            self._work.division, self._work.encoder, sample_rate=probe(self._before[0].sounds[0].path).sample_rate,
            target_dbfs=settings.generator.model.peak_dbfs, longest_s=settings.longest_s,
        )  # fmt: skip

    def _finish(self) -> None:
        work = self._work
        entries = read_log(work.out / LOG, until=self._learner.step_number)
        kept = entries[kept_of([entry.check for entry in entries])]
        with disk_errors(str(work.out)):
            for file in sorted(adapter_folder(work.hidden, kept.check.step).iterdir()):
                write_bytes(work.out / file.name, file.read_bytes())
            write_text(work.out / CARD, card_text(work, entries, kept.check.step, _reason(work, entries)))


def _reason(work: Work, entries: list[Entry]) -> str:
    verdict = verdict_of([entry.check for entry in entries], patience=work.settings.patience)
    if verdict.stop and work.settings.stop_early:
        return verdict.reason
    return f"all {work.settings.steps} steps are done"


def _result(work: Work) -> Aligned:
    entries = read_log(work.out / LOG)
    checks = [entry.check for entry in entries]
    kept = checks[kept_of(checks)]
    helped = kept.kad < checks[0].kad
    return Aligned(work.out, tuple(entries), kept.step, helped, _reason(work, entries))
