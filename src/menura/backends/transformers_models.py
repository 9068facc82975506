"""Models of ``transformers`` from a folder or from the Hub: safetensors only, complete, told apart by their content."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from menura.errors import BackendError

__all__ = ["ModelFolder", "choose_device", "find_model", "load_part", "load_weights"]

_READ = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
_PICKLES = ("*.bin", "*.ckpt", "*.pt", "*.pth")
_BLOCK = 1 << 20
_UNUSED = ("masked_spec_embed", "num_batches_tracked", "position_ids", "token_type_ids", "relative_position_index")
"""Only used in training, or counted out anew: absent from some published checkpoints, and never random."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """Where a model lies.

    Attributes:
        name: As it was asked for: a folder, or the name of a repository on the Hub.
        folder: Local folder with its files.
        revision: Commit on the Hub; None for a folder of one's own.
    """

    name: str
    folder: Path
    revision: str | None = None

    @property
    def kind(self) -> str:
        """``model_type`` of its configuration, e.g. ``clap``; empty when it states none."""
        return str(json.loads((self.folder / "config.json").read_text(encoding="utf-8")).get("model_type", ""))

    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of the content of all files that are read, whatever the folder is called."""
        digest = hashlib.sha256()
        for path in sorted({path for pattern in _READ for path in self.folder.glob(pattern)}):
            digest.update(path.name.encode() + b"\0")
            with path.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
        return digest.hexdigest()[:16]


def find_model(name: str) -> ModelFolder:
    """The folder of a model: a local one, or ``owner/name`` or ``owner/name@revision`` of the Hub, fetched if need be.

    Raises:
        BackendError: It is neither, cannot be fetched, or holds no safetensors.
    """
    folder, revision = Path(name).expanduser(), None
    if not folder.is_dir():
        folder, revision = _fetched(name)
    if not (folder / "config.json").is_file():
        raise BackendError(f"{name} has no config.json, expected a model that `save_pretrained` wrote")
    if not any(folder.glob("*.safetensors")):
        raise BackendError(_without_safetensors(name, folder))
    return ModelFolder(name, folder, revision)


def load_weights(kind: Any, where: ModelFolder) -> Any:
    """A model in evaluation mode, by ``from_pretrained`` of its class, with every one of its weights from the file.

    Raises:
        BackendError: It does not load, or a weight is missing, which the library would fill with random numbers.
    """
    loaded = load_part(kind, where, use_safetensors=True, output_loading_info=True)
    model, told = loaded
    missing = sorted(key for key in told["missing_keys"] if not key.endswith(_UNUSED))
    mismatched = sorted(str(item[0]) for item in told["mismatched_keys"])
    if missing or mismatched:
        listed = ", ".join((missing + mismatched)[:3])
        raise BackendError(
            f"{where.name} lacks {len(missing + mismatched)} weights of {type(model).__name__} ({listed}, …), which "
            "would be random; take a complete checkpoint, or the class that it was saved from"
        )
    return model.eval()


def load_part(kind: Any, where: ModelFolder, **options: Any) -> Any:
    """What ``kind.from_pretrained`` gives for the folder: a configuration, a tokenizer, a processor.

    Raises:
        BackendError: It does not load; with the reason in one line.
    """
    try:
        with _quiet():
            return kind.from_pretrained(str(where.folder), local_files_only=True, trust_remote_code=False, **options)
    except Exception as error:  # the libraries raise OSError, ValueError, RuntimeError, SafetensorError, …
        reason = " ".join(str(error).split())[:300]
        raise BackendError(f"{where.name} cannot be loaded as {kind.__name__}: {reason}") from error


def choose_device(device: str) -> str:
    """``auto`` is the graphics card where there is one, else the processor."""
    import torch

    if device != "auto":
        return device
    return "cuda" if torch.cuda.is_available() else "cpu"


def _fetched(name: str) -> tuple[Path, str | None]:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    repository, _, revision = name.partition("@")
    if repository.count("/") != 1 or repository.startswith((".", "/", "~")):
        raise BackendError(f"no folder {name}, expected a folder of a model or owner/name of one on the Hub")
    try:
        folder = Path(snapshot_download(repository, revision=revision or None, allow_patterns=list(_READ)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise BackendError(
            f"{name} is no folder here and cannot be fetched from the Hub ({type(error).__name__}: {reason}); "
            f"`hf download {repository}` on a machine with network, or give a folder"
        ) from error
    return folder, folder.name


def _without_safetensors(name: str, folder: Path) -> str:
    pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
    found = (
        f"{name} holds its weights as a pickle ({pickles[0]}), which can run code when it is opened and is not loaded"
        if pickles
        else f"{name} holds no *.safetensors; a pickle is not loaded, as it can run code when it is opened"
    )
    return (
        f'{found}. If you trust it, convert it once and give the new folder: python -c "from transformers import '
        f"AutoModel, AutoProcessor; AutoModel.from_pretrained('{name}', use_safetensors=False).save_pretrained("
        f"'CONVERTED'); AutoProcessor.from_pretrained('{name}').save_pretrained('CONVERTED')\""
    )


@contextmanager
def _quiet(names: Sequence[str] = ("transformers",)) -> Iterator[None]:
    """Without the progress bars and notes of the library; what matters is checked and said by the caller."""
    import transformers.utils.logging

    library: Any = transformers.utils.logging

    levels = [(logging.getLogger(name), logging.getLogger(name).level) for name in names]
    bars = library.is_progress_bar_enabled()
    library.disable_progress_bar()
    for logger, _ in levels:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in levels:
            logger.setLevel(level)
        if bars:
            library.enable_progress_bar()
