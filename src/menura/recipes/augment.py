"""``menura.augment``: from a training part to a finished run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from menura import __version__
from menura.config import AmountSettings, GeneratorSettings, RunSettings, settings_from
from menura.datasets.dataset import Dataset, TrainingPart
from menura.errors import ConfigError, DatasetError, RunError
from menura.files import TEMPORARY_PREFIX, disk_errors, remove_leftovers
from menura.formats import RUN
from menura.lock import LOCK_NAME, locked
from menura.objects.address import place_of
from menura.pipeline.engine import EngineSettings
from menura.pipeline.execute import execute
from menura.pipeline.export import METADATA_NAME
from menura.pipeline.identity import (
    ADAPTER_NAME,
    IDENTITY_NAME,
    TRAINING_NAME,
    Identity,
    differences,
    library_versions,
    stored_format,
    with_adapter,
)
from menura.pipeline.mirror import Mirror
from menura.pipeline.run import Run
from menura.pipeline.upgrade import KEPT_NAME
from menura.recipes.allocation import growing
from menura.recipes.amounts import targets
from menura.recipes.registry import get_recipe
from menura.types import Progress

if TYPE_CHECKING:
    from menura.backends.base import Encoder

__all__ = ["augment", "identity_of", "resolve_settings"]

_OWN_NAMES = (
    IDENTITY_NAME, TRAINING_NAME, LOCK_NAME, "plan.parquet", "shards", "rounds", "allocation", "judge",
    "judgements.parquet", "dataset", "log.jsonl", ADAPTER_NAME, KEPT_NAME,
)  # fmt: skip
_DERIVED_NAMES = ("evaluation.json", "evaluation", "report.html")


def augment(
    training: TrainingPart,
    *,
    recipe: str = "resynth",
    times: float | None = None,
    per_label: int | None = None,
    balance: bool = False,
    generator: str | GeneratorSettings | None = None,
    seed: int = 0,
    out: str | Path,
    workers: int | None = None,
    settings: RunSettings | None = None,
    fresh: bool = False,
    patience_s: float = 0.0,
    engine: str | EngineSettings = "local",
    progress: Progress | None = None,
) -> Run:
    """Make synthetic clips from a training part, keep those that the judges pass, and export them.

    Run it again to go on after a stop: it does only what is missing, and leaves the same bytes as a run that was
    never stopped.

    Args:
        training: The real clips to learn from: ``dataset.train``. Test clips cannot come along.
        recipe: Name of the recipe.
        times: Synthetic clips to keep for each real clip of a label; 8 when no amount is given.
        per_label: Synthetic clips to keep for each label.
        balance: Top every label up to the size of the largest one.
        generator: Name or settings of the generator.
        seed: Seed of everything that is drawn.
        out: Folder of the run, or its address on object storage (``s3://bucket/runs/first``).
        workers: Processes; None takes all cores when the run is large enough to be worth it, 1 stays in this process.
        settings: All settings at once, instead of ``recipe``, the amount, ``generator`` and ``seed``.
        fresh: Delete the run that is in ``out`` and start anew.
        patience_s: How long to wait for another process that works on the run, in seconds.
        engine: Who makes the clips: ``local``, ``ray``, or settings that say more. It changes no byte, and another one
            may go on with the run. ``workers`` is then the number of Ray actors.
        progress: Called with the stage, how much is done, and how much there is.

    Returns:
        The finished run.

    Raises:
        BackendError: Ray is not installed, cannot be reached, or has no room for a worker.
        ConfigError: A setting is impossible, or given twice, or the licences forbid the use that is asked for.
        DatasetError: ``training`` is something else than a training part.
        RunError: ``out`` holds another run or other files, is in use, or cannot be written.

    Example:
        >>> run = augment(dataset.train, times=3, out="runs/first")  # doctest: +SKIP
    """
    if isinstance(training, Dataset):
        raise DatasetError("augment was given a whole dataset, expected its training part: pass dataset.train")
    if not isinstance(training, TrainingPart):
        raise DatasetError(
            f"augment was given a {type(training).__name__}, expected a training part: menura.datasets.load(PATH).train"
        )
    made_by = EngineSettings(engine) if isinstance(engine, str) else engine
    settings = resolve_settings(
        settings, recipe=recipe, times=times, per_label=per_label, balance=balance, generator=generator, seed=seed
    )
    method_of = get_recipe(settings.recipe)
    settings = method_of.defaults(settings)
    settings = settings.model_copy(
        update={
            "generator": settings.generator.with_absolute_paths(),
            "judge": settings.judge.with_absolute_paths(),
        }
    )
    path, mirror = _place(out, progress)
    if method_of.prepare is not None:
        with disk_errors(str(path)):
            settings = _prepared(
                path, mirror, training, settings, method_of.prepare,
                fresh=fresh, patience_s=patience_s, progress=progress,
            )  # fmt: skip
        fresh = False
    identity, encoder = identity_of(training, settings)
    method = method_of.method(training, settings)
    if settings.allocation.by == "learner":
        method = replace(method, grow=growing(method_of, training, settings))
    with disk_errors(str(path)):
        _prepare(path)
        with locked(path, patience_s=patience_s), mirror.held(patience_s=patience_s):
            _claim(path, mirror, identity, training, fresh=fresh)
            return execute(
                path, identity, training, method,
                encoder=encoder, workers=workers, engine=made_by, mirror=mirror, progress=progress,
            )  # fmt: skip


def _place(out: str | Path, progress: Progress | None) -> tuple[Path, Mirror]:
    """Folder on this disk to work in, and what else must happen to what is made there."""
    place = place_of(out)
    if isinstance(place, Path):
        return place.absolute(), Mirror()
    from menura.pipeline.remote import RemoteRun
    from menura.pipeline.working_copy import copy_of

    told = (lambda words: progress(words, 0, 1)) if progress is not None else None
    copy = copy_of(place)
    return copy.path, RemoteRun(copy, told)


def _prepared(
    path: Path,
    mirror: Mirror,
    training: TrainingPart,
    settings: RunSettings,
    prepare: Callable[[TrainingPart, RunSettings, Path, Progress | None], RunSettings],
    *,
    fresh: bool,
    patience_s: float,
    progress: Progress | None,
) -> RunSettings:
    """The settings after what a recipe makes in the folder of the run before that has an identity.

    All that can be wrong is said before it, as it may take hours: a run with other settings is refused, whose adapter
    would be of no use.
    """
    asked, _ = identity_of(training, settings)
    _prepare(path)
    with locked(path, patience_s=patience_s), mirror.held(patience_s=patience_s):
        if fresh:
            mirror.clear()
            _delete(path)
        if (path / IDENTITY_NAME).exists():
            stored = Identity.read(path)
            _refuse_another(
                path,
                replace(stored, settings=_bare(stored.settings)),
                replace(asked, settings=_bare(asked.settings), generator=stored.generator),
            )
        prepared = prepare(training, settings, path, progress)
        mirror.push()
        return prepared


def _bare(settings: RunSettings) -> RunSettings:
    """The settings without the adapter that the run makes itself."""
    return with_adapter(settings, None) if settings.makes_adapter else settings


def resolve_settings(
    settings: RunSettings | None = None,
    *,
    recipe: str = "resynth",
    times: float | None = None,
    per_label: int | None = None,
    balance: bool = False,
    generator: str | GeneratorSettings | None = None,
    seed: int = 0,
) -> RunSettings:
    """Settings of a run from single arguments, or the given ones when no argument contradicts them.

    Raises:
        ConfigError: A setting is impossible, or given twice.
    """
    given: dict[str, Any] = {"recipe": recipe} if recipe != "resynth" else {}
    if times is not None or per_label is not None or balance:
        amount = {"times": times, "per_label": per_label, "balance": balance}
        given["amount"] = settings_from(AmountSettings, amount, source="amount")
    if generator is not None:
        given["generator"] = GeneratorSettings(name=generator) if isinstance(generator, str) else generator
    if seed != 0:
        given["seed"] = seed
    if settings is None:
        return settings_from(RunSettings, given)
    twice = [name for name, value in given.items() if getattr(settings, name) != value]
    if twice:
        raise ConfigError(f"{', '.join(twice)} given as an argument and, otherwise, in settings; give it once")
    return settings


def identity_of(training: TrainingPart, settings: RunSettings) -> tuple[Identity, Encoder]:
    """Identity that a run of these settings has, and the encoder of its judges.

    Raises:
        BackendError: The generator or the encoder cannot be loaded.
        ConfigError: Its clips could not be used as the settings ask for.
    """
    from menura.backends.licence_verdict import refuse_unless
    from menura.backends.registry import load_encoder
    from menura.generate.parents import common_sample_rate
    from menura.pipeline.context import generators
    from menura.pipeline.use import planned_verdicts

    sample_rate = settings.sample_rate or common_sample_rate(training.by_id)
    generator = generators(settings.generator, sample_rate)(0)
    for verdict in planned_verdicts(training, generator, settings.generator, learns=settings.makes_adapter):
        refuse_unless(verdict, settings.licence)
    encoder = load_encoder(settings.judge.encoder)
    identity = Identity(
        settings=settings,
        sample_rate=sample_rate,
        generator={"name": generator.name, "fingerprint": generator.fingerprint},
        encoder={"name": encoder.name, "fingerprint": encoder.fingerprint},
        training=training.fingerprint,
        package_version=__version__,
        targets=targets(training, settings.amount),
        dataset=_summary(training),
        versions=library_versions(),
    )
    return identity, encoder


def _summary(training: TrainingPart) -> dict[str, Any]:
    return {
        "name": training.name,
        "root": training.root,
        "test_fold": training.test_fold,
        "clips": len(training.clips),
        "duration_s": round(sum(clip.duration_s for clip in training.clips), 3),
        "labels": training.counts(),
    }


def _prepare(path: Path) -> None:
    """Make the folder; refuse one that holds something else than a run."""
    if path.exists() and not path.is_dir():
        raise RunError(f"{path} is a file, expected a folder for the run; choose another name")
    path.mkdir(parents=True, exist_ok=True)
    if (path / IDENTITY_NAME).exists():
        return
    foreign = sorted(
        item.name
        for item in path.iterdir()
        if item.name not in _OWN_NAMES and not item.name.startswith(TEMPORARY_PREFIX)
    )
    if foreign:
        raise RunError(
            f"{path} is not a run and holds other files ({', '.join(foreign[:3])}); choose an empty or new folder"
        )


def _claim(path: Path, mirror: Mirror, identity: Identity, training: TrainingPart, *, fresh: bool) -> None:
    """Make sure that the run in the folder is the one that is asked for."""
    if fresh:
        mirror.clear()
        _delete(path)
    for folder in (path, path / "shards", path / "allocation", *path.glob("rounds/*"), *path.glob("rounds/*/shards")):
        remove_leftovers(folder)
    if not (path / IDENTITY_NAME).exists():
        identity.write(path, training)
        mirror.push()
        return
    _refuse_another(path, Identity.read(path), identity)
    if (found := stored_format(path)) != RUN.current:
        raise RunError(
            f"{path} is of run format {found}, which can be read but not gone on with: `menura upgrade {path}` brings "
            f"it to format {RUN.current} and keeps the old files; then run the same command again"
        )
    if identity.follow(path, training):
        (path / "dataset" / METADATA_NAME).unlink(missing_ok=True)  # the export is then made again


def _refuse_another(path: Path, stored: Identity, asked: Identity) -> None:
    """Say what differs between the run in the folder and the one that is asked for, if anything does."""
    if stored.fingerprint != asked.fingerprint:
        changed = "; ".join(differences(stored, asked))
        remedy = "Choose another folder, or --fresh"
        if stored.package_version != asked.package_version:
            remedy += f"; to go on with it, pip install menura=={stored.package_version}"
        raise RunError(f"{path} was made with other settings: {changed}. {remedy}")


def _delete(path: Path) -> None:
    """Delete what belongs to a run, its identity first: what is left afterwards is no run that could go on."""
    for name in (*_OWN_NAMES, *_DERIVED_NAMES):
        item = path / name
        if name == LOCK_NAME or not item.exists():
            continue
        if item.is_dir():
            shutil.rmtree(item)
        else:
            item.unlink()
