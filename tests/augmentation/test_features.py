from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from menura.augmentation.features import mixup, spec_augment
from menura.errors import ConfigError


@given(
    seed=st.integers(0, 1000), max_mels=st.integers(0, 20), max_frames=st.integers(0, 30), num_masks=st.integers(0, 3)
)
def test_masks_hide_whole_bands_and_frames_within_their_greatest_width(seed, max_mels, max_frames, num_masks):
    batch = torch.ones(3, 12, 18)
    masked = spec_augment(
        batch, np.random.default_rng(seed), max_mels=max_mels, max_frames=max_frames, num_masks=num_masks
    )
    hidden = masked == 0
    assert torch.equal(batch, torch.ones(3, 12, 18))
    for item in hidden:
        mels, frames = item.all(dim=1), item.all(dim=0)
        if not (mels.all() or frames.all()):
            assert torch.equal(item, mels[:, None] | frames[None, :])
            assert int(mels.sum()) <= num_masks * max_mels
            assert int(frames.sum()) <= num_masks * max_frames


def test_each_width_and_place_of_a_mask_occurs():
    batch = torch.ones(2000, 5, 1)
    masked = spec_augment(batch, np.random.default_rng(0), max_mels=5, max_frames=0)
    assert {int(item) for item in (masked == 0).sum(dim=(1, 2))} == set(range(6))
    assert bool((masked == 0).any(dim=0).all())


@given(seed=st.integers(0, 1000), alpha=st.floats(0.05, 4))
def test_a_mixture_mixes_targets_as_it_mixes_clips(seed, alpha):
    targets = torch.eye(4)
    batch = targets[:, :, None].expand(4, 4, 3).contiguous()
    mixed, mixed_targets = mixup(batch, targets, np.random.default_rng(seed), alpha=alpha)
    torch.testing.assert_close(mixed, mixed_targets[:, :, None].expand(4, 4, 3))
    torch.testing.assert_close(mixed_targets.sum(dim=1), torch.ones(4))
    assert bool((mixed_targets.diagonal() >= 0.5 - 1e-6).all())


def test_a_small_alpha_mixes_less():
    targets = torch.eye(64)

    def largest(alpha):
        return float(mixup(targets, targets, np.random.default_rng(0), alpha=alpha)[1].amax(dim=1).mean())

    assert largest(0.05) > largest(0.3) > largest(2.0)


def test_impossible_settings_are_refused():
    with pytest.raises(ConfigError, match="alpha is 0"):
        mixup(torch.eye(2), torch.eye(2), np.random.default_rng(0), alpha=0)
    with pytest.raises(ConfigError, match="numbers >= 0"):
        spec_augment(torch.ones(1, 2, 2), np.random.default_rng(0), max_mels=-1, max_frames=0)
