"""Who does the trainings of the alignment study: the recipe, or somebody else whose adapters are there already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from menura.align.settings import AlignSettings
from menura.config import GeneratorSettings, settings_from
from menura.datasets import load
from menura.errors import BackendError, ConfigError
from menura.studies.alignment import Aligner, AlignJob
from menura.types import JsonValue

__all__ = ["adapters_named", "align_by_recipe", "settings_of", "with_adapter"]

_METHODS: Mapping[str, Mapping[str, JsonValue]] = {
    "sft": {"objective": "sft", "pairs": "real"},
    "dpo": {"objective": "dpo", "pairs": "real"},
    "crpo": {"objective": "dpo", "pairs": "ranked", "rounds": 3},
}
_GIVEN = ("generator", "seed", "steps", "stop_early", "objective", "pairs", "decisions")


def align_by_recipe(job: AlignJob) -> GeneratorSettings:
    """Trains with :func:`menura.recipes.alignment.align` on the training part, all steps, and names the adapter."""
    from menura.recipes.alignment import align

    dataset = load(str(job.data))
    training = dataset.train
    others = {clip.id for clip in dataset.clips} - set(training.by_id)
    return with_adapter(job.generator, align(training, settings_of(job), out=job.out, held_out=others).path)


def settings_of(job: AlignJob) -> AlignSettings:
    """The settings of one training: of its method, with the captions of the world as prompts.

    Raises:
        ConfigError: A further setting is unknown, impossible, or one that the study gives itself.
    """
    taken = sorted(set(job.training) & set(_GIVEN))
    if taken:
        raise ConfigError(f"the study sets {', '.join(taken)} of its trainings itself; leave it out of the file")
    values: dict[str, Any] = {
        "prompts": {"style": "caption", "negative": False}, **_METHODS[job.method], **job.training,
        "generator": job.generator, "seed": job.seed, "steps": job.steps, "stop_early": False,
    }  # fmt: skip
    return settings_from(AlignSettings, values, source=f"training of {job.method}")


def with_adapter(generator: GeneratorSettings, adapter: Path) -> GeneratorSettings:
    """The generator with an adapter on top."""
    return generator.model_copy(update={"model": generator.model.model_copy(update={"adapter": str(adapter)})})


def adapters_named(pattern: str) -> Aligner:
    """Takes the adapters of trainings that were done elsewhere.

    Args:
        pattern: Folder of an adapter with ``{method}`` and ``{seed}`` in it.

    Returns:
        An aligner that names the generator with the adapter. It raises BackendError for an adapter that is not there.

    Raises:
        ConfigError: The pattern lacks one of both.
    """
    if "{method}" not in pattern or "{seed}" not in pattern:
        raise ConfigError(
            f"adapters are {pattern!r}, expected {{method}} and {{seed}} in it: adapters/{{method}}-{{seed}}"
        )

    return _Named(pattern)


@dataclass(frozen=True, slots=True)
class _Named:
    pattern: str

    def __call__(self, job: AlignJob) -> GeneratorSettings:
        folder = Path(self.pattern.replace("{method}", job.method).replace("{seed}", str(job.seed)))
        if not folder.is_dir():
            raise BackendError(
                f"no adapter at {folder}; train one with {job.method} and seed {job.seed} on the training part of "
                f"{job.data}"
            )
        return with_adapter(job.generator, folder)
