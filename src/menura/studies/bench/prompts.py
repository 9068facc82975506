"""Which prompts make clips that help: style of the prompt x text-to-audio generator x amount.

Each generator and style is a condition; the amounts are doses of one run, so that a smaller one is part of the next.

Source:
    Ronchini, Comanducci, Antonacci 2024, arXiv:2403.17864 (simple and GPT prompts, 100 to 400 %); Feng, Dimitriadis,
    Narayanan 2024, arXiv:2406.08800 (labels against descriptors).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import get_args

from menura.backends.base import PromptedGenerator
from menura.backends.registry import load_generator
from menura.config import AmountSettings, GeneratorSettings, PromptStyle, settings_from
from menura.datasets.dataset import Dataset
from menura.errors import ConfigError
from menura.studies.bench.condition import Condition, Measured
from menura.studies.bench.report import StudyReport, report_of
from menura.studies.bench.tables import PublishedCell, read_table
from menura.studies.conclude import keep_rates_of
from menura.studies.doses import dosed_arm
from menura.studies.settings import EvaluationSettings

__all__ = ["ARMS", "STYLES", "prompts", "prompts_report", "ronchini_cells"]

ARMS = ("real", "oversample", "classic", "synthetic")
STYLES: tuple[PromptStyle, ...] = get_args(PromptStyle)
RONCHINI = "Ronchini et al. 2024, arXiv:2403.17864"
_FROM_LABEL = ("label", "sound_of", "scene")
"""Styles that need nothing but the label; the others belong to the recipe with a language model."""
_ANY_RATE = 16_000
_PUBLISHED = {
    "AudioGen": ("audiogen", "scene"), "AudioGen_gpt": ("audiogen", "plain"),
    "AudioLDM2": ("audioldm2", "scene"), "AudioLDM2_gpt": ("audioldm2", "plain"),
}  # fmt: skip
"""Series of the paper to the generator and the style that are nearest: its simple prompt puts the label in a place, its
other one was written by a language model that had heard no clip."""


def prompts(
    base: EvaluationSettings, generators: Sequence[str], styles: Sequence[str], doses: Sequence[float]
) -> tuple[Condition, ...]:
    """A condition for each generator and style, with all amounts.

    Args:
        base: Arms, seeds, and what the runs have in common.
        generators: Text-to-audio generators, ``NAME`` or ``NAME:PATH``.
        styles: Of the prompts.
        doses: Synthetic clips for each real one, rising.

    Raises:
        ConfigError: A style or a generator is unknown or works from no text, or the base says what the study varies.
        BackendError: A generator cannot be built.
    """
    if not generators or not styles or not doses:
        raise ConfigError("the study needs one generator, one style and one amount at least")
    unknown = [style for style in styles if style not in STYLES]
    if unknown:
        raise ConfigError(f"no style {', '.join(unknown)}; known styles: {', '.join(STYLES)}")
    if (base.run.recipe, base.run.generator.name) != ("resynth", "resynth") or base.run.amount != AmountSettings():
        raise ConfigError(
            "the study varies generators, prompts and amounts itself: give --generators, --styles and --doses, and "
            "neither --generator nor --recipe nor --times"
        )
    for name in generators:
        _check_reads_text(base.run.generator, name)
    return tuple(
        Condition(style, _settings(base, name, style, doses), series=series)
        for name, series in zip(generators, _series(generators), strict=True)
        for style in styles
    )


def prompts_report(dataset: Dataset, measured: Sequence[Measured]) -> StudyReport:
    """Rows by generator, style and amount; for UrbanSound8K what Ronchini and others report beside them."""
    doses = measured[0].condition.settings.doses
    published = ronchini_cells(doses) if dataset.name == "urbansound8k" else ()
    return report_of(
        "prompts", measured, question="Which prompts make clips that help, from which generator, and how many?",
        axis="prompts", published=published, notes=[_kept(one) for one in measured],
    )  # fmt: skip


def ronchini_cells(doses: Sequence[float]) -> tuple[PublishedCell, ...]:
    """What Ronchini and others report for UrbanSound8K: numbers of their CNN stand beside arms, others beside none."""
    arms = {100 * dose: dosed_arm("synthetic", dose) for dose in doses} | {100 * max(doses): "synthetic"}
    only = {100 * max(doses): "synthetic-only"}
    beside = {"augmentation": arms, "synthetic only": only}
    cells = []
    for row in read_table("ronchini"):
        if row["experiment"] in beside:
            series, point = _PUBLISHED[row["generator"]]
            arm = beside[row["experiment"]].get(float(row["amount"]), "") if row["classifier"] == "CNN" else ""
            method = f"{row['generator']}, {row['experiment']}, {row['amount']} %, {row['classifier']}"
            cells.append(PublishedCell(series, point, arm, method, float(row["percent"]) / 100, RONCHINI))
        elif row["experiment"] == "real" and row["classifier"] == "CNN":
            cells += [
                PublishedCell(series, point, "real", "real, CNN", float(row["percent"]) / 100, RONCHINI)
                for series, point in _PUBLISHED.values()
            ]
    return tuple(cells)


def _settings(base: EvaluationSettings, generator: str, style: str, doses: Sequence[float]) -> EvaluationSettings:
    named = base.run.generator.model_copy(update={"name": generator}).with_absolute_paths()
    recipe = "label_guided" if style in _FROM_LABEL else "llm_assisted"
    values = base.model_dump() | {"doses": tuple(doses)}
    values["run"] |= {"recipe": recipe, "generator": named.model_dump(), "amount": {"times": max(doses)}}
    values["run"]["prompts"] |= {"style": style}
    return settings_from(EvaluationSettings, values, source="study")


def _check_reads_text(base: GeneratorSettings, name: str) -> None:
    for part in base.model_copy(update={"name": name}).parts:
        generator = load_generator(part, sample_rate=_ANY_RATE)
        reads_text = isinstance(generator, PromptedGenerator) and generator.needs_prompt
        if not reads_text and not (part.name == "worker" and generator.parents_needed[0] == 0):
            raise ConfigError(
                f"{part.name} makes clips from recordings and reads no prompt; expected text-to-audio generators such "
                "as stable-audio or audioldm2:PATH, see `menura list generators`"
            )


def _series(generators: Sequence[str]) -> list[str]:
    """A short name of each: without its path, unless two are alike."""
    short = [name.partition(":")[0] if "+" not in name else name for name in generators]
    return [
        one if short.count(one) == 1 else f"{one} {PurePath(name.partition(':')[2]).name}".strip()
        for one, name in zip(short, generators, strict=True)
    ]


def _kept(one: Measured) -> str:
    rates = keep_rates_of(one.study)
    made, passed, kept = (sum(rate[name] for rate in rates.values()) for name in ("made", "passed", "kept"))
    empty = [label for label, rate in rates.items() if not rate["kept"]]
    share = f"{100 * passed / made:.0f} %" if made else "none"
    lost = f"; nothing was kept of {', '.join(empty)}" if empty else ""
    where = f"{one.condition.series} {one.condition.point}"
    return f"{where}: {share} of {made} candidates passed the judges, {kept} were kept, over all folds and seeds{lost}"
