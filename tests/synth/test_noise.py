import torch

from menura.synth.noise import white_noise


def test_noise_is_uniform_and_white() -> None:
    noise = white_noise(torch.tensor([1, 2**62 + 5]), 100_000)
    assert noise.min() >= -1
    assert noise.max() <= 1
    counts = torch.stack([row.histc(20, -1, 1) for row in noise])
    assert (counts - 5000).abs().max() < 5 * 5000**0.5
    spectrum = torch.fft.rfft(noise).abs().square()[:, 1:50_001].reshape(2, 50, -1).mean(-1)
    assert ((spectrum / spectrum.mean() - 1).abs() < 0.2).all()
    shifted = torch.stack([(noise[:, :-k] * noise[:, k:]).mean(-1) for k in range(1, 40)])
    assert (shifted.abs() < 5 / 3 / 100_000**0.5).all()


def test_each_seed_has_a_stream_of_its_own_whatever_the_batch() -> None:
    seeds = torch.tensor([0, 1, 2**32, 2**63 - 1, -1])
    noise = white_noise(seeds, 4000)
    together = torch.corrcoef(noise) - torch.eye(5)
    assert together.abs().max() < 0.08
    for row, seed in zip(noise, seeds, strict=True):
        assert torch.equal(row, white_noise(seed[None], 4000)[0])


def test_a_longer_stream_begins_like_the_shorter_one() -> None:
    assert torch.equal(white_noise(torch.tensor([7]), 100), white_noise(torch.tensor([7]), 1000)[:, :100])
