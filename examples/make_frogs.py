"""Stand-in for field recordings of frogs: ``python make_frogs.py frogs``. Nothing in it was ever alive.

Writes long "recordings" of ten ponds and a table of who calls when, as one gets from Audacity or Raven. The calls are
pulse trains, the nights around them wind, rain, insects and machines, all procedural. The real job has the same shape:
three calls of the rare species last year, and recordings of other ponds this year to test on.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from menura.audio import encode
from menura.datasets.demo import draw_conditions, record
from menura.datasets.sounds import coloured_noise, render_sound
from menura.seeding import item_generator
from menura.types import Recording

RATE = 16000
NIGHT_S = 30.0
SPECIES = {  # frequency in Hz, pulses a second, pulses in a call, how far the pitch rises within a pulse
    "rare_frog": (1900.0, 14.0, 9, 0.10),
    "tree_frog": (2400.0, 22.0, 12, 0.0),
    "toad": (1450.0, 9.0, 6, 0.0),
}
LAST_YEAR = {  # what the person has: three calls of the rare frog, from two ponds
    "pond-1": {"rare_frog": 2, "tree_frog": 3, "toad": 2},
    "pond-2": {"rare_frog": 1, "tree_frog": 2, "toad": 3},
    "pond-3": {"tree_frog": 3, "toad": 2},
    "pond-4": {"tree_frog": 2, "toad": 3},
}
THIS_YEAR = {f"pond-{k}": {"rare_frog": 3, "tree_frog": 2, "toad": 2} for k in range(5, 11)}


def call(species: str, voice: Generator, take: Generator) -> NDArray[np.float64]:
    """One call: ``voice`` draws what belongs to the animal, ``take`` what changes from call to call."""
    carrier_hz, rate_hz, pulses, rise = SPECIES[species]
    carrier_hz *= float(np.exp(voice.normal(0, 0.06))) * float(np.exp(take.normal(0, 0.015)))
    rate_hz *= float(np.exp(voice.normal(0, 0.10))) * float(np.exp(take.normal(0, 0.04)))
    pulses += int(voice.integers(-1, 2)) + int(take.integers(-1, 2))
    time_s = np.arange(int(0.75 * RATE / rate_hz)) / RATE
    sweep_hz = carrier_hz * (1 + rise * time_s / time_s[-1])
    phase = 2 * np.pi * np.cumsum(sweep_hz) / RATE
    pulse = (np.sin(phase) + 0.3 * np.sin(2 * phase)) * np.hanning(len(phase)) ** 0.7
    whole = np.zeros(int((pulses + 1) * RATE / rate_hz))
    for k in range(pulses):
        start = int((k + 0.05 * take.standard_normal() + 0.2) * RATE / rate_hz)
        part = pulse[: max(0, len(whole) - max(0, start))]
        whole[max(0, start) : max(0, start) + len(part)] += part * min(1.0, 0.4 + 0.2 * k)
    return whole / np.max(np.abs(whole))


def night(pond: str, calls: dict[str, int], split: str, seed: int) -> tuple[Recording, list[tuple[float, float, str]]]:
    """A recording of one night, and when who called."""
    generator = item_generator(seed, "frogs", pond)
    num_samples = int(NIGHT_S * RATE)
    quiet = 0.05 * coloured_noise(generator, num_samples, float(generator.uniform(-5, -1)))
    others = ("wind", "rain", "crackle", "chirp") if split == "train" else ("wind", "rain", "engine", "footsteps")
    for name in generator.choice(others, 2, replace=False):  # this year a road is near: nobody has trained on it
        quiet += generator.uniform(0.02, 0.12) * render_sound(
            str(name), generator, duration_s=NIGHT_S, sample_rate=RATE
        )
    wanted = [species for species, count in calls.items() for _ in range(count)]
    slots_s = np.arange(1.0, NIGHT_S - 3.0, 2.5)
    starts_s = sorted(generator.choice(slots_s, len(wanted), replace=False))
    heard = []
    for start_s, species in zip(starts_s, generator.permutation(wanted), strict=True):
        sound = call(str(species), item_generator(seed, pond, str(species)), generator)
        start = int(start_s * RATE)
        quiet[start : start + len(sound)] += generator.uniform(0.15, 0.6) * sound
        heard.append((round(float(start_s), 2), round(float(start_s) + len(sound) / RATE, 2), str(species)))
    samples = record(quiet, draw_conditions(generator, split=split), generator, sample_rate=RATE)
    return Recording(samples[None].astype(np.float32), RATE), heard


def main(folder: Path, seed: int = 0) -> None:
    (folder / "recordings").mkdir(parents=True, exist_ok=True)
    with open(folder / "calls.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["recording", "start_s", "end_s", "label", "group", "split"])
        for ponds, split in ((LAST_YEAR, "train"), (THIS_YEAR, "test")):
            for pond, calls in ponds.items():
                recording, heard = night(pond, calls, split, seed)
                name = f"recordings/{pond}.flac"
                encode(recording, folder / name, tags={"software": "Menura", "comment": "procedural, no recording"})
                table.writerows([name, start_s, end_s, label, pond, split] for start_s, end_s, label in heard)
    print(f"wrote {len(LAST_YEAR) + len(THIS_YEAR)} recordings of {NIGHT_S:.0f} s and {folder}/calls.csv")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "frogs"))
