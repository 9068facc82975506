"""``menura.score``: how near is one set of clips to another, how varied is it, and does it copy?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from menura.backends.registry import load_scorer
from menura.config import Domain
from menura.datasets.dataset import Dataset, TrainingPart
from menura.datasets.index import num_cores
from menura.errors import ConfigError, DatasetError
from menura.metrics.distance import sample_size_note
from menura.pipeline.run import Run
from menura.seeding import item_seed
from menura.studies.embeddings import EncoderSpec, load_spec
from menura.studies.even_sets import same_mix
from menura.studies.measured_clips import MeasuredClips, measure_clips
from menura.studies.score_copies import CopyCheck, check_copies
from menura.studies.score_descriptors import DescriptorRow, compare_descriptors
from menura.studies.score_texts import TextScores, TextVariety, score_texts, text_variety
from menura.studies.score_values import FEWEST, ScoreRow, label_values, set_values
from menura.studies.sound_sets import hear
from menura.types import Clip, Progress

if TYPE_CHECKING:
    from menura.types import Recording

__all__ = ["MEASURES", "ScoreResult", "score"]

MEASURES = ("kad", "fad", "overlap", "vendi", "descriptors", "copies", "texts")
"""What can be asked for: distances, precision to coverage, variety, descriptors, copies, texts."""

_SHOWN = 5


@dataclass(frozen=True)
class ScoreResult:
    """Two sets compared.

    Attributes:
        reference, other: What they are called.
        clips, other_clips: Clips compared, after labels that only one set has were left out.
        labels: Labels that both have.
        settings: What was asked for.
        rows: Distances, overlap, variety; overall first, then by label.
        descriptors: Descriptors compared, likewise.
        copies: Against the reference, and against test clips if there were any.
        texts: CLAP scores of ``reference`` and ``other``; empty without a text model.
        variety: Of the captions of both; None where there are too few.
        measured: Both sets with all that was measured.
        notes: What a reader must know.
    """

    reference: str
    other: str
    clips: int
    other_clips: int
    labels: tuple[str, ...]
    settings: dict[str, Any]
    rows: tuple[ScoreRow, ...]
    descriptors: tuple[DescriptorRow, ...]
    copies: tuple[CopyCheck, ...]
    texts: dict[str, TextScores]
    variety: dict[str, TextVariety | None]
    measured: tuple[MeasuredClips, MeasuredClips]
    notes: tuple[str, ...]

    def row(self, measure: str, *, label: str = "", heard_by: str | None = None) -> ScoreRow:
        """The figure of that name.

        Raises:
            ConfigError: It was not asked for, or there were too few clips.
        """
        for row in self.rows:
            if (row.measure, row.label) == (measure, label) and heard_by in (None, row.heard_by):
                return row
        known = sorted({row.measure for row in self.rows})
        raise ConfigError(f"no {measure!r} of {label or 'all clips'} was measured; there is {', '.join(known)}")

    def to_json(self) -> dict[str, Any]:
        """All numbers but those of single clips, ready for JSON: NaN is null."""
        known = {
            name: getattr(self, name)
            for name in ("reference", "other", "clips", "other_clips", "labels", "settings", "notes")
        }
        known["rows"] = [asdict(row) for row in self.rows]
        known["descriptors"] = [asdict(row) for row in self.descriptors]
        known["copies"] = [
            {name: value for name, value in asdict(check).items() if name != "rows"} for check in self.copies
        ]
        known["texts"] = {name: asdict(found) for name, found in self.texts.items()}
        known["variety"] = {name: asdict(found) if found else None for name, found in self.variety.items()}
        return _without_nan(known)  # type: ignore[no-any-return]


def score(
    reference: Dataset | TrainingPart | Run,
    other: Dataset | Run | None = None,
    *,
    encoders: Sequence[str] = ("acoustic",),
    measures: Sequence[str] = MEASURES,
    text_model: str | None = None,
    per_label: bool = False,
    test: Dataset | Sequence[Clip] | None = None,
    standardise: bool = True,
    limit: int | None = None,
    domain: Domain = "environment",
    seed: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> ScoreResult:
    """How near one set of clips is to another, how varied it is, and whether it copies.

    Each figure of the other set stands beside its floor: the same figure of one half of the reference beside the other
    half, which share no source. That is what two sets look like that do not differ.

    Args:
        reference: Real clips; of a run without ``other`` its training part, with ``other`` its kept clips.
        other: The clips in question; of a run its kept clips.
        encoders: What hears them, each by itself; the first one also looks for copies.
        measures: Of :data:`MEASURES`.
        text_model: CLAP model, by folder or name, for the scores with texts; None leaves them out.
        per_label: Whether each label is also compared by itself.
        test: Held-out clips to look for copies in; of a dataset its test part, or all if it holds nothing out. Clips
            that are in the reference, too, are left out.
        standardise: Whether embeddings are standardised by the reference; published figures of CLAP or VGGish are not.
        limit: Most clips of each set, drawn evenly over labels; None takes all.
        domain: Of the sounds, for texts of labels.
        seed: Of all draws.
        workers: Processes; None takes all cores.
        progress: Called with the stage, how much is done, and how much there is.

    Raises:
        ConfigError: A measure is unknown, or a number is too small.
        DatasetError: The sets have no label in common, or too few clips.
        RunError: A run is not finished.
        BackendError: An encoder or the text model cannot be loaded.
        AudioError: A clip is gone or cannot be read.

    Example:
        >>> result = score(dataset.train, run)                    # doctest: +SKIP
        >>> print(result.row("KAD").value, result.row("KAD").floor)  # doctest: +SKIP
    """
    asked = _asked(measures, encoders, limit=limit, workers=workers)
    (name, clips), (other_name, other_clips) = _both(reference, other)
    notes: list[str] = []
    clips, other_clips, labels = _shared_labels(name, clips, other_name, other_clips, notes)
    if limit is not None:
        clips, other_clips = (_limited(part, limit, seed) for part in (clips, other_clips))
    _check_sizes(name, clips, other_name, other_clips)
    held_out = _held_out(test, clips, notes)
    rates = {clip.sample_rate for clip in (*clips, *other_clips, *held_out)}
    rate = min(rates)
    if len(rates) > 1:
        notes.append(f"rates from {rate} to {max(rates)} Hz: all clips are heard at {rate} Hz")
    for spec in map(EncoderSpec, encoders):
        load_spec(spec)  # what cannot be loaded fails before the work
    scorer = load_scorer(text_model) if text_model is not None and "texts" in asked else None
    processes = workers or num_cores()

    def measured(part: Sequence[Clip], stage: str) -> MeasuredClips:
        return measure_clips(part, encoders, sample_rate=rate, workers=processes, stage=stage, progress=progress)

    first, second = measured(clips, f"hearing {name}"), measured(other_clips, f"hearing {other_name}")
    tested = measured(held_out, "hearing test clips") if held_out and "copies" in asked else None
    rows: list[ScoreRow] = []
    for encoder in encoders:
        sides = (first.clips, second.clips, first.embeddings[encoder], second.embeddings[encoder])
        found = set_values(
            *sides, measures=asked, heard_by=encoder, standardise=standardise, seed=seed
        )  # fmt: skip
        rows += found
        if per_label:
            rows += label_values(
                *sides, labels=labels, measures=asked, heard_by=encoder, standardise=standardise, seed=seed
            )
        notes += [
            text for row in found if row.measure == "FAD"
            if (text := sample_size_note(row.clips, first.embeddings[encoder].shape[1]))
        ]  # fmt: skip
    descriptors: list[DescriptorRow] = []
    if "descriptors" in asked:
        even = second.take(same_mix(first.clips, second.clips, seed=seed))
        descriptors = compare_descriptors(first, even, seed=seed)
        if per_label:
            descriptors += compare_descriptors(first, second, labels=labels, seed=seed)
    copies: list[CopyCheck] = []
    if "copies" in asked:

        def heard(row: str) -> Recording:
            return hear(first.clips[int(row)], rate)

        copies = check_copies(
            first, second, tested, encoder=load_spec(EncoderSpec(encoders[0])), encoder_name=encoders[0], hear=heard
        )
    notes += _notes(first, second, rows, per_label=per_label, labels=labels)
    pair = {"reference": first.clips, "other": second.clips}
    texts = {} if scorer is None else {
        side: score_texts(
            scorer, part, labels, sample_rate=rate, domain=domain, seed=seed,
            stage=f"texts of {name if side == 'reference' else other_name}", progress=progress,
        )
        for side, part in pair.items()
    }  # fmt: skip
    variety = dict(zip(pair, text_variety(list(pair.values()), domain=domain, seed=seed), strict=True))
    return ScoreResult(
        reference=name,
        other=other_name,
        clips=len(first),
        other_clips=len(second),
        labels=labels,
        settings={
            "encoders": list(encoders), "measures": sorted(asked), "text_model": text_model, "standardise": standardise,
            "limit": limit, "seed": seed, "sample_rate": rate, "test_clips": len(held_out),
        },
        rows=tuple(rows),
        descriptors=tuple(descriptors),
        copies=tuple(copies),
        texts=texts,
        variety=variety if "texts" in asked else {},
        measured=(first, second),
        notes=tuple(dict.fromkeys(notes)),
    )  # fmt: skip


def _asked(
    measures: Sequence[str], encoders: Sequence[str], *, limit: int | None, workers: int | None
) -> frozenset[str]:
    unknown = sorted(set(measures) - set(MEASURES))
    if unknown or not measures:
        raise ConfigError(f"measures are {', '.join(measures) or 'none'}; expected some of {', '.join(MEASURES)}")
    if not encoders or len(set(encoders)) < len(encoders):
        raise ConfigError(f"encoders are {', '.join(encoders) or 'none'}; expected at least one, and none twice")
    if (limit is not None and limit < 2 * FEWEST) or (workers is not None and workers < 1):
        raise ConfigError(f"limit is {limit}, workers is {workers}; expected a limit from {2 * FEWEST} and a worker")
    return frozenset(measures)


def _both(
    reference: Dataset | TrainingPart | Run, other: Dataset | Run | None
) -> tuple[tuple[str, tuple[Clip, ...]], tuple[str, tuple[Clip, ...]]]:
    for given in (reference, other):
        if given is not None and not isinstance(given, Dataset | TrainingPart | Run):
            raise DatasetError(
                f"score was given a {type(given).__name__}, expected a dataset, a training part or a run: "
                "menura.datasets.load(PATH), menura.pipeline.run.Run.open(PATH)"
            )
    if other is None:
        if not isinstance(reference, Run):
            raise ConfigError(f"{reference.name} was given alone; give two sets of clips, or one run")
        return (f"{reference.training.name} (training clips)", reference.training.clips), _named(reference)
    return _named(reference), _named(other)


def _named(source: Dataset | TrainingPart | Run) -> tuple[str, tuple[Clip, ...]]:
    if isinstance(source, Run):
        return f"{source.path.name} (kept clips)", source.kept()
    return source.name, source.clips


def _held_out(test: Dataset | Sequence[Clip] | None, reference: Sequence[Clip], notes: list[str]) -> tuple[Clip, ...]:
    """The test clips without those that are in the reference, too: a run was made from these."""
    if test is None:
        return ()
    given = (test.test or test.clips) if isinstance(test, Dataset) else tuple(test)
    known = {clip.id for clip in reference}
    found = tuple(clip for clip in given if clip.id not in known)
    if not found:
        raise DatasetError(f"all {len(given)} test clips are in the reference, expected held-out ones")
    if len(found) < len(given):
        notes.append(f"test clips that are in the reference, left out: {len(given) - len(found)} of {len(given)}")
    return found


def _shared_labels(
    name: str, clips: Sequence[Clip], other_name: str, other: Sequence[Clip], notes: list[str]
) -> tuple[tuple[Clip, ...], tuple[Clip, ...], tuple[str, ...]]:
    """The clips whose first label both sets know, and the labels that both know; says what is left out."""
    known, there = ({label for clip in part for label in clip.labels} for part in (clips, other))
    firsts, others = ({clip.labels[0] for clip in part} for part in (clips, other))
    shared = firsts & others
    for title, part in ((name, clips), (other_name, other)):
        if not part:
            raise DatasetError(f"{title} has no clips to compare")
    if not shared:
        raise DatasetError(
            f"{name} and {other_name} have no label in common ({_some(known)}; {_some(there)}): name the labels alike"
        )
    for title, own, lacking in ((name, firsts, other_name), (other_name, others, name)):
        if own - shared:
            notes.append(f"labels of {title} that {lacking} lacks, left out: {_some(own - shared)}")
    kept = tuple(tuple(clip for clip in part if clip.labels[0] in shared) for part in (clips, other))
    return kept[0], kept[1], tuple(sorted(known & there))


def _some(labels: set[str]) -> str:
    ordered = sorted(labels)
    return ", ".join(ordered[:_SHOWN]) + (f" and {len(ordered) - _SHOWN} more" if len(ordered) > _SHOWN else "")


def _check_sizes(name: str, clips: Sequence[Clip], other_name: str, other: Sequence[Clip]) -> None:
    for title, part, least in ((name, clips, 2 * FEWEST), (other_name, other, FEWEST)):
        if len(part) < least:
            raise DatasetError(
                f"{title} has {len(part)} clips of the labels in common, expected at least {least}: figures of fewer "
                "say nothing; add clips"
            )


def _limited(clips: Sequence[Clip], limit: int, seed: int) -> tuple[Clip, ...]:
    """At most so many clips, the same number of each first label as far as there are so many."""
    place: Counter[str] = Counter()
    ranked = []
    for position, clip in sorted(enumerate(clips), key=lambda entry: item_seed(seed, "limit", entry[1].id)):
        place[clip.labels[0]] += 1
        ranked.append((place[clip.labels[0]], position))
    return tuple(clips[position] for position in sorted(position for _, position in sorted(ranked)[:limit]))


def _notes(
    first: MeasuredClips, second: MeasuredClips, rows: Sequence[ScoreRow], *, per_label: bool, labels: Sequence[str]
) -> list[str]:
    notes = []
    even = [row for row in rows if not row.label and row.measure != "KAD"]
    if even:
        notes.append(
            f"all figures but KAD are means over five draws of {even[0].clips} clips from each side, label by label; "
            f"their floors are of equal size"
        )
    elif {"FAD", "precision", "Vendi score"}.isdisjoint(row.measure for row in rows):
        notes.append("halves of the reference are too small, label by label, for figures that need sets of one size")
    both = {clip.id for clip in first.clips} & {clip.id for clip in second.clips}
    if both:
        notes.append(f"{len(both)} clips are in both sets, sample for sample")
    if len({clip.group or clip.id for clip in first.clips}) == 1:
        notes.append("all clips of the reference have one source: its halves share it")
    if any(len(clip.labels) > 1 for clip in (*first.clips, *second.clips)):
        notes.append("clips with several labels count for the first one where sets are made even")
    silent = sorted({row.label for row in rows if row.label})
    if per_label and len(silent) < len(labels):
        notes.append(
            f"labels with fewer than four clips in a set, not compared by themselves: {len(labels) - len(silent)}"
        )
    return notes


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, dict):
        return {str(key): _without_nan(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(part) for part in value]
    return value
