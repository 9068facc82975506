"""The controlled proof of alignment: a world with known truth, a generator as it is and aligned, all else equal.

Each seed is a world of its own: another small training set, other held-out clips, other prompts. All methods of a seed
get the same training clips, prompts and noise, so that they are compared in pairs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from menura.backends.registry import load_encoder, load_generator
from menura.config import GeneratorSettings
from menura.errors import ConfigError, RunError
from menura.files import disk_errors, remove_leftovers, write_text
from menura.lock import locked
from menura.records import parse_json
from menura.seeding import canonical_json, content_hash
from menura.studies.asked_sounds import ask_for_sounds
from menura.studies.cells import read_json
from menura.studies.generations import Generations, Truth, measure_generations, truth_of
from menura.studies.heard_sounds import HeardSounds, hear_sounds
from menura.studies.pool import num_at_once, run_jobs
from menura.studies.shifted_world import WorldSettings, write_world
from menura.synth.shifts import SHIFTS
from menura.synth.world import World, labels
from menura.types import Params, Progress, Recording

if TYPE_CHECKING:
    from menura.backends.base import Encoder, Generator

__all__ = [
    "ANCHORS", "METHODS", "UNALIGNED", "AlignJob", "Aligner", "AlignmentSettings", "Cell", "Makes", "alignment_cells",
]  # fmt: skip

UNALIGNED = "unaligned"
METHODS = (UNALIGNED, "sft", "dpo", "crpo")
"""The generator as it is; fine-tuned on the winners; real clips against its own; best against worst of its own."""

ANCHORS = ("wide world", "shifted world")
"""Measured beside the methods: procedural clips of where the generator comes from, and further ones of the goal."""

_VERSION = 1
_SCENES_SEED = 1_000_003
"""Of the clips that the truth is made of; no seed of a study draws them."""


@dataclass(frozen=True, slots=True)
class AlignmentSettings:
    """What is compared, and on how much.

    Attributes:
        generator: Text-to-audio generator as it is.
        world: The goal and its parts; each seed draws its own.
        methods: Of :data:`METHODS`, the unaligned one among them.
        seeds: Worlds, numbered from the seed of ``world``.
        steps: Optimiser steps of each method.
        generated_per_label: Clips that each method makes of each label, >= 2.
        reference_per_label: Clips of each label and of each of both worlds that the truth is made of.
        encoder, second: Whose distances count, and of the second opinion.
        training: Further settings of the trainings, the same for all methods.
    """

    generator: GeneratorSettings
    world: WorldSettings
    methods: tuple[str, ...] = METHODS[:3]
    seeds: int = 3
    steps: int = 500
    generated_per_label: int = 20
    reference_per_label: int = 60
    encoder: str = "scenes"
    second: str = "acoustic"
    training: Params = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuses what gives no comparison.

        Raises:
            ConfigError: A method is unknown or named twice, the unaligned one is missing, or a number is too small.
        """
        unknown = sorted(set(self.methods) - set(METHODS))
        if unknown or UNALIGNED not in self.methods or len(set(self.methods)) < len(self.methods):
            raise ConfigError(
                f"methods are {', '.join(self.methods) or 'none'}; expected {UNALIGNED} and others of "
                f"{', '.join(METHODS)}, each once"
            )
        numbers = (self.seeds, self.steps, self.generated_per_label - 1, self.reference_per_label - 1)
        if min(numbers) < 1 or self.world.test_per_label < 2:
            raise ConfigError(
                f"{self.seeds} seeds, {self.steps} steps, {self.generated_per_label} generated, "
                f"{self.reference_per_label} reference and {self.world.test_per_label} test clips of each label; "
                "expected at least one seed and step, and two clips"
            )

    @property
    def identity(self) -> dict[str, Any]:
        """What decides the numbers of a cell; methods and seeds may be added later."""
        known = asdict(replace(self, generator=GeneratorSettings()))
        for name in ("methods", "seeds"):
            del known[name]
        return known | {"generator": self.generator.model_dump(mode="json"), "version": _VERSION}


@dataclass(frozen=True, slots=True)
class AlignJob:
    """One training: everything that it may know.

    Attributes:
        generator: As it is.
        data: Folder of the world; only its training part may be learned from.
        method: Of :data:`METHODS`, not the unaligned one.
        steps: Optimiser steps, the same for all methods.
        seed: Number of the world, and seed of the training.
        out: Folder for the adapter; what is finished there need not be done again.
        training: Further settings.
    """

    generator: GeneratorSettings
    data: Path
    method: str
    steps: int
    seed: int
    out: Path
    training: Params = field(default_factory=dict)


Aligner = Callable[[AlignJob], GeneratorSettings]
"""Does one training and names the generator with its adapter."""

Makes = Callable[[GeneratorSettings, int], "Generator"]
"""Loads a generator for a sample rate."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one method reached on one world.

    Attributes:
        method: Of :data:`METHODS` or :data:`ANCHORS`.
        seed: Of the world.
        measured: All numbers of :class:`menura.studies.generations.Generations`.
        agreement_real: Ceiling of the agreement: that of held-out clips.
        moved: Descriptors that the goal moves.
    """

    method: str
    seed: int
    measured: Generations
    agreement_real: float
    moved: tuple[str, ...]


def alignment_cells(
    settings: AlignmentSettings,
    out: Path,
    *,
    align: Aligner,
    makes: Makes | None = None,
    at_once: int | None = None,
    progress: Progress | None = None,
) -> tuple[Cell, ...]:
    """Measures each method on each world; what is measured already is read.

    Args:
        settings: What is compared.
        out: Folder: ``study.json`` (identity), ``worlds/``, ``adapters/``, ``cells/``.
        align: Does one training, see :data:`Aligner`.
        makes: Loads a generator; None by its name.
        at_once: Worlds at the same time, each with one thread if there are several, and then ``align`` and ``makes``
            are pickled; None is one on this machine, and what there is room for inside
            :func:`menura.studies.pool.jobs_on`.
        progress: Called with the stage, how much is done, and how much there is.

    Raises:
        RunError: The folder holds another study or one that another process works on, or the disk refuses to be
            written.
        BackendError: The generator cannot be loaded, or works from real clips.
    """
    with locked(out):
        return _cells(settings, out.absolute(), align, makes or _by_name, at_once, progress)


def _cells(
    settings: AlignmentSettings, out: Path, align: Aligner, makes: Makes, at_once: int | None, progress: Progress | None
) -> tuple[Cell, ...]:
    with disk_errors(str(out)):
        _claim(out, settings)
        for folder in (out, out / "cells"):
            remove_leftovers(folder)
    first = settings.world.seed
    methods = (*ANCHORS, *settings.methods)
    work = [(seed, method) for seed in range(first, first + settings.seeds) for method in methods]
    missing = {seed for seed, method in work if _read(_place(out, seed, method)) is None}
    worlds = [_World(replace(settings, seeds=1, world=replace(settings.world, seed=seed)), out, align, makes)
              for seed in sorted(missing)]  # fmt: skip
    if len(worlds) > 1 and (several := num_at_once(at_once)) > 1:
        for number, _ in enumerate(run_jobs(_measure_world, worlds, workers=several), start=1):
            if progress is not None:
                progress("worlds", number, len(worlds))
    lab = _Lab(settings, out, align, makes, progress)
    cells = []
    for done, (seed, method) in enumerate(work, start=1):
        cells.append(lab.cell(seed, method))
        if progress is not None:
            progress("methods and seeds", done, len(work))
    return tuple(cells)


@dataclass(frozen=True, slots=True)
class _World:
    """One world of a study, to be measured elsewhere."""

    settings: AlignmentSettings
    out: Path
    align: Aligner
    makes: Makes


def _measure_world(job: _World) -> None:
    lab = _Lab(job.settings, job.out, job.align, job.makes, None)
    for method in (*ANCHORS, *job.settings.methods):
        lab.cell(job.settings.world.seed, method)


def _place(out: Path, seed: int, method: str) -> Path:
    return out / "cells" / f"{seed}-{method.replace(' ', '-')}.json"


class _Lab:
    """Holds what the methods of a seed share, so that it is made once."""

    def __init__(
        self, settings: AlignmentSettings, out: Path, align: Aligner, makes: Makes, progress: Progress | None
    ) -> None:
        self._settings, self._out, self._align, self._makes, self._progress = settings, out, align, makes, progress
        self._encoders: tuple[Encoder, Encoder] | None = None
        self._scenes: tuple[HeardSounds, HeardSounds] | None = None
        self._truths: dict[int, Truth] = {}

    def cell(self, seed: int, method: str) -> Cell:
        """Reads what one method reached on one world, after measuring it where that has not been done."""
        path = _place(self._out, seed, method)
        known = _read(path)
        if known is not None:
            return known
        measured = canonical_json(self._measure(seed, method))
        with disk_errors(str(self._out)):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_text(path, measured + "\n")
        return _cell(parse_json(measured))

    def _measure(self, seed: int, method: str) -> Cell:
        """Makes the clips of one method and measures them."""
        world = replace(self._settings.world, seed=seed)
        recordings, names = self._clips(world, method)
        truth = self._truth(world)
        found = measure_generations(self._heard(recordings, names), truth, seed=seed)
        return Cell(method, seed, found, truth.agreement_real, truth.moved)

    def _clips(self, world: WorldSettings, method: str) -> tuple[list[Recording], list[str]]:
        count = self._settings.generated_per_label
        if method in ANCHORS:
            goal = world.world
            source = replace(goal, shift=SHIFTS["none"]) if method == ANCHORS[0] else goal
            return _rendered(source, "beside", count)
        prompts = {label: world.world.prompts(label, count=count) for label in labels()}
        generator = self._makes(self._aligned(world, method), world.sample_rate)
        return ask_for_sounds(
            generator, prompts, duration_s=world.duration_s, sample_rate=world.sample_rate, seed=world.seed,
            progress=self._progress,
        )  # fmt: skip

    def _aligned(self, world: WorldSettings, method: str) -> GeneratorSettings:
        if method == UNALIGNED:
            return self._settings.generator
        data = self._out / "worlds" / f"{world.seed}"
        if not (data / "manifest.csv").is_file():
            write_world(data, world, progress=self._progress)
        out = self._out / "adapters" / f"{world.seed}-{method}"
        settings = self._settings
        return self._align(
            AlignJob(settings.generator, data, method, settings.steps, world.seed, out, settings.training)
        )

    def _truth(self, world: WorldSettings) -> Truth:
        if world.seed not in self._truths:
            start, goal = self._references(world)
            training, held_out = (
                self._heard(*_rendered(world.world, part, world.parts[part])) for part in ("train", "test")
            )
            self._truths = {world.seed: truth_of(training=training, held_out=held_out, start=start, goal=goal)}
        return self._truths[world.seed]

    def _references(self, world: WorldSettings) -> tuple[HeardSounds, HeardSounds]:
        """Many clips of both worlds, the same for all seeds."""
        if self._scenes is None:
            goal = replace(world.world, seed=_SCENES_SEED)
            start = replace(goal, shift=SHIFTS["none"])
            first, second = (
                self._heard(*_rendered(source, "reference", self._settings.reference_per_label))
                for source in (start, goal)
            )
            self._scenes = first, second
        return self._scenes

    def _heard(self, recordings: list[Recording], names: list[str]) -> HeardSounds:
        if self._encoders is None:
            self._encoders = load_encoder(self._settings.encoder), load_encoder(self._settings.second)
        encoder, second = self._encoders
        return hear_sounds(recordings, names, encoder=encoder, second=second)


def _rendered(world: World, part: str, count: int) -> tuple[list[Recording], list[str]]:
    clips = [clip for label in labels() for clip in world.clips(label, part=part, count=count)]
    return [clip.recording for clip in clips], [clip.label for clip in clips]


def _by_name(settings: GeneratorSettings, sample_rate: int) -> Generator:
    return load_generator(settings, sample_rate=sample_rate)


def _claim(out: Path, settings: AlignmentSettings) -> None:
    """Writes the identity of the study, or compares with the one that is there.

    Raises:
        RunError: It is another one, or cannot be read.
    """
    path, identity = out / "study.json", json.loads(canonical_json(settings.identity))
    if not path.is_file():
        write_text(path, canonical_json(identity) + "\n")
        return
    known = read_json(path)
    if known is None:
        raise RunError(f"{path} cannot be read; choose another folder, or delete this one")
    if content_hash(known) != content_hash(identity):
        differ = sorted(name for name in {*known, *identity} if known.get(name) != identity.get(name))
        raise RunError(f"{out} holds a study with other settings ({', '.join(differ)}); choose another folder")


def _read(path: Path) -> Cell | None:
    """The stored cell; None when it is missing or damaged, so that it is measured again."""
    found = read_json(path)
    try:
        return None if found is None else _cell(found)
    except (KeyError, TypeError, ValueError):
        return None


def _cell(found: Mapping[str, Any]) -> Cell:
    measured = dict(found["measured"])
    measured["kad_interval"] = tuple(measured["kad_interval"])
    return Cell(
        found["method"], found["seed"], Generations(**measured), found["agreement_real"], tuple(found["moved"])
    )  # fmt: skip
