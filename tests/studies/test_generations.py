"""Known answers: a generator that is the goal, one that is half there, one that is not, and one that copies."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from menura.encoders.acoustic import AcousticStatistics
from menura.errors import DatasetError
from menura.studies.generations import Generations, Truth, measure_generations, truth_of
from menura.studies.heard_sounds import DESCRIPTORS, HeardSounds, hear_sounds, together
from menura.synth.shifts import SHIFTS
from menura.synth.world import World

LABELS = ("gliding tones", "metallic impacts", "rain-like patter", "surging noise")
WIDE = World(duration_s=0.5)
GOAL = replace(WIDE, shift=SHIFTS["all"])
ENCODER = AcousticStatistics(16_000)


@lru_cache(maxsize=32)
def heard(world: World, part: str, count: int) -> HeardSounds:
    clips = [clip for label in LABELS for clip in world.clips(label, part=part, count=count)]
    recordings = [clip.recording for clip in clips]
    return hear_sounds(recordings, [clip.label for clip in clips], encoder=ENCODER, second=ENCODER)


@lru_cache(maxsize=1)
def truth() -> Truth:
    return truth_of(
        training=heard(GOAL, "train", 3), held_out=heard(GOAL, "test", 10),
        start=heard(WIDE, "reference", 12), goal=heard(GOAL, "reference", 12),
    )  # fmt: skip


def measured(world: World) -> Generations:
    return measure_generations(heard(world, "made", 8), truth())


def test_the_goal_itself_lies_at_zero_and_carries_its_labels() -> None:
    found = measured(GOAL)
    assert found.kad_interval[0] < 0 < found.kad_interval[1] or abs(found.kad) < 0.5
    assert found.agreement > 0.5  # chance is 0.25; the classifier knows 24 clips of each label
    assert abs(found.agreement - truth().agreement_real) < 0.25
    assert not found.is_near_training
    assert found.copied_share == 0
    assert found.clips == 32


def test_half_of_the_shift_lies_nearer_than_none_of_it_by_every_distance() -> None:
    wide, half, goal = (measured(replace(WIDE, shift=SHIFTS["all"].scaled(share))) for share in (0.0, 0.5, 1.0))
    assert wide.kad > 2 * half.kad > 2 * goal.kad
    assert wide.kad_second > half.kad_second > goal.kad_second
    assert wide.descriptor_distance > half.descriptor_distance > goal.descriptor_distance


def test_descriptors_that_the_shift_moves_are_found() -> None:
    moved = truth().moved
    assert {"centroid", "flatness", "quiet_share"} <= set(moved)
    assert set(moved) < set(DESCRIPTORS)


def copied() -> HeardSounds:
    training = heard(GOAL, "train", 3)
    rows = [row for label in LABELS for row in np.tile(training.with_label(label), 3)[:8]]
    return HeardSounds(
        tuple(training.labels[row] for row in rows), training.embeddings[rows], training.second[rows],
        training.descriptors[rows], tuple(training.courses[row] for row in rows),
    )  # fmt: skip


def test_copies_of_training_clips_are_flagged_and_are_less_varied() -> None:
    found, goal = measure_generations(copied(), truth()), measured(GOAL)
    assert found.is_near_training
    assert found.near_share == found.copied_share == 1
    assert found.nearest == pytest.approx(1.0)
    assert found.vendi <= 3 + 1e-6 < goal.vendi


def test_clips_of_the_goal_teach_what_the_small_set_cannot_and_copies_teach_nothing() -> None:
    assert measured(GOAL).accuracy > truth().accuracy_real
    assert abs(measure_generations(copied(), truth()).accuracy - truth().accuracy_real) <= 0.05


def test_clips_with_the_labels_of_others_do_not_agree() -> None:
    sounds = heard(GOAL, "made", 8)
    swapped = replace(sounds, labels=tuple(LABELS[(LABELS.index(label) + 1) % 4] for label in sounds.labels))
    assert measure_generations(swapped, truth()).agreement < 0.2


def test_the_order_of_the_clips_does_not_matter() -> None:
    first, second = heard(GOAL, "made", 8), heard(WIDE, "made", 8)
    one, other = (measure_generations(both, truth()) for both in (together(first, second), together(second, first)))
    assert one.kad == pytest.approx(other.kad)
    assert (one.agreement, one.vendi) == pytest.approx((other.agreement, other.vendi))


def test_too_few_clips_and_unknown_labels_are_refused() -> None:
    with pytest.raises(DatasetError, match="expected at least two of each label and no others"):
        measure_generations(heard(GOAL, "made", 1), truth())
    sounds = heard(GOAL, "made", 8)
    with pytest.raises(DatasetError, match="of unknown labels: \\['dog'\\]"):
        measure_generations(replace(sounds, labels=("dog", *sounds.labels[1:])), truth())
    with pytest.raises(DatasetError, match="start clips have the labels"):
        truth_of(training=sounds, held_out=sounds, start=replace(sounds, labels=("gliding tones",) * 32), goal=sounds)
    with pytest.raises(DatasetError, match="0 sounds with 0 labels"):
        hear_sounds([], [], encoder=ENCODER, second=ENCODER)
