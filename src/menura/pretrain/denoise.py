"""A training run of a mel-image diffusion model: state, log, and a folder in the published layout at the end.

It is killed and goes on as if nothing had happened, like :mod:`menura.pretrain.train`. The loop lives here, above the
backends, because it needs them to build the network and to write the folder; the loss, which does not, is in
:mod:`menura.pretrain.denoiser`.
"""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from menura.backends.mel_diffusion import new_unet, save_model
from menura.datasets import load
from menura.errors import RunError
from menura.files import disk_errors, write_bytes, write_text
from menura.pretrain.denoiser import DenoiserLearner
from menura.pretrain.denoiser_images import TrainingImages
from menura.pretrain.denoiser_settings import SIZES, DenoiserSettings
from menura.seeding import canonical_json
from menura.types import Progress

__all__ = ["SAVE_EVERY", "train_denoiser"]

SAVE_EVERY = 200
"""Steps between two states on disk."""

STATE, IDENTITY, LOG = "state.safetensors", "training.json", "log.jsonl"


def train_denoiser(
    settings: DenoiserSettings, out: Path, *, device: str = "cpu", progress: Progress | None = None
) -> Path:
    """Trains a diffusion model of the mel images of a dataset's training part, or goes on where a run was stopped.

    Args:
        settings: What to train.
        out: Folder of the model; state, log and identity lie beside it.
        device: Where it computes.
        progress: Called after each step with the loss.

    Returns:
        ``out``, a model for the generator ``spectrogram-diffusion`` and for diffusers' ``AudioDiffusionPipeline``.

    Raises:
        DatasetError: The dataset cannot be read, or has no such fold.
        RunError: The folder holds a run with other settings or a damaged state, or cannot be written.
    """
    training = load(settings.data, test_fold=settings.test_fold).train
    settings = settings.model_copy(update={"training": training.fingerprint})
    _claim(out, settings)
    size, mel = SIZES[settings.size], settings.mel
    learner = DenoiserLearner(
        settings,
        lambda: new_unet(mel.mels, mel.frames, size.widths, layers=size.layers, attention=size.attention),
        device,
    )
    _load_state(learner, out / STATE)
    images, total = TrainingImages(training.clips, settings), 0.0
    for step in range(learner.step_number + 1, settings.steps + 1):
        loss = learner.step(images(step - 1))
        total += loss
        if step % SAVE_EVERY == 0 or step == settings.steps:
            mean, total = total / ((step - 1) % SAVE_EVERY + 1), 0.0
            with disk_errors(str(out)), (out / LOG).open("a", encoding="utf-8") as log:
                log.write(canonical_json({"step": step, "loss": round(mean, 5)}) + "\n")
            with disk_errors(str(out)):
                write_bytes(out / STATE, save(learner.tensors(), metadata={"step": str(learner.step_number)}))
        if progress is not None:
            progress(f"loss {loss:.4f}", step, settings.steps)
    save_model(out, learner.averaged, settings.noise, mel, card=_card(settings, training.name, len(training.clips)))
    return out


def _claim(out: Path, settings: DenoiserSettings) -> None:
    """Says whose folder it is. Where the data lies may change; which clips they are may not."""
    path, asked = out / IDENTITY, json.loads(settings.model_dump_json(exclude={"data"}))
    with disk_errors(str(out)):
        out.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_text(path, json.dumps(asked, indent=1) + "\n")
            return
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read ({error}); choose another folder, or delete this one") from error
    names = {"training": "training clips"}
    changed = [
        f"{names.get(name, name)} was {stored.get(name)}, is {value}"
        for name, value in asked.items()
        if stored.get(name) != value
    ]
    if changed:
        raise RunError(f"{out} holds a run with other settings ({'; '.join(changed)}); choose another folder with -o")


def _load_state(learner: DenoiserLearner, path: Path) -> None:
    """Goes on from a stored state; leaves the learner new when there is none."""
    if not path.exists():
        return
    try:
        with safe_open(path, framework="pt") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            learner.load(tensors, int(stored.metadata()["step"]))
    except (SafetensorError, OSError, RuntimeError, KeyError, ValueError) as error:
        raise RunError(f"{path} is damaged ({error}); delete it to train from the start") from error


def _card(settings: DenoiserSettings, name: str, clips: int) -> str:
    held_out = f", fold {settings.test_fold} held out" if settings.test_fold else ""
    return (
        f"# Mel-image diffusion model\n\nTrained from scratch by `menura diffusion train` on {clips} clips of "
        f"{name}{held_out}: {settings.steps} steps of {settings.batch} images, size {settings.size}, seed "
        f"{settings.seed}.\nIts images hold what the clips hold: the licences of the clips apply to it.\n"
    )
