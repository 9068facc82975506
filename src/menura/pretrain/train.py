"""The training loop: render pairs, change the views, embed, pull together and apart. Nothing is on disk but the state.

A run is killed and goes on as if nothing had happened: every step draws its sounds from its own number, and the state
is written whole or not at all.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from menura.datasets import load
from menura.encoders.front_end import front_end_record
from menura.encoders.network import decay_groups, new_network
from menura.encoders.stages import StagedNetwork
from menura.errors import ConfigError, RunError
from menura.files import disk_errors, write_bytes, write_text
from menura.pretrain.batches import BatchMaker, batches
from menura.pretrain.losses import pair_loss
from menura.pretrain.masked import PatchHead, masked_loss, patch_mask
from menura.pretrain.place import HERE, Place
from menura.pretrain.settings import PretrainSettings
from menura.seeding import canonical_json, item_generator, item_seed
from menura.types import Progress

__all__ = ["SAVE_EVERY", "learning_rate", "pretrain"]

SAVE_EVERY = 100
"""Steps between two states on disk."""

_MAX_GRADIENT = 5.0
_MILESTONES = (0.775, 0.85, 0.925)

STATE, IDENTITY, ENCODER = "state.safetensors", "pretrain.json", "encoder.safetensors"


@dataclass
class _Run:
    """Network, projection and optimiser at some step. The only thing here that changes."""

    network: StagedNetwork
    projection: nn.Module
    patches: PatchHead | None
    optimiser: torch.optim.Optimizer
    step: int = 0


def pretrain(
    settings: PretrainSettings,
    out: Path,
    *,
    workers: int = 0,
    place: Place = HERE,
    progress: Progress | None = None,
) -> Path:
    """Trains an encoder on synthetic pairs, or goes on where a run was stopped.

    Args:
        settings: What to train.
        out: Folder for state, log and the finished encoder.
        workers: Processes that render ahead; on a graphics card none do, it renders itself.
        place: Where this process computes, and which of several it is.
        progress: Called after each step.

    Returns:
        File of the encoder, for :class:`menura.encoders.learned.LearnedEncoder`.

    Raises:
        RunError: The folder holds a run with other settings or a damaged state, or cannot be written.
        ConfigError: ``settings.processes`` is not the number of processes there are.
    """
    if settings.processes != place.processes:
        raise ConfigError(f"processes is {settings.processes}, but {place.processes} were started")
    if place.writes:
        _claim(out, settings)
    place.wait()
    run = _new_run(settings, place.device)
    _load_state(run, out / STATE)
    make = BatchMaker(settings, _recordings(settings), place.number, place.device)
    workers = workers if place.device == "cpu" else 0
    views = batches(make, run.step * settings.accumulate, settings.steps * settings.accumulate, workers=workers)
    while run.step < settings.steps:
        loss = _step(run, settings, views, place)
        if not place.writes:
            continue
        if progress is not None:
            progress(f"loss {loss:.3f}", run.step, settings.steps)
        if run.step % SAVE_EVERY == 0 or run.step == settings.steps:
            with (out / "log.jsonl").open("a", encoding="utf-8") as log:
                log.write(canonical_json({"step": run.step, "loss": round(loss, 5)}) + "\n")
            _save_state(run, out / STATE)
    if place.writes:
        _save_encoder(run.network, settings, out / ENCODER)
    place.wait()
    return out / ENCODER


def _recordings(settings: PretrainSettings) -> tuple[str, ...]:
    """Files of the training part, where the pairs come from recordings."""
    if settings.data is None:
        return ()
    return tuple(clip.path for clip in load(settings.data, test_fold=settings.test_fold).train.clips)


def _step(run: _Run, settings: PretrainSettings, views: Iterator[Tensor], place: Place) -> float:
    """One optimiser step; returns the loss before it, of this process."""
    for group in run.optimiser.param_groups:
        group["lr"] = learning_rate(run.step, settings)
    run.optimiser.zero_grad(set_to_none=True)
    total = 0.0
    for _ in range(settings.accumulate):
        loss = _loss(run, settings, next(views).to(place.device))
        (loss / settings.accumulate).backward()  # type: ignore[no-untyped-call]
        total += float(loss.detach()) / settings.accumulate
    weights = [weight for group in run.optimiser.param_groups for weight in group["params"]]
    place.average(weights)
    nn.utils.clip_grad_norm_(weights, _MAX_GRADIENT)
    run.optimiser.step()
    run.step += 1
    return total


def _loss(run: _Run, settings: PretrainSettings, levels: Tensor) -> Tensor:
    """Of the views of one batch, by the objective."""
    loss = levels.new_zeros(())
    half = torch.autocast(levels.device.type, torch.bfloat16, enabled=settings.precision == "bfloat16")
    if settings.objective != "masked":
        with half:
            seen = run.network(levels)
        projected = run.projection(seen.float())
        loss = loss + pair_loss(settings.objective, projected[: settings.pairs], projected[settings.pairs :])
    if run.patches is not None:
        generator = item_generator(settings.seed, "hidden", run.step)
        hidden = patch_mask(*levels.shape, stride=run.patches.stride, generator=generator).to(levels.device)
        with half:
            maps = run.network.maps(levels.masked_fill(hidden, settings.ears.floor))[-1]
        told = run.patches(maps.float(), *levels.shape[1:])
        loss = loss + masked_loss(told, levels, hidden, unit_db=settings.ears.unit_db)
    return loss


def learning_rate(step: int, settings: PretrainSettings) -> float:
    """Of a step: a tenth of the steps up, then half a cosine down to zero; or a tenth at each milestone.

    Source:
        Milestones: Cherep and Singh 2024, arXiv:2406.05923, epochs 155, 170 and 185 of 200.
    """
    if settings.schedule == "milestones":
        passed = sum(step >= share * settings.steps for share in _MILESTONES)
        return settings.learning_rate * 0.1**passed
    warm = max(1, settings.steps // 10)
    down = min(max(0.0, (step - warm) / max(1, settings.steps - warm)), 1.0)
    return settings.learning_rate * min((step + 1) / warm, 0.5 + 0.5 * math.cos(math.pi * down))


def _new_run(settings: PretrainSettings, device: str) -> _Run:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(item_seed(settings.seed, "weights") % 2**63)
        network = new_network(settings.shape)
        projection = _projection(settings)
        patches = (
            PatchHead(settings.shape.widths[-1], settings.shape.stride) if "masked" in settings.objective else None
        )
    for part in (network, projection, *((patches,) if patches is not None else ())):
        part.to(device).train()
    heads = [*projection.parameters(), *(patches.parameters() if patches is not None else ())]
    groups = decay_groups([*network.parameters(), *heads], settings.weight_decay)
    kind = torch.optim.SGD if settings.optimiser == "sgd" else torch.optim.AdamW
    return _Run(network, projection, patches, kind(groups, lr=settings.learning_rate))


def _projection(settings: PretrainSettings) -> nn.Module:
    """What stands between the network and the loss while it trains."""
    dim = settings.shape.dim
    if not settings.projection:
        return nn.Identity()
    return nn.Sequential(
        nn.Linear(dim, dim, bias=False), nn.BatchNorm1d(dim), nn.ReLU(), nn.Linear(dim, settings.projection)
    )


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
    if run.patches is not None:
        named |= {f"patches.{name}": tensor for name, tensor in run.patches.state_dict().items()}
    for index, state in run.optimiser.state_dict()["state"].items():
        named |= {f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in state.items()}
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in named.items()}


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
        if run.patches is not None:
            run.patches.load_state_dict(_part(tensors, "patches."))
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


def _save_encoder(network: StagedNetwork, settings: PretrainSettings, path: Path) -> None:
    """Weights in half precision, and what is needed to use them."""
    weights = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).cpu().contiguous()
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    about = {
        "front_end": front_end_record(settings.ears),
        "shape": asdict(settings.shape),
        "readout": asdict(settings.readout),
        "recipe": settings.model_dump(mode="json"),
    }
    with disk_errors(str(path)):
        write_bytes(path, save(weights, metadata={"menura": canonical_json(about)}))
