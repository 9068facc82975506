"""Seals: the object that says that a folder on object storage is whole.

Object stores know no folder and rename none. So everything in a folder is uploaded first, and an empty-handed object
beside it last, whose *name* holds digests of what must be there: one listing tells which folders are whole, without a
request for each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from menura.objects.store import ObjectFacts
from menura.seeding import content_hash

__all__ = ["Seal", "facts_of_file", "is_seal", "is_sealed", "seal_of"]

_PREFIX = ".whole-"
_LENGTH = 16
_LARGE = 64 << 20
"""Files from this size on are uploaded in parts, and then no store says the MD5 of the whole."""


@dataclass(frozen=True, slots=True)
class Seal:
    """What a folder must hold.

    Attributes:
        sizes: Digest of all names and sizes.
        contents: Digest of all names and MD5s.
        table: Digest of the one file that is looked at without the others; of nothing where there is none.
    """

    sizes: str
    contents: str
    table: str

    @property
    def name(self) -> str:
        """Name of the object."""
        return f"{_PREFIX}{self.sizes}-{self.contents}-{self.table}"

    def fits_table(self, table: ObjectFacts) -> bool:
        """Whether the file that is looked at alone is the one that was sealed."""
        return content_hash(table.md5, length=_LENGTH) == self.table

    @classmethod
    def from_name(cls, name: str) -> Seal | None:
        """The seal of a name; None of another object."""
        parts = name.removeprefix(_PREFIX).split("-")
        return cls(*parts) if is_seal(name) and len(parts) == 3 else None


def is_seal(name: str) -> bool:
    """Whether an object is a seal, by its name in the folder."""
    return name.startswith(_PREFIX)


def facts_of_file(path: Path) -> ObjectFacts:
    """Of a file what a listing says of an object."""
    with path.open("rb") as source:
        digest = hashlib.file_digest(source, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return ObjectFacts(path.stat().st_size, digest)


def seal_of(files: Mapping[str, ObjectFacts], *, table: str | None = None) -> Seal:
    """The seal of files by name.

    Args:
        files: Size and MD5 of each.
        table: Name of the file that is looked at alone.
    """
    return Seal(
        sizes=content_hash({name: facts.size for name, facts in files.items()}, length=_LENGTH),
        contents=content_hash({name: facts.md5 for name, facts in _small(files)}, length=_LENGTH),
        table=content_hash(files[table].md5 if table else None, length=_LENGTH),
    )


def is_sealed(listed: Mapping[str, ObjectFacts]) -> Seal | None:
    """The seal that fits what was listed in a folder; None where it is not whole, or not what was uploaded.

    The MD5s count only where the store says all of them.
    """
    files = {name: facts for name, facts in listed.items() if not is_seal(name)}
    found = seal_of(files)
    known = all(facts.md5 is not None for _, facts in _small(files))
    for seal in filter(None, map(Seal.from_name, listed)):
        if seal.sizes == found.sizes and (seal.contents == found.contents or not known):
            return seal
    return None


def _small(files: Mapping[str, ObjectFacts]) -> Iterable[tuple[str, ObjectFacts]]:
    return ((name, facts) for name, facts in files.items() if facts.size < _LARGE)
