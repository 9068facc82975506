"""The training loop of the ``cnn`` classifier: a fixed number of optimiser steps, the same in every arm."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from menura.augmentation.features import mixup, spec_augment
from menura.encoders.network import Precision, decay_groups
from menura.errors import ConfigError

__all__ = ["TrainingSettings", "cut", "draw_order", "learning_rate", "single_thread", "train"]


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """How the network is trained. Chosen on ESC-50 clips outside of ESC-10, folds 4 (training) and 5 (looked at).

    Attributes:
        batch_size: Crops in one optimiser step.
        peak_learning_rate: Of AdamW, reached after the warm-up.
        weight_decay: On matrices and kernels only.
        label_smoothing: Share of the target given to all labels alike; not when multi-label.
        dropout: Before the last layer.
        mixup_alpha: Of mixup, when features are augmented.
        mixup_probability: Share of the batches that are mixed.
        mask_mels, mask_frames: Greatest width of a SpecAugment mask, as a share of mels and frames.
        precision: Of the network; bfloat16 is faster where the processor knows it.
    """

    batch_size: int = 32
    peak_learning_rate: float = 3e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    dropout: float = 0.3
    mixup_alpha: float = 0.3
    mixup_probability: float = 1.0
    mask_mels: float = 0.125
    mask_frames: float = 0.2
    precision: Precision = "float32"


@contextmanager
def single_thread() -> Iterator[None]:
    """One thread inside, so that sums are added in one order whatever the machine; what was set before, after."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def train(
    build: Callable[[], nn.Module],
    clips: Sequence[NDArray[np.float32]],
    targets: NDArray[np.float32],
    weights: NDArray[np.float64],
    *,
    num_frames: int,
    augment: bool,
    multilabel: bool,
    steps: int,
    generator: np.random.Generator,
    settings: TrainingSettings,
) -> nn.Module:
    """The network after ``steps`` steps of AdamW on random crops, in evaluation mode.

    Args:
        build: Makes the untrained network; called with torch's random state derived from ``generator``.
        clips: Standardised log-mel ``[mels, frames]`` of any number of frames.
        targets: ``[clips, labels]`` of zeros and ones, or of shares (that sum to 1 unless multi-label).
        weights: ``[clips]``, > 0: how often a clip is drawn, relative to the others.
        num_frames: Frames of one crop.
        augment: SpecAugment and mixup on each batch.
        multilabel: Sigmoid per label instead of softmax.
        steps: Optimiser steps, at least 1.
        generator: Decides crops, masks, mixtures, dropout and initial weights.
        settings: How to train.

    Raises:
        ConfigError: ``steps`` is below 1.
    """
    if steps < 1:
        raise ConfigError(f"steps is {steps}, expected at least 1")
    with single_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(generator.integers(2**63)))
        network: nn.Module = build().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        network.train()
        groups = decay_groups(network.parameters(), settings.weight_decay)
        optimiser = torch.optim.AdamW(groups, lr=settings.peak_learning_rate)
        order = draw_order(weights, steps * settings.batch_size, generator).reshape(steps, settings.batch_size)
        for step, chosen in enumerate(order):
            starts = zip(chosen, generator.random(len(chosen)), strict=True)
            batch = torch.from_numpy(np.stack([cut(clips[i], at, num_frames) for i, at in starts]))
            wanted = torch.from_numpy(_smooth(targets[chosen], 0.0 if multilabel else settings.label_smoothing))
            if augment:
                batch, wanted = _augmented(batch, wanted, generator, settings)
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, steps, peak=settings.peak_learning_rate)
            optimiser.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bfloat16"):
                scores = network(batch)
            _loss(scores.float(), wanted, multilabel=multilabel).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        return network.eval()


def cut(clip: NDArray[np.float32], at: float, num_frames: int) -> NDArray[np.float32]:
    """``num_frames`` frames of a clip ``[mels, frames]`` from a start at share ``at`` in [0, 1) of its length.

    The clip is a loop: a crop runs over its end into its beginning, and a short clip repeats, so that there is no
    silence that gives its duration away.
    """
    total = clip.shape[1]
    start = int(at * total)
    return clip[:, (start + np.arange(num_frames)) % total]


def draw_order(weights: NDArray[np.float64], count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """``count`` indices in random order, each example as often as its weight says, rounded up or down.

    Systematic sampling: one random offset, equal steps through the cumulated weights.
    """
    edges = np.cumsum(weights) / np.sum(weights)
    points = (np.arange(count) + generator.random()) / count
    indices = np.minimum(np.searchsorted(edges, points, side="right"), len(weights) - 1)
    return np.asarray(generator.permutation(indices), dtype=np.int64)


def learning_rate(step: int, steps: int, *, peak: float) -> float:
    """Linear rise from a tenth of ``peak`` over the first fifth of the steps, then half a cosine towards zero."""
    warm = max(1, round(0.2 * steps))
    if step < warm:
        return peak * (0.1 + 0.9 * (step + 1) / warm)
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm + 1) / max(1, steps - warm + 1)))


def _augmented(
    batch: Tensor, targets: Tensor, generator: np.random.Generator, settings: TrainingSettings
) -> tuple[Tensor, Tensor]:
    if generator.random() < settings.mixup_probability:
        batch, targets = mixup(batch, targets, generator, alpha=settings.mixup_alpha)
    widths = (round(settings.mask_mels * batch.shape[1]), round(settings.mask_frames * batch.shape[2]))
    return spec_augment(batch, generator, max_mels=widths[0], max_frames=widths[1]), targets


def _loss(scores: Tensor, targets: Tensor, *, multilabel: bool) -> Tensor:
    if multilabel:
        return nn.functional.binary_cross_entropy_with_logits(scores, targets)
    return nn.functional.cross_entropy(scores, targets)


def _smooth(targets: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    return np.asarray((1 - share) * targets + share / targets.shape[1], dtype=np.float32)
