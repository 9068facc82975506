"""What a report is made from: plain records, so that only :mod:`menura.report.gather` knows how a run is stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from menura.pipeline.decide import KeepRate, RoundRate
from menura.pipeline.run import Ancestor
from menura.types import Finding, JsonValue, Origin

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from menura.classify.results import EvaluationResult

__all__ = ["Child", "Embedded", "KeepRow", "Material", "RejectGroup", "RunFacts", "Sound", "finding_of"]


@dataclass(frozen=True, slots=True)
class Sound:
    """A clip that a reader can hear.

    Attributes:
        clip_id: Id of the clip, or of the request that made it.
        path: Absolute path of the audio file.
        label: Its label; several are joined by commas.
        origin: Real or synthetic.
        duration_s: In seconds.
        licence: Licence as stated by the dataset.
        group: Source recording.
    """

    clip_id: str
    path: str
    label: str
    origin: Origin
    duration_s: float
    licence: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Child:
    """A synthetic clip with the real clips that it came from.

    Attributes:
        sound: The synthetic clip.
        parents: Real clips in the order of the request.
        scores: What the judges measured.
        params: The numbers drawn for it.
        reason: Why it was rejected; empty when it was kept.
        prompt: What a model was asked for; empty where there was no prompt.
        lineage: The rejected requests that it goes back to, the first one first.
    """

    sound: Sound
    parents: tuple[Sound, ...]
    scores: Mapping[str, float] = field(default_factory=dict)
    params: Mapping[str, JsonValue] = field(default_factory=dict)
    reason: str = ""
    prompt: str = ""
    lineage: tuple[Ancestor, ...] = ()


@dataclass(frozen=True, slots=True)
class KeepRow(KeepRate):
    """What became of the requests of one label, which label, and how many real clips it has."""

    label: str
    real: int


@dataclass(frozen=True, slots=True)
class RejectGroup:
    """All rejects with one reason: how many, of which labels, and a few to listen to."""

    reason: str
    count: int
    labels: Mapping[str, int]
    examples: tuple[Child, ...] = ()


@dataclass(frozen=True)
class Embedded:
    """Embeddings of real and synthetic clips.

    Attributes:
        vectors: ``[clips, dim]`` float32.
        sounds: The clip of each row.
        encoder: Name of the encoder.
        left_out: Clips that the map leaves out because there are too many.
    """

    vectors: NDArray[np.float32]
    sounds: tuple[Sound, ...]
    encoder: str
    left_out: int = 0


@dataclass(frozen=True)
class RunFacts:
    """A run, as far as a reader wants to know it.

    Attributes:
        name: Name of the run's folder.
        dataset: Name of the dataset.
        settings: The resolved settings, flattened to ``section.field``.
        keep_rows: One row per label, in the order of the labels.
        children: Kept clips to listen to, drawn at random per label.
        rejects: Rejects by reason, the most frequent first.
        num_surplus: Clips that passed, and were left out because their label had enough.
        embedded: Embeddings for the map; None when there is nothing to place.
        licences: Licence to number of real training clips.
        findings: Findings of the audit and the run.
        facts: Versions, fingerprints and other single values.
        siblings: How many runs lie under the same evaluation, this one included.
        use: What its clips may be used for, in sentences.
        allocation: Rounds of a learner, see :func:`menura.allocate.record.table_rows`; none for an even run.
        allocation_ended: Why it ended.
        rounds: What became of the requests of each round, all labels together.
    """

    name: str
    dataset: str
    settings: Mapping[str, str]
    keep_rows: tuple[KeepRow, ...]
    children: tuple[Child, ...]
    rejects: tuple[RejectGroup, ...]
    num_surplus: int
    embedded: Embedded | None
    licences: Mapping[str, int]
    findings: tuple[Finding, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    siblings: int = 1
    use: tuple[str, ...] = ()
    allocation: tuple[Mapping[str, Any], ...] = ()
    allocation_ended: str | None = None
    rounds: tuple[RoundRate, ...] = ()

    @property
    def num_made(self) -> int:
        """Candidates made, over all labels."""
        return sum(row.made for row in self.keep_rows)

    @property
    def num_kept(self) -> int:
        """Clips kept, over all labels."""
        return sum(row.kept for row in self.keep_rows)


@dataclass(frozen=True)
class Material:
    """Everything that one report shows; at least one of the two parts is there."""

    evaluation: EvaluationResult | None = None
    run: RunFacts | None = None
    audit: tuple[Finding, ...] = ()
    source: str = ""

    @property
    def dataset(self) -> str:
        """Name of the dataset."""
        if self.evaluation is not None:
            return self.evaluation.dataset
        return self.run.dataset if self.run is not None else ""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Findings of audit, run and evaluation, each once, the grave ones first."""
        found = [*self.audit, *(self.run.findings if self.run else ())]
        for item in self.evaluation.findings if self.evaluation else ():
            found.append(finding_of(item))
        unique = {(finding.kind, finding.message): finding for finding in found}
        order = {"error": 0, "warning": 1, "note": 2}
        return tuple(sorted(unique.values(), key=lambda finding: order.get(finding.severity, 3)))


def finding_of(item: Mapping[str, object]) -> Finding:
    """A finding from its JSON object; an unknown severity is a warning."""
    severity = item.get("severity")
    paths = item.get("paths")
    return Finding(
        kind=str(item.get("kind", "finding")),
        severity="error" if severity == "error" else "note" if severity == "note" else "warning",
        message=str(item.get("message", "")),
        remedy=str(item.get("remedy", "")),
        paths=tuple(map(str, paths)) if isinstance(paths, list | tuple) else (),
    )
