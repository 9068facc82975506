from __future__ import annotations

import random
import sys

import numpy as np
import pytest

from menura.augmentation import classic
from menura.augmentation.classic import classic_copy, classic_is_available
from menura.errors import AudioError, BackendError
from menura.types import Recording

needs_extra = pytest.mark.skipif(not classic_is_available(), reason="audiomentations is not installed")


def _noise(channels: int, samples: int, rate: int) -> Recording:
    waveform = 0.3 * np.random.default_rng(0).standard_normal((channels, samples))
    return Recording(waveform.astype(np.float32), rate)


@needs_extra
@pytest.mark.parametrize(
    ("channels", "samples", "rate"), [(1, 1, 8000), (1, 1600, 8000), (2, 500, 8000), (8, 3000, 44_100), (1, 9, 192_000)]
)
def test_a_copy_has_the_form_of_its_clip_and_stays_within_full_scale(channels, samples, rate):
    recording = _noise(channels, samples, rate)
    for seed in range(12):
        copy = classic_copy(recording, generator=np.random.default_rng(seed))
        assert copy.sample_rate == rate
        assert copy.waveform.shape == (channels, samples)
        assert copy.waveform.dtype == np.float32
        assert np.isfinite(copy.waveform).all()
        assert np.abs(copy.waveform).max() <= 1


@needs_extra
def test_a_copy_depends_on_its_generator_alone():
    recording = _noise(1, 2000, 8000)
    first = [classic_copy(recording, generator=np.random.default_rng(seed)).waveform for seed in range(6)]
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002
    for seed in reversed(range(6)):
        again = classic_copy(recording, generator=np.random.default_rng(seed)).waveform
        assert np.array_equal(first[seed], again)
    assert len({waveform.tobytes() for waveform in first}) > 3


@needs_extra
def test_global_random_states_are_put_back_and_the_clip_is_left_alone():
    recording = _noise(1, 2000, 8000)
    before = recording.waveform.copy()
    states = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    classic_copy(recording, generator=np.random.default_rng(0))
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states  # noqa: NPY002
    assert np.array_equal(recording.waveform, before)


@needs_extra
def test_silence_stays_finite():
    copy = classic_copy(Recording(np.zeros((1, 4000), np.float32), 8000), generator=np.random.default_rng(1))
    assert np.isfinite(copy.waveform).all()


def test_without_the_extra_the_message_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "audiomentations", None)
    classic._chain.cache_clear()
    with pytest.raises(BackendError, match=r"pip install 'menura\[classic\]'"):
        classic_copy(_noise(1, 100, 8000), generator=np.random.default_rng(0))


def test_a_recording_without_samples_is_refused():
    with pytest.raises(AudioError, match="without samples"):
        classic_copy(Recording(np.zeros((1, 0), np.float32), 8000), generator=np.random.default_rng(0))
