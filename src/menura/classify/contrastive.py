"""The network of ``cnn``, taught by supervised contrast of real clips with synthetic views of them, then a head."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from menura.augmentation.features import spec_augment
from menura.classify.base import FittedClassifier, TrainingExamples
from menura.classify.cnn import CnnClassifier, FittedCnn, Framing
from menura.classify.network import LogMelNetwork
from menura.classify.supervised_contrast import supervised_contrastive_loss
from menura.classify.training import Batch, TrainingSettings, cut, draw_order, optimise, train
from menura.seeding import item_generator

__all__ = ["CONTRASTIVE_SHARE", "ContrastiveClassifier", "children_of"]

CONTRASTIVE_SHARE = 2 / 3
"""Share of the steps that the first stage has: Synthio's 100 epochs of contrast before 50 of training."""
_VIEWS, _CLIPS, _TEMPERATURE, _PROJECTED = 4, 24, 0.1, 128


class _Projected(nn.Module):
    """The network up to its head, then two layers that only the contrast sees."""

    def __init__(self, network: LogMelNetwork) -> None:
        super().__init__()
        self.network = network
        self.projection = nn.Sequential(
            nn.Linear(network.dim, network.dim), nn.ReLU(), nn.Linear(network.dim, _PROJECTED)
        )

    def forward(self, batch: Tensor) -> Tensor:
        """Embeddings ``[items, dim]`` of standardised log-mel ``[items, mels, frames]``."""
        embeddings: Tensor = self.projection(self.network.pooled(batch))
        return embeddings


class _HeadOnly(nn.Module):
    """The network, of which only the head learns."""

    def __init__(self, network: LogMelNetwork) -> None:
        super().__init__()
        self.network = network.requires_grad_(False)
        self.network.head.requires_grad_(True)

    def train(self, mode: bool = True) -> _HeadOnly:
        """Training or evaluation mode; the norms of what does not learn stay as they are."""
        super().train(mode)
        self.network.body.eval()
        return self

    def forward(self, batch: Tensor) -> Tensor:
        """Scores ``[items, labels]``."""
        scores: Tensor = self.network(batch)
        return scores


class ContrastiveClassifier:
    """Supervised contrast, then a linear head on the frozen network; together as many steps as any other classifier.

    Two thirds of the steps draw 24 real clips (as often as weights say) and for each four views: crops of its synthetic
    children, drawn without repeating one while there are others. A real clip without children is its own view, masked
    as by SpecAugment; so are all where there is no synthetic clip. The rest of the steps train the head on all clips,
    as ``cnn`` does. Where a label has no real clips, synthetic ones stand in for them. ``validation`` is not looked at.

    A step of the first stage sees 120 crops; all steps together took about twice as long as those of ``cnn``.

    Args:
        sample_rate: Rate of the dataset in Hz; the network works at this rate or 22,050 Hz, whichever is lower.
        settings: How to train, in both stages.

    Source:
        Khosla et al. 2020, arXiv:2004.11362; synthetic views and numbers after Synthio, arXiv:2410.02056 (whose second
        stage trains the whole network on).
    """

    name = "supcon"

    def __init__(self, sample_rate: int, settings: TrainingSettings | None = None) -> None:
        self._settings = settings or TrainingSettings()
        self._hears = CnnClassifier(sample_rate)
        self.features = self._hears.features
        self.feature_fingerprint = self._hears.feature_fingerprint.replace("cnn:", "supcon:", 1)

    def fit(
        self, training: TrainingExamples, *, validation: TrainingExamples | None, steps: int, seed: int
    ) -> FittedClassifier:
        """The network after ``steps`` optimiser steps in both stages together, at least one in the second."""
        real = [clip for clip, is_real in zip(training.features, training.is_real, strict=True) if is_real]
        framing = Framing.of(real or training.features)
        clips = [framing.apply(clip) for clip in training.features]
        generator = item_generator(seed, self.name)
        first = min(round(CONTRASTIVE_SHARE * steps), steps - 1)
        network = self._contrasted(training, clips, framing.num_frames, first, generator)
        fitted = train(
            lambda: _HeadOnly(network or self._new_network(training.num_labels)),
            clips,
            training.targets,
            training.weights,
            num_frames=framing.num_frames,
            augment=training.augment,
            multilabel=training.is_multilabel,
            steps=steps - first,
            generator=generator,
            settings=self._settings,
        )
        return FittedCnn(framing, fitted, training.num_labels, training.is_multilabel)

    def _new_network(self, num_labels: int) -> LogMelNetwork:
        return LogMelNetwork(num_labels, dropout=self._settings.dropout)

    def _contrasted(
        self, training: TrainingExamples, clips: Sequence[NDArray[np.float32]], num_frames: int, steps: int,
        generator: np.random.Generator,
    ) -> LogMelNetwork | None:  # fmt: skip
        """The network after the first stage; None where there is no step for it."""
        if steps < 1:
            return None

        def contrast(embeddings: Tensor, targets: Tensor) -> Tensor:
            return supervised_contrastive_loss(embeddings, targets, _TEMPERATURE)

        def build() -> nn.Module:
            projected = _Projected(self._new_network(training.num_labels))
            projected.network.head.requires_grad_(False)
            return projected.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]

        batches = self._views(training, clips, num_frames, steps, generator)
        projected = optimise(build, batches, contrast, steps=steps, generator=generator, settings=self._settings)
        network = projected.network
        assert isinstance(network, LogMelNetwork)
        return network

    def _views(
        self, training: TrainingExamples, clips: Sequence[NDArray[np.float32]], num_frames: int, steps: int,
        generator: np.random.Generator,
    ) -> Iterator[Batch]:  # fmt: skip
        """Real clips and views of them, with the targets of the real clips."""
        children = children_of(training)
        anchors = np.array(sorted(children), dtype=np.int64)
        order = anchors[draw_order(training.weights[anchors], steps * _CLIPS, generator)]
        settings = replace(self._settings, batch_size=_CLIPS)
        for chosen in order.reshape(steps, _CLIPS):
            views = np.concatenate([chosen, *(_drawn(children, chosen, generator))])
            crops = np.stack(
                [cut(clips[i], at, num_frames) for i, at in zip(views, generator.random(len(views)), strict=True)]
            )
            batch = torch.from_numpy(crops)
            masked = spec_augment(
                batch, generator, max_mels=round(settings.mask_mels * batch.shape[1]),
                max_frames=round(settings.mask_frames * batch.shape[2]),
            )  # fmt: skip
            repeated = np.zeros(len(views), dtype=bool)
            repeated[_CLIPS:] = views[_CLIPS:] == np.tile(chosen, _VIEWS)
            hidden = torch.from_numpy(repeated)[:, None, None] | training.augment
            targets = torch.from_numpy(np.tile(training.targets[chosen], (1 + _VIEWS, 1)))
            yield (torch.where(hidden, masked, batch),), targets


def children_of(training: TrainingExamples) -> dict[int, tuple[int, ...]]:
    """Index of each real example to those of its synthetic children: of its source, and of just its labels.

    Where a source has several clips of one label, they share the children. A synthetic example none of whose labels
    has a real one stands for itself, without children.
    """
    real = [int(i) for i in np.flatnonzero(training.is_real)]
    made = [int(i) for i in np.flatnonzero(~training.is_real)]
    sources = [{group} if isinstance(group, str) else set(group) for group in training.groups]
    labels = [row.tobytes() for row in training.targets]
    by_source: dict[tuple[str, bytes], set[int]] = {}
    for i in made:
        for source in sources[i]:
            by_source.setdefault((source, labels[i]), set()).add(i)
    found = {
        i: tuple(sorted(set().union(*(by_source.get((source, labels[i]), set()) for source in sources[i]))))
        for i in real
    }
    is_known = training.targets[real].sum(axis=0) > 0
    return found | {i: () for i in made if not (training.targets[i][is_known] > 0).any()}


def _drawn(
    children: dict[int, tuple[int, ...]], chosen: NDArray[np.int64], generator: np.random.Generator
) -> Iterator[NDArray[np.int64]]:
    """:data:`_VIEWS` arrays, each with a view of every chosen clip."""
    drawn = np.empty((len(chosen), _VIEWS), dtype=np.int64)
    for row, i in enumerate(chosen):
        own = children[int(i)]
        if not own:
            drawn[row] = i
        else:
            rounds = [generator.permutation(own) for _ in range(-(-_VIEWS // len(own)))]
            drawn[row] = np.concatenate(rounds)[:_VIEWS]
    yield from drawn.T
