"""The records that travel through Menura. Frozen, plain, importable without numpy or torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, TypeAlias

from menura.errors import BackendError
from menura.seeding import content_hash

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Candidate",
    "Clip",
    "Finding",
    "JsonValue",
    "Judgement",
    "Origin",
    "Params",
    "Progress",
    "Provenance",
    "Recording",
    "Request",
    "Severity",
    "Waveform",
]

Waveform: TypeAlias = "NDArray[np.float32]"
"""Float32 ``[channels, samples]``, nominal range [-1, 1]."""

JsonValue: TypeAlias = "bool | int | float | str | list[JsonValue] | dict[str, JsonValue] | None"
Params: TypeAlias = Mapping[str, JsonValue]
Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with the stage, how much of it is done, and how much there is."""
Origin: TypeAlias = Literal["real", "synthetic"]
Severity: TypeAlias = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Recording:
    """A decoded clip: its waveform and the sample rate that the waveform has.

    Attributes:
        waveform: Float32 ``[channels, samples]``.
        sample_rate: In Hz.
    """

    waveform: Waveform
    sample_rate: int

    @property
    def duration_s(self) -> float:
        """Duration in seconds."""
        return float(self.waveform.shape[-1] / self.sample_rate)


@dataclass(frozen=True)
class Request:
    """One clip to be made. Everything a generator may look at stands here.

    Attributes:
        labels: The labels that the clip shall carry.
        generator: Fingerprint of the generator that the request is for (name, version, settings).
        prompt: Text for a text-to-audio model.
        negative_prompt: What the clip shall not contain.
        parents: Ids of the real clips that it is made from; the first one leads.
        duration_s: Duration asked for, in seconds; None leaves it to the generator.
        seed_key: Key of the item's random stream, see :func:`menura.seeding.item_generator`.
        params: The numbers drawn for this request.
        round: 0 for the plan, 1 and up for revisions.
        replaces: Id of the request that it revises.
    """

    labels: tuple[str, ...]
    generator: str
    prompt: str | None = None
    negative_prompt: str | None = None
    parents: tuple[str, ...] = ()
    duration_s: float | None = None
    seed_key: tuple[str | int, ...] = ()
    params: Params = field(default_factory=dict)
    round: int = 0
    replaces: str | None = None

    @cached_property
    def id(self) -> str:
        """Sixteen hexadecimal digits that name the content of the request.

        Raises:
            BackendError: It holds something that JSON cannot express.
        """
        content = [
            self.labels, self.generator, self.prompt, self.negative_prompt, self.parents, self.duration_s,
            self.seed_key, self.params, self.round, self.replaces,
        ]  # fmt: skip
        try:
            return content_hash(content)
        except (TypeError, ValueError) as error:
            raise BackendError(
                f"a request for the generator {self.generator} cannot be stored ({error}); its draw() must give finite "
                "numbers, texts, and lists and mappings of them"
            ) from error


@dataclass(frozen=True, slots=True)
class Provenance:
    """Everything to make a synthetic clip again and to know its licence.

    Attributes:
        request: The request that it answers.
        generator: Name of the generator.
        revision: Revision of the weights; None for a generator without weights.
        weights_licence: Licence of the weights; None for a generator without weights.
        adapter: Adapter on top of the weights.
        package_version: Version of Menura that made the clip.
        parent_licences: Licences of the parents, in their order.
    """

    request: Request
    generator: str
    revision: str | None = None
    weights_licence: str | None = None
    adapter: str | None = None
    package_version: str = ""
    parent_licences: tuple[str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Clip:
    """One labelled recording, the unit of a dataset.

    Attributes:
        id: Hash of the decoded samples and the rate (:func:`menura.audio.clip_id`); a real clip keeps its id
            when the file is renamed or packed differently without loss.
        path: Absolute path of the audio file.
        labels: One label or more, as published.
        duration_s: In seconds.
        sample_rate: In Hz, of the file.
        channels: Number of channels of the file.
        caption: Text that describes the clip.
        group: Source recording, recordist, speaker, animal: never on both sides of a split.
        fold: Published cross-validation part.
        split: ``train``, ``validation`` or ``test``.
        licence: Licence of the recording.
        origin: Real or synthetic.
        provenance: How a synthetic clip was made.
    """

    id: str
    path: str
    labels: tuple[str, ...]
    duration_s: float
    sample_rate: int
    channels: int = 1
    caption: str | None = None
    group: str | None = None
    fold: str | None = None
    split: str | None = None
    licence: str | None = None
    origin: Origin = "real"
    provenance: Provenance | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A generated waveform before anyone has judged it.

    Attributes:
        request: What was asked for.
        waveform: Float32 ``[channels, samples]``.
        sample_rate: In Hz.
        facts: What the generator knows about it (name, revision, warnings). No clock times: facts are stored
            and a resumed run must store the same bytes.
    """

    request: Request
    waveform: Waveform
    sample_rate: int
    facts: Params = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the judges say of one candidate.

    Attributes:
        request_id: Which candidate.
        scores: Name of a score to its number.
        accepted: Kept or rejected.
        reason: Why it was rejected, in words; empty when it was kept.
    """

    request_id: str
    scores: Mapping[str, float]
    accepted: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person should know about their data or their run.

    Attributes:
        kind: Stable name for programs, e.g. ``clipped`` or ``group_leak``.
        severity: ``error`` (the clip or dataset cannot be used so), ``warning`` (act on it), ``note``.
        message: What was found, with numbers.
        remedy: What to do.
        paths: The files that it is about.
        details: Numbers for programs.
    """

    kind: str
    severity: Severity
    message: str
    remedy: str = ""
    paths: tuple[str, ...] = ()
    details: Params = field(default_factory=dict)
