"""The training loop: render pairs, change the views, embed, pull together and apart. Nothing is on disk but the state.

A run is killed and goes on as if nothing had happened: every step draws its sounds from its own number, and the state
is written whole or not at all.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from menura.encoders.network import FrontEnd, NetworkShape, SoundNetwork
from menura.encoders.readout import Readout
from menura.errors import RunError
from menura.files import disk_errors, write_bytes, write_text
from menura.pretrain.batches import BatchMaker, batches
from menura.pretrain.losses import pair_loss
from menura.pretrain.settings import PretrainSettings
from menura.seeding import canonical_json, item_seed
from menura.types import Progress

__all__ = ["SAVE_EVERY", "pretrain"]

SAVE_EVERY = 100
"""Steps between two states on disk."""

_MAX_GRADIENT = 5.0

STATE, IDENTITY, ENCODER = "state.safetensors", "pretrain.json", "encoder.safetensors"


@dataclass
class _Run:
    """Network, projection and optimiser at some step. The only thing here that changes."""

    network: SoundNetwork
    projection: nn.Module
    optimiser: torch.optim.AdamW
    step: int = 0


def pretrain(settings: PretrainSettings, out: Path, *, workers: int = 0, progress: Progress | None = None) -> Path:
    """Trains an encoder on synthetic pairs, or goes on where a run was stopped.

    Args:
        settings: What to train.
        out: Folder for state, log and the finished encoder.
        workers: Processes that render ahead.
        progress: Called after each step.

    Returns:
        File of the encoder, for :class:`menura.encoders.learned.LearnedEncoder`.

    Raises:
        RunError: The folder holds a run with other settings or a damaged state, or cannot be written.
    """
    front_end = FrontEnd(sample_rate=settings.sample_rate, max_hz=settings.sample_rate / 2)
    _claim(out, settings)
    run = _new_run(settings)
    _load_state(run, out / STATE)
    make = BatchMaker(settings, front_end)
    for levels in batches(make, run.step, settings.steps, workers=workers):
        loss = _step(run, settings, levels)
        if progress is not None:
            progress(f"loss {loss:.3f}", run.step, settings.steps)
        if run.step % SAVE_EVERY == 0 or run.step == settings.steps:
            with (out / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(canonical_json({"step": run.step, "loss": round(loss, 5)}) + "\n")
            _save_state(run, out / STATE)
    _save_encoder(run.network, settings, front_end, out / ENCODER)
    return out / ENCODER


def _step(run: _Run, settings: PretrainSettings, levels: Tensor) -> float:
    """One optimiser step; returns the loss before it."""
    for group in run.optimiser.param_groups:
        group["lr"] = _learning_rate(run.step, settings)
    with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision == "bfloat16"):
        seen = run.network(levels)
    projected = run.projection(seen.float())
    loss = pair_loss(settings.objective, projected[: settings.pairs], projected[settings.pairs :])
    run.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_([*run.network.parameters(), *run.projection.parameters()], _MAX_GRADIENT)
    run.optimiser.step()
    run.step += 1
    return float(loss.detach())


def _learning_rate(step: int, settings: PretrainSettings) -> float:
    """A tenth of the steps up, then half a cosine down to zero."""
    warm = max(1, settings.steps // 10)
    down = min(max(0.0, (step - warm) / max(1, settings.steps - warm)), 1.0)
    return settings.learning_rate * min((step + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * down))


def _new_run(settings: PretrainSettings) -> _Run:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(item_seed(settings.seed, "weights") % 2**63)
        shape = NetworkShape(settings.widths, settings.layers)
        network = SoundNetwork(shape).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        projection = nn.Sequential(
            nn.Linear(shape.dim, shape.dim, bias=False), nn.BatchNorm1d(shape.dim), nn.ReLU(),
            nn.Linear(shape.dim, settings.projection),
        )  # fmt: skip
    network.train()
    projection.train()
    weights = [*network.parameters(), *projection.parameters()]
    groups = [
        {"params": [w for w in weights if w.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [w for w in weights if w.ndim <= 1], "weight_decay": 0.0},
    ]
    return _Run(network, projection, torch.optim.AdamW(groups, lr=settings.learning_rate))


def _claim(out: Path, settings: PretrainSettings) -> None:
    path, asked = out / IDENTITY, json.loads(settings.model_dump_json())
    with disk_errors(str(out)):
        out.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_text(path, json.dumps(asked, indent=1) + "\n")
            return
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read ({error}); choose another folder, or delete this one") from error
    changed = [
        f"{name} was {stored.get(name)}, is {value}" for name, value in asked.items() if stored.get(name) != value
    ]
    if changed:
        raise RunError(f"{out} holds a run with other settings ({'; '.join(changed)}); choose another folder with -o")


def _tensors(run: _Run) -> dict[str, Tensor]:
    """All that a step changes, by name."""
    named = {f"network.{name}": tensor for name, tensor in run.network.state_dict().items()}
    named |= {f"projection.{name}": tensor for name, tensor in run.projection.state_dict().items()}
    for index, state in run.optimiser.state_dict()["state"].items():
        named |= {f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in state.items()}
    return {name: tensor.detach().contiguous().clone() for name, tensor in named.items()}


def _save_state(run: _Run, path: Path) -> None:
    with disk_errors(str(path)):
        write_bytes(path, save(_tensors(run), metadata={"step": str(run.step)}))


def _load_state(run: _Run, path: Path) -> None:
    """Puts a stored state into the run; leaves it new when there is none."""
    if not path.exists():
        return
    try:
        with safe_open(path, framework="pt") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            step = int(stored.metadata()["step"])
        run.network.load_state_dict(_part(tensors, "network."))
        run.projection.load_state_dict(_part(tensors, "projection."))
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _part(tensors, "optimiser.").items():
            index, field = name.split(".", 1)
            state.setdefault(int(index), {})[field] = tensor
        run.optimiser.load_state_dict({**run.optimiser.state_dict(), "state": state})
    except (SafetensorError, OSError, RuntimeError, KeyError, ValueError) as error:
        raise RunError(f"{path} is damaged ({error}); delete it to train from the start") from error
    run.step = step


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _save_encoder(network: SoundNetwork, settings: PretrainSettings, front_end: FrontEnd, path: Path) -> None:
    """Weights in half precision, and what is needed to use them."""
    weights = {
        name: tensor.half().contiguous() if tensor.is_floating_point() else tensor
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    about = {
        "front_end": asdict(front_end),
        "shape": asdict(NetworkShape(settings.widths, settings.layers)),
        "readout": asdict(Readout()),
        "recipe": settings.model_dump(mode="json"),
    }
    with disk_errors(str(path)):
        write_bytes(path, save(weights, metadata={"menura": canonical_json(about)}))
