"""How unsure a tagger is of the cause of a sound: causal uncertainty of synthetic sounds beside real ones.

The causal uncertainty of a sound is here the entropy of the label distribution that a tagger gives it,

    H = - sum_k p_k log2 p_k

in bits, and as a share of the most there can be, ``log2(labels)``. The tagger is a linear head on an encoder,
trained on slices of the real clips; what it says of a real clip comes from a tagger that was trained on other folds.
A head that is regularised for few clips is less sure than it is right, so that its probabilities are sharpened by one
number, the temperature, which is chosen on held-out real clips.
The paper's own definition could not be read; this is the usual reading of the term.

Source:
    Cherep and Singh 2024, arXiv:2406.05923, figure 3 (the idea); Ballas 1993, "Common factors in the identification of
    an assortment of brief everyday sounds" (causal uncertainty as the entropy of what listeners name); Guo et al. 2017,
    arXiv:1706.04599 (temperature scaling); Platt 1999 (smoothed targets).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from menura.classify.base import FittedClassifier, TrainingExamples
from menura.classify.linear import LinearClassifier
from menura.datasets.dataset import Dataset
from menura.datasets.folds import grouped_folds
from menura.errors import DatasetError
from menura.metrics.statistics import Interval, mean_interval
from menura.seeding import item_generator
from menura.studies.sound_sets import (
    DENSE,
    REAL,
    SoundSet,
    SoundSettings,
    dense_mixture,
    dense_note,
    draw_clips,
    embed_sets,
    hear,
    random_slice,
    working_rate,
)
from menura.types import Clip, Progress, Recording

if TYPE_CHECKING:
    from menura.backends.base import Encoder

__all__ = ["Uncertainty", "UncertaintyRow", "causal_uncertainty", "entropy_bits"]

_FOLDS = 5
_LEAST = 1e-12
_TEMPERATURES = np.geomspace(0.2, 5.0, 81)


@dataclass(frozen=True, slots=True)
class UncertaintyRow:
    """One set.

    Attributes:
        name: Of the set.
        sounds: Number of sounds.
        bits: Mean entropy in bits.
        interval: Its 95 % bootstrap interval over sounds.
        share: Mean entropy as a share of the most there can be.
        confidence: Mean probability of the likeliest label.
    """

    name: str
    sounds: int
    bits: float
    interval: Interval
    share: float
    confidence: float


@dataclass(frozen=True)
class Uncertainty:
    """Result of :func:`causal_uncertainty`.

    Attributes:
        encoder: Name of the encoder that the tagger listens with.
        labels: Number of labels.
        folds: Number of taggers.
        accuracy: Share of held-out real slices whose likeliest label is right: near ``confidence`` of the real set
            when the probabilities can be taken at their word.
        temperature: Mean over taggers; below 1 they were less sure than they were right.
        rows: Real, dense mixtures, then the synthetic sets.
        notes: What a reader must know of the numbers.
        bits: Name of the set to the entropy of each sound.
    """

    encoder: str
    labels: int
    folds: int
    accuracy: float
    temperature: float
    rows: tuple[UncertaintyRow, ...]
    notes: tuple[str, ...]
    bits: Mapping[str, NDArray[np.float64]]


def entropy_bits(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Entropy of each row in bits, ``[sounds]``; rows are scaled to a sum of 1 first.

    Example:
        >>> entropy_bits(np.array([[0.5, 0.5], [1.0, 0.0]])).tolist()
        [1.0, 0.0]
    """
    share = probabilities / probabilities.sum(axis=-1, keepdims=True)
    return np.asarray(-(share * np.log2(np.where(share > 0, share, 1.0))).sum(axis=-1) + 0.0)


def causal_uncertainty(
    dataset: Dataset,
    encoder: Encoder,
    settings: SoundSettings,
    synthetic: Sequence[SoundSet],
    *,
    progress: Progress | None = None,
) -> Uncertainty:
    """Entropy of a tagger's label distribution for real, mixed and synthetic sounds.

    Real clips are heard by the tagger that did not learn from their fold (the published folds, else five in which no
    source is in two); a synthetic sound by all taggers, and the mean of their entropies counts. Where clips carry
    several labels, the probabilities of the labels are scaled to a sum of 1.

    Args:
        dataset: Real clips; at most twice ``count`` of them are used, evenly over labels.
        encoder: What the tagger listens with.
        settings: Length, rate and seed of the sounds.
        synthetic: Sets of the rate that :func:`menura.studies.sound_sets.working_rate` gives.
        progress: Called with ``reading``, ``embedding`` or ``tagging``, done, in all.

    Raises:
        DatasetError: There are fewer than eight real clips, two labels or two sources.
        AudioError: A clip is gone or cannot be read.
    """
    clips = _with_folds(dataset, draw_clips(dataset, 2 * settings.count, settings.seed), settings.seed)
    labels = sorted({label for clip in clips for label in clip.labels})
    if len(labels) < 2:
        raise DatasetError(f"{dataset.name} has the label {', '.join(labels)} alone, expected two or more")
    real, dense = _sounds(clips, settings, progress)
    found, mixed, *others = embed_sets(encoder, [real, dense, *synthetic], progress)
    examples, fold_of = _examples(clips, labels, found), np.array([clip.fold for clip in clips])
    embedded = {REAL: found, DENSE: mixed} | {s.name: o for s, o in zip(synthetic, others, strict=True)}
    taggers = _taggers(encoder, examples, fold_of, seed=settings.seed, progress=progress)
    heard = {
        name: _by_fold(taggers, embeddings, fold_of) if name in (REAL, DENSE) else _by_all(taggers, embeddings)
        for name, embeddings in embedded.items()
    }
    right = examples.targets[np.arange(len(clips)), heard[REAL][0].argmax(axis=1)]
    bits = {name: np.mean([entropy_bits(rows) for rows in by_tagger], axis=0) for name, by_tagger in heard.items()}
    return Uncertainty(
        encoder=encoder.name,
        labels=len(labels),
        folds=len(taggers),
        accuracy=float(right.mean()),
        temperature=float(np.mean([tagger.temperature for tagger in taggers.values()])),
        rows=tuple(_row(name, bits[name], heard[name], settings.seed) for name in heard),
        notes=tuple(sounds.note for sounds in (real, dense, *synthetic) if sounds.note),
        bits=bits,
    )


def _row(name: str, bits: NDArray[np.float64], by_tagger: Sequence[NDArray[np.float64]], seed: int) -> UncertaintyRow:
    return UncertaintyRow(
        name=name,
        sounds=len(bits),
        bits=float(bits.mean()),
        interval=mean_interval(bits[:, None], seed=seed, resamples=2000),
        share=float(bits.mean() / np.log2(by_tagger[0].shape[1])),
        confidence=float(np.mean([rows.max(axis=1) for rows in by_tagger])),
    )


@dataclass(frozen=True)
class _Tagger:
    """A classifier whose probabilities are sharpened by a temperature."""

    fitted: FittedClassifier
    temperature: float

    def predict(self, embeddings: NDArray[np.float32]) -> NDArray[np.float64]:
        """``[sounds, labels]`` with a sum of 1."""
        return _sharpened(self.fitted.predict(list(embeddings)), self.temperature)


def _taggers(
    encoder: Encoder,
    examples: TrainingExamples,
    fold_of: NDArray[np.str_],
    *,
    seed: int,
    progress: Progress | None,
) -> dict[str, _Tagger]:
    """Fold to a tagger that was trained on the others; its temperature suits the predictions for the others."""
    classifier, folds = LinearClassifier(encoder), sorted(set(fold_of.tolist()))
    fitted, held_out = {}, np.zeros(examples.targets.shape)
    for done, fold in enumerate(folds, start=1):
        training = examples.take(np.flatnonzero(fold_of != fold))
        fitted[fold] = classifier.fit(training, validation=None, steps=0, seed=seed)
        places = np.flatnonzero(fold_of == fold)
        held_out[places] = fitted[fold].predict([examples.features[place] for place in places.tolist()])
        if progress is not None:
            progress("tagging", done, len(folds))
    return {
        fold: _Tagger(fitted[fold], _temperature(held_out[fold_of != fold], examples.targets[fold_of != fold]))
        for fold in folds
    }


def _by_fold(
    taggers: Mapping[str, _Tagger], embeddings: NDArray[np.float32], fold_of: NDArray[np.str_]
) -> list[NDArray[np.float64]]:
    """Each sound by the tagger of its own fold."""
    places = [np.flatnonzero(fold_of == fold) for fold in taggers]
    parts = [tagger.predict(embeddings[place]) for tagger, place in zip(taggers.values(), places, strict=True)]
    return [np.concatenate(parts)[np.argsort(np.concatenate(places))]]


def _by_all(taggers: Mapping[str, _Tagger], embeddings: NDArray[np.float32]) -> list[NDArray[np.float64]]:
    return [tagger.predict(embeddings) for tagger in taggers.values()]


def _temperature(probabilities: NDArray[np.float64], targets: NDArray[np.float32]) -> float:
    """The temperature under which the true labels are likeliest; both ``[sounds, labels]``.

    The truth is held to be wrong once in ``sounds + 2`` cases, as in Platt scaling: a tagger that made no mistake yet
    would else be taken to be infallible.
    """
    doubt = 1 / (len(targets) + 2)
    truth = (1 - doubt) * targets / np.maximum(targets.sum(axis=1, keepdims=True), 1) + doubt / targets.shape[1]
    losses = [-(truth * np.log(_sharpened(probabilities, t) + _LEAST)).sum() for t in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def _sharpened(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Rows proportional to ``p ** (1 / temperature)``, with a sum of 1."""
    logs = np.log(probabilities + _LEAST) / temperature
    powers = np.exp(logs - logs.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _with_folds(dataset: Dataset, clips: tuple[Clip, ...], seed: int) -> tuple[Clip, ...]:
    if dataset.folds and len({clip.fold for clip in clips}) > 1:
        return clips
    groups = {clip.group if clip.group is not None else clip.id for clip in clips}
    return grouped_folds(clips, num_folds=min(_FOLDS, max(2, len(groups))), seed=seed)


def _sounds(clips: Sequence[Clip], settings: SoundSettings, progress: Progress | None) -> tuple[SoundSet, SoundSet]:
    """One slice and one dense mixture of each clip, in the order of the clips; silent ones are kept."""
    rate = working_rate(clips, settings)
    real: list[Recording] = []
    dense: list[Recording] = []
    for done, clip in enumerate(clips, start=1):
        heard = hear(clip, rate)
        real.append(random_slice(heard, settings.duration_s, item_generator(settings.seed, "slice", clip.id)))
        generator = item_generator(settings.seed, "dense", clip.id)
        dense.append(dense_mixture(heard, settings.duration_s, layers=settings.layers, generator=generator))
        if progress is not None:
            progress("reading", done, len(clips))
    return SoundSet(REAL, tuple(real)), SoundSet(DENSE, tuple(dense), note=dense_note(clips, settings))


def _examples(clips: Sequence[Clip], labels: Sequence[str], embeddings: NDArray[np.float32]) -> TrainingExamples:
    targets = np.array([[label in clip.labels for label in labels] for clip in clips], dtype=np.float32)
    return TrainingExamples(
        features=list(embeddings),
        targets=targets,
        weights=np.ones(len(clips)),
        augment=False,
        groups=[clip.group if clip.group is not None else clip.id for clip in clips],
        is_real=np.ones(len(clips), dtype=bool),
    )
