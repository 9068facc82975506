"""The training loop of every network: a fixed number of optimiser steps, the same in every arm."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from menura.augmentation.features import mixup, spec_augment
from menura.encoders.network import Precision, decay_groups
from menura.errors import ConfigError

__all__ = [
    "Batch", "Loss", "Schedule", "TrainingSettings", "augmented", "classification_loss", "cut", "draw_order",
    "learning_rate", "optimise", "patch", "scheduled_rate", "single_thread", "smoothed", "train",
]  # fmt: skip

Batch: TypeAlias = tuple[tuple[Tensor, ...], Tensor]
"""What a network is called with, and what its output is compared with."""
Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Of the network's output and the second half of a batch."""
Schedule: TypeAlias = Literal["cosine", "constant", "decay"]

_EPOCHS, _EPOCHS_AT_PEAK, _DECAY = 50, 5, 0.85


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
        optimiser: ``adamw``, or ``adam`` with the decay inside of the gradient and on every weight, as published code
            mostly has it.
        betas, epsilon: Of the optimiser.
        schedule: ``cosine`` (:func:`learning_rate`), ``constant``, or ``decay`` (:func:`scheduled_rate`).
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
    optimiser: Literal["adamw", "adam"] = "adamw"
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    schedule: Schedule = "cosine"


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
    loop: bool = True,
    device: str = "cpu",
) -> nn.Module:
    """The network after ``steps`` steps on random crops, in evaluation mode.

    Args:
        build: Makes the network, with torch's random state seeded from ``generator``.
        clips: Standardised log-mel ``[mels, frames]`` of any number of frames.
        targets: ``[clips, labels]`` of zeros and ones, or of shares (that sum to 1 unless multi-label).
        weights: ``[clips]``, > 0: how often a clip is drawn, relative to the others.
        num_frames: Frames of one crop.
        augment: SpecAugment and mixup on each batch.
        multilabel: Sigmoid per label instead of softmax.
        steps: Optimiser steps, at least 1.
        generator: Decides crops, masks, mixtures, dropout and initial weights.
        settings: How to train.
        loop: Whether a crop may run over the end of its clip into its beginning (:func:`cut`, else :func:`patch`).
        device: Where the network is trained.

    Raises:
        ConfigError: ``steps`` is below 1.
    """
    crop = cut if loop else patch

    def batches() -> Iterator[Batch]:
        for chosen in draw_order(weights, steps * settings.batch_size, generator).reshape(steps, settings.batch_size):
            starts = zip(chosen, generator.random(len(chosen)), strict=True)
            batch = torch.from_numpy(np.stack([crop(clips[i], at, num_frames) for i, at in starts]))
            wanted = torch.from_numpy(smoothed(targets[chosen], 0.0 if multilabel else settings.label_smoothing))
            if augment:
                batch, wanted = augmented(batch, wanted, generator, settings)
            yield (batch,), wanted

    return optimise(
        lambda: build().to(memory_format=torch.channels_last),  # type: ignore[call-overload]
        batches(),
        classification_loss(multilabel=multilabel),
        steps=steps, generator=generator, settings=settings, device=device,
    )  # fmt: skip


def optimise(
    build: Callable[[], nn.Module],
    batches: Iterator[Batch],
    loss: Loss,
    *,
    steps: int,
    generator: np.random.Generator,
    settings: TrainingSettings,
    device: str = "cpu",
) -> nn.Module:
    """The network after ``steps`` optimiser steps, one on each batch, in evaluation mode.

    Args:
        build: Makes the network, with torch's random state seeded from ``generator``.
        batches: Gives at least ``steps`` batches; it may draw from ``generator``, because it starts after ``build``.
        loss: One number, from the output of the network in float32 and what it is compared with.
        steps: Optimiser steps, at least 1.
        generator: Its next number seeds initial weights and dropout.
        settings: How to train. Weights that want no gradient stay as they are.
        device: Where the network is trained.

    Raises:
        ConfigError: ``steps`` is below 1.
    """
    if steps < 1:
        raise ConfigError(f"steps is {steps}, expected at least 1")
    place = torch.device(device)
    cards = [place] if place.type == "cuda" else []
    with single_thread(), torch.random.fork_rng(devices=cards):
        torch.manual_seed(int(generator.integers(2**63)))
        network = build().to(place)
        network.train()
        optimiser = _optimiser(network, settings)
        for step in range(steps):
            inputs, wanted = next(batches)
            for group in optimiser.param_groups:
                group["lr"] = scheduled_rate(step, steps, peak=settings.peak_learning_rate, schedule=settings.schedule)
            optimiser.zero_grad(set_to_none=True)
            with torch.autocast(place.type, torch.bfloat16, enabled=settings.precision == "bfloat16"):
                output = network(*(part.to(place) for part in inputs))
            loss(output.float(), wanted.to(place)).backward()  # type: ignore[no-untyped-call]
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


def patch(clip: NDArray[np.float32], at: float, num_frames: int) -> NDArray[np.float32]:
    """``num_frames`` frames in a row of a clip ``[mels, frames]``, at share ``at`` in [0, 1) of where they may start.

    A clip that is shorter is a loop, as in :func:`cut`.
    """
    total = clip.shape[1]
    if total < num_frames:
        return cut(clip, at, num_frames)
    start = int(at * (total - num_frames + 1))
    return clip[:, start : start + num_frames]


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


def scheduled_rate(step: int, steps: int, *, peak: float, schedule: Schedule) -> float:
    """The learning rate at one step.

    ``decay`` is Synthio's, whose 50 epochs become fiftieths of all steps: ``peak`` for five of them, then times 0.85
    at the beginning of each.
    """
    if schedule == "constant":
        return peak
    if schedule == "decay":
        epoch = step * _EPOCHS // steps
        return float(peak * _DECAY ** max(0, epoch - _EPOCHS_AT_PEAK + 1))
    return learning_rate(step, steps, peak=peak)


def augmented(
    batch: Tensor, targets: Tensor, generator: np.random.Generator, settings: TrainingSettings
) -> tuple[Tensor, Tensor]:
    """Mixup of a batch ``[items, mels, frames]`` and its targets, then SpecAugment."""
    if generator.random() < settings.mixup_probability:
        batch, targets = mixup(batch, targets, generator, alpha=settings.mixup_alpha)
    widths = (round(settings.mask_mels * batch.shape[1]), round(settings.mask_frames * batch.shape[2]))
    return spec_augment(batch, generator, max_mels=widths[0], max_frames=widths[1]), targets


def classification_loss(*, multilabel: bool) -> Loss:
    """Binary cross-entropy of each label when several may apply, else cross-entropy."""
    functional = nn.functional
    return functional.binary_cross_entropy_with_logits if multilabel else functional.cross_entropy


def smoothed(targets: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Targets with a share of them given to all labels alike."""
    return np.asarray((1 - share) * targets + share / targets.shape[1], dtype=np.float32)


def _optimiser(network: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    rates: dict[str, Any] = {"lr": settings.peak_learning_rate, "betas": settings.betas, "eps": settings.epsilon}
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    if settings.optimiser == "adam":
        return torch.optim.Adam(weights, weight_decay=settings.weight_decay, **rates)
    return torch.optim.AdamW(decay_groups(weights, settings.weight_decay), **rates)
