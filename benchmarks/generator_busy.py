"""Share of the wall time of a run in which a heavy generator works, while its clips are judged and stored.

    python benchmarks/generator_busy.py shared/data/esc10                        # resynth, on a processor
    python benchmarks/generator_busy.py shared/data/esc10 --generator stable-audio:stabilityai/stable-audio-open-1.0

Makes the same run twice from the real clips of a dataset: one shard at a time, and two at a time as a run with a heavy
generator does it. The share is the generator's seconds over the time from the first request to the last shard, without
loading and calibration. On a processor ``resynth`` takes a core of its own, as a model would take a graphics card.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path
from unittest.mock import patch

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
from menura.config import AmountSettings, GeneratorSettings, ModelSettings, RunSettings
from menura.datasets import load
from menura.pipeline import engine, execute
from menura.recipes.augment import augment


def busy(folder: Path, data: str, settings: RunSettings, *, heavy: bool) -> tuple[float, float, float]:
    """Share of the generator, and its and the judges' seconds for each second of wall time."""
    with (
        patch.object(engine, "is_heavy", lambda generator: heavy),
        patch.object(execute, "is_heavy", lambda generator: True),
    ):
        augment(load(data, test_fold="5").train, settings=settings, out=folder)
    events = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    shards = [event for event in events if event["event"] == "shard"]
    started = min(event["time"] - event["total_s"] for event in shards)
    wall = max(event["time"] for event in shards) - started
    made, judged = (sum(event[name] for event in shards) for name in ("generate_s", "judge_s"))
    return made / wall, made, judged


def main() -> None:
    """Print both shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--generator", default="resynth", help="NAME or NAME:PATH")
    parser.add_argument("--clips", type=int, default=8, help="for each label")
    parser.add_argument("--steps", type=int, default=100, help="of denoising")
    parser.add_argument("--device", default="cpu")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        model = ModelSettings(num_inference_steps=asked.steps, device=asked.device, batch=8)
        settings = RunSettings(
            recipe="label_guided", generator=GeneratorSettings(name=asked.generator, model=model),
            amount=AmountSettings(per_label=asked.clips), rounds=0, shard_size=8,
        )  # fmt: skip
        for heavy in (False, True):
            share, made, judged = busy(Path(scratch) / f"run-{heavy}", asked.data, settings, heavy=heavy)
            kind = "two shards at a time" if heavy else "one shard at a time "
            print(f"{kind}: generator works {share:.1%} of the time ({made:.1f} s; judges {judged:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
