"""A finished or unfinished run, for reading."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from menura.allocate.record import table_rows
from menura.backends.licences import NOT_STATED, UNKNOWN, licence_of_weights
from menura.config import RunSettings
from menura.datasets.dataset import TrainingPart
from menura.errors import RunError
from menura.files import link_or_copy
from menura.objects.address import place_of
from menura.pipeline.allocation_files import read_ending, read_records
from menura.pipeline.decide import (
    JUDGEMENTS_NAME,
    KeepRate,
    RoundRate,
    label_rows,
    read_judgements,
    read_rates,
    read_round_rates,
    round_folder,
    shards_by_label,
)
from menura.pipeline.identity import Identity, read_training
from menura.pipeline.names import file_name_of, folder_names
from menura.pipeline.plan import read_requests
from menura.pipeline.shards import ShardRow
from menura.pipeline.working_copy import copy_at
from menura.types import Clip, Finding, Judgement, Params, Provenance, Request

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from menura.pipeline.remote import RemoteRun

__all__ = ["Ancestor", "ClipRecord", "Run", "few_passed"]

_DOUBTFUL = 1 / 3
"""Share of candidates that pass below which those that passed are in doubt (docs/judge.md, "When few pass")."""


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A rejected request that a later one replaced.

    Attributes:
        request_id: Which one.
        round: Its round.
        prompt: What it asked for; None where it asked with parents alone.
        reason: Why its candidate was rejected.
        scores: What the judges measured.
    """

    request_id: str
    round: int
    prompt: str | None
    reason: str
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class ClipRecord:
    """Everything that is known of one request.

    Attributes:
        request: What was asked for.
        judgement: Kept or rejected, with scores and reason.
        path: Its audio file among the shards, kept or not; None when nothing was made.
        facts: What the generator says about it.
        provenance: How to make it again, and its licences.
        label: The label whose target it counts for.
        clip_id: Id of the decoded samples; None when nothing was made.
        sha256: Of the audio file.
        duration_s, sample_rate, channels: Of the audio file.
        lineage: The requests that it goes back to, the first one first; none for one of the first round.
    """

    request: Request
    judgement: Judgement
    path: Path | None
    facts: Params
    provenance: Provenance
    label: str
    clip_id: str | None = None
    sha256: str | None = None
    duration_s: float = 0.0
    sample_rate: int = 0
    channels: int = 0
    lineage: tuple[Ancestor, ...] = ()


class Run:
    """A run on disk. Reads lazily and in pieces: a run of a million requests opens as fast as one of ten.

    Of a run on object storage this is its working copy: tables and audio come when they are asked for.

    Args:
        path: Folder of the run.
    """

    def __init__(self, path: Path, identity: Identity) -> None:
        self.path = path
        self.identity = identity
        self._tables_are_here = False

    def __getstate__(self) -> dict[str, Any]:
        """Without connections, for another process."""
        return {name: value for name, value in vars(self).items() if name != "remote"}

    @classmethod
    def open(cls, path: str | Path) -> Run:
        """The run in a folder, or at an address on object storage.

        Raises:
            RunError: There is none, or it is damaged.
        """
        place = place_of(path)
        if isinstance(place, Path):
            folder = place.absolute()
        else:
            from menura.pipeline.reading import brought

            folder = brought(place)
        return cls(folder, Identity.read(folder))

    @cached_property
    def remote(self) -> RemoteRun | None:
        """The run on object storage that this is the working copy of; None of any other run."""
        copy = copy_at(self.path)
        if copy is None:
            return None
        from menura.pipeline.remote import RemoteRun

        return RemoteRun(copy)

    @property
    def address(self) -> str:
        """Where the run is, for people: its folder, or its address on object storage."""
        return str(self.path) if self.remote is None else self.remote.copy.address

    @property
    def settings(self) -> RunSettings:
        """Resolved settings."""
        return self.identity.settings

    @property
    def targets(self) -> Mapping[str, int]:
        """Label to clips to be kept: as the amount says, or as far as a learner has given them out."""
        if self.settings.allocation.by == "even":
            return self.identity.targets
        records = read_records(self.path)
        return records[-1].targets if records else self.identity.targets

    @property
    def allocation(self) -> list[dict[str, Any]]:
        """One row per round of an allocation by a learner, see :func:`menura.allocate.record.table_rows`."""
        return table_rows(read_records(self.path), read_ending(self.path))

    @property
    def allocation_ended(self) -> str | None:
        """Why an allocation ended, in one sentence; None while it goes on, and where there is none."""
        ending = read_ending(self.path)
        return None if ending is None else ending.reason

    @cached_property
    def training(self) -> TrainingPart:
        """The real clips that it was made from."""
        return read_training(self.path, self.identity)

    @property
    def is_finished(self) -> bool:
        """Whether everything is made, judged and exported."""
        return (self.path / JUDGEMENTS_NAME).is_file() and (self.path / "dataset").is_dir()

    @property
    def rounds(self) -> int:
        """Number of rounds that have been planned, the first one included."""
        count = 0
        while (round_folder(self.path, count) / "plan.parquet").is_file():
            count += 1
        return count

    def requests(self, round: int = 0) -> Iterator[Request]:
        """Requests of a round in the order of the plan."""
        return read_requests(round_folder(self.path, round) / "plan.parquet")

    def records(self) -> Iterator[ClipRecord]:
        """Every request with its fate, label by label, in the order of rounds and plans.

        Raises:
            RunError: The run is not finished, or a shard is damaged.
        """
        has_rounds = self.rounds > 1
        lineages: dict[str, tuple[Ancestor, ...]] = {}
        of_label = ""
        for label, judgement, shard, row in self._rows():
            if label != of_label:
                of_label, lineages = label, {}  # a request replaces one of its label
            request = row.request
            lineage = lineages.get(request.replaces or "", ())
            yield self._record(label, judgement, shard, row, lineage)
            if has_rounds and not judgement.accepted:
                own = Ancestor(request.id, request.round, request.prompt, judgement.reason, judgement.scores)
                lineages[request.id] = (*lineage, own)

    def kept(self) -> tuple[Clip, ...]:
        """The synthetic clips in ``dataset/``, with provenance."""
        if self.remote is not None:
            self.bring(record for record in self.records() if record.judgement.accepted)
        return tuple(self.clip_of(record) for record in self.records() if record.judgement.accepted)

    def bring(self, records: Iterable[ClipRecord]) -> None:
        """Make sure that the audio of records is on this disk; it always is, unless the run is on object storage.

        Raises:
            RunError: The store cannot be reached, or its audio is not what was made.
        """
        if self.remote is None:
            return
        for some in _portions(records):
            self.remote.bring_audio(some)
            for record in some:
                target = self.path / "dataset" / self.file_of(record)
                if record.judgement.accepted and record.path is not None and not target.is_file():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    link_or_copy(record.path, target)

    def clip_of(self, record: ClipRecord) -> Clip:
        """The clip that a kept record became."""
        parent = self.training.by_id.get(record.request.parents[0]) if record.request.parents else None
        return Clip(
            id=record.clip_id or "",
            path=str(self.path / "dataset" / self.file_of(record)),
            labels=record.request.labels,
            duration_s=record.duration_s,
            sample_rate=record.sample_rate,
            channels=record.channels,
            group=parent.group if parent else None,
            fold=parent.fold if parent else None,
            split="train",
            licence=_joined_licence(record.provenance, self._adapter_licences(record)),
            origin="synthetic",
            provenance=record.provenance,
        )

    def _adapter_licences(self, record: ClipRecord) -> tuple[str | None, ...]:
        """What the adapter of a clip was made from: all real clips, where the run made it; else as its card states."""
        if record.provenance.adapter is None:
            return ()
        if self.settings.makes_adapter:
            return tuple(sorted({clip.licence or "" for clip in self.training.clips}))
        return (_text(record.facts.get("adapter_licence")),)

    def file_of(self, record: ClipRecord) -> str:
        """Path of a kept clip inside ``dataset/``, with forward slashes."""
        return f"{self._folder_names[record.label]}/{file_name_of(record.request.id)}"

    def keep_rates(self) -> dict[str, KeepRate]:
        """Label to what became of its requests.

        Raises:
            RunError: The run is not finished.
        """
        return read_rates(self.path, self.targets)

    def round_rates(self) -> dict[str, tuple[RoundRate, ...]]:
        """Label to what became of its requests in each round.

        Raises:
            RunError: The run is not finished.
        """
        return read_round_rates(self.path, self.rounds)

    def embeddings(self, encoder: str, *, highest_rate: int) -> dict[str, NDArray[np.float32]]:
        """Clip id to the embedding ``[dim]`` by which the judges knew a kept clip, before it was rounded to 16 bits.

        A run without judges has heard none, and gives none.

        Args:
            encoder: Fingerprint of the encoder that is wanted; with another one there are none.
            highest_rate: Rate in Hz that the clips may have at most; there are none of a run at a higher one.

        Raises:
            RunError: The run is not finished, or a shard is damaged.
        """
        if self.identity.encoder["fingerprint"] != encoder or self.identity.sample_rate > highest_rate:
            return {}
        return {
            row.clip_id: row.embedding.copy()  # not a window that holds the whole shard
            for _, judgement, _, row in self._rows(embeddings=True)
            if judgement.accepted and row.clip_id is not None and row.embedding is not None and row.embedding.size
        }

    @cached_property
    def findings(self) -> tuple[Finding, ...]:
        """What a person should know, the gravest first: labels that kept too little, and doubts about the rest."""
        rates = self.keep_rates()
        found = [finding for label, rate in rates.items() if (finding := _finding(label, rate))]
        found += [finding] if (finding := few_passed(rates.values())) else []
        return tuple(sorted(found, key=lambda finding: finding.severity))

    def find(self, name: str) -> ClipRecord:
        """The record of a clip, by its clip id, its request id, or the beginning of one of them.

        Raises:
            RunError: No clip, or more than one, has this id.
        """
        wanted = Path(name).stem
        matches = [
            record
            for record in self.records()
            if record.request.id.startswith(wanted) or (record.clip_id or "").startswith(wanted)
        ]
        if len(matches) != 1 or len(wanted) < 4:
            found = f"{len(matches)} clips" if matches else "no clip"
            raise RunError(
                f"{self.path} has {found} with an id that begins with {wanted!r}; "
                "ids are the file names in dataset/ and the column request_id in its metadata.csv"
            )
        return matches[0]

    @cached_property
    def _folder_names(self) -> Mapping[str, str]:
        return folder_names(self.training.labels)

    def _rows(self, *, embeddings: bool = False) -> Iterator[tuple[str, Judgement, Path, ShardRow]]:
        if self.remote is not None and not self._tables_are_here:
            self.remote.bring_tables(rounds=self.rounds, shard_size=self.settings.shard_size)
            self._tables_are_here = True
        shards = shards_by_label(self.path, rounds=self.rounds, shard_size=self.settings.shard_size)
        for label, judgements in read_judgements(self.path):
            rows = label_rows(shards.get(label, []), label, embeddings=embeddings)
            for judgement, found in zip_longest(judgements, rows):
                if judgement is None or found is None or found[1].request.id != judgement.request_id:
                    raise RunError(
                        f"{self.path / JUDGEMENTS_NAME} does not fit the shards of {label!r}; delete it and run "
                        "`menura augment` again"
                    )
                yield label, judgement, *found

    def _record(
        self, label: str, judgement: Judgement, shard: Path, row: ShardRow, lineage: tuple[Ancestor, ...]
    ) -> ClipRecord:
        return ClipRecord(
            request=row.request,
            judgement=judgement,
            path=shard / row.file if row.file else None,
            facts=row.facts,
            provenance=self._provenance(row.request, row.facts),
            label=label,
            clip_id=row.clip_id,
            sha256=row.sha256,
            duration_s=row.num_samples / row.sample_rate if row.sample_rate else 0.0,
            sample_rate=row.sample_rate,
            channels=row.channels,
            lineage=lineage,
        )

    def _provenance(self, request: Request, facts: Params) -> Provenance:
        parents = [self.training.by_id.get(parent) for parent in request.parents]
        return Provenance(
            request=request,
            generator=str(facts.get("generator", self.identity.generator["name"])),
            revision=_text(facts.get("revision")),
            weights_licence=_weights_licence(facts),
            adapter=_text(facts.get("adapter")),
            package_version=self.identity.package_version,
            parent_licences=tuple(parent.licence if parent else None for parent in parents),
        )


def _portions(records: Iterable[ClipRecord]) -> Iterator[list[ClipRecord]]:
    source = iter(records)
    while portion := list(islice(source, 1000)):
        yield portion


def few_passed(rates: Iterable[KeepRate]) -> Finding | None:
    """A warning where the judges passed less than a third of all candidates, and something was kept.

    Judges let some of what is wrong pass, more of it the fewer real clips they know. Where nearly everything is wrong,
    so is much of what passed.
    """
    rates = tuple(rates)
    made, passed, kept = (sum(getattr(rate, name) for rate in rates) for name in ("made", "passed", "kept"))
    if not kept or passed >= _DOUBTFUL * made:
        return None
    return Finding(
        "few_passed",
        "warning",
        f"only {passed} of {made} candidates passed the judges; where so much is wrong, so is part of what passed",
        "listen to what was kept, and ask `menura evaluate` before you use it; take a generator that knows your labels",
        details={"made": made, "passed": passed, "kept": kept},
    )


def _finding(label: str, rate: KeepRate) -> Finding | None:
    details: Params = {"label": label, "target": rate.target, "planned": rate.planned, "kept": rate.kept}
    if rate.kept == 0 and rate.target > 0:
        if rate.planned and not rate.made:
            return Finding(
                "label_kept_nothing",
                "error",
                f"no synthetic clip of {label!r} was made: the generator failed at all of {rate.planned} candidates",
                "the reasons of its rejects in the report say why; choose settings that it can answer, or another one",
                details=details,
            )
        return Finding(
            "label_kept_nothing",
            "error",
            f"no synthetic clip of {label!r} was kept: 0 of {rate.planned} candidates",
            "listen to its rejects in the report; try a smaller --delta, --preserve, or more real clips of this label",
            details=details,
        )
    if rate.kept < rate.target:
        return Finding(
            "label_short",
            "warning",
            f"{rate.kept} of {rate.target} synthetic clips of {label!r} were kept, out of {rate.planned} candidates",
            "try a smaller --delta or more --rounds; see the reasons of its rejects in the report",
            details=details,
        )
    return None


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _weights_licence(facts: Params) -> str | None:
    """As the generator states it, else as it is known of the model that it names; None without weights."""
    stated, model = facts.get("weights_licence"), facts.get("model")
    if stated is not None or model is None:
        return _text(stated)
    return _licence_of_model(str(model))


@lru_cache(maxsize=64)
def _licence_of_model(model: str) -> str:
    return licence_of_weights(model).licence or UNKNOWN


def _joined_licence(provenance: Provenance, adapter: Sequence[str | None] = ()) -> str | None:
    """Of the parents, of the weights and of what an adapter was made from; None when nobody states any.

    ``unknown`` and ``not stated`` stay beside the others, so that nobody takes the rest for all of it.
    """
    weights = (provenance.weights_licence,) if provenance.weights_licence else ()
    named = dict.fromkeys((*provenance.parent_licences, *weights, *adapter))
    return "; ".join(licence or NOT_STATED for licence in named) if any(named) else None
