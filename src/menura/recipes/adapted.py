"""The step before the plan: a generator that learns the sound of the real clips, once for a run."""

from __future__ import annotations

from pathlib import Path

from menura.config import PromptSettings, RunSettings, settings_from
from menura.datasets.dataset import TrainingPart
from menura.errors import ConfigError
from menura.pipeline.identity import ADAPTER_NAME, with_adapter
from menura.types import Progress

__all__ = ["adapted"]


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
    asked, generator = settings.synthio.align, settings.generator
    if generator.model.adapter not in (None, str(own)):
        raise ConfigError(
            f"generator.model.adapter is {generator.model.adapter}, and synthio.align = {asked} would make another "
            "one; set synthio.align = none (--align none) to use yours"
        )
    if len(generator.parts) > 1:
        raise ConfigError(
            f"synthio.align = {asked} adapts one generator, {generator.name} names {len(generator.parts)}; "
            "name one, or set synthio.align = none (--align none)"
        )
    _make_adapter(training, settings, own, progress)
    return with_adapter(settings, str(own))


def _make_adapter(training: TrainingPart, settings: RunSettings, out: Path, progress: Progress | None) -> None:
    """Leave the adapter in ``out``: what is whole stays as it is, what was stopped goes on to the same end."""
    from menura.align.settings import AlignSettings
    from menura.recipes.alignment import align

    asked, steps = settings.synthio.align, settings.synthio.align_steps
    from_prompts = {"adapter": None, "strength": None, "interpolate": False, "replace_s": None}
    generator = settings.generator.parts[0]
    values = (
        settings.synthio.training.model_dump()
        | {
            "generator": generator.model_copy(update={"model": generator.model.model_copy(update=from_prompts)}),
            "objective": asked,
            "prompts": PromptSettings(style="sound_of", negative=False, cards=settings.prompts.cards),
            "language_model": settings.language_model,
            "encoder": settings.judge.encoder,
            "seed": settings.seed,
        }
        | ({} if steps is None else {"steps": steps})
    )
    how = settings_from(AlignSettings, values, source=f"synthio.align = {asked}")
    align(training, how, out=out, progress=progress)
