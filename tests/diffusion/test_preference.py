"""Preference losses: known answers, directions, and a reference written out by hand in float64."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from menura.diffusion.pairs import Draws, draw_batch, draw_times, drop_conditions, errors, pair_errors
from menura.diffusion.paths import CosinePath, FlowPath, NoisePath, StepPath
from menura.diffusion.preference import (
    PairErrors,
    anchored_loss,
    dpo_loss,
    fine_tuning_loss,
    implicit_accuracy,
    implicit_margin,
    measured,
    squared_error,
)
from menura.diffusion.schedules import alphas_bar, betas
from menura.errors import ConfigError

STEPS = alphas_bar(betas("linear", steps=1000))
PATHS = [CosinePath(), FlowPath(), *(StepPath(STEPS, kind) for kind in ("epsilon", "v_prediction", "sample"))]
IDS = ["cosine", "flow", "epsilon", "v_prediction", "sample"]
ERRORS = st.floats(0.0, 2.0, allow_nan=False)
ONES = torch.ones(3, dtype=torch.float64)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def values(*numbers: float) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


@given(winner=ERRORS, loser=ERRORS, beta=st.floats(0.1, 5000))
def test_the_loss_is_ln_2_while_the_model_equals_its_reference(winner: float, loser: float, beta: float) -> None:
    loss = dpo_loss(values(winner), values(loser), values(winner), values(loser), beta=beta)
    assert float(loss) == pytest.approx(math.log(2), abs=1e-12)


def test_the_loss_falls_with_the_winners_error_and_rises_when_the_losers_falls() -> None:
    at_start = dpo_loss(ONES, ONES, ONES, ONES, beta=10)
    assert (dpo_loss(ONES - 0.1, ONES, ONES, ONES, beta=10) < at_start).all()
    assert (dpo_loss(ONES, ONES - 0.1, ONES, ONES, beta=10) > at_start).all()


@given(winner=ERRORS, loser=ERRORS, before=ERRORS, after=ERRORS)
def test_the_loss_is_that_of_the_equation_and_nearly_ln_2_with_a_small_beta(
    winner: float, loser: float, before: float, after: float
) -> None:
    beta = 3.0
    inside = -beta / 2 * ((winner - before) - (loser - after))
    loss = dpo_loss(values(winner), values(loser), values(before), values(after), beta=beta)
    assert float(loss) == pytest.approx(-math.log(1 / (1 + math.exp(-inside))), abs=1e-12)
    faint = dpo_loss(values(winner), values(loser), values(before), values(after), beta=1e-6)
    assert float(faint) == pytest.approx(math.log(2) + 1e-6 / 4 * ((winner - before) - (loser - after)), abs=1e-11)


def test_a_margin_is_there_even_if_both_sounds_get_worse_and_the_anchor_sees_it() -> None:
    model, reference = PairErrors(ONES + 0.2, ONES + 0.4), PairErrors(ONES, ONES)
    loss = dpo_loss(model.winner, model.loser, reference.winner, reference.loser, beta=100)
    found = measured(loss, model, reference)
    assert found.both_worse
    assert found.accuracy == 1.0
    assert found.margin == pytest.approx(0.2)
    assert (found.winner, found.loser) == (pytest.approx(1.2), pytest.approx(1.4))
    assert (found.winner_change, found.loser_change) == (pytest.approx(0.2), pytest.approx(0.4))
    better = PairErrors(ONES - 0.1, ONES + 0.1)
    assert not measured(loss, better, reference).both_worse
    gain = anchored_loss(loss, model.winner, anchor=10) - anchored_loss(loss, better.winner, anchor=10)
    assert torch.allclose(gain, torch.full_like(gain, 3.0))
    assert torch.equal(anchored_loss(loss, model.winner, anchor=0), loss)


def test_accuracy_counts_the_pairs_with_a_margin_and_ties_half() -> None:
    assert float(implicit_accuracy(values(0.1, 0.2, -0.1, 0.0))) == 0.625
    assert float(implicit_accuracy(implicit_margin(ONES, ONES, ONES, ONES))) == 0.5


def test_weights_that_would_turn_a_loss_around_are_refused() -> None:
    with pytest.raises(ConfigError, match="beta is 0"):
        dpo_loss(ONES, ONES, ONES, ONES, beta=0)
    with pytest.raises(ConfigError, match="anchor is -1"):
        anchored_loss(ONES, ONES, anchor=-1)


def test_half_precision_is_squared_in_float32() -> None:
    said, target = torch.full((2, 4), 1e-3, dtype=torch.float16), torch.zeros(2, 4, dtype=torch.float16)
    assert squared_error(said, target).dtype == torch.float32
    assert squared_error(said, target)[0] == pytest.approx(1e-6, rel=1e-2)  # the square is no number of float16


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_loss_and_gradient_equal_those_written_out_by_hand(path: NoisePath) -> None:
    drawn = seeded()
    winner, loser, noise = (torch.randn(3, 2, 4, generator=drawn, dtype=torch.float64) for _ in range(3))
    time = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
    draws = Draws(noise, time, {"prompt": torch.randn(3, 4, generator=drawn, dtype=torch.float64)})
    frozen = torch.randn(4, 4, generator=drawn, dtype=torch.float64)
    weight = (frozen + 0.1 * torch.randn(4, 4, generator=drawn, dtype=torch.float64)).requires_grad_()
    beta, anchor = 4.0, 0.7

    def model(matrix: torch.Tensor) -> object:
        return lambda noisy, time, told: noisy @ matrix + told["prompt"][:, None] * time[:, None, None]

    found = pair_errors(model(weight), path, winner=winner, loser=loser, draws=draws)  # type: ignore[arg-type]
    before = pair_errors(model(frozen), path, winner=winner, loser=loser, draws=draws)  # type: ignore[arg-type]
    loss = anchored_loss(
        dpo_loss(found.winner, found.loser, before.winner, before.loser, beta=beta), found.winner, anchor=anchor
    )
    loss.sum().backward()

    expected, slope = 0.0, torch.zeros(4, 4, dtype=torch.float64)
    clean_shares, noise_shares = path.shares(time)
    for pair in range(3):
        a, s = float(clean_shares[pair]), float(noise_shares[pair])
        error, start, gradient = [], [], []
        for clean in (winner[pair], loser[pair]):
            target = path.target(clean[None], noise[pair][None], time[pair : pair + 1])[0]
            mixed = a * clean + s * noise[pair]
            told = draws.conditions["prompt"][pair] * float(time[pair])
            miss = mixed @ weight.detach() + told - target
            error.append(float((miss**2).sum()) / 8)
            gradient.append(2 / 8 * mixed.T @ miss)
            start.append(float(((mixed @ frozen + told - target) ** 2).sum()) / 8)
        inside = beta / 2 * ((error[0] - start[0]) - (error[1] - start[1]))
        expected += math.log(1 + math.exp(inside)) + anchor * error[0]
        pull = beta / 2 / (1 + math.exp(-inside))
        slope += pull * (gradient[0] - gradient[1]) + anchor * gradient[0]
    assert float(loss.sum().detach()) == pytest.approx(expected, rel=1e-10)
    assert weight.grad is not None
    assert torch.allclose(weight.grad, slope, rtol=1e-9)


@pytest.mark.parametrize("path", PATHS, ids=IDS)
def test_both_sides_see_the_same_noise_times_and_conditions(path: NoisePath) -> None:
    clean = torch.randn(4, 3, 5, generator=seeded())
    told = {"prompt": torch.arange(4.0)[:, None]}
    draws = draw_batch(clean, told, seeded(1), unprompted={"prompt": -torch.ones(1, 1)}, dropout=0.5)
    seen = []

    def predict(noisy: torch.Tensor, time: torch.Tensor, conditions: object) -> torch.Tensor:
        seen.append((noisy, time, conditions["prompt"]))  # type: ignore[index]
        return noisy

    found = pair_errors(predict, path, winner=clean, loser=clean, draws=draws)
    assert torch.equal(found.winner, found.loser)  # one sound on both sides, so any difference was drawn
    for part in seen[0]:
        assert torch.equal(*part.chunk(2))
    assert torch.equal(errors(predict, path, clean, draws), found.winner)
    assert torch.equal(fine_tuning_loss(found.winner), found.winner)


def test_pairs_of_different_length_are_refused() -> None:
    draws = draw_batch(torch.zeros(2, 3, 4), {}, seeded())
    with pytest.raises(ConfigError, match="cut both sounds of a pair to one length"):
        pair_errors(
            lambda noisy, time, told: noisy, FlowPath(), winner=torch.zeros(2, 3, 4), loser=torch.zeros(2, 3, 5),
            draws=draws,
        )  # fmt: skip


def test_dropped_rows_get_the_conditions_without_a_prompt_and_the_others_keep_theirs() -> None:
    told = {"texts": torch.ones(3, 2, 2), "mask": torch.ones(3, 2)}
    without = {"texts": torch.zeros(1, 2, 2), "mask": torch.tensor([[1.0, 0.0]])}
    found = drop_conditions(told, without, torch.tensor([False, True, False]))
    assert found["texts"].sum((1, 2)).tolist() == [4.0, 0.0, 4.0]
    assert found["mask"].tolist() == [[1.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
    always = draw_batch(torch.zeros(3, 1), told, seeded(), unprompted=without, dropout=1.0)
    assert always.conditions["mask"].tolist() == [[1.0, 0.0]] * 3
    with pytest.raises(ConfigError, match="needs the conditions without a prompt"):
        draw_batch(torch.zeros(3, 1), told, seeded(), dropout=0.1)
    with pytest.raises(ConfigError, match=r"dropout of the conditions is 1.5"):
        draw_batch(torch.zeros(3, 1), told, seeded(), unprompted=without, dropout=1.5)


def test_times_have_the_distribution_that_was_asked_for() -> None:
    count = 4000
    uniform = draw_times("uniform", count, seeded())
    stratified = draw_times("stratified", 8, seeded())
    normal = draw_times("logit-normal", count, seeded(), mean=0.5, scale=0.4)
    assert float(uniform.mean()) == pytest.approx(0.5, abs=0.02)  # 4 standard errors of 4000 uniform numbers
    assert sorted((stratified * 8).long().tolist()) == list(range(8))
    assert stratified.tolist() != sorted(stratified.tolist())
    logits = torch.logit(normal.double())
    assert float(logits.mean()) == pytest.approx(0.5, abs=0.03)
    assert float(logits.std()) == pytest.approx(0.4, abs=0.02)
    assert torch.equal(draw_times("uniform", 5, seeded(3)), draw_times("uniform", 5, seeded(3)))
    with pytest.raises(ConfigError, match="expected one of uniform, stratified, logit-normal"):
        draw_times("sobol", 4, seeded())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="scale of the logit-normal times is 0"):
        draw_times("logit-normal", 4, seeded(), scale=0)
