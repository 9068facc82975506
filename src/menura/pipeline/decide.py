"""Which candidates are kept: one look over each whole label, after all shards of a round are there."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import accumulate, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, overload

from menura.files import flush_file, temporary_beside
from menura.formats import judgement_cells
from menura.pipeline.damage import readable
from menura.pipeline.plan import read_labels
from menura.pipeline.shards import Outcome, ShardRow, read_outcomes, read_shard, shard_path
from menura.records import parse_json
from menura.seeding import canonical_json
from menura.types import Judgement

if TYPE_CHECKING:
    from menura.judge.panel import JudgePanel

__all__ = [
    "JUDGEMENTS_NAME",
    "Choose",
    "KeepRate",
    "LabelDecision",
    "RoundRate",
    "ShardRuns",
    "all_labels",
    "decide_label",
    "draft_judgements",
    "is_surplus",
    "judge_selection",
    "label_outcomes",
    "label_rows",
    "read_judgements",
    "read_rates",
    "read_round_rates",
    "redraft_judgements",
    "round_folder",
    "shards_by_label",
]

JUDGEMENTS_NAME = "judgements.parquet"
_JUDGEMENT_COLUMNS = {
    "request_id": "string", "label": "string", "accepted": "bool", "surplus": "bool", "made": "bool",
    "reason": "string", "scores": "string",
}  # fmt: skip

Choose: TypeAlias = Callable[[Sequence[Outcome], str, int], Mapping[str, Judgement]]
"""Judgements by request id, from the candidates of a label that passed alone, the label, and its target."""


class _Passing:
    """Counts of candidates that were made, and of those that the judges passed."""

    __slots__ = ()
    made: int
    passed: int

    @property
    def rate(self) -> float | None:
        """Share of the candidates that the judges passed; None when nothing was made."""
        return self.passed / self.made if self.made else None


@dataclass(frozen=True, slots=True)
class KeepRate(_Passing):
    """What became of the requests of one label.

    Attributes:
        target: Clips to be kept.
        planned: Requests, all rounds together.
        made: Requests that gave a waveform.
        passed: Candidates that no judge rejected; some of them may be more than the target needs.
        kept: Clips in the dataset.
    """

    target: int
    planned: int
    made: int
    passed: int
    kept: int


@dataclass(frozen=True, slots=True)
class RoundRate(_Passing):
    """What became of the requests of one round.

    Attributes:
        round: 0 for the plan, 1 and up for revisions.
        planned, made, passed, kept: As in :class:`KeepRate`.
    """

    round: int
    planned: int
    made: int
    passed: int
    kept: int


@dataclass(frozen=True)
class LabelDecision:
    """The decisions on one label, in the order of its requests.

    Attributes:
        label: Which label.
        judgements: One per request.
        made: Whether each request gave a waveform that is stored.
        rate: The counts.
        rejected: Ids of requests that a judge rejected and that no revision has replaced yet.
    """

    label: str
    judgements: tuple[Judgement, ...]
    made: tuple[bool, ...]
    rate: KeepRate
    rejected: tuple[str, ...]


def round_folder(run: Path, round_index: int) -> Path:
    """Folder with the plan and the shards of a round."""
    return run if round_index == 0 else run / "rounds" / str(round_index)


class ShardRuns(Sequence[Path]):
    """Folders of shards in order, held as runs of neighbours: millions of shards of a label take no memory.

    Args:
        runs: Folder of a round, its first shard, and the one after the last.
    """

    __slots__ = ("_ends", "_runs")

    def __init__(self, runs: Iterable[tuple[Path, int, int]]) -> None:
        self._runs = tuple(runs)
        self._ends = tuple(accumulate(stop - start for _, start, stop in self._runs))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, position: int) -> Path: ...

    @overload
    def __getitem__(self, position: slice) -> tuple[Path, ...]: ...

    def __getitem__(self, position: int | slice) -> Path | tuple[Path, ...]:
        if isinstance(position, slice):
            return tuple(self[each] for each in range(*position.indices(len(self))))
        at = range(len(self))[position]
        number = bisect_right(self._ends, at)
        folder, _, stop = self._runs[number]
        return shard_path(folder, stop - self._ends[number] + at)


def shards_by_label(run: Path, *, rounds: int, shard_size: int) -> dict[str, ShardRuns]:
    """Label to the shards that hold its requests, in the order of rounds and shards; labels sorted."""
    found: dict[str, list[tuple[Path, int, int]]] = {}
    for round_index in range(rounds):
        folder = round_folder(run, round_index)
        for position, label in enumerate(read_labels(folder / "plan.parquet")):
            shard, runs = position // shard_size, found.setdefault(label, [])
            if not runs or runs[-1][0] is not folder or runs[-1][2] < shard:
                runs.append((folder, shard, shard + 1))
            elif runs[-1][2] == shard:
                runs[-1] = (folder, runs[-1][1], shard + 1)
    return {label: ShardRuns(runs) for label, runs in sorted(found.items())}


def label_rows(shards: Sequence[Path], label: str, *, embeddings: bool = False) -> Iterator[tuple[Path, ShardRow]]:
    """Rows of one label with their shards, in order, without embeddings unless they are asked for.

    Raises:
        RunError: A shard is missing or damaged.
    """
    for shard in shards:
        with _readable_shard(shard):
            rows = read_shard(shard, label=label, embeddings=embeddings)
        yield from ((shard, row) for row in rows)


def label_outcomes(shards: Sequence[Path], label: str) -> list[Outcome]:
    """What decisions need of one label, in the order of :func:`label_rows`.

    Raises:
        RunError: A shard is missing or damaged.
    """
    found: list[Outcome] = []
    for shard in shards:
        with _readable_shard(shard):
            found += read_outcomes(shard, label)
    return found


def _readable_shard(shard: Path) -> AbstractContextManager[None]:
    return readable(
        shard,
        "run `menura augment` again to make it again",
        absent=f"{shard} is missing; run `menura augment` again to make it again",
    )


def judge_selection(panel: JudgePanel) -> Choose:
    """The selection of :mod:`menura.judge`, for the candidates of one label that passed alone."""
    from menura.judge.selection import SelectionItem, select

    def choose(outcomes: Sequence[Outcome], label: str, target: int) -> Mapping[str, Judgement]:
        items = [
            SelectionItem(one.request_id, label, one.embedding, one.scores)
            for one in outcomes
            if one.embedding is not None
        ]
        return {judgement.request_id: judgement for judgement in select(items, targets={label: target}, panel=panel)}

    return choose


def decide_label(outcomes: Sequence[Outcome], label: str, target: int, choose: Choose) -> LabelDecision:
    """Judgements of one label. Pure: the same outcomes give the same decisions in any order of arrival."""
    chosen = choose([one for one in outcomes if not one.reason], label, target)
    judgements = tuple(
        chosen.get(one.request_id) or Judgement(one.request_id, one.scores, accepted=False, reason=one.reason)
        for one in outcomes
    )
    made = tuple(one.made for one in outcomes)
    passed = [judgement.accepted or is_surplus(judgement) for judgement in judgements]
    replaced = {one.replaces for one in outcomes}
    rate = KeepRate(
        target=target,
        planned=len(outcomes),
        made=sum(made),
        passed=sum(passed),
        kept=sum(judgement.accepted for judgement in judgements),
    )
    rejected = tuple(
        one.request_id
        for one, good in zip(outcomes, passed, strict=True)
        if not good and one.request_id not in replaced
    )
    return LabelDecision(label, judgements, made, rate, rejected)


def is_surplus(judgement: Judgement) -> bool:
    """Whether a candidate is sound, and left out only because its label has enough."""
    return not judgement.accepted and judgement.reason.startswith("surplus")


def draft_judgements(run: Path, decisions: Iterable[LabelDecision]) -> Path:
    """Write decisions under a temporary name, one row group per label; returns the file."""
    return _draft(
        run,
        (
            [
                _judgement_cells(decision.label, judgement, made)
                for judgement, made in zip(decision.judgements, decision.made, strict=True)
            ]
            for decision in decisions
        ),
    )


def redraft_judgements(run: Path) -> Path | None:
    """The judgements of an older format in today's, under a temporary name; None where they are in it, or not there.

    Raises:
        RunError: The file is damaged.
    """
    import pyarrow.parquet as pq

    path = run / JUDGEMENTS_NAME
    if not path.is_file():
        return None
    with _readable_judgements(run):
        if set(_JUDGEMENT_COLUMNS) <= set(pq.read_schema(path).names):
            return None
    return _draft(run, _row_groups(run, None))


def _draft(run: Path, groups: Iterable[list[dict[str, Any]]]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"string": pa.string(), "bool": pa.bool_()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in _JUDGEMENT_COLUMNS.items()])
    draft = temporary_beside(run / JUDGEMENTS_NAME)
    with pq.ParquetWriter(draft, schema, compression="zstd", write_page_checksum=True) as writer:
        for cells in groups:
            writer.write_table(pa.Table.from_pylist(cells, schema=schema))
    flush_file(draft)
    return draft


def read_judgements(run: Path) -> Iterator[tuple[str, list[Judgement]]]:
    """Label and judgements, label by label, in the order of the requests.

    Raises:
        RunError: The run is not finished, or the file is damaged.
    """
    with _readable_judgements(run):
        for rows in _row_groups(run, None):
            yield (
                rows[0]["label"],
                [
                    Judgement(row["request_id"], parse_json(row["scores"]), row["accepted"], row["reason"])
                    for row in rows
                ],
            )


def read_rates(run: Path, targets: Mapping[str, int]) -> dict[str, KeepRate]:
    """Label to what became of its requests, from the judgements alone.

    Raises:
        RunError: The run is not finished, or the file is damaged.
    """
    with _readable_judgements(run):
        return {
            rows[0]["label"]: KeepRate(
                target=targets.get(rows[0]["label"], 0),
                planned=len(rows),
                made=sum(row["made"] for row in rows),
                passed=sum(row["accepted"] or row["surplus"] for row in rows),
                kept=sum(row["accepted"] for row in rows),
            )
            for rows in _row_groups(run, ["label", "accepted", "surplus", "made"])
        }


def read_round_rates(run: Path, rounds: int) -> dict[str, tuple[RoundRate, ...]]:
    """Label to what became of its requests in each round; a label is in the rounds that asked for it.

    The rows of a label stand in the order of rounds, so how many each round planned says whose each row is.

    Raises:
        RunError: The run is not finished, or a file is damaged.
    """
    planned = [Counter(read_labels(round_folder(run, index) / "plan.parquet")) for index in range(rounds)]
    found: dict[str, tuple[RoundRate, ...]] = {}
    for rows in _row_groups(run, ["label", "accepted", "surplus", "made"]):
        label, ordered = rows[0]["label"], iter(rows)
        parts = [(index, list(islice(ordered, counts[label]))) for index, counts in enumerate(planned)]
        found[label] = tuple(_round_rate(index, part) for index, part in parts if part)
    return found


def _round_rate(index: int, rows: Sequence[Mapping[str, Any]]) -> RoundRate:
    return RoundRate(
        round=index,
        planned=len(rows),
        made=sum(row["made"] for row in rows),
        passed=sum(row["accepted"] or row["surplus"] for row in rows),
        kept=sum(row["accepted"] for row in rows),
    )


def all_labels(rates: Mapping[str, Sequence[RoundRate]]) -> tuple[RoundRate, ...]:
    """The rounds of all labels together."""
    by_round: dict[int, list[RoundRate]] = {}
    for rate in (one for some in rates.values() for one in some):
        by_round.setdefault(rate.round, []).append(rate)
    return tuple(
        RoundRate(
            index, *(sum(getattr(one, name) for one in some) for name in ("planned", "made", "passed", "kept"))
        )
        for index, some in sorted(by_round.items())
    )  # fmt: skip


def _row_groups(run: Path, columns: list[str] | None) -> Iterator[list[dict[str, Any]]]:
    import pyarrow.parquet as pq

    absent = f"{run} is not finished; run the same `menura augment` command again to go on"
    with _readable_judgements(run, absent):
        source = pq.ParquetFile(run / JUDGEMENTS_NAME, page_checksum_verification=True)
        for group in range(source.num_row_groups):
            yield _rows_of(source, group, columns)


def _rows_of(source: Any, group: int, columns: list[str] | None) -> list[dict[str, Any]]:
    """Rows of a label, with the columns that the file of an older format lacks."""
    if set(_JUDGEMENT_COLUMNS) <= set(source.schema_arrow.names):
        rows: list[dict[str, Any]] = source.read_row_group(group, columns=columns).to_pylist()
        return rows
    return [judgement_cells(row) for row in source.read_row_group(group).to_pylist()]


def _readable_judgements(run: Path, absent: str = "") -> AbstractContextManager[None]:
    return readable(run / JUDGEMENTS_NAME, "delete it and run `menura augment` again", absent=absent)


def _judgement_cells(label: str, judgement: Judgement, made: bool) -> dict[str, Any]:
    return {
        "request_id": judgement.request_id,
        "label": label,
        "accepted": judgement.accepted,
        "surplus": is_surplus(judgement),
        "made": made,
        "reason": judgement.reason,
        "scores": canonical_json(judgement.scores),
    }
