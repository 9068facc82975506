"""The classifiers of an evaluation and the rate at which they hear."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from menura.audio import clip_id, decode, resample
from menura.classify.base import BEST_OF, RATES, Classifier, get_classifier, is_pretrained, split_setting
from menura.errors import RunError
from menura.seeding import content_hash
from menura.studies.packs import stored_form
from menura.types import Clip, Recording

__all__ = ["Lab", "LabSpec", "describe", "hear", "load_lab", "unchanged", "working_rate_for"]


@dataclass(frozen=True, slots=True)
class LabSpec:
    """What names a lab: cheap to send to another process.

    Attributes:
        classifier: Name as :func:`menura.classify.base.get_classifier` knows it, or ``best``.
        encoder: Name of the encoder of ``linear``.
        working_rate: Rate to which every clip is brought first, in Hz.
        extra: Classifiers that only some arms have, and that decide nothing for the others.
    """

    classifier: str
    encoder: str
    working_rate: int
    extra: tuple[str, ...] = ()


@dataclass(frozen=True)
class Lab:
    """Loaded classifiers.

    Attributes:
        spec: What it was loaded from.
        classifiers: One, or all for ``best``.
        encoder: Fingerprint of the encoder whose embeddings are the features of ``linear``.
        extra: Those that only some arms have.
    """

    spec: LabSpec
    classifiers: tuple[Classifier, ...]
    encoder: str
    extra: tuple[Classifier, ...] = ()

    @property
    def all(self) -> tuple[Classifier, ...]:
        """Every classifier of any arm."""
        return (*self.classifiers, *self.extra)

    @property
    def listeners(self) -> tuple[Classifier, ...]:
        """One classifier for each kind of features: what a real clip has to be described by."""
        first: dict[str, Classifier] = {}
        for classifier in self.all:
            first.setdefault(classifier.feature_fingerprint, classifier)
        return tuple(first.values())

    def listener(self, classifier: Classifier) -> Classifier:
        """The one of :attr:`listeners` that hears the same features."""
        return next(c for c in self.listeners if c.feature_fingerprint == classifier.feature_fingerprint)

    def of_arm(self, name: str | None) -> tuple[Classifier, ...]:
        """The classifier of that name; those of the evaluation for None."""
        return self.classifiers if name is None else tuple(c for c in self.all if c.name == name)[:1]

    def fingerprint(self, classifier: Classifier) -> str:
        """Changes when the same file would get other features."""
        return content_hash([classifier.feature_fingerprint, self.spec.working_rate])


@lru_cache(maxsize=2)
def load_lab(spec: LabSpec) -> Lab:
    """The classifiers, once per process.

    Raises:
        BackendError: The encoder or a classifier cannot be loaded.
    """
    from menura.backends.registry import load_encoder

    encoder = load_encoder(spec.encoder)
    names = BEST_OF if spec.classifier == "best" else (spec.classifier,)

    def load(wanted: Iterable[str]) -> tuple[Classifier, ...]:
        return tuple(get_classifier(name, encoder=encoder, sample_rate=spec.working_rate) for name in wanted)

    return Lab(spec, load(names), encoder.fingerprint, load(name for name in spec.extra if name not in names))


def working_rate_for(classifier: str, encoder: str, rates: Iterable[int]) -> int:
    """The lowest rate, in Hz, at which the classifiers hear all that they would hear at the native one.

    Args:
        classifier: Name as :func:`menura.classify.base.get_classifier` knows it, or ``best``.
        encoder: Name of the encoder.
        rates: Rates of the clips in Hz; what is above the highest of them cannot be heard anyway.

    Raises:
        BackendError: The encoder or the pretrained network cannot be loaded.
    """
    names = BEST_OF if classifier == "best" else (classifier,)
    return min(max(rates), max(_heard_rate(name, encoder) for name in names))


def _heard_rate(classifier: str, encoder: str) -> int:
    """Rate in Hz at which a classifier hears."""
    if classifier in RATES:
        return RATES[classifier]
    if is_pretrained(classifier):
        from menura.backends.registry import load_trainable

        return load_trainable(split_setting(classifier)[0]).sample_rate
    from menura.backends.registry import load_encoder

    return load_encoder(encoder).sample_rate


def unchanged(clip: Clip) -> Recording:
    """The clip, decoded: the very samples that its id names.

    Who may learn from a clip is decided by its id. A file that was replaced since could hold what is tested.

    Raises:
        AudioError: The file is missing or cannot be read.
        RunError: It holds other samples than it did.
    """
    recording = decode(clip.path)
    found = clip_id(recording)
    if found != clip.id:
        raise RunError(
            f"{clip.path} has changed since it was listed (its samples were {clip.id}, now {found}). Put the old file "
            "back, or make the run and the evaluation again from the data as it is now"
        )
    return recording


def hear(clip: Clip, working_rate: int) -> Recording:
    """The clip, decoded and brought down to the working rate; a clip of a lower rate stays as it is.

    Raises:
        AudioError: The file is missing or cannot be read.
        RunError: It holds other samples than it did.
    """
    recording = unchanged(clip)
    if recording.sample_rate <= working_rate:
        return recording
    return Recording(resample(recording.waveform, recording.sample_rate, working_rate), working_rate)


def describe(classifiers: Iterable[Classifier], recording: Recording) -> dict[str, NDArray[np.generic]]:
    """Classifier name to stored features of one recording."""
    return {classifier.name: stored_form(classifier.features(recording)) for classifier in classifiers}
