"""Which requests share a call, what happens when memory is full, and what becomes of a model's samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from menura.backends.text_to_audio.calls import is_out_of_memory, render_all, shared_calls
from menura.backends.text_to_audio.clips import as_channels, finished
from menura.errors import BackendError


@given(st.lists(st.integers(0, 3)), st.integers(1, 4))
def test_a_call_holds_equal_keys_in_order_and_nothing_is_lost(keys: list[int], most: int) -> None:
    items = list(enumerate(keys))
    calls = shared_calls(items, lambda item: item[1], most=most)
    assert sorted(item for call in calls for item in call) == items
    for call in calls:
        assert 1 <= len(call) <= most
        assert len({key for _, key in call}) == 1
        assert call == sorted(call)


class Pipe:
    """Runs out of memory on calls of more than so many."""

    def __init__(self, room: int, error: BaseException) -> None:
        self.room, self.error = room, error
        self.sizes: list[int] = []

    def __call__(self, call: Sequence[int]) -> list[int]:
        self.sizes.append(len(call))
        if len(call) > self.room:
            raise self.error
        return [10 * item for item in call]


def errors() -> list[BaseException]:
    torch: Any = pytest.importorskip("torch")
    return [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA error: out of memory"),
    ]


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each time that memory was let go, which takes half a second beside the model libraries."""
    times: list[int] = []
    monkeypatch.setattr("menura.backends.text_to_audio.calls.gc.collect", lambda: times.append(1))
    return times


@pytest.mark.parametrize("number", range(4))
def test_a_call_that_runs_out_of_memory_is_halved_and_the_next_ones_too(number: int, collected: list[int]) -> None:
    pipe = Pipe(2, errors()[number])
    made = render_all([list(range(8)), list(range(8, 12)), [12]], pipe)
    assert made == [10 * item for item in range(13)]
    assert pipe.sizes == [8, 4, 2, 2, 2, 2, 2, 2, 1]
    assert len(collected) == 2  # after the call of 8 and the call of 4


def test_no_room_for_a_single_clip_is_an_error_that_says_what_to_do(collected: list[int]) -> None:
    with pytest.raises(BackendError, match="on a single clip: take precision float16"):
        render_all([[1, 2, 3]], Pipe(0, MemoryError()))
    assert len(collected) == 2


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    pipe = Pipe(0, RuntimeError("shapes do not match"))
    with pytest.raises(RuntimeError, match="shapes do not match"):
        render_all([[1, 2]], pipe)
    assert pipe.sizes == [2]
    assert not is_out_of_memory(ValueError("memory of an elephant"))


def settings(**changed: Any) -> dict[str, Any]:
    return {"sample_rate": 8000, "num_samples": 4000, "channels": 1, "target_dbfs": -1.0} | changed


def tone(rate: int, duration_s: float, level: float = 0.1) -> np.ndarray:
    return (level * np.sin(2 * np.pi * 440 * np.arange(round(rate * duration_s)) / rate))[None].astype(np.float32)


@pytest.mark.parametrize("duration_s", [0.2, 0.5, 0.9])
def test_a_clip_is_as_long_as_asked_whatever_the_model_gave(duration_s: float) -> None:
    made = finished(tone(16_000, duration_s), 16_000, **settings())
    assert made.shape == (1, 4000)
    heard = min(4000, round(duration_s * 8000))
    assert np.abs(made[:, heard + 1 :]).max(initial=0.0) == 0
    assert np.abs(made).max() == pytest.approx(10 ** (-1 / 20), rel=1e-6)


def test_the_pitch_survives_the_change_of_rate() -> None:
    made = finished(tone(44_100, 1.0), 44_100, **settings(num_samples=8000))
    assert np.argmax(np.abs(np.fft.rfft(made[0]))) == 440


def test_silence_is_not_made_loud_and_nothing_passes_full_scale() -> None:
    quiet = finished(tone(8000, 0.5, 5e-4), 8000, **settings())
    assert np.abs(quiet).max() == pytest.approx(5e-4, rel=1e-2)
    loud = finished(tone(8000, 0.5, 30.0), 8000, **settings(target_dbfs=None))
    assert np.abs(loud).max() == pytest.approx(1.0)
    kept = finished(tone(8000, 0.5, 0.3), 8000, **settings(target_dbfs=None))
    assert np.abs(kept).max() == pytest.approx(0.3, rel=1e-3)


def test_numbers_that_are_not_finite_are_refused_with_the_likely_cause() -> None:
    with pytest.raises(BackendError, match="half precision overflows"):
        finished(np.array([[0.0, np.inf]], np.float32), 8000, **settings())


def test_channels_are_averaged_or_repeated() -> None:
    stereo = np.array([[1.0, 0.0], [0.0, 0.5]], np.float32)
    np.testing.assert_array_equal(as_channels(stereo, 1), [[0.5, 0.25]])
    np.testing.assert_array_equal(as_channels(stereo, 2), stereo)
    np.testing.assert_array_equal(as_channels(stereo[:1], 2), [[1.0, 0.0], [1.0, 0.0]])
