"""All public datasets in one table, and how a local copy is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from menura.datasets.public.activitynet import ACTIVITYNET
from menura.datasets.public.birds import BIRDCLEF, BIRDCLEF_MULTILABEL, XENO_CANTO
from menura.datasets.public.crema_d import CREMA_D
from menura.datasets.public.dcase2017 import DCASE2017_TASK4
from menura.datasets.public.esc import ESC10, ESC50
from menura.datasets.public.fsd50k import FSD50K
from menura.datasets.public.fsdd import FSDD
from menura.datasets.public.gtzan import GTZAN, GTZAN_FILTERED
from menura.datasets.public.iemocap import IEMOCAP
from menura.datasets.public.libricount import LIBRICOUNT
from menura.datasets.public.medley_solos import MEDLEY_SOLOS
from menura.datasets.public.musdb18 import MUSDB18
from menura.datasets.public.nsynth import NSYNTH, NSYNTH_PITCH
from menura.datasets.public.record import PublicSet
from menura.datasets.public.sesa import SESA
from menura.datasets.public.speech_commands import SPEECH_COMMANDS
from menura.datasets.public.tut_urban import TUT_URBAN_2018
from menura.datasets.public.ucf101 import UCF101, UCF101_SPLIT2, UCF101_SPLIT3
from menura.datasets.public.urbansound8k import URBANSOUND8K
from menura.datasets.public.vggsound import VGGSOUND
from menura.datasets.public.vivae import VIVAE
from menura.datasets.public.vocal_imitation import VOCAL_IMITATION
from menura.datasets.public.vocalsound import VOCALSOUND
from menura.errors import DatasetError

__all__ = ["PUBLIC_SETS", "place_of", "public_set", "recognise"]

_MAX_WRAPPERS = 3

PUBLIC_SETS: dict[str, PublicSet] = {
    public.name: public
    for public in (
        ESC50, ESC10, URBANSOUND8K, FSDD, GTZAN_FILTERED, GTZAN, SPEECH_COMMANDS, MEDLEY_SOLOS, TUT_URBAN_2018, NSYNTH,
        VOCALSOUND, MUSDB18, DCASE2017_TASK4, FSD50K, SESA, UCF101, UCF101_SPLIT2, UCF101_SPLIT3, ACTIVITYNET, IEMOCAP,
        VIVAE, NSYNTH_PITCH, CREMA_D, VOCAL_IMITATION, LIBRICOUNT, VGGSOUND, BIRDCLEF, BIRDCLEF_MULTILABEL, XENO_CANTO,
    )
}  # fmt: skip
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
    """Which public dataset a folder holds, and where in it; None when none is recognised."""
    for place in _places(root):
        for public in PUBLIC_SETS.values():
            if public.layout_in(place):
                return public, place
    return None


def place_of(public: PublicSet, root: Path) -> Path | None:
    """Where in a folder a public dataset lies; None when it does not."""
    return next((place for place in _places(root) if public.layout_in(place)), None)


def _places(root: Path) -> Iterator[Path]:
    """The folder, and the folders within that do nothing but hold everything, as unpacked archives have them."""
    for _ in range(1 + _MAX_WRAPPERS):
        if not root.is_dir():
            return
        yield root
        inner = [child for child in sorted(root.iterdir()) if child.is_dir() and child.name != "__MACOSX"]
        if len(inner) != 1:
            return
        root = inner[0]
