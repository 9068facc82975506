import math

import pytest
import torch

from menura.pretrain.losses import Objective, align_uniform, alignment, nt_xent, pair_loss, uniformity


def test_alignment_is_the_mean_squared_distance() -> None:
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    y = torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    assert float(alignment(x, x)) == 0
    assert float(alignment(x, y)) == pytest.approx(1.0)
    assert float(alignment(x, y, alpha=1.0)) == pytest.approx(math.sqrt(2) / 2)


def test_uniformity_of_opposite_points_is_minus_eight() -> None:
    assert float(uniformity(torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))) == pytest.approx(-8)
    assert float(uniformity(torch.tensor([[1.0, 0.0], [1.0, 0.0]]))) == pytest.approx(0)


def test_align_uniform_adds_both_and_takes_embeddings_of_any_length() -> None:
    x = torch.tensor([[2.0, 0.0], [-3.0, 0.0]])
    assert float(align_uniform(x, x)) == pytest.approx(-8)
    assert float(align_uniform(x, 5 * x)) == pytest.approx(-8)


def test_nt_xent_equals_the_definition() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(5, 7, generator=generator), torch.randn(5, 7, generator=generator)
    both = torch.nn.functional.normalize(torch.cat([first, second]), dim=1)
    losses = []
    for i in range(10):
        partner = (i + 5) % 10
        scores = {j: math.exp(float(both[i] @ both[j]) / 0.2) for j in range(10) if j != i}
        losses.append(-math.log(scores[partner] / sum(scores.values())))
    assert float(nt_xent(first, second, temperature=0.2)) == pytest.approx(sum(losses) / 10, rel=1e-5)


def test_nt_xent_of_embeddings_that_are_all_alike_is_the_log_of_the_others() -> None:
    assert float(nt_xent(torch.ones(4, 3), torch.ones(4, 3))) == pytest.approx(math.log(7), rel=1e-5)


@pytest.mark.parametrize("objective", ["nt_xent", "align_uniform"])
def test_closer_pairs_have_less_loss(objective: Objective) -> None:
    generator = torch.Generator().manual_seed(1)
    first, other = torch.randn(16, 8, generator=generator), torch.randn(16, 8, generator=generator)
    losses = [float(pair_loss(objective, first, first + far * other)) for far in (0.0, 0.3, 3.0)]
    assert losses == sorted(losses)
