"""Models and their parts, loaded without a word and whole, or not at all."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from menura.errors import BackendError, BackendLostError

__all__ = ["load_part", "load_whole", "lost_if_unloadable", "one_line", "quiet", "told"]

_NEVER_RANDOM = (
    "masked_spec_embed", "num_batches_tracked", "position_ids", "token_type_ids", "relative_position_index",
)  # fmt: skip
"""Only used in training, or counted out anew: absent from some published checkpoints, and never random."""


def load_whole(kind: Any, folder: Path, *, dtype: Any = None) -> Any:
    """A model in evaluation mode, by ``from_pretrained`` of its class, with every one of its weights from the file.

    diffusers and transformers fill what a file lacks with random numbers and go on; here their report is read, and one
    that is not clean is an error.

    Args:
        kind: Class of either library.
        folder: With its configuration and its safetensors.
        dtype: Of the weights; None leaves it to the library.

    Raises:
        BackendError: It does not load, or a weight is missing or of another shape.
    """
    import torch

    options: dict[str, Any] = {"output_loading_info": True, "use_safetensors": True}
    if dtype is not None:
        options["torch_dtype" if _library(kind) == "diffusers" else "dtype"] = dtype
    with torch.random.fork_rng(devices=[]):
        model, report = load_part(kind, folder, **options)
    missing = sorted(key for key in report.get("missing_keys", ()) if not key.endswith(_NEVER_RANDOM))
    mismatched = sorted(str(entry) for entry in report.get("mismatched_keys", ()))
    lacking = [*missing, *mismatched]
    if lacking:
        raise BackendError(
            f"{folder} lacks {len(lacking)} weights of {type(model).__name__} ({', '.join(lacking[:4])}"
            f"{', …' if len(lacking) > 4 else ''}); they would be random numbers. Download or convert the model again, "
            "or take the class that it was saved from"
        )
    return model.eval()


def load_part(kind: Any, folder: Path, **options: Any) -> Any:
    """What ``kind.from_pretrained`` gives for a folder: a configuration, a tokenizer, a processor, a model.

    Raises:
        BackendError: It does not load; with the reason in one line.
    """
    if _library(kind) == "transformers":
        options = {"trust_remote_code": False, **options}
    with quiet(), told(f"{folder} cannot be loaded as {kind.__name__}"):
        return kind.from_pretrained(str(folder), local_files_only=True, **options)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Whatever the libraries raise for a damaged or foreign folder as one line that begins with these words."""
    try:
        yield
    except (BackendError, MemoryError):
        raise
    except Exception as error:  # OSError, ValueError, RuntimeError, SafetensorError, …
        raise BackendError(f"{what}: {type(error).__name__}: {one_line(error)}") from error


@contextmanager
def lost_if_unloadable() -> Iterator[None]:
    """Weights that cannot be had for one request cannot be had for any: the run stops, and no request is blamed.

    Raises:
        BackendLostError: In place of a BackendError.
    """
    try:
        yield
    except BackendLostError:
        raise
    except BackendError as error:
        raise BackendLostError(str(error)) from error


def one_line(error: BaseException) -> str:
    """What an error says, on one line and not without end."""
    return " ".join(str(error).split())[:300]


@contextmanager
def quiet() -> Iterator[None]:
    """Without progress bars and notes of the model libraries that are imported; put back after."""
    with warnings.catch_warnings(), ExitStack() as after:
        warnings.simplefilter("ignore")
        for name in ("diffusers", "transformers"):
            if name not in sys.modules:
                continue
            library: Any = importlib.import_module(f"{name}.utils.logging")
            after.callback(library.set_verbosity, library.get_verbosity())
            if library.is_progress_bar_enabled():
                after.callback(library.enable_progress_bar)
            library.set_verbosity_error()
            library.disable_progress_bar()
        yield


def _library(kind: Any) -> str:
    return str(kind.__module__).partition(".")[0]
