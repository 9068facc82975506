from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.backends.windows import window_starts, windows_of
from menura.errors import AudioError
from menura.types import Recording


@given(num_samples=st.integers(1, 5000), window=st.integers(1, 700))
def test_windows_cover_every_sample_and_stay_inside(num_samples: int, window: int) -> None:
    starts = window_starts(num_samples, window)
    assert starts == sorted(starts)
    assert len(starts) == max(1, -(-num_samples // window))
    heard = np.zeros(num_samples, bool)
    for start in starts:
        heard[start : start + window] = True
    assert heard.all()
    assert starts[-1] == max(0, num_samples - window)


def test_a_window_is_the_mean_over_channels_at_the_rate_of_the_model() -> None:
    ramp = np.arange(1000, dtype=np.float32)
    windows = windows_of(Recording(np.stack([ramp, 3 * ramp]), 1000), sample_rate=1000, window_s=0.4)
    assert [len(window) for window in windows] == [400, 400, 400]
    np.testing.assert_array_equal(windows[0], 2 * ramp[:400])
    np.testing.assert_array_equal(windows[-1], 2 * ramp[600:])
    halved = windows_of(Recording(np.stack([ramp]), 1000), sample_rate=500, window_s=10.0)
    assert [len(window) for window in halved] == [500]


def test_a_clip_that_is_too_short_is_repeated() -> None:
    short = Recording(np.array([[1.0, 2.0, 3.0]], np.float32), 100)
    [window] = windows_of(short, sample_rate=100, window_s=1.0, least_s=0.07)
    np.testing.assert_array_equal(window, [1, 2, 3, 1, 2, 3, 1])


def test_an_empty_waveform_is_refused() -> None:
    with pytest.raises(AudioError, match="expected samples"):
        windows_of(Recording(np.zeros((1, 0), np.float32), 100), sample_rate=100, window_s=1.0)
