"""Adapters around a denoiser: what is trained, beside weights that stay as they are and serve as the reference."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from menura.backends.text_to_audio.tuning import ADAPTER_CONFIG, ADAPTER_WEIGHTS, PREFIX
from menura.backends.trainee import Trainee
from menura.backends.weights.loading import quiet
from menura.errors import BackendError, ConfigError

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = ["Adapter", "attach_lora", "attach_prefix", "checkpoint_gradients", "portable_name"]


@dataclass(frozen=True)
class Adapter:
    """An adapter that was put around the denoiser of a trainee.

    Attributes:
        kind: ``lora`` or ``prefix``.
        weights: Its parameters, float32, by their names in the file.
        config: What its ``adapter_config.json`` says, but for the model's name.
        off: Context in which the denoiser is as if it had none.
    """

    kind: Literal["lora", "prefix"]
    weights: Mapping[str, nn.Parameter]
    config: Mapping[str, Any]
    off: Callable[[], AbstractContextManager[None]]

    def parameters(self) -> list[nn.Parameter]:
        """What an optimiser is to train."""
        return list(self.weights.values())

    @contextmanager
    def reference(self) -> Iterator[None]:
        """Context in which the trainee is the reference model: the same weights, without the adapter or gradients."""
        import torch

        with torch.no_grad(), self.off():
            yield

    def tensors(self) -> dict[str, Tensor]:
        """A copy of its parameters, float32, on the processor."""
        return {name: weight.detach().float().cpu().clone() for name, weight in self.weights.items()}

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put numbers that :meth:`tensors` gave back in place.

        Raises:
            BackendError: They are of another adapter; nothing is changed then.
        """
        import torch

        expected = {name: tuple(weight.shape) for name, weight in self.weights.items()}
        found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        if found != expected:
            odd = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
            raise BackendError(
                f"these tensors are of another {self.kind} adapter: {odd[0]} is {found.get(odd[0], 'missing')}, "
                f"expected {expected.get(odd[0], 'nothing')}. Take the rank and the model that it was trained with"
            )
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(tensors[name])

    def save(self, folder: Path, *, base_model: str, tensors: Mapping[str, Tensor] | None = None) -> Path:
        """Write the folder that ``model.adapter`` of a generator takes.

        Args:
            folder: Made where it is not there.
            base_model: Path or Hub name of the model; of a path only the last part is written down.
            tensors: Numbers in place of its own, such as their average over time.
        """
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        save_file(dict(tensors) if tensors is not None else self.tensors(), folder / ADAPTER_WEIGHTS, {"format": "pt"})
        config = {**self.config, "base_model_name_or_path": portable_name(base_model)}
        text = json.dumps(config, indent=2, sort_keys=True)
        (folder / ADAPTER_CONFIG).write_text(text + "\n", encoding="utf-8")
        return folder


def attach_lora(trainee: Trainee, *, rank: int = 16, alpha: int | None = None, seed: int = 0) -> Adapter:
    """Put a LoRA around the denoiser of a trainee; its output stays as it is, bit for bit, until it is trained.

    ``W x + (alpha / rank) B A x``, with A drawn and B zero. There is no dropout: policy and reference are to be
    compared on equal terms.

    Args:
        trainee: Its ``denoiser`` is replaced by one with the adapter, and its own weights are frozen.
        rank: Of the two matrices.
        alpha: Scale; None takes the rank, for a factor of 1.
        seed: Of A.

    Raises:
        ConfigError: The rank or the scale is not above 0.
        BackendError: ``peft`` is missing, or no layer has one of the names.

    Source:
        Hu et al. 2021, arXiv:2106.09685.
    """
    if rank < 1 or (alpha is not None and alpha < 1):
        raise ConfigError(f"LoRA of rank {rank} and alpha {alpha}, expected whole numbers above 0")
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise BackendError("a LoRA needs the package peft: pip install 'menura[models]'") from error
    import torch

    config = LoraConfig(
        r=rank, lora_alpha=rank if alpha is None else alpha,
        lora_dropout=0.0, target_modules=list(trainee.targets), bias="none",
    )  # fmt: skip
    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            wrapped: Any = get_peft_model(trainee.denoiser, config)
        except ValueError as error:
            raise BackendError(f"no LoRA fits {trainee.part}: {error}") from error
    trainee.denoiser = wrapped
    weights = {
        name.replace(".default.", "."): weight for name, weight in wrapped.named_parameters() if weight.requires_grad
    }
    told: dict[str, Any] = config.to_dict()  # type: ignore[no-untyped-call]
    plain = {name: sorted(kept) if isinstance(kept, set) else kept for name, kept in told.items()}
    return Adapter("lora", weights, plain | {"inference_mode": True}, wrapped.disable_adapter)


def attach_prefix(trainee: Trainee, *, tokens: int = 20, seed: int = 0) -> Adapter:
    """Put learned tokens before every attention layer of the denoiser, see :mod:`menura.backends.prefix_adapter`.

    Args:
        trainee: The weights of its ``denoiser`` are frozen.
        tokens: For each layer.
        seed: Of the tokens.

    Raises:
        ConfigError: There is no token.
        BackendError: The denoiser has no attention layer that this works for.
    """
    from menura.backends.prefix_adapter import add_prefixes, prefixes_off

    trainee.denoiser.requires_grad_(False)
    layers = add_prefixes(trainee.denoiser, tokens=tokens, seed=seed)
    weights = {
        f"{place}.{name}": weight for place, layer in layers.items() for name, weight in layer.named_parameters()
    }
    return Adapter("prefix", weights, {PREFIX: {"tokens": tokens}}, lambda: prefixes_off(layers.values()))


def checkpoint_gradients(trainee: Trainee, active: bool = True) -> None:
    """Have the denoiser forget what its blocks computed and compute it again on the way back, or no longer.

    Memory for a third more time; the numbers stay the same.

    Raises:
        BackendError: The denoiser cannot do it.
    """
    name = "enable_gradient_checkpointing" if active else "disable_gradient_checkpointing"
    switch = getattr(trainee.denoiser, name, None)
    if switch is None:
        raise BackendError(f"the {trainee.part} of this model has no gradient checkpointing: switch it off")
    switch()


def portable_name(model: str) -> str:
    """The name of a model without a path of this machine: a Hub name as it is, of a folder its last part.

    Example:
        >>> portable_name("cvssp/audioldm2"), portable_name("/home/someone/models/mini")
        ('cvssp/audioldm2', 'mini')
    """
    path = Path(model).expanduser()
    hub_name = not path.is_absolute() and model.count("/") <= 1 and not model.startswith((".", "~"))
    return model if hub_name and not path.is_dir() else path.resolve().name
