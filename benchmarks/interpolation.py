"""Does the recipe ``interpolation``, with a model trained from scratch on the training folds, help? Beside ``resynth``.

    python benchmarks/interpolation.py shared/data/esc10 -o benchmarks/out/interpolation

For each test fold a diffusion model is trained on the other folds, by ``menura diffusion train``'s own code; then the
protocol of ``menura evaluate`` runs twice, with the same seeds, amounts and arms: once on clips between two real ones,
once on resynthesized ones. No fold's model has heard its test clips. Run it again to go on after a stop, or with more
``--seeds``. With the defaults, training takes a
quarter of an hour on two quiet cores, and the clips of a seed twenty minutes.
Prints seconds per training step, and both results with their intervals.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import menura
from menura.classify.results import EvaluationResult
from menura.config import AmountSettings, GeneratorSettings, InterpolationSettings, ModelSettings, RunSettings
from menura.datasets.dataset import TrainingPart
from menura.pipeline.threads import one_thread
from menura.pretrain.denoise import train_denoiser
from menura.pretrain.denoiser_settings import DenoiserSettings
from menura.studies.job import RunLike, augment_run
from menura.studies.splits import dataset_splits

ARMS = ("real", "oversample", "classic", "synthetic", "synthetic+classic")


def train_fold(asked: argparse.Namespace, fold: str) -> float:
    """Trains the model of a test fold, or goes on with it; seconds per step of this call."""
    settings = DenoiserSettings(
        data=asked.data, test_fold=fold, size=asked.size, steps=asked.train_steps, batch=asked.batch,
        sample_rate=asked.sample_rate, precision=asked.precision,
    )  # fmt: skip
    steps: list[int] = []
    started = time.monotonic()
    with one_thread():
        train_denoiser(settings, asked.out / "models" / fold, progress=lambda _, done, total: steps.append(done))
    return (time.monotonic() - started) / max(1, len(steps))


def run_of_fold(models: Path, training: TrainingPart, out: Path, settings: RunSettings) -> RunLike:
    """The run of a training part, by the model that was trained without the one fold that the part lacks."""
    held_out = {folder.name for folder in models.iterdir()} - {str(clip.fold) for clip in training.clips}
    if len(held_out) != 1:
        raise SystemExit(
            f"{out.name} lacks folds {sorted(held_out)} of those in {models}, expected one: delete {models}"
        )
    folder = models / held_out.pop()
    if json.loads((folder / "training.json").read_text())["test_fold"] != folder.name:
        raise SystemExit(f"{folder} was trained with another fold held out; delete it and start anew")
    model = settings.generator.model.model_copy(update={"path": str(folder)})
    generator = settings.generator.model_copy(update={"model": model})
    return augment_run(training, out, settings.model_copy(update={"generator": generator}))


def evaluated(asked: argparse.Namespace, recipe: str, generator: GeneratorSettings) -> EvaluationResult:
    """The protocol of ``menura evaluate`` for one recipe."""
    settings = RunSettings(recipe=recipe, generator=generator, amount=AmountSettings(times=asked.times))
    make_run = partial(run_of_fold, asked.out / "models") if recipe == "interpolation" else augment_run
    return menura.evaluate(
        menura.datasets.load(asked.data), out=asked.out / recipe, settings=settings, seeds=asked.seeds, arms=ARMS,
        classifier=asked.classifier, steps=asked.steps, workers=asked.workers, make_run=make_run,
        progress=lambda stage, done, total: print(f"{recipe}: {stage} {done}/{total}", flush=True),
    )  # fmt: skip


def show(recipe: str, result: EvaluationResult) -> None:
    """Arms, gains and verdict."""
    print(f"\n{recipe}: {result.verdict}")
    for arm in result.arms:
        low, high = (100 * end for end in arm.interval)
        print(f"  {arm.name:20} {100 * arm.accuracy:5.1f} % ({low:.1f} to {high:.1f}), {arm.clips:.0f} clips")
    for item in result.differences:
        low, high = (100 * end for end in item.interval)
        print(f"  {item.arm} over {item.baseline}: {100 * item.gain:+.1f} points ({low:+.1f} to {high:+.1f})")
    rates = [label.keep_rate for label in result.labels_gained if label.keep_rate is not None]
    if rates:
        print(f"  kept of the candidates: {100 * sum(rates) / len(rates):.0f} %")


def main() -> None:
    """Read the arguments, train, evaluate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--size", default="small", help="tiny, small or large")
    parser.add_argument("--train-steps", type=int, default=480, help="optimiser steps of each model")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--sample-rate", type=int, default=16_000)
    parser.add_argument("--precision", choices=["float32", "bfloat16"], default="bfloat16")
    parser.add_argument("--denoising-steps", type=int, default=20)
    parser.add_argument("--refinements", type=int, default=1)
    parser.add_argument("--alpha", type=float, nargs=2, default=(0.5, 0.5), metavar=("LEAST", "MOST"))
    parser.add_argument("--times", type=float, default=1.0, help="synthetic clips for each real one")
    parser.add_argument("--classifier", default="linear")
    parser.add_argument("--steps", type=int, help="optimiser steps of the classifier")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    folds = [split.name for split in dataset_splits(menura.datasets.load(asked.data), None)[0]]
    started = time.monotonic()
    with ProcessPoolExecutor(asked.workers, get_context("spawn")) as pool:
        for fold, seconds in zip(folds, pool.map(partial(train_fold, asked), folds), strict=True):
            print(f"model of fold {fold}: {seconds:.2f} s a step", flush=True)
    print(f"training took {time.monotonic() - started:.0f} s", flush=True)
    model = ModelSettings(
        num_inference_steps=asked.denoising_steps, device="cpu",
        interpolation=InterpolationSettings(alpha=tuple(asked.alpha), refinements=asked.refinements),
    )  # fmt: skip
    between = evaluated(asked, "interpolation", GeneratorSettings(name="spectrogram-diffusion", model=model))
    print(f"with evaluation {time.monotonic() - started:.0f} s", flush=True)
    beside = evaluated(asked, "resynth", GeneratorSettings())
    show("interpolation", between)
    show("resynth", beside)


if __name__ == "__main__":
    # Worker processes of the evaluation import nothing of the program that started them: it has to be a module.
    here = str(Path(__file__).resolve().parent)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))
    importlib.import_module("interpolation").main()
