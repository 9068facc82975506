"""Pairs from real recordings, and the augmentation chains of the paper."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from menura.augmentation.paper_chain import paper_chain
from menura.encoders.front_end import MelFrontEnd
from menura.pretrain.recorded import dense_mixture, random_slice, recorded_pairs
from menura.pretrain.settings import PretrainSettings
from menura.pretrain.views import chained, view_levels


@pytest.fixture
def paths(tmp_path: Path) -> list[str]:
    """Two recordings whose samples say where they come from: rising through positive or through negative values."""
    rising = np.linspace(0.1, 0.9, 24_000, dtype=np.float32)
    for name, wave in (("up", rising), ("down", -rising)):
        soundfile.write(tmp_path / f"{name}.wav", wave, 8000, subtype="FLOAT")
    return [str(tmp_path / "up.wav"), str(tmp_path / "down.wav")]


def settings(positives: str) -> PretrainSettings:
    return PretrainSettings(pairs=16, sample_rate=8000, data="anything", positives=positives)


def test_a_crop_is_heard_twice(paths: list[str]) -> None:
    first, second = recorded_pairs(paths, settings("crop"), batch=0, num_samples=8000).unflatten(0, (2, 16))
    assert torch.equal(first, second)
    assert len(torch.unique(first, dim=0)) == 16
    assert 0 < int((first[:, 0] > 0).sum()) < 16


def test_jitter_takes_two_places_of_one_recording(paths: list[str]) -> None:
    first, second = recorded_pairs(paths, settings("jitter"), batch=0, num_samples=8000).unflatten(0, (2, 16))
    assert not (first == second).all(1).any()
    assert torch.equal(first[:, 0] > 0, second[:, 0] > 0)


def test_a_pair_depends_on_its_batch_and_place_alone(paths: list[str]) -> None:
    one, again, other = (
        recorded_pairs(paths, settings("mixture"), batch=batch, num_samples=8000) for batch in (3, 3, 4)
    )
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_a_mixture_sums_slices_and_stays_in_range() -> None:
    generator = np.random.default_rng(0)
    mixed = dense_mixture(np.ones(50, np.float32), 20, 5, generator)
    np.testing.assert_allclose(mixed, 1)
    np.testing.assert_array_equal(dense_mixture(np.zeros(50, np.float32), 20, 5, generator), 0)


@pytest.mark.parametrize("samples", [1, 19, 20, 21, 500])
def test_a_slice_has_the_length_and_holds_a_shorter_recording_whole(samples: int) -> None:
    wave = np.arange(1, samples + 1, dtype=np.float32)
    found = random_slice(wave, 20, np.random.default_rng(1))
    assert found.shape == (20,)
    sounding = found[found > 0]
    np.testing.assert_array_equal(np.diff(sounding), 1)
    assert len(sounding) == min(samples, 20)


@pytest.mark.parametrize(("views", "least"), [("masking", 0.05), ("spec_augment", 0.2)])
def test_masks_hit_their_share_of_the_views(views: str, least: float) -> None:
    levels = torch.zeros(400, 64, 100)
    masked = view_levels(levels, MelFrontEnd(), views, seed=0, step=0)  # type: ignore[arg-type]
    hit = (masked != 0).flatten(1).any(1).double().mean()
    assert least < float(hit) < 0.5
    assert set(masked.unique().tolist()) == {-1.0, 0.0}
    assert torch.equal(view_levels(levels, MelFrontEnd(), "none", seed=0, step=0), levels)


def test_the_chain_changes_each_waveform_on_its_own_and_keeps_its_shape() -> None:
    pytest.importorskip("audiomentations")
    wave = torch.from_numpy(np.random.default_rng(0).standard_normal((6, 8000)).astype(np.float32) * 0.1)
    found = chained(wave, sample_rate=16_000, seed=0, step=0)
    assert found.shape == wave.shape
    assert bool(found.isfinite().all())
    assert torch.equal(found, chained(wave, sample_rate=16_000, seed=0, step=0))
    assert not torch.equal(found, chained(wave, sample_rate=16_000, seed=0, step=1))
    alone = paper_chain(wave[2:3].numpy(), 16_000, generator=np.random.default_rng(5))
    assert alone.shape == (1, 8000)
