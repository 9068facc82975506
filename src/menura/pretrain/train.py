"""The training loop: render pairs, change the views, embed, pull together and apart. Nothing is on disk but the state.

A run is killed and goes on as if nothing had happened: every step draws its sounds from its own number, and the state
is written whole or not at all.
"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path

from safetensors.torch import save

from menura.datasets import load
from menura.encoders.front_end import front_end_record
from menura.encoders.stages import StagedNetwork
from menura.errors import ConfigError
from menura.files import disk_errors, write_bytes
from menura.formats import ENCODER as ENCODER_FORMAT
from menura.lock import locked
from menura.pretrain.batches import BatchMaker, batches
from menura.pretrain.learner import Learner
from menura.pretrain.place import HERE, Place
from menura.pretrain.settings import PretrainSettings
from menura.pretrain.state import claim, load_state, save_state, tidy
from menura.seeding import canonical_json
from menura.types import Progress

__all__ = ["ENCODER", "SAVE_EVERY", "pretrain"]

SAVE_EVERY = 100
"""Steps between two states on disk."""

STATE, IDENTITY, ENCODER, LOG = "state.safetensors", "pretrain.json", "encoder.safetensors", "log.jsonl"


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
    with locked(out) if place.writes else nullcontext():
        if place.writes:
            claim(out / IDENTITY, settings.model_dump(mode="json"))
        place.wait()
        learner = Learner(settings, place)
        load_state(learner, out / STATE)
        if place.writes:
            tidy(out, out / LOG, learner.step_number)
        make = BatchMaker(settings, _recordings(settings), place.number, place.device)
        workers = workers if place.device == "cpu" else 0
        start = learner.step_number
        views = batches(make, start * settings.accumulate, settings.steps * settings.accumulate, workers=workers)
        for step in range(start + 1, settings.steps + 1):
            loss = learner.step(views)
            if not place.writes:
                continue
            if progress is not None:
                progress(f"loss {loss:.3f}", step, settings.steps)
            if step % SAVE_EVERY == 0 or step == settings.steps:
                with disk_errors(str(out)), (out / LOG).open("a", encoding="utf-8") as log:
                    log.write(canonical_json({"step": step, "loss": round(loss, 5)}) + "\n")
                save_state(learner, out / STATE)
        if place.writes:
            _save_encoder(learner.network, settings, out / ENCODER)
        place.wait()
    return out / ENCODER


def _recordings(settings: PretrainSettings) -> tuple[str, ...]:
    """Files of the training part, where the pairs come from recordings."""
    if settings.data is None:
        return ()
    return tuple(clip.path for clip in load(settings.data, test_fold=settings.test_fold).train.clips)


def _save_encoder(network: StagedNetwork, settings: PretrainSettings, path: Path) -> None:
    """Weights in half precision, and what is needed to use them."""
    weights = {
        name: (tensor.half() if tensor.is_floating_point() else tensor).cpu().contiguous()
        for name, tensor in network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    recipe = settings.model_dump(mode="json")
    if settings.data is not None:
        recipe["data"] = Path(settings.data).name  # an encoder is passed on; where its maker keeps files is not
    about = {
        "format": ENCODER_FORMAT.current,
        "front_end": front_end_record(settings.ears),
        "shape": asdict(settings.shape),
        "readout": asdict(settings.readout),
        "recipe": recipe,
    }
    with disk_errors(str(path)):
        write_bytes(path, save(weights, metadata={"menura": canonical_json(about)}))
