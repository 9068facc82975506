"""The state of a run: settings, how far it is, and what is damaged. Reads only; repairs are left to the run itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from menura.datasets.index import num_cores
from menura.decisions import read_lines
from menura.doctor.section import Section
from menura.errors import MenuraError, RunError
from menura.files import TEMPORARY_PREFIX
from menura.lock import owner_of
from menura.objects.address import name_of, place_of
from menura.objects.lease import is_held
from menura.pipeline.decide import round_folder
from menura.pipeline.export import dataset_is_whole
from menura.pipeline.identity import stored_format
from menura.pipeline.log import LOG_NAME
from menura.pipeline.plan import count_requests
from menura.pipeline.reading import here
from menura.pipeline.remote_shards import find_shards
from menura.pipeline.run import Run
from menura.pipeline.shards import shard_path, shard_problem
from menura.seeding import canonical_json
from menura.types import JsonValue

__all__ = ["run_state"]

_LAST_LINES = 8
_MOST_SHOWN = 5
_TAIL_BYTES = 64 * 1024


def run_state(where: str | Path) -> Section:
    """What is known of the run in a folder, or at an address on object storage.

    Of one on object storage, what is small comes to the working copy; its audio is not fetched, and its shards are
    compared with their seals by what the store lists.
    """
    facts: dict[str, JsonValue] = {}
    problems: list[str] = []
    try:
        place = place_of(where)
        facts["folder"] = place.absolute().name if isinstance(place, Path) else name_of(place)
        path = here(where).absolute()
        facts["format"] = stored_format(path)
        run = Run.open(path)
    except MenuraError as error:
        return Section("run", "Run", facts, (str(error),))
    if run.remote is not None:
        facts["on object storage"] = run.address.partition(":")[0]
        facts["lease"] = "held, or left by a killed process" if is_held(run.remote.store) else "free"
    identity = run.identity
    facts["made by"] = f"menura {identity.package_version}"
    facts["fingerprint"] = identity.fingerprint
    facts["generator"] = f"{identity.generator['name']} ({identity.generator['fingerprint']})"
    facts["encoder"] = f"{identity.encoder['name']} ({identity.encoder['fingerprint']})"
    facts["sample rate in Hz"] = identity.sample_rate
    facts["labels and clips to keep"] = f"{len(identity.targets)} labels, {sum(run_targets(run).values())} clips"
    facts["settings"] = json.loads(canonical_json(identity.settings.model_dump(mode="json", exclude_defaults=True)))
    facts["libraries then"] = dict(identity.versions)
    owner = owner_of(path)
    facts["in use"] = f"by process {owner}" if owner else "no"
    for name, found, said in (*_rounds(run), *_results(run)):
        facts[name] = found
        problems += said
    facts["left by killed processes"] = sum(1 for _ in path.rglob(f"{TEMPORARY_PREFIX}*"))
    facts["last lines of the log"] = [*_tail(path / LOG_NAME)]
    return Section("run", "Run", facts, tuple(problems))


def run_targets(run: Run) -> dict[str, int]:
    """Targets of a run, those of its settings where a record of its allocation is damaged."""
    try:
        return dict(run.targets)
    except RunError:
        return dict(run.identity.targets)


def _rounds(run: Run) -> Iterator[tuple[str, JsonValue, list[str]]]:
    """How many shards of each round are whole, missing or damaged."""
    size = run.settings.shard_size
    if run.rounds == 0:
        yield "plan", "not planned yet", []
    for index in range(run.rounds):
        folder = round_folder(run.path, index)
        try:
            total = count_requests(folder / "plan.parquet")
        except RunError as error:
            yield f"round {index}", "its plan cannot be read", [str(error)]
            continue
        whole, damaged = (_looked_at if run.remote is None else _listed)(run, folder, total)
        told = [f"shard {shard} of round {index}: {text}" for shard, text in damaged]
        count = -(-total // size)
        counts = f"{total} requests, {whole} of {count} shards whole, {len(damaged)} damaged"
        remedy = ["run the same `menura augment` again: it makes damaged shards again"] if damaged else []
        more = [f"and {len(damaged) - _MOST_SHOWN} more shards"] if len(damaged) > _MOST_SHOWN else []
        yield f"round {index}", counts, told[:_MOST_SHOWN] + more + remedy


def _looked_at(run: Run, folder: Path, total: int) -> tuple[int, list[tuple[str, str]]]:
    """How many shards are whole, and names and problems of damaged ones; every checksum is looked at."""
    from concurrent.futures import ThreadPoolExecutor

    size = run.settings.shard_size
    shards = [(shard_path(folder, number), min(size, total - number * size)) for number in range(-(-total // size))]
    there = [(shard, count) for shard, count in shards if shard.is_dir()]
    with ThreadPoolExecutor(num_cores()) as threads:
        said = list(threads.map(lambda one: shard_problem(*one), there))
    damaged = [(shard.name, text) for (shard, _), text in zip(there, said, strict=True) if text]
    return len(there) - len(damaged), damaged


def _listed(run: Run, folder: Path, total: int) -> tuple[int, list[tuple[str, str]]]:
    """The same on object storage, by what the store lists."""
    assert run.remote is not None
    found = find_shards(
        run.remote.store, run.remote.copy, folder, num_requests=total, shard_size=run.settings.shard_size
    )
    whole, damaged = 0, []
    for some in found:
        whole += len(some.sealed)
        damaged += [(shard_path(folder, index).name, problem) for index, problem in some.damaged]
    return whole, damaged


def _results(run: Run) -> Iterator[tuple[str, JsonValue, list[str]]]:
    """Judgements, dataset, evaluation and decisions."""
    from menura.classify.results import EvaluationResult

    if not run.is_finished:
        yield "finished", False, []
    else:
        try:
            rates = run.keep_rates().values()
            kept, planned = sum(rate.kept for rate in rates), sum(rate.planned for rate in rates)
            whole = dataset_is_whole(run) if run.remote is None else run.remote.dataset_is_whole(run)
            problem = "dataset/ is not what was kept: run the same `menura augment` again"
            yield "finished", f"{kept} clips kept of {planned}", [] if whole else [problem]
        except (MenuraError, OSError) as error:
            yield "finished", "judgements and shards do not agree", [str(error)]
    evaluation = run.path / "evaluation.json"
    if evaluation.is_file():
        try:
            yield "evaluation", EvaluationResult.read(evaluation).outcome, []
        except MenuraError as error:
            yield "evaluation", "damaged", [str(error)]
    decisions = run.path / "review" / "decisions.jsonl"
    if decisions.is_file():
        rows, torn = read_lines(decisions)
        yield "decisions of reviewers", f"{len(rows)} lines, {torn} torn", []


def _tail(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as source:
            source.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            lines = source.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        return
    yield from (line[:300] for line in lines[-_LAST_LINES:])
