"""An example of everything that a report can show, with sounds that the demo makes and names that try to break out."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from menura.classify.results import ArmResult, Difference, EvaluationResult, LabelGain
from menura.datasets.demo import make_demo_dataset
from menura.report.material import Child, Embedded, KeepRow, Material, RejectGroup, RunFacts, Sound
from menura.seeding import item_generator
from menura.types import Finding

EVIL = '<script>alert("x")</script>'
LABELS = ("bell", "chirp", "rain & wind", f"siren{EVIL}")
FOLDERS = ("bell", "chirp", "rain", "siren")


def _evaluation() -> EvaluationResult:
    gains = (0.113, 0.06, -0.01, 0.03)
    arms = tuple(
        ArmResult(
            name, value, (value - 0.03, value + 0.03), value - 0.01, value, per_label=dict.fromkeys(LABELS, value),
            confusion=tuple(tuple(60 if t == p else 12 + t for p in range(4)) for t in range(4)),
            chosen={"linear": 15}, clips=clips,
        )
        for name, value, clips in (
            ("real", 0.68, 40), ("oversample", 0.686, 160), ("classic", 0.70, 160), ("synthetic", 0.753, 160),
            ("synthetic+classic", 0.761, 280),
        )
    )  # fmt: skip
    differences = (
        Difference("synthetic+classic", "classic", 0.061, (0.022, 0.1), 0.004),
        Difference("synthetic+classic", "real", 0.081, (0.04, 0.12), 0.0004),
        Difference("synthetic", "classic", 0.053, (-0.004, 0.09), 0.07),
    )
    cells = tuple(
        {"fold": str(fold), "seed": seed, "arm": arm.name, "accuracy": arm.accuracy + 0.01 * (fold - 2 + seed)}
        for fold in range(5) for seed in range(3) for arm in arms
    )  # fmt: skip
    return EvaluationResult(
        dataset=f"my sounds {EVIL}",
        labels=LABELS,
        metric="accuracy",
        arms=arms,
        differences=differences,
        labels_gained=tuple(
            LabelGain(label, gain, (gain - 0.05, gain + 0.05), 0.9 - 0.2 * k, 5, 15)
            for k, (label, gain) in enumerate(zip(LABELS, gains, strict=True))
        ),
        outcome="helped",
        verdict="The synthetic clips helped: accuracy rises by 6.1 points over classic augmentation of the real clips, "
        "most of all for bell.",
        advice=("Try 5 synthetic clips for each real one.", f"Record more of {EVIL}."),
        protocol={"folds": ["1", "2"], "seeds": 3, "classifier": "linear", "steps": 400, "run": {"recipe": "resynth"}},
        cells=cells,
        dose=tuple(
            {"times": times, "arm": "synthetic", "clips": 40 * (1 + times), "value": value,
             "interval": [value - 0.03, value + 0.03]}
            for times, value in ((0, 0.68), (1, 0.72), (3, 0.753), (8, 0.751))
        ),
        by_classifier=tuple(
            {"classifier": name, "means": {"real": 0.68, "synthetic": 0.68 + gain},
             "difference": asdict(Difference("synthetic", "real", gain, (gain - 0.04, gain + 0.04), 0.01, 0.02))}
            for name, gain in (("cnn", 0.064), ("linear", 0.021))
        ),
        findings=({"kind": "near_test", "severity": "warning", "message": "2 synthetic clips lie near test clips"},),
        versions={"menura": "0.1.0", "python": "3.11", "torch": "2.13.0"},
        wall_s=187.0,
    )  # fmt: skip


def _child(folder: Path, k: int, index: int, reason: str = "") -> Child:
    label, name = LABELS[k], FOLDERS[k]

    def sound(clip: int, origin: str) -> Sound:
        path = folder / "train" / name / f"{name}-{clip:03d}.flac"
        licence = "CC-BY-4.0" if origin == "real" else None
        return Sound(f"{origin[0]}{k}{clip}{index:013d}", str(path), label, origin, 2.4, licence, f"group-{clip}")  # type: ignore[arg-type]

    parents = (sound(1, "real"), sound(2, "real"))[: 1 + index % 2]
    return Child(
        sound(0, "synthetic"), parents, {"agreement": 0.93, "nearest_real": 0.71}, {"delta": 0.35, "pitch": [0.1, 0.2]},
        reason,
    )  # fmt: skip


@pytest.fixture(scope="session")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo dataset."""
    return make_demo_dataset(tmp_path_factory.mktemp("sounds") / "data", clips_per_label=(3, 1), sample_rate=16000)


@pytest.fixture(scope="session")
def material(sounds: Path) -> Material:
    """A run and its evaluation."""
    generator = item_generator(0, "map")
    placed = []
    vectors = []
    for k, label in enumerate(LABELS):
        centre = generator.standard_normal(16) * 2
        for index in range(24):
            origin = "real" if index % 4 == 0 else "synthetic"
            placed.append(Sound(f"m{k}{index:014d}", "", label, origin, 2.0))  # type: ignore[arg-type]
            vectors.append(centre + generator.standard_normal(16))
    children = tuple(_child(sounds, k, index) for k in range(4) for index in range(2))
    placed[:2] = [children[0].parents[0], children[0].sound]
    rejected = _child(sounds, 3, 5, "does not sound like its label (0.12, at least 0.40)")
    finding = Finding(
        "label_kept_nothing", "error", f"no clip of {EVIL} was kept", "try a smaller --delta", (f"/data/{EVIL}.wav",)
    )
    run = RunFacts(
        name="first",
        dataset="my sounds",
        settings={"recipe": "resynth", "amount.times": "3", "generator.name": "resynth"},
        keep_rows=tuple(KeepRow(15, 19, 19, 17 - 4 * k, 15 - 5 * k, label, 5) for k, label in enumerate(LABELS)),
        children=children,
        rejects=(
            RejectGroup("does not sound like its label", 14, {LABELS[3]: 9, LABELS[2]: 5}, (rejected,)),
            RejectGroup("clipped", 3, {"bell": 3}),
        ),
        num_surplus=5,
        embedded=Embedded(np.array(vectors, dtype=np.float32), tuple(placed), "acoustic", left_out=40),
        licences={"CC-BY-4.0": 15, "not stated": 5},
        findings=(finding,),
        facts={"fingerprint": "0123456789abcdef", "versions.torch": "2.13.0"},
    )  # fmt: skip
    return Material(evaluation=_evaluation(), run=run, source="runs/first")
