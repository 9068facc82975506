"""Models read from folders, checked part by part: nothing pickled, nothing missing, nothing of another kind."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from menura.backends.text_to_audio.weights import Weights, refuse_pickles
from menura.config import ModelSettings
from menura.errors import BackendError

__all__ = ["Files", "described_class", "fetch", "load_pipeline", "load_transformer", "place", "quiet", "torch_dtype"]


@dataclass(frozen=True, slots=True)
class Files:
    """Weights on this disk.

    Attributes:
        folder: Of the model.
        revision: Commit on the Hub; None for a folder of the person's own.
    """

    folder: Path
    revision: str | None


def fetch(weights: Weights) -> Files:
    """The folder of the weights, after the first use of a name on the Hub has downloaded them.

    Raises:
        BackendError: They cannot be had, or are pickled.
    """
    if weights.folder is not None:
        return Files(weights.folder, None)
    from huggingface_hub import snapshot_download

    try:
        named = set(_listed(weights))
        patterns = ["*.json", "*.txt", "*.model", "*.safetensors"]
        if "model_index.json" in named:  # the folders of the parts; a repository may hold the same weights once more
            patterns = ["*.json", *(f"*/{pattern}" for pattern in patterns)]
        folder = Path(
            snapshot_download(
                weights.path, revision=weights.revision, allow_patterns=patterns, ignore_patterns=["*.fp16.*"]
            )
        )
    except Exception as error:  # the many errors of the Hub's client, a missing network among them
        raise BackendError(
            f"weights {weights.path} are neither a folder here nor could they be fetched from the Hub: "
            f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}. Check the name, the network, "
            "HF_HUB_OFFLINE, and for a gated model that its licence was accepted by the account you are logged in with"
        ) from error
    refuse_pickles(folder)
    return Files(folder, folder.name)


def _listed(weights: Weights) -> list[str]:
    """Names of the files in the repository, from the cache if it is there."""
    from huggingface_hub import HfApi, try_to_load_from_cache

    if isinstance(try_to_load_from_cache(weights.path, "model_index.json", revision=weights.revision), str):
        return ["model_index.json"]
    if isinstance(try_to_load_from_cache(weights.path, "config.json", revision=weights.revision), str):
        return ["config.json"]
    return list(HfApi().list_repo_files(weights.path, revision=weights.revision))


def described_class(folder: Path) -> str:
    """Class that the folder says it holds: of ``model_index.json``, or the architecture of ``config.json``.

    Raises:
        BackendError: Neither file is there, or it names none.
    """
    for name, key in (("model_index.json", "_class_name"), ("config.json", "architectures")):
        if (folder / name).is_file():
            try:
                found = json.loads((folder / name).read_text(encoding="utf-8")).get(key)
            except ValueError as error:
                raise BackendError(f"{folder / name} is no JSON: {error}") from error
            found = found[0] if isinstance(found, list) and found else found
            if isinstance(found, str):
                return found
            raise BackendError(f"{folder / name} names no {key}")
    raise BackendError(f"{folder} is no model folder: expected model_index.json (diffusers) or config.json in it")


def load_pipeline(folder: Path, *, dtype: Any, expected: str | None, replace: Mapping[str, str] | None = None) -> Any:
    """A diffusers pipeline whose every part has all of its weights.

    diffusers and transformers fill what a file lacks with random numbers and go on; here each part is loaded with its
    report, and a report that is not clean is an error.

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

    found = described_class(folder)
    if expected is not None and found != expected:
        raise BackendError(f"{folder} holds {found}, expected {expected}: choose the generator that belongs to it")
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    parts: dict[str, Any] = {}
    with quiet(), _told(folder), torch.random.fork_rng(devices=[]):
        for name, entry in index.items():
            if name.startswith("_") or not isinstance(entry, list) or entry[0] is None:
                continue
            library, class_name = entry
            kind = simple_get_class_obj(library, (replace or {}).get(class_name, class_name))  # type: ignore[no-untyped-call]
            if list((folder / name).glob("*.safetensors")):
                parts[name] = _checked(kind, folder / name, dtype)
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
    import torch

    found = described_class(folder)
    if found != kind.__name__:
        raise BackendError(f"{folder} holds {found}, expected {kind.__name__}: choose the generator that belongs to it")
    with quiet(), _told(folder), torch.random.fork_rng(devices=[]):
        return _checked(kind, folder, dtype).eval()


def _checked(kind: Any, folder: Path, dtype: Any) -> Any:
    """One part; transformers and diffusers give the same report."""
    name = "dtype" if kind.__module__.startswith("transformers") else "torch_dtype"
    model, report = kind.from_pretrained(
        folder, output_loading_info=True, use_safetensors=True, local_files_only=True, **{name: dtype}
    )
    missing = sorted(report.get("missing_keys", ()))
    mismatched = sorted(str(entry) for entry in report.get("mismatched_keys", ()))
    if missing or mismatched:
        names = ", ".join([*missing, *mismatched][:4])
        raise BackendError(
            f"{folder} lacks {len(missing) + len(mismatched)} weights of {kind.__name__} ({names}); they would be "
            "random numbers, and so would the clips. Download or convert the model again"
        )
    return model


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Errors of the libraries as one line that names the folder."""
    try:
        yield
    except (BackendError, MemoryError):
        raise
    except Exception as error:  # whatever the libraries raise for a damaged or foreign folder
        first = str(error).strip().splitlines()[0] if str(error).strip() else ""
        raise BackendError(f"{folder} cannot be loaded: {type(error).__name__}: {first}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Without the progress bars and notes of the libraries while a model loads; put back after."""
    import warnings

    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    libraries = (diffusers_logging, transformers_logging)
    levels = [library.get_verbosity() for library in libraries]
    bars = [library.is_progress_bar_enabled() for library in libraries]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for library in libraries:
            library.set_verbosity_error()
            library.disable_progress_bar()
        try:
            yield
        finally:
            for library, level, bar in zip(libraries, levels, bars, strict=True):
                library.set_verbosity(level)
                if bar:
                    library.enable_progress_bar()


def torch_dtype(settings: ModelSettings) -> Any:
    """Type of the weights; float32 unless the settings ask for less."""
    import torch

    return getattr(torch, settings.precision or "float32")


def place(settings: ModelSettings) -> str:
    """Device to work on: as asked, or for ``auto`` a graphics card where there is one.

    Raises:
        BackendError: It is not there, or parts shall be kept off a card and there is none.
    """
    import torch

    card = torch.cuda.is_available()
    device = ("cuda" if card else "cpu") if settings.device == "auto" else settings.device
    if device.startswith("cuda") and not card:
        raise BackendError(f"device {device} was asked for, but torch sees no graphics card; --device cpu or auto")
    if settings.offload and not device.startswith("cuda"):
        raise BackendError(f"offload keeps parts of a model off a graphics card, but the device is {device}")
    return device
