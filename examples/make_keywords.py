"""Stand-in for spoken keywords: ``python make_keywords.py keywords --words 8``. Nobody speaks in it.

Made-up words of two syllables from a source and three formants: a pulse train or noise through resonances. A speaker
is a pitch, a length of the vocal tract, a pace and a room. It sounds like a toy and is one: what it shares with the
real job is its shape, many words, few speakers, and a test on a speaker whom nobody has learned from.
"""

from __future__ import annotations

import argparse
import csv
from itertools import product
from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.signal import lfilter

from menura.audio import encode
from menura.datasets.demo import draw_conditions, record
from menura.seeding import item_generator
from menura.types import Recording

RATE = 16000
VOWELS = {"a": (730, 1090, 2440), "e": (530, 1840, 2480), "i": (270, 2290, 3010), "o": (570, 840, 2410)}
CONSONANTS = {"s": 5200, "sh": 2800, "t": 3600, "k": 1700, "m": 0, "l": 0}  # centre of the noise; 0 is voiced
SYLLABLES = [consonant + vowel for vowel, consonant in product(VOWELS, CONSONANTS)]


def words(count: int) -> list[str]:
    """The first words of a fixed, mixed list: ``sami``, …."""
    pairs = [first + second for first, second in product(SYLLABLES, SYLLABLES) if first != second]
    return [str(word) for word in item_generator(0, "words").permutation(pairs)[:count]]


def resonance(samples: NDArray[np.float64], centre_hz: float, width_hz: float) -> NDArray[np.float64]:
    radius, angle = np.exp(-np.pi * width_hz / RATE), 2 * np.pi * centre_hz / RATE
    return np.asarray(lfilter([1 - radius], [1, -2 * radius * np.cos(angle), radius**2], samples))


def syllable(text: str, pitch_hz: float, tract: float, length_s: float, take: Generator) -> NDArray[np.float64]:
    """A consonant and a vowel: voiced by a falling pitch, or noise."""
    consonant, vowel = text[:-1], text[-1]
    num_samples = int(length_s * RATE)
    glide_hz = pitch_hz * (1.08 - 0.16 * np.arange(num_samples) / num_samples) * np.exp(take.normal(0, 0.03))
    pulses = (np.diff(np.floor(np.cumsum(glide_hz) / RATE), prepend=0.0) > 0).astype(float)
    voiced = pulses + 0.01 * take.standard_normal(num_samples)
    sound = np.zeros(num_samples)
    for weight, formant_hz in zip((1.0, 0.7, 0.35), VOWELS[vowel], strict=True):
        centre_hz = formant_hz * tract * np.exp(take.normal(0, 0.02))
        sound += weight * resonance(voiced, centre_hz, 60 + 0.05 * formant_hz)
    sound *= np.hanning(num_samples) ** 0.4 / max(1e-9, float(np.max(np.abs(sound))))
    noise_hz = CONSONANTS[consonant]
    onset = int((0.03 if consonant in "tk" else 0.09) * RATE)
    if noise_hz:
        burst = resonance(take.standard_normal(onset), min(7000.0, noise_hz * tract), 900) * np.hanning(onset)
        return np.concatenate([0.6 * burst / np.max(np.abs(burst)), sound])
    hum = resonance(voiced[:onset], (280 if consonant == "m" else 420) * tract, 90) * np.hanning(onset)
    return np.concatenate([0.5 * hum / max(1e-9, float(np.max(np.abs(hum)))), sound])


def spoken(word: str, speaker: int, take: int, seed: int) -> NDArray[np.float64]:
    """One take of a word by a speaker, with the silence of a second around it."""
    who, how = item_generator(seed, "speaker", speaker), item_generator(seed, "take", word, speaker, take)
    pitch_hz, tract, pace = who.uniform(90, 240), who.uniform(0.88, 1.18), who.uniform(0.8, 1.25)
    split = next(k for k in range(2, len(word)) if word[:k] in SYLLABLES and word[k:] in SYLLABLES)
    parts = [
        syllable(text, pitch_hz, tract, 0.19 / pace * np.exp(how.normal(0, 0.1)), how)
        for text in (word[:split], word[split:])
    ]
    whole, spoken_samples = np.zeros(RATE), np.concatenate(parts)[: RATE - 200]
    start = int(how.integers(0, RATE - len(spoken_samples)))
    whole[start : start + len(spoken_samples)] = spoken_samples
    return record(whole, draw_conditions(who, split="test"), how, sample_rate=RATE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--words", type=int, default=50)
    parser.add_argument("--speakers", type=int, default=4)
    parser.add_argument("--takes", type=int, default=2, help="of each word by each speaker")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    rows = []
    for word, speaker, take in product(words(asked.words), range(asked.speakers), range(asked.takes)):
        path = asked.folder / word / f"speaker{speaker + 1}-{take}.flac"
        path.parent.mkdir(parents=True, exist_ok=True)
        samples = spoken(word, speaker, take, asked.seed)
        tags = {"software": "Menura", "comment": "procedural, no recording"}
        encode(Recording(samples[None].astype(np.float32), RATE), path, tags=tags)
        rows.append([path.relative_to(asked.folder), word, f"speaker{speaker + 1}"])
    with open(asked.folder / "manifest.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["path", "label", "speaker"], *rows])
    print(f"wrote {len(rows)} clips: {asked.words} words, {asked.speakers} speakers, {asked.takes} takes of each")


if __name__ == "__main__":
    main()
