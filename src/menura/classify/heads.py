"""Small heads on embeddings, trained until the validation clips say stop: one loop for linear and hidden layers."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from menura.classify.base import TrainingExamples
from menura.classify.linear import Scaling, stacked
from menura.classify.training import single_thread
from menura.errors import ConfigError
from menura.metrics.classification import score_predictions
from menura.schedules import linear_decay

__all__ = ["FittedHead", "HeadSettings", "build_head", "probe_score", "scaled_pair", "train_head"]

_PREDICTED_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """One way to train a head.

    Attributes:
        hidden_layers: Hidden layers; 0 is a linear head.
        hidden_width: Width of each.
        dropout: After each hidden layer, before its rectifier.
        initialisation: Of all weights; ``torch`` is what the library does by itself.
        optimiser: ``adam`` (no weight decay) or ``adamw`` (weight decay 0.01 on everything, the library's default).
        learning_rate: Constant, or the peak when there is a warm-up.
        warm_share: Share of the steps that the rate rises, after which it falls to zero; None keeps it constant.
        batch_size: Clips in a step, at most.
        epochs: Passes over the training clips, at most.
        check_every: Epochs from one look at the validation clips to the next.
        patience: Looks without a better value after which training stops; None goes on to the last epoch.
        criterion: What the kept weights are best in on validation: ``score`` (accuracy, or mAP when multi-label) or
            ``loss``.
    """

    hidden_layers: int
    learning_rate: float
    optimiser: Literal["adam", "adamw"]
    batch_size: int
    epochs: int
    criterion: Literal["score", "loss"]
    hidden_width: int = 1024
    dropout: float = 0.1
    initialisation: Literal["torch", "xavier_uniform", "xavier_normal"] = "torch"
    warm_share: float | None = None
    check_every: int = 1
    patience: int | None = None


@dataclass(frozen=True)
class FittedHead:
    """Scaling and head with the weights that did best on validation.

    Attributes:
        scaling: From the training clips; None leaves embeddings as they are.
        network: The head, in evaluation mode.
        multilabel: Sigmoid per label instead of softmax.
        settings: How it was trained.
        epoch: The epoch whose weights these are, from 1.
        value: What they reached on validation by the criterion; a loss has its sign turned, so that more is better.
        chosen: The settings that were chosen on validation, in words.
    """

    scaling: Scaling | None
    network: nn.Module
    multilabel: bool
    settings: HeadSettings
    epoch: int
    value: float
    chosen: str = ""

    def predict(self, features: Sequence[NDArray[np.float32]]) -> NDArray[np.float64]:
        """Probabilities ``[clips, labels]`` of embeddings ``[dim]``."""
        parts = [
            self._predict(stacked(features[start : start + _PREDICTED_AT_ONCE]))
            for start in range(0, len(features), _PREDICTED_AT_ONCE)
        ]
        return np.concatenate(parts) if parts else np.zeros((0, _num_labels(self.network)))

    def _predict(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        scaled = embeddings if self.scaling is None else self.scaling.apply(embeddings)
        with single_thread():
            return _probabilities(self.network, torch.from_numpy(scaled), multilabel=self.multilabel)


def build_head(dim: int, num_labels: int, settings: HeadSettings) -> nn.Sequential:
    """The untrained head: hidden layers of product, batch norm, dropout and rectifier, then one product.

    Args:
        dim: Size of an embedding.
        num_labels: Number of labels.
        settings: Layers and first weights; drawn from torch's random state.

    Source:
        Turian et al. 2022, arXiv:2203.03022, appendix B, as far as it is told there.
    """
    layers: list[nn.Module] = []
    width = dim
    for _ in range(settings.hidden_layers):
        layers += [
            _first(nn.Linear(width, settings.hidden_width), settings, after="relu" if layers else "linear"),
            nn.BatchNorm1d(settings.hidden_width), nn.Dropout(settings.dropout), nn.ReLU(),
        ]  # fmt: skip
        width = settings.hidden_width
    last = _first(nn.Linear(width, num_labels), settings, after="relu" if layers else "linear")
    return nn.Sequential(*layers, last)


def _first(layer: nn.Linear, settings: HeadSettings, *, after: Literal["relu", "linear"]) -> nn.Linear:
    """The layer with its first weights, scaled for what stands before it."""
    gain = nn.init.calculate_gain(after)
    if settings.initialisation == "xavier_uniform":
        nn.init.xavier_uniform_(layer.weight, gain=gain)
    elif settings.initialisation == "xavier_normal":
        nn.init.xavier_normal_(layer.weight, gain=gain)
    return layer


def train_head(
    training: TrainingExamples,
    validation: TrainingExamples,
    settings: HeadSettings,
    *,
    generator: np.random.Generator,
    scaling: Scaling | None,
) -> FittedHead:
    """The head with the weights of the epoch that did best on the validation clips.

    Args:
        training: What is learned from; a weight multiplies the loss of its example.
        validation: What is looked at to keep weights and to stop. Never a test clip.
        settings: How to train.
        generator: Decides first weights, order and dropout; the same state gives the same bits on one kind of machine.
        scaling: What embeddings go through first; None leaves them as they are.

    Raises:
        ConfigError: There are fewer than two training clips or no validation clip.
    """
    if len(training) < 2 or not len(validation):
        raise ConfigError(
            f"a head cannot be trained on {len(training)} clips and validated on {len(validation)}; "
            "expected two or more, and one or more"
        )
    multilabel = training.is_multilabel
    inputs, checked = scaled_pair(training, validation, scaling)
    targets, weights = torch.from_numpy(training.targets), torch.from_numpy(training.weights.astype(np.float32))
    best: FittedHead | None = None
    with single_thread(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(generator.integers(2**63)))
        network = build_head(inputs.shape[1], training.num_labels, settings)
        optimiser = _optimiser(network, settings)
        num_batches = -(-len(training) // settings.batch_size)
        step = looks = 0
        for epoch in range(1, settings.epochs + 1):
            network.train()
            for chosen in np.array_split(generator.permutation(len(training)), num_batches):
                _set_rate(optimiser, step, settings.epochs * num_batches, settings)
                optimiser.zero_grad(set_to_none=True)
                losses = _losses(network(inputs[chosen]), targets[chosen], multilabel=multilabel)
                (losses * weights[chosen]).mean().backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                step += 1
            if epoch % settings.check_every and epoch < settings.epochs:
                continue
            value = _value(network.eval(), checked, validation.targets, settings, multilabel=multilabel)
            looks += 1
            if best is None or value > best.value:
                best = FittedHead(scaling, copy.deepcopy(network), multilabel, settings, epoch, value)
                looks = 0
            elif settings.patience is not None and looks >= settings.patience:
                break
    if best is None:
        raise ConfigError(f"epochs is {settings.epochs}, expected at least 1")
    return best


def probe_score(predicted: NDArray[np.float64], targets: NDArray[np.float32], *, multilabel: bool) -> float:
    """What probes are chosen by: accuracy, or mean average precision when multi-label; in [0, 1].

    Args:
        predicted: Probabilities ``[clips, labels]``.
        targets: ``[clips, labels]`` of zeros and ones.
        multilabel: Which of the two.
    """
    scores = score_predictions(targets > 0, predicted, multilabel=multilabel)
    return scores.mean_average_precision or 0.0 if multilabel else scores.accuracy


def scaled_pair(
    training: TrainingExamples, validation: TrainingExamples, scaling: Scaling | None
) -> tuple[Tensor, Tensor]:
    """Embeddings of training and validation ``[clips, dim]``, scaled."""
    both = (stacked(training.features), stacked(validation.features))
    one, other = (part if scaling is None else scaling.apply(part) for part in both)
    return torch.from_numpy(one), torch.from_numpy(other)


def _optimiser(network: nn.Module, settings: HeadSettings) -> torch.optim.Optimizer:
    kind = torch.optim.Adam if settings.optimiser == "adam" else torch.optim.AdamW
    return kind(network.parameters(), lr=settings.learning_rate, fused=True)  # a quarter less time with few clips


def _set_rate(optimiser: torch.optim.Optimizer, step: int, steps: int, settings: HeadSettings) -> None:
    if settings.warm_share is None:
        return
    for group in optimiser.param_groups:
        group["lr"] = linear_decay(step, steps, peak=settings.learning_rate, warm_share=settings.warm_share)


def _losses(scores: Tensor, targets: Tensor, *, multilabel: bool) -> Tensor:
    """Loss of each clip: mean over labels of the binary cross-entropy, or the cross-entropy."""
    if multilabel:
        return nn.functional.binary_cross_entropy_with_logits(scores, targets, reduction="none").mean(dim=1)
    return nn.functional.cross_entropy(scores, targets, reduction="none")


def _value(
    network: nn.Module, inputs: Tensor, targets: NDArray[np.float32], settings: HeadSettings, *, multilabel: bool
) -> float:
    """What the weights are worth on validation, more is better; minus infinity when they have diverged."""
    if settings.criterion == "loss":
        with torch.inference_mode():
            loss = float(_losses(network(inputs), torch.from_numpy(targets), multilabel=multilabel).mean())
        return -loss if np.isfinite(loss) else -np.inf
    predicted = _probabilities(network, inputs, multilabel=multilabel)
    return probe_score(predicted, targets, multilabel=multilabel) if np.isfinite(predicted).all() else -np.inf


def _probabilities(network: nn.Module, inputs: Tensor, *, multilabel: bool) -> NDArray[np.float64]:
    with torch.inference_mode():
        scores = network(inputs).double()
        found: NDArray[np.float64] = (torch.sigmoid(scores) if multilabel else torch.softmax(scores, dim=1)).numpy()
    return found


def _num_labels(network: nn.Module) -> int:
    return [layer.out_features for layer in network.modules() if isinstance(layer, nn.Linear)][-1]
