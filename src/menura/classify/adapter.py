"""Adapters: the training clips are a memory that a query looks up, beside what a model of sounds and texts says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from menura.classify.base import TrainingExamples
from menura.classify.embedded import Embedded, held_out, real_scaling, unit_vectors
from menura.classify.heads import losses
from menura.classify.inner import validation_score
from menura.classify.linear import Scaling, stacked
from menura.classify.link import Link, choose_link
from menura.classify.training import draw_order, learning_rate, single_thread
from menura.seeding import content_hash, item_generator
from menura.types import Recording

if TYPE_CHECKING:
    from menura.backends.base import AudioTextScorer, Encoder

__all__ = ["SHARPNESSES", "STRENGTHS", "AdapterClassifier", "FittedAdapter", "Memory", "TrainedAdapterClassifier"]

SHARPNESSES = (1.0, 2.0, 4.0, 7.0, 12.0, 20.0)
"""Values of beta that are tried."""
STRENGTHS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
"""Values of alpha that are tried."""

_DEFAULT_SHARPNESS, _DEFAULT_STRENGTH = 7.0, 10.0
_RATE, _BATCH = 1e-3, 32


@dataclass(frozen=True)
class Memory:
    """Keys and values of the training clips.

    Attributes:
        scaling: What embeddings go through first, from the real clips.
        keys: Directions ``[clips, dim]``.
        values: ``[clips, labels]``: weight of the clip where it has the label; a label sums to 1 on average.
    """

    scaling: Scaling
    keys: NDArray[np.float32]
    values: NDArray[np.float32]

    @classmethod
    def of(cls, training: TrainingExamples) -> Memory:
        """From embeddings as features."""
        scaling = real_scaling(training)
        keys = unit_vectors(scaling.apply(stacked(training.features)))
        shares = training.weights * (training.num_labels / training.weights.sum())
        return cls(scaling, keys, (shares[:, None] * training.targets).astype(np.float32))

    def directions(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Queries ``[clips, dim]`` of embeddings."""
        return unit_vectors(self.scaling.apply(stacked(features)))

    def scores(self, features: Sequence[NDArray[np.float32]], sharpness: float) -> NDArray[np.float64]:
        """``exp(-beta (1 - cosine)) @ values``, ``[clips, labels]``."""
        affinity = np.exp(-sharpness * (1 - self.directions(features).astype(np.float64) @ self.keys.T))
        return np.asarray(affinity @ self.values)


@dataclass(frozen=True)
class FittedAdapter:
    """Memory, how sharply it is looked up, and the way to probabilities.

    Attributes:
        memory: Of the training clips.
        sharpness: beta.
        link: alpha, and an offset where clips may have several labels.
        told: How many numbers at the end of the features are zero-shot logits; 0 for the memory alone.
    """

    memory: Memory
    sharpness: float
    link: Link
    told: int

    def predict(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Probabilities ``[clips, labels]``."""
        if not len(features):
            return np.zeros((0, self.memory.values.shape[1]))
        heard, told = _split(features, self.told)
        return self.link.probabilities(self.memory.scores(list(heard), self.sharpness), told)


class AdapterClassifier(Embedded):
    """``zero-shot logits + alpha * exp(-beta (1 - cosine)) @ labels`` of the training clips; nothing is trained.

    alpha and beta do best on validation clips (the score of :func:`menura.classify.inner.validation_score`; of equal
    ones the smallest log loss). Without a model of sounds and texts the memory answers alone. Several labels: a sigmoid
    each, with an offset that all share. Nothing is drawn but the order of equal groups, and ``steps`` means nothing.

    Args:
        encoder: Gives the embeddings that are looked up.
        scorer: A model of sounds and texts; None leaves the memory alone.
        texts: What a clip is compared with for each label, in the order of the columns.

    Source:
        Zhang et al. 2022, Tip-Adapter, arXiv:2207.09519; Liang et al. 2023, arXiv:2305.17719, for CLAP. Here values are
        weighted, and the sum is scaled so that it does not grow with the number of clips.
    """

    name = "adapter"

    def __init__(self, encoder: Encoder, *, scorer: AudioTextScorer | None = None, texts: Sequence[str] = ()) -> None:
        super().__init__(encoder)
        self._scorer, self._texts = scorer, tuple(texts) if scorer is not None else ()
        if scorer is not None:
            told = content_hash([scorer.fingerprint, self._texts])
            self.feature_fingerprint = f"{self.feature_fingerprint}:{told}"

    def features(self, recording: Recording) -> NDArray[np.float32]:
        """Embedding ``[dim]``, then the zero-shot logit of each label where there is a model of sounds and texts."""
        heard = super().features(recording)
        if self._scorer is None:
            return heard
        told = self._scorer.scale * self._scorer.similarity([recording], self._texts)[0]
        return np.concatenate([heard, told.astype(np.float32)])

    def fit(
        self, training: TrainingExamples, *, validation: TrainingExamples | None, steps: int, seed: int
    ) -> FittedAdapter:
        """The memory, and what does best on ``validation``, or within ``training`` when it is None."""
        told = len(self._texts)
        found = held_out(training, validation, lambda known, asked: _scores(known, asked, told), seed=seed)
        sharpness, link = _DEFAULT_SHARPNESS, Link(_DEFAULT_STRENGTH, 0.0, training.is_multilabel)
        if found is not None:
            sharpness, link = _choose(found[0], found[1], told, multilabel=training.is_multilabel)
        heard, _ = _split(training.features, told)
        return FittedAdapter(Memory.of(replace(training, features=list(heard))), sharpness, link, told)


class TrainedAdapterClassifier(AdapterClassifier):
    """``adapter``, then its keys are trained on for the given steps (AdamW, batches of 32).

    While a clip is trained on, keys of its own sources are left out: a clip that finds itself in the memory has nothing
    to learn. Source: Tip-Adapter-F of the same paper, which leaves them in.
    """

    name = "adapter-trained"

    def fit(
        self, training: TrainingExamples, *, validation: TrainingExamples | None, steps: int, seed: int
    ) -> FittedAdapter:
        """As for ``adapter``, with trained keys."""
        fitted = super().fit(training, validation=validation, steps=steps, seed=seed)
        generator = item_generator(seed, "adapter keys")
        return replace(fitted, memory=_trained_memory(fitted, training, steps=steps, generator=generator))


def _split(features: Sequence[NDArray[np.float32]], told: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Embeddings ``[clips, dim]`` and zero-shot logits ``[clips, labels]`` (zeros ``[clips, 1]`` without)."""
    both = stacked(features)
    if not told:
        return both, np.zeros((len(both), 1), np.float32)
    return both[:, :-told], both[:, -told:]


def _scores(training: TrainingExamples, asked: TrainingExamples, told: int) -> NDArray[np.float64]:
    """Scores for each sharpness and, after them, the zero-shot logits; ``[sharpnesses + 1, clips, labels]``."""
    memory = Memory.of(replace(training, features=list(_split(training.features, told)[0])))
    heard, logits = _split(asked.features, told)
    scores = [memory.scores(list(heard), sharpness) for sharpness in SHARPNESSES]
    return np.stack([*scores, np.broadcast_to(logits, scores[0].shape)])


def _choose(
    scores: NDArray[np.float64], targets: NDArray[np.float32], told: int, *, multilabel: bool
) -> tuple[float, Link]:
    """Sharpness and link with the best score; of equal ones the smallest log loss."""
    base = scores[-1] if told else 0.0
    best: tuple[tuple[float, float], float, Link] | None = None
    for sharpness, found in zip(SHARPNESSES, scores[:-1], strict=True):
        for strength in STRENGTHS:
            link, loss = choose_link(found, targets, [strength], multilabel=multilabel, base=base)
            value = validation_score(link.probabilities(found, base), targets, multilabel=multilabel)
            if best is None or (value, -loss) > best[0]:
                best = (value, -loss), sharpness, link
    assert best is not None  # both grids have members
    return best[1], best[2]


def _trained_memory(
    fitted: FittedAdapter, training: TrainingExamples, *, steps: int, generator: np.random.Generator
) -> Memory:
    """The memory with the keys after ``steps`` steps on the training clips."""
    memory, link = fitted.memory, fitted.link
    heard, told = (torch.from_numpy(np.ascontiguousarray(part)) for part in _split(training.features, fitted.told))
    queries = torch.from_numpy(memory.directions(list(heard.numpy())))
    values, targets = torch.from_numpy(memory.values), torch.from_numpy(training.targets)
    others = torch.from_numpy(~_same_source(training))
    order = draw_order(training.weights, steps * _BATCH, generator).reshape(steps, _BATCH)
    with single_thread():
        keys = torch.nn.Parameter(torch.from_numpy(memory.keys.copy()))
        optimiser = torch.optim.AdamW([keys], lr=_RATE, eps=1e-4, fused=True)
        for step, chosen in enumerate(order):
            optimiser.param_groups[0]["lr"] = learning_rate(step, steps, peak=_RATE)
            optimiser.zero_grad(set_to_none=True)
            affinity = torch.exp(-fitted.sharpness * (1 - queries[chosen] @ keys.T)) * others[chosen]
            scores: Tensor = told[chosen] + link.scale * (affinity @ values) + link.offset
            losses(scores, targets[chosen], multilabel=link.multilabel).mean().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        return replace(memory, keys=keys.detach().numpy())


def _same_source(training: TrainingExamples) -> NDArray[np.bool_]:
    """``[clips, clips]``: whether two clips share a source; every clip shares its own."""
    members = [{group} if isinstance(group, str) else set(group) for group in training.groups]
    names = {name: column for column, name in enumerate(sorted(set().union(*members)))}
    belongs = np.zeros((len(members), len(names)), np.float32)
    for row, groups in zip(belongs, members, strict=True):
        row[[names[group] for group in groups]] = 1
    return np.asarray((belongs @ belongs.T > 0) | np.eye(len(members), dtype=bool))
