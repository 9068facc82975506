"""The families that are copies of real clips: noise, pitch, stretch, masks, mixtures, chains, a policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from menura.augmentation.styles import STYLES, CopyStyle, policy_style
from menura.studies.arm_table import MIXUP, POLICY
from menura.studies.copies import CopyPlan, make_copies, plan_copies, plan_counted
from menura.studies.lab import hear
from menura.studies.made_clips import Made, described
from menura.studies.mixtures import make_mixtures, plan_mixtures
from menura.studies.policy_search import found_policy
from menura.types import Recording

if TYPE_CHECKING:
    from menura.studies.families import Maker

__all__ = ["COPY_FAMILIES", "needs_library"]


def needs_library(family: str) -> bool:
    """Whether audiomentations makes the copies of a family."""
    return family == POLICY or (family in STYLES and STYLES[family].needs_library)


def _styled(style: CopyStyle) -> Callable[[Maker], Made]:
    def family(maker: Maker) -> Made:
        return _copies(maker, style)

    return family


def _copies(maker: Maker, style: CopyStyle) -> Made:
    job, plans = maker.job, _plans(maker, style.name)

    def recordings() -> Iterator[tuple[str, Recording]]:
        for plan, copy in make_copies(plans, lambda name: _hear(maker, name), style, seed=job.seed, key=job.fold):
            yield plan.example.id, copy

    examples = [plan.example for plan in plans]
    return Made(examples, described(job, maker.lab, style.name, [example.id for example in examples], recordings))


def _policy(maker: Maker) -> Made:
    return _copies(maker, policy_style(found_policy(maker.job, maker.lab, maker.real)))


def _mixup(maker: Maker) -> Made:
    job = maker.job
    mixtures = plan_mixtures(_plans(maker, MIXUP), maker.real, seed=job.seed, key=job.fold)
    examples = [mixture.example for mixture in mixtures]

    def recordings() -> Iterator[tuple[str, Recording]]:
        return make_mixtures(mixtures, lambda name: _hear(maker, name))

    return Made(examples, described(job, maker.lab, MIXUP, [example.id for example in examples], recordings))


COPY_FAMILIES: Mapping[str, Callable[[Maker], Made]] = {
    **{name: _styled(style) for name, style in STYLES.items()},
    MIXUP: _mixup,
    POLICY: _policy,
}
"""Family to what makes it."""


def _plans(maker: Maker, family: str) -> list[CopyPlan]:
    """As many copies of each label as there are synthetic clips, or as many as were asked for."""
    if not maker.job.copies_as_asked:
        return plan_copies(maker.real, maker.made, family)
    return plan_counted(maker.real, {label: rate.target for label, rate in maker.run.keep_rates().items()}, family)


def _hear(maker: Maker, clip_id: str) -> Recording:
    return hear(maker.job.working[clip_id], maker.job.lab.working_rate)
