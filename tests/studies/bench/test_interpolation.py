"""``menura study interpolation``: the same clips, split at random and by source."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from menura.cli.main import app
from menura.datasets.dataset import Dataset
from menura.errors import DatasetError
from menura.studies.bench.interpolation import GROUPED, RANDOM, independent_interval, split_both_ways
from menura.studies.splits import dataset_splits


def in_pairs(tones: Dataset) -> Dataset:
    """Two clips of each source."""
    return replace(
        tones,
        clips=tuple(replace(clip, group=f"{clip.labels[0]}-{i // 2}", fold=None) for i, clip in enumerate(tones.clips)),
    )


def test_the_random_split_parts_sources_and_the_grouped_one_does_not(tones: Dataset) -> None:
    both = split_both_ways(in_pairs(tones), folds=3)
    group_of = {clip.id: clip.group for clip in in_pairs(tones).clips}
    parted = {}
    for name, dataset in both.items():
        splits, _, findings = dataset_splits(dataset, "official")
        parted[name] = sum(
            len({group_of[clip.id] for clip in split.pool} & {group_of[clip.id] for clip in split.test})
            for split in splits
        )
        assert sorted(clip.id for split in splits for clip in split.test) == sorted(c.id for c in tones.clips)
        assert findings == ()
    assert parted[GROUPED] == 0
    assert parted[RANDOM] > 0


def test_data_in_which_nothing_could_leak_are_refused(tones: Dataset) -> None:
    with pytest.raises(DatasetError, match="one clip of each source"):
        split_both_ways(tones, folds=3)


def test_the_interval_of_two_splits_covers_a_known_difference() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(60):
        one, other = generator.normal(0.8, 0.05, (8, 3)), generator.normal(0.7, 0.05, (8, 3))
        low, high = independent_interval(one, other)
        covered += low <= 0.1 <= high
    assert covered >= 50  # 95 % would be 57; a plain percentile interval of eight folds is a little narrow


def test_the_command_says_what_was_leakage(tones: Dataset, tmp_path: Path) -> None:
    shutil.copytree(str(tones.root), tmp_path / "tones")
    manifest = tmp_path / "tones" / "manifest.csv"
    rows = [
        f"{Path(clip.path).relative_to(str(tones.root))},{clip.labels[0]},{clip.group}"
        for clip in in_pairs(tones).clips
    ]
    manifest.write_text("\n".join(["path,label,group", *rows, ""]))
    done = CliRunner().invoke(
        app,
        ["study", "interpolation", str(manifest), "-o", str(tmp_path / "s"), "--num-folds", "2", "--test-folds", "1",
         "--seeds", "1", "--times", "1", "--encoder", "acoustic", "--arms", "real,synthetic", "--workers", "1",
         "--real-per-label", "4", "--json"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert {row["point"] for row in found["rows"]} == {RANDOM, GROUPED}
    assert any("with the grouped one; the difference of" in note for note in found["notes"])
    recipes = {one["run"]["recipe"] for one in found["conditions"].values()}
    assert recipes == {"interpolation"}
