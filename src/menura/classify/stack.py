"""Many heads of one shape as one network: weights ``[heads, out, in]``, one batched product for all heads.

The gradient is written out, because a step of a small head costs more in book-keeping than in arithmetic. It is that of
:func:`menura.classify.heads.build_head`: product, batch norm, dropout, rectifier, and so on, then one more product.
No number of a head depends on another head.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from menura.classify.heads import drawn_stays

__all__ = ["Batch", "HeadStack", "load_row"]

_EPSILON, _MOMENTUM = 1e-5, 0.1
"""Of ``torch.nn.BatchNorm1d``."""


@dataclass(frozen=True)
class Batch:
    """One batch for each head, filled up to the longest.

    Attributes:
        inputs: Embeddings ``[heads, clips, dim]``.
        targets: ``[heads, clips, labels]`` of zeros and ones.
        weights: ``[heads, clips]``: factor of each clip's loss over the number of clips; 0 where filled up.
        sizes: Clips of each head's batch, before filling up.
    """

    inputs: Tensor
    targets: Tensor
    weights: Tensor
    sizes: tuple[int, ...]


@dataclass(frozen=True)
class _Passed:
    """What the way back needs of a hidden layer, ``[heads, clips, width]`` and ``inverse`` ``[heads, 1, width]``."""

    inputs: Tensor
    normal: Tensor
    inverse: Tensor
    slope: Tensor


@dataclass(frozen=True)
class HeadStack:
    """Heads of one shape.

    Attributes:
        trained: Weight, gain and shift of each hidden layer, then weight and bias of the last; ``[heads, ...]``.
        frozen: Bias, running mean and running variance of each hidden layer, ``[heads, width]``.
        dropout: Share that drops out of a hidden layer.
        multilabel: Sigmoid per label instead of softmax.
        gradients: One for each of ``trained``.
    """

    trained: tuple[Tensor, ...]
    frozen: tuple[Tensor, ...]
    dropout: float
    multilabel: bool
    gradients: tuple[Tensor, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "gradients", tuple(torch.zeros_like(part) for part in self.trained))

    @classmethod
    def of(cls, networks: Sequence[nn.Module], *, dropout: float, multilabel: bool) -> HeadStack:
        """The heads of :func:`menura.classify.heads.build_head`, copied."""
        trained = zip(*map(_trained, networks), strict=True)
        frozen = zip(*map(_frozen, networks), strict=True)
        return cls(_stacked(trained), _stacked(frozen), dropout, multilabel)

    def keep(self, heads: Tensor) -> HeadStack:
        """The heads at the given indices, copied."""
        trained, frozen = (tuple(part[heads] for part in parts) for parts in (self.trained, self.frozen))
        return HeadStack(trained, frozen, self.dropout, self.multilabel)

    def row(self, head: int) -> tuple[Tensor, ...]:
        """All numbers of one head, copied."""
        return tuple(part[head].clone() for part in (*self.trained, *self.frozen))

    def scores(self, inputs: Tensor, heads: Tensor) -> Tensor:
        """Scores ``[heads, clips, labels]`` of embeddings ``[heads, clips, dim]``, in evaluation mode.

        Args:
            inputs: For each of ``heads``.
            heads: Which heads.
        """
        everyone = len(heads) == len(self.trained[0])
        trained, frozen = (
            parts if everyone else tuple(part[heads] for part in parts) for parts in (self.trained, self.frozen)
        )
        for layer in range(self._num_hidden):
            weight, gain, shift = trained[3 * layer : 3 * layer + 3]
            bias, mean, variance = frozen[3 * layer : 3 * layer + 3]
            factor = gain * torch.rsqrt(variance + _EPSILON)
            values = torch.bmm(inputs, weight.transpose(1, 2))
            inputs = torch.addcmul((shift + (bias - mean) * factor)[:, None], values, factor[:, None]).relu_()
        return _product(inputs, trained)

    def learn(self, batch: Batch, generators: Sequence[np.random.Generator]) -> None:
        """Sets :attr:`gradients` to those of the weighted loss of one batch for each head.

        Args:
            batch: What is learned from.
            generators: One for each head; decides what drops out.
        """
        counts = torch.tensor(batch.sizes, dtype=torch.float32)[:, None, None]
        longest = batch.inputs.shape[1]
        is_real = None if min(batch.sizes) == longest else torch.arange(longest)[:, None] < counts
        inputs, passed = batch.inputs, []
        for layer in range(self._num_hidden):
            inputs, kept = self._forward(inputs, layer, counts, is_real, self._drawn(batch, layer, generators))
            passed.append(kept)
        back = self._score_gradient(_product(inputs, self.trained), batch)
        torch.bmm(back.transpose(1, 2), inputs, out=self.gradients[-2])
        torch.sum(back, dim=1, out=self.gradients[-1])
        above = self.trained[-2]
        for layer in reversed(range(self._num_hidden)):
            back = self._backward(torch.bmm(back, above), layer, passed[layer], counts, is_real)
            above = self.trained[3 * layer]

    @property
    def _num_hidden(self) -> int:
        return len(self.frozen) // 3

    def _drawn(self, batch: Batch, layer: int, generators: Sequence[np.random.Generator]) -> Tensor:
        """What stays, ``[heads, clips, width]``."""
        width = self.trained[3 * layer].shape[1]
        stays = np.zeros((*batch.inputs.shape[:2], width), bool)
        for place, size, generator in zip(stays, batch.sizes, generators, strict=True):
            place[:size] = drawn_stays(generator, (size, width), self.dropout)
        return torch.from_numpy(stays)

    def _forward(
        self, inputs: Tensor, layer: int, counts: Tensor, is_real: Tensor | None, stays: Tensor
    ) -> tuple[Tensor, _Passed]:
        weight, gain, shift = self.trained[3 * layer : 3 * layer + 3]
        values = torch.bmm(inputs, weight.transpose(1, 2))  # the bias would be taken away with the mean
        mean = (values if is_real is None else values * is_real).sum(dim=1, keepdim=True) / counts
        values -= mean
        if is_real is not None:
            values *= is_real
        variance = (values * values).sum(dim=1, keepdim=True) / counts
        self._follow(layer, mean, variance * (counts / (counts - 1)))
        inverse = torch.rsqrt(variance + _EPSILON)
        normal = values.mul_(inverse)
        outputs = torch.addcmul(shift[:, None], normal, gain[:, None])
        slope = (stays & (outputs > 0)) * (1 / (1 - self.dropout))
        return outputs.mul_(slope), _Passed(inputs, normal, inverse, slope)

    def _follow(self, layer: int, mean: Tensor, variance: Tensor) -> None:
        """Moves the running mean and variance towards those of the batch."""
        bias, running_mean, running_variance = self.frozen[3 * layer : 3 * layer + 3]
        running_mean.lerp_(mean[:, 0] + bias, _MOMENTUM)
        running_variance.lerp_(variance[:, 0], _MOMENTUM)

    def _backward(self, back: Tensor, layer: int, passed: _Passed, counts: Tensor, is_real: Tensor | None) -> Tensor:
        """Gradient of the product's outputs, from that of the layer's; sets those of the layer's weights."""
        g_weight, g_gain, g_shift = self.gradients[3 * layer : 3 * layer + 3]
        back = back.mul_(passed.slope)
        torch.sum(back, dim=1, out=g_shift)
        torch.sum(back * passed.normal, dim=1, out=g_gain)
        back -= (g_shift[:, None] + passed.normal * g_gain[:, None]) / counts
        back *= self.trained[3 * layer + 1][:, None] * passed.inverse
        if is_real is not None:
            back *= is_real
        torch.bmm(back.transpose(1, 2), passed.inputs, out=g_weight)
        return back

    def _score_gradient(self, scores: Tensor, batch: Batch) -> Tensor:
        found = torch.sigmoid(scores) if self.multilabel else torch.softmax(scores, dim=2)
        weights = batch.weights / scores.shape[2] if self.multilabel else batch.weights
        return found.sub_(batch.targets).mul_(weights[:, :, None])


def _product(inputs: Tensor, trained: Sequence[Tensor]) -> Tensor:
    """The last product."""
    return torch.baddbmm(trained[-1][:, None], inputs, trained[-2].transpose(1, 2))


def load_row(network: nn.Module, row: Sequence[Tensor]) -> None:
    """Writes one :meth:`HeadStack.row` into a head of :func:`menura.classify.heads.build_head`."""
    with torch.no_grad():
        for part, values in zip((*_trained(network), *_frozen(network)), row, strict=True):
            part.copy_(values)


def _trained(network: nn.Module) -> list[Tensor]:
    return [part.detach() for part in network.parameters() if part.requires_grad]


def _frozen(network: nn.Module) -> list[Tensor]:
    found: list[Tensor] = []
    layers = list(network.children())
    for layer, after in pairwise(layers):
        if isinstance(layer, nn.Linear) and isinstance(after, nn.BatchNorm1d):
            assert after.running_mean is not None
            assert after.running_var is not None
            found += [layer.bias.detach(), after.running_mean, after.running_var]
    return found


def _stacked(parts: Iterable[Sequence[Tensor]]) -> tuple[Tensor, ...]:
    return tuple(torch.stack(list(part)) for part in parts)
