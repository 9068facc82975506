"""The model card of an adapter: from what it was trained, how, what was measured, and what it may be used for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from menura.align.history import Entry
from menura.align.rounds import Work
from menura.backends.adapters import portable_name
from menura.backends.licences import licence_of_weights, normalise

__all__ = ["card_text"]

_HEAD = "| step | KAD | agreement | Vendi | winner | loser | accuracy | too near |"
_LEGEND = """\
KAD: kernel distance of generated clips to the validation clips. Winner and loser: change of the denoiser's error. Too
near: share of generated clips nearer to a training clip than 95 % of real clips are to each other. The same as curves:
`curves.html`.
"""
_PRIVATE = {"generator", "prompts", "language_model", "decisions"}
"""Settings that name files and addresses of the person's own."""


def card_text(work: Work, entries: Sequence[Entry], kept_step: int, reason: str) -> str:
    """Text of ``README.md``; it names no path of this machine.

    Args:
        work: The training.
        entries: Its checks.
        kept_step: Step of the weights that are kept.
        reason: Why it ended.
    """
    settings = work.settings
    model = settings.generator.model.path or settings.generator.name
    weights = licence_of_weights(model).licence or "unknown"
    learned, validation = work.division.learned, work.division.validation
    how = "plain fine-tuning" if settings.objective == "sft" else "preference optimisation (Diffusion-DPO)"
    held = f" Fold {learned.test_fold} was held out." if learned.test_fold else ""
    origin = (
        f"An adapter ({settings.adapter}, rank {settings.rank}) by {how}, made by `menura align` from "
        f"{len(learned.clips)} real clips of {learned.name} ({', '.join(_counts(learned.counts()))}); "
        f"{len(validation.clips)} further training clips were only compared with.{held}\n"
    )
    terms = (
        f"Weights that it belongs to: {normalise(weights)}. It was learned from clips under: "
        f"{', '.join(_licences(work))}. What these ask for holds for it and for what it makes.\n"
    )
    shown = settings.model_dump(mode="json", exclude=_PRIVATE)
    parts = [
        "---",
        "library_name: peft",
        f"base_model: {portable_name(model)}",
        "tags:\n- text-to-audio\n- menura",
        "---\n",
        f"# {portable_name(model)}, aligned to {learned.name}\n",
        origin,
        f"Weights of step {kept_step} of {settings.steps}. It ended because {reason}.\n",
        _verdict(entries, kept_step),
        "## What was measured\n",
        _table(entries),
        "",
        _LEGEND,
        "## Licences\n",
        terms,
        "## Settings\n",
        *(f"- {name}: {value}" for name, value in shown.items()),
        f"- generator: {settings.generator.name.partition(':')[0]}",
        f"- prompts: {settings.prompts.style}",
    ]
    return "\n".join(parts) + "\n"


def _verdict(entries: Sequence[Entry], kept_step: int) -> str:
    first = entries[0].check
    kept = next(entry.check for entry in entries if entry.check.step == kept_step)
    if kept.kad < first.kad:
        return f"KAD to the validation clips fell from {first.kad:.3f} to {kept.kad:.3f}.\n"
    return (
        f"**It did not help:** KAD to the validation clips was {first.kad:.3f} before and is {kept.kad:.3f}. Generate "
        "without it.\n"
    )


def _table(entries: Sequence[Entry]) -> str:
    rows = [_HEAD, "|---" * 8 + "|"]
    for entry in entries:
        check, errors = entry.check, entry.check.errors
        numbers = (
            f"{check.kad:.3f}", _number(check.agreement, ".2f"), f"{check.vendi:.1f}", f"{errors.winner_change:+.4f}",
            _number(errors.loser_change, "+.4f"), _number(errors.accuracy, ".2f"), f"{check.near_share:.2f}",
        )  # fmt: skip
        rows.append(f"| {check.step} | {' | '.join(numbers)} |")
    said = [f"- Step {entry.check.step}: {word}" for entry in entries for word in entry.words]
    return "\n".join([*rows, "", *said]) if said else "\n".join(rows)


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _counts(counts: dict[str, int]) -> list[str]:
    shown = [f"{label} {count}" for label, count in counts.items()]
    return shown if len(shown) <= 12 else [*shown[:12], f"and {len(shown) - 12} labels more"]


def _licences(work: Work) -> list[str]:
    found = Counter(normalise(clip.licence) if clip.licence else "unknown" for clip in work.division.learned.clips)
    return [f"{licence} ({count} clips)" for licence, count in sorted(found.items())]
