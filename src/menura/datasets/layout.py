"""How a folder of sounds is laid out: a guess, explained in one line, that ends in rows."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from menura.datasets.listing_checks import gaps_in_folds, segments, unknown_splits, unlisted_files
from menura.datasets.made import what_menura_made
from menura.datasets.parts import fold_of, is_part, parts_below_labels, refuse_mixed_parts, some, split_role
from menura.errors import DatasetError
from menura.manifest import ManifestRow, read_rows
from menura.tables import MANIFEST_SUFFIXES
from menura.types import Finding

__all__ = [
    "AUDIO_SUFFIXES", "Listing", "has_manifest", "list_bare", "list_folder", "list_manifest", "list_rows",
]  # fmt: skip

AUDIO_SUFFIXES = frozenset(
    (".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".w64")
)
"""Suffixes of files that libsndfile reads."""
_OTHER_AUDIO = frozenset((".m4a", ".mp4", ".aac", ".wma", ".webm", ".amr", ".3gp", ".mka", ".ape", ".wv", ".ra"))
_MANIFESTS = tuple(stem + suffix for stem in ("manifest", "metadata") for suffix in MANIFEST_SUFFIXES)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a source lists, before any audio is decoded.

    Attributes:
        rows: One row a clip.
        layout: One line that says how the source was understood.
        findings: What was left out already, with the reason.
        empty_labels: Labels that are named but list no file.
    """

    rows: tuple[ManifestRow, ...]
    layout: str
    findings: tuple[Finding, ...] = ()
    empty_labels: tuple[str, ...] = ()


def list_rows(source: Path, *, layout: str | None = None) -> Listing:
    """The rows of a manifest file, of a folder that holds one, or of a folder with one folder for each label.

    Args:
        source: Manifest or folder.
        layout: ``manifest`` or ``folders`` to skip the guess; None guesses.

    Raises:
        DatasetError: The source does not exist or fits no layout.
    """
    if not source.exists():
        raise DatasetError(f"{source} does not exist; expected a folder of sounds, a manifest or a known dataset")
    if source.is_file():
        return list_manifest([source], root=source.parent)
    if not source.is_dir():
        raise DatasetError(f"{source} is a pipe, a socket or a device; expected a folder of sounds or a manifest file")
    manifests = [] if layout == "folders" else _manifests(source)
    if manifests:
        listing = list_manifest(manifests, root=source)
        unlisted = unlisted_files(source, manifests, listing.rows, _walk(source)[0])
        return replace(listing, findings=(*listing.findings, *unlisted))
    if layout == "manifest":
        raise DatasetError(f"{source} holds no manifest, expected one of {', '.join(_MANIFESTS)}")
    return list_folder(source)


def list_bare(source: Path) -> Listing:
    """Every audio file that a manifest or a folder holds, in whatever folders; labels are not looked for.

    Raises:
        DatasetError: The source does not exist, or holds no audio files.
    """
    if not source.exists():
        raise DatasetError(f"{source} does not exist; expected a folder of sounds or a manifest")
    manifests = [source] if source.is_file() else _manifests(source)
    if manifests:
        rows = [replace(row, labels=()) for manifest in manifests for row in read_rows(manifest, need_labels=False)]
        return Listing(tuple(rows), f"manifest: {len(rows)} clips")
    files, findings = _walk(source)
    if not files:
        raise DatasetError(f"{source} holds no audio files; expected some, in any folders")
    return Listing(tuple(ManifestRow(path=path) for path in files), f"{len(files)} audio files", tuple(findings))


def list_manifest(manifests: Sequence[Path], *, root: Path) -> Listing:
    """The rows of one manifest, or of one for each split folder of a Hugging Face ``audiofolder``."""
    rows: list[ManifestRow] = []
    for manifest in manifests:
        is_metadata = manifest.stem == "metadata"
        for row in read_rows(manifest, need_labels=not is_metadata):
            first = Path(os.path.relpath(row.path, os.path.abspath(root))).parts[0]
            rows.append(row if row.split or not is_metadata else replace(row, split=split_role(first)))
    names = ", ".join(manifest.relative_to(root).as_posix() for manifest in manifests)
    how = "labels from the manifest"
    if not any(row.labels for row in rows):
        rows = [replace(row, labels=(Path(row.path).parent.name,)) for row in rows]
        how = "the manifest has no labels, so the folder of each clip names its label"
        named = {row.labels[0] for row in rows}
        if len(named) < 2:
            raise DatasetError(f"{names} in {root} gives no labels: no column says them and all clips share one folder")
        if all(is_part(name) for name in named):
            raise DatasetError(
                f"{names} in {root} gives no labels: no column says them, and the folders {some(named)} are parts of "
                "the data; add a column label, or a folder for each label inside of them"
            )
    unknown = unknown_splits(rows)
    rows = _normal_folds(rows)
    findings = (*unknown, *gaps_in_folds(rows), *(found for manifest in manifests for found in segments(manifest)))
    return Listing(tuple(rows), f"manifest {names}: {len(rows)} clips, {how}{_parts(rows)}", findings)


def list_folder(root: Path) -> Listing:
    """The audio files of a folder that holds one folder for each label, perhaps under train/test or fold folders."""
    files, findings = _walk(root)
    if not files:
        other = f" ({findings[0].message})" if findings else ""
        raise DatasetError(f"{root} holds no audio files{other}; expected a folder for each label, or a manifest")
    parts = [Path(os.path.relpath(path, root)).parts for path in files]
    depth = 0
    while len({part[depth] for part in parts if len(part) > depth + 1}) == 1 and all(
        len(part) > depth + 2 for part in parts
    ):
        depth += 1  # one folder that holds everything, such as audio/
    roles = {part[depth] for part in parts if len(part) > depth + 1}
    has_splits = bool(roles) and all(split_role(role) for role in roles)
    has_folds = bool(roles) and all(fold_of(role) for role in roles)
    if not has_splits and not has_folds:
        refuse_mixed_parts(root, parts, depth)
    level = depth + (1 if has_splits or has_folds else 0)
    rows: list[ManifestRow] = []
    stray: list[str] = []
    for path, part in zip(files, parts, strict=True):
        if len(part) <= level + 1:
            stray.append(path)
            continue
        rows.append(
            ManifestRow(
                path=path,
                labels=(part[level],),
                split=split_role(part[depth]) if has_splits else None,
                fold=fold_of(part[depth]) if has_folds else None,
            )
        )
    if not rows:
        tables = sorted(entry.name for entry in root.iterdir() if entry.suffix.lower() in MANIFEST_SUFFIXES)
        hint = f"; if {tables[0]} is one, give it in place of the folder" if tables else ""
        raise DatasetError(
            f"{root} holds {len(files)} audio files but no folder for each label; put the files of a label into a "
            f"folder of its name, or add a manifest.csv with the columns path and label{hint}"
        )
    if stray:
        findings.append(
            Finding(
                "unlabelled",
                "warning",
                f"{len(stray)} audio files lie outside of the label folders and were left out",
                "Move them into the folder of their label.",
                tuple(stray),
            )
        )
    findings += parts_below_labels([part for part in parts if len(part) > level + 1], level)
    where = "/".join((*parts[0][:depth], *(["train|test"] if has_splits else ["fold"] if has_folds else []), "LABEL"))
    layout = f"one folder for each label ({where}/…): {len(rows)} clips{_parts(rows)}"
    made = [Path(path) for finding in findings if finding.kind == "made" for path in finding.paths]
    named = _label_folders(root, level, depth, parts[0], made)
    return Listing(tuple(rows), layout, tuple(findings), tuple(sorted(named - {row.labels[0] for row in rows})))


def _normal_folds(rows: Sequence[ManifestRow]) -> list[ManifestRow]:
    """Splits by their usual names; a fold column that says nothing but train and test is a split."""
    folds = {row.fold for row in rows} - {None}
    folds_are_splits = bool(folds) and all(split_role(fold) for fold in folds)
    return [
        replace(
            row,
            split=split_role(row.split) or (split_role(row.fold) if folds_are_splits else None),
            fold=None if folds_are_splits else row.fold,
        )
        for row in rows
    ]


def _parts(rows: Sequence[ManifestRow]) -> str:
    folds = len({row.fold for row in rows if row.fold})
    groups = len({row.group for row in rows if row.group})
    splits = Counter(row.split for row in rows if row.split)
    texts = [f"{folds} folds"] if folds else []
    texts += [f"{count} {name}" for name, count in sorted(splits.items())]
    texts += [f"{groups} groups"] if groups else []
    return "; " + ", ".join(texts) if texts else ""


def has_manifest(root: Path) -> bool:
    """Whether a folder says itself what it holds."""
    return root.is_dir() and bool(_manifests(root))


def _manifests(root: Path) -> list[Path]:
    """The manifest of a folder, or those of its split folders."""
    for name in _MANIFESTS:
        if (root / name).is_file():
            return [root / name]
    folders = sorted(entry for entry in root.iterdir() if entry.is_dir() and split_role(entry.name))
    found = [next((folder / name for name in _MANIFESTS if (folder / name).is_file()), None) for folder in folders]
    return [path for path in found if path is not None]


def _walk(root: Path) -> tuple[list[str], list[Finding]]:
    files: list[str] = []
    left_out: dict[str, list[str]] = {
        "hidden": [], "unsupported": [], "link": [], "not_audio": [], "bad_name": [], "made": [],
    }  # fmt: skip
    top = os.path.abspath(root)
    real_top = os.path.realpath(top)
    for folder, folders, names in os.walk(top):
        if (what := what_menura_made(folder, names)) is not None:
            if folder != top:
                left_out["made"].append(folder)
                folders.clear()
                continue
            if what != "an export":
                raise DatasetError(
                    f"{root} is {what} of Menura, expected recordings; give the dataset that it was made from"
                )
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        left_out["link"] += [os.path.join(folder, name) for name in links]
        folders[:] = sorted(name for name in folders if name not in links and not _is_hidden(name))
        for name in sorted(names):
            path = os.path.join(folder, name)
            kind = _kind(path, name, real_top)
            (files if kind == "audio" else left_out[kind]).append(path)
    return files, [_left_out(kind, paths) for kind, paths in left_out.items() if paths]


def _kind(path: str, name: str, real_top: str) -> str:
    suffix = os.path.splitext(name)[1].lower()
    is_audio = suffix in AUDIO_SUFFIXES
    if _is_hidden(name):
        return "hidden" if is_audio else "not_audio"
    if suffix in _OTHER_AUDIO:
        return "unsupported"
    if not is_audio:
        return "not_audio"
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return "bad_name"
    inside = not os.path.islink(path) or Path(os.path.realpath(path)).is_relative_to(real_top)
    return "audio" if inside else "link"


_LEFT_OUT = {
    "hidden": ("note", "hidden audio files were left out", "Rename them if they are clips."),
    "unsupported": ("warning", "files are audio that cannot be decoded here", "Convert them to FLAC or WAV."),
    "link": ("warning", "links were not followed", "Copy the files into the dataset's folder."),
    "not_audio": ("note", "files are not audio and were left alone", ""),
    "bad_name": ("warning", "files have names that are not UTF-8 and were left out", "Rename them."),
    "made": (
        "note",
        "folders are runs, evaluations or exports of Menura and were left out",
        "Next time, give -o another folder.",
    ),
}


def _left_out(kind: str, paths: Sequence[str]) -> Finding:
    severity, what, remedy = _LEFT_OUT[kind]
    shown = tuple(path.encode("utf-8", "replace").decode() for path in paths)
    return Finding(
        kind, "warning" if severity == "warning" else "note", f"{len(paths)} {what}", remedy, shown,
        {"count": len(paths)},
    )  # fmt: skip


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _label_folders(root: Path, level: int, depth: int, part: Sequence[str], made: Sequence[Path]) -> set[str]:
    """Names of all folders at the level of the labels, also of those without audio; not of those that hold ``made``."""
    holders = {path for one in made for path in (one, *one.parents)}
    top = root.joinpath(*part[:depth])
    tops = [top] if level == depth else [entry for entry in top.iterdir() if entry.is_dir()]
    return {
        entry.name
        for folder in tops
        for entry in folder.iterdir()
        if entry.is_dir() and not _is_hidden(entry.name) and Path(os.path.abspath(entry)) not in holders
    }
