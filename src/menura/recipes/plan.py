"""A dry run: what :func:`menura.augment` would make from the same settings, and what it would cost."""

from __future__ import annotations

from menura.config import RunSettings
from menura.datasets.dataset import TrainingPart
from menura.pipeline.context import generators
from menura.pipeline.estimate import Estimate, estimate
from menura.recipes.augment import identity_of
from menura.recipes.registry import get_recipe

__all__ = ["plan_run"]


def plan_run(training: TrainingPart, settings: RunSettings, *, workers: int | None = None) -> Estimate:
    """Clips for each label, seconds, bytes and licences of a run; nothing is written.

    Raises:
        ConfigError: A setting is impossible.
        BackendError: The generator or the encoder cannot be loaded.
    """
    recipe = get_recipe(settings.recipe)
    identity, encoder = identity_of(training, settings)
    generator = generators(settings.generator, identity.sample_rate)(0)
    return estimate(
        training,
        settings,
        lambda: recipe.plan(training, settings, generator),
        targets=identity.targets,
        generator=generator,
        encoder=encoder,
        sample_rate=identity.sample_rate,
        workers=workers,
    )
