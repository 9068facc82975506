"""Clips that a learner gives out, against as many given out evenly: paired by fold and seed, at equal steps.

    python benchmarks/allocation.py ESC10 -o proof/allocation-esc10 --real-per-label 5 --seeds 3
    python benchmarks/allocation.py DONATEACRY -o proof/allocation-donateacry --seeds 3

For each amount one `menura evaluate` with the arms real, synthetic and synthetic-learner under OUT/times-N; run it
again to go on after a stop. Settings were chosen on other data (`--labels` takes some labels of a dataset), never on
the test folds of what is reported. Prints one row per amount: clips and metric of the arms, and the difference of the
two synthetic ones with its 95 % interval over folds and seeds and the p-value of the paired test.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

from menura.classify.results import ArmResult, EvaluationResult
from menura.config import AllocationSettings, AmountSettings, RunSettings
from menura.datasets import Dataset, load
from menura.studies.evaluate import evaluate
from menura.studies.settings import LEARNER_ARM

ARMS = ("real", "synthetic", LEARNER_ARM)


def dataset_of(asked: argparse.Namespace) -> Dataset:
    """The dataset, or those of its clips that have one of some labels."""
    dataset = load(asked.data)
    if not asked.labels:
        return dataset
    wanted = set(asked.labels.split(","))
    return replace(dataset, clips=tuple(clip for clip in dataset.clips if wanted.issuperset(clip.labels)))


def settings_of(asked: argparse.Namespace, times: float) -> RunSettings:
    """Runs of one amount."""
    allocation = AllocationSettings(
        by="learner", rounds=asked.rounds, measure=asked.measure, even_share=asked.even_share, most=asked.most,
        stop=asked.stop,
    )  # fmt: skip
    return RunSettings(amount=AmountSettings(times=times), allocation=allocation)


def row_of(times: float, result: EvaluationResult) -> dict[str, object]:
    """What one amount showed."""
    arms = {arm.name: arm for arm in result.arms}
    gain = next(one for one in result.differences if (one.arm, one.baseline) == (LEARNER_ARM, "synthetic"))
    return {
        "times": times,
        **{f"clips {name}": arms[name].clips for name in ARMS},
        **{name: value_of(arms[name], result.metric) for name in ARMS},
        "gain": gain.gain,
        "interval": list(gain.interval),
        "p": gain.p,
        "metric": result.metric,
    }


def value_of(arm: ArmResult, metric: str) -> float:
    """The metric that decides."""
    return float(getattr(arm, metric))


def shown(row: dict[str, object]) -> str:
    """A row of the table, in percent and points."""
    low, high = row["interval"]  # type: ignore[misc]
    means = " | ".join(f"{100 * row[name]:.1f} ({row[f'clips {name}']:.0f})" for name in ARMS)  # type: ignore[operator]
    gain = f"{100 * row['gain']:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"  # type: ignore[operator, has-type]
    return f"| {row['times']:g} x | {means} | {gain} | {row['p']:.3f} |"


def main() -> None:
    """Read the arguments, evaluate each amount, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--labels", help="only these, separated by commas")
    parser.add_argument("--real-per-label", type=int, help="real training clips of each label; all if left out")
    parser.add_argument("--times", default="1,3,5", help="amounts, separated by commas")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--metric", help="what decides; by the labels if left out")
    parser.add_argument("--classifier", default="linear")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--measure", choices=["entropy", "margin", "error"], default="entropy")
    parser.add_argument("--even-share", type=float, default=0.5)
    parser.add_argument("--most", type=float, default=3.0)
    parser.add_argument("--stop", action="store_true", help="let the learner stop early; not at equal clips then")
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    dataset, started, rows = dataset_of(asked), time.monotonic(), []
    for times in map(float, asked.times.split(",")):
        result = evaluate(
            dataset, out=asked.out / f"times-{times:g}", settings=settings_of(asked, times), arms=ARMS,
            real_per_label=asked.real_per_label, seeds=asked.seeds, metric=asked.metric,
            classifier=asked.classifier, workers=asked.workers,
        )  # fmt: skip
        rows.append(row_of(times, result))
        print(shown(rows[-1]), f"{time.monotonic() - started:.0f} s", flush=True)
    print(f"\n{dataset.name}: {rows[0]['metric']} in % (training clips)\n")
    print("| synthetic clips | real | even | learner | learner - even | p |\n|---|---:|---:|---:|---:|---:|")
    print("\n".join(map(shown, rows)))
    (asked.out / "allocation.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
