from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from menura.classify.base import TrainingExamples
from menura.classify.heads import DrawnDropout, HeadSettings, build_head, course, drawn_stays, probe_score, train_head
from menura.classify.linear import Scaling
from menura.errors import ConfigError

LINEAR = HeadSettings(hidden_layers=0, learning_rate=0.05, optimiser="adamw", batch_size=8, epochs=30, criterion="loss")
HIDDEN = HeadSettings(
    hidden_layers=2, hidden_width=16, learning_rate=0.01, optimiser="adam", batch_size=64, epochs=60, criterion="score",
    check_every=3, patience=4, initialisation="xavier_uniform",
)  # fmt: skip


def fit(training: TrainingExamples, validation: TrainingExamples, settings: HeadSettings, seed: int = 0):
    return train_head(training, validation, settings, generator=np.random.default_rng(seed), scaling=None)


@pytest.mark.parametrize("settings", [LINEAR, HIDDEN], ids=["linear", "hidden"])
def test_corners_are_told_apart_and_the_same_seed_gives_the_same_bits(
    points: Callable[..., TrainingExamples], settings: HeadSettings
) -> None:
    training, validation, test = points(seed=0), points(seed=1), points(seed=2)
    before = torch.random.get_rng_state()
    found = fit(training, validation, settings).predict(test.features)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert (found.argmax(axis=1) == test.targets.argmax(axis=1)).all()
    np.testing.assert_allclose(found.sum(axis=1), 1)
    np.testing.assert_array_equal(found, fit(training, validation, settings).predict(test.features))
    assert not np.array_equal(found, fit(training, validation, settings, seed=1).predict(test.features))


def test_a_clip_is_predicted_alike_alone_and_among_others(points: Callable[..., TrainingExamples]) -> None:
    fitted = fit(points(seed=0), points(seed=1), HIDDEN)
    test = points(seed=2)
    alone = np.concatenate([fitted.predict([feature]) for feature in test.features])
    np.testing.assert_allclose(alone, fitted.predict(test.features), atol=1e-6)  # float32 sums in another order
    assert fitted.predict([]).shape == (0, 3)


def test_the_weights_of_the_best_epoch_are_kept_and_not_the_last_ones(points: Callable[..., TrainingExamples]) -> None:
    training = points(seed=0, spread=2.0)
    validation = points(seed=1, spread=2.0)
    long = fit(training, validation, replace(HIDDEN, criterion="loss", check_every=1, patience=None, epochs=80))
    assert long.epoch < 80
    short = fit(
        training, validation, replace(HIDDEN, criterion="loss", check_every=1, patience=None, epochs=long.epoch)
    )
    assert short.epoch == long.epoch
    np.testing.assert_array_equal(short.predict(validation.features), long.predict(validation.features))


def test_patience_counts_looks_at_the_validation_clips(
    points: Callable[..., TrainingExamples], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(
        "menura.classify.heads.validation_value", lambda *args, **named: seen.append(1) or -float(len(seen))
    )
    settings = replace(HIDDEN, epochs=100, check_every=3, patience=4)
    assert fit(points(), points(seed=1), settings).epoch == 3  # the first look stays the best
    assert len(seen) == 5
    seen.clear()
    fit(points(), points(seed=1), replace(settings, epochs=8, patience=None))
    assert len(seen) == 3  # after epochs 3, 6 and the last one


def test_a_warm_up_sets_the_rate_of_every_step(
    points: Callable[..., TrainingExamples], monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    original = torch.optim.AdamW.step

    def step(self, *args, **named):
        rates.append(self.param_groups[0]["lr"])
        return original(self, *args, **named)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    fit(points(), points(seed=1), replace(LINEAR, epochs=10, batch_size=9, warm_share=0.1, learning_rate=1.0))
    assert len(rates) == 20
    assert rates[:3] == [0.5, 1.0, 1.0]
    assert rates[-1] == pytest.approx(1 / 18)


def test_several_labels_a_clip_get_a_sigmoid_each(examples: Callable[..., TrainingExamples]) -> None:
    generator = np.random.default_rng(0)
    targets = (generator.random((40, 3)) < 0.5).astype(np.float32)
    features = list((3 * targets + 0.3 * generator.standard_normal((40, 3))).astype(np.float32))
    both = examples(features, targets)
    fitted = fit(both.take(np.arange(25)), both.take(np.arange(25, 40)), replace(LINEAR, epochs=60))
    found = fitted.predict(both.features)
    assert fitted.multilabel
    assert ((found > 0.5) == (targets > 0)).mean() > 0.9
    assert probe_score(found, targets, multilabel=True) > 0.95


def test_an_example_of_weight_next_to_nothing_teaches_nothing(points: Callable[..., TrainingExamples]) -> None:
    training = points(num_labels=2, per_label=5, spread=0.1)
    wrong = replace(
        training,
        features=[*training.features, *training.features[:5]],
        targets=np.concatenate([training.targets, training.targets[5:]]),  # the same clips under the other label
        weights=np.concatenate([np.ones(10), np.full(5, 1e-4)]),
        groups=[*training.groups, *"abcde"],
        is_real=np.ones(15, bool),
    )
    fitted = fit(wrong, training, LINEAR)
    assert (fitted.predict(training.features).argmax(axis=1) == training.targets.argmax(axis=1)).all()


def test_what_cannot_be_trained_is_refused(points: Callable[..., TrainingExamples]) -> None:
    with pytest.raises(ConfigError, match="expected two or more"):
        fit(points().take(np.array([0])), points(), LINEAR)
    with pytest.raises(ConfigError, match="expected at least 1"):
        fit(points(), points(), replace(LINEAR, epochs=0))


def test_layers_and_first_weights_are_those_of_the_settings() -> None:
    torch.manual_seed(0)
    head = build_head(200, 5, replace(HIDDEN, hidden_width=300, initialisation="xavier_normal"))
    assert [type(layer) for layer in head] == 2 * [nn.Linear, nn.BatchNorm1d, DrawnDropout, nn.ReLU] + [nn.Linear]
    assert float(head[0].weight.detach().std()) == pytest.approx((2 / 500) ** 0.5, rel=0.05)  # of 60,000 draws
    assert float(head[4].weight.detach().std()) == pytest.approx((2 * 2 / 600) ** 0.5, rel=0.05)  # gain of a rectifier
    assert [type(layer) for layer in build_head(4, 2, LINEAR)] == [nn.Linear]


def test_the_scaling_is_part_of_the_fitted_head(points: Callable[..., TrainingExamples]) -> None:
    training = points()
    scaling = Scaling.of(np.stack(training.features))
    fitted = train_head(training, training, LINEAR, generator=np.random.default_rng(0), scaling=scaling)
    plain = replace(fitted, scaling=None)
    scaled = list(scaling.apply(np.stack(training.features)))
    np.testing.assert_array_equal(fitted.predict(training.features), plain.predict(scaled))


def test_a_bias_that_a_norm_takes_away_stays_as_it_was_drawn(points: Callable[..., TrainingExamples]) -> None:
    fitted = fit(points(), points(seed=1), HIDDEN)
    torch.manual_seed(int(np.random.default_rng(0).integers(2**63)))
    assert torch.equal(fitted.network[0].bias, build_head(8, 3, HIDDEN)[0].bias)
    assert not torch.equal(fitted.network[0].weight, build_head(8, 3, HIDDEN)[0].weight)


def test_as_much_drops_out_as_was_asked_for() -> None:
    stays = drawn_stays(np.random.default_rng(0), (500, 400), 0.1)
    assert 1 - stays.mean() == pytest.approx(0.1, abs=0.003)  # four deviations of 200,000 draws
    assert drawn_stays(np.random.default_rng(0), (50, 40), 0.0).all()


def test_steps_draw_each_clip_as_often_as_its_weight_says_whatever_their_number() -> None:
    settings = replace(LINEAR, steps=50, batch_size=8, check_every=20)
    for num_clips in (3, 40):
        weights = np.linspace(1, 3, num_clips)
        steps = list(course(weights, settings, np.random.default_rng(0)))
        assert [len(chosen) for chosen, _ in steps] == [8] * 50
        assert [unit for _, unit in steps if unit is not None] == [20, 40, 50]
        counts = np.bincount(np.concatenate([chosen for chosen, _ in steps]), minlength=num_clips)
        assert (np.abs(counts - 400 * weights / weights.sum()) <= 1).all()
