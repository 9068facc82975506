"""Small heads on embeddings, trained until the validation clips say stop: one loop for linear and hidden layers."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from menura.classify.base import TrainingExamples
from menura.classify.linear import Scaling, stacked
from menura.classify.training import draw_order, single_thread
from menura.errors import ConfigError
from menura.metrics.classification import mean_average_precision
from menura.schedules import linear_decay

__all__ = [
    "FittedHead",
    "HeadSettings",
    "build_head",
    "check_task",
    "course",
    "drawn_stays",
    "loss_weights",
    "losses",
    "new_head",
    "num_steps",
    "probe_score",
    "rate_of",
    "scaled_pair",
    "train_head",
    "validation_value",
]  # fmt: skip

_PREDICTED_AT_ONCE = 4096


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """One way to train a head.

    Attributes:
        hidden_layers: Hidden layers; 0 is a linear head.
        hidden_width: Width of each.
        dropout: After each hidden layer, before its rectifier.
        initialisation: Of all weights; ``torch`` is what the library does by itself.
        optimiser: ``adam`` (no weight decay) or ``adamw`` (weight decay on everything).
        learning_rate: Constant, or the peak when there is a warm-up.
        warm_share: Share of the steps that the rate rises, after which it falls to zero; None keeps it constant.
        batch_size: Clips in a step, at most.
        epochs: Passes over the training clips, at most.
        steps: Steps instead of epochs: batches of exactly ``batch_size`` clips, each drawn as often as its weight says,
            so that any number of clips gets the same steps. None goes by epochs, where weights multiply losses.
        check_every: Epochs, or steps, from one look at the validation clips to the next.
        patience: Looks without a better value after which training stops; None goes on to the last epoch.
        weight_decay: Of ``adamw``.
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
    weight_decay: float = 0.01
    steps: int | None = None


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
        with single_thread(), torch.inference_mode():
            return _from_scores(self.network(torch.from_numpy(scaled)), multilabel=self.multilabel)


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
            _unmoved(_first(nn.Linear(width, settings.hidden_width), settings, after="relu" if layers else "linear")),
            nn.BatchNorm1d(settings.hidden_width), DrawnDropout(settings.dropout), nn.ReLU(),
        ]  # fmt: skip
        width = settings.hidden_width
    last = _first(nn.Linear(width, num_labels), settings, after="relu" if layers else "linear")
    return nn.Sequential(*layers, last)


def new_head(dim: int, num_labels: int, settings: HeadSettings, generator: np.random.Generator) -> nn.Sequential:
    """:func:`build_head` with first weights from the generator; torch's random state stays as it is."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(generator.integers(2**63)))
        return build_head(dim, num_labels, settings)


def _first(layer: nn.Linear, settings: HeadSettings, *, after: Literal["relu", "linear"]) -> nn.Linear:
    """The layer with its first weights, scaled for what stands before it."""
    gain = nn.init.calculate_gain(after)
    if settings.initialisation == "xavier_uniform":
        nn.init.xavier_uniform_(layer.weight, gain=gain)
    elif settings.initialisation == "xavier_normal":
        nn.init.xavier_normal_(layer.weight, gain=gain)
    return layer


class DrawnDropout(nn.Dropout):
    """Dropout that draws from a generator of its own instead of torch's, in an eighth of the time.

    Attributes:
        generator: Decides what drops out; to be set before training.
    """

    generator: np.random.Generator | None = None

    def forward(self, input: Tensor) -> Tensor:
        """The input while not training; else each number is zero with the given probability, the others scaled up."""
        if not self.training:
            return input
        assert self.generator is not None  # train_head sets it
        stays = drawn_stays(self.generator, (input.shape[0], input.shape[1]), self.p)
        return input * torch.from_numpy(stays) * (1 / (1 - self.p))


def drawn_stays(generator: np.random.Generator, shape: tuple[int, int], share: float) -> NDArray[np.bool_]:
    """What stays when a share drops out, ``[clips, width]``; the share is rounded to 65,536ths."""
    drawn = np.frombuffer(generator.bytes(2 * shape[0] * shape[1]), np.uint16).reshape(shape)
    return np.asarray(drawn >= round(share * 65536))


def _unmoved(layer: nn.Linear) -> nn.Linear:
    """The layer with its bias as it is: a batch norm takes it away again, and Adam would make steps of its rounding."""
    layer.bias.requires_grad_(False)
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
    check_task(len(training), len(validation), settings)
    multilabel = training.is_multilabel
    inputs, checked = scaled_pair(training, validation, scaling)
    targets, weights = torch.from_numpy(training.targets), torch.from_numpy(loss_weights(training, settings))
    best: FittedHead | None = None
    with single_thread():
        network = new_head(inputs.shape[1], training.num_labels, settings, generator)
        dropout = generator.spawn(1)[0]
        for layer in network:
            if isinstance(layer, DrawnDropout):
                layer.generator = dropout
        optimiser = _optimiser(network, settings)
        steps, looks = num_steps(len(training), settings), 0
        for step, (chosen, unit) in enumerate(course(training.weights, settings, generator)):
            _set_rate(optimiser, step, steps, settings)
            network.train()
            optimiser.zero_grad(set_to_none=True)
            each = losses(network(inputs[chosen]), targets[chosen], multilabel=multilabel)
            (each * weights[chosen]).mean().backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            if unit is None:
                continue
            with torch.inference_mode():
                scores = network.eval()(checked)
            value = validation_value(scores, validation.targets, settings, multilabel=multilabel)
            looks += 1
            if best is None or value > best.value:
                best = FittedHead(scaling, copy.deepcopy(network), multilabel, settings, unit, value)
                looks = 0
            elif settings.patience is not None and looks >= settings.patience:
                break
    assert best is not None  # the last step is always looked at
    return best


def check_task(num_training: int, num_validation: int | None, settings: HeadSettings) -> None:
    """Refuses what no head can learn from.

    Args:
        num_training: Training clips.
        num_validation: Validation clips; None where nothing is to be validated.
        settings: How to train.

    Raises:
        ConfigError: There are fewer than two training clips, no validation clip, or nothing to do.
    """
    if num_training < 2 or num_validation == 0:
        raise ConfigError(
            f"a head cannot be trained on {num_training} clips and validated on {num_validation}; "
            "expected two or more, and one or more"
        )
    if (settings.epochs if settings.steps is None else settings.steps) < 1:
        name = "epochs" if settings.steps is None else "steps"
        raise ConfigError(f"{name} is {getattr(settings, name)}, expected at least 1")


def num_steps(num_clips: int, settings: HeadSettings) -> int:
    """Steps of a whole training, unless patience ends it before."""
    return settings.steps or settings.epochs * -(-num_clips // settings.batch_size)


def course(
    weights: NDArray[np.float64], settings: HeadSettings, generator: np.random.Generator
) -> Iterator[tuple[NDArray[np.int64], int | None]]:
    """The clips of each step, and the number of the epoch (or step) after which validation is looked at, or None.

    Args:
        weights: ``[clips]``; how often a clip is drawn when training goes by steps.
        settings: Epochs or steps, the size of a batch, when to look.
        generator: Decides the order.
    """
    if settings.steps is not None:
        order = draw_order(weights, settings.steps * settings.batch_size, generator)
        for step, chosen in enumerate(order.reshape(settings.steps, settings.batch_size), start=1):
            yield chosen, step if step % settings.check_every == 0 or step == settings.steps else None
        return
    num_batches = -(-len(weights) // settings.batch_size)
    for epoch in range(1, settings.epochs + 1):
        is_seen = epoch % settings.check_every == 0 or epoch == settings.epochs
        parts = np.array_split(generator.permutation(len(weights)), num_batches)
        for number, chosen in enumerate(parts, start=1):
            yield chosen, epoch if is_seen and number == num_batches else None


def loss_weights(training: TrainingExamples, settings: HeadSettings) -> NDArray[np.float32]:
    """What multiplies the loss of each clip; ones where weights decide how often a clip is drawn."""
    if settings.steps is not None:
        return np.ones(len(training), np.float32)
    return training.weights.astype(np.float32)


def probe_score(predicted: NDArray[np.float64], targets: NDArray[np.float32], *, multilabel: bool) -> float:
    """What probes are chosen by: accuracy, or mean average precision when multi-label; in [0, 1].

    Args:
        predicted: Probabilities ``[clips, labels]``.
        targets: ``[clips, labels]`` of zeros and ones.
        multilabel: Which of the two.
    """
    if multilabel:
        return mean_average_precision(targets > 0, predicted)
    return float((predicted.argmax(axis=1) == targets.argmax(axis=1)).mean())


def scaled_pair(
    training: TrainingExamples, validation: TrainingExamples, scaling: Scaling | None
) -> tuple[Tensor, Tensor]:
    """Embeddings of training and validation ``[clips, dim]``, scaled."""
    both = (stacked(training.features), stacked(validation.features))
    one, other = (part if scaling is None else scaling.apply(part) for part in both)
    return torch.from_numpy(one), torch.from_numpy(other)


def _optimiser(network: nn.Module, settings: HeadSettings) -> torch.optim.Optimizer:
    trained = [part for part in network.parameters() if part.requires_grad]
    if settings.optimiser == "adam":
        return torch.optim.Adam(trained, lr=settings.learning_rate, fused=True)  # a quarter less time with few clips
    return torch.optim.AdamW(trained, lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True)


def _set_rate(optimiser: torch.optim.Optimizer, step: int, steps: int, settings: HeadSettings) -> None:
    for group in optimiser.param_groups:
        group["lr"] = rate_of(step, steps, settings)


def rate_of(step: int, steps: int, settings: HeadSettings) -> float:
    """Learning rate of a step, counted from 0."""
    if settings.warm_share is None:
        return settings.learning_rate
    return linear_decay(step, steps, peak=settings.learning_rate, warm_share=settings.warm_share)


def losses(scores: Tensor, targets: Tensor, *, multilabel: bool) -> Tensor:
    """Loss of each clip: mean over labels of the binary cross-entropy, or the cross-entropy."""
    if multilabel:
        return nn.functional.binary_cross_entropy_with_logits(scores, targets, reduction="none").mean(dim=1)
    return nn.functional.cross_entropy(scores, targets, reduction="none")


def validation_value(
    scores: Tensor, targets: NDArray[np.float32], settings: HeadSettings, *, multilabel: bool
) -> float:
    """What weights with these scores ``[clips, labels]`` are worth, more is better; -inf when they have diverged."""
    with torch.inference_mode():
        if settings.criterion == "loss":
            loss = float(losses(scores, torch.from_numpy(targets), multilabel=multilabel).mean())
            return -loss if np.isfinite(loss) else -np.inf
        predicted = _from_scores(scores, multilabel=multilabel)
    return probe_score(predicted, targets, multilabel=multilabel) if np.isfinite(predicted).all() else -np.inf


def _from_scores(scores: Tensor, *, multilabel: bool) -> NDArray[np.float64]:
    double = scores.double()
    found: NDArray[np.float64] = (torch.sigmoid(double) if multilabel else torch.softmax(double, dim=1)).numpy()
    return found


def _num_labels(network: nn.Module) -> int:
    return [layer.out_features for layer in network.modules() if isinstance(layer, nn.Linear)][-1]
