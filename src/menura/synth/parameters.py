"""Parameters of the synthesizer as data: one declaration gives storage, draw, normalisation and documentation.

A normalised value lies in [0, 1] and a value in the parameter's own unit:

    value = low + (high - low) * u ** (1 / curve)

A curve below 1 spends more of the normalised range on small values; a symmetric parameter does so on both sides of
its middle. A sound is a vector of normalised values: that is what is perturbed, stored and searched.

Source:
    Turian et al. 2021, "One billion audio sounds from GPU-enabled modular synthesis" (torchsynth), section 3;
    Cherep and Singh 2024, arXiv:2406.05923.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from menura.errors import ConfigError
from menura.types import JsonValue

__all__ = ["Parameter", "ParameterSpace"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number of a sound.

    Attributes:
        name: Within its module.
        unit: What a value is measured in; empty for a plain number.
        low, high: Range of values, low < high.
        curve: Exponent, > 0; 1 is a straight line.
        symmetric: Whether the curve leads away from the middle of the range.
        what: What it does, for the documentation.

    Example:
        >>> attack = Parameter("attack", "s", 0.0, 2.0, curve=0.5)
        >>> attack.value(torch.tensor(0.5)).item()
        0.5
    """

    name: str
    unit: str
    low: float
    high: float
    curve: float = 1.0
    symmetric: bool = False
    what: str = ""

    def __post_init__(self) -> None:
        """Refuses an empty range and a curve that is not positive.

        Raises:
            ConfigError: Either is the case.
        """
        if not self.low < self.high or not self.curve > 0:
            raise ConfigError(
                f"parameter {self.name}: range {self.low} to {self.high}, curve {self.curve}; "
                "expected low < high and a curve > 0"
            )

    def value(self, normalised: Tensor) -> Tensor:
        """Values in the parameter's unit, same shape, of normalised ones in [0, 1]."""
        return _value(normalised, *self.range)

    def normalised(self, value: Tensor) -> Tensor:
        """Inverse of :meth:`value`; what lies outside of the range is moved to its end."""
        return _normalised(value, *self.range)

    @property
    def range(self) -> tuple[float, float, float, bool]:
        """Low end, high end, curve, and whether it is symmetric."""
        return self.low, self.high, self.curve, self.symmetric


class ParameterSpace:
    """All parameters of a voice in a fixed order; a sound is a point of it, ``[size]`` in [0, 1].

    Args:
        modules: Module name to its parameters; the order of both is the order of the vector.

    Example:
        >>> space = ParameterSpace({"envelope": (Parameter("attack", "s", 0, 2), Parameter("sustain", "", 0, 1))})
        >>> space.names
        ('envelope.attack', 'envelope.sustain')
    """

    def __init__(self, modules: Mapping[str, Sequence[Parameter]]) -> None:
        self._slices: dict[str, slice] = {}
        self._parameters: list[Parameter] = []
        for module, parameters in modules.items():
            self._slices[module] = slice(len(self._parameters), len(self._parameters) + len(parameters))
            self._parameters.extend(parameters)
        self.names = tuple(f"{module}.{p.name}" for module, parameters in modules.items() for p in parameters)
        columns = [parameter.range for parameter in self._parameters]
        self._columns = torch.tensor(columns, dtype=torch.float64).reshape(-1, 4).T

    def __len__(self) -> int:
        return len(self._parameters)

    def __iter__(self) -> Iterator[tuple[str, Parameter]]:
        return zip(self.names, self._parameters, strict=True)

    def values(self, normalised: Tensor) -> Tensor:
        """Values in the parameters' units, ``[..., size]``, of normalised ones.

        Differentiable. Give float64 where the exact inverse matters: a steep curve leaves the range of float32.

        Raises:
            ConfigError: The last axis has another size.
        """
        return _value(normalised, *self._like(normalised))

    def normalised(self, values: Tensor) -> Tensor:
        """Inverse of :meth:`values`; what lies outside of a range is moved to its end.

        Raises:
            ConfigError: The last axis has another size.
        """
        return _normalised(values, *self._like(values))

    def of(self, values: Tensor, module: str) -> Tensor:
        """The values of one module, ``[..., parameters of the module]``."""
        return values[..., self._slices[module]]

    def as_patch(self, normalised: Tensor) -> dict[str, float]:
        """One sound as parameter name to value in its unit.

        Args:
            normalised: ``[size]``.
        """
        values = self.values(normalised.detach().cpu().double())
        return {name: float(value) for name, value in zip(self.names, values, strict=True)}

    def from_patch(self, patch: Mapping[str, JsonValue]) -> Tensor:
        """Normalised ``[size]`` float32 of a sound by names; parameters that are not named lie in their middle.

        Raises:
            ConfigError: A name is unknown, or a value is no number or lies outside of its range.
        """
        known = dict(self)
        unknown = sorted(set(patch) - set(known))
        if unknown:
            raise ConfigError(f"no such parameter: {', '.join(unknown)}; known: {', '.join(self.names)}")
        found = torch.full((len(self),), 0.5, dtype=torch.float64)
        for position, (name, parameter) in enumerate(self):
            if name in patch:
                value = torch.tensor(_number(name, patch[name], parameter), dtype=torch.float64)
                found[position] = parameter.normalised(value)
        return found.float()

    def _like(self, vectors: Tensor) -> Tensor:
        """Low ends, high ends, curves and symmetry, ``[4, size]``, with the type and the device of the vectors."""
        if vectors.shape[-1] != len(self):
            raise ConfigError(f"a sound has {vectors.shape[-1]} parameters, expected {len(self)}")
        return self._columns.to(vectors)


def _value(
    share: Tensor, low: float | Tensor, high: float | Tensor, curve: float | Tensor, symmetric: bool | Tensor
) -> Tensor:
    symmetric = torch.as_tensor(symmetric, device=share.device) > 0
    away = 2 * share - 1
    bent = torch.where(symmetric, away.abs(), share) ** (1 / curve)
    around_middle = (low + high) / 2 + (high - low) / 2 * away.sign() * bent
    return torch.where(symmetric, around_middle, low + (high - low) * bent)


def _normalised(
    value: Tensor, low: float | Tensor, high: float | Tensor, curve: float | Tensor, symmetric: bool | Tensor
) -> Tensor:
    symmetric = torch.as_tensor(symmetric, device=value.device) > 0
    away = ((value - (low + high) / 2) / ((high - low) / 2)).clamp(-1, 1)
    bent = torch.where(symmetric, away.abs(), ((value - low) / (high - low)).clamp(0, 1)) ** curve
    return torch.where(symmetric, (1 + away.sign() * bent) / 2, bent)


def _number(name: str, value: JsonValue, parameter: Parameter) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not parameter.low <= float(value) <= parameter.high:  # type: ignore[arg-type]
        raise ConfigError(f"{name} is {value!r}, expected a number in [{parameter.low:g}, {parameter.high:g}]")
    return float(value)  # type: ignore[arg-type]
