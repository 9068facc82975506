"""Where the weights are, what identifies them, and why some are refused. No model library is imported here."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from menura.errors import BackendError

__all__ = ["CONVERT", "Weights", "content_of", "find_weights", "read_header", "refuse_pickles"]

CONVERT = "python -m menura.backends.text_to_audio.convert FOLDER NEW_FOLDER"
"""Command that turns pickled weights into safetensors without running what a pickle may hold."""

_PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".th"}
_SAMPLE = 64


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights by name, before they are loaded.

    Attributes:
        path: As the person gave it: a folder, or a name on the Hub.
        revision: As the person gave it.
        folder: The folder, if it is one.
    """

    path: str
    revision: str | None
    folder: Path | None

    @property
    def identity(self) -> str:
        """Content of a folder (:func:`content_of`); name and revision of a model on the Hub.

        A name is not resolved: planning needs no network, and a plan made before the download fits the run after it.
        """
        if self.folder is not None:
            return content_of(self.folder)
        return f"hub:{self.path}@{self.revision or 'main'}"


def find_weights(path: str, revision: str | None = None) -> Weights:
    """The weights of that name; nothing is loaded, and nothing is fetched.

    Raises:
        BackendError: It looks like a folder and is none, or holds no safetensors.
    """
    folder = Path(path).expanduser()
    if folder.is_dir():
        refuse_pickles(folder)
        return Weights(path, revision, folder)
    if folder.exists():
        raise BackendError(f"{path} is a file, expected the folder of a model (model_index.json or config.json in it)")
    parts = path.split("/")
    if folder.is_absolute() or path.startswith((".", "~")) or len(parts) != 2 or not all(parts):
        raise BackendError(f"no model folder {path}; expected a folder, or a name on the Hub such as cvssp/audioldm2")
    return Weights(path, revision, None)


def refuse_pickles(folder: Path) -> None:
    """Accept a folder in which each part that has weights has safetensors.

    Raises:
        BackendError: Some part has only pickled weights, or nothing has weights.
    """
    found = [file for file in folder.rglob("*") if file.is_file() and ".git" not in file.parts]
    safe = {file.parent for file in found if file.suffix == ".safetensors"}
    pickled = sorted(file for file in found if file.suffix in _PICKLES and file.parent not in safe)
    pickled = [file for file in pickled if file.name not in {"training_args.bin", "scheduler.bin", "optimizer.bin"}]
    if pickled:
        names = ", ".join(str(file.relative_to(folder)) for file in pickled[:3])
        raise BackendError(
            f"{folder} has pickled weights ({names}); a pickle can run any program, so only safetensors are read. "
            f"Convert once, reading tensors only: {CONVERT}"
        )
    if not safe:
        raise BackendError(
            f"{folder} holds no weights: expected *.safetensors in it or in the folders of its parts. If the model is "
            f"published as a pickle only, download that yourself and convert it: {CONVERT}"
        )


def content_of(folder: Path) -> str:
    """Sixteen hexadecimal digits that follow from the content of a model folder.

    Covers the size and the header of each safetensors file (names, types and shapes of all tensors), 64 bytes in the
    middle of every tensor, and the whole of every other file but documents. Any training moves those bytes; a change of
    single numbers elsewhere in a tensor is not seen, as reading gigabytes to plan would cost minutes.
    """
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if not file.is_file() or any(part.startswith(".") for part in Path(name).parts):
            continue
        if file.suffix == ".safetensors":
            digest.update(f"{name}:{_sampled(file)}".encode())
        elif file.suffix in {".json", ".txt", ".model"}:
            digest.update(f"{name}:{hashlib.sha256(file.read_bytes()).hexdigest()}".encode())
    return digest.hexdigest()[:16]


def _sampled(file: Path) -> str:
    header, start = read_header(file)
    digest = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    digest.update(str(file.stat().st_size).encode())
    with file.open("rb") as stream:
        for name in sorted(header):
            if name == "__metadata__":
                continue
            first, last = header[name]["data_offsets"]
            stream.seek(start + max(first, (first + last - _SAMPLE) // 2))
            digest.update(stream.read(min(_SAMPLE, last - first)))
    return digest.hexdigest()


def read_header(file: Path) -> tuple[dict[str, Any], int]:
    """The table of tensors of a safetensors file, and where their bytes begin.

    Raises:
        BackendError: It is no safetensors file, or a broken download.
    """
    with file.open("rb") as stream:
        length = int.from_bytes(stream.read(8), "little")
        if not 2 <= length <= min(100_000_000, file.stat().st_size - 8):
            raise BackendError(f"{file} is no safetensors file or is cut off: download it again")
        try:
            header: dict[str, Any] = json.loads(stream.read(length))
        except ValueError as error:
            raise BackendError(f"{file} is no safetensors file or is damaged: download it again") from error
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"]
    if 8 + length + max(ends, default=0) > file.stat().st_size:
        raise BackendError(f"{file} is cut off: download it again")
    return header, 8 + length
