"""The step before the plan: a generator that learns the sound of the real clips, once for a run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from menura.config import PromptSettings, RunSettings, settings_from
from menura.datasets.dataset import TrainingPart
from menura.errors import ConfigError
from menura.pipeline.identity import ADAPTER_NAME, with_adapter
from menura.types import Progress

if TYPE_CHECKING:
    from menura.align.settings import AlignSettings

__all__ = ["adapted", "alignment_of"]


def adapted(training: TrainingPart, settings: RunSettings, out: Path, progress: Progress | None = None) -> RunSettings:
    """The settings with the adapter of the run, which is made unless it is there.

    Args:
        training: The real clips; no other ones are learned from.
        settings: Of the run; they ask for an adapter.
        out: Folder of the run.
        progress: Called with the stage, how much is done, and how much there is.

    Raises:
        ConfigError: The generator has an adapter already, or several generators are named.
        BackendError: The generator cannot be trained.
        RunError: The folder holds an adapter that was made from other clips or with other settings.
    """
    own = out / ADAPTER_NAME
    _refuse_what_has_one(settings, own)
    _make_adapter(training, with_adapter(settings, None), own, progress)
    return with_adapter(settings, str(own))


def _make_adapter(training: TrainingPart, settings: RunSettings, out: Path, progress: Progress | None) -> None:
    """Leave the adapter in ``out``: what is whole stays as it is, what was stopped goes on to the same end."""
    from menura.recipes.alignment import align

    align(training, alignment_of(settings), out=out, progress=progress)


def alignment_of(settings: RunSettings) -> AlignSettings:
    """How a run that asks for an adapter aligns its generator.

    Raises:
        ConfigError: The generator has an adapter already, or several generators are named.
    """
    from menura.align.settings import AlignSettings

    _refuse_what_has_one(settings)
    asked, steps = settings.synthio.align, settings.synthio.align_steps
    part = settings.generator.parts[0]
    from_prompts = {"adapter": None, "strength": None, "interpolate": False, "replace_s": None}
    values = (
        settings.synthio.training.model_dump()
        | {
            "generator": part.model_copy(update={"model": part.model.model_copy(update=from_prompts)}),
            "objective": asked,
            "prompts": PromptSettings(style="sound_of", negative=False, cards=settings.prompts.cards),
            "language_model": settings.language_model,
            "encoder": settings.judge.encoder,
            "seed": settings.seed,
        }
        | ({} if steps is None else {"steps": steps})
    )
    return settings_from(AlignSettings, values, source=f"synthio.align = {asked}")


def _refuse_what_has_one(settings: RunSettings, own: Path | None = None) -> None:
    """Adapters do not add up; ``own`` is where the run has the one that it made."""
    asked, generator = settings.synthio.align, settings.generator
    if generator.model.adapter is not None and generator.model.adapter != str(own):
        raise ConfigError(
            f"generator.model.adapter is {generator.model.adapter}, and synthio.align = {asked} would make another "
            "one; set synthio.align = none (--align none) to use yours"
        )
    if len(generator.parts) > 1:
        raise ConfigError(
            f"synthio.align = {asked} adapts one generator, {generator.name} names {len(generator.parts)}; "
            "name one, or set synthio.align = none (--align none)"
        )
