"""Which clips an arm has, and how often each is drawn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.errors import ConfigError
from menura.studies.arm_table import (
    ARM_GROUPS,
    ARM_TABLE,
    DEFAULT_ARMS,
    FEW_SHOT_ARMS,
    REAL_ARMS,
    RIVAL_ARMS,
    SYNTHETIC_ARMS,
    arm_named,
    arms_in,
)
from menura.studies.arms import Example, arm_members, example_weights, target_matrix, training_examples

REAL = [Example(f"r{i}", ("a" if i < 4 else "b",), (f"g{i}",), "real") for i in range(5)]
SYNTHETIC = [Example(f"s{i}", ("a",), ("g0", "g1"), "synthetic") for i in range(3)]
CLASSIC = [Example(f"c{i}", ("a",), ("g0",), "classic") for i in range(3)]


def share(weights: np.ndarray, chosen: np.ndarray) -> float:
    return float(weights[chosen].sum() / weights.sum())


def test_each_arm_has_its_clips() -> None:
    sizes = {
        arm: len(arm_members(arm_named(arm), REAL, {"synthetic": SYNTHETIC, "classic": CLASSIC}))
        for arm in DEFAULT_ARMS
    }
    assert sizes == {"real": 5, "oversample": 5, "classic": 8, "synthetic": 8, "synthetic+classic": 11}


def test_only_classic_arms_mask_and_mix_features() -> None:
    assert [arm.name for arm in ARM_TABLE.values() if arm.augment] == ["classic", "synthetic+classic"]


def test_a_group_of_arms_stands_for_all_that_real_clips_allow() -> None:
    named = arms_in(["baselines", "synthetic"])
    assert named == (*ARM_GROUPS["baselines"], "synthetic")
    assert {"real", "oversample", "classic", "noise", "stretch", "mixup", "policy"} <= set(named)
    assert set(ARM_GROUPS["baselines"]) <= set(REAL_ARMS)
    assert arms_in(["real", "synthetic"]) == ("real", "synthetic")


def test_a_mixture_counts_for_its_larger_part_and_teaches_shares_of_both() -> None:
    mixed = [Example(f"m{i}", ("a",), ("g0", "g4"), "mixup", (("a", 0.75), ("b", 0.25))) for i in range(2)]
    members = arm_members(arm_named("mixup"), REAL, {"mixup": mixed})
    features = {example.id: np.zeros(2, np.float32) for example in members}
    found = training_examples(members, features, ["a", "b"], balanced=True, augment=False, multilabel=False)
    assert found.targets[-2:].tolist() == [[0.75, 0.25]] * 2
    assert found.targets[:5].sum(axis=1).tolist() == [1] * 5
    counted = target_matrix([example.labels for example in members], ["a", "b"])
    assert np.array_equal(found.weights, example_weights(counted, found.is_real, balanced=True))
    assert share(found.weights, counted[:, 1] > 0) == pytest.approx(0.5)


def test_arms_of_real_clips_come_first_then_those_of_a_generator_then_those_beside_them() -> None:
    names = list(ARM_TABLE)
    assert names == [*REAL_ARMS, *SYNTHETIC_ARMS, *RIVAL_ARMS, *FEW_SHOT_ARMS]
    assert set(DEFAULT_ARMS) <= set(names)
    assert [arm_named(name).run_family for name in REAL_ARMS] == [None] * len(REAL_ARMS)


def test_an_unknown_arm_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'oversample'"):
        arm_named("oversampled")


def test_real_draws_every_clip_equally_often_and_other_arms_every_label() -> None:
    targets = target_matrix([example.labels for example in REAL], ["a", "b"])
    is_real = np.ones(5, bool)
    assert example_weights(targets, is_real, balanced=False) == pytest.approx(np.ones(5))
    balanced = example_weights(targets, is_real, balanced=True)
    assert share(balanced, targets[:, 0] > 0) == pytest.approx(0.5)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1, max_size=30),
    st.booleans(),
)
def test_half_of_what_is_drawn_of_a_label_is_real_where_it_has_both(
    examples: list[tuple[int, bool]], balanced: bool
) -> None:
    examples = [*examples, (0, True), (1, True), (2, True)]
    targets = np.eye(3, dtype=np.float32)[[label for label, _ in examples]]
    is_real = np.array([real for _, real in examples])
    weights = example_weights(targets, is_real, balanced=balanced)
    assert (weights > 0).all()
    assert weights.mean() == pytest.approx(1)
    for label in range(3):
        of_label = targets[:, label] > 0
        if (of_label & ~is_real).any():
            assert weights[of_label & is_real].sum() == pytest.approx(weights[of_label & ~is_real].sum())
        if balanced:
            assert share(weights, of_label) == pytest.approx(1 / 3)
        else:
            assert share(weights, of_label) == pytest.approx((of_label & is_real).sum() / is_real.sum())


def test_a_clip_with_two_labels_gets_the_mean_of_both() -> None:
    targets = np.array([[1, 0], [1, 0], [0, 1], [1, 1]], dtype=np.float32)
    weights = example_weights(targets, np.ones(4, bool), balanced=True)
    assert weights[3] == pytest.approx((weights[0] + weights[2]) / 2)


def test_a_child_of_two_parents_has_both_sources() -> None:
    members = arm_members(arm_named("synthetic"), REAL, {"synthetic": SYNTHETIC})
    features = {example.id: np.zeros(2, np.float32) for example in members}
    examples = training_examples(members, features, ["a", "b"], balanced=True, augment=False, multilabel=False)
    assert examples.groups[5] == ("g0", "g1")
    assert examples.is_real.tolist() == [True] * 5 + [False] * 3
    assert examples.targets[4].tolist() == [0, 1]


def test_an_arm_without_real_clips_draws_its_labels_equally_often_and_chooses_within_its_own() -> None:
    members = arm_members(
        arm_named("synthetic-only"), REAL, {"synthetic": [*SYNTHETIC, Example("s9", ("b",), ("g4",), "synthetic")]}
    )
    assert {member.origin for member in members} == {"synthetic"}
    features = {example.id: np.zeros(2, np.float32) for example in members}
    examples = training_examples(members, features, ["a", "b"], balanced=True, augment=False, multilabel=False)
    assert examples.is_real.all()
    assert share(examples.weights, examples.targets[:, 0] > 0) == pytest.approx(0.5)
