"""The audit: everything that can be known of a dataset before a clip is made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

from menura.datasets.checks import clip_findings, group_findings, label_findings, licence_findings, origin_findings
from menura.datasets.copies import exact_copies, near_copies
from menura.datasets.dataset import Dataset
from menura.datasets.duplicates import find_matches
from menura.datasets.index import num_cores
from menura.datasets.measure import ClipMeasures, measure
from menura.datasets.shortcuts import Shortcut, find_shortcuts, shortcut_finding
from menura.errors import AudioError, DatasetError
from menura.types import Clip, Finding, Progress

__all__ = ["AuditReport", "LabelSummary", "audit"]

_SEVERITIES = ("error", "warning", "note")
_MAX_HZ, _BELOW_HALF_RATE = 7000.0, 0.475


@dataclass(frozen=True, slots=True)
class LabelSummary:
    """One label in numbers.

    Attributes:
        clips: Number of clips.
        groups: Number of groups among them; clips without one count singly.
        duration_s: Their duration in all, in seconds.
    """

    clips: int
    groups: int
    duration_s: float


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What the audit found.

    Attributes:
        name: Name of the dataset.
        layout: One line that says how it was understood.
        num_clips: Usable clips.
        duration_s: Their duration in all, in seconds.
        durations_s: Shortest, median and longest clip, in seconds.
        labels: Label to its numbers.
        sample_rates: Rate in Hz to number of clips.
        channels: Number of channels to number of clips.
        formats: Container/subtype to number of clips.
        licences: Licence to number of clips; ``none`` stands for clips without one.
        folds, splits: Name to number of clips.
        roles: ``train``, ``validation`` and ``test`` to number of clips, for the chosen test fold.
        num_groups: Distinct groups.
        shortcuts: How well each trivial cue names labels.
        findings: The findings, the worst first.
    """

    name: str
    layout: str
    num_clips: int
    duration_s: float
    durations_s: tuple[float, float, float]
    labels: Mapping[str, LabelSummary]
    sample_rates: Mapping[int, int]
    channels: Mapping[int, int]
    formats: Mapping[str, int]
    licences: Mapping[str, int]
    folds: Mapping[str, int]
    splits: Mapping[str, int]
    roles: Mapping[str, int]
    num_groups: int
    shortcuts: tuple[Shortcut, ...]
    findings: tuple[Finding, ...]

    def count(self, severity: str) -> int:
        """Number of findings of a severity."""
        return sum(finding.severity == severity for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON object; keys are the attributes."""
        return {key: _plain(value) for key, value in asdict(self).items()}


def audit(dataset: Dataset, *, progress: Progress | None = None) -> AuditReport:
    """Look at every clip of a dataset, all folds and splits; nothing is changed.

    Files are read block by block, a few at a time, so memory does not grow with their length.

    Args:
        dataset: From :func:`menura.datasets.load`.
        progress: Called with the stage, how much is done and how much there is.

    Returns:
        Counts, shortcuts and findings with remedies.

    Raises:
        DatasetError: No clip of the dataset can be read any more.

    Example:
        >>> report = audit(load("my_sounds/"))                              # doctest: +SKIP
        >>> [finding.message for finding in report.findings]                # doctest: +SKIP
    """
    measures, gone = _measure_all(dataset.clips, progress)
    clips = tuple(clip for clip, measured in zip(dataset.clips, measures, strict=True) if measured is not None)
    known = [measured for measured in measures if measured is not None]
    if not clips:
        raise DatasetError(f"no clip of {dataset.name} can be read any more; first: {gone[0].message}")
    dataset = replace(dataset, clips=clips)
    matches = find_matches([measured.fingerprint for measured in known])
    shortcuts = find_shortcuts(clips, known, has_folds=bool(dataset.folds))
    findings = [
        *dataset.findings,
        *gone,
        *exact_copies(dataset),
        *near_copies(dataset, matches),
        *group_findings(dataset),
        *(shortcut_finding(shortcut) for shortcut in shortcuts if shortcut.is_clear),
        *clip_findings(clips, known),
        *label_findings(dataset),
        *origin_findings(clips),
        *licence_findings(clips),
    ]
    return _report(dataset, known, shortcuts, sorted(findings, key=lambda item: _SEVERITIES.index(item.severity)))


def _measure_all(clips: Sequence[Clip], progress: Progress | None) -> tuple[list[ClipMeasures | None], list[Finding]]:
    lowest = min(clip.sample_rate for clip in clips)
    max_hz = min(_MAX_HZ, max(500.0, _BELOW_HALF_RATE * lowest))
    measures: list[ClipMeasures | None] = []
    gone: list[Finding] = []

    def look(clip: Clip) -> ClipMeasures | AudioError:
        try:
            return measure(clip.path, max_hz=max_hz)
        except AudioError as error:
            return error

    with ThreadPoolExecutor(num_cores()) as pool:
        for clip, found in zip(clips, pool.map(look, clips), strict=True):
            if isinstance(found, AudioError):
                gone.append(
                    Finding("unreadable", "error", str(found), "It changed since the dataset was read.", (clip.path,))
                )
            measures.append(None if isinstance(found, AudioError) else found)
            if progress is not None:
                progress("audit", len(measures), len(clips))
    return measures, gone


def _report(
    dataset: Dataset, measures: Sequence[ClipMeasures], shortcuts: tuple[Shortcut, ...], findings: Sequence[Finding]
) -> AuditReport:
    clips = dataset.clips
    durations = sorted(measured.duration_s for measured in measures)
    return AuditReport(
        name=dataset.name,
        layout=dataset.layout,
        num_clips=len(clips),
        duration_s=sum(durations),
        durations_s=(durations[0], durations[len(durations) // 2], durations[-1]),
        labels={label: _summary([clip for clip in clips if label in clip.labels]) for label in dataset.labels},
        sample_rates=_counted(measured.sample_rate for measured in measures),
        channels=_counted(measured.channels for measured in measures),
        formats=_counted(f"{measured.container}/{measured.subtype}" for measured in measures),
        licences=_counted(clip.licence or "none" for clip in clips),
        folds=_counted(clip.fold for clip in clips if clip.fold is not None),
        splits=_counted(clip.split for clip in clips if clip.split is not None),
        roles=_counted(dataset.role(clip) for clip in clips),
        num_groups=len({clip.group for clip in clips if clip.group is not None}),
        shortcuts=shortcuts,
        findings=tuple(findings),
    )


def _summary(clips: Sequence[Clip]) -> LabelSummary:
    groups = {clip.group if clip.group is not None else clip.id for clip in clips}
    return LabelSummary(len(clips), len(groups), sum(clip.duration_s for clip in clips))


def _counted(values: Any) -> dict[Any, int]:
    counter = Counter(values)
    return {value: counter[value] for value in sorted(counter)}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
