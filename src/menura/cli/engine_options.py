"""The options that say who does the work, as one group for every command that has something to share out."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, get_type_hints

import typer

if TYPE_CHECKING:
    from menura.pipeline.engine import EngineSettings

__all__ = ["HERE", "AskedEngine", "ProcessesOption", "with_engine"]

EngineOption: TypeAlias = Annotated[
    str, typer.Option("--engine", help="Who does the work: local, or ray for many machines. The results are the same.")
]
AddressOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--address", help="Engine ray: HOST:PORT of the cluster, or auto. Default: starts Ray here."),
]
CpusOption: TypeAlias = Annotated[
    float, typer.Option("--cpus-per-worker", help="Engine ray: cores set aside for each worker, fractions too.")
]
GpusOption: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--gpus-per-worker",
        help="Engine ray: graphics cards of each worker, fractions too. Default: 1 with weights, where there are any.",
    ),
]
PriceOption: TypeAlias = Annotated[
    float | None,
    typer.Option(
        "--price-per-hour", min=0, help="What all machines together cost in an hour; progress then shows what that is."
    ),
]
ProcessesOption: TypeAlias = Annotated[
    int | None,
    typer.Option(
        "--processes", min=1, help="Train in so many at once, each with its own graphics card where there are any."
    ),
]
_PARAMETER = "made_by"


@dataclass(frozen=True, slots=True)
class AskedEngine:
    """What the options of the engine said.

    Attributes:
        engine, address, cpus, gpus: See :class:`menura.pipeline.engine.EngineSettings`.
        price: Of an hour of all machines; for the progress bar alone.
    """

    engine: str = "local"
    address: str | None = None
    cpus: float = 1.0
    gpus: float | None = None
    price: float | None = None

    def settings(self) -> EngineSettings:
        """The engine that was asked for.

        Raises:
            ConfigError: It is unknown, or an option does not go with it.
        """
        from menura.pipeline.engine import EngineSettings

        return EngineSettings(self.engine, address=self.address, cpus=self.cpus, gpus=self.gpus)

    def jobs(self, workers: int | None) -> AbstractContextManager[None]:
        """Within it, this engine does the jobs of evaluations and studies.

        Args:
            workers: Workers that were asked for.
        """
        from menura.studies.pool import jobs_on

        return jobs_on(self.settings(), workers=workers)

    def launches(self, processes: int, *, accelerate: bool) -> bool:
        """Whether a training of so many processes starts others, here or on a cluster, instead of being one itself.

        Args:
            processes: How many.
            accelerate: Whether this process is one of several that somebody else has started.

        Raises:
            ConfigError: It is, and is to start others.
        """
        from menura.errors import ConfigError

        if accelerate and self.engine == "ray":
            raise ConfigError(
                "--accelerate says that another program has started this process, and --engine ray that Ray shall; "
                "leave out one of them"
            )
        return not accelerate and (processes > 1 or self.engine == "ray")


HERE = AskedEngine()
"""This machine."""


def _group(
    engine: EngineOption = "local",
    address: AddressOption = None,
    cpus_per_worker: CpusOption = 1.0,
    gpus_per_worker: GpusOption = None,
    price_per_hour: PriceOption = None,
) -> AskedEngine:
    asked = AskedEngine(engine, address, cpus_per_worker, gpus_per_worker, price_per_hour)
    asked.settings()  # what is impossible is refused before anything begins
    return asked


def with_engine(own: Callable[..., Any]) -> Callable[..., Any]:
    """A command with the options of the engine in the place of its parameter ``made_by``.

    Args:
        own: Takes an :class:`AskedEngine` as ``made_by``.
    """
    group = inspect.signature(_group).parameters
    hints = {**get_type_hints(own, include_extras=True), **get_type_hints(_group, include_extras=True)}
    places = [
        parameter
        for place in inspect.signature(own).parameters.values()
        for parameter in (group.values() if place.name == _PARAMETER else (place,))
    ]

    @wraps(own)
    def command(**given: Any) -> Any:
        made_by = _group(**{name: given.pop(name) for name in group if name in given})
        return own(**given, made_by=made_by)

    parameters = [place.replace(annotation=hints[place.name], kind=inspect.Parameter.KEYWORD_ONLY) for place in places]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del command.__wrapped__
    return command
