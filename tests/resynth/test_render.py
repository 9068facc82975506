from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from menura.resynth import ResynthParams, ResynthSettings, analyse, draw_params, render
from menura.resynth.analysis import loud_level_db

_SETTINGS = ResynthSettings()


def _render(waveform: Any, rate: int, seed: int = 0, **changes: Any) -> Any:
    params = replace(ResynthParams(), **changes)
    return render([analyse(waveform, rate, _SETTINGS)], params, generator=np.random.default_rng(seed))


def _envelope(waveform: Any, rate: int) -> Any:
    step = rate // 100
    return np.sqrt(np.square(waveform[0, : waveform.shape[1] // step * step]).reshape(-1, step).mean(axis=1))


def test_delta_0_returns_the_clip_90_db_below(sounds: Any) -> None:
    still = draw_params(ResynthSettings(delta=0.0), num_parents=2, generator=np.random.default_rng(3))
    padded = np.concatenate([sounds.noise(0.4), np.zeros((1, 4000), np.float32)], axis=1)
    for waveform in (sounds.tone(440), sounds.noise(1.3, channels=2), sounds.bursts((0.2, 1.0), (500, 900)), padded):
        analyses = [analyse(waveform, sounds.rate, _SETTINGS), analyse(sounds.noise(), sounds.rate, _SETTINGS)]
        again = render(analyses, still, generator=np.random.default_rng(0))
        assert np.square(again - waveform).sum() < 1e-9 * np.square(waveform).sum()


@given(
    num_samples=st.sampled_from([1, 2, 7, 40, 333, 4000]), channels=st.integers(1, 3),
    rate=st.sampled_from([8000, 16000, 44100, 96000]), domain=st.sampled_from(["environment", "speech", "machine"]),
    kind=st.sampled_from(["silent", "noise", "click", "padded", "loud"]), seed=st.integers(0, 10_000),
)  # fmt: skip
@settings(max_examples=120, deadline=None)
def test_any_clip_gives_a_finite_one_that_is_never_clipped(
    num_samples: int, channels: int, rate: int, domain: Any, kind: str, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    waveform = np.zeros((channels, num_samples), np.float32)
    if kind != "silent":
        filled = {"noise": num_samples, "click": 1, "padded": num_samples // 2, "loud": num_samples}[kind]
        waveform[:, :filled] = generator.uniform(-1, 1, (channels, filled))
    if kind == "loud":
        waveform *= 3
    options = ResynthSettings(domain, delta=1.0)
    other = generator.uniform(-0.1, 0.1, (1 + seed % 2, max(1, num_samples // 2))).astype(np.float32)
    params = draw_params(options, num_parents=2, generator=generator)
    analyses = [analyse(clip, rate, options) for clip in (waveform, other)]
    made = render(analyses, params, generator=generator)
    assert made.shape == (channels, max(1, round(num_samples * params.duration_scale)))
    assert made.dtype == np.float32
    assert np.isfinite(made).all()
    assert np.abs(made).max() <= 0.9901


def test_the_same_numbers_and_noise_give_the_same_clip(sounds: Any) -> None:
    analyses = [analyse(sounds.noise(seed=seed), sounds.rate, _SETTINGS) for seed in (1, 2)]
    for seed in range(12):
        params = draw_params(ResynthSettings(delta=1.0), num_parents=2, generator=np.random.default_rng(seed))
        once, again = (render(analyses, params, generator=np.random.default_rng(5)) for _ in range(2))
        np.testing.assert_array_equal(once, again)


@pytest.mark.parametrize("semitones", [-7.0, -3.0, 2.0, 5.0])
@pytest.mark.parametrize("frequency_hz", [440.0, 1234.0])
def test_a_pitch_shift_moves_a_tone_by_the_asked_ratio(sounds: Any, semitones: float, frequency_hz: float) -> None:
    made = _render(sounds.tone(frequency_hz), sounds.rate, pitch_semitones=semitones, formant_semitones=semitones)
    assert sounds.peak_hz(made) == pytest.approx(frequency_hz * 2 ** (semitones / 12), rel=0.003)


@pytest.mark.parametrize("stretch", [0.7, 1.5])
def test_a_stretched_tone_keeps_its_pitch_and_is_steady(sounds: Any, stretch: float) -> None:
    made = _render(sounds.tone(700), sounds.rate, stretch=stretch, duration_scale=stretch)
    assert made.shape[1] == round(sounds.rate * stretch)
    assert sounds.peak_hz(made) == pytest.approx(700, rel=0.003)
    inside = _envelope(made, sounds.rate)[10:-10]
    assert inside.std() / inside.mean() < 0.05


@pytest.mark.parametrize("stretch", [0.75, 1.4])
def test_events_move_apart_by_the_stretch(sounds: Any, stretch: float) -> None:
    made = _render(sounds.bursts((0.3, 1.1), (600, 600)), sounds.rate, stretch=stretch, duration_scale=stretch)
    envelope = _envelope(made, sounds.rate)
    middle = int(0.7 * stretch * 100)
    apart_s = (middle + np.argmax(envelope[middle:]) - np.argmax(envelope[:middle])) / 100
    assert apart_s == pytest.approx(0.8 * stretch, abs=0.05)


def test_a_stretched_attack_stays_sharp(sounds: Any) -> None:
    click = np.zeros((1, 8000), np.float32)
    click[0, 4000] = 0.9
    made = _render(click + 1e-4 * sounds.noise(), sounds.rate, stretch=1.3, duration_scale=1.3)
    energy = np.cumsum(np.square(made[0]))
    low, high = np.searchsorted(energy, [0.1 * energy[-1], 0.9 * energy[-1]])
    assert high - low < 0.03 * sounds.rate


def test_formants_move_without_the_pitch(sounds: Any) -> None:
    time_s = np.arange(8000) / sounds.rate
    voice = sum(np.exp(-(((h * 150 - 900) / 300) ** 2)) * np.cos(2 * np.pi * h * 150 * time_s) for h in range(1, 25))
    voice = (0.2 * voice).astype(np.float32)[None]

    def centroid_hz(waveform: Any) -> float:
        power = np.abs(np.fft.rfft(waveform[0])) ** 2
        return float((power * np.fft.rfftfreq(waveform.shape[1], 1 / sounds.rate)).sum() / power.sum())

    made = _render(voice, sounds.rate, formant_semitones=5.0)
    assert centroid_hz(made) / centroid_hz(voice) == pytest.approx(2 ** (5 / 12), rel=0.12)
    spectrum = np.abs(np.fft.rfft(made[0]))
    off_harmonic = np.setdiff1d(
        np.arange(500, 2000), [k for h in range(1, 25) for k in range(150 * h - 12, 150 * h + 13)]
    )
    assert np.square(spectrum[off_harmonic]).sum() < 0.02 * np.square(spectrum).sum()


def test_a_room_adds_a_tail(sounds: Any) -> None:
    burst = sounds.bursts((0.2,), (800,), 1.0)
    dry, wet = (_envelope(_render(burst, sounds.rate, **room), sounds.rate) for room in ({}, {"room_s": 0.9}))
    assert wet[50:60].mean() > 5 * dry[50:60].mean()


def test_redrawn_noise_is_another_realisation_with_the_same_bands(sounds: Any) -> None:
    waveform = sounds.noise(3.0)
    made = _render(waveform, sounds.rate, noise_redraw=1.0)
    assert abs(np.corrcoef(made[0], waveform[0])[0, 1]) < 0.6
    before, after = (
        np.square(np.abs(np.fft.rfft(clip[0]))).reshape(-1)[:12000].reshape(12, -1).mean(axis=1)
        for clip in (waveform, made)
    )
    np.testing.assert_allclose(10 * np.log10(after / before), 0, atol=1.5)


@given(gain_db=st.floats(-12, 6), seed=st.integers(0, 500))
@settings(max_examples=25, deadline=None)
def test_the_level_is_the_parents_plus_the_gain(sounds: Any, gain_db: float, seed: int) -> None:
    waveform = sounds.noise(0.7, level=0.05)
    params = draw_params(ResynthSettings(delta=1.0), num_parents=1, generator=np.random.default_rng(seed))
    made = render(
        [analyse(waveform, sounds.rate, _SETTINGS)],
        replace(params, gain_db=gain_db),
        generator=np.random.default_rng(0),
    )
    wanted_db = loud_level_db(waveform, sounds.rate) + gain_db
    assert loud_level_db(made, sounds.rate) == pytest.approx(wanted_db, abs=0.1) or np.abs(made).max() > 0.98


def test_channels_are_turned_alike(sounds: Any) -> None:
    mono = sounds.tone(500) + 0.1 * sounds.noise()
    made = _render(np.vstack([mono, 0.5 * mono]), sounds.rate, pitch_semitones=3.0, stretch=1.2, noise_db=3.0)
    np.testing.assert_allclose(made[1], 0.5 * made[0], atol=2e-5)


@pytest.mark.parametrize("layout", ["keep", "shift", "shuffle", "relay"])
@pytest.mark.parametrize("starts_over", [True, False])
@pytest.mark.parametrize("stretch", [0.8, 1.0, 1.3])
def test_no_hole_and_no_jump_where_a_texture_is_joined(
    sounds: Any, layout: Any, starts_over: bool, stretch: float
) -> None:
    parent = sounds.noise(2.0)
    for seed in range(3):
        made = _render(
            parent, sounds.rate, layout=layout, layout_seed=seed, starts_over=starts_over, stretch=stretch,
            warp_octaves=0.1 * seed, density=1.5,
        )  # fmt: skip
        level = np.sqrt(np.convolve(np.square(made[0]), np.ones(40) / 40, mode="valid"))
        assert level.min() > 0.35 * np.median(level)  # 5 ms of noise; the parent's own least is 0.58


@pytest.mark.parametrize("layout", ["shift", "shuffle"])
def test_an_extra_decay_does_not_begin_anew_where_a_texture_is_joined(sounds: Any, layout: Any) -> None:
    for seed in range(3):
        made = _render(
            sounds.noise(3.0), sounds.rate, layout=layout, layout_seed=seed, starts_over=True, decay_db_per_s=8.0
        )
        level_db = 20 * np.log10(np.sqrt(np.square(made[0]).reshape(15, -1).mean(axis=1)))
        assert level_db[0] - level_db[7] > 5  # it does fall, 10 dB at most
        assert np.diff(level_db).max() < 2  # and never leaps up; noise wavers by 0.5 dB


@pytest.mark.parametrize("at_start", [True, False])
def test_a_recording_that_was_cut_off_rises_and_falls_where_it_is_moved_into_silence(
    sounds: Any, at_start: bool
) -> None:
    half = sounds.tone(400, 1.0) + 0.02
    cut_off = [half, np.zeros_like(half)] if at_start else [np.zeros_like(half), half]
    made = _render(np.concatenate(cut_off, axis=1), sounds.rate, layout="shift", layout_seed=4)
    sounding = np.flatnonzero(np.abs(made[0]) > 1e-4)
    edge = sounding[0] if at_start else sounding[-1]
    assert 400 < edge < made.shape[1] - 400
    assert np.abs(made[0, edge - 4 : edge + 5]).max() < 0.15  # was 0.28 when cut off hard
    assert np.abs(made[0, edge - 300 : edge + 300]).max() > 0.25  # and there again within 40 ms


def test_padding_is_not_copied_but_drawn_anew(sounds: Any) -> None:
    padded = np.concatenate([sounds.noise(0.5), np.zeros((1, 8000), np.float32)], axis=1)
    starts = set()
    for seed in range(8):
        made = _render(padded, sounds.rate, layout="shift", layout_seed=seed)
        starts.add(int(np.flatnonzero(np.abs(made[0]) > 0.02)[0]) // 400)
    assert len(starts) >= 4
    filled = _render(padded, sounds.rate, fill_padding=True)
    assert np.square(filled[0, -2000:]).mean() > 0


def test_relaid_events_are_another_number_at_other_times(sounds: Any) -> None:
    waveform = sounds.bursts((0.2, 0.8, 1.5), (500, 900, 1400))
    analysis = analyse(waveform, sounds.rate, _SETTINGS)
    assert len(analysis.events) == 3
    counts = set()
    for seed in range(10):
        made = _render(waveform, sounds.rate, layout="relay", layout_seed=seed, density=1.5)
        counts.add(len(analyse(made, sounds.rate, _SETTINGS).events))
    assert len(counts) >= 3


def test_a_mix_holds_both_parents_and_a_splice_one_after_the_other(sounds: Any) -> None:
    low, high = (analyse(sounds.tone(hz, 2.0), sounds.rate, _SETTINGS) for hz in (400, 1500))

    def shares(**changes: Any) -> tuple[float, float]:
        params = replace(ResynthParams(), **changes)
        made = render([low, high], params, generator=np.random.default_rng(0))
        spectrum = np.square(np.abs(np.fft.rfft(made[0])))
        hz = np.fft.rfftfreq(made.shape[1], 1 / sounds.rate)
        return tuple(float(spectrum[np.abs(hz - tone) < 60].sum() / spectrum.sum()) for tone in (400, 1500))  # type: ignore[return-value]

    assert shares()[1] < 1e-3
    assert shares(morph="mix", morph_db=0.0) == pytest.approx((0.5, 0.5), abs=0.05)
    assert shares(morph="mix", morph_db=-10.0)[1] == pytest.approx(0.09, abs=0.02)
    spliced = [shares(morph="splice", morph_amount=0.5, layout_seed=seed)[1] for seed in range(6)]
    assert min(spliced) < 0.45 < 0.55 < max(spliced)


def test_a_blend_goes_towards_the_other_spectrum(sounds: Any) -> None:
    white = sounds.noise(1.0)
    dark = np.apply_along_axis(lambda x: np.convolve(x, np.ones(8) / 8, "same"), 1, white).astype(np.float32)
    analyses = [analyse(clip, sounds.rate, _SETTINGS) for clip in (white, dark)]
    treble = []
    for amount in (0.0, 0.5, 1.0):
        params = replace(ResynthParams(), morph="blend", morph_amount=amount)
        made = render(analyses, params, generator=np.random.default_rng(0))
        spectrum = np.square(np.abs(np.fft.rfft(made[0])))
        treble.append(spectrum[2000:].sum() / spectrum.sum())
    assert treble[0] > 1.5 * treble[1] > 2.25 * treble[2]


def test_the_number_of_threads_does_not_change_a_bit(sounds: Any) -> None:
    from threadpoolctl import threadpool_limits

    params = draw_params(ResynthSettings("speech", delta=1.0), num_parents=2, generator=np.random.default_rng(1))
    params = replace(params, morph="blend", morph_amount=0.5, morph_path=True, noise_redraw=0.5)
    made = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            analyses = [analyse(sounds.noise(4.0, seed=seed), sounds.rate, _SETTINGS) for seed in (1, 2)]
            made.append(render(analyses, params, generator=np.random.default_rng(0)))
    np.testing.assert_array_equal(*made)
