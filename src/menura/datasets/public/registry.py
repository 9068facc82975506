"""All public datasets in one table, and how a local copy is told."""

from __future__ import annotations

from pathlib import Path

from menura.datasets.public.esc import ESC10, ESC50
from menura.datasets.public.fsdd import FSDD
from menura.datasets.public.gtzan import GTZAN
from menura.datasets.public.record import PublicSet
from menura.datasets.public.speech_commands import SPEECH_COMMANDS
from menura.datasets.public.urbansound8k import URBANSOUND8K
from menura.errors import DatasetError

__all__ = ["PUBLIC_SETS", "public_set", "recognise"]

PUBLIC_SETS: dict[str, PublicSet] = {
    public.name: public for public in (ESC50, ESC10, URBANSOUND8K, FSDD, GTZAN, SPEECH_COMMANDS)
}
"""Name to dataset. A folder that holds two of them is taken for the first."""


def public_set(name: str) -> PublicSet:
    """The public dataset of that name.

    Raises:
        DatasetError: There is none; the message lists those that there are.
    """
    if name not in PUBLIC_SETS:
        raise DatasetError(f"no public dataset {name!r}; known: {', '.join(PUBLIC_SETS)}")
    return PUBLIC_SETS[name]


def recognise(root: Path) -> tuple[PublicSet, Path] | None:
    """Which public dataset a folder holds, and where in it; None when none is recognised.

    An unpacked archive often has one folder that holds everything: that folder counts as well.
    """
    if not root.is_dir():
        return None
    inner = [child for child in sorted(root.iterdir()) if child.is_dir()]
    for place in (root, *(inner if len(inner) == 1 else ())):
        for public in PUBLIC_SETS.values():
            if (place / public.marker).exists():
                return public, place
    return None
