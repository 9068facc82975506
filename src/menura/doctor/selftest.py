"""A second of work of every kind that a run needs: write, make a sound, store it, read it back, hear it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from menura.doctor.section import Section, first_line
from menura.types import JsonValue, Recording

__all__ = ["self_test"]

_RATE = 16_000


def self_test(steps: dict[str, Callable[[Path], str]] | None = None) -> Section:
    """Runs each step in a folder of its own that is removed afterwards.

    Args:
        steps: Name to what is tried; it says what it found, or raises. None takes all of :func:`steps_of_a_run`.
    """
    facts: dict[str, JsonValue] = {}
    problems = []
    try:
        with tempfile.TemporaryDirectory(prefix="menura-doctor-") as name:
            for what, attempt in (steps or steps_of_a_run()).items():
                try:
                    facts[what] = attempt(Path(name))
                except Exception as error:  # finding out what fails is the purpose
                    facts[what] = f"failed: {first_line(error)}"
                    problems.append(f"self-test '{what}' failed ({first_line(error)})")
    except OSError as error:
        problems.append(f"the self-test has no temporary folder ({first_line(error)}): set TMPDIR to a folder of yours")
    return Section("self_test", "Self-test", facts, tuple(problems))


def steps_of_a_run() -> dict[str, Callable[[Path], str]]:
    """What a run does, in small."""
    return {
        "write a file": _write,
        "make a sound": lambda folder: f"{_sound().waveform.shape[1]} samples",
        "store it as FLAC and read it back": _round_trip,
        "hear it with both encoders": _embed,
        "table of a shard": _table,
    }


def _sound() -> Recording:
    from menura.datasets.sounds import render_sound
    from menura.seeding import item_generator

    waveform = render_sound("siren", item_generator(0, "doctor"), duration_s=0.5, sample_rate=_RATE)
    return Recording(0.3 * np.asarray(waveform, dtype=np.float32)[None], _RATE)


def _write(folder: Path) -> str:
    from menura.files import write_bytes

    write_bytes(folder / "file", b"menura")
    if (folder / "file").read_bytes() != b"menura":
        raise ValueError("the file holds something else than what was written")
    return "works"


def _round_trip(folder: Path) -> str:
    from menura.audio import decode, encode

    sound = _sound()
    encode(sound, folder / "sound.flac")
    back = decode(folder / "sound.flac")
    error = float(np.abs(back.waveform - sound.waveform).max())
    if back.sample_rate != _RATE or error > 0.5 / 32768 + 1e-7:
        raise ValueError(f"it came back at {back.sample_rate} Hz with an error of {error:g}")
    return "works, to half a step of 16 bits"


def _embed(folder: Path) -> str:
    from menura.backends.registry import load_encoder

    embedding = load_encoder("acoustic+scenes").embed([_sound()])
    if not np.isfinite(embedding).all() or not np.any(embedding):
        raise ValueError("the embedding is empty or not finite")
    return f"{embedding.shape[1]} numbers"


def _table(folder: Path) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table({"id": ["a", "b"], "number": [1.0, 2.0]})
    pq.write_table(table, folder / "table.parquet", compression="zstd", write_page_checksum=True)
    if not pq.ParquetFile(folder / "table.parquet", page_checksum_verification=True).read().equals(table):
        raise ValueError("the table came back otherwise")
    return "works"
