"""Small files that promise, or hold, far more than they should: no memory is spent on the promise."""

from __future__ import annotations

import resource
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from tests.faults.sounds import write_sounds

from menura.audio.decode import decode, identify, probe
from menura.datasets import load
from menura.errors import AudioError, DatasetError
from menura.manifest import read_rows

ROOM = 512 << 20


@pytest.fixture(autouse=True)
def _little_room() -> Iterator[None]:
    """Half a gibibyte more than is in use, and no more."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def _wav(samples: int, *, rate: int, channels: int, data: bytes) -> bytes:
    size = min(samples * channels * 2, 2**32 - 1)
    form = struct.pack("<HHIIHH", 1, channels, rate, min(rate * channels * 2, 2**32 - 1), channels * 2, 16)
    return b"RIFF" + struct.pack("<I", min(size + 36, 2**32 - 1)) + b"WAVEfmt " + struct.pack("<I", 16) + form + (
        b"data" + struct.pack("<I", size) + data
    )  # fmt: skip


def _flac(path: Path, samples: int) -> None:
    """A FLAC whose header says so many samples; they are 36 bits of its stream information."""
    soundfile.write(path, np.zeros(800, dtype=np.float32), 8000, format="FLAC")
    data = bytearray(path.read_bytes())
    packed = int.from_bytes(data[18:26], "big")
    data[18:26] = ((packed >> 36 << 36) | samples).to_bytes(8, "big")
    path.write_bytes(bytes(data))


@pytest.mark.parametrize("channels", [1, 2, 1000])
def test_a_wav_header_of_two_to_the_31_samples_costs_nothing(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(_wav(2**31, rate=8000, channels=channels, data=b"\1\0" * 2000))
    try:
        recording = decode(path)
    except AudioError:
        return
    assert recording.waveform.size <= 2000


def test_a_flac_header_of_two_to_the_31_samples_costs_nothing(tmp_path: Path) -> None:
    _flac(tmp_path / "a.flac", 2**31)
    assert probe(tmp_path / "a.flac").num_samples == 2**31
    with pytest.raises(AudioError, match=r"declares 268435 s.*cut it into clips"):
        decode(tmp_path / "a.flac")


def test_an_ogg_whose_last_page_says_two_to_the_31_samples_costs_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.ogg"
    soundfile.write(path, np.zeros(8000, dtype=np.float32), 8000, format="OGG", subtype="VORBIS")
    data = bytearray(path.read_bytes())
    last = data.rindex(b"OggS")
    data[last + 6 : last + 14] = (2**31).to_bytes(8, "little")
    path.write_bytes(bytes(data))
    try:
        assert decode(path).waveform.size <= 16000
    except AudioError:
        return


def test_many_channels_at_a_high_rate_are_no_way_around_the_longest_duration(tmp_path: Path) -> None:
    path = tmp_path / "bomb.flac"
    with soundfile.SoundFile(path, "w", 192_000, 8, format="FLAC") as sink:
        for _ in range(4):
            sink.write(np.zeros((1 << 18, 8), dtype=np.int16))
    data = bytearray(path.read_bytes())
    packed = int.from_bytes(data[18:26], "big")
    data[18:26] = ((packed >> 36 << 36) | 3599 * 192_000).to_bytes(8, "big")
    path.write_bytes(bytes(data))
    assert len(data) < 1 << 20
    with pytest.raises(AudioError, match=r"3599 s in 8 channels at 192000 Hz.*cut it into clips"):
        decode(path)
    with pytest.raises(AudioError, match="cut it into clips"):
        identify(path)


def test_a_parquet_manifest_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "manifest.parquet"
    schema = pa.schema([("path", pa.string()), ("label", pa.string())])
    rows = pa.table({"path": pa.array(["a.wav"] * 2_000_000), "label": pa.array(["rain"] * 2_000_000)}, schema=schema)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for _ in range(11):
            writer.write_table(rows, row_group_size=2_000_000)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(DatasetError, match=r"holds 22000000 rows .* at most 20000000 rows"):
        read_rows(path)


def test_a_bomb_among_sounds_is_a_finding_and_the_rest_is_read(tmp_path: Path) -> None:
    folder = write_sounds(tmp_path / "sounds")
    _flac(folder / "rain" / "bomb.flac", 2**35)
    dataset = load(folder)
    assert len(dataset.clips) == 8
    assert [finding.kind for finding in dataset.findings] == ["unreadable"]
