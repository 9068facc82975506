"""Real or synthetic? A blind test of the ear: equally many of both for each label, in an order that nobody knows."""

from __future__ import annotations

import math
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from menura.decisions import JsonLines, read_lines
from menura.errors import ConfigError, RunError
from menura.review.catalogue import REVIEW_FOLDER, Catalogue
from menura.review.desk import now
from menura.seeding import item_generator
from menura.types import Origin

__all__ = ["BLIND_NAME", "BlindScore", "BlindTest", "Trial", "blind_score", "draw_trials", "giveaways"]

BLIND_NAME = "blind.jsonl"


@dataclass(frozen=True, slots=True)
class Trial:
    """One clip of the test.

    Attributes:
        id: By which the page knows it; says nothing.
        clip: Its own id.
        path: Audio file.
        label: What it is said to be.
        origin: The truth.
    """

    id: str
    clip: str
    path: str
    label: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class BlindScore:
    """How well the ear told real from synthetic.

    Attributes:
        clips: How many were answered.
        right: How many rightly.
        share: Of them.
        interval: 95 % of the share.
        p: Two-sided, against guessing.
        real_called_real, synthetic_called_real: How often each sounded real; None without such clips.
    """

    clips: int
    right: int
    share: float
    interval: tuple[float, float]
    p: float
    real_called_real: float | None
    synthetic_called_real: float | None


def draw_trials(catalogue: Catalogue, *, clips: int, seed: int) -> list[Trial]:
    """Real training clips and kept synthetic ones, as many of one kind as of the other in each label, mixed.

    Args:
        catalogue: Of the run.
        clips: How many at most; an even number comes out.
        seed: Of what is drawn.

    Raises:
        RunError: No label has a clip of both kinds.
    """
    generator = item_generator(seed, "blind")
    queues: dict[str, tuple[list[tuple[str, str]], list[tuple[str, str]]]] = {}
    for label in catalogue.labels:
        real = [(one.id, one.path) for one in catalogue.reals.values() if label in one.labels]
        made = [(one.id, one.path) for one in catalogue.items if one.verdict == "kept" and one.label == label]
        if real and made:
            queues[label] = tuple([some[k] for k in generator.permutation(len(some))] for some in (real, made))  # type: ignore[assignment]
    trials: list[Trial] = []
    taken: set[str] = set()
    while len(trials) + 2 <= clips and any(queues.values()):
        before = len(trials)
        for label, (real, made) in queues.items():
            while real and real[-1][0] in taken:
                real.pop()
            if real and made and len(trials) + 2 <= clips:
                pairs: list[tuple[Origin, tuple[str, str]]] = [("real", real.pop()), ("synthetic", made.pop())]
                for origin, (clip, path) in pairs:
                    taken.add(clip)
                    trials.append(Trial("", clip, path, label, origin))
        if len(trials) == before:
            break
    if not trials:
        raise RunError(f"{catalogue.folder} has no label with a kept clip beside a real one; nothing can be compared")
    order = generator.permutation(len(trials))
    names = [f"{int(number):08x}" for number in generator.choice(2**32, size=len(trials), replace=False)]
    mixed = (trials[k] for k in order)
    return [
        Trial(name, one.clip, one.path, one.label, one.origin) for name, one in zip(names, mixed, strict=True)
    ]  # fmt: skip


def blind_score(answers: Iterable[tuple[Origin, Origin]]) -> BlindScore:
    """The score of (truth, answer) pairs, with the exact binomial interval and test.

    Raises:
        ConfigError: There is no answer.

    Source:
        Clopper & Pearson 1934.
    """
    from scipy.stats import binomtest

    answers = list(answers)
    if not answers:
        raise ConfigError("no clip has been answered yet")
    right = sum(truth == answer for truth, answer in answers)
    test = binomtest(right, len(answers), 0.5)
    interval = test.proportion_ci(0.95, method="exact")
    return BlindScore(
        clips=len(answers), right=right, share=right / len(answers),
        interval=(float(interval.low), float(interval.high)), p=float(test.pvalue),
        real_called_real=_called_real(answers, "real"),
        synthetic_called_real=_called_real(answers, "synthetic"),
    )  # fmt: skip


def giveaways(rows: Iterable[Mapping[str, Any]]) -> list[tuple[str, int, int]]:
    """Synthetic clips that were recognised, over all tests: id, how often called synthetic, how often heard."""
    heard: dict[str, list[bool]] = {}
    for row in rows:
        if row.get("origin") == "synthetic":
            heard.setdefault(str(row.get("clip")), []).append(row.get("answer") == "synthetic")
    found = [(clip, sum(said), len(said)) for clip, said in heard.items() if any(said)]
    return sorted(found, key=lambda one: (-one[1] / one[2], -one[1], one[0]))


class BlindTest:
    """One test in progress; each answer is on the disk at once.

    Args:
        catalogue: Of the run.
        clips: How many to hear at most.
        seed: Of what is drawn; None draws one that nobody knows.
        clock: Gives the time of a line.
    """

    def __init__(
        self, catalogue: Catalogue, *, clips: int, seed: int | None = None, clock: Callable[[], str] = now
    ) -> None:
        self.catalogue = catalogue
        self.seed = secrets.randbits(48) if seed is None else seed
        self.trials = draw_trials(catalogue, clips=clips, seed=self.seed)
        self.by_id = {trial.id: trial for trial in self.trials}
        self._path = catalogue.folder / REVIEW_FOLDER / BLIND_NAME
        self._log = JsonLines(self._path)
        self._clock = clock
        self._answers: dict[tuple[str, str], Origin] = {}
        self._lock = threading.Lock()

    def answer(self, reviewer: str, trial_id: str, answer: str) -> None:
        """Take the answer to a clip; the first one counts.

        Raises:
            ConfigError: The clip is unknown or answered already, or the answer is neither real nor synthetic.
            RunError: The disk refuses it.
        """
        trial = self.by_id.get(trial_id)
        if trial is None:
            raise ConfigError("no such clip in this test")
        if answer not in ("real", "synthetic"):
            raise ConfigError(f"the answer is {answer[:20]!r}, expected real or synthetic")
        said: Origin = "real" if answer == "real" else "synthetic"
        with self._lock:
            if (reviewer, trial_id) in self._answers:
                raise ConfigError("this clip has been answered; the first answer counts")
            self._log.append(
                [{"test": self.seed, "at": self._clock(), "reviewer": reviewer, "clip": trial.clip,
                  "label": trial.label, "origin": trial.origin, "answer": said}]
            )  # fmt: skip
            self._answers[reviewer, trial_id] = said

    def answered(self, reviewer: str) -> list[str]:
        """Ids of the clips that the reviewer has answered."""
        return [trial for who, trial in self._answers if who == reviewer]

    def result(self, reviewer: str) -> dict[str, Any]:
        """Score and truth, once every clip is answered.

        Raises:
            ConfigError: Some clip is still to be heard: its origin would be known.
        """
        left = len(self.trials) - len(self.answered(reviewer))
        if left:
            raise ConfigError(f"{left} clips are still to be heard")
        said = {trial: answer for (who, trial), answer in self._answers.items() if who == reviewer}
        score = blind_score((self.by_id[trial].origin, answer) for trial, answer in said.items())
        recognised = giveaways(
            {"clip": self.by_id[trial].clip, "origin": self.by_id[trial].origin, "answer": answer}
            for trial, answer in said.items()
        )
        labels = {trial.clip: trial.label for trial in self.trials}
        ids = {trial.clip: trial.id for trial in self.trials}
        return {
            **{name: getattr(score, name) for name in BlindScore.__slots__},
            "interval": list(score.interval),
            "gave_away": [{"clip": clip, "label": labels[clip], "id": ids[clip]} for clip, _, _ in recognised],
            "mistaken": [
                {"clip": one.clip, "label": one.label, "id": one.id}
                for one in self.trials
                if one.origin == "synthetic" and said[one.id] == "real"
            ],
        }

    def giveaways_of_all_tests(self) -> list[tuple[str, int, int]]:
        """See :func:`giveaways`, over every test of this run."""
        return giveaways(read_lines(self._path)[0])


def _called_real(answers: list[tuple[Origin, Origin]], truth: Origin) -> float | None:
    said = [answer == "real" for origin, answer in answers if origin == truth]
    share = sum(said) / len(said) if said else math.nan
    return share if math.isfinite(share) else None
