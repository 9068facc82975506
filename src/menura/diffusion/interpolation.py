"""Points between two tensors: on the straight line, or on the sphere on which noise lives."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from menura.errors import ConfigError

__all__ = ["lerp", "slerp"]

_PARALLEL = 1e-6
"""Sine of the angle to the opposite direction below which a direction counts as opposite."""


def lerp(first: Tensor, second: Tensor, alpha: float) -> Tensor:
    """``(1 - alpha) first + alpha second``; exactly the first at 0 and the second at 1. At 0.5 the plain average.

    The average of two independent noise tensors has 0.71 of their norm: a model that expects noise sees too little.
    That is why :func:`slerp` is the default of the interpolation.

    Raises:
        ConfigError: ``alpha`` is not in [0, 1], or the shapes differ.
    """
    _check(first, second, alpha)
    if alpha in (0, 1):
        return (second if alpha else first).clone()
    between: Tensor = (1 - alpha) * first + alpha * second
    return between


def slerp(first: Tensor, second: Tensor, alpha: float) -> Tensor:
    """The point at ``alpha`` of the way from one tensor to another along a great circle.

    With unit vectors ``u``, ``v`` and the angle ``theta`` between them, the direction is
    ``(sin((1 - alpha) theta) u + sin(alpha theta) v) / sin(theta)`` and the norm that of the two, interpolated. For
    equal norms this is the published formula; for unequal ones that lets the norm sag, which is put right here.

    Each tensor is one vector, whatever its shape: call it once per image. Opposite tensors have no shortest great
    circle; a fixed one is taken. A zero tensor has no direction, so then the line is taken.

    Args:
        first, second: Tensors of one shape.
        alpha: In [0, 1]; 0 gives the first and 1 the second, exactly.

    Raises:
        ConfigError: ``alpha`` is not in [0, 1], or the shapes differ.

    Source:
        Shoemake 1985, "Animating rotation with quaternion curves".
    """
    _check(first, second, alpha)
    u, v = first.double(), second.double()
    norms = float(u.norm()), float(v.norm())
    if alpha in (0, 1) or min(norms) == 0:
        return lerp(first, second, alpha)
    u, v = u / norms[0], v / norms[1]
    sideways = v - (u * v).sum() * u
    sine, cosine = float(sideways.norm()), float((u * v).sum())
    if sine < _PARALLEL and cosine < 0:
        sideways = _beside(u)
    elif sine > 0:
        sideways = sideways / sine
    angle = alpha * math.atan2(sine, cosine)
    direction = math.cos(angle) * u + math.sin(angle) * sideways
    norm = (1 - alpha) * norms[0] + alpha * norms[1]
    between: Tensor = norm / direction.norm() * direction
    return between.to(first.dtype)


def _beside(unit: Tensor) -> Tensor:
    """A unit vector at right angles to ``unit``, always the same one: the axis that it points along least, made so."""
    flat = unit.flatten()
    axis = torch.zeros_like(flat)
    axis[int(flat.abs().argmin())] = 1.0
    beside = axis - (axis * flat).sum() * flat
    norm = float(beside.norm())
    return (beside / norm).reshape(unit.shape) if norm > 0 else torch.zeros_like(unit)


def _check(first: Tensor, second: Tensor, alpha: float) -> None:
    if not 0 <= alpha <= 1:
        raise ConfigError(f"alpha is {alpha}, expected a number in [0, 1]: the share of the second parent")
    if first.shape != second.shape:
        raise ConfigError(f"tensors of shapes {tuple(first.shape)} and {tuple(second.shape)} cannot be interpolated")
