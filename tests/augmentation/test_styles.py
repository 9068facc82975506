"""One contract for all ways to copy a clip, and what each of them is known to do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.augmentation.classic import classic_is_available
from menura.augmentation.masks import WIDEST, Masks, draw_masks, masked, silence_masks
from menura.augmentation.mixtures import draw_share, mix_recordings
from menura.augmentation.noise import SNR_DB, add_noise, draw_snr_db
from menura.augmentation.pitch import PITCH_2, PITCH_3_5, shift_pitch
from menura.augmentation.policy import OPERATIONS, STRENGTHS, Operation, apply_policy, draw_policy
from menura.augmentation.stretch import STRETCH_RATES, stretch_time
from menura.augmentation.styles import STYLES, CopyStyle, formed, policy_style
from menura.errors import AudioError
from menura.types import Recording

needs_extra = pytest.mark.skipif(not classic_is_available(), reason="audiomentations is not installed")

Copy = Callable[[Recording, int], Recording]
POLICY = policy_style((Operation("pitch", 2, 1.0), Operation("noise", 3, 0.5)))


def _noise(channels: int, samples: int, rate: int, seed: int = 0) -> Recording:
    waveform = 0.3 * np.random.default_rng(seed).standard_normal((channels, samples))
    return Recording(waveform.astype(np.float32), rate)


def _tone(frequency_hz: float, duration_s: float, rate: int, level: float = 0.3) -> np.ndarray:
    time_s = np.arange(round(duration_s * rate)) / rate
    return (level * np.sin(2 * np.pi * frequency_hz * time_s))[None].astype(np.float32)


def _by_style(style: CopyStyle) -> Copy:
    return lambda recording, seed: style.copy(recording, turn=seed, generator=np.random.default_rng(seed))


def _by_mixing(recording: Recording, seed: int) -> Recording:
    partner = _noise(1, 3000, 16_000, seed=1)
    share = draw_share(np.random.default_rng(seed))
    return formed(mix_recordings(recording, partner, share).waveform, recording)


COPIES = [
    *(
        pytest.param(_by_style(style), id=style.name, marks=needs_extra if style.needs_library else ())
        for style in (*STYLES.values(), POLICY)
    ),
    pytest.param(_by_mixing, id="mixup"),
]
FORMS = [(1, 1600, 8000), (2, 4000, 16_000), (1, 100, 8000), (2, 100, 44_100), (1, 1, 8000), (3, 2000, 192_000)]


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize(("channels", "samples", "rate"), FORMS)
def test_a_copy_has_the_form_of_its_clip_and_stays_within_full_scale(
    copy: Copy, channels: int, samples: int, rate: int
) -> None:
    recording = _noise(channels, samples, rate)
    before = recording.waveform.copy()
    for seed in range(4):
        made = copy(recording, seed)
        assert made.sample_rate == rate
        assert made.waveform.shape == (channels, samples)
        assert made.waveform.dtype == np.float32
        assert np.isfinite(made.waveform).all()
        assert np.abs(made.waveform).max() <= 1
    assert np.array_equal(recording.waveform, before)


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_depends_on_its_seed_alone_and_differs_from_its_clip(copy: Copy) -> None:
    recording = _noise(2, 4000, 16_000)
    first = [copy(recording, seed).waveform for seed in range(4)]
    np.random.seed(99)  # noqa: NPY002
    again = [copy(recording, seed).waveform for seed in reversed(range(4))][::-1]
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    changed = [not np.allclose(one, recording.waveform, atol=1e-4) for one in first]
    assert sum(changed) >= 3  # `classic` and `chain` leave a clip alone once in some thirty
    assert len({one.tobytes() for one in first}) >= 3


@pytest.mark.parametrize("copy", COPIES)
@pytest.mark.parametrize("samples", [100, 4000])
def test_a_copy_of_silence_is_finite(copy: Copy, samples: int) -> None:
    made = copy(Recording(np.zeros((1, samples), np.float32), 8000), 1)
    assert made.waveform.shape == (1, samples)
    assert np.isfinite(made.waveform).all()


@pytest.mark.parametrize("style", [*STYLES.values(), POLICY], ids=lambda style: style.name)
def test_a_recording_without_samples_is_refused(style: CopyStyle) -> None:
    with pytest.raises(AudioError, match="without samples"):
        style.copy(Recording(np.zeros((1, 0), np.float32), 8000), turn=0, generator=np.random.default_rng(0))


@given(snr_db=st.floats(-10, 60), samples=st.integers(2, 3000), channels=st.integers(1, 3), seed=st.integers(0, 99))
def test_the_noise_that_was_added_has_the_ratio_that_was_asked_for(
    snr_db: float, samples: int, channels: int, seed: int
) -> None:
    waveform = _noise(channels, samples, 8000, seed).waveform
    noise = add_noise(waveform, snr_db, generator=np.random.default_rng(seed)).astype(np.float64) - waveform
    measured = 10 * np.log10(np.mean(np.square(waveform, dtype=np.float64)) / np.mean(noise**2))
    assert measured == pytest.approx(snr_db, abs=0.2)  # float32 rounds noise of 60 dB below the signal


def test_ratios_are_drawn_evenly_from_their_range() -> None:
    generator = np.random.default_rng(0)
    drawn = [draw_snr_db(generator) for _ in range(2000)]
    assert SNR_DB[0] <= min(drawn) < SNR_DB[0] + 1
    assert SNR_DB[1] - 1 < max(drawn) <= SNR_DB[1]
    assert np.mean(drawn) == pytest.approx(np.mean(SNR_DB), abs=1)


@needs_extra
@pytest.mark.parametrize("semitones", [*PITCH_2, *PITCH_3_5])
def test_a_tone_moves_by_the_semitones_that_were_asked_for(semitones: float) -> None:
    rate = 16_000
    shifted = shift_pitch(_tone(440, 2, rate), rate, semitones)[0]
    spectrum = np.abs(np.fft.rfft(shifted * np.hanning(len(shifted))))
    found = float(np.argmax(spectrum)) * rate / len(shifted)
    assert found == pytest.approx(440 * 2 ** (semitones / 12), rel=0.01)
    if semitones == 2:
        assert found == pytest.approx(494, rel=0.01)


@needs_extra
@pytest.mark.parametrize("rate", STRETCH_RATES)
def test_a_click_moves_to_where_it_is_at_the_other_speed_and_a_tone_keeps_its_pitch(rate: float) -> None:
    sample_rate = 8000
    clicks = 1e-4 * np.random.default_rng(0).standard_normal((1, 2 * sample_rate))
    clicks[0, 4000] = 1
    heard = np.abs(stretch_time(clicks.astype(np.float32), sample_rate, rate)[0])
    end = round(2 * sample_rate / rate)  # after that a faster clip starts again
    assert np.argmax(heard[:end]) == pytest.approx(4000 / rate, abs=0.005 * sample_rate)
    assert heard[end:].max(initial=0) < 0.5  # a second one would come later
    spectrum = np.abs(np.fft.rfft(stretch_time(_tone(440, 2, sample_rate), sample_rate, rate)[0] * np.hanning(16_000)))
    assert np.argmax(spectrum) * sample_rate / 16_000 == pytest.approx(440, rel=0.01)


@needs_extra
def test_a_faster_clip_starts_again_instead_of_ending_in_silence() -> None:
    changed = stretch_time(_tone(440, 1, 8000), 8000, 1.23)[0]
    tail = changed[round(8000 / 1.23) + 400 :]
    assert np.sqrt(np.mean(tail**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.2)


@pytest.mark.parametrize("name", ["pitch-2", "pitch-3.5", "stretch"])
@needs_extra
def test_consecutive_turns_go_through_the_whole_set(name: str) -> None:
    recording = _noise(1, 2000, 8000)
    made = [STYLES[name].copy(recording, turn=turn, generator=np.random.default_rng(0)).waveform for turn in range(8)]
    assert len({one.tobytes() for one in made[:4]}) == 4
    assert all(np.array_equal(made[i], made[i + 4]) for i in range(4))


def test_masks_hide_the_share_that_their_widths_say() -> None:
    """A band of half the mel axis and a quarter of the time leave 0.5 * 0.75 of the values."""
    hidden = masked(Masks((0.25, 0.5), (0.5, 0.25)), num_frames=400, num_bins=4001, nyquist_hz=8000)
    by_frame, by_bin = hidden.all(axis=0).mean(), hidden.all(axis=1)
    assert by_frame == pytest.approx(0.25, abs=0.01)
    edges_hz = np.flatnonzero(by_bin)[[0, -1]] * 2.0
    mel = np.log1p(edges_hz / 700) / np.log1p(8000 / 700)
    assert mel == pytest.approx([0.25, 0.75], abs=0.01)


def test_drawn_masks_are_at_most_as_wide_as_said_and_lie_inside() -> None:
    drawn = [draw_masks(np.random.default_rng(seed)) for seed in range(500)]
    for masks in drawn:
        for start, width in (masks.band, masks.time):
            assert start >= 0
            assert 0 <= width <= WIDEST
            assert start + width <= 1
    share = np.mean([masked(m, num_frames=50, num_bins=65, nyquist_hz=4000).mean(axis=0).min() > 0 for m in drawn])
    assert share == 1  # at least one bin is always hidden
    frames = np.mean([masked(m, num_frames=400, num_bins=65, nyquist_hz=4000).all(axis=0).mean() for m in drawn])
    assert frames == pytest.approx(WIDEST / 2, abs=0.01)


def test_what_is_masked_is_silent_and_the_rest_is_as_it_was() -> None:
    rate = 16_000
    low, high = _tone(200, 2, rate), _tone(4000, 2, rate)
    at = float(np.log1p(4000 / 700) / np.log1p(8000 / 700))
    masks = Masks((at - 0.05, 0.1), (0.7, 0.2))
    heard = silence_masks(low + high, rate, masks)[0]
    early = slice(round(0.2 * rate), round(1.2 * rate))
    assert np.abs(heard[early] - low[0, early]).max() < 0.01 * 0.3
    hidden = slice(round(1.5 * rate), round(1.7 * rate))
    assert np.abs(heard[hidden]).max() < 1e-3
    unmasked = silence_masks(low + high, rate, Masks((0.999, 0.0), (0.99, 0.0)))
    assert np.abs(unmasked - low - high)[0, early].max() < 1e-4


def test_a_mixture_is_the_sum_of_its_shares_at_equal_levels() -> None:
    first, second = _noise(1, 4000, 8000), _noise(1, 4000, 8000, seed=1)
    quiet = Recording(second.waveform * np.float32(0.01), 8000)
    mixed = mix_recordings(first, quiet, 0.7).waveform
    level = np.sqrt(np.mean(first.waveform**2) / np.mean(second.waveform**2))
    assert mixed == pytest.approx(0.7 * first.waveform + 0.3 * level * second.waveform, abs=1e-5)
    assert np.array_equal(mix_recordings(first, second, 1.0).waveform, first.waveform)


def test_a_shorter_partner_is_repeated_and_other_channels_are_averaged() -> None:
    first = Recording(np.zeros((1, 10), np.float32), 8000)
    second = Recording(np.array([[1, 2, 3], [3, 2, 1]], np.float32), 8000)
    assert mix_recordings(first, second, 0.5).waveform.tolist() == [[1.0] * 10]  # silence has no level to match
    upsampled = mix_recordings(_noise(1, 800, 8000), _noise(1, 800, 16_000), 0.5)
    assert (upsampled.sample_rate, upsampled.waveform.shape) == (8000, (1, 800))


def test_shares_are_a_folded_beta_distribution() -> None:
    drawn = np.array([draw_share(np.random.default_rng(seed)) for seed in range(4000)])
    assert drawn.min() >= 0.5
    assert drawn.max() <= 1
    # Var[Beta(a, a)] = 1 / (4 (2a + 1)) is the mean square distance from one half, on either side of it.
    assert np.mean((drawn - 0.5) ** 2) == pytest.approx(1 / (4 * 1.6), abs=0.005)


@needs_extra
@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("rate", [4000, 16_000, 44_100])
def test_every_operation_of_a_policy_works_at_every_strength(name: str, rate: int) -> None:
    waveform = _noise(2, 3000, rate).waveform
    for strength in STRENGTHS:
        for seed in range(8):
            policy = (Operation(name, strength, 1.0),)
            made = apply_policy(waveform, rate, policy, generator=np.random.default_rng(seed))
            assert made.shape == waveform.shape
            assert np.isfinite(made).all()
            assert np.abs(made).max() < 20  # filters that explode pass this within the first samples
            assert not np.array_equal(made, waveform)


def test_policies_are_short_begin_with_what_always_happens_and_vary() -> None:
    drawn = [draw_policy(np.random.default_rng(seed)) for seed in range(200)]
    assert {len(policy) for policy in drawn} == {1, 2, 3}
    assert all(policy[0].probability == 1 for policy in drawn)
    assert all(len({step.name for step in policy}) == len(policy) for policy in drawn)
    assert {step.name for policy in drawn for step in policy} == set(OPERATIONS)
    assert draw_policy(np.random.default_rng(3)) == drawn[3]
