"""What each audio file holds, found by decoding it once and remembered in the user's cache."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from menura.audio import identify
from menura.errors import AudioError
from menura.records import parse_json
from menura.seeding import canonical_json, content_hash
from menura.types import Progress

__all__ = ["FileFacts", "cache_folder", "file_facts", "num_cores"]

_VERSION = 2


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What decoding a file has shown.

    Attributes:
        id: Id of the clip (:func:`menura.audio.clip_id`).
        num_samples: Samples per channel.
        sample_rate: In Hz.
        channels: Number of channels.
        container, subtype: As libsndfile names them.
    """

    id: str
    num_samples: int
    sample_rate: int
    channels: int
    container: str
    subtype: str


def file_facts(
    paths: Sequence[str], *, root: str, progress: Progress | None = None
) -> dict[str, FileFacts | AudioError]:
    """Path to what the file holds, or to the reason why it cannot be read.

    A file is decoded again only when its size, its place on the disk or its times of change differ from those in the
    cache. The cache is a file of JSON lines that is only ever appended to: whatever a killed process left behind is
    ignored.

    Args:
        paths: Absolute paths.
        root: The dataset that they belong to; each has one cache file.
        progress: Called as the files are read.
    """
    cache = _cache_file(root)
    known = _read_cache(cache)
    states = {path: _state(path) for path in paths}
    found: dict[str, FileFacts | AudioError] = {}
    for path, state in states.items():
        entry = known.get(path)
        if state is not None and entry is not None and entry[0] == state:
            found[path] = entry[1]
    missing = [path for path in paths if path not in found]
    fresh: list[str] = []
    with ThreadPoolExecutor(num_cores()) as pool:
        for path, facts in zip(missing, pool.map(_facts, missing), strict=True):
            found[path] = facts
            state = states[path]
            if isinstance(facts, FileFacts) and state is not None:
                fresh.append(canonical_json({"path": path, "state": state, "facts": asdict(facts)}))
            if len(fresh) >= 256:
                _append(cache, fresh)
                fresh = []
            if progress is not None:
                progress("read", len(found), len(paths))
    _append(cache, fresh)
    return found


def cache_folder() -> Path | None:
    """The user's cache: ``MENURA_CACHE``, ``XDG_CACHE_HOME/menura`` or ``~/.cache/menura``; None without a home."""
    if own := os.environ.get("MENURA_CACHE"):
        return Path(own)
    if shared := os.environ.get("XDG_CACHE_HOME"):
        return Path(shared) / "menura"
    try:
        return Path.home() / ".cache" / "menura"
    except RuntimeError:
        return None


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _facts(path: str) -> FileFacts | AudioError:
    try:
        info, name = identify(path)
    except AudioError as error:
        return error
    except MemoryError:
        return AudioError(f"{path} does not fit into memory; cut it into clips")
    return FileFacts(name, info.num_samples, info.sample_rate, info.channels, info.container, info.subtype)


def _state(path: str) -> list[int] | None:
    """What changes with the content. ``cp -p`` or an archive may set the time of modification back, not ``ctime``."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _cache_file(root: str) -> Path | None:
    import soundfile

    folder = cache_folder()
    if folder is None:
        return None
    name = content_hash([_VERSION, os.path.abspath(root), soundfile.__libsndfile_version__])
    return folder / "index" / f"{name}.jsonl"


def _read_cache(cache: Path | None) -> dict[str, tuple[list[int], FileFacts]]:
    try:
        lines: Iterable[str] = cache.read_text(encoding="utf-8", errors="surrogateescape").split("\n") if cache else ()
    except OSError:
        return {}
    known: dict[str, tuple[list[int], FileFacts]] = {}
    for line in lines:
        try:
            row = parse_json(line)
            state = [int(number) for number in row["state"]]
            known[str(row["path"])] = (state, FileFacts(**row["facts"]))
        except (ValueError, TypeError, KeyError):
            continue  # the torn line of a killed process, or of another version: its file is decoded again
    return known


def _append(cache: Path | None, lines: Sequence[str]) -> None:
    if cache is None or not lines:
        return
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with open(cache, "ab") as sink:
            sink.write(("\n" + "\n".join(lines) + "\n").encode("utf-8", errors="surrogateescape"))
    except (OSError, UnicodeError):
        return  # a cache that cannot be written costs time and nothing else
