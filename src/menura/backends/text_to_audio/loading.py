"""Pipelines of ``diffusers`` whose every part was checked: nothing missing, nothing of another kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from menura.backends.weights.check import INDEX, described_class
from menura.backends.weights.content import read_json
from menura.backends.weights.loading import load_whole, quiet, told
from menura.config import ModelSettings
from menura.errors import BackendError

__all__ = ["load_pipeline", "load_transformer", "torch_dtype"]


def load_pipeline(folder: Path, *, dtype: Any, expected: str | None, replace: Mapping[str, str] | None = None) -> Any:
    """A diffusers pipeline whose every part has all of its weights, see :func:`load_whole`.

    Args:
        folder: Of the pipeline.
        dtype: Of the weights.
        expected: Class that it must be; None takes any.
        replace: Class name to the class that is loaded instead of it.

    Raises:
        BackendError: It is another pipeline, a part lacks weights, or something cannot be read.
    """
    import diffusers
    import torch
    from diffusers.pipelines.pipeline_loading_utils import simple_get_class_obj

    found = _expect(folder, expected)
    parts: dict[str, Any] = {}
    with quiet(), told(f"{folder} cannot be loaded as {found}"), torch.random.fork_rng(devices=[]):
        for name, entry in read_json(folder / INDEX).items():
            if name.startswith("_") or not isinstance(entry, list) or entry[0] is None:
                continue
            library, class_name = _known(folder, name, entry)
            kind = simple_get_class_obj(library, (replace or {}).get(class_name, class_name))  # type: ignore[no-untyped-call]
            if list((folder / name).glob("*.safetensors")):
                parts[name] = load_whole(kind, folder / name, dtype=dtype)
        pipeline_class = getattr(diffusers, found, diffusers.DiffusionPipeline)
        pipeline = pipeline_class.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=dtype, **parts
        )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def load_transformer(kind: Any, folder: Path, *, dtype: Any) -> Any:
    """A transformers model that has all of its weights.

    Raises:
        BackendError: It is of another kind, lacks weights, or cannot be read.
    """
    _expect(folder, kind.__name__)
    return load_whole(kind, folder, dtype=dtype)


_LIBRARIES = ("diffusers", "transformers")


def _known(folder: Path, name: str, entry: Sequence[Any]) -> tuple[str, str]:
    """Library and class of a part, from a library of models: what a foreign folder names is imported.

    Raises:
        BackendError: It names another module, or no class.
    """
    from diffusers import pipelines

    library, class_name = entry if len(entry) == 2 else (None, None)
    own = isinstance(library, str) and library.isidentifier() and hasattr(pipelines, library)
    if not (isinstance(class_name, str) and isinstance(library, str) and (own or library in _LIBRARIES)):
        raise BackendError(
            f"{folder / INDEX}: part {name} is {entry!r:.100}, expected a class of diffusers or transformers; code "
            "that comes with a model is never run"
        )
    return str(library), class_name


def _expect(folder: Path, expected: str | None) -> str:
    found = described_class(folder)
    if expected is not None and found != expected:
        raise BackendError(f"{folder} holds {found}, expected {expected}: choose the generator that belongs to it")
    return found


def torch_dtype(settings: ModelSettings) -> Any:
    """Type of the weights; float32 unless the settings ask for less."""
    import torch

    return getattr(torch, settings.precision or "float32")
