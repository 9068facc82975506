from __future__ import annotations

import base64
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from menura.audio import encode
from menura.audio.picture import excerpt, heard_as_one, spectrogram_levels
from menura.errors import AudioError
from menura.report.media import MAX_EXCERPT_S, audio_uri, png_uri, sound_media
from menura.types import Recording, Waveform


def tone(frequency_hz: float, *, duration_s: float = 1.0, sample_rate: int = 16000, peak: float = 0.5) -> Recording:
    time_s = np.arange(round(duration_s * sample_rate)) / sample_rate
    return Recording((peak * np.sin(2 * np.pi * frequency_hz * time_s))[None].astype(np.float32), sample_rate)


def payload(uri: str, kind: str) -> bytes:
    head, _, body = uri.partition(",")
    assert head == f"data:{kind};base64"
    return base64.b64decode(body, validate=True)


@pytest.mark.parametrize("sample_rate", [4000, 16000, 22050, 44100, 48000, 96000])
def test_a_player_holds_the_same_sound_at_any_rate(sample_rate: int) -> None:
    sound = tone(700, sample_rate=sample_rate, peak=0.01)
    samples, rate = soundfile.read(io.BytesIO(payload(audio_uri(sound), "audio/mpeg")))
    assert 8000 <= rate <= 32000
    assert len(samples) / rate == pytest.approx(1.0, abs=0.15)  # MP3 pads to whole frames
    middle = samples[rate // 4 : 3 * rate // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert np.argmax(spectrum) * rate / len(middle) == pytest.approx(700, abs=5)
    assert np.max(np.abs(middle)) == pytest.approx(0.7, abs=0.05)


def test_silence_has_a_player_and_a_picture_too() -> None:
    silence = Recording(np.zeros((1, 1), np.float32), 16000)
    assert len(payload(audio_uri(silence), "audio/mpeg")) > 0
    assert spectrogram_levels(silence).shape == (72, 200)


@pytest.mark.parametrize("waveform", [np.zeros((1, 8000), np.float32), np.full((1, 8000), 1e-7, np.float32)])
def test_the_picture_of_silence_is_dark(waveform: Waveform) -> None:
    assert spectrogram_levels(Recording(waveform, 8000)).max() == 0


def test_the_picture_does_not_depend_on_the_level() -> None:
    loud = spectrogram_levels(tone(700, peak=0.5)).astype(int)
    assert np.abs(spectrogram_levels(tone(700, peak=5e-5)).astype(int) - loud).max() <= 1  # -86 dBFS; one of 48 levels


def test_channels_of_opposite_phase_are_heard_and_seen(tmp_path: Path) -> None:
    sound, path = tone(700).waveform, tmp_path / "opposite.wav"
    path.write_bytes(encode(Recording(np.concatenate([sound, -sound]), 16000), container="WAV"))
    samples, _ = soundfile.read(io.BytesIO(payload(sound_media(str(path)).audio, "audio/mpeg")))
    assert np.max(np.abs(samples)) > 0.5
    np.testing.assert_array_equal(heard_as_one(np.concatenate([sound, -2 * sound])), -0.5 * sound)
    np.testing.assert_array_equal(heard_as_one(np.concatenate([sound, -1.1 * sound])), -1.1 * sound)


def test_channels_that_do_not_cancel_are_averaged() -> None:
    noise = np.random.default_rng(0).standard_normal((4, 4000)).astype(np.float32)
    np.testing.assert_array_equal(heard_as_one(noise), noise.mean(axis=0, keepdims=True))


def test_the_excerpt_of_a_long_clip_is_where_the_sound_is() -> None:
    waveform = np.full((1, 20 * 1000), 1e-3, np.float32)
    waveform[0, 12_000:13_000] = 0.5
    cut = excerpt(waveform, 1000, length_s=MAX_EXCERPT_S)
    assert cut.shape == (1, round(MAX_EXCERPT_S * 1000))
    assert np.count_nonzero(cut > 0.4) == 1000
    assert excerpt(cut, 1000, length_s=MAX_EXCERPT_S) is cut


def test_a_tone_is_a_bright_line_at_its_height() -> None:
    low, high = (spectrogram_levels(tone(frequency_hz)).mean(axis=1) for frequency_hz in (300, 5000))
    assert low.argmax() > high.argmax()  # high frequencies are on top
    assert low.max() > 40
    assert np.median(low) < 10


def test_the_picture_is_a_valid_png_of_the_levels() -> None:
    levels = np.arange(48, dtype=np.uint8).reshape(4, 12)
    data = payload(png_uri(levels), "image/png")
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length]) == (zlib.crc32(kind + body),)
        chunks[kind] = body
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    assert struct.unpack(">II", chunks[b"IHDR"][:8]) == (12, 4)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(4, 13)
    assert np.array_equal(rows[:, 1:], levels)
    assert len(chunks[b"PLTE"]) == 3 * 48


def test_a_clip_of_many_channels_is_mixed_to_one(tmp_path: Path) -> None:
    left = tone(500, duration_s=7.0).waveform
    encode(Recording(np.concatenate([left, 0 * left, left]), 16000), tmp_path / "three.flac")
    media = sound_media(str(tmp_path / "three.flac"))
    assert (media.excerpt_s, media.duration_s, media.top_hz) == (5.0, 7.0, 8000.0)
    samples, _ = soundfile.read(io.BytesIO(payload(media.audio, "audio/mpeg")))
    assert samples.ndim == 1


def test_a_missing_clip_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"gone\.wav does not exist"):
        sound_media(str(tmp_path / "gone.wav"))
