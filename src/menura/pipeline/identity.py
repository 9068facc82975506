"""Identity of a run: what decides whether two commands mean the same run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from menura.config import RunSettings, settings_from
from menura.datasets.dataset import TrainingPart
from menura.errors import RunError
from menura.files import write_text
from menura.formats import RUN, run_fingerprint
from menura.records import parse_json, record_from
from menura.seeding import canonical_json
from menura.types import Clip, Origin

__all__ = [
    "ADAPTER_NAME",
    "IDENTITY_NAME",
    "TRAINING_NAME",
    "Identity",
    "differences",
    "library_versions",
    "read_training",
    "stored_format",
    "with_adapter",
]

FINGERPRINT_SCHEME = 1
IDENTITY_NAME = "run.json"
TRAINING_NAME = "training.jsonl"
ADAPTER_NAME = "adapter"
"""Folder of the adapter that a run makes for its generator; named so in its identity, wherever the run lies."""
_PATIENCE = {
    "timeout_s", "retries", "repairs", "concurrency", "token_budget", "money_budget", "price_prompt",
    "price_completion", "key_variable", "cache",
}  # fmt: skip
_LIBRARIES = (
    "numpy",
    "scipy",
    "torch",
    "scikit-learn",
    "soundfile",
    "soxr",
    "pyarrow",
    "transformers",
    "diffusers",
    "peft",
)


@dataclass(frozen=True)
class Identity:
    """Everything that decides the bytes of a run. Stored as ``run.json``.

    Attributes:
        settings: Resolved settings.
        sample_rate: Rate of the new clips, in Hz.
        generator: Name and fingerprint of the generator.
        encoder: Name and fingerprint of the encoder of the judges.
        training: Fingerprint of the training part.
        package_version: Version of Menura.
        targets: Label to number of clips to be kept.
        dataset: Name, source, test fold and counts; for people and for ``menura evaluate``.
        versions: Versions of the libraries; for people.
    """

    settings: RunSettings
    sample_rate: int
    generator: Mapping[str, str]
    encoder: Mapping[str, str]
    training: str
    package_version: str
    targets: Mapping[str, int]
    dataset: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Decides whether a run may go on.

        Left out: ``dataset`` and ``versions``. The first repeats ``training`` in words, with paths that may move;
        the second names libraries whose patch releases should not stop a run halfway (``package_version`` stays in).
        Of the settings, those of a language model that decide how long and how dear an answer may be, not what it
        says: a run that its budget stopped goes on with a larger one. And the place of an adapter that the run made
        itself: it lies in the run, and its content is part of the generator's fingerprint.
        """
        return run_fingerprint({"fingerprint_scheme": FINGERPRINT_SCHEME, **self._decisive()})

    def _decisive(self) -> dict[str, Any]:
        return {
            "settings": self._settings(),
            "sample_rate": self.sample_rate,
            "generator": dict(self.generator),
            "encoder": dict(self.encoder),
            "training": self.training,
            "package_version": self.package_version,
            "targets": dict(self.targets),
        }

    def _settings(self) -> dict[str, Any]:
        settings = self.settings
        if settings.makes_adapter and settings.generator.model.adapter is not None:
            settings = with_adapter(settings, ADAPTER_NAME)
        return settings.model_dump(mode="json", exclude={"language_model": _PATIENCE})

    def to_json(self) -> str:
        """Text of ``run.json``."""
        values = {
            "format": RUN.current,
            "fingerprint_scheme": FINGERPRINT_SCHEME,
            "fingerprint": self.fingerprint,
            "seed": self.settings.seed,
            **self._decisive(),
            "dataset": dict(self.dataset),
            "versions": dict(self.versions),
        }
        return json.dumps(json.loads(canonical_json(values)), indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def read(cls, run: Path) -> Identity:
        """Identity of the run in a folder; that of an older format as it would be written today.

        Raises:
            RunError: There is no run, or its ``run.json`` is damaged, was edited, or is of a newer format.
        """
        path, stored = run / IDENTITY_NAME, _stored(run)
        RUN.number_of(stored, source=path)
        try:
            was_edited = run_fingerprint(stored) != stored.get("fingerprint")
            values = RUN.brought_up(stored, source=path)
            settings = _settings_in(run, settings_from(RunSettings, values["settings"], source=str(path)))
            identity = record_from(cls, values | {"settings": settings})
            identity.to_json()
        except (KeyError, ValueError, TypeError) as error:  # a ConfigError is a ValueError
            raise RunError(f"{path} is damaged ({error}); make the run again with --fresh") from error
        if was_edited:
            raise RunError(f"{path} was edited: its content no longer gives its fingerprint; make the run again")
        return identity

    def write(self, run: Path, training: TrainingPart) -> None:
        """Write the training clips and then ``run.json``, whose presence says that both are there."""
        write_text(run / TRAINING_NAME, _training_text(training))
        write_text(run / IDENTITY_NAME, self.to_json())

    def follow(self, run: Path, training: TrainingPart) -> bool:
        """Write where the clips of a run lie now and what is said of them, if the run says something else.

        The clips are the same, and so are their labels and groups: those belong to the fingerprint. Folders move,
        though, and licences and captions are filled in later.

        Args:
            run: Folder of a run with this fingerprint.
            training: The training part that it is gone on with.

        Returns:
            Whether something else was written than other places: ``dataset/`` then tells what was said before.

        Raises:
            RunError: ``run.json`` or ``training.jsonl`` is damaged.
        """
        stored = Identity.read(run)
        before = read_training(run, stored)
        if _training_text(before) == _training_text(training) and before.root == training.root:
            return False
        replace(stored, dataset=self.dataset).write(run, training)
        return {_told(clip) for clip in before.clips} != {_told(clip) for clip in training.clips}


def stored_format(run: Path) -> int:
    """The number of the format in which a run lies on the disk.

    Raises:
        RunError: There is no run, its ``run.json`` cannot be read, or is of a newer format.
    """
    return RUN.number_of(_stored(run), source=run / IDENTITY_NAME)


def _stored(run: Path) -> dict[str, Any]:
    path = run / IDENTITY_NAME
    try:
        values = parse_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunError(f"{run} is not a run ({IDENTITY_NAME} is missing); `menura augment` makes one") from error
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read ({error}); make the run again with --fresh") from error
    return values if isinstance(values, dict) else {"format": None}


def with_adapter(settings: RunSettings, adapter: str | None) -> RunSettings:
    """The settings with another adapter of the generator, or none."""
    model = settings.generator.model.model_copy(update={"adapter": adapter})
    return settings.model_copy(update={"generator": settings.generator.model_copy(update={"model": model})})


def _settings_in(run: Path, settings: RunSettings) -> RunSettings:
    """The settings of a run that lies here."""
    own = settings.makes_adapter and settings.generator.model.adapter == ADAPTER_NAME
    return with_adapter(settings, str(run.absolute() / ADAPTER_NAME)) if own else settings


def differences(stored: Identity, asked: Identity) -> list[str]:
    """Each difference between two identities as ``field was → asked``."""
    was, now = _flat(stored._decisive()), _flat(asked._decisive())
    changed = [name for name in sorted(was.keys() | now.keys()) if was.get(name) != now.get(name)]
    explained = {name.removeprefix("settings.").partition(".")[0] for name in changed if name.startswith("settings.")}
    lines = []
    for name in changed:
        part = name.partition(".")[0]
        if part in ("training", "targets") or (part in ("generator", "encoder") and explained & {"generator", "judge"}):
            continue  # follows from another line
        lines.append(f"{name.removeprefix('settings.')}: {_shown(was.get(name))} → {_shown(now.get(name))}")
    if stored.training != asked.training:
        counts = [identity.dataset.get("clips", "?") for identity in (stored, asked)]
        lines.append(f"training clips: {counts[0]} clips → {counts[1]} clips, of other content, labels or groups")
    if not lines and stored.targets != asked.targets:
        lines.append(f"clips per label: {dict(stored.targets)} → {dict(asked.targets)}")
    return lines


def library_versions() -> dict[str, str]:
    """Versions of the libraries that decide what a clip sounds like, without importing them."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def read_training(run: Path, identity: Identity) -> TrainingPart:
    """The training part that a run was made from.

    Raises:
        RunError: The list is missing or does not fit ``run.json``.
    """
    path = run / TRAINING_NAME
    try:
        clips = tuple(_clip_of(parse_json(line)) for line in path.read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read ({error}); make the run again with --fresh") from error
    dataset = identity.dataset
    training = TrainingPart(
        name=dataset.get("name", ""), clips=clips, root=dataset.get("root", ""), test_fold=dataset.get("test_fold")
    )
    try:
        is_same = training.fingerprint == identity.training
    except ValueError:  # half a character, which has no bytes
        is_same = False
    if not is_same:
        raise RunError(f"{path} was altered: its clips do not fit {IDENTITY_NAME}; make the run again with --fresh")
    return training


def _training_text(training: TrainingPart) -> str:
    return "".join(canonical_json(_clip_cells(clip)) + "\n" for clip in training.clips)


def _told(clip: Clip) -> Clip:
    """What is said of a clip, wherever it lies and however it was made."""
    return replace(clip, path="", provenance=None)


def _clip_cells(clip: Clip) -> dict[str, Any]:
    return {name: value for name, value in asdict(clip).items() if value is not None and name != "provenance"}


@dataclass(frozen=True)
class _ClipCells:
    """A clip without its provenance, which a training part does not store."""

    id: str
    path: str
    labels: tuple[str, ...]
    duration_s: float
    sample_rate: int
    channels: int
    caption: str | None = None
    group: str | None = None
    fold: str | None = None
    split: str | None = None
    licence: str | None = None
    origin: Origin = "real"


def _clip_of(cells: object) -> Clip:
    return Clip(**vars(record_from(_ClipCells, cells)))


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat.update(_flat(value, f"{prefix}{name}."))
        else:
            flat[prefix + name] = value
    return flat


def _shown(value: Any) -> str:
    return "unset" if value is None or value == [] else str(value)
