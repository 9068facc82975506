"""Learned tokens that attention layers may look at, behind gates that are closed at first: the adapter of Synthio.

For each attention layer of ``diffusers``, with query ``q`` of a head, learned tokens ``P`` and the layer's own frozen
projections ``K`` and ``V``::

    out = attention(q, K x, V x) + gate * attention(q, K P, V P)

The two attentions have a softmax each, so that a closed gate (0, one per head) leaves the layer as it is. The tokens
have no place in the sequence: they are looked at with queries before rotation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from menura.errors import BackendError, ConfigError

__all__ = ["PrefixTokens", "add_prefixes", "load_prefixes", "prefixes_off"]

_NAME = "menura_prefix"


class PrefixTokens(nn.Module):
    """Tokens and gates of one attention layer, float32.

    Args:
        count: Number of tokens.
        width: Of what the layer projects to keys and values.
        heads: Of the layer.

    Source:
        Zhang et al. 2023 (LLaMA-Adapter), arXiv:2303.16199, section 3; here with a gate for each head.
    """

    def __init__(self, count: int, width: int, heads: int) -> None:
        super().__init__()
        self.tokens = nn.Parameter(torch.zeros(count, width))
        self.gate = nn.Parameter(torch.zeros(heads))
        self.active = True

    def forward(self, layer: Any, hidden: Tensor) -> Tensor:
        """What the layer says more because of the tokens, ``[batch, length, channels]``.

        The layer's output projection is linear, so what is added before it may as well be added behind it.
        """
        query = _heads(layer.to_q(hidden), layer.heads)
        tokens = self.tokens.to(hidden.dtype)[None]
        key, value = (_heads(project(tokens), None, query.shape[-1]) for project in (layer.to_k, layer.to_v))
        key, value = (part.repeat_interleave(layer.heads // part.shape[1], dim=1) for part in (key, value))
        if layer.norm_q is not None:
            query = layer.norm_q(query)
        if layer.norm_k is not None:
            key = layer.norm_k(key)
        weights = torch.softmax(query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]), dim=-1)
        seen = self.gate.to(hidden.dtype)[:, None, None] * (weights @ value)
        added = functional.linear(seen.transpose(1, 2).flatten(2), layer.to_out[0].weight)
        return added / float(layer.rescale_output_factor)


def add_prefixes(denoiser: nn.Module, *, tokens: int, seed: int = 0) -> dict[str, PrefixTokens]:
    """Give every attention layer its tokens, behind closed gates.

    Args:
        denoiser: Changed in place: its layers get a part more.
        tokens: For each layer.
        seed: They are drawn from the normal distribution, as large as what normalised layers see.

    Returns:
        The new parts by the names of their layers.

    Raises:
        ConfigError: There is no token.
        BackendError: There are no attention layers of that kind, or they have prefixes already.
    """
    if tokens < 1:
        raise ConfigError(f"{tokens} prefix tokens, expected 1 or more; 20 are those of the paper")
    generator = torch.Generator().manual_seed(seed)
    added: dict[str, PrefixTokens] = {}
    for name, layer in _layers(denoiser).items():
        part = PrefixTokens(tokens, layer.to_k.in_features, layer.heads)
        with torch.no_grad():
            part.tokens.copy_(torch.randn(part.tokens.shape, generator=generator))
        layer.add_module(_NAME, part.to(layer.to_k.weight.device))
        layer.register_forward_hook(_look_at_prefix, with_kwargs=True)
        added[name] = part
    return added


def load_prefixes(denoiser: nn.Module, file: Path) -> None:
    """Give the attention layers the tokens and gates of a file.

    Raises:
        BackendError: They do not fit, or change nothing.
    """
    from safetensors.torch import load_file

    tensors = load_file(file)
    counts = {tensor.shape[0] for name, tensor in tensors.items() if name.endswith(".tokens")}
    fitting = {
        f"{name}.{part}": shape
        for name, layer in _layers(denoiser).items()
        for part, shape in (("tokens", (max(counts, default=0), layer.to_k.in_features)), ("gate", (layer.heads,)))
    }
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    if found != fitting:
        odd = sorted(name for name in fitting.keys() | found.keys() if fitting.get(name) != found.get(name))
        raise BackendError(
            f"adapter {file.parent} does not fit this model: {odd[0]} is {found.get(odd[0], 'missing')}, "
            f"expected {fitting.get(odd[0], 'nothing')}. Take the model that the adapter was trained on"
        )
    if not any(bool(tensor.abs().max() > 0) for name, tensor in tensors.items() if name.endswith(".gate")):
        raise BackendError(f"adapter {file.parent} changes nothing, all its gates are closed: it was never trained")
    parts = add_prefixes(denoiser, tokens=counts.pop())
    with torch.no_grad():
        for name, part in parts.items():
            part.tokens.copy_(tensors[f"{name}.tokens"])
            part.gate.copy_(tensors[f"{name}.gate"])
    denoiser.requires_grad_(False)


@contextmanager
def prefixes_off(parts: Iterable[PrefixTokens]) -> Iterator[None]:
    """Context in which the layers are as they were."""
    kept = list(parts)
    before = [part.active for part in kept]
    for part in kept:
        part.active = False
    try:
        yield
    finally:
        for part, active in zip(kept, before, strict=True):
            part.active = active


def _look_at_prefix(layer: Any, given: tuple[Any, ...], named: dict[str, Any], said: Tensor) -> Tensor | None:
    part: PrefixTokens = getattr(layer, _NAME)
    if not part.active:
        return None
    added: Tensor = part(layer, given[0] if given else named["hidden_states"])
    return said + added


def _layers(denoiser: nn.Module) -> dict[str, Any]:
    """Attention layers by name.

    Raises:
        BackendError: There are none, or some that do more than project, compare and project.
    """
    from diffusers.models.attention_processor import Attention

    found = {name: module for name, module in denoiser.named_modules() if isinstance(module, Attention)}
    if not found:
        raise BackendError("this model has no attention layers of diffusers' Attention class for prefixes: take a LoRA")
    for name, layer in found.items():
        if hasattr(layer, _NAME):
            raise BackendError(f"attention layer {name} has a prefix already: load the model anew")
        if layer.to_k is None or layer.group_norm is not None or layer.spatial_norm is not None:
            raise BackendError(f"attention layer {name} is of a kind that takes no prefix: take a LoRA")
    return found


def _heads(projected: Tensor, heads: int | None, width: int | None = None) -> Tensor:
    """``[batch, heads, length, width]`` from ``[batch, length, heads * width]``, given one of the two."""
    count = heads or projected.shape[-1] // (width or 1)
    return projected.reshape(*projected.shape[:2], count, -1).transpose(1, 2)
