"""The arm ``zero-shot``: a model of sounds and texts that has learned from none of the clips.

It has no seed and trains nothing, so a fold is listened to once, and its cells are equal for all seeds. They are stored
under a name that holds the fingerprint of model and texts: another model adds cells, and changes none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from menura.captions import label_texts
from menura.classify.zero_shot import zero_shot
from menura.errors import ConfigError
from menura.pipeline.threads import one_thread
from menura.seeding import content_hash
from menura.studies.arms import target_matrix
from menura.studies.cells import Cell
from menura.studies.lab import unchanged
from menura.studies.settings import ZERO_SHOT, EvaluationSettings
from menura.studies.splits import Split

if TYPE_CHECKING:
    from menura.backends.base import AudioTextScorer
    from menura.datasets.dataset import Dataset

__all__ = ["ZeroShot", "load_zero_shot"]


@dataclass(frozen=True)
class ZeroShot:
    """What classifies without having learned from any clip.

    Attributes:
        scorer: The model.
        texts: What a clip is compared with for each label, in the order of the columns.
        labels: The labels.
        multilabel: Whether clips may have several labels.
    """

    scorer: AudioTextScorer
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    multilabel: bool

    @cached_property
    def cell_arm(self) -> str:
        """Name of the arm in its cells."""
        key = content_hash([self.scorer.name, self.scorer.fingerprint, self.texts, self.multilabel], length=8)
        return f"{ZERO_SHOT}@{key}"

    @property
    def num_learned(self) -> int:
        """Clips that the model was fine-tuned on; 0 for one that was not, as far as its folder says."""
        return len(_learned(self.scorer))

    def check_unseen(self, splits: Sequence[Split]) -> None:
        """Refuse a model that was fine-tuned on clips that are to be tested.

        Raises:
            ConfigError: It was.
        """
        tested = {clip.id for split in splits for clip in split.test}
        seen = tested & _learned(self.scorer)
        if seen:
            raise ConfigError(
                f"the text model was fine-tuned on {len(seen)} of the {len(tested)} test clips, and proves nothing "
                "there; fine-tune it with the same --test-fold as the run that is evaluated, or take the model as "
                "published"
            )

    def cells(self, split: Split, seeds: Sequence[int]) -> list[Cell]:
        """The cells of a fold; its test clips are decoded and heard at their own rate, each once.

        Raises:
            AudioError: A clip is missing or cannot be read.
            RunError: A clip holds other samples than it did.
            ConfigError: Two labels have the same text.
        """
        texts = dict(zip(self.labels, self.texts, strict=True))
        with one_thread():
            probabilities = zero_shot(
                self.scorer, (unchanged(clip) for clip in split.test), self.labels,
                text_of=texts.__getitem__, multilabel=self.multilabel,
            )  # fmt: skip
        first = Cell.scored(
            split.name, 0, self.cell_arm,
            clips={}, chosen=self.scorer.name, probabilities=probabilities, multilabel=self.multilabel,
            truth=target_matrix([clip.labels for clip in split.test], self.labels) > 0,
        )  # fmt: skip
        return [replace(first, seed=seed) for seed in seeds]


def _learned(scorer: AudioTextScorer) -> frozenset[str]:
    return frozenset(getattr(scorer, "learned_from", ()))


def load_zero_shot(dataset: Dataset, settings: EvaluationSettings) -> ZeroShot | None:
    """The classifier of the arm ``zero-shot``; None when the settings name no model for it.

    Raises:
        BackendError: The model cannot be loaded.
        ConfigError: Clips have several labels and the metric is one that such a model has no answer to; or the file of
            label cards is wrong.
    """
    if settings.text_model is None:
        return None
    if dataset.is_multilabel and settings.metric not in (None, "mean_average_precision"):
        raise ConfigError(
            f"clips of {dataset.name} have several labels: there zero-shot can rank clips, but not say which labels a "
            f"clip has, which {settings.metric} asks for. Take --metric mean_average_precision, or no --text-model"
        )
    from menura.backends.registry import load_scorer

    prompts, domain = settings.run.prompts, settings.run.generator.domain
    texts = label_texts(dataset.labels, domain=domain, cards=prompts.cards)
    return ZeroShot(
        load_scorer(settings.text_model),
        tuple(texts[label] for label in dataset.labels),
        dataset.labels,
        dataset.is_multilabel,
    )
