"""Masked modelling of mel patches."""

import numpy as np
import pytest
import torch

from menura.pretrain.masked import MASKED_SHARE, PatchHead, masked_loss, patch_mask


def test_each_view_hides_the_same_number_of_other_patches() -> None:
    hidden = patch_mask(8, 64, 96, stride=16, generator=np.random.default_rng(0))
    assert hidden.shape == (8, 64, 96)
    assert hidden.float().mean((1, 2)).tolist() == [MASKED_SHARE] * 8
    assert len(torch.unique(hidden.flatten(1), dim=0)) == 8
    blocks = hidden.reshape(8, 4, 16, 6, 16)
    assert bool((blocks.all(4).all(2) == blocks.any(4).any(2)).all())


def test_a_patch_is_told_by_its_own_place() -> None:
    head = PatchHead(1, 4)
    with torch.no_grad():
        head.output.weight.fill_(1)
        head.output.bias.zero_()
        told = head(torch.arange(6.0).reshape(1, 1, 2, 3), 8, 10)
    assert told.shape == (1, 8, 10)
    assert told[0, ::4, ::4].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_only_what_was_hidden_counts_in_tens_of_decibels() -> None:
    levels = torch.zeros(1, 4, 4)
    hidden = torch.zeros(1, 4, 4, dtype=torch.bool)
    hidden[0, 0, :2] = True
    told = torch.full((1, 4, 4), 9.0)
    told[0, 0, 0], told[0, 0, 1] = 0.1, 0.5
    expected = (0.5 * 0.7**2 + (3.5 - 0.5)) / 2
    assert float(masked_loss(told, levels, hidden, unit_db=70)) == pytest.approx(expected, rel=1e-5)
