"""Adapters, compilation and off-load: what is done to a model after it was loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from menura.backends.weights.check import CONVERT
from menura.backends.weights.content import content_of, read_header, read_json
from menura.backends.weights.loading import quiet, told
from menura.config import ModelSettings
from menura.errors import BackendError

__all__ = ["ADAPTER_CONFIG", "ADAPTER_WEIGHTS", "PREFIX", "adapted", "check_adapter", "compiled", "to_device"]

ADAPTER_WEIGHTS, ADAPTER_CONFIG = "adapter_model.safetensors", "adapter_config.json"
"""Files of an adapter, as peft names them."""

PREFIX = "menura_prefix"
"""Entry of the configuration of a prefix adapter, which peft does not know."""


def check_adapter(path: str) -> str:
    """Identity of an adapter folder, before anything is loaded.

    Raises:
        BackendError: It is no folder of a LoRA or prefix adapter in safetensors.
    """
    folder = Path(path).expanduser()
    if not (folder / ADAPTER_CONFIG).is_file():
        raise BackendError(f"no adapter in {path}: expected {ADAPTER_CONFIG} and {ADAPTER_WEIGHTS}, as peft saves them")
    if not (folder / ADAPTER_WEIGHTS).is_file():
        found = sorted(file.name for file in folder.glob("adapter_model.*"))
        raise BackendError(
            f"{path} holds {', '.join(found) or 'no weights'}, expected {ADAPTER_WEIGHTS}; a pickle is not read. "
            f"Convert it: {CONVERT}"
        )
    config = read_json(folder / ADAPTER_CONFIG)
    if PREFIX not in config and config.get("peft_type") != "LORA":
        raise BackendError(f"{path} is a {config.get('peft_type')} adapter, expected LORA")
    if config.get("megatron_config") is not None:
        raise BackendError(
            f"{path} names modules to import (megatron_config); code that comes with a model is never run"
        )
    read_header(folder / ADAPTER_WEIGHTS)
    return content_of(folder)


def adapted(module: Any, path: str) -> Any:
    """The module with the adapter. A LoRA is merged into its weights: as fast as without, and it saves like any other.

    peft passes over weights whose names fit nothing, and an adapter for another model then changes nothing without a
    word. So every tensor of the file must have found its place, and some weight must move.

    Raises:
        BackendError: The adapter belongs to another model, or changes nothing.
    """
    folder = Path(path).expanduser()
    if PREFIX in read_json(folder / ADAPTER_CONFIG):
        from menura.backends.prefix_adapter import load_prefixes

        load_prefixes(module, folder / ADAPTER_WEIGHTS)
        return module
    from peft import PeftModel

    with quiet(), told(f"adapter {path} does not fit this model"):  # sizes, or target modules that are not there
        wrapped = PeftModel.from_pretrained(module, str(folder), local_files_only=True)
    _refuse_strangers(wrapped, folder)
    if not any(_moves(layer) for layer in wrapped.modules()):
        raise BackendError(f"adapter {path} changes no weight of this model: it was never trained")
    return wrapped.merge_and_unload(safe_merge=True)


def _moves(layer: Any) -> bool:
    """Whether a layer has an adapter that is not zero; a fresh one is, and leaves every output as it was."""
    from peft.tuners.lora import LoraLayer

    if not isinstance(layer, LoraLayer):
        return False
    return any(bool(layer.get_delta_weight(name).abs().max() > 0) for name in layer.active_adapters)  # type: ignore[attr-defined]


def _refuse_strangers(wrapped: Any, folder: Path) -> None:
    names = {name.replace(".default", "") for name in wrapped.state_dict()}
    header, _ = read_header(folder / ADAPTER_WEIGHTS)
    strange = sorted(name for name in header if name != "__metadata__" and name not in names)
    if strange:
        raise BackendError(
            f"adapter {folder} does not fit this model: it has no place for {', '.join(strange[:3])}"
            f"{' and others' if len(strange) > 3 else ''}. Take the model that the adapter was trained on"
        )


def compiled(module: Any, settings: ModelSettings) -> Any:
    """The module compiled if the settings ask for it; shapes may vary, so that each duration is not a new program."""
    if not settings.compile:
        return module
    import torch

    return torch.compile(module)


def to_device(pipeline: Any, settings: ModelSettings, device: str) -> None:
    """Move a pipeline to the device, or let its parts come and go there.

    Raises:
        BackendError: Off-load needs ``accelerate``, which is not installed.
    """
    if not settings.offload:
        pipeline.to(device)
        return
    try:
        pipeline.enable_model_cpu_offload(device=device)
    except (ImportError, RuntimeError) as error:
        raise BackendError(f"offload failed: {error}. It needs the package accelerate and a graphics card") from error
