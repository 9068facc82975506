"""Turns a model folder with pickled weights into one with safetensors, reading tensors only.

    menura models convert FOLDER NEW

``torch.load(weights_only=True)`` unpickles tensors and plain values and refuses everything else, so that a file from a
stranger cannot run a program. Nothing else of Menura reads a pickle.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from menura.backends.weights.loading import told
from menura.errors import BackendError

__all__ = ["convert_folder", "load_plain", "read_tensors"]

_NAMES = {
    "pytorch_model.bin": "model.safetensors",
    "diffusion_pytorch_model.bin": "diffusion_pytorch_model.safetensors",
    "adapter_model.bin": "adapter_model.safetensors",
}


def convert_folder(source: Path, target: Path) -> list[Path]:
    """Copy a model folder, each pickle replaced by the safetensors file of the same tensors.

    Returns:
        The files that were written instead of a pickle.

    Raises:
        BackendError: The target exists, the source has no pickle that is known, or one holds more than tensors.
    """
    from safetensors.torch import save_file

    if target.exists():
        raise BackendError(f"{target} exists already: choose another folder, or remove it")
    sharded = sorted(source.rglob("*.bin.index.json"))
    if sharded:
        raise BackendError(
            f"{source} has weights in several pickles ({sharded[0].name}): load it with its library in an environment "
            "of its own and save it with safe_serialization=True"
        )
    pickles = [file for file in sorted(source.rglob("*.bin")) if file.name in _NAMES]
    if not pickles:
        raise BackendError(f"{source} has none of {', '.join(_NAMES)}")
    tensors = {file: read_tensors(file) for file in pickles}
    shutil.copytree(source, target, ignore=lambda _, names: [name for name in names if name.endswith((".bin", ".pt"))])
    written = []
    for file, state in tensors.items():
        new = target / file.relative_to(source).with_name(_NAMES[file.name])
        save_file(_apart(state), new, metadata={"format": "pt"})
        written.append(new)
    return written


def read_tensors(file: Path) -> dict[str, Any]:
    """The named tensors of a pickle.

    Raises:
        BackendError: It holds anything else than tensors by name.
    """
    found = load_plain(file)
    import torch

    if not isinstance(found, Mapping) or not all(isinstance(value, torch.Tensor) for value in found.values()):
        raise BackendError(f"{file} does not hold tensors by name and cannot be converted")
    return dict(found)


def load_plain(file: Path) -> Any:
    """Tensors and plain values of a pickle.

    Raises:
        BackendError: It holds code, or is damaged.
    """
    import torch

    with told(f"{file} holds more than tensors or is damaged and was not read"):
        return torch.load(file, map_location="cpu", weights_only=True)


def _apart(state: Mapping[str, Any]) -> dict[str, Any]:
    """Tensors of one copy each: safetensors has no shared memory, and the first name of a shared tensor is enough."""
    kept: dict[str, Any] = {}
    seen: set[tuple[int, tuple[int, ...], tuple[int, ...]]] = set()
    for name, tensor in state.items():
        place = (tensor.data_ptr(), tuple(tensor.shape), tuple(tensor.stride()))
        if tensor.numel() and place in seen:
            continue
        seen.add(place)
        kept[name] = tensor.detach().clone().contiguous()
    return kept
