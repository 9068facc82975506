"""From a run directory or an evaluation folder to the material of a report. The only module that knows both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from menura.classify.results import EvaluationResult
from menura.datasets.dataset import TrainingPart
from menura.errors import AudioError, BackendError, RunError
from menura.pipeline.decide import all_labels, is_surplus
from menura.pipeline.run import ClipRecord, Run
from menura.pipeline.use import run_verdicts, use_lines
from menura.records import parse_json
from menura.report.choose import SmallestById, choose_children
from menura.report.material import Child, Embedded, KeepRow, Material, RejectGroup, RunFacts, Sound, finding_of
from menura.report.words import flatten
from menura.types import Clip, Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["gather", "gather_run", "reason_kind"]

_USUAL_SOUNDS, _MOST_SOUNDS, _MAX_PER_LABEL = 96, 256, 4
_FAMILY = 4
"""Most players of one synthetic clip: itself, two parents and a background."""

_HELD_PER_LABEL = 24
_MAX_REJECT_EXAMPLES, _EXAMPLES_PER_REASON = 12, 3
_MAX_ON_MAP = 400
_REASON_WORDS = {
    "label": "sounds more like another label",
    "unlike": "too far from the real clips of its label",
    "copy": "nearly a copy of a real clip",
    "twin": "nearly equal to another candidate",
    "duration": "too short or too long",
    "text": "sounds too little like the name of its label",
}
_RUN_DEPTHS = ("run.json", "*/run.json", "*/*/run.json", "*/*/*/run.json")


def gather(folder: Path) -> Material:
    """What a report on ``folder`` can show.

    Args:
        folder: A run, a folder that ``menura evaluate`` wrote (the runs under it are looked through, the first one is
            shown), or both in one.

    Raises:
        RunError: There is neither a run nor an evaluation, or what is there is damaged.
    """
    if not folder.exists():
        raise RunError(f"{folder} does not exist; `menura augment` makes a run, `menura evaluate` an evaluation")
    evaluation_path = folder / "evaluation.json"
    evaluation = EvaluationResult.read(evaluation_path) if evaluation_path.is_file() else None
    runs = next((found for depth in _RUN_DEPTHS if (found := sorted(folder.glob(depth)))), [])
    if evaluation is None and not runs:
        raise RunError(
            f"{folder} holds neither a run (run.json) nor an evaluation (evaluation.json); "
            "`menura augment DATA -o RUN` makes the one, `menura evaluate RUN` the other"
        )
    run = gather_run(Run.open(runs[0].parent), siblings=len(runs)) if runs else None
    return Material(evaluation=evaluation, run=run, audit=_audit_findings(folder), source=folder.name)


def gather_run(run: Run, *, siblings: int = 1) -> RunFacts:
    """What a report shows of one run. Reads each record once; memory does not grow with their number."""
    training = run.training
    kept: SmallestById[Child] = SmallestById(_HELD_PER_LABEL)
    rejected: SmallestById[Child] = SmallestById(_EXAMPLES_PER_REASON)
    reject_labels: dict[str, Counter[str]] = {}
    num_surplus = 0
    on_map: SmallestById[Sound] = SmallestById(max(1, _MAX_ON_MAP // max(1, len(training.labels))))
    for record in run.records():
        child = _child(record, training)
        if record.judgement.accepted:
            kept.add(record.label, record.request.id, child)
            on_map.add(record.label, record.request.id, child.sound)
        elif is_surplus(record.judgement):
            num_surplus += 1
        else:
            kind = reason_kind(record.judgement.reason)
            reject_labels.setdefault(kind, Counter())[record.label] += 1
            rejected.add(kind, record.request.id, child)
    heard = {one.clip_id for one in on_map.everything()}
    heard |= {one.sound.clip_id for some in (kept, rejected) for one in some.everything()}
    run.bring(record for record in run.records() if record.request.id in heard)
    stored = _stored_identity(run.path)
    dataset = stored.get("dataset")
    return RunFacts(
        name=run.path.resolve().name,
        dataset=training.name or (str(dataset.get("name", "")) if isinstance(dataset, dict) else ""),
        settings=flatten(run.settings.model_dump(mode="json")),
        keep_rows=_keep_rows(run),
        children=tuple(
            choose_children(
                {label: _playable(kept.items(label)) for label in sorted(kept.counts)},
                max_sounds=_sound_budget(len(kept.counts)),
                per_label=_MAX_PER_LABEL,
            )
        ),
        rejects=_reject_groups(rejected, reject_labels),
        num_surplus=num_surplus,
        embedded=_embedded(run, on_map),
        licences=dict(Counter(clip.licence or "not stated" for clip in training.clips).most_common()),
        findings=tuple(run.findings),
        facts=_facts(stored),
        siblings=siblings,
        use=tuple(use_lines(run_verdicts(run))),
        allocation=tuple(run.allocation),
        allocation_ended=run.allocation_ended,
        rounds=all_labels(run.round_rates()),
    )


def _sound_budget(num_labels: int) -> int:
    """Players of kept clips: enough for one clip of each label, as long as the page stays within some megabytes."""
    return min(_MOST_SOUNDS, max(_USUAL_SOUNDS, _FAMILY * num_labels))


def reason_kind(reason: str) -> str:
    """What a reason is about, in words, without the numbers of one clip: equal reasons are counted together.

    A judge's reason begins with its kind and a colon.
    """
    kind = reason.partition(":")[0].strip()
    return _REASON_WORDS.get(kind, kind) or "no reason given"


def _child(record: ClipRecord, training: TrainingPart) -> Child:
    request = record.request
    sound = Sound(request.id, str(record.path or ""), ", ".join(request.labels), "synthetic", record.duration_s)
    parents = tuple(_real_sound(training.by_id[clip_id]) for clip_id in request.parents if clip_id in training.by_id)
    return Child(
        sound=sound,
        parents=parents,
        scores=dict(record.judgement.scores),
        params=dict(request.params),
        reason=record.judgement.reason,
        prompt=request.prompt or "",
        lineage=record.lineage,
    )


def _real_sound(clip: Clip) -> Sound:
    return Sound(clip.id, clip.path, ", ".join(clip.labels), "real", clip.duration_s, clip.licence, clip.group)


def _playable(children: Iterable[Child]) -> list[Child]:
    return [child for child in children if child.sound.path and Path(child.sound.path).is_file()]


def _keep_rows(run: Run) -> tuple[KeepRow, ...]:
    real = run.training.counts()
    return tuple(
        KeepRow(**asdict(rate), label=label, real=real.get(label, 0))
        for label, rate in sorted(run.keep_rates().items())
    )


def _reject_groups(rejected: SmallestById[Child], labels: Mapping[str, Counter[str]]) -> tuple[RejectGroup, ...]:
    groups, left = [], _MAX_REJECT_EXAMPLES
    for reason, count in sorted(rejected.counts.items(), key=lambda item: (-item[1], item[0])):
        examples = _playable(rejected.items(reason))[:left]
        left -= len(examples)
        groups.append(RejectGroup(reason, count, dict(labels[reason].most_common()), tuple(examples)))
    return tuple(groups)


def _embedded(run: Run, synthetic: SmallestById[Sound]) -> Embedded | None:
    """Embeddings of a sample of real and kept clips; None when the encoder or every file is missing."""
    import numpy as np

    from menura.audio import decode
    from menura.backends.registry import load_encoder

    real: SmallestById[Sound] = SmallestById(synthetic.limit)
    for clip in run.training.clips:
        real.add(", ".join(clip.labels), clip.id, _real_sound(clip))
    try:
        encoder = load_encoder(run.settings.judge.encoder)
    except BackendError:
        return None
    sounds: list[Sound] = []
    vectors: list[NDArray[np.float32]] = []
    for sound in (*real.everything(), *synthetic.everything()):
        try:
            vectors.append(encoder.embed([decode(sound.path)])[0])
        except AudioError:
            continue
        sounds.append(sound)
    if len(sounds) < 3:
        return None
    total = sum(real.counts.values()) + sum(synthetic.counts.values())
    return Embedded(np.stack(vectors), tuple(sounds), encoder.name, left_out=total - len(sounds))


def _audit_findings(folder: Path) -> tuple[Finding, ...]:
    """Findings of an ``audit.json`` (the output of ``menura audit --json``) that lies beside the run."""
    path = folder / "audit.json"
    if not path.is_file():
        return ()
    try:
        findings = parse_json(path.read_text(encoding="utf-8"))["findings"]
        return tuple(finding_of(item) for item in findings)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RunError(f"{path} cannot be read ({error}); `menura audit DATA --json > {path}` writes it") from error


def _stored_identity(run: Path) -> dict[str, Any]:
    try:
        values = parse_json((run / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _facts(stored: Mapping[str, Any]) -> dict[str, str]:
    """What identifies the run. Without paths: people show this page to others."""
    names = ("fingerprint", "package_version", "generator", "encoder", "sample_rate", "seed", "versions")
    facts = {name: stored[name] for name in names if name in stored}
    dataset = stored.get("dataset")
    if isinstance(dataset, dict):
        facts["dataset"] = {name: dataset.get(name) for name in ("name", "test_fold", "clips", "duration_s")}
    return flatten(facts)
