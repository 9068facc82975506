"""The arms by name: which clips join the real ones, and how they are drawn. A new baseline is one more line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from menura.errors import ConfigError

__all__ = [
    "ARM_GROUPS", "ARM_TABLE", "CHOSEN", "CHOSEN_ARM", "CLASSIC", "DEFAULT_ARMS", "FEW_SHOT_ARMS", "LEARNER",
    "LEARNER_ARM", "MIXUP", "OWN_RUN_ARMS", "POLICY", "REAL_ARMS", "RETRIEVAL", "RIVAL_ARMS", "RUN_FAMILIES",
    "SYNTHETIC", "SYNTHETIC_ARMS", "VANILLA", "VANILLA_CAPTIONS", "Arm", "arm_named", "arms_in",
]  # fmt: skip

SYNTHETIC = "synthetic"
"""The family of clips that the runs of the evaluation keep."""
LEARNER = "learner"
"""Clips of runs whose budget a learner gave out."""
CLASSIC = "classic"
"""Classic copies of real clips."""
MIXUP = "mixup"
"""Mixtures of two real clips, with shares of both labels."""
POLICY = "policy"
"""Copies of real clips by a policy that was searched for on them."""
RETRIEVAL = "retrieval"
"""Real clips of a pool that are near to those of a label; family and arm."""
VANILLA = "vanilla"
"""Clips of a text-to-audio model as it is, asked for by ``Sound of LABEL``, unjudged; family and arm."""
VANILLA_CAPTIONS = "vanilla-captions"
"""The same, asked for by captions that a language model writes; family and arm."""
CHOSEN = "chosen"
"""The clips of ``synthetic`` of labels that they serve, found out on validation clips."""
RUN_FAMILIES = (SYNTHETIC, LEARNER, CHOSEN, VANILLA, VANILLA_CAPTIONS)
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
        in_verdict: Whether the verdict may be about it, or rest on it. The others are reported beside it.
        classifier: Name of a classifier of its own; None has those of the evaluation.
    """

    name: str
    about: str
    families: tuple[str, ...] = ()
    balanced: bool = True
    augment: bool = False
    has_real: bool = True
    in_verdict: bool = True
    classifier: str | None = None

    @property
    def is_synthetic(self) -> bool:
        """Whether clips of a generator take part."""
        return self.run_family is not None

    @property
    def run_family(self) -> str | None:
        """The family of clips that a generator made; its amount is what doses vary."""
        return next((family for family in self.families if family in RUN_FAMILIES), None)


LEARNER_ARM = "synthetic-learner"
"""The arm whose clips a learner gave out (``--allocate learner``); ``synthetic`` has as many, given out evenly."""

CHOSEN_ARM = "synthetic-chosen"
"""The arm with synthetic clips of those labels alone that they served on validation clips."""
_COPIES = (
    Arm("classic", "real clips and classic copies of them", (CLASSIC,), augment=True),
    Arm("noise", "real clips and copies with Gaussian noise", ("noise",)),
    Arm("pitch-2", "real clips and copies 1 or 2 semitones up or down", ("pitch-2",)),
    Arm("pitch-3.5", "real clips and copies 2.5 or 3.5 semitones up or down", ("pitch-3.5",)),
    Arm("stretch", "real clips and copies at 0.81, 0.93, 1.07 or 1.23 times the speed", ("stretch",)),
    Arm("specaugment", "real clips and copies without a band and a stretch of time", ("specaugment",)),
    Arm(MIXUP, "real clips and mixtures of two of them, with shares of both labels", (MIXUP,)),
    Arm("chain", "real clips and copies through filters, pitch, shift and a room", ("chain",)),
    Arm(POLICY, "real clips and copies by the best of eight random policies", (POLICY,)),
)

ARM_TABLE = {
    arm.name: arm
    for arm in (
        Arm("real", "the real clips as they are", balanced=False),
        Arm("oversample", "real clips, labels drawn equally often"),
        *_COPIES,
        Arm(RETRIEVAL, "real clips and clips of a pool that are near to them", (RETRIEVAL,)),
        Arm("synthetic", "real and synthetic clips", (SYNTHETIC,)),
        Arm("synthetic+classic", "real and synthetic clips and classic copies", (SYNTHETIC, CLASSIC), augment=True),
        Arm("synthetic-only", "synthetic clips and no real one", (SYNTHETIC,), has_real=False),
        Arm(CHOSEN_ARM, "real clips, and synthetic ones of labels that they serve on validation clips", (CHOSEN,)),
        Arm(LEARNER_ARM, "real and synthetic clips, given out by a learner", (LEARNER,)),
        Arm(VANILLA, "real clips and unjudged ones of a plain prompt", (VANILLA,), in_verdict=False),
        Arm(VANILLA_CAPTIONS, "real clips and unjudged ones of captions", (VANILLA_CAPTIONS,), in_verdict=False),
        Arm("probe", "real clips, by a linear head on the encoder", in_verdict=False, classifier="linear"),
        Arm("prototypes", "real clips, by the mean of each label", in_verdict=False, classifier="prototypes"),
        Arm("adapter", "real clips, by a cache of them beside a head", in_verdict=False, classifier="adapter"),
    )
}
"""All arms that learn from clips: those without a generator, those of the verdict, rivals, few-shot ones."""

REAL_ARMS = tuple(arm.name for arm in ARM_TABLE.values() if arm.in_verdict and not arm.is_synthetic)
"""Arms without a generator: the best of them is the baseline of the verdict."""
SYNTHETIC_ARMS = tuple(arm.name for arm in ARM_TABLE.values() if arm.in_verdict and arm.is_synthetic)
"""Arms that the verdict is about."""
RIVAL_ARMS = tuple(arm.name for arm in ARM_TABLE.values() if not arm.in_verdict and arm.is_synthetic)
"""Arms of other people's synthetic clips: the differences to them are reported."""
FEW_SHOT_ARMS = tuple(arm.name for arm in ARM_TABLE.values() if arm.classifier is not None)
"""Arms with a classifier of their own; they stand beside the others, as ``zero-shot`` does."""
OWN_RUN_ARMS = (LEARNER_ARM, *RIVAL_ARMS)
"""Arms that need a run of their own for each fold and seed."""
DEFAULT_ARMS = ("real", "oversample", "classic", "synthetic", "synthetic+classic")
"""The arms unless others are asked for."""

ARM_GROUPS = {"baselines": ("real", "oversample", *(arm.name for arm in _COPIES))}
"""Several arms by one name: what can be done with the real clips alone."""


def arms_in(names: Iterable[str]) -> tuple[str, ...]:
    """The names with groups replaced by their arms.

    Example:
        >>> arms_in(["baselines", "synthetic"])[:3]
        ('real', 'oversample', 'classic')
    """
    return tuple(arm for name in names for arm in ARM_GROUPS.get(name, (name,)))


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
