"""Weights on this disk: a folder of one's own, or one of the Hub, from its cache or fetched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from menura.backends.weights.check import CONFIG, INDEX, check_folder
from menura.backends.weights.names import Weights
from menura.backends.weights.published import size_in_words
from menura.errors import BackendError
from menura.offline import VARIABLE, is_offline

__all__ = ["Download", "Files", "download_of", "downloads_of", "fetch"]

_READ = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors")


@dataclass(frozen=True, slots=True)
class Files:
    """Weights on this disk.

    Attributes:
        path: As the person named them.
        folder: Where they lie.
        revision: Commit on the Hub; None for a folder of the person's own.
        identity: Content of a folder of the person's own; name and commit of one of the Hub.
    """

    path: str
    folder: Path
    revision: str | None
    identity: str


@dataclass(frozen=True, slots=True)
class Download:
    """What would have to be fetched before a model can be used.

    Attributes:
        name: ``owner/name`` on the Hub.
        revision: Commit or tag; None for the newest.
        size: About how large it is, in words; empty when that is not known.
        cache: Folder that it goes to.
    """

    name: str
    revision: str | None
    size: str
    cache: Path

    def __str__(self) -> str:
        what = f"{self.name}@{self.revision}" if self.revision else self.name
        size = self.size or "of a size that is not known here"
        return f"weights {what} ({size}) will be downloaded to {self.cache}; HF_HUB_OFFLINE=1 forbids it"


def fetch(weights: Weights) -> Files:
    """The folder of the weights; a name on the Hub that is not whole in the local cache is downloaded.

    What is in the cache is not compared with the Hub: ``hf download NAME`` brings a newer one.

    Raises:
        BackendError: They cannot be had, are pickled, or are not whole.
    """
    if weights.folder is not None:
        check_folder(weights.folder)
        return Files(weights.path, weights.folder, None, weights.identity)
    folder = _cached(weights)
    if folder is None or (_is_incomplete(folder) and not _offline()):
        folder = _downloaded(weights)
    check_folder(folder)
    return Files(weights.path, folder, folder.name, f"hub:{weights.name}@{folder.name}")


def download_of(weights: Weights) -> Download | None:
    """What :func:`fetch` would download; None for a folder, and for what is in the local cache.

    Raises:
        BackendError: It would have to be downloaded, and ``HF_HUB_OFFLINE=1`` or ``MENURA_OFFLINE=1`` forbids it.
    """
    if weights.folder is not None or weights.name is None:
        return None
    folder = _cached(weights)
    if _offline():
        fetch(weights)
    elif folder is None or _is_incomplete(folder):
        from huggingface_hub import constants

        return Download(weights.name, weights.revision, size_in_words(weights.name), Path(constants.HF_HUB_CACHE))
    return None


def downloads_of(weights: Iterable[Weights | None]) -> list[Download]:
    """What would be downloaded for all of them, each once; see :func:`download_of`."""
    found = [download_of(one) for one in weights if one is not None]
    return list(dict.fromkeys(one for one in found if one is not None))


def _offline() -> bool:
    from huggingface_hub import constants

    return is_offline() or bool(constants.HF_HUB_OFFLINE)


def _forbidden_by() -> str:
    return f"{VARIABLE}=1" if is_offline() else "HF_HUB_OFFLINE=1"


def _cached(weights: Weights) -> Path | None:
    """Folder of the revision in the local cache, whole or not."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(str(weights.name), revision=weights.revision, local_files_only=True))
    except HFValidationError as error:
        raise BackendError(f"{weights.path} is no folder here and no name on the Hub: {error}") from error
    except (LocalEntryNotFoundError, OSError, ValueError):
        return None


def _is_incomplete(folder: Path) -> bool:
    if not any((folder / name).is_file() for name in (INDEX, CONFIG)):
        return True
    try:
        check_folder(folder)
    except BackendError:
        return True
    return False


def _downloaded(weights: Weights) -> Path:
    from huggingface_hub import HfApi, snapshot_download

    name = str(weights.name)
    if _offline():
        raise BackendError(_not_fetched(weights, f"it is not in the local cache, and {_forbidden_by()} forbids it"))
    try:
        patterns = [*_READ, "README.md"]
        if INDEX in HfApi().list_repo_files(name, revision=weights.revision):
            # the folders of the parts; a repository may hold the same weights once more beside them
            patterns = ["*.json", "README.md", *(f"*/{pattern}" for pattern in _READ)]
        return Path(
            snapshot_download(name, revision=weights.revision, allow_patterns=patterns, ignore_patterns=["*.fp16.*"])
        )
    except Exception as error:  # no network, no such name, gated, no space: the client has one class for each
        reason = " ".join(str(error).split())[:200]
        raise BackendError(_not_fetched(weights, f"{type(error).__name__}: {reason}")) from error


def _not_fetched(weights: Weights, reason: str) -> str:
    return (
        f"{weights.path} is no folder here and cannot be fetched from the Hub ({reason}). Check the name, the network, "
        "and for a gated model that its licence was accepted by the account you are logged in with; or run "
        f"`hf download {weights.name}` where there is a network, or give a folder"
    )
