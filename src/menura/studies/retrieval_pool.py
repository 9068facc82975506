"""The pool of the arm ``retrieval``: recordings that nobody has labelled for this dataset, heard once.

It is named by the content of its clips and by how they are searched, and so are the cells of the arm: another pool, or
another way, adds cells and changes none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from menura.captions import label_texts
from menura.datasets.reading import load_unlabelled
from menura.metrics.audio_text import cosines
from menura.pipeline.threads import one_thread
from menura.seeding import content_hash
from menura.studies.arm_table import RETRIEVAL
from menura.studies.cells import read_json, write_json
from menura.studies.lab import LabSpec, hear
from menura.studies.leaks import LEAK_VERSION, leaking
from menura.studies.packs import read_pack, write_pack
from menura.studies.real import prepare_real
from menura.studies.settings import EvaluationSettings
from menura.studies.splits import Split
from menura.types import Clip, Finding

if TYPE_CHECKING:
    from menura.backends.base import AudioTextScorer
    from menura.datasets.dataset import Dataset

__all__ = ["HeardPool", "RetrievalPool", "SearchBy", "load_pool"]

SearchBy = Literal["embedding", "caption", "sound"]
"""By embeddings of recordings, by captions beside the texts of labels, or by recordings beside these texts."""

_VERSION = 1


@dataclass(frozen=True)
class HeardPool:
    """What a worker process needs of a pool: cheap to send.

    Attributes:
        key: Names the pool and how it is searched.
        clips: Those that may be retrieved.
        packs: Classifier name to the file of their features.
        by: How they are searched.
        texts: What they were compared with; empty by embedding.
        label_texts: Label to its text.
        text_pack: File of their similarities to the texts.
        text_fingerprint: Of that file.
    """

    key: str
    clips: tuple[Clip, ...]
    packs: Mapping[str, Path]
    by: SearchBy
    texts: tuple[str, ...] = ()
    label_texts: Mapping[str, str] | None = None
    text_pack: Path | None = None
    text_fingerprint: str = ""


@dataclass(frozen=True)
class RetrievalPool:
    """Recordings to retrieve from.

    Attributes:
        source: What the person named.
        clips: All of them, without labels, ordered by id.
        findings: What could not be read.
        by: How they are searched.
        encoder: Fingerprint of the encoder that searches by embedding.
        label_texts: Label to its text.
        captions: Clip of the dataset to its caption, where it has one and the pool is searched by captions.
        scorer: Compares texts and recordings; None by embedding.
    """

    source: str
    clips: tuple[Clip, ...]
    findings: tuple[Finding, ...]
    by: SearchBy
    encoder: str
    label_texts: Mapping[str, str]
    captions: Mapping[str, str] = field(default_factory=dict)
    scorer: AudioTextScorer | None = None

    @cached_property
    def key(self) -> str:
        """Eight hexadecimal digits that change when something else would be retrieved."""
        clips = [[clip.id, clip.group] for clip in self.clips]
        how: list[object] = [self.encoder]
        if self.scorer is not None:
            captions = [clip.caption for clip in self.clips] if self.by == "caption" else []
            how = [self.scorer.name, self.scorer.fingerprint, dict(self.label_texts), dict(self.captions), captions]
        return content_hash([_VERSION, LEAK_VERSION, clips, self.by, how], length=8)

    @property
    def cell_arm(self) -> str:
        """Name of the arm in its cells."""
        return f"{RETRIEVAL}@{self.key}"

    def left_out(self, splits: Sequence[Split], folder: Path, *, workers: int = 1) -> dict[str, str]:
        """Clips that leak, each with its reason: from disk where it is known, else all clips are heard.

        Raises:
            AudioError: A file is gone or cannot be read.
        """
        tested = [clip for split in splits for clip in split.test]
        learned = [clip for split in splits for clip in split.pool]
        known = sorted({(clip.id, clip.group or "", "tested") for clip in tested} | {(c.id, "", "") for c in learned})
        claim = content_hash([self.key, known])
        path = folder / "retrieval" / f"left-out-{claim}.json"
        stored = read_json(path)
        if stored is None:
            stored = dict(sorted(leaking(self.clips, tested=tested, learned=learned, workers=workers).items()))
            write_json(path, stored)
        return {clip_id: str(reason) for clip_id, reason in stored.items()}

    def heard(
        self,
        splits: Sequence[Split],
        spec: LabSpec,
        folder: Path,
        *,
        workers: int,
        progress: Callable[[int, int], None] | None = None,
    ) -> HeardPool:
        """The pool without what leaks, described; from disk where it is.

        Args:
            splits: All folds.
            spec: Classifiers and working rate.
            folder: Where features are.
            workers: Number of processes.
            progress: Called with the number of clips done and in all.

        Raises:
            AudioError: A file is gone or cannot be read.
            RunError: The disk cannot be written.
        """
        leaks = self.left_out(splits, folder, workers=workers)
        clips = tuple(clip for clip in self.clips if clip.id not in leaks)
        packs = prepare_real(
            clips, spec, folder, to_copy=(), workers=workers, stem=f"pool-{self.key}", progress=progress
        ).packs
        if self.scorer is None:
            return HeardPool(self.key, clips, packs, self.by)
        learned = {clip.id for split in splits for clip in split.pool}
        told = (caption for clip_id, caption in self.captions.items() if clip_id in learned)
        texts = tuple(sorted({*self.label_texts.values(), *told}))
        path = folder / "features" / f"pool-{self.key}-texts.safetensors"
        fingerprint = content_hash([self.key, texts, spec.working_rate])
        if read_pack(path, fingerprint, [clip.id for clip in clips]) is None:
            write_pack(path, self._compared(clips, texts, spec.working_rate), fingerprint)
        return HeardPool(self.key, clips, packs, self.by, texts, self.label_texts, path, fingerprint)

    def _compared(
        self, clips: Sequence[Clip], texts: Sequence[str], working_rate: int
    ) -> dict[str, NDArray[np.generic]]:
        """Clip id to similarities with the texts ``[texts]``."""
        with one_thread():
            if self.by == "caption":
                embed = self.scorer.embed_texts  # type: ignore[union-attr]
                rows = cosines(embed([clip.caption or "" for clip in clips]), embed(texts))
                return {clip.id: row for clip, row in zip(clips, rows, strict=True)}
            assert self.scorer is not None
            return {clip.id: self.scorer.similarity([hear(clip, working_rate)], texts)[0] for clip in clips}

    def record(self, left_out: Mapping[str, str]) -> dict[str, object]:
        """What ``evaluation.json`` says of it."""
        return {
            "source": self.source, "key": self.key, "clips": len(self.clips), "searched_by": self.by,
            "left_out": dict(sorted(Counter(left_out.values()).items())),
        }  # fmt: skip


def load_pool(
    dataset: Dataset, settings: EvaluationSettings, scorer: AudioTextScorer | None = None
) -> RetrievalPool | None:
    """The pool that the settings name; None when they name none.

    Without a text model it is searched by embeddings. With one, by captions where every clip has one and the model can
    compare texts with texts; else by the recordings beside the texts of the labels.

    Args:
        dataset: Labelled clips.
        settings: Of the evaluation.
        scorer: The text model, where there is one.

    Raises:
        DatasetError: The pool does not exist, or holds no readable recording.
        BackendError: The encoder cannot be loaded.
        ConfigError: The file of label cards is wrong.
    """
    if settings.pool is None:
        return None
    from menura.backends.registry import load_encoder

    clips, findings = load_unlabelled(settings.pool)
    ordered = tuple(sorted(clips, key=lambda clip: clip.id))
    prompts, domain = settings.run.prompts, settings.run.generator.domain
    texts = label_texts(dataset.labels, domain=domain, cards=prompts.cards)
    by: SearchBy = "embedding"
    if scorer is not None and all(clip.caption for clip in clips):
        by = "caption" if hasattr(scorer, "embed_texts") else "sound"
    encoder = load_encoder(settings.run.judge.encoder).fingerprint
    captions = {clip.id: clip.caption for clip in dataset.clips if clip.caption} if by == "caption" else {}
    return RetrievalPool(
        settings.pool, ordered, findings, by, encoder, texts, captions, None if by == "embedding" else scorer
    )
