"""The family ``retrieval``: for each label as many clips of the pool as there are synthetic ones, the nearest first.

They are real recordings of doubtful label. So they share with made clips the half of what is drawn of a label that is
not its real clips, and nothing is ever validated on them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from menura.errors import RunError
from menura.studies.arms import Example
from menura.studies.cells import read_json, unit_path, write_json
from menura.studies.leaks import REASONS
from menura.studies.made_clips import Made
from menura.studies.packs import Features, read_pack
from menura.studies.retrieval import Taken, embedding_similarity, nearest_of_pool
from menura.studies.retrieval_pool import HeardPool
from menura.studies.splits import source_of
from menura.types import Clip, Finding

if TYPE_CHECKING:
    from menura.studies.families import Maker

__all__ = ["account_path", "read_accounts", "retrieval_findings", "retrieved"]

_LABELS_NAMED = 4


def retrieved(maker: Maker) -> Made:
    """The clips of the pool that join the real ones; how many were found is written beside the cells.

    Raises:
        RunError: Features were removed meanwhile.
    """
    job, pool = maker.job, maker.job.pool
    if pool is None:
        raise RunError(f"fold {job.fold}, seed {job.seed}: retrieval was asked for without a pool")
    wanted = _wanted(maker)
    similarity, queries = _queries(maker, pool)
    found = nearest_of_pool(similarity, [labels[0] for labels, _ in queries], wanted)
    examples = [_example(one, pool.clips[one.clip], *queries[one.query]) for one in found]
    ids = [pool.clips[one.clip].id for one in found]
    features = {}
    for classifier in maker.lab.classifiers:
        pack = _read(pool.packs[classifier.name], maker.lab.fingerprint(classifier), ids)
        features[classifier.name] = {f"retrieved {clip_id}": array for clip_id, array in pack.items()}
    _account(account_path(job.folder, job.fold, job.seed, pool.key), wanted, found)
    return Made(examples, features)


def account_path(folder: Path, fold: str, seed: int, key: str) -> Path:
    """File that says what was retrieved for one fold and seed from the pool with this key."""
    return unit_path(folder, fold, seed).with_name(f"retrieved-{key}.json")


def _wanted(maker: Maker) -> dict[str, int]:
    if maker.job.copies_as_asked:
        return {label: rate.target for label, rate in maker.run.keep_rates().items()}
    return dict(Counter(example.labels[0] for example in maker.made))


_Query = tuple[tuple[str, ...], tuple[str, ...]]


def _queries(maker: Maker, pool: HeardPool) -> tuple[NDArray[np.floating], list[_Query]]:
    """Similarities ``[queries, clips]``, and of each query the labels that its clips get and the sources it stands for.

    A clip that is retrieved because it is like a training clip must not be learned from while that one is validated.
    """
    job, ids = maker.job, [clip.id for clip in pool.clips]
    if not ids:
        return np.zeros((0, 0)), []
    if pool.by == "embedding":
        linear = maker.lab.of_arm("linear")[0]
        fingerprint = maker.lab.fingerprint(linear)
        real = _read(job.real_packs["linear"], fingerprint, [example.id for example in maker.real])
        heard = _read(pool.packs["linear"], fingerprint, ids)
        near = embedding_similarity(_stacked(real, [example.id for example in maker.real]), _stacked(heard, ids))
        return near, [(example.labels, example.sources) for example in maker.real]
    assert pool.label_texts is not None
    assert pool.text_pack is not None
    compared = _read(pool.text_pack, pool.text_fingerprint, ids)
    asked: list[tuple[tuple[str, ...], tuple[str, ...], str]] = []
    asked += [((label,), (), text) for label, text in pool.label_texts.items()]
    if pool.by == "caption":
        told = [clip for clip in job.training.clips if clip.caption]
        asked += [(clip.labels, (source_of(clip),), clip.caption or "") for clip in told]
    column = {text: place for place, text in enumerate(pool.texts)}
    similarity = _stacked(compared, ids).T[[column[text] for _, _, text in asked]]
    return similarity, [(labels, sources) for labels, sources, _ in asked]


def _example(one: Taken, clip: Clip, labels: tuple[str, ...], sources: tuple[str, ...]) -> Example:
    return Example(f"retrieved {clip.id}", labels, (*sources, f"retrieved {source_of(clip)}"), "retrieved")


def _stacked(features: Features, ids: Sequence[str]) -> NDArray[np.float32]:
    return np.stack([features[clip_id] for clip_id in ids])


def _read(path: Path, fingerprint: str, ids: Sequence[str]) -> Features:
    found = read_pack(path, fingerprint, ids)
    if found is None:
        raise RunError(f"{path} was removed or altered meanwhile; run the same command again")
    return found


def _account(path: Path, wanted: Mapping[str, int], found: Sequence[Taken]) -> None:
    counts = Counter(one.label for one in found)
    write_json(
        path,
        {
            "wanted": dict(sorted(wanted.items())),
            "found": {label: counts[label] for label in sorted(wanted)},
            "similarity": round(float(np.mean([one.similarity for one in found])), 4) if found else None,
        },
    )


def retrieval_findings(
    left_out: Mapping[str, str], accounts: Sequence[Mapping[str, Any]], *, num_clips: int
) -> list[Finding]:
    """What was left out of the pool, and which labels got fewer clips than there are synthetic ones.

    Args:
        left_out: Clip id to the reason.
        accounts: Of all folds and seeds.
        num_clips: Clips of the pool.
    """
    findings = []
    if left_out:
        counts = Counter(left_out.values())
        reasons = "; ".join(f"{counts[key]} {words}" for key, words in REASONS.items() if counts[key])
        findings.append(
            Finding(
                "pool_clips_left_out", "note",
                f"{len(left_out)} of the {num_clips} clips of the pool are not retrieved: {reasons}",
                details={"reasons": dict(sorted(counts.items())), "clips": dict(sorted(left_out.items()))},
            )
        )  # fmt: skip
    wanted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for account in accounts:
        wanted.update(account["wanted"])
        found.update(account["found"])
    short = [label for label in sorted(wanted) if found[label] < wanted[label]]
    if short:
        named = ", ".join(f"{label} ({found[label]} of {wanted[label]})" for label in short[:_LABELS_NAMED])
        more = f" and {len(short) - _LABELS_NAMED} more" if len(short) > _LABELS_NAMED else ""
        findings.append(
            Finding(
                "retrieval_short", "warning",
                f"the pool is too small: retrieval has {found.total()} of {wanted.total()} clips, over {len(accounts)} "
                f"folds and seeds; short of {named}{more}",
                "give a larger pool, or compare with fewer synthetic clips (--times)",
                details={"wanted": dict(wanted), "found": dict(found)},
            )
        )  # fmt: skip
    return findings


def read_accounts(folder: Path, units: Sequence[tuple[str, int]], key: str) -> list[dict[str, Any]]:
    """What was retrieved, of every fold and seed that says it."""
    read = (read_json(account_path(folder, fold, seed, key)) for fold, seed in units)
    return [account for account in read if account is not None]
