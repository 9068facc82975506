"""All judges of one training part, calibrated together: what a candidate has to pass alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from menura.backends.base import AudioTextScorer, Encoder, Parents
from menura.config import JudgeSettings
from menura.datasets.dataset import TrainingPart
from menura.errors import DatasetError, RunError
from menura.judge.facts import look_at
from menura.judge.gates import gate_reason, scores_of, waveform_reason
from menura.judge.judges import Judges, fit_judges
from menura.judge.reference import References, look_at_training
from menura.judge.texts import TextJudge, calibrate_texts, judge_text, scorer_of
from menura.types import Candidate, JsonValue, Recording

__all__ = ["JudgePanel", "Scored"]

_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Scored:
    """What the panel says of one candidate alone.

    Attributes:
        scores: Name of a score to its number; those of the judges that were asked.
        embedding: Of the encoder, ``[dim]`` float32; ``[0]`` when no embedding was needed.
        reason: Why it is rejected, in words with numbers; empty when it passed.
    """

    scores: dict[str, float]
    embedding: NDArray[np.float32]
    reason: str


@dataclass(frozen=True)
class JudgePanel:
    """Scores candidates against the real training clips of one run. Make one with :meth:`calibrate`.

    Attributes:
        settings: When a candidate is kept.
        references: The real training clips.
        judges: Agreement and copies; None when the settings ask for nothing but technical soundness.
        encoder: Gives the embeddings.
        seed: Of the run; part of the identity.
        texts: Compares candidates with the names of their labels; None without a model for that.
    """

    settings: JudgeSettings
    references: References
    judges: Judges | None
    encoder: Encoder
    seed: int = 0
    texts: TextJudge | None = None

    @classmethod
    def calibrate(
        cls,
        training: TrainingPart,
        settings: JudgeSettings,
        parents: Parents,
        *,
        encoder: Encoder,
        seed: int,
        scorer: AudioTextScorer | None = None,
        text_of: Callable[[str], str] = judge_text,
    ) -> JudgePanel:
        """The panel of a training part: every threshold comes from its real clips.

        Args:
            training: The real training clips.
            settings: Acceptance rate and whether to judge at all.
            parents: Gives their recordings, at the rate of the run.
            encoder: Gives their embeddings.
            seed: Of the run.
            scorer: The audio-text model, where it is loaded already; else the one that the settings name, if any.
            text_of: What a candidate of a label is compared with by that model.

        Raises:
            AudioError: A recording cannot be read.
            BackendError: The audio-text model cannot be loaded.
            DatasetError: Every clip of a label is there a second time under another one.
        """
        if not settings.enabled:
            references, _ = look_at_training(training, parents, None)
            return cls(settings, references, None, encoder, seed)
        _refuse_labels_without_clips(training)
        references, embeddings = look_at_training(training, parents, lambda one: encoder.embed([one])[0])
        groups = [training.by_id[clip_id].group for clip_id in references.ids]
        judges = fit_judges(
            references, embeddings, groups, parents=parents, encoder=encoder, acceptance=settings.acceptance,
            shifts=settings.thresholds,
        )  # fmt: skip
        scorer = scorer or scorer_of(settings)
        texts = None if scorer is None else calibrate_texts(scorer, settings, references, parents, text_of)
        return cls(settings, references, judges, encoder, seed, texts)

    def score(self, candidate: Candidate) -> Scored:
        """Judge one candidate alone, the cheap judges first; the first that objects gives the reason.

        Raises:
            RunError: The candidate carries a label that no training clip has.
        """
        nothing = np.zeros(0, np.float32)
        wanted = self._columns(candidate.request.labels)
        reason = waveform_reason(candidate)
        if reason:
            return Scored({}, nothing, reason)
        facts, signature = look_at(Recording(candidate.waveform, candidate.sample_rate))
        scores = dict(scores_of(facts))
        parents = self.references.rows(candidate.request.parents)
        beside = parents or [int(row) for row in np.flatnonzero(self.references.targets[:, wanted].any(axis=1))]
        reason = gate_reason(facts, candidate.request.duration_s, [self.references.facts[row] for row in beside])
        if reason or self.judges is None:
            return Scored(_rounded(scores), nothing, reason)
        embedding = self.encoder.embed([Recording(candidate.waveform, candidate.sample_rate)])[0]
        heard = self.judges.hear(embedding, signature, columns=wanted, parents=parents, references=self.references)
        scores |= heard.scores
        reason = self.judges.reason(heard, self.references)
        if self.texts is not None and not reason:
            read = self.texts.read(Recording(candidate.waveform, candidate.sample_rate), wanted)
            scores |= read.scores
            reason = self.texts.reason(read)
        return Scored(_rounded(scores), embedding, reason)

    def place(self, embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Embeddings ``[n, dim]`` where distances mean something; without judges they stay as they are."""
        return embeddings if self.judges is None else self.judges.space.place(embeddings)

    def real_of(self, label: str) -> NDArray[np.float32]:
        """The placed real clips of the label ``[n, dim]``; none without judges."""
        if self.judges is None:
            return np.zeros((0, 0), np.float32)
        return np.asarray(self.judges.placed[self.references.targets[:, self._columns([label])[0]]])

    def describe(self) -> list[dict[str, JsonValue]]:
        """One row per label for printing: clips, thresholds, and what share of its held-out real clips passes."""
        if self.judges is None:
            return []
        rows: list[dict[str, JsonValue]] = [asdict(threshold) for threshold in self.judges.thresholds]
        if self.texts is None:
            return rows
        read = (asdict(threshold) for threshold in self.texts.thresholds)
        shown = ("text", "cosine", "rank", "real_pass", "real_first")
        return [
            row | {name if name == "text" else f"text_{name}": one[name] for name in shown}
            for row, one in zip(rows, read, strict=True)
        ]

    @cached_property
    def fingerprint(self) -> str:
        """Changes with anything that can change a judgement."""
        from menura.judge.panel_file import panel_fingerprint

        return panel_fingerprint(self)

    def save(self, folder: Path) -> None:
        """Write ``panel.json`` and ``panel.safetensors`` into the folder, the same bytes for the same panel."""
        from menura.judge.panel_file import save_panel

        save_panel(self, folder)

    @staticmethod
    def load(folder: Path, encoder: Encoder, *, scorer: AudioTextScorer | None = None) -> JudgePanel:
        """The panel that was saved in the folder.

        Args:
            folder: Where it was saved.
            encoder: The one that it was calibrated with.
            scorer: Its audio-text model, where it is loaded already; else the one that its settings name, if any.

        Raises:
            RunError: It is missing or damaged, or belongs to another encoder or audio-text model.
            BackendError: The audio-text model cannot be loaded.
        """
        from menura.judge.panel_file import load_panel

        return load_panel(folder, encoder, scorer)

    def _columns(self, labels: Sequence[str]) -> list[int]:
        unknown = [label for label in labels if label not in self.references.labels]
        if unknown or not labels:
            raise RunError(
                f"a candidate carries the labels {list(labels)}, no training clip has {unknown or 'no label'}; "
                "make the plan again"
            )
        return [self.references.labels.index(label) for label in labels]


def _rounded(scores: Mapping[str, float]) -> dict[str, float]:
    return {name: round(float(value), _DIGITS) for name, value in scores.items()}


def _refuse_labels_without_clips(training: TrainingPart) -> None:
    """A recording counts once: of two clips with the same samples and other labels, one loses its label."""
    left = {label for clip in training.by_id.values() for label in clip.labels}
    gone = [label for label in training.labels if label not in left]
    if gone:
        raise DatasetError(
            f"every training clip of {', '.join(map(repr, gone))} holds the same samples as a clip of another label, "
            "so that nothing tells them apart; correct the labels (`menura audit` names the pairs)"
        )
