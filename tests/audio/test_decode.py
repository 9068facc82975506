from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from menura.audio import clip_id, decode, encode, probe
from menura.errors import AudioError
from menura.types import Recording


def _tone(sample_rate: int = 16000, *, channels: int = 1, duration_s: float = 0.5) -> Recording:
    time_s = np.arange(round(sample_rate * duration_s)) / sample_rate
    tone = 0.5 * np.sin(2 * np.pi * 440 * time_s)
    return Recording(np.tile(tone, (channels, 1)).astype(np.float32), sample_rate)


def _wav_header(*, num_bytes: int, sample_rate: int = 8000) -> bytes:
    """Header of a 16-bit mono WAV file that declares any number of bytes."""
    chunk = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, sample_rate, 2 * sample_rate, 2, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", min(36 + num_bytes, 2**32 - 1), b"WAVE")
        + chunk
        + struct.pack("<4sI", b"data", num_bytes)
    )


@pytest.mark.parametrize(
    ("container", "subtype", "sample_rate", "tolerance"),
    [
        ("WAV", "PCM_16", 44100, 1 / 32768),
        ("WAV", "PCM_24", 96000, 1 / 2**23),
        ("WAV", "FLOAT", 8000, 0.0),
        ("WAV", "PCM_U8", 11025, 1 / 127),
        ("FLAC", "PCM_16", 22050, 1 / 32768),
        ("AIFF", "PCM_16", 16000, 1 / 32768),
        # Lossy: a steady tone comes back within a few per cent of its amplitude.
        ("OGG", "VORBIS", 44100, 0.05),
        ("OGG", "OPUS", 48000, 0.1),
        ("MP3", "MPEG_LAYER_III", 44100, 0.1),
    ],
)
def test_every_container_comes_back(
    tmp_path: Path, container: str, subtype: str, sample_rate: int, tolerance: float
) -> None:
    tone = _tone(sample_rate, channels=2)
    path = tmp_path / f"tone.{container.lower()}"
    soundfile.write(path, tone.waveform.T, sample_rate, format=container, subtype=subtype)
    read = decode(path)
    assert read.sample_rate == sample_rate
    assert read.waveform.dtype == np.float32
    assert read.waveform.shape[0] == 2
    inner = slice(1500, min(read.waveform.shape[1], tone.waveform.shape[1]) - 1500)
    assert np.abs(read.waveform[:, inner] - tone.waveform[:, inner]).max() <= tolerance + 1e-7
    assert probe(path).container == container
    assert probe(path).duration_s == pytest.approx(0.5, abs=0.06)


def test_eight_channels_keep_their_order(tmp_path: Path) -> None:
    levels = np.linspace(0.1, 0.8, 8, dtype=np.float32)[:, None] * np.ones((1, 100), np.float32)
    encode(Recording(levels, 8000), tmp_path / "eight.wav", container="WAV", subtype="FLOAT")
    assert np.array_equal(decode(tmp_path / "eight.wav").waveform, levels)


def test_a_clip_of_one_sample_is_a_clip(tmp_path: Path) -> None:
    encode(Recording(np.array([[0.25]], np.float32), 8000), tmp_path / "one.wav", container="WAV", subtype="FLOAT")
    assert decode(tmp_path / "one.wav").waveform.tolist() == [[0.25]]


def test_twenty_minutes_are_read(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.flac", np.zeros(20 * 60 * 8000, np.int16), 8000)
    assert decode(tmp_path / "long.flac").duration_s == 1200


def test_a_recording_over_the_limit_is_refused(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", np.zeros(8000 * 3, np.int16), 8000)
    with pytest.raises(AudioError, match=r"declares 3 s, at most 2 s are read; cut it into clips"):
        decode(tmp_path / "long.wav", max_duration_s=2)


def _missing(path: Path) -> None:
    pass


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _folder(path: Path) -> None:
    path.mkdir()


def _text(path: Path) -> None:
    path.write_text("this is not a sound")


def _without_samples(path: Path) -> None:
    path.write_bytes(_wav_header(num_bytes=0))


def _nan(path: Path) -> None:
    soundfile.write(path, np.array([0.0, np.nan, 1.0, np.inf]), 8000, subtype="FLOAT", format="WAV")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_missing, "does not exist"),
        (_empty, r"is empty \(0 bytes\)"),
        (_folder, "is a folder"),
        (_text, "is not audio that can be read"),
        (_without_samples, "holds no samples"),
        (_nan, "2 samples that are NaN or infinite"),
    ],
)
def test_what_is_not_a_recording_is_refused_with_the_reason(tmp_path: Path, make: object, message: str) -> None:
    path = tmp_path / "clip.wav"
    make(path)  # type: ignore[operator]
    with pytest.raises(AudioError, match=message):
        decode(path)


@pytest.mark.parametrize("rate", [1, 99, 10_000_001, 2**31 - 1])
@pytest.mark.parametrize("read", [probe, decode])
def test_an_impossible_sample_rate_is_refused(tmp_path: Path, rate: int, read: Callable[[Path], object]) -> None:
    header = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate % 2**32, 2, 16)
    data = struct.pack("<4sI4s", b"RIFF", 236, b"WAVE") + header + struct.pack("<4sI", b"data", 200) + bytes(200)
    (tmp_path / "x.wav").write_bytes(data)
    with pytest.raises(AudioError, match=f"a sample rate of {rate} Hz, expected 100 to 10000000"):
        read(tmp_path / "x.wav")


@pytest.mark.parametrize("rate", [100, 10_000_000])
def test_the_lowest_and_the_highest_sample_rate_are_read(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "x.wav", np.zeros(200), rate)
    assert decode(tmp_path / "x.wav").sample_rate == probe(tmp_path / "x.wav").sample_rate == rate


@pytest.mark.parametrize("read", [probe, decode])
def test_a_pipe_a_socket_or_a_device_is_refused_unopened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[Path], object]
) -> None:
    def opened(*unused: object, **ignored: object) -> None:
        raise AssertionError("it was opened")

    monkeypatch.setattr(soundfile, "SoundFile", opened)
    os.mkfifo(tmp_path / "pipe.wav")
    for path in (tmp_path / "pipe.wav", Path("/dev/zero")):
        with pytest.raises(AudioError, match="is a pipe, a socket or a device"):
            read(path)


def test_a_header_that_declares_far_too_much_costs_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "absurd.wav"
    path.write_bytes(_wav_header(num_bytes=2**32 - 100) + b"\0\1" * 800)
    assert _read_or_refuse(path) in ((1, 800), "refused")


def _read_or_refuse(path: Path) -> tuple[int, ...] | str:
    try:
        return decode(path).waveform.shape
    except AudioError as error:
        return "refused" if str(path) in str(error) else f"without the path: {error}"


@given(cut=st.integers(0, 400))
def test_a_file_cut_anywhere_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    path = tmp_path_factory.mktemp("cut") / "cut.flac"
    path.write_bytes(encode(_tone(8000, duration_s=0.1))[:cut])
    shape = _read_or_refuse(path)
    assert shape == "refused" or (shape[0] == 1 and 1 <= int(shape[1]) <= 800)


def test_the_id_of_a_clip_is_that_of_its_samples_and_rate(tmp_path: Path) -> None:
    tone = _tone(8000)
    steps = np.round(tone.waveform[0] * 32767).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", steps, 8000)
    soundfile.write(tmp_path / "b.flac", steps, 8000)
    assert clip_id(decode(tmp_path / "a.wav")) == clip_id(decode(tmp_path / "b.flac"))
    assert clip_id(Recording(tone.waveform, 16000)) != clip_id(tone)
    assert clip_id(Recording(tone.waveform[:, :-1], 8000)) != clip_id(tone)
    assert clip_id(Recording(tone.waveform.reshape(2, -1), 8000)) != clip_id(tone)
