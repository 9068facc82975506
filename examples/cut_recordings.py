"""Cut long recordings into labelled clips: ``python cut_recordings.py frogs/calls.csv -o calls --background 5``.

The table has one row a call: ``recording, start_s, end_s, label`` and, where known, ``group`` (site, night, machine)
and ``split`` (train or test). Recordings are named from the folder of the table. A Raven selection table or an Audacity
label track needs its columns renamed, and one that names the recording. Stretches without any call become clips of the
label ``background``.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import numpy as np
import soundfile

from menura.audio import encode
from menura.seeding import item_generator
from menura.types import Recording


def window(start_s: float, end_s: float, length_s: float, whole_s: float) -> tuple[float, float]:
    """A window of at least ``length_s`` around a call, inside the recording: length must not give the label away."""
    middle, half = (start_s + end_s) / 2, max(length_s, end_s - start_s) / 2
    first = min(max(0.0, middle - half), max(0.0, whole_s - 2 * half))
    return first, min(whole_s, first + 2 * half)


def empty_windows(
    busy: list[tuple[float, float]], length_s: float, whole_s: float, wanted: int, name: str
) -> list[tuple[float, float]]:
    """Up to ``wanted`` windows, drawn by chance, that touch no call and not each other."""
    generator, free = item_generator(0, "background", name), []
    for first in generator.permutation(np.arange(0.0, whole_s - length_s, length_s)):
        if len(free) < wanted and all(first + length_s < start or first > end for start, end in busy):
            free.append((float(first), float(first) + length_s))
    return sorted(free)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the clips, new or empty")
    parser.add_argument("--length", type=float, default=2.0, help="seconds of a clip; longer calls are kept whole")
    parser.add_argument("--background", type=int, default=5, help="clips without a call, of each recording")
    asked = parser.parse_args()
    if asked.out.exists() and any(asked.out.iterdir()):
        parser.error(f"{asked.out} is not empty; choose another folder")
    with open(asked.table, encoding="utf-8", newline="") as file:
        calls = defaultdict(list)
        for row in csv.DictReader(file):
            calls[row["recording"]].append(row)
    rows, counts = [], defaultdict(int)
    for name, found in sorted(calls.items()):
        path, busy = asked.table.parent / name, [(float(row["start_s"]), float(row["end_s"])) for row in found]
        whole_s = soundfile.info(path).duration
        busy = [window(*span, asked.length, whole_s) for span in busy]
        spans = [(span, row["label"]) for span, row in zip(busy, found, strict=True)]
        free = empty_windows(busy, asked.length, whole_s, asked.background, name)
        spans += [(span, "background") for span in free]
        rate = soundfile.info(path).samplerate
        for (start_s, end_s), label in spans:
            samples, _ = soundfile.read(path, start=int(start_s * rate), stop=int(end_s * rate), dtype="float32")
            clip = asked.out / label / f"{Path(name).stem}-{start_s:07.2f}.flac"
            clip.parent.mkdir(parents=True, exist_ok=True)
            encode(Recording(np.atleast_2d(samples.T), rate), clip)
            group, split = found[0].get("group") or Path(name).stem, found[0].get("split") or ""
            rows.append([clip.relative_to(asked.out), label, group, split])
            counts[label] += 1
    with open(asked.out / "manifest.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["path", "label", "group", "split"], *rows])
    print(f"wrote {len(rows)} clips: " + ", ".join(f"{count} {label}" for label, count in sorted(counts.items())))


if __name__ == "__main__":
    main()
