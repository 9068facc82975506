"""What must be right with a model folder before anything in it is loaded: safetensors for each part, and all of it."""

from __future__ import annotations

from pathlib import Path

from menura.backends.weights.content import read_header, read_json
from menura.errors import BackendError

__all__ = ["CONFIG", "CONVERT", "INDEX", "check_folder", "described_class", "model_type"]

CONVERT = "menura models convert FOLDER NEW"
"""Command that turns pickled weights into safetensors without running what a pickle may hold."""

INDEX = "model_index.json"
"""Of a pipeline of ``diffusers``: which parts it has, and of which classes."""

CONFIG = "config.json"
"""Of a single model, and of each part that has weights."""

_PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".th"}
_OF_TRAINING = {"training_args.bin", "scheduler.bin", "optimizer.bin"}


def check_folder(folder: Path) -> None:
    """Accept a folder in which each part that has weights has safetensors, and none of those is cut off.

    Only what would be read counts: the folder itself, or the parts that ``model_index.json`` names.

    Raises:
        BackendError: Some part has only pickled weights or none at all, or a file is cut off or missing.
    """
    pickled: list[str] = []
    empty: list[str] = []
    for place in _places(folder):
        safe = sorted(place.glob("*.safetensors"))
        for file in safe:
            read_header(file)
        _refuse_lost_shards(place)
        if safe:
            continue
        unsafe = sorted(
            file.relative_to(folder).as_posix()
            for file in place.glob("*")
            if file.suffix in _PICKLES and file.name not in _OF_TRAINING
        )
        pickled += unsafe
        if not unsafe:
            empty.append(place.relative_to(folder).as_posix())
    if pickled:
        raise BackendError(
            f"{folder} has pickled weights ({', '.join(pickled[:3])}); a pickle can run any program, so only "
            f"safetensors are read. Convert once, reading tensors only: {CONVERT}"
        )
    if empty:
        where, other = f" in {', '.join(empty[:3])}", ""
        if empty == ["."]:
            where, other = "", f", or {INDEX} and them in the parts that it names"
        raise BackendError(
            f"{folder} holds no weights{where}: expected *.safetensors there{other}. If the model is published as a "
            f"pickle only, download that yourself and convert it: {CONVERT}"
        )


def _places(folder: Path) -> list[Path]:
    """Folders whose weights are read."""
    if not (folder / INDEX).is_file():
        return [folder]
    entries = read_json(folder / INDEX)
    named = [name for name, entry in entries.items() if isinstance(entry, list) and entry and entry[0] is not None]
    found = [folder / name for name in sorted(named)]
    return [place for place in found if (place / CONFIG).is_file() or list(place.glob("*.safetensors"))] or [folder]


def _refuse_lost_shards(place: Path) -> None:
    for index in sorted(place.glob("*.safetensors.index.json")):
        named = {str(name) for name in dict(read_json(index).get("weight_map") or {}).values()}
        lost = sorted(name for name in named if not (place / name).is_file())
        if lost:
            raise BackendError(f"{place} lacks {', '.join(lost[:3])}, which {index.name} names: download it again")


def described_class(folder: Path) -> str:
    """Class that the folder says it holds: of ``model_index.json``, or the architecture of ``config.json``.

    Raises:
        BackendError: Neither file is there, or it names none.
    """
    for name, key in ((INDEX, "_class_name"), (CONFIG, "architectures")):
        if (folder / name).is_file():
            found = read_json(folder / name).get(key)
            found = found[0] if isinstance(found, list) and found else found
            if isinstance(found, str):
                return found
            raise BackendError(f"{folder / name} names no {key}")
    raise BackendError(f"{folder} is no model folder: expected {INDEX} (diffusers) or {CONFIG} in it")


def model_type(folder: Path) -> str:
    """``model_type`` of a model of ``transformers``, e.g. ``clap``; empty when it states none.

    Raises:
        BackendError: There is no ``config.json``.
    """
    if not (folder / CONFIG).is_file():
        raise BackendError(f"{folder} has no {CONFIG}, expected a model of transformers")
    return str(read_json(folder / CONFIG).get("model_type", ""))
