"""Captions that people wrote, from a CSV or JSON-lines file, and the order in which captions are looked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from menura.audio import clip_id
from menura.backends.base import Captioner
from menura.errors import DatasetError
from menura.seeding import content_hash
from menura.tables import read_cells
from menura.types import Clip, Recording

__all__ = ["WrittenCaptions", "caption_clips", "read_captions"]

_NAMES = ("id", "clip_id", "clip", "path", "file_name", "filename", "file")
_TEXTS = ("caption", "text", "description")
_BATCH = 16


class WrittenCaptions:
    """A captioner that looks up what people wrote, by the id of the decoded clip.

    Args:
        captions: Clip id to caption.
    """

    name = "written"

    def __init__(self, captions: Mapping[str, str]) -> None:
        self._captions = dict(captions)

    @property
    def fingerprint(self) -> str:
        """Changes when any caption does."""
        return f"written-{content_hash(self._captions)}"

    def caption(self, recordings: Sequence[Recording]) -> list[str]:
        """The caption of each recording, as it was decoded and not resampled.

        Raises:
            DatasetError: Nobody wrote a caption of one of them.
        """
        ids = [clip_id(recording) for recording in recordings]
        missing = [one for one in ids if one not in self._captions]
        if missing:
            raise DatasetError(
                f"{len(missing)} of {len(ids)} recordings have no written caption, the first is {missing[0]}. "
                "Add them to the file, or caption them with another captioner"
            )
        return [self._captions[one] for one in ids]


def read_captions(path: Path, clips: Sequence[Clip], *, strict: bool = True) -> dict[str, str]:
    """Captions of clips from a table with a column for the clip and one for the text.

    The clip is given by its id, its path (absolute, or from the folder of the table), or its file name where no two
    clips share it. Several captions of one clip: the first row counts.

    Args:
        path: CSV, TSV, JSON lines or Parquet; columns ``id``, ``path`` or ``file_name``, and ``caption``.
        clips: Clips that may be named.
        strict: Refuse rows of other clips, so that a mistyped name does not pass unseen; False passes over them, where
            ``clips`` is the training part of a dataset whose file names held-out clips too, but wants one row at least.

    Returns:
        Clip id to caption.

    Raises:
        DatasetError: The file cannot be read, lacks a column, has an empty caption, or names an unknown clip.
    """
    known = _names(path, clips)
    found: dict[str, str] = {}
    others: list[str] = []
    for line, cells in read_cells(path):
        name_of, text_of = _column(cells, _NAMES), _column(cells, _TEXTS)
        if name_of is None or text_of is None:
            wanted = "the clip (id, path or file_name)" if name_of is None else "its text (caption)"
            raise DatasetError(f"{path}: no column for {wanted}; the columns are {', '.join(map(str, cells))}")
        name, text = str(cells[name_of] or "").strip(), " ".join(str(cells[text_of] or "").split())
        if not text:
            raise DatasetError(f"{path}: line {line}: the caption of {name!r} is empty; write one or remove the line")
        clip = known.get(name) or known.get(str((path.parent / name).absolute()))
        if clip is None and not strict:
            others.append(name)
            continue
        if clip is None:
            raise DatasetError(
                f"{path}: line {line}: {name!r} is no clip of this dataset (or a file name that several clips share), "
                "expected a clip id, a path or a file name of its own"
            )
        found.setdefault(clip, text)
    if others and not found:
        raise DatasetError(f"{path}: none of its {len(others)} rows names a training clip, the first is {others[0]!r}")
    return found


def _column(cells: Mapping[str, object], names: Sequence[str]) -> str | None:
    lowered = {str(name).strip().lower(): name for name in cells}
    return next((lowered[name] for name in names if name in lowered), None)


def _names(path: Path, clips: Sequence[Clip]) -> dict[str, str]:
    """Every way to name a clip that leads to one clip alone."""
    by_file: dict[str, set[str]] = {}
    for clip in clips:
        by_file.setdefault(Path(clip.path).name, set()).add(clip.id)
    known = {name: next(iter(ids)) for name, ids in by_file.items() if len(ids) == 1}
    known |= {str(Path(clip.path).absolute()): clip.id for clip in clips}
    return known | {clip.id: clip.id for clip in clips}


def caption_clips(
    clips: Sequence[Clip],
    *,
    captioner: Captioner,
    recording_of: Callable[[Clip], Recording],
    written: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """A caption for every clip: what people wrote, else the clip's own field, else what the captioner says.

    Only clips without a caption are decoded, sixteen at a time.

    Args:
        clips: Of the training part.
        captioner: For the clips that have none.
        recording_of: Decodes a clip.
        written: Result of :func:`read_captions`.
    """
    own = {clip.id: clip.caption.strip() for clip in clips if clip.caption and clip.caption.strip()}
    captions = own | dict(written or {})
    silent = [clip for clip in clips if clip.id not in captions]
    for start in range(0, len(silent), _BATCH):
        batch = silent[start : start + _BATCH]
        told = captioner.caption([recording_of(clip) for clip in batch])
        captions |= {clip.id: text for clip, text in zip(batch, told, strict=True)}
    return {clip.id: captions[clip.id] for clip in clips}
