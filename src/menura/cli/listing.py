"""``menura list``: what is installed, and why the rest is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from menura.cli.output import JsonFlag, console, emit_json

if TYPE_CHECKING:
    from menura.backends.registry import Availability, Group

__all__ = ["Kind", "list_installed"]


class Kind(StrEnum):
    """What can be listed."""

    GENERATORS = "generators"
    ENCODERS = "encoders"
    RECIPES = "recipes"
    DATASETS = "datasets"
    CLASSIFIERS = "classifiers"
    CAPTIONERS = "captioners"
    LANGUAGE_MODELS = "language_models"
    ARMS = "arms"


def list_installed(
    kind: Annotated[Kind | None, typer.Argument(help="What to list; by default everything.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Example: menura list generators

    Lists what can be asked for by name: available, or the reason why not. Loads none of it.
    """
    rows = {one: _ROWS[one]() for one in ([kind] if kind else Kind)}
    if as_json:
        emit_json({one.value: [asdict(row) for row in found] for one, found in rows.items()})
        return
    for one, found in rows.items():
        _show(one, found)


def _show(kind: Kind, found: list[Availability]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=kind.value, title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
    for row in found:
        state = Text("available", "green") if row.available else Text("not available", "yellow")
        said = row.summary if row.available else f"{row.summary} ({row.reason})".strip()
        table.add_row(row.name, state, Text(said))
    console().print(table)


def _generators() -> list[Availability]:
    """With what is known of published weights: whose, licence, size, rate, needs."""
    from menura.backends.licences import licence_of_weights
    from menura.backends.registry import available
    from menura.backends.weights.published import PUBLISHED

    rows = []
    for row in available("generators"):
        model = PUBLISHED.get(row.name)
        if model is not None:
            facts = [
                f"{model.path}, {licence_of_weights(model.path).licence}" if model.path else "",
                f"{model.parameters_millions:,} M parameters" if model.parameters_millions else "",
                f"{model.sample_rate} Hz" if model.sample_rate else "",
                model.needs,
            ]
            row = replace(row, summary=f"{row.summary} [{'; '.join(fact for fact in facts if fact)}]")
        rows.append(row)
    return rows


def _encoders() -> list[Availability]:
    from menura.backends.registry import available, by_path

    return [*available("encoders"), *by_path()]


def _available(group: Group) -> list[Availability]:
    from menura.backends.registry import available

    return available(group)


def _recipes() -> list[Availability]:
    from menura.backends.registry import Availability
    from menura.recipes.registry import recipe_names

    return [Availability(name, "recipes", True, "", summary) for name, summary in recipe_names().items()]


def _datasets() -> list[Availability]:
    from menura.backends.registry import Availability
    from menura.datasets.local import find_local
    from menura.datasets.public import PUBLIC_SETS

    rows = []
    for name, public in PUBLIC_SETS.items():
        found = find_local(name)
        reason = "" if found else f"no local copy: menura datasets get {name}"
        rows.append(Availability(name, "datasets", found is not None, reason, f"{public.title}; {public.licence}"))
    return rows


def _classifiers() -> list[Availability]:
    from menura.backends.registry import Availability, trainable_by_path
    from menura.classify.base import CLASSIFIERS

    summaries = {
        "linear": "Logistic regression on frozen embeddings; best with few clips.",
        "mlp": "One hidden layer of 64 on frozen embeddings; arms and seeds are trained side by side.",
        "knn": "The nearest training clips by cosine vote; nothing is trained.",
        "prototypes": "Each label is the mean direction of its clips; for a handful of clips.",
        "adapter": "Training clips as a memory that is looked up by cosine (Tip-Adapter); nothing is trained.",
        "adapter-trained": "The same, with keys that are trained on.",
        "cnn": "Small convolutional network on log-mel spectrograms, trained from scratch.",
        "finetune": "The network of a trained encoder, trained on with a head for the labels.",
        "supcon": "The network of cnn, taught by supervised contrast with synthetic views, then a linear head.",
        "cnn-3conv": "Three wide convolutions on one second of mel power, as AudioDiffusionClassification has it.",
        "cnn-ronchini": "Salamon's three convolutions, as Ronchini et al. 2024 have them.",
        "crnn": "Convolutions and recurrent layers, as Ronchini et al. 2024 have them.",
    }
    built_in = [Availability(name, "classifiers", True, "", summaries.get(name, "")) for name in CLASSIFIERS]
    return [*built_in, *trainable_by_path()]


def _arms() -> list[Availability]:
    """What ``menura evaluate --arms`` compares; the names of groups last."""
    from menura.augmentation.classic import classic_is_available
    from menura.backends.registry import Availability
    from menura.studies.arm_table import ARM_GROUPS, ARM_TABLE
    from menura.studies.copy_families import needs_library

    has_library, reason = classic_is_available(), "audiomentations is not installed: pip install 'menura[classic]'"
    rows = []
    for arm in ARM_TABLE.values():
        available = has_library or not any(map(needs_library, arm.families))
        rows.append(Availability(arm.name, "arms", available, "" if available else reason, arm.about))
    for name, arms in ARM_GROUPS.items():
        available = all(row.available for row in rows if row.name in arms)
        rows.append(Availability(name, "arms", available, "" if available else reason, f"all of {', '.join(arms)}"))
    return rows


_ROWS: dict[Kind, Callable[[], list[Availability]]] = {
    Kind.GENERATORS: _generators,
    Kind.ENCODERS: _encoders,
    Kind.RECIPES: _recipes,
    Kind.DATASETS: _datasets,
    Kind.CLASSIFIERS: _classifiers,
    Kind.CAPTIONERS: lambda: _available("captioners"),
    Kind.LANGUAGE_MODELS: lambda: _available("language_models"),
    Kind.ARMS: _arms,
}
