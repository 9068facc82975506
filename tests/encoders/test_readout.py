"""What is read from the maps of a network."""

import pytest
import torch

from menura.encoders.readout import Readout, statistics


def test_mean_and_deviation_are_taken_where_something_sounds() -> None:
    channels = torch.tensor([[0.0, 0.0, 2.0, 4.0], [9.0, 9.0, 1.0, 1.0]])
    heard = torch.tensor([False, False, False, False, True, False, True, True])
    found = statistics(channels, heard)
    torch.testing.assert_close(found[:4], torch.tensor([3.0, 1.0, 1.0, 0.0]))


def test_changes_tell_a_flutter_from_a_swell() -> None:
    time = torch.arange(64.0)
    flutter, swell = torch.cos(torch.pi * time), torch.cos(torch.pi * time / 32)
    _, _, fast, slow = statistics(torch.stack([flutter, swell]), torch.ones(64, dtype=torch.bool)).unflatten(0, (4, 2))
    assert float(fast[0]) == pytest.approx(2.0)
    assert float(slow[0]) == pytest.approx(0.0, abs=1e-4)
    assert float(fast[1]) < float(slow[1]) < 0.5


def test_silence_and_a_single_frame_have_statistics() -> None:
    silent = statistics(torch.ones(3, 8), torch.zeros(16, dtype=torch.bool))
    torch.testing.assert_close(silent, torch.tensor([1.0] * 3 + [0.0] * 9))
    assert statistics(torch.ones(3, 1), torch.ones(1, dtype=torch.bool)).isfinite().all()


def test_a_band_is_the_mean_of_its_rows() -> None:
    maps = torch.arange(8.0).reshape(1, 8, 1).expand(2, 8, 5)
    banded = Readout(stages=(0,), bands=4).banded(maps)
    torch.testing.assert_close(banded[:, 0], torch.tensor([0.5, 2.5, 4.5, 6.5] * 2))
    assert Readout(stages=(0, 1), bands=4).dim((32, 64, 128)) == 1536
