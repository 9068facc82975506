"""What networks see."""

import math

import numpy as np
import pytest
import torch

from menura.encoders.front_end import MelFrontEnd, VggishFrontEnd, front_end_from, front_end_record, loud_power
from menura.encoders.network import NetworkShape, new_network

RATE = 16_000


def tone(hz: float, amplitude: float = 0.5, seconds: float = 1.0) -> torch.Tensor:
    time = torch.arange(round(RATE * seconds)) / RATE
    return (amplitude * torch.sin(2 * math.pi * hz * time))[None]


def test_vggish_has_its_frames_its_floor_and_its_bands() -> None:
    front_end = VggishFrontEnd()
    assert front_end.levels(tone(440)).shape == (1, 64, 98)
    silent = front_end.levels(torch.zeros(1, RATE))
    torch.testing.assert_close(silent, torch.full_like(silent, math.log(0.01)))
    mel = lambda hz: 1127 * math.log1p(hz / 700)  # noqa: E731
    for hz in (500, 2000, 6000):
        expected = 65 * (mel(hz) - mel(125)) / (mel(7500) - mel(125)) - 1
        assert abs(int(front_end.levels(tone(hz))[0].mean(1).argmax()) - expected) <= 1.5


def test_twice_the_amplitude_is_one_step_of_the_vggish_levels_in_decibels() -> None:
    front_end = VggishFrontEnd()
    quiet, loud = (front_end.levels(tone(1000, a))[0].amax() for a in (0.25, 0.5))
    assert float(loud - quiet) * front_end.unit_db == pytest.approx(20 * math.log10(2), abs=0.05)


def test_neither_level_nor_silence_around_a_sound_changes_its_mel_levels() -> None:
    front_end = MelFrontEnd()
    sound = tone(700) * torch.hann_window(RATE)
    padded = torch.nn.functional.pad(0.01 * sound, (0, 19 * RATE))
    plain, after = front_end.levels(sound)[0], front_end.levels(padded)[0]
    torch.testing.assert_close(after[:, :98], plain[:, :98], atol=2e-3, rtol=0)


def test_loud_power_is_that_of_a_steady_sound() -> None:
    assert float(loud_power(torch.tensor([0.0, 3.0, 3.0, 0.0, 0.0]))) == pytest.approx(3.0)
    assert float(loud_power(torch.zeros(4))) == 0


@pytest.mark.parametrize("front_end", [MelFrontEnd(sample_rate=8000, max_hz=4000), VggishFrontEnd()])
def test_a_front_end_comes_back_from_its_record(front_end: MelFrontEnd | VggishFrontEnd) -> None:
    assert front_end_from(front_end_record(front_end)) == front_end


def test_the_networks_have_the_sizes_that_are_written_down() -> None:
    counts = {
        kind: sum(weight.numel() for weight in new_network(NetworkShape(kind)).parameters())
        for kind in ("separable", "resnet18")
    }
    assert counts["resnet18"] == 11_176_512 - 9_408 + 3_200 + 262_656
    assert 130_000 < counts["separable"] < 150_000


@pytest.mark.parametrize("shape", [NetworkShape(), NetworkShape("resnet18", (64, 128, 256, 512))])
def test_maps_have_the_channels_of_their_stages(shape: NetworkShape) -> None:
    network = new_network(shape).eval()
    levels = torch.from_numpy(np.random.default_rng(0).uniform(-1, 0, (2, 64, 100)).astype(np.float32))
    assert [maps.shape[1] for maps in network.maps(levels)] == list(shape.widths)
    assert len(network.maps(levels, 2)) == 2
    assert network(levels).shape == (2, shape.dim)
