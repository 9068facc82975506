"""Many heads at once against :func:`train_head`, which knows no other head and lets torch work out the gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from menura.classify.base import TrainingExamples
from menura.classify.batched import HeadTask, train_heads
from menura.classify.heads import FittedHead, HeadSettings, train_head
from menura.classify.linear import Scaling
from menura.errors import ConfigError

LINEAR = HeadSettings(
    hidden_layers=0, learning_rate=0.02, optimiser="adamw", batch_size=8, epochs=12, criterion="loss", warm_share=0.2
)
ONE = HeadSettings(
    hidden_layers=1, hidden_width=16, learning_rate=0.005, optimiser="adam", batch_size=8, epochs=20, criterion="score",
    check_every=3, patience=3, initialisation="xavier_uniform",
)  # fmt: skip
TWO = replace(ONE, hidden_layers=2, dropout=0.3, criterion="loss", check_every=1, patience=2)
BY_STEPS = replace(ONE, steps=40, check_every=10, optimiser="adamw", weight_decay=0.1, warm_share=0.1)
SETTINGS = {"linear": LINEAR, "one layer": ONE, "two layers": TWO, "by steps": BY_STEPS}

TOLERANCE = 1e-3
"""Of a probability: float32 sums in another order, which some hundred steps of Adam make larger."""


def task(
    training: TrainingExamples, validation: TrainingExamples | None, settings: HeadSettings, seed: int = 0
) -> HeadTask:
    return HeadTask(training, validation, settings, np.random.default_rng(seed), None)


def alone(training: TrainingExamples, validation: TrainingExamples, settings: HeadSettings, seed: int) -> FittedHead:
    return train_head(training, validation, settings, generator=np.random.default_rng(seed), scaling=None)


def several_labels(examples: Callable[..., TrainingExamples], count: int, seed: int) -> TrainingExamples:
    """Clips of no, one or several labels; the last label has no clip at all."""
    generator = np.random.default_rng(seed)
    targets = (generator.random((count, 4)) < [0.5, 0.4, 0.3, 0.0]).astype(np.float32)
    features = (2 * targets + generator.standard_normal((count, 4))).astype(np.float32)
    return replace(examples(list(features), targets), multilabel=True)


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_heads_at_once_are_those_that_are_trained_one_by_one(
    points: Callable[..., TrainingExamples], settings: HeadSettings
) -> None:
    training, validation, test = (points(seed=seed, spread=1.5) for seed in range(3))
    together = train_heads([task(training, validation, settings, seed) for seed in range(4)])
    for seed, head in enumerate(together):
        one = alone(training, validation, settings, seed)
        assert head.epoch == one.epoch
        assert head.value == pytest.approx(one.value, abs=TOLERANCE)
        np.testing.assert_allclose(head.predict(test.features), one.predict(test.features), atol=TOLERANCE)
    assert not np.allclose(together[0].predict(test.features), together[1].predict(test.features), atol=0.01)


@pytest.mark.parametrize("settings", [LINEAR, ONE, BY_STEPS], ids=["linear", "one layer", "by steps"])
def test_several_labels_a_clip_and_one_that_never_occurs_are_learned_as_alone(
    examples: Callable[..., TrainingExamples], settings: HeadSettings
) -> None:
    training, validation, test = (several_labels(examples, 30, seed) for seed in range(3))
    for seed, head in enumerate(train_heads([task(training, validation, settings, seed) for seed in range(3)])):
        found = head.predict(test.features)
        np.testing.assert_allclose(
            found, alone(training, validation, settings, seed).predict(test.features), atol=TOLERANCE
        )
        assert np.isfinite(found).all()


def mixed(points: Callable[..., TrainingExamples]) -> list[tuple[TrainingExamples, TrainingExamples, HeadSettings]]:
    """Heads that differ in clips, their number, weights, rates, shapes and patience."""
    weighted = replace(points(per_label=5), weights=np.linspace(0.2, 2, 15))
    short = points(seed=3, per_label=3, spread=2.0)
    return [
        (points(spread=1.5), points(seed=1, per_label=4), ONE),
        (short, points(seed=1), replace(ONE, learning_rate=0.02, patience=1)),
        (weighted, points(seed=2, per_label=2), replace(ONE, epochs=7, batch_size=6)),
        (weighted, points(seed=1), LINEAR),
        (points(num_labels=2), points(num_labels=2, seed=1), TWO),
        (weighted, points(seed=1), BY_STEPS),
        (short, points(seed=2), replace(BY_STEPS, learning_rate=0.02)),
    ]


def test_neighbours_and_order_do_not_matter(points: Callable[..., TrainingExamples]) -> None:
    given = mixed(points)
    test = points(seed=9).features
    expected = [alone(*parts, seed) for seed, parts in enumerate(given)]
    for order in ([0, 1, 2, 3, 4, 5, 6], [6, 3, 1, 0, 5, 4, 2], [2, 0], [1]):
        heads = train_heads([task(*given[number], number) for number in order])
        for number, head in zip(order, heads, strict=True):
            assert head.settings == given[number][2]
            assert head.epoch == expected[number].epoch
            np.testing.assert_allclose(head.predict(test), expected[number].predict(test), atol=TOLERANCE)


def test_a_stack_that_grows_too_large_is_cut(
    points: Callable[..., TrainingExamples], monkeypatch: pytest.MonkeyPatch
) -> None:
    training, validation = points(spread=1.5), points(seed=1)
    whole = train_heads([task(training, validation, ONE, seed) for seed in range(5)])
    monkeypatch.setattr("menura.classify.batched._STACK_NUMBERS", 400)  # two heads
    cut = train_heads([task(training, validation, ONE, seed) for seed in range(5)])
    for one, other in zip(whole, cut, strict=True):
        np.testing.assert_allclose(one.predict(validation.features), other.predict(validation.features), atol=TOLERANCE)


def test_without_validation_the_weights_of_the_last_step_are_kept(points: Callable[..., TrainingExamples]) -> None:
    training, test = points(), points(seed=1)
    head = train_heads([task(training, None, BY_STEPS)])[0]
    assert head.epoch == 40
    last = alone(training, points(seed=2), replace(BY_STEPS, check_every=40), 0)
    np.testing.assert_allclose(head.predict(test.features), last.predict(test.features), atol=TOLERANCE)


def test_scalings_belong_to_their_head_and_torch_is_left_as_it_was(points: Callable[..., TrainingExamples]) -> None:
    training, validation = points(), points(seed=1)
    before = torch.random.get_rng_state()
    scaling = Scaling.of(np.stack(training.features))
    scaled, plain = train_heads([replace(task(training, validation, ONE), scaling=s) for s in (scaling, None)])
    assert torch.equal(torch.random.get_rng_state(), before)
    one = train_head(training, validation, ONE, generator=np.random.default_rng(0), scaling=scaling)
    np.testing.assert_allclose(scaled.predict(validation.features), one.predict(validation.features), atol=TOLERANCE)
    assert not np.allclose(scaled.predict(validation.features), plain.predict(validation.features), atol=0.01)


def test_what_cannot_be_trained_is_refused_before_anything_is(points: Callable[..., TrainingExamples]) -> None:
    good = task(points(), points(), ONE)
    with pytest.raises(ConfigError, match="expected two or more"):
        train_heads([good, task(points().take(np.array([0])), points(), ONE)])
    with pytest.raises(ConfigError, match="steps is 0, expected at least 1"):
        train_heads([good, task(points(), points(), replace(BY_STEPS, steps=0))])
    assert train_heads([]) == []
