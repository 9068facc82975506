"""A small labelled dataset that Menura makes itself: what the demo and the tests train on.

The training clips come from two devices in two small rooms, the test clips from places and devices that no training
clip has seen: other rooms, microphones, noise floors and levels, and every test source (bell, engine, …) is new.
That is the situation of most people with a small dataset, and the reason why a classifier disappoints them outside.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.random import Generator

from menura.datasets.sounds import SOUNDS, Samples, coloured_noise, render_sound
from menura.errors import DatasetError
from menura.files import TEMPORARY_PREFIX, remove_leftovers_of_the_dead, write_text
from menura.seeding import item_generator

__all__ = ["LICENCE", "RecordingConditions", "draw_conditions", "make_demo_dataset", "record"]

LICENCE = "CC0-1.0"
_MIN_RATE_HZ = 8000
_SHORTEST_S, _LONGEST_S = 2.0, 3.0
_TAKES_PER_TEST_SOURCE = 2
_MANIFEST = "manifest.csv"
_README = """# Demo sounds

Ten labels of procedural sounds, made by `menura demo` from seed {seed}. No recording of anything is in here.
`train` was "recorded" by two devices in two small rooms; `test` elsewhere: other rooms, microphones, noise and levels.
`manifest.csv` lists each clip; clips of one source share a group. Licence: CC0-1.0.
"""


@dataclass(frozen=True, slots=True)
class RecordingConditions:
    """Where and with what a source was recorded.

    Attributes:
        decay_s: Time in which the room's reverberation falls by 60 dB.
        wet_db: Reverberation against the direct sound.
        tilt_db_per_octave: Slope of the microphone's response.
        low_cut_hz, high_cut_hz: Its band.
        noise_db: Noise floor against the sound.
        noise_tilt_db_per_octave: Colour of the noise.
        hum_db: Mains hum against the noise.
        level_dbfs: RMS level of the clip.
    """

    decay_s: float
    wet_db: float
    tilt_db_per_octave: float
    low_cut_hz: float
    high_cut_hz: float
    noise_db: float
    noise_tilt_db_per_octave: float
    hum_db: float
    level_dbfs: float


_DEVICES = (
    RecordingConditions(0.18, -14.0, -1.0, 90.0, 7400.0, -34.0, -2.0, -30.0, -28.0),
    RecordingConditions(0.30, -9.0, 1.0, 160.0, 6600.0, -30.0, -3.0, -20.0, -26.0),
)


def draw_conditions(generator: Generator, *, split: str) -> RecordingConditions:
    """Conditions of one training clip (one of two devices, small variation) or one test clip (anything else)."""
    between = generator.uniform
    if split == "train":
        device = _DEVICES[generator.integers(len(_DEVICES))]
        return RecordingConditions(
            device.decay_s * between(0.9, 1.1), device.wet_db + between(-2, 2),
            device.tilt_db_per_octave + between(-0.3, 0.3), device.low_cut_hz, device.high_cut_hz,
            device.noise_db + between(-3, 3), device.noise_tilt_db_per_octave + between(-0.3, 0.3),
            device.hum_db + between(-3, 3), device.level_dbfs + between(-3, 3),
        )  # fmt: skip
    return RecordingConditions(
        between(0.1, 1.2), between(-14, 0), between(-3.5, 3.5), between(30, 320), between(3600, 7600),
        between(-28, -8), between(-6, 1), between(-30, 0), between(-38, -22),
    )  # fmt: skip


def record(samples: Samples, conditions: RecordingConditions, generator: Generator, *, sample_rate: int) -> Samples:
    """The sound as the conditions would record it, ``[samples]``, with noise in every sample.

    Args:
        samples: Dry sound ``[samples]``.
        conditions: Where and with what.
        generator: Random state of this recording (room and noise).
        sample_rate: In Hz.
    """
    wet = _through_microphone(_in_room(samples, conditions, generator, sample_rate), conditions, sample_rate)
    noise = coloured_noise(generator, len(wet), conditions.noise_tilt_db_per_octave)
    hum_hz = float(generator.choice([50.0, 60.0]))
    time_s = np.arange(len(wet)) / sample_rate
    hum = sum(np.sin(2 * np.pi * k * hum_hz * time_s) / k for k in (1, 2, 3, 5))
    floor = noise + 10 ** (conditions.hum_db / 20) * hum
    heard = wet / _rms(wet) + 10 ** (conditions.noise_db / 20) * floor / _rms(floor)
    gain = min(10 ** (conditions.level_dbfs / 20) / _rms(heard), 0.95 / float(np.max(np.abs(heard))))
    return np.asarray(gain * heard)


def make_demo_dataset(
    folder: str | Path,
    *,
    seed: int = 0,
    clips_per_label: tuple[int, int] = (5, 20),
    sample_rate: int = 16000,
) -> Path:
    """Writes the demo dataset and returns its folder. Equal arguments leave equal bytes.

    Args:
        folder: Where to write: ``train/<label>/…flac``, ``test/<label>/…flac``, ``manifest.csv`` (path, label,
            split, group, licence) and a README. A demo dataset that is there already, or the beginning of one, is
            replaced.
        seed: Seed of everything that is drawn.
        clips_per_label: Training and test clips of each of the ten labels; two test clips share a source.
        sample_rate: In Hz, at least 8000.

    Raises:
        DatasetError: The folder holds something else, or an argument is impossible.
    """
    folder = Path(folder)
    num_train, num_test = clips_per_label
    if min(num_train, num_test) < 1:
        raise DatasetError(f"clips_per_label is {clips_per_label}, expected at least one for training and for test")
    if sample_rate < _MIN_RATE_HZ:
        raise DatasetError(f"sample_rate is {sample_rate}, the demo sounds need at least {_MIN_RATE_HZ} Hz")
    _make_room(folder)
    write_text(folder / "README.md", _README.format(seed=seed))  # first: it says whose folder this is
    rows = []
    for split, count, takes in (("train", num_train, 1), ("test", num_test, _TAKES_PER_TEST_SOURCE)):
        for label in SOUNDS:
            for index in range(count):
                group = f"{split}-{label}-{index // takes:02d}"
                path = f"{split}/{label}/{label}-{index:03d}.flac"
                _write_take(folder / path, seed, group, label, split, index % takes, sample_rate)
                rows.append((path, label, split, group, LICENCE))
    table = io.StringIO()
    csv.writer(table, lineterminator="\n").writerows([("path", "label", "split", "group", "licence"), *rows])
    write_text(folder / _MANIFEST, table.getvalue())
    return folder


def _write_take(path: Path, seed: int, group: str, label: str, split: str, take: int, sample_rate: int) -> None:
    """One clip: the source is drawn from the group, the take, length and recording from the clip."""
    from menura.audio import encode
    from menura.types import Recording

    clip = item_generator(seed, "demo", group, "take", take)
    duration_s = round(float(clip.uniform(_SHORTEST_S, _LONGEST_S)), 2)
    source = item_generator(seed, "demo", group, "source")
    whole = render_sound(label, source, duration_s=_TAKES_PER_TEST_SOURCE * _LONGEST_S, sample_rate=sample_rate)
    start = int((take * _LONGEST_S + clip.uniform(0, _LONGEST_S - duration_s)) * sample_rate)
    dry = whole[start : start + round(duration_s * sample_rate)]
    heard = record(dry, draw_conditions(clip, split=split), clip, sample_rate=sample_rate)
    path.parent.mkdir(parents=True, exist_ok=True)
    tags = {"title": f"{label} (procedural)", "software": "Menura", "license": LICENCE}
    encode(Recording(heard[None].astype(np.float32), sample_rate), path, tags=tags)


def _make_room(folder: Path) -> None:
    """Removes an earlier demo dataset, and nothing else."""
    import shutil

    if folder.is_file():
        raise DatasetError(f"{folder} is a file, expected a folder for the demo dataset")
    if not folder.exists() or all(path.name.startswith(TEMPORARY_PREFIX) for path in folder.iterdir()):
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers_of_the_dead(folder)
        return
    readme = folder / "README.md"
    if not (readme.is_file() and readme.read_text(encoding="utf-8", errors="replace").startswith("# Demo sounds")):
        raise DatasetError(f"{folder} is not empty and holds no demo dataset; choose another folder")
    remove_leftovers_of_the_dead(folder)
    (folder / _MANIFEST).unlink(missing_ok=True)
    for name in ("train", "test"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _in_room(samples: Samples, conditions: RecordingConditions, generator: Generator, sample_rate: int) -> Samples:
    from scipy.signal import oaconvolve

    time_s = np.arange(int(conditions.decay_s * sample_rate) + 1) / sample_rate
    tail = generator.standard_normal(len(time_s)) * 10 ** (-3 * time_s / conditions.decay_s)
    tail[: int(0.004 * sample_rate)] = 0.0
    echo = oaconvolve(samples, tail)[: len(samples)]
    return np.asarray(samples + 10 ** (conditions.wet_db / 20) * echo * _rms(samples) / _rms(echo))


def _through_microphone(samples: Samples, conditions: RecordingConditions, sample_rate: int) -> Samples:
    """A tilt around 1 kHz and two slopes of 12 dB an octave outside the band, without change of phase."""
    spectrum = np.fft.rfft(samples, 2 * len(samples))
    frequencies_hz = np.maximum(1.0, np.fft.rfftfreq(2 * len(samples), 1 / sample_rate))
    octaves = np.clip(np.log2(frequencies_hz / 1000.0), -4, 3)
    response = 10 ** (conditions.tilt_db_per_octave * octaves / 20)
    response /= np.sqrt(1 + (conditions.low_cut_hz / frequencies_hz) ** 4)
    response /= np.sqrt(1 + (frequencies_hz / conditions.high_cut_hz) ** 4)
    return np.asarray(np.fft.irfft(spectrum * response)[: len(samples)])


def _rms(samples: Samples) -> float:
    return max(1e-9, float(np.sqrt(np.mean(np.square(samples)))))
