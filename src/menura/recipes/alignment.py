"""A text-to-audio model aligned to a small set of clips: generator, prompts, encoder and decisions put together."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from menura.align.decisions import Decision, pairs_of_decisions, read_decisions
from menura.align.estimate import AlignEstimate, estimate
from menura.align.held_out import divide
from menura.align.rounds import Makes, Work
from menura.align.settings import AlignSettings
from menura.align.sounds import Asks
from menura.align.train import Aligned, align_adapter, trainable
from menura.backends.base import Generator
from menura.backends.registry import load_encoder, load_generator
from menura.config import GeneratorSettings
from menura.datasets.dataset import TrainingPart
from menura.errors import RunError
from menura.lock import locked
from menura.objects.address import is_address
from menura.pipeline.decide import is_surplus
from menura.pipeline.run import Run
from menura.pretrain.place import HERE, Place
from menura.pretrain.state import claim
from menura.recipes.prompts import Prompter
from menura.types import Clip, Progress

__all__ = ["align", "decisions_of_run", "estimate_alignment", "work_of"]

IDENTITY = "align.json"


def align(
    training: TrainingPart,
    settings: AlignSettings,
    *,
    out: str | Path,
    held_out: Collection[str] = (),
    place: Place = HERE,
    progress: Progress | None = None,
) -> Aligned:
    """Train an adapter of a text-to-audio model by preference, or go on where a run was stopped.

    Part of the training clips is held out once more, to compare generated clips with; nothing is learned from it.

    Args:
        training: The real clips: ``dataset.train``, and never test clips.
        settings: How.
        out: Folder of the adapter, to be named by ``model.adapter`` of the generator. It says how to go on, too.
        held_out: Ids of the dataset's other clips: decisions must not name them.
        place: Where this process computes, and which of several it is.
        progress: Called with the stage, how much of it is done, and how much there is.

    Returns:
        The adapter and its checks.

    Raises:
        ConfigError: A setting is impossible.
        DatasetError: There are too few clips, or a decision names a clip that is held out.
        BackendError: The generator cannot be loaded, cannot be trained, or failed.
        RunError: The folder holds another run, is damaged, or cannot be written.

    Example:
        >>> settings = AlignSettings(generator=GeneratorSettings(name="stable-audio"))  # doctest: +SKIP
        >>> align(dataset.train, settings, out="adapters/mine").kept_step               # doctest: +SKIP
    """
    work = work_of(training, settings, out=out, held_out=held_out, place=place)
    if place.writes:
        with locked(work.hidden):  # of two with other settings, one comes first
            claim(work.hidden / IDENTITY, _identity(work, training), words={"clips": "training clips"})
    place.wait()
    return align_adapter(work, place=place, progress=progress)


def estimate_alignment(training: TrainingPart, settings: AlignSettings, *, out: str | Path) -> AlignEstimate:
    """What :func:`align` would cost, from one clip and one pair; nothing is written.

    Raises:
        DatasetError: There are too few clips.
        BackendError: The generator cannot be loaded, cannot be trained, or failed.
    """
    return estimate(work_of(training, settings, out=out))


def work_of(
    training: TrainingPart,
    settings: AlignSettings,
    *,
    out: str | Path,
    held_out: Collection[str] = (),
    place: Place = HERE,
    makes: Makes | None = None,
) -> Work:
    """The training, everything from outside put in.

    Args:
        training, settings, out, held_out, place: As for :func:`align`.
        makes: Loads the generator, instead of by its name.
    """
    own = settings.generator.parts[0].with_absolute_paths()
    if place.processes > 1:
        own = own.model_copy(update={"model": own.model.model_copy(update={"device": place.device})})
    settings = settings.model_copy(update={"generator": own})
    division = divide(training, share=settings.validation, seed=settings.seed)
    prompter = Prompter(division.learned, settings.prompting(), settings.prompts.style or "sound_of")

    def asks(clip: Clip, number: int, key: tuple[str | int, ...]) -> str:
        if prompter.settings.style == "caption" and clip.id in division.learned.by_id:
            return prompter.caption_of(clip)
        return prompter(clip, number, key).text

    work = Work(settings, division, asks, makes or _makes(own), load_encoder(settings.encoder), Path(out).absolute())
    if settings.decisions is None:
        return work
    never = {*held_out, *division.validation.by_id}
    pairs = pairs_of_decisions(
        _decisions(settings.decisions, never),
        prompt_of=_prompt_of(division.learned, asks),
        labels=division.learned.labels,
        never=never,
        losers=settings.losers,
        length_s=work.length_s,
        longest_s=settings.longest_s,
        seed=settings.seed,
    )
    return Work(settings, division, asks, work.makes, work.encoder, work.out, tuple(pairs))


def decisions_of_run(run: Run, never: Collection[str] = ()) -> list[Decision]:
    """What was kept and rejected of a finished run, as far as it was made, and not from a clip that is held out.

    Args:
        run: The run.
        never: Ids of real clips that nothing may be learned from.

    Raises:
        RunError: The run is not finished, or damaged.
    """
    if not run.is_finished:
        raise RunError(f"{run.path} is not finished; run `menura augment` again to go on")
    run.bring(run.records())
    return [
        Decision(str(record.path), record.request.labels, record.judgement.accepted, record.request.prompt)
        for record in run.records()
        if record.path is not None and not is_surplus(record.judgement) and not set(never) & set(record.request.parents)
    ]


def _decisions(name: str, never: Collection[str]) -> list[Decision]:
    path = Path(name)
    if is_address(name) or path.is_dir():
        return decisions_of_run(Run.open(name), never)
    return [decision for decision in read_decisions(path) if not set(never) & set(decision.parents)]


def _prompt_of(training: TrainingPart, asks: Asks) -> Callable[[tuple[str, ...]], str]:
    def prompt_of(labels: tuple[str, ...]) -> str:
        clip = next((clip for clip in training.clips if set(clip.labels) == set(labels)), None)
        clip = clip or training.with_label(labels[0])[0]
        return asks(clip, 0, ("align", "decided", *labels))

    return prompt_of


def _makes(settings: GeneratorSettings) -> Makes:
    def make(adapter: Path | None) -> Generator:
        if adapter is None:
            return load_generator(settings)
        model = settings.model.model_copy(update={"adapter": str(adapter)})
        return load_generator(settings.model_copy(update={"model": model}))

    return make


def _identity(work: Work, training: TrainingPart) -> dict[str, object]:
    """Settings, model and clips; where they lie may change, which they are may not."""
    asked: dict[str, object] = work.settings.model_dump(mode="json", exclude={"generator", "decisions"})
    pairs = [[pair.winner.id, pair.loser.id if pair.loser else None, pair.prompt] for pair in work.decided]
    return asked | {
        "generator": work.settings.generator.name,
        "model": trainable(work.makes(None)).fingerprint,
        "clips": training.fingerprint,
        "decided": pairs,
    }
