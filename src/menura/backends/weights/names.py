"""What the path of a model means, and what identifies its weights. No model library is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from menura.backends.weights.check import check_folder
from menura.backends.weights.content import content_of
from menura.errors import BackendError

__all__ = ["Weights", "find_weights"]


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights by name, before they are fetched or loaded.

    Attributes:
        path: As the person gave it.
        name: ``owner/name`` on the Hub; None for a folder.
        revision: Commit or tag that was asked for; None for the newest, and for a folder.
        folder: The folder, if it is one.
    """

    path: str
    name: str | None
    revision: str | None
    folder: Path | None

    @property
    def identity(self) -> str:
        """Content of a folder (:func:`content_of`); name and revision of a model on the Hub.

        A name is not resolved: planning needs no network, and a plan made before the download fits the run after it.
        What is loaded at once, as an encoder is, has the commit instead (:class:`menura.backends.weights.hub.Files`).
        """
        if self.folder is not None:
            return content_of(self.folder)
        return f"hub:{self.name}@{self.revision or 'main'}"

    @property
    def shown(self) -> str:
        """What a clip says of its model: the name on the Hub as it was given, of a folder its own name.

        Where the folder lies would make the clips of two machines differ, and tell strangers how a disk is arranged.
        """
        return self.path if self.folder is None else self.folder.absolute().name


def find_weights(path: str, revision: str | None = None) -> Weights:
    """The weights that a path names: a folder, or ``owner/name`` or ``owner/name@revision`` on the Hub.

    A folder is checked (:func:`check_folder`). Nothing is loaded, and nothing is fetched.

    Args:
        path: Folder or name.
        revision: Commit or tag on the Hub, where the path does not name one.

    Raises:
        BackendError: It looks like a folder and is none, holds no weights that are read, or names two revisions.
    """
    folder = Path(path).expanduser()
    if folder.is_dir():
        check_folder(folder)
        return Weights(path, None, None, folder)
    if folder.exists():
        raise BackendError(f"{path} is a file, expected the folder of a model (model_index.json or config.json in it)")
    name, _, named = path.partition("@")
    parts = name.split("/")
    if folder.is_absolute() or path.startswith((".", "~")) or len(parts) != 2 or not all(parts):
        raise BackendError(
            f"no model folder {path}; expected a folder, or a name on the Hub such as cvssp/audioldm2, with @REVISION "
            "behind it if you like"
        )
    if named and revision and named != revision:
        raise BackendError(f"{path} names one revision and model.revision {revision} another; give it once")
    return Weights(path, name, named or revision or None, None)
