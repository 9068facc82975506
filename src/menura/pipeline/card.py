"""The dataset card of an export: what it is, how it was made, from what, under which licences."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence

from menura.pipeline.decide import all_labels
from menura.pipeline.plan import real_clips
from menura.pipeline.reviewed import Reviewed
from menura.pipeline.run import Run
from menura.pipeline.use import run_verdicts, use_lines

__all__ = ["dataset_card"]

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_USE = """\
Train with them, but never test on them, and keep a clip on the side of its parents when you split:
the column `group` is that of the first parent."""
_DERIVED = """\
A synthetic clip is derived from its parents: `licence` joins theirs, and what they ask for (attribution,
no commercial use, share alike) holds for it too."""


def dataset_card(
    run: Run,
    *,
    manifest_sha256: str | None,
    with_real: bool = False,
    patterns: Sequence[str] = ("*/*", "metadata.csv"),
    reviewed: Reviewed | None = None,
) -> str:
    """Text of ``README.md`` with the YAML front matter of Hugging Face.

    Args:
        run: A finished run.
        manifest_sha256: SHA-256 of the manifest beside the card; None when there is none.
        with_real: Whether the real clips were exported too.
        patterns: Which files beside the card are the data.
        reviewed: What reviewers decided of its clips; None where the judges alone did.
    """
    kept = sum(rate.kept for rate in run.keep_rates().values())
    if reviewed is not None:
        kept = sum(1 for _ in reviewed.records(run))
    title = f"{run.training.name}, {'real and ' if with_real else ''}synthetic clips"
    parts = [
        _front_matter(title, kept + (len(real_clips(run.training)) if with_real else 0), patterns),
        f"# {_plain(title)}",
        _what_it_is(run, kept, with_real=with_real),
        "" if reviewed is None else _reviewed(reviewed),
        _USE,
        "## Labels",
        _labels(run),
        _allocation(run),
        _rounds(run),
        "\n".join(f"- **{_plain(finding.message)}**: {finding.remedy}" for finding in run.findings),
        "## Licences of the real clips",
        _licences(run),
        _DERIVED,
        "## What the synthetic clips may be used for",
        "\n".join(f"- {_plain(line)}" for line in use_lines(run_verdicts(run))),
        "## Identity",
        _identity(run, manifest_sha256),
        "`menura render RUN CLIP_ID` makes any of these clips again and compares the bytes.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _front_matter(title: str, num_clips: int, patterns: Sequence[str]) -> str:
    size = next((name for limit, name in _SIZES if num_clips < limit), "n>1M")
    # Said outright, because readers take a label that is called "test" for a split.
    configs = ["configs:", "- config_name: default", "  data_files:", "  - split: train", "    path:"]
    configs += [f'    - "{pattern}"' for pattern in patterns]
    lines = [
        "---",
        f"pretty_name: {json.dumps(title, ensure_ascii=False)}",
        "task_categories:",
        "- audio-classification",
        "tags:",
        "- synthetic",
        "- menura",
        "size_categories:",
        f"- {size}",
        *configs,
        "---",
    ]
    return "\n".join(lines)


def _what_it_is(run: Run, kept: int, *, with_real: bool) -> str:
    identity, real, name = run.identity, len(run.training.clips), _plain(run.training.name)
    subject = f"**{kept} clips here are synthetic**" if with_real else f"**Every clip here is synthetic.** {kept} clips"
    beside = f", beside the {len(real_clips(run.training))} real clips that they come from" if with_real else ""
    made = "the synthetic ones" if with_real else "them"
    return (
        f"{subject}, made by Menura {identity.package_version} with the recipe `{run.settings.recipe}`\n"
        f"and the generator `{identity.generator['name']}` from {real} real clips of {name}{beside}.\n"
        f"Nobody recorded {made}. Each file says so in its own tags (`comment`, `genre`), and its record names its\n"
        "parents, drawn numbers, scores and licences."
    )


def _labels(run: Run) -> str:
    real = run.training.counts()
    lines = [
        "| label | real clips | wanted | candidates | passed the judges | kept |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    for label, rate in run.keep_rates().items():
        share = "" if rate.rate is None else f" ({rate.rate:.0%})"
        cells = (_plain(label), real.get(label, 0), rate.target, rate.planned, f"{rate.passed}{share}", rate.kept)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _reviewed(reviewed: Reviewed) -> str:
    said = list(reviewed.by_request.values())
    rejected, moved = sum(one.accepted is False for one in said), sum(one.relabelled for one in said)
    return (
        f"**Reviewed by ear:** {len(said)} clips; {rejected} were rejected, {moved} got another label, and\n"
        f"{reviewed.disputed} are left out because reviewers disagree. The table counts what the judges said before."
    )


def _allocation(run: Run) -> str:
    """The rounds of a learner; empty for an even run."""
    rows = run.allocation
    if not rows:
        return ""
    lines = [
        "A learner gave the clips out in rounds, to the labels that it was unsure of (out of fold, on the real clips):",
        "",
        "| round | clips before | score | clips of each label |",
        "|---|---:|---:|---|",
    ]
    for row in rows:
        given = ", ".join(f"{_plain(label)} {one['budget']}" for label, one in row["labels"].items() if one["budget"])
        name = row["round"] + 1 if row["budget"] else "end"
        lines.append(f"| {name} | {row['clips']} | {row['score']:.3f} | {given} |")
    return "\n".join([*lines, "", f"It ended: {run.allocation_ended}."])


def _rounds(run: Run) -> str:
    """What each round brought; nothing where there was only one."""
    rates = all_labels(run.round_rates())
    if len(rates) < 2:
        return ""
    lines = [
        "What each round brought; `lineage` in manifest.jsonl goes from a revised clip back to its first request.",
        "",
        "| round | candidates | passed the judges | kept |",
        "|---|---:|---:|---:|",
    ]
    for rate in rates:
        share = "" if rate.rate is None else f" ({rate.rate:.0%})"
        lines.append(f"| {rate.round or 'first'} | {rate.planned} | {rate.passed}{share} | {rate.kept} |")
    return "\n".join(lines)


def _licences(run: Run) -> str:
    counts = Counter(clip.licence or "not stated" for clip in run.training.clips)
    return "\n".join(f"- {_plain(licence)}: {count} clips" for licence, count in sorted(counts.items()))


def _identity(run: Run, manifest_sha256: str | None) -> str:
    identity, test_fold = run.identity, run.training.test_fold
    held_out = "" if test_fold is None else f", fold {_plain(str(test_fold))} held out"
    lines = [
        f"- run fingerprint: `{identity.fingerprint}`",
        f"- generator: `{identity.generator['name']}` (`{identity.generator['fingerprint']}`)",
        f"- training part: `{identity.training}`{held_out}",
        f"- seed: {run.settings.seed}",
    ]
    if manifest_sha256 is not None:
        lines.append(f"- SHA-256 of manifest.jsonl: `{manifest_sha256}`")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """A text of the dataset as Markdown that shows it: no cell, line, link, picture or HTML begins in it."""
    marked = re.sub(r"([|\[`])", r"\\\1", " ".join(text.split()))
    return marked.replace("<", "&lt;").replace(">", "&gt;")
