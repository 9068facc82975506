"""A folder of labelled clips of the shifted world: a small training part, a validation part, a large test part."""

from __future__ import annotations

import csv
import io
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from menura.audio import encode
from menura.errors import DatasetError
from menura.files import TEMPORARY_PREFIX, disk_errors, remove_leftovers, write_text
from menura.lock import LOCK_NAME, locked
from menura.synth.shifts import shift_named
from menura.synth.world import World, labels
from menura.types import Progress

__all__ = ["LICENCE", "WorldSettings", "write_world"]

LICENCE = "CC0-1.0"
_TITLE = "# A world with known truth"
_README = """{title}

{count} labelled procedural clips, made by `menura synth world` under the shift `{shift}`, seed {seed}: no recording of
anything is in here. `manifest.csv` lists path, label, split, caption and licence. A caption tells the scene before the
shift. How much of each: {parts}.
"""


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """What a folder of the world holds.

    Attributes:
        shift: Name of the shift; ``none`` is the wide world.
        strength: Share of the shift, in [0, 1].
        per_label: Training clips of each label.
        validation_per_label: Validation clips of each label.
        test_per_label: Held-out test clips of each label.
        duration_s: Length of a clip.
        sample_rate: In Hz.
        seed: Of everything that is drawn.
    """

    shift: str = "room"
    strength: float = 1.0
    per_label: int = 5
    validation_per_label: int = 5
    test_per_label: int = 50
    duration_s: float = 2.0
    sample_rate: int = 16_000
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses what gives no dataset.

        Raises:
            DatasetError: A part that must have clips has none, or a clip has no length.
            ConfigError: There is no such shift, or its share is out of range.
        """
        if self.per_label < 1 or min(self.validation_per_label, self.test_per_label) < 0:
            raise DatasetError(
                f"{self.per_label} training, {self.validation_per_label} validation and {self.test_per_label} test "
                "clips of each label; expected at least one for training and no negative number"
            )
        if not 0.1 <= self.duration_s <= 60 or not 4000 <= self.sample_rate <= 192_000:
            raise DatasetError(
                f"clips of {self.duration_s:g} s at {self.sample_rate} Hz; expected 0.1 to 60 s, 4,000 to 192,000 Hz"
            )
        _ = self.world

    @property
    def world(self) -> World:
        """Where the clips come from."""
        shift = shift_named(self.shift).scaled(self.strength)
        return World(shift, seed=self.seed, duration_s=self.duration_s, sample_rate=self.sample_rate)

    @property
    def parts(self) -> dict[str, int]:
        """Name of each part to its clips of each label."""
        return {
            "train": self.per_label, "validation": self.validation_per_label, "test": self.test_per_label,
        }  # fmt: skip


def write_world(folder: str | Path, settings: WorldSettings, *, progress: Progress | None = None) -> Path:
    """Writes the dataset and returns its folder. Equal settings leave equal bytes.

    Args:
        folder: Where to write: ``train/<label>/…flac`` with ``-`` for spaces, ``validation/``, ``test/``,
            ``manifest.csv`` (path, label, split, caption, licence) and a README. A dataset of this kind that is there
            already is replaced.
        settings: Of the world and its parts.
        progress: Called with ``rendering``, labels done, labels in all.

    The README comes first and says whose folder it is, so that a stopped command can be started again; the manifest
    comes last and says that all is there.

    Raises:
        DatasetError: The folder holds something else.
        RunError: The disk refuses to be written, or another process writes there.
    """
    folder = Path(folder)
    _check_room(folder)
    with locked(folder), disk_errors(str(folder)):
        _make_room(folder)
        parts = ", ".join(f"{name} {value:g}" for name, value in asdict(settings.world.shift).items())
        count = sum(settings.parts.values()) * len(labels())
        about = _README.format(title=_TITLE, count=count, shift=settings.shift, seed=settings.seed, parts=parts)
        write_text(folder / "README.md", about)
        rows: list[tuple[str, ...]] = []
        work = [(part, label) for part in settings.parts for label in labels()]
        for done, (part, label) in enumerate(work, start=1):
            for number, clip in enumerate(settings.world.clips(label, part=part, count=settings.parts[part])):
                name = label.replace(" ", "-")
                path = f"{part}/{name}/{name}-{number:03d}.flac"
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                tags = {"title": f"{label} (procedural)", "software": "Menura", "license": LICENCE}
                encode(clip.recording, folder / path, tags=tags)
                rows.append((path, label, part, clip.caption, LICENCE))
            if progress is not None:
                progress("rendering", done, len(work))
        table = io.StringIO(newline="")
        csv.writer(table, lineterminator="\n").writerows([("path", "label", "split", "caption", "licence"), *rows])
        write_text(folder / "manifest.csv", table.getvalue())
    return folder


def _check_room(folder: Path) -> None:
    """Refuses a folder that holds anything but a dataset of this kind."""
    if folder.is_file():
        raise DatasetError(f"{folder} is a file, expected a folder for the dataset")
    if not folder.exists():
        return
    readme, own = folder / "README.md", (LOCK_NAME, TEMPORARY_PREFIX)
    if all(path.name.startswith(own) for path in folder.iterdir()):
        return
    if not (readme.is_file() and readme.read_text(encoding="utf-8", errors="replace").startswith(_TITLE)):
        raise DatasetError(f"{folder} is not empty and holds no dataset of `menura synth world`; choose another folder")


def _make_room(folder: Path) -> None:
    """Removes an earlier dataset of this kind, or what is there of it, and nothing else."""
    remove_leftovers(folder)
    (folder / "manifest.csv").unlink(missing_ok=True)
    for name in ("train", "validation", "test"):
        shutil.rmtree(folder / name, ignore_errors=True)
