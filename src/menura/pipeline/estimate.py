"""What a run will cost, from a short calibration on the person's own clips. Nothing is kept of what it makes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import cycle, islice

from menura.backends.base import AudioTextScorer, Encoder, Generator
from menura.backends.several import is_heavy
from menura.config import RunSettings
from menura.datasets.dataset import TrainingPart
from menura.errors import MenuraError
from menura.generate.parents import ParentCache
from menura.pipeline.engine import choose_workers
from menura.pipeline.plan import lead_labels
from menura.pipeline.store import encoded
from menura.pipeline.threads import one_thread
from menura.pipeline.use import planned_verdicts, use_lines
from menura.types import Candidate, Recording, Request

__all__ = ["Estimate", "LabelPlan", "estimate"]

CALIBRATION_S = 2.5
"""Seconds after which no further clip is made for the estimate."""

_MOST_TRIALS = 24
_WORKER_START_S = 2.0


@dataclass(frozen=True, slots=True)
class LabelPlan:
    """What one label has, and what is planned for it.

    Attributes:
        real: Real training clips that carry the label.
        target: Synthetic clips to be kept.
        requests: Candidates of the first round.
        audio_s: Seconds of audio of these candidates.
    """

    real: int
    target: int
    requests: int
    audio_s: float


@dataclass(frozen=True)
class Estimate:
    """A dry run.

    Attributes:
        labels: Label to its plan.
        requests: Candidates of the first round.
        audio_s: Seconds of audio of all candidates.
        wall_s: Seconds that the run will take, the alignment included.
        num_bytes: Bytes on disk; kept clips are links and take no second place.
        workers: Processes that the time is for.
        trials: Clips that were made to find out.
        licences: Licence of the parents to number of clips; ``None`` where it is not stated.
        sample_rate: Rate of the new clips, in Hz.
        use: What the clips may be used for, in sentences.
        align_s: Seconds of these in which the generator learns from the real clips first; 0 where it does not.
    """

    labels: Mapping[str, LabelPlan]
    requests: int
    audio_s: float
    wall_s: float
    num_bytes: int
    workers: int
    trials: int
    licences: Mapping[str | None, int]
    sample_rate: int
    use: tuple[str, ...] = ()
    align_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Cost:
    """Measured seconds and bytes for each second of audio that is made, and seconds for each real clip judged."""

    making: float
    real_clip_s: float
    num_bytes: float
    trials: int


def estimate(
    training: TrainingPart,
    settings: RunSettings,
    plan: Callable[[], Iterable[Request]],
    *,
    targets: Mapping[str, int],
    generator: Generator,
    encoder: Encoder,
    sample_rate: int,
    scorer: AudioTextScorer | None = None,
    workers: int | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Estimate:
    """Count a plan, make a few of its clips, and say what all of it will cost.

    Args:
        training: The real clips.
        settings: Resolved settings.
        plan: Gives the requests of the first round; called twice.
        targets: Label to number of clips to be kept.
        generator, encoder: As the run will use them.
        sample_rate: Rate of the new clips, in Hz.
        scorer: Audio-text model of the judges, if they have one. A run asks it only of what the other judges pass; here
            it hears every clip, so that the time is rather too long than too short.
        workers: Processes, as for the run.
        clock: Seconds; only tests pass another.

    Raises:
        BackendError: None of the trial clips could be made; the message says why.
    """
    lead, durations = lead_labels(training.counts()), {clip.id: clip.duration_s for clip in training.clips}
    counted: Counter[str] = Counter()
    audio: Counter[str] = Counter()
    for request in plan():
        label = lead(request.labels)
        counted[label] += 1
        audio[label] += _duration_s(request, durations)  # type: ignore[assignment]  # a Counter of seconds
    total, audio_s = counted.total(), float(audio.total())
    trial = _spread(plan(), total)
    parents = ParentCache(training.by_id, sample_rate=sample_rate)
    cost = _measure(trial, generator, _hearing(encoder, scorer, training), parents, durations, clock)
    asked = 1 if is_heavy(generator) else workers
    chosen = choose_workers(asked, num_shards=-(-total // settings.shard_size), audio_s=audio_s)
    real = training.counts()
    return Estimate(
        labels={
            label: LabelPlan(real[label], targets.get(label, 0), counted[label], float(audio[label]))
            for label in training.labels
        },
        requests=total,
        audio_s=audio_s,
        wall_s=cost.real_clip_s * len(training.clips)
        + cost.making * audio_s / chosen
        + (_WORKER_START_S if chosen > 1 else 0.0),
        num_bytes=round(cost.num_bytes * audio_s),
        workers=chosen,
        trials=cost.trials,
        licences=Counter(clip.licence for clip in training.clips),
        sample_rate=sample_rate,
        use=tuple(use_lines(planned_verdicts(training, generator, settings.generator, learns=settings.makes_adapter))),
    )


def _spread(requests: Iterable[Request], total: int) -> list[Request]:
    """A few requests from all over the plan, first those that are far apart."""
    step = max(1, total // _MOST_TRIALS)
    chosen = list(islice(requests, 0, None, step))[:_MOST_TRIALS]
    return chosen[::2] + chosen[1::2]


def _hearing(encoder: Encoder, scorer: AudioTextScorer | None, training: TrainingPart) -> Callable[[Recording], object]:
    """What the judges do with a recording, as far as it takes time."""

    def hear(recording: Recording) -> None:
        encoder.embed([recording])
        if scorer is not None:
            scorer.similarity([recording], training.labels)

    return hear


def _measure(
    trial: Iterable[Request],
    generator: Generator,
    hear: Callable[[Recording], object],
    parents: ParentCache,
    durations: Mapping[str, float],
    clock: Callable[[], float],
) -> _Cost:
    made_s = real_s = audio_s = 0.0
    num_bytes = trials = 0
    started = clock()
    real = cycle(durations)
    with one_thread():
        for request in trial:
            begun = clock()
            recordings = [parents(parent) for parent in request.parents or (next(real),)]
            hear(recordings[0])
            real_s += clock() - begun
            begun = clock()
            candidate = generator.generate([request], parents)[0]
            hear(_recording(candidate))
            num_bytes += len(encoded(candidate, "menura")[0])
            if trials:  # the first one pays for what is loaded on first use
                made_s += clock() - begun
                audio_s += _recording(candidate).duration_s
            else:
                real_s, warm_s, warm_audio_s = 0.0, clock() - begun, _recording(candidate).duration_s
                first_bytes = num_bytes
            trials += 1
            if clock() - started > CALIBRATION_S:
                break
    if not trials:
        raise MenuraError("the plan holds no request, nothing can be estimated")
    if trials == 1:
        return _Cost(warm_s / warm_audio_s, 0.0, first_bytes / warm_audio_s, trials)
    return _Cost(made_s / audio_s, real_s / (trials - 1), num_bytes / (audio_s + warm_audio_s), trials)


def _recording(candidate: Candidate) -> Recording:
    return Recording(candidate.waveform, candidate.sample_rate)


def _duration_s(request: Request, durations: Mapping[str, float]) -> float:
    if request.duration_s is not None:
        return request.duration_s
    return durations[request.parents[0]] if request.parents else 10.0
