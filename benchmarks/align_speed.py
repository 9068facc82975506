"""Memory and speed of a step of LoRA-DPO on a text-to-audio model, counted on shapes, and measured where a device is.

    python benchmarks/align_speed.py --size tiny                                  # both models, processor
    python benchmarks/align_speed.py --device meta                                # real sizes, counted only
    python benchmarks/align_speed.py --model stable-audio --device cuda --checkpointing

Weights are random and are built here: nothing is downloaded. ``--device meta`` counts what autograd would keep for the
published configurations, without weights and in seconds; attention is counted as on a graphics card, without a table.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
import text_to_audio
import torch

from menura.backends.adapters import attach_lora, attach_prefix, checkpoint_gradients
from menura.backends.registry import load_generator
from menura.backends.text_to_audio.training import encoders_to
from menura.backends.training_memory import TrainingEstimate, estimate_training
from menura.backends.weights.loading import quiet
from menura.config import GeneratorSettings, ModelSettings
from menura.diffusion.pairs import draw_batch, pair_errors
from menura.diffusion.preference import anchored_loss, dpo_loss
from menura.types import Recording

_PROMPT = "the sound of a dog that barks far away"
_WARM_UP = 2


def main() -> None:
    """Print one JSON object for each model, and on ``meta`` one for each way to train it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("stable-audio", "audioldm2"), action="append", help="default: both")
    parser.add_argument("--size", choices=("tiny", "real"), default="real")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default=None, help="default: bfloat16 if real")
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=None, help="of a clip; default 10, tiny 0.5")
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--adapter", choices=("lora", "prefix"), default="lora")
    parser.add_argument("--checkpointing", action="store_true", help="on meta both ways are counted")
    parser.add_argument("--steps", type=int, default=10)
    asked = parser.parse_args()
    asked.precision = asked.precision or ("float32" if asked.size == "tiny" else "bfloat16")
    asked.seconds = asked.seconds or (0.5 if asked.size == "tiny" else 10.0)
    if asked.device == "cpu":
        torch.set_num_threads(1)
    for name in asked.model or ("stable-audio", "audioldm2"):
        if asked.device == "meta":
            for checkpointing in (False, True):
                print(json.dumps(counted(name, asked, checkpointing)), flush=True)
            continue
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measured(name, asked, Path(folder) / "model")), flush=True)


def attach(asked: argparse.Namespace, trainee: Any) -> Any:
    """The adapter that was asked for."""
    return attach_lora(trainee, rank=asked.rank) if asked.adapter == "lora" else attach_prefix(trainee)


def counted(name: str, asked: argparse.Namespace, checkpointing: bool) -> dict[str, Any]:
    """The estimate for the published size, from shapes."""
    trainee, latents, conditions = hollow(name, asked)
    found = estimate_training(
        trainee, lambda one: attach(asked, one), latents=latents, conditions=conditions, pairs=asked.pairs,
        checkpointing=checkpointing,
    )  # fmt: skip
    return facts(name, asked, checkpointing) | said(found)


def hollow(name: str, asked: argparse.Namespace) -> tuple[Any, torch.Tensor, dict[str, torch.Tensor]]:
    """A trainee of the published size without numbers, and latents and conditions of one clip."""
    if asked.size != "real":
        raise SystemExit("--device meta counts the real sizes: leave out --size tiny")
    empty = SimpleNamespace
    with torch.device("meta"):
        net = text_to_audio.real_transformer() if name == "stable-audio" else text_to_audio.real_unet()
    with quiet():
        net.to(getattr(torch, asked.precision))
    if name == "stable-audio":
        from menura.backends.text_to_audio.stable_audio_training import StableAudioTrainee

        pipeline = empty(
            transformer=net, rotary_embed_dim=net.config.attention_head_dim // 2,
            vae=empty(config=empty(sampling_rate=44100, audio_channels=2), hop_length=2048),
            scheduler=empty(config=empty(sigma_data=1.0, prediction_type="v_prediction")),
        )  # fmt: skip
        told = {"context": torch.empty(1, 130, 768), "whole": torch.empty(1, 1, 1536)}
        return StableAudioTrainee(pipeline, list), torch.empty(1, 64, 1024), told
    from menura.backends.text_to_audio.audioldm2_training import AudioLDM2Trainee

    schedule = {"beta_start": 0.0015, "beta_end": 0.0195, "beta_schedule": "scaled_linear"}
    pipeline = empty(
        unet=net, vocoder=empty(config=empty(sampling_rate=16000)), scheduler=empty(config=schedule)
    )  # fmt: skip
    told = {"generated": torch.empty(1, 8, 768), "texts": torch.empty(1, 32, 1024), "mask": torch.empty(1, 32)}
    return AudioLDM2Trainee(pipeline, list), torch.empty(1, 8, math.ceil(asked.seconds * 25), 16), told


def measured(name: str, asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Steps of training, timed, with the peak of memory and what the estimate said before."""
    text_to_audio.build(name, "small" if asked.size == "tiny" else "real", folder)
    settings = ModelSettings(path=str(folder), device=asked.device, precision=asked.precision)
    generator: Any = load_generator(GeneratorSettings(name=name, model=settings))
    trainee = generator.trainee()
    winner, loser = (trainee.latents(clips(trainee, asked, kind)).to(asked.device) for kind in (0, 1))
    told = trainee.conditions([_PROMPT] * asked.pairs, asked.seconds)
    encoders_to(trainee, "cpu")
    estimate = estimate_training(
        trainee, lambda one: attach(asked, one), latents=winner, conditions=told, pairs=asked.pairs,
        checkpointing=asked.checkpointing,
    )  # fmt: skip
    adapter = attach(asked, trainee)
    if asked.checkpointing:
        checkpoint_gradients(trainee)
    optimiser = torch.optim.AdamW(adapter.parameters(), lr=1e-5)
    on_card = winner.is_cuda
    if on_card:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    clock = time.perf_counter if on_card else time.process_time
    started = 0.0
    for number in range(_WARM_UP + asked.steps):
        if number == _WARM_UP:
            if on_card:
                torch.cuda.synchronize()
            started = clock()
        draws = draw_batch(winner, told, torch.Generator().manual_seed(number)).to(asked.device)
        model = pair_errors(trainee.predict, trainee.path, winner=winner, loser=loser, draws=draws)
        with adapter.reference():
            before = pair_errors(trainee.predict, trainee.path, winner=winner, loser=loser, draws=draws)
        preference = dpo_loss(model.winner, model.loser, before.winner, before.loser, beta=2000)
        anchored_loss(preference, model.winner, anchor=1.0).mean().backward()
        optimiser.step()
        optimiser.zero_grad()
    if on_card:
        torch.cuda.synchronize()
    taken = clock() - started
    peak = torch.cuda.max_memory_allocated() if on_card else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return facts(name, asked, asked.checkpointing) | said(estimate) | {
        "steps_per_s": round(asked.steps / taken, 3), "peak_gb": round(peak / 1e9, 3),
        "peak_is_of": "the graphics card" if on_card else "the whole process",
    }  # fmt: skip


def clips(trainee: Any, asked: argparse.Namespace, kind: int) -> list[Recording]:
    """Noise."""
    samples, random = int(asked.seconds * trainee.sample_rate), np.random.default_rng(kind)
    shape = (asked.pairs, trainee.channels, samples)
    return [Recording(one, trainee.sample_rate) for one in random.normal(0, 0.1, shape).astype(np.float32)]


def facts(name: str, asked: argparse.Namespace, checkpointing: bool) -> dict[str, Any]:
    """What was asked for."""
    return {
        "model": name, "size": asked.size, "device": asked.device, "precision": asked.precision, "pairs": asked.pairs,
        "seconds": asked.seconds, "adapter": asked.adapter, "rank": asked.rank if asked.adapter == "lora" else None,
        "checkpointing": checkpointing,
    }  # fmt: skip


def said(estimate: TrainingEstimate) -> dict[str, Any]:
    """The estimate in gigabytes and teraoperations."""
    names = ("weights", "adapter", "gradients", "optimiser", "average", "activations", "total")
    return {f"{part}_gb": round(getattr(estimate, part) / 1e9, 4) for part in names} | {
        "teraoperations_per_step": round(estimate.operations / 1e12, 4)
    }


if __name__ == "__main__":
    main()
