"""Cut long recordings into labelled clips: ``python cut_recordings.py frogs/calls.csv -o calls --background 5``.

The table has one row a call: ``recording, start_s, end_s, label`` and, where known, ``group`` (site, night, machine)
and ``split`` (train or test), with commas, semicolons or tabs between them. Recordings are named from the folder of
the table. A Raven selection table or an Audacity label track needs its columns renamed (``Begin Time (s)`` is
``start_s``, ``End Time (s)`` is ``end_s``), and one that names the recording. Stretches without any call become clips
of the label ``background``.
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


def read_table(table: Path) -> dict[str, list[dict[str, str]]]:
    """Rows of each recording; a table that would cut something else than it means ends the program."""
    try:
        lines = table.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SystemExit(f"{table} cannot be read as UTF-8 text: {error}") from error
    separator = max(",;\t", key=lines[0].count) if lines else ","
    calls = defaultdict(list)
    for number, row in enumerate(csv.DictReader(lines, delimiter=separator), start=2):
        missing = [name for name in ("recording", "start_s", "end_s", "label") if not row.get(name)]
        if missing:
            raise SystemExit(
                f"{table}: line {number} has no {', '.join(missing)}; its columns are {', '.join(map(str, row))}"
            )
        for name in ("group", "split"):
            if row.get(name) != calls.get(row["recording"], [row])[0].get(name):
                raise SystemExit(f"{table}: line {number} gives {row['recording']} a second {name}, expected one")
        calls[row["recording"]].append(row)
    if not calls:
        raise SystemExit(f"{table} lists no calls, expected a header and one row for each")
    return calls


def span_of(row: dict[str, str], whole_s: float) -> tuple[float, float]:
    """Where a call is, in seconds; one that is not inside its recording ends the program."""
    try:
        start_s, end_s = float(row["start_s"]), float(row["end_s"])
    except ValueError as error:
        raise SystemExit(f"{row['recording']}: {error}; expected seconds, as in 12.5") from error
    if not 0 <= start_s < end_s <= whole_s + 0.1:
        raise SystemExit(
            f"{row['recording']}: {row['label']} from {start_s:g} to {end_s:g} s is not inside its {whole_s:.2f} s; "
            "are these seconds, and of this recording?"
        )
    return start_s, end_s


def clip_names(recordings: list[str]) -> dict[str, str]:
    """What the clips of each recording are called; with folders where recorders gave two recordings one name."""
    stems = [Path(name).stem for name in recordings]
    whole = {name: "-".join(Path(name).with_suffix("").parts) for name in recordings}
    return {name: stem if stems.count(stem) == 1 else whole[name] for name, stem in zip(recordings, stems, strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True, help="folder for the clips, new or empty")
    parser.add_argument("--length", type=float, default=2.0, help="seconds of a clip; longer calls are kept whole")
    parser.add_argument("--background", type=int, default=5, help="clips without a call, of each recording")
    asked = parser.parse_args()
    if asked.out.exists() and any(asked.out.iterdir()):
        parser.error(f"{asked.out} is not empty; choose another folder")
    calls = read_table(asked.table)
    called = clip_names(sorted(calls))
    rows, counts = {}, defaultdict(int)
    for name, found in sorted(calls.items()):
        path = asked.table.parent / name
        try:
            whole_s = soundfile.info(path).duration
        except soundfile.LibsndfileError as error:
            raise SystemExit(f"{path}: {error.error_string}; recordings are named from {asked.table.parent}") from error
        busy = [window(*span_of(row, whole_s), asked.length, whole_s) for row in found]
        spans = [(span, row["label"]) for span, row in zip(busy, found, strict=True)]
        free = empty_windows(busy, asked.length, whole_s, asked.background, name)
        spans += [(span, "background") for span in free]
        rate = soundfile.info(path).samplerate
        for (start_s, end_s), label in spans:
            clip = asked.out / label / f"{called[name]}-{start_s:07.2f}.flac"
            if clip in rows:
                continue  # two calls in one window
            samples, _ = soundfile.read(path, start=int(start_s * rate), stop=int(end_s * rate), dtype="float32")
            clip.parent.mkdir(parents=True, exist_ok=True)
            encode(Recording(np.atleast_2d(samples.T), rate), clip)
            group, split = found[0].get("group") or called[name], found[0].get("split") or ""
            rows[clip] = [clip.relative_to(asked.out), label, group, split]
            counts[label] += 1
    with open(asked.out / "manifest.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["path", "label", "group", "split"], *rows.values()])
    print(f"wrote {len(rows)} clips: " + ", ".join(f"{count} {label}" for label, count in sorted(counts.items())))


if __name__ == "__main__":
    main()
