"""The arms by name: which clips join the real ones, and how they are drawn. A new baseline is one more line."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

from menura.errors import ConfigError

__all__ = [
    "ARM_TABLE", "CLASSIC", "DEFAULT_ARMS", "LEARNER", "LEARNER_ARM", "REAL_ARMS", "RUN_FAMILIES", "SYNTHETIC",
    "SYNTHETIC_ARMS", "Arm", "arm_named",
]  # fmt: skip

SYNTHETIC = "synthetic"
"""The family of clips that the runs of the evaluation keep."""
LEARNER = "learner"
"""Clips of runs whose budget a learner gave out."""
CLASSIC = "classic"
"""Classic copies of real clips."""
RUN_FAMILIES = (SYNTHETIC, LEARNER)
"""Families that a generator made."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One arm of an evaluation.

    Attributes:
        name: What it is asked for by.
        about: What it learns from, in a few words.
        families: What joins the real clips, see :mod:`menura.studies.families`; at equal numbers of each label.
        balanced: Whether labels are drawn equally often. Not for ``real``, which is what a person has.
        augment: Whether networks mask and mix their features (SpecAugment, mixup).
        has_real: Whether real clips take part.
    """

    name: str
    about: str
    families: tuple[str, ...] = ()
    balanced: bool = True
    augment: bool = False
    has_real: bool = True

    @property
    def is_synthetic(self) -> bool:
        """Whether clips of a generator take part: what the verdict is about."""
        return self.run_family is not None

    @property
    def run_family(self) -> str | None:
        """The family of clips that a generator made; its amount is what doses vary."""
        return next((family for family in self.families if family in RUN_FAMILIES), None)


LEARNER_ARM = "synthetic-learner"
"""The arm whose clips a learner gave out (``--allocate learner``); ``synthetic`` has as many, given out evenly."""

ARM_TABLE = {
    arm.name: arm
    for arm in (
        Arm("real", "the real clips as they are", balanced=False),
        Arm("oversample", "real clips, labels drawn equally often"),
        Arm("classic", "real clips and classic copies of them", (CLASSIC,), augment=True),
        Arm("synthetic", "real and synthetic clips", (SYNTHETIC,)),
        Arm("synthetic+classic", "real and synthetic clips and classic copies", (SYNTHETIC, CLASSIC), augment=True),
        Arm("synthetic-only", "synthetic clips and no real one", (SYNTHETIC,), has_real=False),
        Arm(LEARNER_ARM, "real and synthetic clips, given out by a learner", (LEARNER,)),
    )
}
"""All arms that learn from clips; those of real clips alone first."""

REAL_ARMS = tuple(arm.name for arm in ARM_TABLE.values() if not arm.is_synthetic)
SYNTHETIC_ARMS = tuple(arm.name for arm in ARM_TABLE.values() if arm.is_synthetic)
DEFAULT_ARMS = ("real", "oversample", "classic", "synthetic", "synthetic+classic")
"""The arms unless others are asked for."""


def arm_named(name: str) -> Arm:
    """The arm of that name.

    Raises:
        ConfigError: There is none; the message lists those that there are.
    """
    if name in ARM_TABLE:
        return ARM_TABLE[name]
    close = get_close_matches(name, ARM_TABLE, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ConfigError(f"no arm {name!r}; known arms: {', '.join(ARM_TABLE)}.{hint}")
