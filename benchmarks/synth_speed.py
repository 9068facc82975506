"""Sounds a second of the synthesizer's voice, against SynthAX and torchsynth in one run on one core.

    python benchmarks/synth_speed.py --synthax SYNTHAX_ENV/bin/python --torchsynth TORCHSYNTH_ENV/bin/python

Each library lives in a process of its own, in an environment of its own, with one thread, and is asked in turn, so
that a busy machine disturbs all alike. SynthAX is timed after its compilation. Random parameters and rendering count,
for all three. Medians over repeats; without a peer's Python that peer is left out.

    pip install synthax==0.2.2
    pip install torch numpy && pip install "setuptools<81" && pip install --no-deps torchsynth==1.0.2
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import types
from collections.abc import Callable
from typing import Any

Render = Callable[[int, int], Any]
"""Makes so many sounds of a second: (which batch, how many)."""


def menura_sounds(rate: int) -> Render:
    """Ours."""
    import torch

    from menura.synth import Synthesizer, draw_sounds, voice_named

    torch.set_num_threads(1)
    synthesizer = Synthesizer(voice_named("voice"), sample_rate=rate)

    def render(batch: int, count: int) -> Any:
        with torch.inference_mode():
            keys = range(batch * count, (batch + 1) * count)
            return synthesizer.render(draw_sounds(synthesizer.space, seed=0, keys=keys))

    return render


def synthax_sounds(rate: int) -> Render:
    """SynthAX 0.2.2: parameters are drawn by a new key for each batch; compiled for each number of sounds."""
    import jax
    from synthax.config import SynthConfig
    from synthax.synth import Voice

    made: dict[int, Any] = {}

    def render(batch: int, count: int) -> Any:
        if count not in made:
            config = SynthConfig(batch_size=count, sample_rate=rate, buffer_size_seconds=1.0, control_rate=480)
            synth = Voice(config=config)
            made[count] = (jax.jit(synth.init), jax.jit(synth.apply))
        init, apply = made[count]
        return apply(init(jax.random.PRNGKey(batch))).block_until_ready()

    return render


def torchsynth_sounds(rate: int) -> Render:
    """torchsynth 1.0.2, whose import of an old Lightning is met with an empty stand-in."""
    import torch

    torch.set_num_threads(1)
    for name in ("pytorch_lightning", "pytorch_lightning.core", "pytorch_lightning.core.lightning"):
        sys.modules[name] = types.ModuleType(name)
    stand_in = type("LightningModule", (torch.nn.Module,), {"device": torch.device("cpu")})
    sys.modules["pytorch_lightning.core.lightning"].LightningModule = stand_in  # type: ignore[attr-defined]
    from torchsynth.config import SynthConfig
    from torchsynth.synth import Voice

    made: dict[int, Any] = {}

    def render(batch: int, count: int) -> Any:
        if count not in made:
            made[count] = Voice(
                SynthConfig(
                    batch_size=count, sample_rate=rate, buffer_size_seconds=1.0, control_rate=480, reproducible=False
                )
            )
        with torch.inference_mode():
            return made[count](batch)

    return render


MAKERS = {"menura": menura_sounds, "synthax": synthax_sounds, "torchsynth": torchsynth_sounds}


def serve(name: str) -> None:
    """Answers lines ``[rate, count, seconds]`` with sounds a second, after one batch that does not count."""
    made: dict[int, Render] = {}
    seen: set[tuple[int, int]] = set()
    batch = 0
    for line in sys.stdin:
        rate, count, seconds = json.loads(line)
        render = made.setdefault(rate, None) or MAKERS[name](rate)  # type: ignore[arg-type]
        made[rate] = render
        if (rate, count) not in seen:
            render(batch, count)
            seen.add((rate, count))
        done, started = 0, time.perf_counter()
        while time.perf_counter() - started < seconds or not done:
            batch += 1
            render(batch, count)
            done += count
        print(json.dumps(done / (time.perf_counter() - started)), flush=True)


class Peer:
    """A library in a process of its own."""

    def __init__(self, name: str, python: str) -> None:
        self.name = name
        limits = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        limits["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        core = ["taskset", "-c", "0"] if sys.platform == "linux" else []
        self._process = subprocess.Popen(
            [*core, python, __file__, "--serve", name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **limits},
        )  # fmt: skip

    def ask(self, rate: int, count: int, seconds: float) -> float:
        """Sounds a second."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps([rate, count, seconds]), file=self._process.stdin, flush=True)
        return float(json.loads(self._process.stdout.readline()))

    def stop(self) -> None:
        """Ends the process."""
        self._process.terminate()
        self._process.wait()


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", choices=list(MAKERS), help=argparse.SUPPRESS)
    parser.add_argument("--synthax", metavar="PYTHON")
    parser.add_argument("--torchsynth", metavar="PYTHON")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    asked = parser.parse_args()
    if asked.serve:
        serve(asked.serve)
        return
    pythons = {"menura": sys.executable, "synthax": asked.synthax, "torchsynth": asked.torchsynth}
    peers = [Peer(name, python) for name, python in pythons.items() if python]
    print("rate, sounds in a batch: sounds a second (median)")
    try:
        for rate in (16_000, 44_100):
            for count in (1, 16, 64, 128):
                found: dict[str, list[float]] = {peer.name: [] for peer in peers}
                for _ in range(asked.repeats):
                    for peer in peers:
                        found[peer.name].append(peer.ask(rate, count, asked.seconds))
                medians = {name: statistics.median(values) for name, values in found.items()}
                best = max((value for name, value in medians.items() if name != "menura"), default=None)
                ratio = f"; {medians['menura'] / best:.2f} times the better peer" if best else ""
                print(
                    f"{rate} Hz, {count}: {', '.join(f'{n} {v:,.0f}' for n, v in medians.items())}{ratio}", flush=True
                )
    finally:
        for peer in peers:
            peer.stop()


if __name__ == "__main__":
    main()
