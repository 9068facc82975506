"""Any labelled audio to a dataset: list it, decode each file once, say what was left out."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

from menura.datasets.dataset import Dataset
from menura.datasets.index import FileFacts, file_facts
from menura.datasets.layout import Listing, has_manifest, list_bare, list_rows
from menura.datasets.local import find_local
from menura.datasets.public import PUBLIC_SETS, PublicSet, place_of, public_set, recognise
from menura.errors import AudioError, DatasetError
from menura.manifest import ManifestRow
from menura.types import Clip, Finding, Progress

__all__ = ["load", "load_unlabelled"]


def load(
    source: str | Path,
    *,
    test_fold: str | int | None = None,
    layout: str | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """A dataset from a folder with one folder for each label, a manifest, an ``audiofolder`` or a known dataset.

    Every file is decoded once to name its clip by its samples; the names are cached (``MENURA_CACHE``).
    Files that cannot be read become findings.

    Args:
        source: Folder, manifest file (CSV, TSV, JSON lines, Parquet), or name of a public dataset that is local.
        test_fold: Fold to hold out; None goes by the split column.
        layout: ``folders``, ``manifest`` or the name of a public dataset to skip the guess.
        progress: Called with ``read``, files done, files in all.

    Raises:
        DatasetError: The source does not exist, fits no layout, holds no readable clip, or has no such fold.

    Example:
        >>> dataset = load("my_sounds/", test_fold=5)      # doctest: +SKIP
        >>> dataset.layout                                 # doctest: +SKIP
        'one folder for each label (LABEL/…): 120 clips'
    """
    root, listing = _listing(str(source), layout)
    listed = [row for row in listing.rows if row.labels]
    facts = file_facts([row.path for row in listed], root=str(root), progress=progress)
    clips: list[Clip] = []
    failed: dict[str, AudioError] = {}
    for row in listed:
        found = facts[row.path]
        if isinstance(found, AudioError):
            failed[row.path] = found
        else:
            clips.append(_clip(row, found))
    findings = (*listing.findings, *_row_findings(listing.rows), *_unreadable(failed, len(listed)))
    if not clips:
        first = next(iter(failed.values()), "no row has a label")
        raise DatasetError(f"{source} holds no readable labelled clip, of {len(listing.rows)} listed; first: {first}")
    wanted = Counter(label for row in listed for label in row.labels)
    missing = sorted({*wanted, *listing.empty_labels} - {label for clip in clips for label in clip.labels})
    findings += tuple(_label_without_clips(label, wanted[label]) for label in missing)
    dataset = Dataset(_name_of(root), tuple(clips), listing.layout, findings, root=str(root))
    return dataset if test_fold is None else dataset.with_test_fold(test_fold)


def load_unlabelled(
    source: str | Path, *, progress: Progress | None = None
) -> tuple[tuple[Clip, ...], tuple[Finding, ...]]:
    """The recordings of any folder, manifest or known dataset without their labels, each once; and what was left out.

    Clips keep their captions and groups. Those that somebody made are left out.

    Args:
        source: As for :func:`load`, but no label is needed.
        progress: Called with ``read``, files done, files in all.

    Raises:
        DatasetError: The source does not exist or holds no readable recording.
    """
    root = Path(source).expanduser().absolute()
    if root.exists():
        listing = list_bare(root)
    else:
        root, listing = _listing(str(source), None)
    facts = file_facts([row.path for row in listing.rows], root=str(root), progress=progress)
    clips: dict[str, Clip] = {}
    failed: dict[str, AudioError] = {}
    for row in listing.rows:
        found = facts[row.path]
        if isinstance(found, AudioError):
            failed[row.path] = found
        elif row.origin == "real":
            clips.setdefault(found.id, replace(_clip(row, found), labels=()))
    if not clips:
        raise DatasetError(f"{source} holds no readable recording, of {len(listing.rows)} listed")
    made = sum(row.origin != "real" for row in listing.rows)
    findings = [*listing.findings, *_unreadable(failed, len(listing.rows))]
    if made:
        findings.append(Finding("made_clips", "note", f"{made} clips that somebody made were left out of {source}"))
    return tuple(clips.values()), tuple(findings)


def _name_of(root: Path) -> str:
    """Name of a folder as it is, or of a manifest without its suffix."""
    return (root.name if root.is_dir() else root.stem) or str(root)


def _listing(source: str, layout: str | None) -> tuple[Path, Listing]:
    if not source:
        raise DatasetError("the dataset has an empty name; expected a folder of sounds, a manifest or a known dataset")
    root = Path(source).expanduser().absolute()
    if not root.exists() and source in PUBLIC_SETS:
        local = find_local(source)
        if local is None:
            raise DatasetError(f"{source} is not on this machine; get it: {public_set(source).how_to_get}")
        return local, _public_listing(public_set(source), local)
    if layout in PUBLIC_SETS:
        named = public_set(layout)
        place = place_of(named, root) or root
        return place, _public_listing(named, place)
    if layout not in (None, "folders", "manifest"):
        raise DatasetError(f"no layout {layout!r}; expected folders, manifest or one of {', '.join(PUBLIC_SETS)}")
    found = recognise(root) if layout is None and not has_manifest(root) else None
    return (found[1], _public_listing(*found)) if found else (root, list_rows(root, layout=layout))


def _public_listing(public: PublicSet, root: Path) -> Listing:
    rows = tuple(public.rows(root))
    findings: tuple[Finding, ...] = ()
    if public.is_partial:
        listed = len(rows)
        rows = tuple(row for row in rows if os.path.exists(row.path))
        if not rows:
            raise DatasetError(f"{root} lists {listed} clips of {public.name} and holds none of them: {public.by_hand}")
        findings = _not_in_copy(listed - len(rows), listed)
    layout = f"public dataset {public.name}: {len(rows)} clips, {public.split}, {public.licence}"
    return Listing(rows, layout, findings)


def _not_in_copy(count: int, listed: int) -> tuple[Finding, ...]:
    if not count:
        return ()
    message = f"{count} of {listed} listed clips are not in this copy and were left out"
    remedy = "Numbers are not to be compared with those from another copy; say how many clips there were."
    return (Finding("not_in_copy", "note", message, remedy, (), {"count": count, "listed": listed}),)


def _clip(row: ManifestRow, facts: FileFacts) -> Clip:
    return Clip(
        id=facts.id,
        path=row.path,
        labels=row.labels,
        duration_s=facts.num_samples / facts.sample_rate,
        sample_rate=facts.sample_rate,
        channels=facts.channels,
        caption=row.caption,
        group=row.group,
        fold=row.fold,
        split=row.split,
        licence=row.licence,
        origin=row.origin,
        provenance=row.provenance,
    )


def _row_findings(rows: tuple[ManifestRow, ...]) -> tuple[Finding, ...]:
    bare = tuple(row.path for row in rows if not row.labels)
    if not bare:
        return ()
    message = f"{len(bare)} of {len(rows)} rows have no label and were left out"
    return (Finding("unlabelled", "warning", message, "Fill in their labels.", bare, {"count": len(bare)}),)


_FAILURES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("empty", "hold no samples", ("is empty (0 bytes)", "holds no samples")),
    ("nan", "hold NaN or infinite samples", ("NaN or infinite",)),
    ("unreadable", "cannot be read", ("",)),
)
"""Kind of finding, in words, and parts of the messages that belong to it; the first that fits counts."""


def _unreadable(failed: dict[str, AudioError], num_listed: int) -> tuple[Finding, ...]:
    of_kind: dict[str, dict[str, str]] = {kind: {} for kind, _, _ in _FAILURES}
    for path, error in failed.items():
        kind = next(kind for kind, _, parts in _FAILURES if any(part in str(error) for part in parts))
        of_kind[kind][path] = str(error)
    return tuple(
        Finding(
            kind=kind,
            severity="error",
            message=f"{len(of_kind[kind])} of {num_listed} files {what} and were left out: "
            + "; ".join(list(of_kind[kind].values())[:3]),
            remedy="Export them again from their source, or remove them.",
            paths=tuple(of_kind[kind]),
            details={"count": len(of_kind[kind]), "reasons": dict(of_kind[kind])},
        )
        for kind, what, _ in _FAILURES
        if of_kind[kind]
    )


def _label_without_clips(label: str, num_listed: int) -> Finding:
    message = f"label {label!r} has no readable clip ({num_listed} listed)"
    return Finding("label_without_clips", "error", message, "Add clips, or remove the label.", (), {"label": label})
