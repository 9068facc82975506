"""What is wrong with single clips, labels, groups and licences. Each check returns findings; an empty list is good."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

import numpy as np

from menura.datasets.dataset import Dataset
from menura.datasets.measure import ClipMeasures
from menura.types import Clip, Finding, Params, Severity

__all__ = ["clip_findings", "group_findings", "label_findings", "licence_findings", "origin_findings"]

_SILENT_DBFS, _QUIET_DBFS = -90.0, -60.0
_CLIPPED_SHARE = 0.001
_DC_LIMIT = 0.02
_PADDED_SHARE = 0.5
_LENGTH_FACTOR = 4.0
_IMBALANCE = 4.0
_NEAR_SPELLING = 0.88


def clip_findings(clips: Sequence[Clip], measures: Sequence[ClipMeasures]) -> list[Finding]:
    """Silent, quiet, clipped, padded, offset, odd rate, too short or long."""
    median_s = float(np.median([measured.duration_s for measured in measures]))
    rates = Counter(measured.sample_rate for measured in measures)
    usual_rate = max(rates, key=lambda rate: (rates[rate], rate))
    rate_text = ", ".join(f"{rate} Hz: {count}" for rate, count in sorted(rates.items()))
    checks: list[tuple[str, Severity, str, str, Callable[[ClipMeasures], bool]]] = [
        (
            "silent", "error", f"silent (peak below {_SILENT_DBFS:.0f} dBFS)", "Remove or replace them.",
            lambda m: m.peak_dbfs < _SILENT_DBFS,
        ),
        (
            "quiet", "warning", f"nearly silent (RMS below {_QUIET_DBFS:.0f} dBFS)",
            "Listen to them; raise their level or remove them.",
            lambda m: m.peak_dbfs >= _SILENT_DBFS and m.rms_dbfs < _QUIET_DBFS,
        ),
        (
            "clipped", "warning", f"clipped (more than {_CLIPPED_SHARE:.1%} of samples at full scale)",
            "Record again with less gain, or accept it: synthetic clips are not meant to copy it.",
            lambda m: m.full_scale_share > _CLIPPED_SHARE,
        ),
        (
            "dc_offset", "warning", f"shifted by a DC offset of more than {_DC_LIMIT}", "Subtract the mean of each.",
            lambda m: abs(m.dc_offset) > _DC_LIMIT,
        ),
        (
            "padded", "note", f"digital silence for more than {_PADDED_SHARE:.0%} of their duration",
            "Trim them, if the label does not need the pause.",
            lambda m: m.peak_dbfs >= _SILENT_DBFS and m.silence_share > _PADDED_SHARE,
        ),
        (
            "sample_rate", "warning", f"not at the usual {usual_rate} Hz ({rate_text})",
            "Convert all clips to one rate; a rate that goes with a label gives the label away.",
            lambda m: m.sample_rate != usual_rate,
        ),
        (
            "too_short", "warning", f"shorter than a quarter of the median of {median_s:.2f} s",
            "Check how they were cut.", lambda m: m.duration_s < median_s / _LENGTH_FACTOR,
        ),
        (
            "too_long", "warning", f"longer than four times the median of {median_s:.2f} s", "Cut them into clips.",
            lambda m: m.duration_s > median_s * _LENGTH_FACTOR,
        ),
    ]  # fmt: skip
    findings = []
    for kind, severity, what, remedy, is_bad in checks:
        paths = [clip.path for clip, measured in zip(clips, measures, strict=True) if is_bad(measured)]
        if paths:
            message = f"{_count(paths, len(clips))} {what}"
            findings.append(Finding(kind, severity, message, remedy, tuple(paths), {"count": len(paths)}))
    return findings


def label_findings(dataset: Dataset) -> list[Finding]:
    """Labels that differ by case or spelling, stand on one clip or one source, or are far from balanced."""
    counts = dataset.counts()
    findings = [*_spellings(dataset.labels, counts)]
    rare = [label for label, count in counts.items() if count == 1]
    if rare:
        findings.append(
            Finding(
                "rare_label",
                "warning",
                f"{len(rare)} labels have one clip: {_some(rare)}",
                "Add clips: one clip can be learned from or tested on, not both.",
                tuple(clip.path for clip in dataset.clips if set(clip.labels) & set(rare)),
                {"labels": list(rare)},
            )
        )
    groups: dict[str, set[str]] = defaultdict(set)
    for clip in dataset.clips:
        for label in clip.labels:
            groups[label].add(clip.group if clip.group is not None else clip.id)
    one_source = [label for label in dataset.labels if counts[label] > 1 and len(groups[label]) == 1]
    if one_source:
        message = f"{len(one_source)} labels come from one group only: {_some(one_source)}"
        remedy = "Add recordings from other sources; the label cannot be told from its source."
        findings.append(Finding("one_source", "warning", message, remedy, (), {"labels": list(one_source)}))
    most, least = max(counts, key=lambda name: counts[name]), min(counts, key=lambda name: counts[name])
    ratio = counts[most] / counts[least]
    if ratio >= _IMBALANCE:
        message = f"{most!r} has {ratio:.1f} times as many clips as {least!r} ({counts[most]} against {counts[least]})"
        remedy = "Judge by macro-F1 or UAR, not by accuracy; `--balance` tops up the small labels."
        findings.append(Finding("imbalance", "warning", message, remedy, (), {"ratio": ratio}))
    return findings


def group_findings(dataset: Dataset) -> list[Finding]:
    """Groups on both sides of a published fold or split."""
    findings = []
    if dataset.folds:
        findings += _straddling(dataset, "fold", lambda clip: clip.fold)
    if any(clip.split in ("test", "validation") for clip in dataset.clips):
        findings += _straddling(dataset, "split", lambda clip: clip.split or "train")
    if not any(clip.group for clip in dataset.clips):
        remedy = (
            "Add a column `group` (source recording, speaker, animal, machine), so that no test clip is half known."
        )
        findings.append(Finding("no_groups", "note", "no clip says which recording or source it is from", remedy))
    return findings


def origin_findings(clips: Sequence[Clip]) -> list[Finding]:
    """Clips that somebody made, among recordings."""
    made = tuple(clip.path for clip in clips if clip.origin != "real")
    if not made:
        return []
    message = f"{_count(made, len(clips))} synthetic, as their origin says"
    remedy = "Grow and test the recordings alone: a child of a child is no recording, and may be one of a test clip."
    return [Finding("made_clips", "warning", message, remedy, made, {"count": len(made)})]


def licence_findings(clips: Sequence[Clip]) -> list[Finding]:
    """Clips without a licence, and licences that bind what is made from them."""
    bare = [clip.path for clip in clips if not clip.licence]
    counts = Counter(clip.licence for clip in clips if clip.licence)
    findings = []
    if bare:
        severity: Severity = "warning" if counts else "note"
        message = f"{_count(bare, len(clips))} without a licence"
        findings.append(
            Finding("licence_missing", severity, message, "Add a column `licence`; exports pass it on.", tuple(bare))
        )
    bound = {name: count for name, count in counts.items() if re.search(r"\bNC\b|\bND\b|non.?comm", name, re.I)}
    if bound:
        message = "licences that forbid commercial use or changes: " + ", ".join(
            f"{name} ({count} clips)" for name, count in sorted(bound.items())
        )
        details: Params = dict(bound)
        findings.append(
            Finding("licence_restricted", "note", message, "Synthetic clips inherit them; see the card.", (), details)
        )
    return findings


def _straddling(dataset: Dataset, what: str, side: Callable[[Clip], str | None]) -> list[Finding]:
    sides: dict[str, set[str | None]] = defaultdict(set)
    for clip in dataset.clips:
        if clip.group is not None:
            sides[clip.group].add(side(clip))
    bad = sorted(group for group, names in sides.items() if len(names) > 1)
    if not bad:
        return []
    paths = tuple(clip.path for clip in dataset.clips if clip.group in set(bad))
    message = f"{len(bad)} of {len(sides)} groups are in more than one {what} ({len(paths)} clips): {_some(bad)}"
    remedy = (
        f"The {what}s do not tell how well new sources are recognised; "
        "use grouped_folds or leave_one_group_out of menura.datasets."
    )
    details: Params = {"groups": list(bad), "count": len(bad)}
    return [Finding(f"group_leak_{what}", "warning", message, remedy, paths, details)]


def _spellings(labels: Sequence[str], counts: dict[str, int]) -> list[Finding]:
    same: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        same[_plain(label)].append(label)
    clusters = [names for names in same.values() if len(names) > 1]
    findings = []
    if clusters:
        texts = ["/".join(f"{name!r} ({counts[name]})" for name in names) for names in clusters]
        message = f"labels that differ only in case, spaces or signs: {_some(texts)}"
        details: Params = {"labels": [list(names) for names in clusters]}
        findings.append(Finding("label_spelling", "warning", message, "Give them one spelling.", (), details))
    near = _near(sorted(same))
    if near:
        texts = [f"{same[a][0]!r} and {same[b][0]!r}" for a, b in near]
        details = {"labels": [[same[a][0], same[b][0]] for a, b in near]}
        message = f"labels that look like one with a slip: {_some(texts)}"
        findings.append(Finding("label_near", "note", message, "Merge them if they mean the same.", (), details))
    return findings


def _near(names: Sequence[str]) -> list[tuple[str, str]]:
    if len(names) > 500:
        return []
    return [
        (a, b)
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if min(len(a), len(b)) >= 5
        and not any(mark.isdigit() for mark in a + b)
        and SequenceMatcher(None, a, b, autojunk=False).ratio() >= _NEAR_SPELLING
    ]


def _plain(label: str) -> str:
    text = unicodedata.normalize("NFKC", label).casefold()
    return re.sub(r"[\W_]+", "", text) or text


def _count(paths: Sequence[str], total: int) -> str:
    return f"{len(paths)} of {total} clips {'is' if len(paths) == 1 else 'are'}"


def _some(names: Sequence[str], limit: int = 5) -> str:
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
