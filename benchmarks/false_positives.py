"""How often an evaluation says "helped" where nothing helps, and how often its interval holds a gain that is known.

Two layers. ``simulated`` draws answers of arms whose true gain is known and lets the summary and the verdict judge
them: many shapes of evaluation, nothing trained. ``trained`` runs ``menura.evaluate`` from end to end, with clips of a
toy world that exist as embeddings alone, so that a repetition takes a second: synthetic clips that are exact copies of
the real ones; labels that were shuffled, with copies and with fresh clips; and clips of the true distribution, whose
gain is measured on thousands of training sets.

    python benchmarks/false_positives.py simulated --repetitions 200
    python benchmarks/false_positives.py trained --repetitions 200
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from menura.config import AmountSettings, JudgeSettings, RunSettings
from menura.datasets.dataset import Dataset, TrainingPart
from menura.pipeline.decide import KeepRate
from menura.seeding import item_generator
from menura.studies.arms import Example, arm_members, target_matrix, training_examples
from menura.studies.cells import Cell
from menura.studies.evaluate import evaluate
from menura.studies.lab import LabSpec, load_lab, working_rate_for
from menura.studies.packs import write_pack
from menura.studies.splits import Split, dataset_splits, draw_training, source_of
from menura.studies.summary import Table
from menura.studies.verdict import outcome_of
from menura.types import Clip, Provenance, Request

RATE = 8000
ENCODER = "acoustic"


# --- Layer one: simulated answers --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shape:
    """One shape of evaluation: folds, seeds, test clips in all, and clips of one source."""

    folds: int
    seeds: int
    clips: int
    per_source: int


SHAPES = (
    Shape(1, 3, 40, 1), Shape(1, 5, 120, 4), Shape(1, 3, 400, 1),
    Shape(5, 3, 40, 1), Shape(5, 3, 120, 4), Shape(5, 5, 400, 1),
    Shape(10, 3, 120, 1), Shape(10, 5, 400, 4),
)  # fmt: skip
LABELS = ("a", "b", "c", "d")
REAL, MADE = ("real", "classic"), ("synthetic", "synthetic+classic")
EASE, SOURCE, OWN, CHANCE = 0.6, 0.7, 0.3, 0.4
"""Mean of the latent score of a clip, and deviations: of its source, of an arm on it, of each answer."""
SEED, FOLD = 0.1, 0.1
"""Deviations of an arm from seed to seed and (with three folds or more) from fold to fold: about 3 points each."""


def simulated_table(shape: Shape, gain: float, generator: np.random.Generator) -> Table:
    """Answers of two arms of real clips and two with synthetic ones, whose latent scores are higher by ``gain``.

    A clip is answered rightly where ``ease + source + clip + arm (on this clip, seed, fold) + chance`` is above zero.
    """
    splits: list[Split] = []
    cells: dict[str, list[list[Cell]]] = {arm: [] for arm in (*REAL, *MADE)}
    per_fold = shape.clips // shape.folds
    for fold in range(shape.folds):
        names = [LABELS[i % len(LABELS)] for i in range(per_fold)]
        sources = np.arange(per_fold) // shape.per_source
        test = tuple(
            Clip(f"{fold}-{i}", "/x", (name,), 1.0, RATE, group=f"{fold}-{sources[i]}") for i, name in enumerate(names)
        )
        splits.append(Split(str(fold), (), test))
        truth = target_matrix([clip.labels for clip in test], LABELS) > 0
        common = EASE + generator.normal(0, SOURCE, per_fold)[sources] + generator.normal(0, SOURCE, per_fold)
        for arm in cells:
            own = generator.normal(0, OWN, per_fold) + (FOLD * generator.normal() if shape.folds > 2 else 0.0)
            row = []
            for seed in range(shape.seeds):
                moved = SEED * generator.normal() + CHANCE * generator.normal(size=per_fold)
                right = common + own + moved + (gain if arm in MADE else 0.0) > 0
                answers = np.where(right[:, None], truth, np.roll(truth, 1, axis=1)).astype(float)
                row.append(_cell(str(fold), seed, arm, answers, truth))
            cells[arm].append(row)
    return Table(cells, splits, LABELS, "accuracy", False)


def _cell(fold: str, seed: int, arm: str, answers: NDArray[np.float64], truth: NDArray[np.bool_]) -> Cell:
    right = float(truth[answers > 0].mean())
    return Cell(fold, seed, arm, {}, "none", right, right, right, None, (), None, answers)  # type: ignore[arg-type]


def true_gain(shape: Shape, gain: float) -> float:
    """Difference of the shares of right answers, from the normal distribution of the latent scores."""
    from scipy.stats import norm

    fold = FOLD if shape.folds > 2 else 0.0
    deviation = np.sqrt(2 * SOURCE**2 + OWN**2 + CHANCE**2 + SEED**2 + fold**2)
    return float(norm.cdf((EASE + gain) / deviation) - norm.cdf(EASE / deviation))


def simulate(repetitions: int) -> None:
    """Print one line for each shape, without and with a gain."""
    print("| folds x seeds | test clips | of a source | true gain | helped | hurt | interval holds it | its width |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for shape in SHAPES:
        for latent in (0.0, 0.25):
            found = [_judged(shape, latent, number) for number in range(repetitions)]
            truth = true_gain(shape, latent)
            covered = np.mean([low <= truth <= high for _, (low, high) in found])
            width = np.mean([high - low for _, (low, high) in found])
            outcomes = [outcome for outcome, _ in found]
            print(
                f"| {shape.folds} x {shape.seeds} | {shape.clips} | {shape.per_source} | {100 * truth:.1f} | "
                f"{_share(outcomes, 'helped')} | {_share(outcomes, 'hurt')} | {100 * covered:.1f} % | "
                f"{100 * width:.1f} |",
                flush=True,
            )


def _judged(shape: Shape, gain: float, number: int) -> tuple[str, tuple[float, float]]:
    table = simulated_table(shape, gain, item_generator(0, "simulated", str(shape), str(gain), number))
    return outcome_of(table.differences()[0]), table.gain_interval(MADE[0], REAL[0])


def _share(outcomes: list[str], wanted: str) -> str:
    return f"{100 * outcomes.count(wanted) / len(outcomes):.1f} %"


# --- Layer two: trained classifiers ------------------------------------------------------------------------------

FOLDS, SEEDS, PER_LABEL, TIMES = 4, 2, 4, 3
NAMES = ("low", "mid", "high")
DIM, BETWEEN, WITHIN, SHARED = 12, 0.45, 1.0, 0.4
"""Dimensions; deviations of the labels' centres, of a clip, and of what two clips of one source share."""
PAIRS_IN_FOLD = 4
"""Sources of each label in each fold; each has two clips."""


@dataclass(frozen=True)
class World:
    """Clips that exist as embeddings alone; ``vectors`` by clip id."""

    dataset: Dataset
    vectors: Mapping[str, NDArray[np.float32]]


def centres() -> NDArray[np.float64]:
    """Centre of each label, ``[labels, dim]``: one world for all repetitions."""
    return item_generator(0, "centres").normal(0, BETWEEN, (len(NAMES), DIM))


def draw_vector(label: int, generator: np.random.Generator) -> NDArray[np.float32]:
    """A fresh clip of a label, of a source of its own."""
    spread = np.sqrt(SHARED**2 + WITHIN**2)
    return (centres()[label] + generator.normal(0, spread, DIM)).astype(np.float32)


def draw_world(number: int, *, shuffled: bool) -> World:
    """New recordings of the world; with ``shuffled`` labels they say nothing about each other."""
    generator = item_generator(0, "world", number)
    vectors, clips = {}, []
    for fold in range(FOLDS):
        for label, name in enumerate(NAMES):
            for pair in range(PAIRS_IN_FOLD):
                shared = centres()[label] + generator.normal(0, SHARED, DIM)
                for twin in range(2):
                    clip_id = f"{number}-{fold}-{name}-{pair}-{twin}"
                    vectors[clip_id] = (shared + generator.normal(0, WITHIN, DIM)).astype(np.float32)
                    group = f"{fold}-{name}-{pair}"
                    clips.append(Clip(clip_id, f"/none/{clip_id}", (name,), 1.0, RATE, fold=str(fold), group=group))
    if shuffled:
        clips = [clip for fold in range(FOLDS) for clip in _shuffled(clips, str(fold), generator)]
    return World(Dataset("toy", tuple(clips), root="/none"), vectors)


def _shuffled(clips: list[Clip], fold: str, generator: np.random.Generator) -> Iterator[Clip]:
    """The clips of a fold with each other's labels, by source."""
    inside = [clip for clip in clips if clip.fold == fold]
    groups = sorted({str(clip.group) for clip in inside})
    labels = {str(clip.group): clip.labels for clip in inside}
    moved = dict(zip(groups, (labels[groups[i]] for i in generator.permutation(len(groups))), strict=True))
    return (replace(clip, labels=moved[str(clip.group)]) for clip in inside)


Maker = Callable[[Clip, World, np.random.Generator], NDArray[np.float32]]


def copy_of(parent: Clip, world: World, generator: np.random.Generator) -> NDArray[np.float32]:
    """The parent itself."""
    return world.vectors[parent.id]


def fresh_of(parent: Clip, world: World, generator: np.random.Generator) -> NDArray[np.float32]:
    """A new clip of the parent's label, as the world makes them."""
    return draw_vector(NAMES.index(parent.labels[0]), generator)


def fresh_of_any(parent: Clip, world: World, generator: np.random.Generator) -> NDArray[np.float32]:
    """A new clip of whatever label, called as the parent is."""
    return draw_vector(int(generator.integers(len(NAMES))), generator)


@dataclass(frozen=True)
class ToyRun:
    """A run whose clips are embeddings."""

    clips: tuple[Clip, ...]
    vectors: Mapping[str, NDArray[np.float32]]

    def kept(self) -> tuple[Clip, ...]:
        """The synthetic clips."""
        return self.clips

    def keep_rates(self) -> dict[str, KeepRate]:
        """Everything was kept."""
        counts = {name: sum(clip.labels == (name,) for clip in self.clips) for name in NAMES}
        return {name: KeepRate(target=n, planned=n, made=n, passed=n, kept=n) for name, n in counts.items()}

    def embeddings(self, encoder: str, *, highest_rate: int) -> Mapping[str, NDArray[np.float32]]:
        """All of them."""
        return self.vectors


def toy_run(training: TrainingPart, seed: int, world: World, make: Maker) -> ToyRun:
    """``TIMES`` children of each training clip."""
    clips, vectors = [], {}
    for parent in training.clips:
        for child in range(TIMES):
            clip_id = f"{parent.id}-{seed}-{child}"
            vectors[clip_id] = make(parent, world, item_generator(seed, training.name, parent.id, child))
            request = Request(parent.labels, "toy", parents=(parent.id,), seed_key=(child,))
            clips.append(
                Clip(clip_id, parent.path, parent.labels, 1.0, RATE, origin="synthetic",
                     provenance=Provenance(request, "toy"))
            )  # fmt: skip
    return ToyRun(tuple(clips), vectors)


def toy_spec() -> LabSpec:
    """The classifier ``linear`` on an encoder that is never asked."""
    return LabSpec("linear", ENCODER, working_rate_for("linear", ENCODER, [RATE]))


def evaluate_once(number: int, make: Maker, *, shuffled: bool) -> tuple[str, tuple[float, float], float]:
    """Outcome, interval and gain of one whole evaluation."""
    world, lab = draw_world(number, shuffled=shuffled), load_lab(toy_spec())
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        path = out / "features" / "real-linear.safetensors"
        path.parent.mkdir()
        write_pack(path, dict(world.vectors), lab.fingerprint(lab.classifiers[0]))
        result = evaluate(
            world.dataset, out=out, real_per_label=PER_LABEL, seeds=SEEDS, arms=("real", "oversample", "synthetic"),
            workers=1, settings=RunSettings(amount=AmountSettings(times=TIMES), judge=JudgeSettings(encoder=ENCODER)),
            make_run=lambda training, _, settings: toy_run(training, settings.seed, world, make),
        )  # fmt: skip
    first = result.differences[0]
    return result.outcome, first.interval, first.gain


def gain_on_fresh_clips(number: int) -> float:
    """Gain of one training set, on hundreds of clips that were never in it."""
    world, lab = draw_world(100_000 + number, shuffled=False), load_lab(toy_spec())
    split = dataset_splits(world.dataset)[0][0]
    training = draw_training(split, name="toy", per_label=PER_LABEL, seed=0)
    run = toy_run(training, number, world, fresh_of)
    parents = {clip.id: clip for clip in training.clips}
    real = [Example(clip.id, clip.labels, (source_of(clip),), "real") for clip in training.clips]
    made = [
        Example(clip.id, clip.labels, (source_of(parents[clip.provenance.request.parents[0]]),), "synthetic")
        for clip in run.kept()
        if clip.provenance is not None
    ]
    generator = item_generator(0, "fresh test clips", number)
    labels = np.arange(300) % len(NAMES)
    test = [draw_vector(int(label), generator) for label in labels]
    right = []
    for arm in ("synthetic", "real"):
        members, balanced, augment = arm_members(arm, real, made, ())
        examples = training_examples(
            members, {**world.vectors, **run.vectors}, NAMES, balanced=balanced, augment=augment, multilabel=False
        )
        fitted = lab.classifiers[0].fit(examples, validation=None, steps=1, seed=0)
        right.append(float((fitted.predict(test).argmax(axis=1) == labels).mean()))
    return right[0] - right[1]


CASES: Mapping[str, tuple[Maker, bool]] = {
    "copies": (copy_of, False), "shuffled-copies": (copy_of, True),
    "shuffled-fresh": (fresh_of_any, True), "fresh": (fresh_of, False),
}  # fmt: skip
"""What the synthetic clips are, and whether the labels of the real ones were shuffled; only ``fresh`` can help."""


def train(cases: list[str], repetitions: int, truths: int) -> None:
    """Print one line for each case."""
    truth = 0.0
    if "fresh" in cases:
        gains = [gain_on_fresh_clips(number) for number in range(truths)]
        truth = float(np.mean(gains))
        error = float(np.std(gains)) / np.sqrt(truths)
        print(f"true gain of fresh clips: {100 * truth:.2f} +- {100 * error:.2f} points", flush=True)
    print("| case | true gain | helped | hurt | undecided | interval holds it | mean gain | width |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|", flush=True)
    for name in cases:
        make, shuffled = CASES[name]
        expected = truth if name == "fresh" else 0.0
        found = [evaluate_once(number, make, shuffled=shuffled) for number in range(repetitions)]
        outcomes = [outcome for outcome, _, _ in found]
        covered = np.mean([low <= expected <= high for _, (low, high), _ in found])
        print(
            f"| {name} | {100 * expected:.1f} | {_share(outcomes, 'helped')} | {_share(outcomes, 'hurt')} | "
            f"{_share(outcomes, 'undecided')} | {100 * covered:.1f} % | "
            f"{100 * np.mean([gain for _, _, gain in found]):+.2f} | "
            f"{100 * np.mean([high - low for _, (low, high), _ in found]):.1f} |",
            flush=True,
        )


def main() -> None:
    """Run one layer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("layer", choices=("simulated", "trained"))
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--truths", type=int, default=2000, help="training sets behind the true gain")
    parser.add_argument("--cases", default=",".join(CASES), help="cases of the layer trained")
    asked = parser.parse_args()
    started = time.process_time()
    if asked.layer == "simulated":
        simulate(asked.repetitions)
    else:
        train(asked.cases.split(","), asked.repetitions, asked.truths)
    print(f"{time.process_time() - started:.0f} s of one core")


if __name__ == "__main__":
    main()
