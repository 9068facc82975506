"""``menura demo``: the whole job on sounds that Menura makes itself."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from menura.cli.output import JsonFlag, console, emit_json, on_disk, progress_bar

if TYPE_CHECKING:
    from menura.classify.results import EvaluationResult
    from menura.datasets import Dataset
    from menura.pipeline.run import Run

__all__ = ["demo"]

_STEPS = 5
_TIMES, _QUICK_TIMES = 12, 4
_SEEDS, _QUICK_SEEDS = 3, 1
_CLIPS, _QUICK_CLIPS = (5, 30), (5, 12)
_ARMS = ("real", "oversample", "classic", "synthetic", "synthetic+classic")


def demo(
    out: Annotated[
        Path, typer.Option("-o", "--out", callback=on_disk, metavar="DIR", help="Where to put sounds, run and report.")
    ] = Path("menura-demo"),
    quick: Annotated[
        bool, typer.Option("--quick", help="Fewer clips and one seed: under a minute, wider intervals.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the sounds and of everything that is drawn.")] = 0,
    as_json: JsonFlag = False,
) -> None:
    """Example: menura demo

    Make a small labelled dataset of procedural sounds, audit it, grow it with synthetic clips, measure on test clips
    from other places and devices whether they help, and write the report. Each step shows the command that does the
    same on your own sounds. Run it again to go on after a stop.
    """
    from menura.files import write_text
    from menura.lock import locked

    sounds, folder = out / "demo-sounds", out / "run"
    with locked(out):  # another one would replace the sounds under this one's feet
        dataset = _make(sounds, seed, quick)
        audit = _audit(dataset, sounds)
        run = _augment(dataset, sounds, folder, seed, quick)
        write_text(folder / "audit.json", json.dumps(audit))
        result = _evaluate(dataset, run, folder, quick)
        report = _report(folder)
    if as_json:
        first = result.differences[0]
        emit_json(
            {
                "outcome": result.outcome,
                "verdict": result.verdict,
                "gain": first.gain,
                "interval": list(first.interval),
                "report": str(report),
            }
        )
        return
    typer.echo(f"\n{result.verdict}\n\n{report}")


def _say(step: int, title: str, command: str = "") -> None:
    from rich.text import Text

    out = console(stderr=True)
    out.print(Text.assemble("\n", (f"{step}/{_STEPS} {title}", "bold")))
    if command:
        out.print(Text(f"    $ {command}", style="cyan"))


def _remark(text: str) -> None:
    from rich.text import Text

    console(stderr=True).print(Text(f"    {text}", style="dim"))


def _make(folder: Path, seed: int, quick: bool) -> Dataset:
    from menura import datasets
    from menura.datasets.demo import make_demo_dataset

    _say(1, "Make ten kinds of sound. Training clips come from two rooms, test clips from many others.")
    make_demo_dataset(folder, seed=seed, clips_per_label=_QUICK_CLIPS if quick else _CLIPS)
    dataset = datasets.load(folder)
    _remark(
        f"{len(dataset.labels)} labels, {len(dataset.train.clips)} clips to train with, {len(dataset.test)} to test"
    )
    _remark(f"listen to them in {folder}")
    return dataset


def _audit(dataset: Dataset, sounds: Path) -> dict[str, object]:
    from menura import datasets

    _say(2, "Look for what is wrong with the data.", f"menura audit {sounds}")
    with progress_bar() as progress:
        report = datasets.audit(dataset, progress=progress)
    for finding in report.findings:
        _remark(f"{finding.severity}: {finding.message}")
    if not report.findings:
        _remark("nothing is unreadable, silent, clipped, duplicate or leaking")
    return report.to_json()


def _augment(dataset: Dataset, sounds: Path, folder: Path, seed: int, quick: bool) -> Run:
    from menura.recipes.augment import augment

    times = _QUICK_TIMES if quick else _TIMES
    command = f"menura augment {sounds} -o {folder} --times {times}" + (f" --seed {seed}" if seed else "")
    _say(3, "Make new clips from the training clips, and keep those that the judges let pass.", command)
    with progress_bar() as progress:
        run = augment(dataset.train, times=times, seed=seed, out=folder, progress=progress)
    rates = run.keep_rates().values()
    kept, made = (sum(getattr(rate, name) for rate in rates) for name in ("kept", "made"))
    _remark(f"{kept} kept of {made} made from {len(dataset.train.clips)} real ones")
    for finding in run.findings:
        _remark(f"{finding.severity}: {finding.message}")
    return run


def _evaluate(dataset: Dataset, run: Run, folder: Path, quick: bool) -> EvaluationResult:
    from menura.studies.evaluate import evaluate

    has_classic = importlib.util.find_spec("audiomentations") is not None
    arms = [arm for arm in _ARMS if has_classic or "classic" not in arm]
    seeds = _QUICK_SEEDS if quick else _SEEDS
    command = f"menura evaluate {folder} --arms {','.join(arms)} --seeds {seeds}"
    _say(4, "Train a classifier with them and without, and test on real clips.", command)
    with progress_bar() as progress:
        result = evaluate(dataset, run, arms=arms, seeds=seeds, progress=progress)
    for arm in result.arms:
        _remark(f"{arm.name:<18} {arm.accuracy:6.1%}   95 % interval {arm.interval[0]:.1%} to {arm.interval[1]:.1%}")
    if not has_classic:
        _remark("without the classic arms: pip install 'menura[classic]' adds them")
    return result


def _report(folder: Path) -> Path:
    from menura.report import write_report

    _say(_STEPS, "Write it all into one page, to hear and to show.", f"menura report {folder}")
    return write_report(folder)
