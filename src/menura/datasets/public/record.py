"""What is known of one public dataset, and of the forms in which copies of it lie on disks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from menura.errors import DatasetError
from menura.manifest import ManifestRow

__all__ = ["Layout", "PublicSet"]


@dataclass(frozen=True, slots=True)
class Layout:
    """One form of a local copy.

    Attributes:
        marker: A path inside the copy by which it is told; ``*`` and ``?`` stand for parts of a name.
        rows: Gives the rows of a copy from its root.
        holds: Looks closer where the marker alone would fit other datasets as well.
    """

    marker: str
    rows: Callable[[Path], Iterator[ManifestRow]]
    holds: Callable[[Path], bool] | None = None

    def is_in(self, place: Path) -> bool:
        """Whether a folder holds a copy in this form."""
        is_plain = not any(sign in self.marker for sign in "*?[")
        found = (place / self.marker).exists() if is_plain else any(True for _ in place.glob(self.marker))
        return found and (self.holds is None or self.holds(place))


@dataclass(frozen=True, slots=True)
class PublicSet:
    """One public dataset.

    Attributes:
        name: Name for the command line.
        title: What it is, in a few words.
        url: Official archive, or the publisher's page where one archive does not do.
        checksum: ``sha256:…`` or ``md5:…`` as its publisher or several independent readers state it; None where the
            archive is packed anew for every download or nobody states one, then the first download is pinned.
        size_mb: Rough size of the archive, or of all of them; 0 where it depends on what is chosen.
        licence: Licence of the set as a whole.
        split: What is official: folds, a test part, or nothing.
        layouts: The forms in which copies are read, the official one first.
        note: What a user should know.
        by_hand: How to get a copy where no single archive can be fetched (several archives, a licence to sign, videos);
            empty where ``url`` is an archive.
        is_partial: Copies are never whole, as with videos that vanish: clips that are listed but not there are counted
            and left out, and are no error.
    """

    name: str
    title: str
    url: str
    checksum: str | None
    size_mb: int
    licence: str
    split: str
    layouts: tuple[Layout, ...]
    note: str = ""
    by_hand: str = ""
    is_partial: bool = False

    @property
    def marker(self) -> str:
        """The path by which a copy in the official form is told."""
        return self.layouts[0].marker

    @property
    def how_to_get(self) -> str:
        """What to do to have a copy, in one line."""
        if not self.by_hand:
            return f"menura datasets get {self.name} --to data/"
        return f"{self.by_hand} (the page is {self.url}); then: menura datasets get {self.name} --local FOLDER"

    def layout_in(self, place: Path) -> Layout | None:
        """The form in which a folder holds this dataset; None when it does not."""
        return next((layout for layout in self.layouts if layout.is_in(place)), None)

    def rows(self, root: Path) -> Iterator[ManifestRow]:
        """The rows of a local copy.

        Raises:
            DatasetError: The folder holds no copy in any known form, or a file of it is missing or wrong.
        """
        layout = self.layout_in(root)
        if layout is None:
            raise DatasetError(f"{root} does not hold {self.name}: {self.looked_for()}")
        return map(_tidy, layout.rows(root))

    def looked_for(self) -> str:
        """That none of the markers is there, in words."""
        markers = list(dict.fromkeys(layout.marker for layout in self.layouts))
        if len(markers) == 1:
            return f"{markers[0]} is not there"
        return f"neither {' nor '.join(markers)} is there"


def _tidy(row: ManifestRow) -> ManifestRow:
    """The row without empty labels and names: a clip that lost its label so becomes a finding."""
    labels = tuple(label for label in row.labels if label.strip())
    return replace(row, labels=labels, group=row.group or None, licence=row.licence or None)
